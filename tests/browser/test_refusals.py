"""Why something was not done is told in the language of the page, down to the field."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)


async def refused(page: Any, form: str, **fields: str) -> str:
    """Send a form past the browser's own checks; what the page says about it."""
    at = page.locator(form)
    await at.evaluate("form => { form.noValidate = true; }")
    for name, value in fields.items():
        await at.locator(f"[name={name}]").fill(value)
    await at.get_by_role("button").last.click()
    await page.wait_for_selector("#problem")
    await page.wait_for_load_state("networkidle")
    return str(await page.inner_text("#problem"))


async def asked(site: Any) -> Any:
    """A request for leave of the employee, which waits."""
    (own,) = site.asked("employee", "/employments")["data"]
    days = {"starts_on": "2032-06-07", "ends_on": "2032-06-08"}
    body = {**days, "kind": "annual", "unpaid": False, "reason": "探亲"}
    return site.did("employee", f"/employments/{own['employment_id']}/leave-requests", body)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_refusal_is_chinese_in_a_chinese_console(
    visit: Any, site: Any, tmp_path: Path, *, size: tuple[int, int]
) -> None:
    seen = await visit("employee", size)
    page = await seen.open("/time-off")
    told = await refused(
        page, "#leave-form", starts_on="2031-05-06", ends_on="2031-05-04", reason="探亲"
    )
    assert "2031-05-04早于2031-05-06。" in told
    assert await page.locator("#problem [lang=en]").count() == 0
    await page.screenshot(path=tmp_path / "refused.png", full_page=True)

    page = await seen.open("/time-off")
    told = await refused(page, "#overtime-form", minutes="", reason="盘点")
    assert "表单填写不完整或有误。" in told
    assert "必填。" in told
    assert (await page.inner_text("#f-minutes-error")).strip() == "必填。"
    assert await page.locator("main [lang=en]").count() == 0
    await page.screenshot(path=tmp_path / "field.png", full_page=True)
    assert await seen.accessible() == []
    assert await seen.overflow() <= 0

    request = await asked(site)
    page = await seen.open("/time-off")
    site.did("employee", f"/time-requests/{request['id']}/withdraw", {})
    told = await refused(page, f"#withdraw-{request['id']}")
    assert "请重新查看后再决定。" in told
    assert "stale-version" in told
    assert await page.locator("#problem [lang=en]").count() == 0


async def test_a_refusal_is_english_in_an_english_console(visit: Any) -> None:
    seen = await visit("employee", PHONE, language="en-US")
    page = await seen.open("/time-off")
    told = await refused(
        page, "#leave-form", starts_on="2031-05-06", ends_on="2031-05-04", reason="Family"
    )
    assert "2031-05-04 is before 2031-05-06." in told
    page = await seen.open("/time-off")
    await refused(page, "#overtime-form", minutes="", reason="Counting")
    assert "required" in await page.inner_text("#f-minutes-error")
