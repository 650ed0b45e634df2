"""A 360 on phones: raters are named and approved, they answer, and no single one is told."""

from pathlib import Path
from typing import Any

import pytest

from domain import ids

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(240)]

PHONE, DESKTOP = (360, 740), (1280, 800)
CYCLE_ID = str(ids.cycle_id("2025Q1"))
CYCLE = f"/cycles/{CYCLE_ID}"
STAFF = ("clerk", "second", "peer1", "peer2", "peer3")
NAMES = {
    "boss": "李总",
    "clerk": "王五",
    "second": "周六",
    "peer1": "赵一",
    "peer2": "钱二",
    "peer3": "孙三",
}
SCHEME = {
    "name": "职能季度考核与360",
    "sections": [
        {
            "code": "duty",
            "name": "履职",
            "weight_bp": 8000,
            "indicators": [
                {"code": "duty", "name": "履职", "weight_bp": 10000, "rule": {"kind": "manual"}}
            ],
        },
        {
            "code": "panel",
            "name": "360",
            "weight_bp": 2000,
            "indicators": [
                {
                    "code": "360",
                    "name": "协作",
                    "weight_bp": 10000,
                    "rule": {
                        "kind": "multi-rater",
                        "groups": [
                            {
                                "code": "superior",
                                "weight_bp": 5000,
                                "scored_from": 1,
                                "shown_from": 1,
                            },
                            {"code": "peer", "weight_bp": 5000},
                        ],
                    },
                }
            ],
        },
    ],
    "coefficient": {"kind": "linear"},
}


async def press(page: Any, name: str, at: str = "main") -> None:
    """Send a form, and wait until the page says what became of it."""
    await page.locator(at).get_by_role("button", name=name, exact=True).first.click()
    await page.wait_for_selector("[role=status], #problem")
    problem = page.locator("#problem")
    assert await problem.count() == 0, await problem.inner_text()
    await page.wait_for_load_state("networkidle")


@pytest.fixture(scope="module")
def office(site: Any) -> Any:
    """A department of a function whose scheme asks superiors and peers; its cycle is open."""
    own = site.company("职能公司")
    own.joined("executive", ["executive"])
    own.did("hr", "/org-units", {"code": "F", "name": "财务部", "valid_from": "2020-01-01"})
    job = {"code": "CLERK", "title": "专员", "family": "function", "level": 3}
    own.did("hr", "/jobs", {**job, "coefficient_min": "0", "coefficient_max": "1.2"})
    for number in ("boss", *STAFF):
        person_id = ids.person_id(number)
        own.did("hr", "/people", {"number": number, "name": NAMES[number]})
        employment = {
            "number": number,
            "person_id": str(person_id),
            "hired_on": "2024-01-01",
            "assignment": {
                "org_unit_id": str(ids.org_unit_id("F")),
                "job_id": str(ids.job_id("CLERK")),
                "cost_centre": "CC-200",
                "manager_id": None if number == "boss" else str(ids.person_id("boss")),
            },
        }
        own.did("hr", "/employments", employment)
        roles = ["employee", "manager"] if number == "boss" else ["employee"]
        own.joined(number, roles, person_id)
    scheme_id = ids.scheme_id("FUN")
    own.did("hr", "/schemes", {"code": "FUN", "content": SCHEME})
    version = {"version": 1, "reason": "2025年度方案"}
    own.did("executive", f"/schemes/{scheme_id}/approve", version)
    own.did("hr", f"/schemes/{scheme_id}/publish", version)
    days = {"starts_on": "2025-01-01", "ends_on": "2025-03-31"}
    own.did("hr", "/cycles", {"code": "2025Q1", "name": "2025年第一季度", **days})
    bound = {"scheme_id": str(scheme_id), "scheme_version": 1, "family": "function"}
    own.did("hr", f"{CYCLE}/schemes", bound)
    own.did("hr", f"{CYCLE}/open", {})
    return own


def begun(office: Any, number: str) -> str:
    """An appraisal of somebody, by its address."""
    body = {"employment_id": str(ids.employment_id(number))}
    made = office.did("hr", f"{CYCLE}/appraisals", body)
    return f"/appraisals/{made['id']}"


async def named(seen: Any, number: str, group: str) -> None:
    """A rater is chosen from the list, or looked up by number where the list has them not."""
    form = seen.page.locator("#nominate")
    person = str(ids.person_id(number))
    if await form.locator(f"option[value='{person}']").count() == 0:
        await seen.page.get_by_label("其他人员编号").fill(number)
        await seen.page.get_by_role("button", name="搜索").click()
        await seen.page.wait_for_load_state("networkidle")
    await form.locator("[name=rater_id]").select_option(person)
    await form.locator("[name=group]").select_option(group)
    await press(seen.page, "提名评价人", "#nominate")


async def answered(seen: Any, points: str) -> None:
    """Rate the clerk, who waits for it."""
    page = await seen.open("/peer-ratings")
    waits = page.locator("section.cardbox").filter(has_text="王五")
    await waits.locator("[name='ratings.0.points']").fill(points)
    await waits.locator("[name=comment]").fill("配合主动")
    await waits.get_by_role("button", name="提交评分").click()
    await page.wait_for_selector("section[aria-labelledby=given]")
    assert "王五" in await page.inner_text("section[aria-labelledby=given]")


async def nobody_is_told(seen: Any, appraisal: str) -> None:
    """360 is half 88 and half the mean of 91.5 and 72.25; whose those were is nowhere."""
    page = await seen.open(appraisal)
    assert "协作" in (await page.text_content("section[aria-labelledby=tree]") or "")
    for kept in ("91.5", "72.25", "81.88", "81.875", "配合主动"):
        assert kept not in await page.content()
    page = await seen.open(f"{appraisal}/raters")
    told = await page.inner_text("#t-groups")
    assert told.count("不显示") == 2
    assert "88" not in told


async def sound(seen: Any, path: str) -> None:
    """Nothing serious of axe-core, nothing stopped by the policy, nothing wider than the window."""
    await seen.open(path)
    assert await seen.violations() == []
    assert await seen.accessible() == []
    assert await seen.overflow() <= 0


async def test_raters_are_named_by_one_and_approved_by_another(
    visit: Any, office: Any, tmp_path: Path
) -> None:
    appraisal = begun(office, "second")
    at = f"{appraisal}/raters"
    ratee = await visit("second", PHONE, of=office)
    page = await ratee.open(appraisal)
    await page.get_by_role("link", name="评价人").click()
    await page.wait_for_selector("#nominate")
    for number in ("peer1", "peer2"):
        await named(ratee, number, "peer")
    assert await page.get_by_role("button", name="批准", exact=True).count() == 0  # never one's own
    hr = await visit("hr", DESKTOP, of=office)
    await hr.open(at)
    await named(hr, "boss", "superior")
    boss = await visit("boss", PHONE, of=office)
    page = await boss.open("/approvals")
    waits = page.locator("section.cardbox").filter(has_text="赵一")
    assert "评价人待批准" in await waits.inner_text()
    await boss.page.screenshot(path=tmp_path / "inbox.png", full_page=True)
    await waits.get_by_role("button", name="批准", exact=True).click()
    await page.wait_for_selector(".note.good[role=status]")
    assert await waits.count() == 0
    page = await boss.open(at)
    await page.get_by_text("拒绝", exact=True).first.click()
    await page.locator("details[open] textarea").fill("亲属关系")
    await press(page, "拒绝", "details[open]")
    assert await page.get_by_role("button", name="批准", exact=True).count() == 0
    panel = office.asked("hr", at)["raters"]
    assert [(each["group"], each["approved"]) for each in panel] == [
        ("peer", True),
        ("superior", False),
    ]
    for seen, name in ((ratee, "ratee"), (boss, "boss"), (hr, "hr")):
        await sound(seen, at)
        await seen.page.screenshot(path=tmp_path / f"{name}.png", full_page=True)


async def test_raters_answer_and_none_of_them_is_told(
    visit: Any, office: Any, tmp_path: Path
) -> None:
    """Of three peers two answer: they count, and what they say is kept back."""
    appraisal = begun(office, "clerk")
    at = f"{appraisal}/raters"
    for number in ("peer1", "peer2", "peer3", "boss"):
        named_by, approved_by = ("clerk", "executive") if number == "boss" else ("clerk", "boss")
        group = "superior" if number == "boss" else "peer"
        rater = {"rater_id": str(ids.person_id(number))}
        office.did(named_by, at, {**rater, "group": group})
        office.did(approved_by, f"{at}/approve", rater)
    for stage in ("data-intake", "rating"):
        office.did("hr", f"{CYCLE}/advance", {"to": stage})
    raters = [await visit(number, PHONE, of=office) for number in ("peer1", "peer2")]
    await sound(raters[0], "/peer-ratings")
    await raters[0].page.screenshot(path=tmp_path / "answering.png", full_page=True)
    for seen, points in zip(raters, ("91.50", "72.25"), strict=True):
        await answered(seen, points)
    await raters[0].open(appraisal, status=404)  # whoever rates sees nothing else of it
    boss = await visit("boss", PHONE, of=office)
    page = await boss.open(at)
    assert await page.locator("#t-groups").count() == 0  # who rates has to rate first
    await answered(boss, "88")
    ratings = {"ratings": [{"indicator": "duty", "points": "80"}]}
    office.did("clerk", f"{appraisal}/self-rating", ratings)
    office.did("boss", f"{appraisal}/manager-rating", ratings)

    for stage in ("comparison", "calibration"):
        office.did("hr", f"{CYCLE}/advance", {"to": stage})
    office.did("hr", f"{appraisal}/lock", {})
    office.did("hr", f"{appraisal}/publish", {})
    clerk = await visit("clerk", PHONE, of=office)
    for seen, name in ((clerk, "clerk"), (boss, "boss")):
        await nobody_is_told(seen, appraisal)
        await seen.page.screenshot(path=tmp_path / f"groups-{name}.png", full_page=True)
        assert "已答复" not in await seen.page.inner_text("#t-raters")
    await sound(clerk, appraisal)
    await clerk.page.screenshot(path=tmp_path / "result.png", full_page=True)
    # Personnel reminds who has not answered; nobody else is told who has.
    hr = await visit("hr", DESKTOP, of=office)
    await sound(hr, at)
    assert (await hr.page.inner_text("#t-raters")).count("是") == 3
    await hr.page.screenshot(path=tmp_path / "desktop.png", full_page=True)
