"""Leave and overtime are asked for on a phone, and decided by the manager on another."""

from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE = (360, 740)


async def sent(page: Any) -> None:
    """Wait until the page says what became of the form."""
    await page.wait_for_selector("[role=status], #problem")
    problem = page.locator("#problem")
    assert await problem.count() == 0, await problem.inner_text()
    await page.wait_for_load_state("networkidle")


async def ask_for_leave(page: Any, first: str, last: str, reason: str) -> None:
    form = page.locator("#leave-form")
    await form.locator("[name=kind]").select_option("personal")
    await form.locator("[name=starts_on]").fill(first)
    await form.locator("[name=ends_on]").fill(last)
    await form.locator("[name=reason]").fill(reason)
    await form.get_by_role("button").click()
    await sent(page)


async def test_leave_is_asked_for_and_approved_on_phones(visit: Any, site: Any) -> None:
    employee = await visit("employee", PHONE)
    page = await employee.open("/time-off")
    await ask_for_leave(page, "2025-09-15", "2025-09-17", "家中有事")
    assert "事假，2025-09-15 至 2025-09-17" in await page.inner_text("main")
    form = page.locator("#overtime-form")
    await form.locator("[name=on]").fill("2025-09-20")
    await form.locator("[name=minutes]").fill("180")
    await form.locator("[name=reason]").fill("上线值守")
    await form.get_by_role("button").click()
    await sent(page)

    manager = await visit("manager", PHONE, language="en-US")
    page = await manager.open("/approvals")
    name = site.people["employee"].name
    leave = page.locator("section.cardbox").filter(has_text="personal leave, 2025-09-15")
    assert name in await leave.inner_text()
    assert "家中有事" in await leave.inner_text()
    await leave.get_by_role("button", name="Approve").click()
    await sent(page)
    overtime = page.locator("section.cardbox").filter(has_text="Overtime on 2025-09-20")
    await overtime.get_by_text("Reject").first.click()
    await overtime.locator("textarea").fill("未事先安排")
    await overtime.get_by_role("button", name="Reject").click()
    await sent(page)

    page = await employee.open("/time-off")
    told = await page.inner_text("#t-requests")
    assert "已批准" in told
    assert "未事先安排" in told
    (own,) = site.asked("employee", "/employments")["data"]
    assert "2025-09-15" in str(own["leaves"])
    for seen in (employee, manager):
        assert await seen.violations() == []
        assert await seen.accessible() == []
        assert await seen.overflow() <= 0


async def test_a_request_is_withdrawn_and_asked_for_again(visit: Any, site: Any) -> None:
    seen = await visit("employee", PHONE, language="en-US")
    page = await seen.open("/time-off")
    await ask_for_leave(page, "2025-09-22", "2025-09-22", "搬家")
    waiting = page.locator("section[aria-labelledby=waiting] .cardbox").filter(
        has_text="2025-09-22"
    )
    await waiting.get_by_role("button", name="Withdraw").click()
    await sent(page)
    states = [
        row["state"]
        for row in site.asked("employee", "/time-requests")["data"]
        if row["starts_on"] == "2025-09-22"
    ]
    assert states == ["withdrawn"]
    await ask_for_leave(page, "2025-09-22", "2025-09-22", "搬家")
    # The same days twice are refused in words, and what was written is kept.
    form = page.locator("#leave-form")
    await form.locator("[name=starts_on]").fill("2025-09-22")
    await form.locator("[name=ends_on]").fill("2025-09-22")
    await form.locator("[name=reason]").fill("还是搬家")
    await form.get_by_role("button").click()
    await page.wait_for_selector("#problem")
    assert await page.locator("#leave-form [name=reason]").input_value() == "还是搬家"


async def test_why_somebody_is_away_is_not_told_to_finance(visit: Any, site: Any) -> None:
    seen = await visit("finance", PHONE)
    page = await seen.open("/time-off")
    assert "家中有事" not in await page.inner_text("main")
