"""Deadlines, work calendars, attendance: days that people are held to, and who may change them."""

import ast
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given as over
from hypothesis import strategies as st

import domain
from domain import ids
from domain.attendance import (
    AttendanceRecorded,
    AttendanceWithdrawn,
    RecordAttendance,
    WithdrawAttendance,
    attended,
)
from domain.calendar import after_working_days
from domain.cycle import (
    AdvanceCycle,
    CyclePlanned,
    NoteParticipants,
    ParticipantsResolved,
    PlanCycle,
)
from domain.cycle_deadlines import (
    STAGES_WITH_DEADLINES,
    DeadlineExtended,
    ExtendDeadline,
    StageDeadline,
)
from domain.kernel import Context, Refused
from domain.ratings import Rating, SubmitManagerRating, SubmitSelfRating
from domain.work_calendar import SetWorkCalendar, WorkCalendarSet, window

DEADLINES = (
    StageDeadline(stage="goal-setting", on=date(2025, 1, 31)),
    StageDeadline(stage="rating", on=date(2025, 4, 15)),
)
PLAN = PlanCycle(
    code="2025Q1",
    name="一季度",
    starts_on=date(2025, 1, 1),
    ends_on=date(2025, 3, 31),
    deadlines=tuple(reversed(DEADLINES)),
)
CYCLE_ID = ids.cycle_id("2025Q1")

# -- deadlines


def test_a_cycle_is_planned_with_the_last_days_of_its_stages(world: Any) -> None:
    (planned,) = world.do(PLAN)
    assert isinstance(planned, CyclePlanned)
    assert planned.deadlines == DEADLINES
    state = world.states[CYCLE_ID]
    assert not state.is_over("rating", date(2025, 4, 15))
    assert state.is_over("rating", date(2025, 4, 16))
    assert not state.is_over("comparison", date(2099, 1, 1))


@pytest.mark.parametrize(
    "deadlines",
    [
        (DEADLINES[0], DEADLINES[0]),
        (DEADLINES[1], StageDeadline(stage="comparison", on=date(2025, 4, 14))),
        (StageDeadline(stage="rating", on=date(2024, 12, 31)),),
    ],
)
def test_deadlines_are_in_the_order_of_their_stages(world: Any, deadlines: Any) -> None:
    world.refuses("bad-deadline", msgspec.structs.replace(PLAN, deadlines=deadlines))


def test_a_deadline_is_extended_with_a_reason_and_never_shortened(world: Any) -> None:
    world.do(PLAN)
    extend = ExtendDeadline(stage="rating", on=date(2025, 4, 20), reason="春节假期顺延")
    (extended,) = world.do(extend, on=CYCLE_ID)
    assert extended == DeadlineExtended(
        stage="rating", before=date(2025, 4, 15), on=date(2025, 4, 20), reason="春节假期顺延"
    )
    world.refuses("deadline-not-later", extend, on=CYCLE_ID)
    silent = ExtendDeadline(stage="rating", on=date(2025, 4, 21), reason=" ")
    world.refuses("reason-missing", silent, on=CYCLE_ID)
    beyond = ExtendDeadline(stage="goal-setting", on=date(2025, 4, 21), reason="x")
    world.refuses("bad-deadline", beyond, on=CYCLE_ID)
    first = ExtendDeadline(stage="comparison", on=date(2025, 4, 30), reason="补充")
    (added,) = world.do(first, on=CYCLE_ID)
    assert added.before is None


def test_a_stage_that_is_over_gets_no_more_time(company: Any) -> None:
    company.open()
    for stage in ("data-intake", "rating"):
        company.world.do(AdvanceCycle(to=stage), on=company.cycle)
    late = ExtendDeadline(stage="data-intake", on=date(2099, 1, 1), reason="x")
    company.world.refuses("wrong-stage", late, on=company.cycle)
    still = ExtendDeadline(stage="rating", on=date(2099, 1, 1), reason="x")
    company.world.do(still, on=company.cycle)


@over(
    days=st.lists(
        st.tuples(st.sampled_from(STAGES_WITH_DEADLINES), st.integers(0, 200)), max_size=8
    )
)
def test_deadlines_only_ever_move_on(days: Any, found_company: Any) -> None:
    """Whatever is asked for: those of later stages never end first, and none ends earlier."""
    world = found_company().world
    world.do(msgspec.structs.replace(PLAN, code="D", deadlines=()))
    cycle = ids.cycle_id("D")
    for stage, days_on in days:
        before = {each.stage: each.on for each in world.states[cycle].deadlines}
        extend = ExtendDeadline(
            stage=stage, on=date(2025, 1, 1) + timedelta(days=days_on), reason="x"
        )
        with suppress(Refused):
            world.do(extend, on=cycle)
        after = {each.stage: each.on for each in world.states[cycle].deadlines}
        assert all(after[each] >= day for each, day in before.items())
        ordered = [each.on for each in world.states[cycle].deadlines]
        assert ordered == sorted(ordered)


def test_after_its_last_day_a_self_rating_is_missing_and_nobody_waits_for_it(company: Any) -> None:
    world = company.world
    company.pay()
    appraisal = company.case_1(until="opened")
    goals = {"contract": "1200000", "collection": "900000", "output": "1000000"}
    company.agree_goals(appraisal, **goals)
    company.record(contract="1140000", collection="702000", output="1050000")
    company.advance("rating")
    company.score(appraisal)
    today = world.now.date()
    deadline = ExtendDeadline(stage="rating", on=today, reason="按计划")
    world.do(deadline, on=company.cycle)
    rating = (Rating(indicator="duty", points=Decimal(90)),)
    world.now += timedelta(days=1)
    own = SubmitSelfRating(ratings=rating)
    world.refuses("deadline-passed", own, on=appraisal, actor=company.seller)
    # Managers are waited for: a score is not locked without them.
    by_manager = SubmitManagerRating(ratings=rating)
    world.do(by_manager, on=appraisal, actor=company.manager)
    more = ExtendDeadline(stage="rating", on=today + timedelta(days=3), reason="系统维护")
    world.do(more, on=company.cycle)
    world.do(own, on=appraisal, actor=company.seller)


def test_who_takes_part_is_written_down(company: Any) -> None:
    company.open()
    note = NoteParticipants(employments=3, created=2, refused=1)
    (noted,) = company.world.do(note, on=company.cycle)
    assert noted == ParticipantsResolved(employments=3, created=2, refused=1)


# -- work calendars

MAY = SetWorkCalendar(
    year=2025,
    holidays=(date(2025, 5, 5), date(2025, 5, 1), date(2025, 5, 2)),
    made_up=(date(2025, 4, 27),),
)
CALENDAR = ids.work_calendar_id(2025)


def test_the_last_calendar_of_a_year_counts(world: Any) -> None:
    (first,) = world.do(MAY)
    assert first == WorkCalendarSet(
        year=2025,
        holidays=(date(2025, 5, 1), date(2025, 5, 2), date(2025, 5, 5)),
        made_up=(date(2025, 4, 27),),
    )
    world.refuses("calendar-unchanged", MAY)
    world.do(msgspec.structs.replace(MAY, made_up=()))
    assert world.states[CALENDAR].made_up == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"year": 2026},
        {"year": 10_000},
        {"made_up": (date(2025, 5, 1),)},
        {"holidays": (date(2025, 5, 1), date(2025, 5, 1))},
    ],
)
def test_a_calendar_names_days_of_its_year_once(world: Any, changes: dict[str, Any]) -> None:
    world.refuses("bad-date", msgspec.structs.replace(MAY, **changes))


def test_windows_skip_holidays_and_use_made_up_days(company: Any) -> None:
    world = company.world
    company.plan()
    cycle = world.states[company.cycle]
    context = Context(now=world.now, actor=uuid4(), look=world)
    friday = date(2025, 4, 18)
    assert window(friday, 10, cycle, context) == date(2025, 5, 2)
    world.do(MAY)
    # 21-25 April, 27 April (made up), 28-30 April, and 6 May: 1, 2 and 5 May are holidays.
    assert window(friday, 10, cycle, context) == date(2025, 5, 6)
    over_new_year = date(2025, 12, 31)
    assert window(over_new_year, 1, cycle, context) == date(2026, 1, 1)
    world.do(SetWorkCalendar(year=2026, holidays=(date(2026, 1, 1), date(2026, 1, 2))))
    assert window(over_new_year, 1, cycle, context) == date(2026, 1, 5)


@over(
    holidays=st.sets(st.dates(date(2025, 1, 1), date(2025, 12, 31)), max_size=40),
    begins=st.dates(date(2025, 1, 1), date(2025, 6, 30)),
    count=st.integers(1, 30),
)
def test_a_window_has_its_working_days_and_ends_on_one(
    holidays: set[date], begins: date, count: int
) -> None:
    ends = after_working_days(begins, count, holidays=frozenset(holidays))
    days = [begins + timedelta(days=each) for each in range(1, (ends - begins).days + 1)]
    worked = [day for day in days if day.weekday() < 5 and day not in holidays]
    assert len(worked) == count
    assert worked[-1] == ends


# -- attendance

CHINA = timezone(timedelta(hours=8))


def clock(company: Any, day: int, hour: int, direction: str, **changes: Any) -> RecordAttendance:
    command = RecordAttendance(
        employment_id=company.employment,
        on=date(2025, 3, day),
        at=datetime(2025, 3, day, hour, 1, tzinfo=CHINA),
        direction=direction,  # type: ignore[arg-type]  # parametrised
        device="mobile",
    )
    return msgspec.structs.replace(command, **changes)


def test_people_come_and_go(company: Any) -> None:
    world = company.world
    sheet = ids.attendance_sheet_id(company.employment, 2025, 3)
    (came,) = world.do(clock(company, 10, 9, "in"), on=sheet, actor=company.seller)
    assert came == AttendanceRecorded(
        employment_id=company.employment,
        on=date(2025, 3, 10),
        at=datetime(2025, 3, 10, 1, 1, tzinfo=UTC),
        direction="in",
        device="mobile",
    )
    wrong = world.log[-1].event_id
    world.do(clock(company, 10, 10, "in"), on=sheet)
    world.do(clock(company, 10, 18, "out"), on=sheet)
    world.do(clock(company, 11, 9, "in"), on=sheet)
    world.refuses("already-exists", clock(company, 10, 9, "in"), on=sheet)
    first, second = attended(world.states[sheet].records)
    assert (first.on, first.minutes) == (date(2025, 3, 10), 9 * 60)
    assert (second.went_at, second.minutes) == (None, None)
    withdraw = WithdrawAttendance(record=wrong, reason="设备误报")
    world.refuses("own-attendance", withdraw, on=sheet, actor=company.seller)
    (gone,) = world.do(withdraw, on=sheet)
    assert gone == AttendanceWithdrawn(person_id=company.seller, record=wrong, reason="设备误报")
    world.refuses("unknown-attendance", withdraw, on=sheet)
    first, _ = attended(world.states[sheet].records)
    assert first.minutes == 8 * 60


def test_what_is_no_attendance(company: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world = company.world
    sheet = ids.attendance_sheet_id(company.employment, 2025, 3)
    nobody = clock(company, 10, 9, "in", employment_id=uuid4())
    world.refuses("unknown-employment", nobody, on=sheet)
    early = clock(company, 10, 9, "in", on=date(1999, 3, 10))
    world.refuses("not-employed-then", early, on=sheet)
    naive = clock(company, 10, 9, "in", at=datetime(2025, 3, 10, 9, 1))  # noqa: DTZ001
    world.refuses("bad-date", naive, on=sheet)
    elsewhen = clock(company, 10, 9, "in", on=date(2025, 3, 20))
    world.refuses("bad-date", elsewhen, on=sheet)
    monkeypatch.setattr("domain.attendance.RECORDS_MAX", 1)
    world.do(clock(company, 10, 9, "in"), on=sheet)
    world.refuses("too-many-records", clock(company, 11, 9, "in"), on=sheet)


def test_attendance_pays_nothing_by_itself() -> None:
    """A forgotten card takes nobody's money: nothing that reckons pay knows of attendance."""
    knowing = {
        path.stem
        for path in Path(domain.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (
            node.module == "domain.attendance"
            or (node.module == "domain" and any(each.name == "attendance" for each in node.names))
        )
    }
    # A missed punch that was approved is recorded as attendance.
    assert knowing == {"catalogue_planning", "time_request"}
