"""Time: when people came and went, where they work, and which days of a year are worked."""

from datetime import date
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import post
from api.considering import consider
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
from domain.fence import (
    FENCE,
    LOCATION_CONSENT,
    Fence,
    GiveLocationConsent,
    LocationConsent,
    Place,
    RemoveFence,
    SetFence,
    WithdrawLocationConsent,
    fence_on,
)
from domain.kernel import Context
from domain.org_units import ORG_UNIT
from domain.organisation import PERSON
from domain.work_calendar import WORK_CALENDAR, SetWorkCalendar
from projections import planning
from projections.questions import Page

OTHERS = writers(auth.HR, auth.ADMIN, auth.INTEGRATION)
"""Who records for others; everybody records for themselves."""
CORRECTORS = writers(auth.HR, auth.ADMIN)
PEOPLE = writers(auth.EMPLOYEE, auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
SEEN_BY = auth.EVERYONE - {auth.INTEGRATION}
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


class FenceTold(msgspec.Struct, frozen=True, kw_only=True):
    """电子围栏 of a unit."""

    org_unit_id: UUID
    places: tuple[Place, ...]


class OwnFence(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for an employment today."""

    places: tuple[Place, ...]
    """None where no fence is set: then no phone is asked."""
    consent: bool


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


async def _of_unit(asked: Asked, _: Parameters) -> One:
    """Where a unit works; no places where it has no fence."""
    unit_id, store = asked.one_id(), await asked.store()
    found((await store.load(ORG_UNIT, unit_id))[0])
    fence, version = await store.load(FENCE, ids.fence_id(unit_id))
    return One(value=FenceTold(org_unit_id=unit_id, places=fence.places), version=version)


async def _of_employment(asked: Asked, _: Parameters) -> One:
    """What a person's phone needs to reckon whether it is inside, and whether it may tell"""
    store, employment_id = await asked.store(), asked.one_id()
    employment = found((await store.load(EMPLOYMENT, employment_id))[0])
    own = asked.caller.person_id == employment.person_id
    found(employment if own or asked.caller.sees_everyone else None)

    def question(context: Context) -> Fence:
        return fence_on(employment_id, context.today, context)

    fence = await consider(store, asked.stamp, question)
    consent, _version = await store.load(
        LOCATION_CONSENT, ids.location_consent_id(employment.person_id)
    )
    return One(value=OwnFence(places=fence.places, consent=consent.given))


async def _consent(asked: Asked, _: Parameters) -> One:
    """Whether somebody lets their phone tell it; for themselves and for the company"""
    person_id, caller = asked.one_id(), asked.caller
    found(person_id if caller.sees_everyone or caller.person_id == person_id else None)
    store = await asked.store()
    found((await store.load(PERSON, person_id))[0])
    consent, version = await store.load(LOCATION_CONSENT, ids.location_consent_id(person_id))
    return One(value=consent, version=version)


async def _own_only(asked: Asked) -> None:
    found(True if asked.caller.person_id == asked.ids["person_id"] else None)


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
        "/org-units/{org_unit_id}/fence",
        SetFence,
        FENCE,
        roles=CORRECTORS,
        stream=lambda path, _: ids.fence_id(path["org_unit_id"]),
    ),
    post(
        "/org-units/{org_unit_id}/fence/remove",
        RemoveFence,
        FENCE,
        roles=CORRECTORS,
        stream=lambda path, _: ids.fence_id(path["org_unit_id"]),
    ),
    get("/org-units/{org_unit_id}/fence", _of_unit, roles=auth.WHOLE_COMPANY, result=FenceTold),
    get("/employments/{employment_id}/fence", _of_employment, roles=SEEN_BY, result=OwnFence),
    *(
        post(
            f"/people/{{person_id}}/location-consent{name}",
            command,
            LOCATION_CONSENT,
            roles=PEOPLE,
            stream=lambda path, _: ids.location_consent_id(path["person_id"]),
            guard=_own_only,
        )
        for name, command in (
            ("", GiveLocationConsent),
            ("/withdraw", WithdrawLocationConsent),
        )
    ),
    get(
        "/people/{person_id}/location-consent",
        _consent,
        roles=auth.EVERYONE - {auth.INTEGRATION},
        result=LocationConsent,
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
