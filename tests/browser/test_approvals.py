"""The approvals inbox: what waits is decided there, by those whose decision it is."""

from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)
MONEY = {"amount": "9000.00", "currency": "CNY"}


def nominated(site: Any, code: str, title: str) -> str:
    """A reward that the manager has proposed."""
    employment = site.asked("employee", "/employments")["data"][0]
    rows = site.asked("finance", "/reward-budgets", limit=500)["data"]
    found = [each["budget_id"] for each in rows if each["code"] == "2025-INBOX"]
    if not found:
        body = {
            "code": "2025-INBOX",
            "org_unit_id": employment["org_unit_id"],
            "cost_centre": "CC-100",
            "amount": MONEY,
            "starts_on": "2025-01-01",
            "ends_on": "2025-12-31",
        }
        found = [site.did("finance", "/reward-budgets", body)["id"]]
    body = {
        "code": code,
        "budget_id": found[0],
        "kind": "milestone",
        "title": title,
        "reason": "提前一月验收",
        "amount": {"amount": "500.00", "currency": "CNY"},
        "achieved_on": "2025-03-28",
        "contributors": [{"employment_id": employment["employment_id"]}],
    }
    return str(site.did("manager", "/rewards", body)["id"])


def card(page: Any, title: str) -> Any:
    """What waits under this title."""
    return page.locator("section.cardbox").filter(has=page.get_by_role("heading", name=title))


async def decided(page: Any) -> None:
    """Wait until the page says what became of the decision."""
    await page.wait_for_selector("[role=status], #problem")
    problem = page.locator("#problem")
    assert await problem.count() == 0, await problem.inner_text()
    await page.wait_for_load_state("networkidle")


async def test_what_waits_is_decided_on_a_phone(visit: Any, site: Any) -> None:
    kept, refused = nominated(site, "R-INBOX-1", "项目验收"), nominated(site, "R-INBOX-2", "迟到的")
    manager = await visit("manager", PHONE)
    page = await manager.open("/approvals")
    assert await card(page, "项目验收").count() == 0  # nobody decides what they proposed

    personnel = await visit("hr", PHONE, language="en-US")
    page = await personnel.open("")
    await page.get_by_role("link", name="Approvals").first.click()
    await page.wait_for_url("**/console/approvals")
    await card(page, "项目验收").get_by_role("button", name="Approve").click()
    await decided(page)
    assert site.asked("hr", f"/rewards/{kept}")["state"] == "approved"
    assert await card(page, "项目验收").count() == 0
    late = card(page, "迟到的")
    await late.get_by_text("Reject").first.click()
    await late.locator("textarea").fill("归入下季度")
    await late.get_by_role("button", name="Reject").click()
    await decided(page)
    told = site.asked("hr", f"/rewards/{refused}")
    assert (told["state"], told["decided_because"]) == ("rejected", "归入下季度")

    finance = await visit("finance", PHONE)
    page = await finance.open("/approvals")
    await card(page, "项目验收").get_by_role("button", name="授予").click()
    await decided(page)
    assert site.asked("finance", f"/rewards/{kept}")["state"] == "granted"
    for seen in (manager, personnel, finance):
        assert await seen.violations() == []
        assert await seen.accessible() == []
        assert await seen.overflow() <= 0


async def test_an_excuse_is_asked_for_and_decided_by_the_manager(visit: Any, site: Any) -> None:
    own = site.own("employee", 2)
    asked = site.asked("employee", f"/appraisals/{own}/goals")
    body = {"indicator": asked["targets"][0]["indicator"], "reason": "项目由总部接手"}
    site.did("employee", f"/appraisals/{own}/goals/excuse", body)
    name = site.people["employee"].name
    seen = await visit("manager", PHONE, language="en-US")
    page = await seen.open("/approvals")
    mine = page.locator("section.cardbox").filter(has_text="change of a goal")
    assert name in await mine.inner_text()
    await mine.get_by_text("Decline").first.click()
    await mine.locator("textarea").fill("仍由本人负责")
    await mine.get_by_role("button", name="Decline").click()
    await decided(page)
    assert site.asked("employee", f"/appraisals/{own}/goals")["requests"] == []


async def test_a_batch_leads_to_where_it_is_decided(visit: Any, site: Any) -> None:
    reward = nominated(site, "R-INBOX-3", "两地联调")
    site.did("hr", f"/rewards/{reward}/approve", {})
    site.did("finance", f"/rewards/{reward}/grant", {})
    site.did("finance", "/reward-batches", {"code": "R-INBOX-B", "reward_ids": [reward]})
    seen = await visit("executive", PHONE, language="en-US")
    page = await seen.open("/approvals")
    await card(page, "R-INBOX-B").get_by_role("link").click()
    await page.wait_for_selector("#approve")
    assert "/console/batches/" in page.url
