"""A quarter is locked, paid and closed in the console, by the people whose work that is."""

import re
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)

REFUSALS = {"deviation-unexplained", "calibration-session-open"}
"""Why somebody of the compared quarter cannot be locked yet."""


async def press(page: Any, name: str | re.Pattern[str]) -> None:
    """Send a form, and wait until the page says what became of it."""
    await page.get_by_role("button", name=name).first.click()
    await page.wait_for_selector("[role=status], #problem")
    problem = page.locator("#problem")
    assert await problem.count() == 0, await problem.inner_text()
    await page.wait_for_load_state("networkidle")


async def test_a_quarter_is_locked_with_a_preview_and_paid_by_two(visit: Any, site: Any) -> None:
    cycle = site.asked("hr", "/cycles")["data"][1]
    at = f"/cycles/{cycle['cycle_id']}"
    personnel = await visit("hr", DESKTOP, language="en-US")
    page = await personnel.open(at)
    await page.get_by_role("link", name="deviation unexplained").click()
    await page.wait_for_selector("#t-deviation-unexplained")
    await press(page, "Go on to: calibration")

    page = await personnel.open(f"{at}?preview=lock")
    told = site.asked("hr", f"{at}/lock-preview")
    assert told["would_lock"] > 0
    assert {each["code"] for each in told["refused"]} <= REFUSALS
    assert await page.locator("#t-refusals tbody tr").count() == len(told["refused"])
    assert site.asked("hr", f"{at}/progress")["stages"].get("locked", 0) == 0
    await press(page, f"Lock {told['would_lock']} scores")
    assert site.asked("hr", f"{at}/progress")["stages"]["locked"] == told["would_lock"]
    page = await personnel.open(at)
    await press(page, re.compile("Publish"))
    assert await personnel.accessible() == []

    finance = await visit("finance", DESKTOP, language="en-US")
    page = await finance.open("/batches")
    await page.locator("select[name=cycle]").select_option(cycle["cycle_id"])
    await page.get_by_role("button", name="Preview").click()
    await page.wait_for_selector("#t-would-pay")
    assert await page.locator("#t-would-pay tbody tr").count() == told["would_lock"]
    await page.get_by_label("Code of the batch").fill("2025Q2-1")
    await press(page, f"Prepare {told['would_lock']} lines")
    await page.get_by_role("link", name="2025Q2-1").click()
    await page.wait_for_selector("text=You prepared this batch, so somebody else approves it.")
    batch = page.url.rsplit("/console", 1)[1]
    assert await page.get_by_role("button", name="Approve").count() == 0

    executive = await visit("executive", PHONE, language="en-US")
    page = await executive.open(batch)
    await press(page, "Approve")
    page = await finance.open(batch)
    await page.locator("#instruct input[name=bank_account]").fill("6222000000000001")
    await press(page, "Instruct the bank")
    await page.locator("#settle input[name=bank_reference]").fill("2025Q2-1-BANK")
    await press(page, "Settle")
    await page.locator("#t-lines tbody a").first.click()
    await page.wait_for_selector("#return")
    await page.locator("#return input[name=bank_reference]").fill("R-1")
    await page.locator("#return input[name=reason]").fill("The account was closed.")
    await press(page, "Record the return")
    assert "The account was closed." in await page.inner_text("main")
    assert await page.locator("#t-entries tbody tr").count() == 4
    page = await finance.open("/ledger")
    assert "balances and journal agree" in await page.inner_text("main")
    for seen in (personnel, finance, executive):
        assert await seen.violations() == []


async def test_a_journal_line_leads_down_to_the_events(visit: Any, site: Any) -> None:
    seen = await visit("finance", DESKTOP, language="en-US")
    page = await seen.open("/ledger")
    await page.get_by_role("link", name="expense:performance_pay:CC-FIN").click()
    await page.wait_for_selector("#t-entries")
    await page.locator("#t-entries tbody a").first.click()
    await page.wait_for_selector(".node.leaf .source")
    assert "Score locked by" in await page.inner_text("main")


async def test_the_trial_balance_is_of_any_moment(visit: Any, site: Any) -> None:
    first = site.asked("finance", "/ledger/entries", limit=1)["data"][0]["position"]
    seen = await visit("finance", PHONE, language="en-US")
    page = await seen.open(f"/ledger?position={first - 1}")
    assert "Nothing has been posted yet." in await page.inner_text("main")


async def test_names_on_a_page_are_reads_that_are_written_down(visit: Any, site: Any) -> None:
    seen = await visit("finance", PHONE)
    await seen.open("/batches")
    reads = site.asked("auditor", "/audit/reads", limit=500, newest_first="true")["data"]
    named = [each for each in reads if each["purpose"] == "console: names on /console/batches"]
    assert named
    assert named[0]["fields"] == ["name"]
