"""What of an appraisal its reader may see: sealed ratings, and results once published."""

from collections.abc import Callable
from typing import Any, Literal
from uuid import UUID

import msgspec

from api import auth
from api.auth import Caller
from domain.appraisal import CalibrationApplied, ResultPublished, ScoreLocked
from domain.conduct import (
    AdjustmentApproved,
    AdjustmentProposed,
    AdjustmentRejected,
    RatingWaived,
)
from domain.explanation import Node
from domain.leavers import PayForfeited
from domain.rater_groups import without_raters
from domain.ratings import ManagerRatingSubmitted, SelfRatingSubmitted
from domain.receipt import ReceiptIssued
from domain.reopening import ScoreRelocked
from domain.scheme import Scheme
from projections import scores
from tenancy.records import Recorded

Relation = Literal["ratee", "manager", "company"]


def relation(caller: Caller, person_id: UUID, manager_id: UUID | None) -> Relation | None:
    """How the caller stands to an appraisal; None: it does not exist for this caller.

    Being the person concerned, or their manager, comes before any role: someone in human
    resources sees their own appraisal as everyone sees theirs.
    """
    if caller.person_id is not None:
        if caller.person_id == person_id:
            return "ratee"
        if caller.person_id == manager_id and (
            caller.has(frozenset({auth.MANAGER})) or caller.sees_everyone
        ):
            return "manager"
    return "company" if caller.sees_everyone else None


def row_for(reader: Relation, row: scores.Appraisal) -> scores.Appraisal:
    """The row without what its reader may not see yet: the result, for the person concerned."""
    if reader != "ratee" or row.published_version == row.lock_version:
        return row
    shown = tuple(each for each in row.versions if each.version <= row.published_version)
    if not shown:
        return msgspec.structs.replace(
            row,
            score=None,
            coefficient=None,
            calibration=0,
            locked_event_id=None,
            versions=(),
            pay_forfeited=False,
        )
    # The version that was shown last stays what the person knows, until the next one is shown.
    return msgspec.structs.replace(
        row,
        score=shown[-1].score,
        coefficient=shown[-1].coefficient,
        lock_version=shown[-1].version,
        locked_event_id=shown[-1].event_id,
        versions=shown,
    )


BEFORE_PUBLICATION: frozenset[type] = frozenset(
    {
        AdjustmentApproved,
        AdjustmentProposed,
        AdjustmentRejected,
        CalibrationApplied,
        PayForfeited,
        ReceiptIssued,
        ScoreLocked,
    }
)
"""What the person concerned does not see before the result is shown."""

WHO_SAID_WHAT = frozenset({auth.HR, auth.AUDITOR, auth.ADMIN})
"""Who may see every leaf of an explanation, those of single raters of a 360 among them."""


def teller(caller: Caller, reader: Relation, scheme: Scheme) -> Callable[[Any], Any]:
    """Tells explanations, and events that hold one, as the reader may see them."""
    if reader == "company" and caller.has(WHO_SAID_WHAT):
        return lambda value: value
    contents = [version.content for version in scheme.versions]

    def told(value: Any) -> Any:
        if isinstance(value, Node):
            for content in contents:
                value = without_raters(value, content)
            return value
        if isinstance(value, ScoreLocked | ScoreRelocked):
            return msgspec.structs.replace(value, explanation=told(value.explanation))
        return value

    return told


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """An event of an appraisal as its reader may see it."""

    version: int
    position: int
    topic: str
    recorded_at: Any
    actor: UUID
    event_id: UUID
    content: Any
    """None when withheld."""
    withheld: bool


def history_for(
    reader: Relation,
    recorded: list[Recorded],
    *,
    deadline_passed: bool,
    told: Callable[[Any], Any],
) -> list[Shown]:
    """Every event with its envelope; the content where the reader may see it.

    Args:
        reader: how the caller stands to the appraisal.
        recorded: all of its events.
        deadline_passed: ratings that are not in do not seal the other one any longer.
        told: takes from an event what single raters could be told by.
    """
    seen = {type(each.event) for each in recorded}
    both_in = {SelfRatingSubmitted, ManagerRatingSubmitted} <= seen
    open_ratings = deadline_passed or both_in or RatingWaived in seen
    published = max(
        (each.event.lock_version for each in recorded if isinstance(each.event, ResultPublished)),
        default=0,
    )
    hidden: set[type] = set()
    if reader == "ratee" and not published:
        hidden |= BEFORE_PUBLICATION
    if not open_ratings and reader == "ratee":
        hidden.add(ManagerRatingSubmitted)
    if not open_ratings and reader == "manager":
        hidden.add(SelfRatingSubmitted)
    return [
        Shown(
            version=each.version,
            position=each.position,
            topic=each.topic,
            recorded_at=each.recorded_at,
            actor=each.actor,
            event_id=each.event_id,
            content=None if withheld else told(each.event),
            withheld=withheld,
        )
        for each in recorded
        for withheld in [
            type(each.event) in hidden or (reader == "ratee" and _unshown(each.event, published))
        ]
    ]


def _unshown(event: Any, published: int) -> bool:
    return isinstance(event, ScoreRelocked | ReceiptIssued) and event.lock_version > published
