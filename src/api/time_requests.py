"""Requests about time: asked for, decided by another, withdrawn, listed."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, found
from api.routes import Route, get, writers
from domain import ids
from domain.attendance import Direction
from domain.employment import EMPLOYMENT
from domain.time_request import (
    TIME_REQUEST,
    ApproveTimeRequest,
    RejectTimeRequest,
    RequestKind,
    RequestLeave,
    RequestOvertime,
    RequestPunch,
    RequestState,
    WithdrawTimeRequest,
)
from projections import time_requests
from projections.questions import Page

PEOPLE = writers(auth.EMPLOYEE, auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
PERSONNEL = frozenset({auth.HR, auth.ADMIN})
"""Who asks and decides for others, and reads the reasons of all."""
DECIDERS = writers(auth.MANAGER, auth.HR, auth.ADMIN)
VIEWS = (time_requests.NAME,)


class Requests(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: RequestState | None = None
    person_id: UUID | None = None


class TimeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request for leave, overtime, or a missed coming or going. 请假, 加班, 补卡"""

    request_id: UUID
    employment_id: UUID
    person_id: UUID
    manager_id: UUID | None
    """Of whom it is asked; personnel decides as well."""
    what: RequestKind
    starts_on: date
    ends_on: date
    unpaid: bool
    minutes: int | None
    """Of overtime."""
    at: datetime | None
    """Of a coming or going that was missed."""
    direction: Direction | None
    kind: str | None
    """Of leave. As the reason and the answer, for the person, who is asked, and personnel."""
    reason: str | None
    answer: str | None
    state: RequestState
    requested_by: UUID
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    version: int
    position: int


async def _may_ask(asked: Asked) -> None:
    store = await asked.store()
    employment = found((await store.load(EMPLOYMENT, asked.ids["employment_id"]))[0])
    own = asked.caller.person_id is not None and asked.caller.person_id == employment.person_id
    found(employment if own or asked.caller.has(PERSONNEL) else None)


async def _may_decide(asked: Asked) -> None:
    store = await asked.store()
    request = found((await store.load(TIME_REQUEST, asked.ids["request_id"]))[0])
    employment = found((await store.load(EMPLOYMENT, request.employment_id))[0])
    managers = {each.assignment.manager_id for each in employment.assignments} - {None}
    leads = asked.caller.person_id in managers
    found(request if leads or asked.caller.has(PERSONNEL) else None)


async def _may_withdraw(asked: Asked) -> None:
    store = await asked.store()
    request = found((await store.load(TIME_REQUEST, asked.ids["request_id"]))[0])
    found(request if asked.caller.actor in {request.person_id, request.requested_by} else None)


async def _requests(asked: Asked, given: Requests) -> Page[TimeRequest]:
    """Requests in the order of asking; one's own and those asked of one, of all for personnel."""
    everyone = asked.caller.has(PERSONNEL | {auth.AUDITOR})
    async with asked.view() as view:
        page = await time_requests.requests(
            view,
            state=given.state,
            person_id=given.person_id,
            concerning=None if everyone else asked.caller.actor,
            limit=given.limit,
            cursor=given.cursor,
        )
        texts = await time_requests.texts(view, page.items)
    return page.of([_told(row, texts[row.request_id], asked) for row in page.items])


def _told(row: time_requests.TimeRequest, texts: time_requests.Texts, asked: Asked) -> TimeRequest:
    parties = {row.person_id, row.manager_id}
    knows = asked.caller.has(PERSONNEL) or asked.caller.person_id in parties - {None}
    return TimeRequest(
        request_id=row.request_id,
        employment_id=row.employment_id,
        person_id=row.person_id,
        manager_id=row.manager_id,
        what=row.what,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        unpaid=row.unpaid,
        minutes=row.minutes,
        at=row.at,
        direction=row.direction,
        kind=texts.kind if knows else None,
        reason=texts.reason if knows else None,
        answer=texts.answer if knows else None,
        state=row.state,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        version=row.version,
        position=row.position,
    )


_EMPLOYMENT = "/employments/{employment_id}"
_REQUEST = "/time-requests/{request_id}"

ROUTES: tuple[Route, ...] = (
    post(
        f"{_EMPLOYMENT}/leave-requests",
        RequestLeave,
        TIME_REQUEST,
        roles=PEOPLE,
        stream=lambda path, command: ids.time_request_id(
            path["employment_id"], "leave", command.starts_on
        ),
        creates="/time-requests",
        guard=_may_ask,
    ),
    post(
        f"{_EMPLOYMENT}/overtime-requests",
        RequestOvertime,
        TIME_REQUEST,
        roles=PEOPLE,
        stream=lambda path, command: ids.time_request_id(
            path["employment_id"], "overtime", command.on
        ),
        creates="/time-requests",
        guard=_may_ask,
    ),
    post(
        f"{_EMPLOYMENT}/punch-requests",
        RequestPunch,
        TIME_REQUEST,
        roles=PEOPLE,
        stream=lambda path, command: ids.time_request_id(
            path["employment_id"], f"punch-{command.direction}", command.on
        ),
        creates="/time-requests",
        guard=_may_ask,
    ),
    get(
        "/time-requests",
        _requests,
        roles=auth.EVERYONE - {auth.INTEGRATION},
        result=TimeRequest,
        projections=VIEWS,
        parameters=Requests,
    ),
    *(
        post(
            f"{_REQUEST}/{name}",
            command,
            TIME_REQUEST,
            roles=roles,
            stream=from_path("request_id"),
            guard=guard,
        )
        for name, command, roles, guard in (
            ("approve", ApproveTimeRequest, DECIDERS, _may_decide),
            ("reject", RejectTimeRequest, DECIDERS, _may_decide),
            ("withdraw", WithdrawTimeRequest, PEOPLE, _may_withdraw),
        )
    ),
)
