"""What people do in the console, in real Chromium, and what of it the API then knows."""

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)


def knows(site: Any, appraisal_id: str) -> Any:
    """An appraisal as personnel sees it, up to date."""
    head = site.asked("hr", "/tenants/self")["position"]
    return site.asked("hr", f"/appraisals/{appraisal_id}", wait_for=head)


async def test_a_stranger_signs_in_as_a_person_of_the_demo(visit: Any, site: Any) -> None:
    seen = await visit(size=PHONE)
    page = await seen.open("/progress")
    assert "/console/sign-in?to=" in page.url
    assert await seen.accessible() == []
    assert await seen.violations() == []
    await page.get_by_role("button", name=site.people["employee"].name).click()
    await page.wait_for_url("**/console/progress")
    assert site.people["employee"].name in await page.inner_text("header")
    await page.locator("details.me > summary").click()
    await page.get_by_role("button", name="退出登录").click()
    await page.wait_for_url("**/console/sign-in")
    assert "/console/sign-in" in (await seen.open("")).url


async def test_an_access_key_opens_the_console_and_another_text_does_not(
    visit: Any, site: Any
) -> None:
    seen = await visit(language="en-US")
    page = await seen.open("/sign-in")
    await page.locator("#f-key").fill("mlk_nobody")
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_selector("#problem")
    assert "A valid access key is needed." in await page.inner_text("#problem")
    await page.locator("#f-key").fill(site.people["auditor"].secret)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/console")
    assert await page.locator("h1").inner_text() == "Start"


async def test_nobody_is_sent_elsewhere(visit: Any, site: Any) -> None:
    seen = await visit()
    page = await seen.open("/sign-in?to=https://elsewhere.example/console")
    await page.get_by_role("button", name=site.people["employee"].name).click()
    await page.wait_for_url(f"{site.address}/console")


async def test_both_sides_rate_and_the_deviation_is_explained(visit: Any, site: Any) -> None:
    row = next(
        each
        for each in site.of_team("manager", stage="initial-scored")
        if each["person_id"] == str(site.people["employee"].person_id)
    )
    at = f"/appraisals/{row['appraisal_id']}"
    own = await visit("employee", PHONE)
    page = await own.open("")
    await page.get_by_role("link", name="自评").first.click()
    await page.get_by_label("岗位责任").fill("95")
    await page.get_by_label("说明").fill("两个大项目按期回款。")
    # Whoever leaves without sending finds it again.
    page = await own.open(f"{at}/self-rating")
    assert await page.get_by_label("岗位责任").input_value() == "95"
    assert await page.get_by_role("button", name="放弃草稿").is_visible()
    await page.get_by_role("button", name="提交自评").click()
    await page.wait_for_selector(".note.good")
    assert knows(site, row["appraisal_id"])["self_submitted"] is True
    kept = await page.evaluate("Object.keys(localStorage).filter(k => k.startsWith('draft'))")
    assert kept == []

    manager = await visit("manager", PHONE, language="en-US")
    page = await manager.open(f"{at}/rating")
    assert "95" not in await page.inner_text("main")
    await page.get_by_label("岗位责任").fill("70")
    await page.get_by_role("button", name="Send the rating").click()
    await page.wait_for_selector("[role=status]")
    told = knows(site, row["appraisal_id"])
    assert told["stage"] == "deviation-pending"
    due = page.locator("section[aria-labelledby=reasons] form")
    assert await due.count() == 1
    assert "95" in await due.inner_text()
    await page.get_by_label("Reason for 岗位责任").fill("两个项目在期限之后才回款。")
    await page.get_by_role("button", name="Record the reason").click()
    await page.wait_for_selector("text=The reason was recorded.")
    told = knows(site, row["appraisal_id"])
    assert [each["explained"] for each in told["compared"] if each["flagged"]] == [True]
    assert await manager.violations() == []


async def test_points_out_of_range_are_told_with_the_next_step(visit: Any, site: Any) -> None:
    row = next(
        each for each in site.of_team("hr", stage="initial-scored") if not each["manager_submitted"]
    )
    seen = await visit("hr", PHONE, language="en-US")
    page = await seen.open(f"/appraisals/{row['appraisal_id']}/rating")
    fields = page.locator("input[name$='.points']")
    for at in range(await fields.count()):
        await fields.nth(at).fill("190")
    await page.get_by_label("Comment").fill("kept")
    await page.get_by_role("button", name="Send the rating").click()
    problem = page.locator("#problem")
    await problem.wait_for()
    assert "What to do" in await problem.inner_text()
    assert await page.get_by_label("Comment").input_value() == "kept"
    assert await fields.first.input_value() == "190"
    assert await seen.accessible() == []
    await fields.first.fill("many")
    await page.get_by_role("button", name="Send the rating").click()
    await page.wait_for_selector("[aria-invalid=true]")
    assert knows(site, row["appraisal_id"])["manager_submitted"] is False


async def test_two_who_change_the_same_are_shown_both_versions(visit: Any, site: Any) -> None:
    row = next(
        each for each in site.of_team("finance", stage="reconciled") if each["manager_submitted"]
    )
    at = f"/appraisals/{row['appraisal_id']}/rating"
    first, second = (
        await visit("finance", language="en-US"),
        await visit("finance", language="en-US"),
    )
    early, late = await first.open(at), await second.open(at)
    for page, points in ((early, "81"), (late, "83")):
        fields = page.locator("input[name$='.points']")
        for each in range(await fields.count()):
            await fields.nth(each).fill(points)
        await page.get_by_label("Reason for the change").fill(f"now {points}")
        await page.get_by_role("button", name="Rate anew").click()
        await page.wait_for_load_state("networkidle")
    stored = late.locator(".stored").first
    assert "81" in await stored.inner_text()
    assert "83" in await stored.inner_text()
    assert await second.accessible() == []
    await late.get_by_role("button", name="Rate anew").click()
    await late.wait_for_selector("text=Your rating is in.")


async def test_an_ended_session_loses_nothing(visit: Any, site: Any) -> None:
    at = f"/appraisals/{site.own('hr', 2)}/self-rating"
    seen = await visit("hr", PHONE)
    page = await seen.open(at)
    fields = page.locator("input[name$='.points']")
    for each in range(await fields.count()):
        await fields.nth(each).fill("77")
    await seen.context.clear_cookies()
    await page.get_by_role("button", name="提交自评").click()
    await page.wait_for_selector("#pending", state="attached")
    await page.get_by_role("button", name=site.people["hr"].name).click()
    await page.wait_for_selector("text=评分已提交。")
    assert knows(site, site.own("hr", 2))["self_submitted"] is True


async def test_somebody_else_does_not_send_what_one_wrote(visit: Any, site: Any) -> None:
    at = f"/appraisals/{site.own('finance', 2)}/self-rating"
    seen = await visit("finance")
    page = await seen.open(at)
    fields = page.locator("input[name$='.points']")
    for each in range(await fields.count()):
        await fields.nth(each).fill("66")
    await seen.context.clear_cookies()
    await page.get_by_role("button", name="提交自评").click()
    await page.wait_for_selector("#pending", state="attached")
    await page.get_by_role("button", name=site.people["executive"].name).click()
    await page.wait_for_load_state("networkidle")
    assert knows(site, site.own("finance", 2))["self_submitted"] is False


async def test_a_form_of_another_session_is_refused(visit: Any, site: Any) -> None:
    seen = await visit("employee", language="en-US")
    page = await seen.open(f"/appraisals/{site.own('employee', 0)}")
    await page.eval_on_selector_all(
        "input[name=_csrf]", "all => all.forEach(each => { each.value = 'another' })"
    )
    await page.get_by_role("button", name="I have seen my result").click()
    await page.wait_for_selector("#problem")
    assert "form-expired" in await page.inner_text("#problem")
    assert knows(site, site.own("employee", 0))["acknowledged_version"] == 0


async def test_a_result_is_confirmed_appealed_and_followed(
    visit: Any, site: Any, tmp_path: Path
) -> None:
    mine = site.own("employee", 0)
    seen = await visit("employee", PHONE)
    page = await seen.open(f"/appraisals/{mine}")
    assert "89.76" in await page.inner_text("main")
    assert "26,928.00" in await page.inner_text("main")
    await page.get_by_role("button", name="我已看到结果").click()
    await page.wait_for_selector("text=您已确认看到结果。")
    assert knows(site, mine)["acknowledged_version"] == 1
    await page.get_by_role("link", name="申诉", exact=True).click()
    evidence = tmp_path / "回款单.pdf"
    evidence.write_bytes(b"a receipt of the bank")
    await page.get_by_label("针对哪一项？").select_option("contract")
    await page.get_by_label("哪里不对，正确的应是什么？").fill("二月的合同少计一份。")
    await page.get_by_label("选择文件 1").set_input_files(evidence)
    digest = hashlib.sha256(b"a receipt of the bank").hexdigest()
    await page.wait_for_function(
        "digest => document.getElementsByName('proofs.0.checksum')[0].value.endsWith(digest)",
        arg=digest,
    )
    await page.get_by_role("button", name="提交申诉").click()
    await page.wait_for_url("**/console/appeals")
    await page.get_by_role("link", name="2025年第一季度").last.click()
    await page.wait_for_selector("text=二月的合同少计一份。")
    assert digest in await page.inner_text("main")
    await page.get_by_label("说明").fill("附合同编号。")
    await page.get_by_role("button", name="补充", exact=True).click()
    await page.wait_for_selector("text=证据已补充。")
    assert await seen.violations() == []


async def test_a_receipt_is_verified_in_the_browser(visit: Any, site: Any) -> None:
    at = f"/appraisals/{site.own('employee', 0)}/receipt"
    seen = await visit("employee", PHONE, language="en-US")
    page = await seen.open(at)
    await page.get_by_role("button", name="Verify in this browser").click()
    await page.wait_for_selector("[data-verified=true]")
    assert await page.locator("li.yes[data-check]").count() == 4


@pytest.mark.parametrize("part", ["score", "leaf", "hash", "statement"])
async def test_a_receipt_that_was_tampered_with_is_not(part: str, visit: Any, site: Any) -> None:
    at = f"/appraisals/{site.own('employee', 0)}/receipt"
    seen = await visit("employee", language="en-US")

    async def tampered(route: Any) -> None:
        answer = await route.fetch()
        text = await answer.text()
        begin = text.index('<script type="application/json">') + 32
        end = text.index("</script>", begin)
        data = json.loads(text[begin:end])
        if part == "score":
            data["shown"]["score"] = "99.00"
        elif part == "leaf":
            data["proof"]["leaf"] = "AAAA" + data["proof"]["leaf"][4:]
        elif part == "hash":
            data["proof"]["hashes"] = data["proof"]["hashes"][1:]
        else:
            data["proof"]["statement"] = data["proof"]["statement"].replace("89.76", "99.76")
        body = text[:begin] + json.dumps(data) + text[end:]
        await route.fulfill(response=answer, body=body)

    await seen.page.route("**/receipt", tampered)
    page = await seen.open(at)
    await page.get_by_role("button", name="Verify in this browser").click()
    await page.wait_for_selector("[data-verified=false]")


async def test_language_and_theme_are_chosen_and_stay(visit: Any) -> None:
    seen = await visit("employee", PHONE)
    page = await seen.open("/progress")
    await page.locator("details.me > summary").click()
    await page.get_by_role("button", name="English").click()
    await page.wait_for_selector("h1:has-text('My progress')")
    await page.locator("details.me > summary").click()
    await page.get_by_role("button", name="Dark").click()
    await page.wait_for_selector("html[data-theme=dark]")
    page = await seen.open("/results")
    assert await page.get_attribute("html", "data-theme") == "dark"
    assert await page.locator("h1").inner_text() == "My results"
    assert await seen.accessible() == []


async def test_the_first_page_of_a_browser_tells_times_in_its_zone(visit: Any, site: Any) -> None:
    """Come back from a provider with a session, or by the door: asked for once more, no oftener."""
    seen = await visit("employee", new=True)
    asked: list[str] = []
    seen.page.on("request", lambda request: asked.append(request.url))
    await seen.page.goto(f"{site.address}/console/results")
    await seen.page.wait_for_selector("footer time >> text=UTC+08:00")
    await seen.page.wait_for_load_state("networkidle")
    assert sum(url.endswith("/console/results") for url in asked) == 2
    asked.clear()
    await seen.open("/results")
    assert sum(url.endswith("/console/results") for url in asked) == 1
    assert await seen.violations() == []

    entering = await visit(new=True)
    page = await entering.open("/sign-in")
    await page.locator("button[name=demo][value=employee]").click()
    await page.wait_for_selector("footer time >> text=UTC+08:00")


async def test_who_keeps_no_cookie_of_the_zone_is_told_utc(visit: Any, site: Any) -> None:
    seen = await visit("employee", new=True)
    nothing = "Object.defineProperty(document, 'cookie', { get: () => '', set: () => {} })"
    await seen.page.add_init_script(nothing)
    page = await seen.open("/results")
    told = await page.inner_text("footer time")
    assert told.endswith(" UTC")
    assert page.url == f"{site.address}/console/results"


async def test_tables_are_exported(visit: Any) -> None:
    seen = await visit("employee", language="en-US")
    page = await seen.open("/results")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="CSV").click()
    text = (await (await downloading.value).path()).read_text("utf-8-sig")
    assert text.splitlines()[0] == "Cycle,Score,Coefficient,Performance pay,Stage"
    assert "89.76,0.8976,26928.00 CNY" in text
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="XLSX").click()
    book = zipfile.ZipFile(io.BytesIO((await (await downloading.value).path()).read_bytes()))
    assert "26928" in book.read("xl/worksheets/sheet1.xml").decode()


async def test_the_keyboard_is_enough(visit: Any) -> None:
    seen = await visit("employee", language="en-US")
    page = await seen.open("/progress")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.closest('main') !== null")


async def test_a_page_of_others_is_refused_as_a_page(visit: Any, site: Any) -> None:
    seen = await visit("employee", language="en-US")
    page = await seen.open("/team", 403)
    assert "What to do" in await page.inner_text("#problem")
    other = site.of_team("hr")[0]["appraisal_id"]
    page = await seen.open(f"/appraisals/{other}", 404)
    assert await seen.accessible() == []
