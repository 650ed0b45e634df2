"""Scenarios of a phone that are tested nowhere else: clocking in, delegating, exceptions, a map."""

from datetime import date
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)
HERE = {"latitude": 31.230416, "longitude": 121.473701}
FENCE = {
    "places": [
        {
            "name": "总部园区",
            "latitude": "31.230416",
            "longitude": "121.473701",
            "radius_m": 300,
        }
    ]
}


async def sent(page: Any) -> None:
    """Wait until the page says what became of the form."""
    await page.wait_for_selector("[role=status], #problem")
    problem = page.locator("#problem")
    assert await problem.count() == 0, await problem.inner_text()
    await page.wait_for_load_state("networkidle")


async def sound(*seen: Any) -> None:
    """Nothing serious of axe-core, nothing stopped by the policy, nothing wider than the window."""
    for each in seen:
        assert await each.violations() == []
        assert await each.accessible() == []
        assert await each.overflow() <= 0


def employment(site: Any) -> Any:
    (own,) = site.asked("employee", "/employments")["data"]
    return own


def card(page: Any, text: str) -> Any:
    return page.locator("section.cardbox").filter(has_text=text)


async def test_one_clocks_in_and_asks_for_what_was_missed(visit: Any, site: Any) -> None:
    own = employment(site)
    at = f"/employments/{own['employment_id']}/attendance"
    seen = await visit("employee", PHONE)
    page = await seen.open("/clock")
    # Off: nobody has set a fence, so nobody is asked.
    assert await page.locator("#give-consent, #fence").count() == 0
    await page.get_by_role("button", name="上班打卡").click()
    await sent(page)
    (came,) = site.asked("employee", at)["records"]
    assert (came["direction"], came["device"], came["place"]) == ("in", "console", None)

    site.did("hr", f"/org-units/{own['org_unit_id']}/fence", FENCE)
    page = await seen.open("/clock")
    await page.get_by_role("button", name="同意告知围栏内或围栏外").click()
    await sent(page)
    await seen.context.grant_permissions(["geolocation"])
    await seen.context.set_geolocation(HERE)
    bodies: list[str] = []
    page.on("request", lambda request: bodies.append(request.post_data or ""))
    await page.get_by_role("button", name="下班打卡").click()
    await sent(page)
    went = site.asked("employee", at)["records"][-1]
    assert (went["direction"], went["place"]) == ("out", "inside")
    assert "place=inside" in "".join(bodies)
    assert not any("31.23" in body or "121.47" in body for body in bodies)
    await page.get_by_role("button", name="撤回同意").click()
    await sent(page)
    site.did("hr", f"/org-units/{own['org_unit_id']}/fence/remove", {"reason": "试用结束"})

    page = await seen.open("/clock")
    form = page.locator("#punch")
    await form.locator("[name=direction]").select_option("out")
    await form.locator("[name=on]").fill("2025-03-11")
    await form.locator("[name=at]").fill("2025-03-11T18:05")
    await form.locator("[name=reason]").fill("忘记打卡")
    await form.get_by_role("button").click()
    await sent(page)
    manager = await visit("manager", PHONE, language="en-US")
    page = await manager.open("/approvals")
    missed = card(page, "Missed: Clock out, 2025-03-11 18:05:00")
    assert site.people["employee"].name in await missed.inner_text()
    await missed.get_by_role("button", name="Approve").click()
    await sent(page)
    (record,) = site.asked("employee", at, month="2025-03-01")["records"]
    assert (record["at"], record["device"]) == ("2025-03-11T10:05:00Z", "request")
    await sound(seen, manager)


async def test_approvals_are_delegated_and_decided_in_anothers_name(visit: Any, site: Any) -> None:
    hand = site.people["finance"]
    number = site.asked("hr", f"/people/{hand.person_id}")["number"]
    manager = await visit("manager", PHONE)
    page = await manager.open(f"/delegations?number={number}")
    form = page.locator("#delegate")
    await form.locator("[name=delegate_id]").select_option(str(hand.person_id))
    await form.get_by_label("请假与加班").check()
    await form.locator("[name=ends_on]").fill(f"{date.today().year + 1}-12-31")  # noqa: DTZ011
    await form.locator("[name=reason]").fill("休假")
    await form.get_by_role("button").click()
    await sent(page)
    assert hand.name in await page.inner_text("section[aria-labelledby=current]")

    at = f"/employments/{employment(site)['employment_id']}/overtime-requests"
    body = {"on": "2025-09-27", "minutes": 90, "reason": "盘点"}
    asked = site.did("employee", at, body)
    finance = await visit("finance", PHONE, language="en-US")
    page = await finance.open("/approvals")
    waits = card(page, "Overtime on 2025-09-27")
    assert f"in the name of {site.people['manager'].name}" in await waits.inner_text()
    await waits.get_by_role("button", name="Approve").click()
    await sent(page)
    rows = site.asked("hr", "/time-requests", state="approved", limit=500)["data"]
    (row,) = [each for each in rows if each["request_id"] == asked["id"]]
    assert row["decided_by"] == str(hand.person_id)
    events = site.asked("auditor", "/audit/events", stream_id=asked["id"])["data"]
    manager_id = str(site.people["manager"].person_id)
    assert [each["on_behalf_of"] for each in events] == [None, manager_id]
    await sound(manager, finance)

    page = await manager.open("/delegations")
    current = page.locator("section[aria-labelledby=current]")
    await current.get_by_role("button", name="收回委托").click()
    await sent(page)
    assert await current.count() == 0


async def test_an_exception_of_a_share_is_decided_in_the_inbox(visit: Any, site: Any) -> None:
    at = f"/employments/{employment(site)['employment_id']}"
    body = {
        "effective_from": "2030-01-01",
        "effective_until": "2030-12-31",
        "performance_share": "0.65",
        "reason": "重点项目周期",
    }
    site.did("hr", f"{at}/share-override", body)
    seen = await visit("executive", PHONE, language="en-US")
    page = await seen.open("/approvals")
    waits = card(page, "Performance share 0.65 from 2030-01-01 on")
    assert "重点项目周期" in await waits.inner_text()
    await waits.get_by_text("Reject").first.click()
    await waits.locator("textarea:visible").fill("理由不足")
    await waits.get_by_role("button", name="Reject").click()
    await sent(page)
    assert await waits.count() == 0
    assert site.asked("executive", "/decisions", kind="share")["data"] == []
    await sound(seen)


async def test_leave_is_cancelled_by_personnel(visit: Any, site: Any) -> None:
    own = employment(site)
    body = {"starts_on": "2031-03-03", "ends_on": "2031-03-04", "kind": "annual", "unpaid": False}
    site.did("hr", f"/employments/{own['employment_id']}/leave", body)
    seen = await visit("hr", PHONE, language="en-US")
    page = await seen.open(f"/people/{own['person_id']}")
    leave = page.locator(".cardbox").filter(has_text="2031-03-03")
    await leave.get_by_text("Cancel it").click()
    await leave.locator("textarea").fill("未休")
    await leave.get_by_role("button", name="Cancel the leave").click()
    await sent(page)
    assert "2031-03-03" not in str(employment(site)["leaves"])
    await sound(seen)


async def test_goals_the_teams_map_and_the_calendar_fit_a_phone(visit: Any, site: Any) -> None:
    employee = await visit("employee", PHONE)
    page = await employee.open("")
    # What is due, and where each running cycle stands, with its days.
    assert await page.locator("ol.steps [aria-current=step]").count() >= 1
    assert "2025-07-01 – 2025-09-30" in await page.inner_text("main")
    page = await employee.open("/progress")
    assert "合同" in await page.inner_text("main")
    manager = await visit("manager", PHONE)
    page = await manager.open("/team")
    assert site.people["employee"].name in await page.inner_text("#t-team")
    executive = await visit("executive", PHONE)
    page = await executive.open("/performance")
    assert "基尼系数" in await page.inner_text("#t-fairness")
    await sound(employee, manager, executive)


async def test_a_result_is_printed_whole(visit: Any, site: Any) -> None:
    seen = await visit("employee", DESKTOP)
    page = await seen.open(f"/appraisals/{site.own('employee', 0)}")
    await page.emulate_media(media="print")
    for hidden in (".top", ".side", ".exports"):
        assert not await page.locator(hidden).first.is_visible()
    assert "89.76" in await page.locator("main").inner_text()
    # What is folded on the screen is on the paper.
    leaf = page.locator("details.node details.node .leaf").first
    assert await leaf.evaluate("each => each.getBoundingClientRect().height") > 0
    assert (await page.pdf()).startswith(b"%PDF")
