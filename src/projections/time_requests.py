"""Requests about time: whose, of whom they are asked, and what became of them.

Kinds, reasons and comments are not copied here: they are opened from the log when asked for.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from domain.attendance import Direction
from domain.time_request import (
    Asked,
    LeaveRequested,
    OvertimeRequested,
    PunchRequested,
    RequestKind,
    RequestState,
    TimeRequestApproved,
    TimeRequestRejected,
    TimeRequestWithdrawn,
)
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Holds, Page, View, page
from projections.tables import Row, Table, begun
from tenancy.records import Recorded

NAME = "time_requests"
VERSION = 2


class TimeRequest(Row, kw_only=True):
    """请假, 加班, 补卡"""

    request_id: UUID
    employment_id: UUID
    person_id: UUID
    manager_id: UUID | None
    what: RequestKind
    starts_on: date
    ends_on: date
    unpaid: bool = False
    minutes: int | None = None
    """Of overtime."""
    at: datetime | None = None
    """Of a missed punch."""
    direction: Direction | None = None
    state: RequestState = "waiting"
    requested_by: UUID
    requested_at: datetime
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    decision: int | None = None
    """The log position of the approval or the rejection, which holds what was said."""
    asked_position: int
    """The newest: it may be asked for again."""
    version: int


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """What people wrote about a request; None once it was erased."""

    kind: str | None
    reason: str | None
    answer: str | None


REQUESTS: Table[TimeRequest] = Table(
    "time_requests",
    TimeRequest,
    projection=NAME,
    version=VERSION,
    key=("request_id",),
    indexes=(("asked_position",), ("person_id", "asked_position")),
)


def step(row: TimeRequest | None, recorded: Recorded) -> TimeRequest:
    """The request's next state; pure."""
    event = recorded.event
    match event:
        case LeaveRequested():
            return _new(
                recorded,
                event,
                what="leave",
                starts_on=event.starts_on,
                ends_on=event.ends_on,
                unpaid=event.unpaid,
            )
        case OvertimeRequested():
            return _new(
                recorded,
                event,
                what="overtime",
                starts_on=event.on,
                ends_on=event.on,
                minutes=event.minutes,
            )
        case PunchRequested():
            return _new(
                recorded,
                event,
                what="punch",
                starts_on=event.on,
                ends_on=event.on,
                at=event.at,
                direction=event.direction,
            )
    row = begun(row, recorded)
    row.version = recorded.version
    row.decided_by, row.decided_at = recorded.actor, recorded.recorded_at
    match event:
        case TimeRequestApproved():
            row.state, row.decision = "approved", recorded.position
        case TimeRequestRejected():
            row.state, row.decision = "rejected", recorded.position
        case TimeRequestWithdrawn():
            row.state = "withdrawn"
    return row


def _new(recorded: Recorded, event: Asked, **told: Any) -> TimeRequest:
    return TimeRequest(
        request_id=recorded.stream_id,
        employment_id=event.employment_id,
        person_id=event.person_id,
        manager_id=event.manager_id,
        requested_by=recorded.actor,
        requested_at=recorded.recorded_at,
        asked_position=recorded.position,
        version=recorded.version,
        **told,
    )


TIME_REQUESTS = by_stream(
    NAME,
    VERSION,
    (
        (
            REQUESTS,
            step,
            (
                LeaveRequested,
                OvertimeRequested,
                PunchRequested,
                TimeRequestApproved,
                TimeRequestRejected,
                TimeRequestWithdrawn,
            ),
        ),
    ),
)

OF_PERSON = "(person_id::text = {}::text OR manager_id::text = {}::text)"


async def requests(
    view: View,
    *,
    state: RequestState | None = None,
    person_id: UUID | None = None,
    concerning: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[TimeRequest]:
    """Requests in the order of their asking.

    Args:
        view: what to ask.
        state: in this state.
        person_id: for this person.
        concerning: for this person or asked of them.
        limit: 1..500 rows.
        cursor: the `next` of the page before.
    """
    return await page(
        view,
        REQUESTS,
        order=("asked_position",),
        where={"state": state, "person_id": person_id},
        holding=[] if concerning is None else [Holds(OF_PERSON, str(concerning))],
        limit=limit,
        cursor=cursor,
    )


async def texts(view: View, rows: Sequence[TimeRequest]) -> dict[UUID, Texts]:
    """What people wrote about these requests, at most 500 of them, opened from the log."""
    decisions = [row.decision for row in rows if row.decision is not None]
    opened = await view.reopen([*(row.asked_position for row in rows), *decisions])
    return {
        row.request_id: Texts(
            kind=getattr(opened[row.asked_position].event, "kind", None),
            reason=opened[row.asked_position].event.reason,
            answer=None if row.decision is None else _answer(opened[row.decision].event),
        )
        for row in rows
    }


def _answer(event: TimeRequestApproved | TimeRequestRejected) -> str | None:
    return event.comment if isinstance(event, TimeRequestApproved) else event.reason
