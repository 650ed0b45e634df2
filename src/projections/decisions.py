"""What waits for somebody's decision and has no list of its own: one row for each stream.

Exceptions of performance shares, adjustments of scores, vetoes, erasures. What was decided has no
row any more. Reasons are not copied here: they are opened from the log when asked for.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.appraisal import ScoreLocked
from domain.conduct import AdjustmentApproved, AdjustmentProposed, AdjustmentRejected
from domain.erasure import ErasureDeclined, ErasureRequested, SubjectErased
from domain.leavers import AppraisalVoided
from domain.occurrences import OccurrenceWithdrawn, VetoApplied, VetoProposed
from domain.share_override import (
    PerformanceShareOverrideApproved,
    PerformanceShareOverrideRejected,
    PerformanceShareOverrideRequested,
)
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Page, View, page
from projections.tables import Row, Table
from tenancy.records import Recorded

NAME = "decisions"
VERSION = 1

DecisionKind = Literal["share", "adjustment", "veto", "erasure"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that waits."""

    of: str
    """Names it among those of its stream: a first day, or the event that proposed it."""
    code: str = ""
    """A reason's, a veto's, a basis in law."""
    starts_on: date | None = None
    ends_on: date | None = None
    before: Decimal | None = None
    after: Decimal | None = None
    near_edge: Decimal | None = None
    reference: str = ""
    asked_by: UUID
    asked_at: datetime
    asked_position: int
    """Where the reason is."""


class Waiting(Row, kw_only=True):
    """待审批事项 of one stream."""

    stream_id: UUID
    kind: DecisionKind
    person_id: UUID | None
    """None where the stream is an employment."""
    cycle_id: UUID | None = None
    """Of a veto."""
    first_position: int
    asked: tuple[Asked, ...]


WAITING: Table[Waiting] = Table(
    "decisions",
    Waiting,
    projection=NAME,
    version=VERSION,
    key=("stream_id",),
    indexes=(("kind", "first_position"), ("first_position",)),
)

_ASKING = (PerformanceShareOverrideRequested, AdjustmentProposed, VetoProposed, ErasureRequested)
_DECIDED = (
    PerformanceShareOverrideApproved,
    PerformanceShareOverrideRejected,
    AdjustmentApproved,
    AdjustmentRejected,
    ScoreLocked,
    AppraisalVoided,
    VetoApplied,
    OccurrenceWithdrawn,
    ErasureDeclined,
    SubjectErased,
)


def step(row: Waiting | None, recorded: Recorded) -> Waiting | None:
    """What waits of a stream after one more event; None where nothing does. Pure."""
    event = recorded.event
    if isinstance(event, _ASKING):
        return _with(row, recorded)
    if row is None:
        return None
    left = tuple(each for each in row.asked if each.of != _decided(event))
    if not left:
        return None
    return msgspec.structs.replace(row, asked=left)


def _with(row: Waiting | None, recorded: Recorded) -> Waiting:
    event = recorded.event
    kind, asked = _asked(recorded, event)
    if row is not None:
        more = (*row.asked, asked)
        return msgspec.structs.replace(row, asked=more)
    return Waiting(
        stream_id=recorded.stream_id,
        kind=kind,
        person_id=getattr(event, "person_id", None),
        cycle_id=getattr(event, "cycle_id", None),
        first_position=recorded.position,
        asked=(asked,),
    )


def _asked(recorded: Recorded, event: Any) -> tuple[DecisionKind, Asked]:
    by: dict[str, Any] = {
        "asked_by": recorded.actor,
        "asked_at": recorded.recorded_at,
        "asked_position": recorded.position,
    }
    match event:
        case PerformanceShareOverrideRequested():
            return "share", Asked(
                of=event.effective_from.isoformat(),
                starts_on=event.effective_from,
                ends_on=event.effective_until,
                after=event.performance_share,
                **by,
            )
        case AdjustmentProposed():
            return "adjustment", Asked(
                of="",
                code=event.reason_code,
                before=event.score_before,
                after=event.score_after,
                near_edge=event.near_edge,
                **by,
            )
        case VetoProposed():
            return "veto", Asked(
                of=str(recorded.event_id),
                code=event.item,
                starts_on=event.occurred_on,
                reference=event.evidence,
                **by,
            )
        case _:
            return "erasure", Asked(of="", code=event.basis, reference=event.reference, **by)


def _decided(event: Any) -> str:
    """What an event decides on, as `Asked.of` names it."""
    match event:
        case PerformanceShareOverrideApproved() | PerformanceShareOverrideRejected():
            return event.effective_from.isoformat()
        case VetoApplied():
            return str(event.proposal)
        case OccurrenceWithdrawn():
            return str(event.occurrence)
        case _:
            return ""


DECISIONS = by_stream(NAME, VERSION, ((WAITING, step, (*_ASKING, *_DECIDED)),))


async def waiting(
    view: View,
    *,
    kind: DecisionKind | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Waiting]:
    """What waits, the oldest stream first."""
    return await page(
        view, WAITING, order=("first_position",), where={"kind": kind}, limit=limit, cursor=cursor
    )


async def reasons(view: View, rows: Sequence[Waiting]) -> dict[int, str | None]:
    """Why, by the position of the asking; None for erasures, which have a basis instead."""
    opened = await view.reopen([each.asked_position for row in rows for each in row.asked])
    return {position: getattr(told.event, "reason", None) for position, told in opened.items()}
