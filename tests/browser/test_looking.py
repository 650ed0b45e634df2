"""What auditors, executives and operators do in the console, in real Chromium."""

from typing import Any
from uuid import uuid4

import pytest

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)


async def test_the_company_is_seen_as_a_map_and_what_stands_out_says_why(visit: Any) -> None:
    seen = await visit("executive", DESKTOP, language="en-US")
    page = await seen.open("/performance")
    found = await page.inner_text("section[aria-labelledby=findings]")
    assert "families lie apart" in found
    assert "function lies" in found
    heat = page.locator("figure[data-chart=heat]")
    await heat.scroll_into_view_if_needed()
    await page.wait_for_selector("figure[data-chart=heat][data-drawn] canvas")
    await heat.locator("summary").click()
    assert await heat.locator("tbody tr").count() > 20
    assert "Live, as of event" in await page.inner_text("main")
    async with page.expect_download() as downloading:
        await heat.get_by_role("link", name="CSV").click()
    text = (await (await downloading.value).path()).read_text("utf-8-sig")
    assert text.splitlines()[0] == "Department,Job,People,Mean,Median,Lowest,Highest"
    assert await seen.accessible() == []


async def test_an_event_is_found_and_proved_here_and_in_the_browser(visit: Any) -> None:
    seen = await visit("auditor", PHONE, language="en-US")
    page = await seen.open("/audit")
    await page.locator("main details > summary").first.click()
    await page.locator("#f-topic").select_option("appraisal.score-locked")
    await page.get_by_role("button", name="Filter").click()
    await page.wait_for_url("**topic=appraisal.score-locked**")
    await page.locator("tbody a").first.click()
    await page.wait_for_url("**/audit/events/*")
    assert "it is in the log at its place" in await page.inner_text("main")
    await page.get_by_role("button", name="Verify in this browser").click()
    await page.wait_for_selector("[data-verified=true]")
    await page.get_by_role("link", name="What it changed").click()
    await page.wait_for_url("**/audit/compare**")
    changes = await page.inner_text("#t-changes")
    assert "lock_version" in changes
    assert await seen.accessible() == []
    assert await seen.violations() == []


async def test_a_proof_of_another_place_does_not_hold(visit: Any) -> None:
    seen = await visit("auditor", DESKTOP, language="en-US")

    async def tampered(route: Any) -> None:
        answer = await route.fetch()
        text = await answer.text()
        assert '"position":9,' in text
        await route.fulfill(response=answer, body=text.replace('"position":9,', '"position":8,'))

    await seen.page.route("**/audit/events/9", tampered)
    page = await seen.open("/audit/events/9")
    await page.get_by_role("button", name="Verify in this browser").click()
    await page.wait_for_selector("[data-verified=false]")


async def test_the_ledger_at_two_moments(visit: Any, site: Any) -> None:
    head = site.asked("auditor", "/tenants/self")["position"]
    seen = await visit("auditor", DESKTOP, language="en-US")
    page = await seen.open("/audit/compare")
    slider = page.locator("#f-first")
    await slider.focus()
    await page.keyboard.press("Home")
    assert await page.inner_text("output[for=f-first]") == "0"
    await page.get_by_role("button", name="Compare").click()
    await page.wait_for_url(f"**first=0&second={head}**")
    assert "expense:performance_pay" in await page.inner_text("#t-changes")
    page = await seen.open(f"/audit/compare?first={head}&second={head}")
    assert "Nothing changed between the two moments." in await page.inner_text("main")
    await seen.open("/audit/compare?about=nothing", 400)


async def test_reads_of_what_is_sensitive_and_who_could(visit: Any, site: Any) -> None:
    own = site.own("employee", 0)
    site.asked("hr", f"/appraisals/{own}")
    seen = await visit("auditor", PHONE, language="en-US")
    page = await seen.open(f"/audit/reads?subject={own}")
    await page.get_by_role("link", name="Compute the chain of reads anew").click()
    await page.wait_for_selector("text=The chain holds")
    assert site.people["hr"].name in await page.inner_text("#t-reads")
    page = await seen.open("/audit/permissions")
    await page.get_by_label("Appraisal (id)").fill(own)
    await page.get_by_label("At").fill("2199-01-01T00:00")
    await page.get_by_role("button", name="Look").click()
    await page.wait_for_selector("#t-could")
    could = await page.inner_text("#t-could")
    assert site.people["employee"].name in could
    assert "the person concerned" in could
    assert await page.locator("#t-changed tbody tr").count() > 0
    assert await seen.accessible() == []


async def test_an_incident_runs_its_course(visit: Any, site: Any) -> None:
    title = f"Exports fail {uuid4().hex[:6]}"
    reporter = await visit("employee", PHONE, language="en-US")
    page = await reporter.open("/incidents")
    await page.get_by_label("What does not work").fill(title)
    await page.get_by_label("Grade").select_option("ordinary")
    await page.get_by_role("button", name="Report it").click()
    await page.wait_for_selector("text=It is reported; the clock runs.")
    await page.get_by_role("link", name=title).click()
    await page.wait_for_url("**/incidents/*")
    clock = page.locator("[data-countdown]").first
    assert (await clock.inner_text()).startswith("0:14:")
    assert await page.get_by_role("button", name="I take it on").count() == 0
    at = page.url.partition("/console")[2]

    keeper = await visit("hr", DESKTOP, language="en-US")
    page = await keeper.open(at)
    await page.get_by_role("button", name="I take it on").click()
    await page.wait_for_selector("text=You took it on.")
    await page.get_by_label("Cause").fill("The disk was full.")
    await page.get_by_label("What is done about it").fill("It is watched now.")
    await page.get_by_role("button", name="Resolve it").click()
    await page.wait_for_selector("text=It is resolved.")
    told = site.asked("hr", at)
    assert told["state"] == "resolved"
    assert {each["verdict"] for each in told["clocks"]} == {"met"}
    assert await keeper.accessible() == []


async def test_shifts_are_set_and_somebody_is_on_call(visit: Any, site: Any) -> None:
    seen = await visit("hr", PHONE, language="en-US")
    page = await seen.open("/incidents")
    await page.get_by_text("Set shifts").first.click()
    await page.locator("[name='shifts.0.who']").fill("Hotline")
    await page.locator("[name='shifts.0.contact']").fill("400 000 0000")
    await page.locator("[name='shifts.0.starts_at']").fill("soon")
    await page.locator("[name='shifts.0.ends_at']").fill("2199-01-01T00:00:00+08:00")
    await page.get_by_role("button", name="Set shifts").click()
    await page.wait_for_selector("[name='shifts.0.starts_at'][aria-invalid=true]")
    await page.locator("[name='shifts.0.starts_at']").fill("2020-01-01T00:00:00+08:00")
    await page.get_by_role("button", name="Set shifts").click()
    await page.wait_for_selector("text=The shifts are set.")
    assert "Hotline" in await page.inner_text(".figure")
    assert site.asked("employee", "/on-call")["now"]["contact"] == "400 000 0000"


async def test_health_is_for_administrators(visit: Any) -> None:
    seen = await visit("administrator", DESKTOP, language="en-US")
    page = await seen.open("/health")
    assert "sealer:lag" in await page.inner_text("#t-health")
    other = await visit("hr", DESKTOP)
    await other.open("/health", 403)


async def test_a_month_is_reported(visit: Any) -> None:
    seen = await visit("executive", PHONE, language="en-US")
    page = await seen.open("/reports?month=2025-01")
    assert "not issued yet" in await page.inner_text("main")
    assert "restoring is drilled" in await page.inner_text("#t-promises")
    await seen.open("/reports?month=never", 400)
