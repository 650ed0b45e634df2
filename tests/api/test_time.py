"""Days over HTTP: deadlines of a cycle, work calendars and the windows they make, attendance."""

from typing import Any
from uuid import UUID

from api import examples
from domain import ids

MADE = examples.EXAMPLES
CYCLE = f"/cycles/{examples.CYCLE_ID}"
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
ATTENDANCE = f"/employments/{examples.EMPLOYMENT_ID}/attendance"
SHEET = f"/attendance-sheets/{ids.attendance_sheet_id(UUID(examples.EMPLOYMENT_ID), 2025, 3)}"


def said(answer: Any, status: int, code: str) -> None:
    told = answer.status_code, answer.json()["type"].rpartition("/")[2]
    assert told == (status, code), answer.text


async def test_a_deadline_is_planned_extended_and_shown(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    deadlines = [{"stage": "rating", "on": "2025-04-15"}]
    await hr.did("/cycles", {**MADE["PlanCycle"], "deadlines": deadlines})
    seen = await hr.saw(CYCLE, wait_for=hr.position)
    assert seen["deadlines"] == deadlines
    earlier = {**MADE["ExtendDeadline"], "on": "2025-04-14"}
    said(await hr.post(f"{CYCLE}/deadlines", earlier), 409, "deadline-not-later")
    await hr.did(f"{CYCLE}/deadlines", MADE["ExtendDeadline"])
    seen = await hr.saw(CYCLE, wait_for=hr.position)
    assert seen["deadlines"] == [{"stage": "rating", "on": "2099-12-31"}]


async def test_a_cycle_says_who_takes_part_and_when_it_was_locked(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    await hr.did("/cycles", MADE["PlanCycle"])
    await hr.did(f"{CYCLE}/schemes", MADE["BindScheme"])
    await hr.did(f"{CYCLE}/open")
    assert (await hr.did(f"{CYCLE}/participants", key="once"))["done"] == 2
    assert (await hr.did(f"{CYCLE}/participants", key="once"))["done"] == 0
    seen = await hr.saw(CYCLE, wait_for=hr.position)
    assert seen["participants"] == 2
    assert seen["participants_resolved_at"] is not None
    assert seen["locked_at"] is None
    for stage in ("data-intake", "rating", "comparison", "calibration", "locked"):
        await hr.did(f"{CYCLE}/advance", {"to": stage})
    seen = await hr.saw(CYCLE, wait_for=hr.position)
    assert seen["locked_at"] is not None


async def test_a_calendar_makes_the_window_of_an_appeal_longer(company: Any) -> None:
    await company.locked()
    hr = await company.client("hr")
    await hr.did(f"{APPRAISAL}/publish")
    employee = await company.client("employee", examples.PERSON_ID)
    filed = {**MADE["FileAppeal"], "indicator": "contract"}
    await employee.did("/appeals", filed)
    first = await hr.saw(
        f"/appeals/{ids.appeal_id(UUID(examples.APPRAISAL_ID), 1, 'contract')}",
        wait_for=employee.position,
    )
    year, day = int(first["appeal"]["file_by"][:4]), first["appeal"]["file_by"]
    await hr.did("/work-calendars", {"year": year, "holidays": [day]})
    unchanged = await hr.post("/work-calendars", {"year": year, "holidays": [day]})
    said(unchanged, 409, "calendar-unchanged")
    (shown,) = (await employee.saw("/work-calendars", wait_for=hr.position))["data"]
    assert (shown["year"], shown["holidays"]) == (year, [day])
    await employee.did("/appeals", {**MADE["FileAppeal"], "indicator": "output"})
    second = await hr.saw(
        f"/appeals/{ids.appeal_id(UUID(examples.APPRAISAL_ID), 1, 'output')}",
        wait_for=employee.position,
    )
    assert second["appeal"]["file_by"] > first["appeal"]["file_by"]
    # What was told stays told.
    again = await hr.saw(f"/appeals/{ids.appeal_id(UUID(examples.APPRAISAL_ID), 1, 'contract')}")
    assert again["appeal"]["file_by"] == day


async def test_people_clock_in_for_themselves_and_machines_for_all(company: Any) -> None:
    await company.organised()
    employee = await company.client("employee", examples.PERSON_ID)
    terminal = await company.client("integration")
    other = await company.client("employee", ids.person_id("P-9"))
    manager = await company.client("manager", examples.MANAGER_ID)
    hr = await company.client("hr")
    await employee.did(ATTENDANCE, MADE["RecordAttendance"])
    went = {**MADE["RecordAttendance"], "at": "2025-03-10T18:01:00+08:00", "direction": "out"}
    await terminal.did(ATTENDANCE, went)
    assert (await other.post(ATTENDANCE, went)).status_code == 404
    said(await employee.post(ATTENDANCE, MADE["RecordAttendance"]), 409, "already-exists")
    for reader in (employee, manager, hr):
        told = await reader.saw(ATTENDANCE, month="2025-03-01")
        assert [(each["on"], each["minutes"]) for each in told["days"]] == [("2025-03-10", 540)]
    assert (await other.get(ATTENDANCE, params={"month": "2025-03-01"})).status_code == 404
    wrong = told["records"][1]["record"]
    withdraw = {**MADE["WithdrawAttendance"], "record": wrong}
    assert (await employee.post(f"{SHEET}/withdraw", withdraw)).status_code == 403
    await hr.did(f"{SHEET}/withdraw", withdraw)
    told = await hr.saw(ATTENDANCE, month="2025-03-01")
    assert told["days"][0]["went_at"] is None
