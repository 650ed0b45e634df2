"""What waits for a decision and has no list of its own: shares, adjustments, vetoes, erasures."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.queries import Listing
from api.routes import Route, get
from domain.cycle import CYCLE
from domain.employment import EMPLOYMENT
from projections import decisions
from projections.decisions import DecisionKind
from projections.questions import Page
from tenancy.store import Store

READERS = auth.WHOLE_COMPANY
VIEWS = (decisions.NAME,)
STILL = frozenset({"data-intake", "rating", "comparison", "calibration"})
"""Stages of a cycle in which a veto can still be applied."""


class Decisions(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: DecisionKind | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """待审批事项: decided at the path of its kind."""

    kind: DecisionKind
    stream_id: UUID
    """The employment, the appraisal, the sheet of occurrences, or the erasure."""
    person_id: UUID | None
    of: str
    """Names it among those of its stream, as the command that decides does."""
    code: str
    starts_on: date | None
    ends_on: date | None
    before: Decimal | None
    """The score now."""
    after: Decimal | None
    """The score or the share that is asked for."""
    near_edge: Decimal | None
    reference: str
    reason: str | None
    asked_by: UUID
    asked_at: datetime
    position: int


async def _decisions(asked: Asked, given: Decisions) -> Page[Decision]:
    """What waits for somebody's decision, the oldest first, but one's own score; by streams."""
    async with asked.view() as view:
        page = await decisions.waiting(
            view, kind=given.kind, limit=given.limit, cursor=given.cursor
        )
        why = await decisions.reasons(view, page.items)
    store = await asked.store()
    told: list[Decision] = []
    for row in page.items:
        person_id = await _person(store, row)
        # Being the person concerned comes before any role, as everywhere.
        if person_id != asked.caller.person_id and await _can_still(store, row):
            told.extend(_told(row, each, person_id, why) for each in row.asked)
    return page.of(told)


async def _person(store: Store, row: decisions.Waiting) -> UUID | None:
    if row.person_id is not None:
        return row.person_id
    employment = await store.recall(EMPLOYMENT, row.stream_id)
    return None if employment is None else employment.person_id


async def _can_still(store: Store, row: decisions.Waiting) -> bool:
    if row.cycle_id is None:
        return True
    cycle = await store.recall(CYCLE, row.cycle_id)
    return cycle is not None and cycle.stage in STILL


def _told(
    row: decisions.Waiting,
    each: decisions.Asked,
    person_id: UUID | None,
    why: dict[int, str | None],
) -> Decision:
    return Decision(
        kind=row.kind,
        stream_id=row.stream_id,
        person_id=person_id,
        of=each.of,
        code=each.code,
        starts_on=each.starts_on,
        ends_on=each.ends_on,
        before=each.before,
        after=each.after,
        near_edge=each.near_edge,
        reference=each.reference,
        reason=why.get(each.asked_position),
        asked_by=each.asked_by,
        asked_at=each.asked_at,
        position=row.position,
    )


ROUTES: tuple[Route, ...] = (
    get(
        "/decisions",
        _decisions,
        roles=READERS,
        result=Decision,
        projections=VIEWS,
        parameters=Decisions,
    ),
)
