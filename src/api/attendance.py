"""Time: when people came and went, and which days of a year are worked."""

from datetime import date
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import post
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.attendance import (
    ATTENDANCE_SHEET,
    AttendedDay,
    Clocked,
    RecordAttendance,
    WithdrawAttendance,
    attended,
)
from domain.employment import EMPLOYMENT
from domain.work_calendar import WORK_CALENDAR, SetWorkCalendar
from projections import planning
from projections.questions import Page

OTHERS = writers(auth.HR, auth.ADMIN, auth.INTEGRATION)
"""Who records for others; everybody records for themselves."""
CORRECTORS = writers(auth.HR, auth.ADMIN)
VIEWS = (planning.NAME,)


class OfMonth(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    month: date | None = None
    """Any day of it; the present one where none is given."""


class Attendance(msgspec.Struct, frozen=True, kw_only=True):
    """When somebody came and went in a month. 考勤"""

    employment_id: UUID
    days: tuple[AttendedDay, ...]
    records: tuple[Clocked, ...]
    """Those that count."""


async def _may_record(asked: Asked) -> None:
    store = await asked.store()
    employment, _ = await store.load(EMPLOYMENT, asked.ids["employment_id"])
    whole = found(employment)
    own = asked.caller.person_id is not None and asked.caller.person_id == whole.person_id
    found(whole if own or asked.caller.has(OTHERS) else None)


async def _attendance(asked: Asked, given: OfMonth) -> One:
    """When somebody came and went in a month; for managers their team's, for employees their own"""
    store = await asked.store()
    employment_id = asked.ids["employment_id"]
    employment = found((await store.load(EMPLOYMENT, employment_id))[0])
    caller = asked.caller
    managers = {each.assignment.manager_id for each in employment.assignments}
    team = caller.has(frozenset({auth.MANAGER})) and caller.person_id in managers - {None}
    seen = caller.sees_everyone or caller.person_id == employment.person_id or team
    found(employment if seen else None)
    day = given.month or asked.stamp.now.date()
    sheet_id = ids.attendance_sheet_id(employment_id, day.year, day.month)
    sheet, version = await store.load(ATTENDANCE_SHEET, sheet_id)
    told = Attendance(
        employment_id=employment_id, days=attended(sheet.records), records=sheet.records
    )
    return One(value=told, version=version)


async def _calendars(asked: Asked, given: Listing) -> Page[planning.WorkCalendar]:
    """Work calendars by year."""
    async with asked.view() as view:
        return await planning.calendars(view, limit=given.limit, cursor=given.cursor)


ROUTES: tuple[Route, ...] = (
    post(
        "/employments/{employment_id}/attendance",
        RecordAttendance,
        ATTENDANCE_SHEET,
        roles=auth.EVERYONE - {auth.AUDITOR},
        stream=lambda path, command: ids.attendance_sheet_id(
            path["employment_id"], command.on.year, command.on.month
        ),
        guard=_may_record,
    ),
    get(
        "/employments/{employment_id}/attendance",
        _attendance,
        roles=auth.EVERYONE - {auth.INTEGRATION},
        result=Attendance,
        parameters=OfMonth,
    ),
    post(
        "/attendance-sheets/{sheet_id}/withdraw",
        WithdrawAttendance,
        ATTENDANCE_SHEET,
        roles=CORRECTORS,
        stream=lambda path, _: path["sheet_id"],
    ),
    post(
        "/work-calendars",
        SetWorkCalendar,
        WORK_CALENDAR,
        roles=CORRECTORS,
        stream=lambda _, command: ids.work_calendar_id(command.year),
        creates="/work-calendars",
    ),
    get(
        "/work-calendars",
        _calendars,
        roles=auth.EVERYONE,
        result=planning.WorkCalendar,
        projections=VIEWS,
        parameters=Listing,
    ),
)
