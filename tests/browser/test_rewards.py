"""A reward is proposed on a phone, approved by another, granted out of its budget and paid."""

from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)
BUDGET = "2025-PHONE"


async def press(page: Any, name: str, at: str = "main") -> None:
    """Send a form, and wait until the page says what became of it."""
    await page.locator(at).get_by_role("button", name=name, exact=True).first.click()
    await page.wait_for_selector("[role=status], #problem")
    problem = page.locator("#problem")
    assert await problem.count() == 0, await problem.inner_text()
    await page.wait_for_load_state("networkidle")


def budget(site: Any) -> Any:
    rows = site.asked("manager", "/reward-budgets", limit=500)["data"]
    return next(each for each in rows if each["code"] == BUDGET)


async def test_a_reward_goes_from_a_phone_to_the_bank(visit: Any, site: Any) -> None:
    finance = await visit("finance", DESKTOP, language="en-US")
    page = await finance.open("/rewards")
    form = page.locator("#budget-form")
    await form.locator("select[name=org_unit_id]").select_option(index=0)
    for name, value in (
        ("code", BUDGET),
        ("cost_centre", "CC-100"),
        ("amount.amount", "20000.00"),
        ("personal_cap.amount", "16000.00"),
        ("starts_on", "2025-01-01"),
        ("ends_on", "2026-12-31"),
    ):
        await form.locator(f"[name='{name}']").fill(value)
    await press(page, "Set the budget")
    assert budget(site)["left"] == {"amount": "20000.00", "currency": "CNY"}

    manager = await visit("manager", PHONE, language="zh-CN")
    page = await manager.open("/rewards")
    form = page.locator("#nominate-form")
    await form.locator("select[name=budget_id]").select_option(budget(site)["budget_id"])
    person = site.asked("employee", "/employments")["data"][0]["employment_id"]
    await form.locator("[name='contributors.0.employment_id']").select_option(person)
    for name, value in (
        ("title", "首个千万级合同"),
        ("reason", "签下区域首个千万级合同"),
        ("amount.amount", "8000.00"),
        ("achieved_on", "2025-03-10"),
        ("code", "R-PHONE-1"),
    ):
        await form.locator(f"[name='{name}']").fill(value)
    await form.locator("[name=on_the_wall]").select_option("true")
    await press(page, "提名")
    rows = site.asked("manager", "/rewards", limit=500)["data"]
    reward = next(each for each in rows if each["code"] == "R-PHONE-1")
    at = f"/rewards/{reward['reward_id']}"
    page = await manager.open(at)
    assert await page.locator("#approve").count() == 0

    personnel = await visit("hr", PHONE, language="en-US")
    page = await personnel.open(at)
    assert "Left in the budget" in await page.inner_text("main")
    await press(page, "Approve")
    assert await page.locator("#grant").count() == 0  # personnel does not grant

    page = await finance.open(at)
    await press(page, "Grant")
    assert budget(site)["left"] == {"amount": "12000.00", "currency": "CNY"}
    await press(page, "Prepare its payment")
    told = site.asked("finance", "/payouts", reward_id=reward["reward_id"])["data"]
    assert [line["amount"]["amount"] for line in told] == ["8000.00"]

    employee = await visit("employee", PHONE, language="zh-CN")
    page = await employee.open("/rewards")
    assert "首个千万级合同" in await page.inner_text("main")
    assert await page.locator("#nominate-form, #budget-form, #t-budgets").count() == 0
    page = await employee.open("/recognitions")
    wall = await page.inner_text("main")
    assert "首个千万级合同" in wall
    assert "8,000" not in wall
    for seen in (finance, manager, personnel, employee):
        assert await seen.violations() == []
        assert await seen.overflow() <= 0


async def test_a_reward_is_rejected_with_a_reason_that_stays(visit: Any, site: Any) -> None:
    person = site.asked("employee", "/employments")["data"][0]["employment_id"]
    body = {
        "code": "R-PHONE-2",
        "budget_id": budget(site)["budget_id"],
        "kind": "innovation",
        "title": "报价工具",
        "reason": "自研报价工具上线",
        "amount": {"amount": "100.00", "currency": "CNY"},
        "achieved_on": "2025-03-20",
        "contributors": [{"employment_id": person}],
    }
    reward = site.did("manager", "/rewards", body)["id"]
    seen = await visit("hr", PHONE, language="en-US")
    page = await seen.open(f"/rewards/{reward}")
    await page.locator("#reject textarea[name=reason]").fill("归入季度创新评选")
    await press(page, "Reject")
    told = site.asked("manager", f"/rewards/{reward}")
    assert (told["state"], told["decided_because"]) == ("rejected", "归入季度创新评选")
    assert "归入季度创新评选" in await page.inner_text("main")
    assert await seen.accessible() == []
