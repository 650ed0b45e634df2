"""Goals that move after they were agreed: asked for with a reason, approved by somebody else."""

from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.kernel import Command, Event, Personal


class RequestTargetChange(Command, frozen=True, kw_only=True):
    """Ask for another target on one indicator of agreed goals."""

    indicator: str
    target: Decimal
    reason: str


class TargetChangeRequested(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.target-change-requested"
    SUBJECT = "person_id"
    person_id: UUID
    indicator: str
    target: Decimal
    reason: Personal[str | None] = None


class RequestExcuse(Command, frozen=True, kw_only=True):
    """Ask that an indicator does not count for this person; its weight goes to its section."""

    appraisal_id: UUID
    indicator: str
    reason: str


class ExcuseRequested(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.excuse-requested"
    SUBJECT = "person_id"
    appraisal_id: UUID
    person_id: UUID
    indicator: str
    reason: Personal[str | None] = None


class ApproveGoalChange(Command, frozen=True, kw_only=True):
    """Approve what was asked for on an indicator: by neither who asked nor whom it concerns."""

    indicator: str


class TargetChanged(Event, frozen=True, kw_only=True):
    """The target before stays readable. 目标调整"""

    TOPIC = "goal-sheet.target-changed"
    indicator: str
    target: Decimal
    requested_by: UUID


class IndicatorExcused(Event, frozen=True, kw_only=True):
    """Does not count any more for this person. 指标豁免"""

    TOPIC = "goal-sheet.indicator-excused"
    indicator: str
    requested_by: UUID


class DeclineGoalChange(Command, frozen=True, kw_only=True):
    indicator: str
    reason: str


class GoalChangeDeclined(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.change-declined"
    SUBJECT = "person_id"
    person_id: UUID
    indicator: str
    reason: Personal[str | None] = None


class AlignGoal(Command, frozen=True, kw_only=True):
    """Say which objective of the company or of a department an indicator's goal serves."""

    indicator: str
    objective_id: UUID


class GoalAligned(Event, frozen=True, kw_only=True):
    """The last one counts. 目标对齐"""

    TOPIC = "goal-sheet.goal-aligned"
    indicator: str
    objective_id: UUID
    weight: int
    """Of the indicator in the whole scheme: those of a scheme sum to 10^8."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for on an indicator: another target, or, without one, to be excused."""

    indicator: str
    requested_by: UUID
    target: Decimal | None = None


class Excused(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator that does not count, and the event that says so."""

    indicator: str
    event_id: UUID


GoalChange = (
    TargetChangeRequested
    | ExcuseRequested
    | TargetChanged
    | IndicatorExcused
    | GoalChangeDeclined
    | GoalAligned
)


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that moved on a goal sheet beside its proposals."""

    requests: tuple[Request, ...] = ()
    changed: tuple[tuple[str, Decimal, UUID], ...] = ()
    """Indicator, target, and the event that changed it; the newest of each indicator."""
    excused: tuple[Excused, ...] = ()
    aligned: tuple[tuple[str, UUID], ...] = ()
    """Indicator and objective."""

    def request(self, indicator: str) -> Request | None:
        """What is asked for on an indicator."""
        return next((each for each in self.requests if each.indicator == indicator), None)


def moved(moves: Moves, event: GoalChange, event_id: UUID, actor: UUID) -> Moves:
    """`moves` after one more event."""
    indicator = event.indicator
    others = tuple(each for each in moves.requests if each.indicator != indicator)
    match event:
        case TargetChangeRequested():
            asked = Request(indicator=indicator, requested_by=actor, target=event.target)
            return msgspec.structs.replace(moves, requests=(*others, asked))
        case ExcuseRequested():
            asked = Request(indicator=indicator, requested_by=actor)
            return msgspec.structs.replace(moves, requests=(*others, asked))
        case TargetChanged():
            kept = (each for each in moves.changed if each[0] != indicator)
            changed = (*kept, (indicator, event.target, event_id))
            return msgspec.structs.replace(moves, requests=others, changed=changed)
        case IndicatorExcused():
            excused = (*moves.excused, Excused(indicator=indicator, event_id=event_id))
            return msgspec.structs.replace(moves, requests=others, excused=excused)
        case GoalChangeDeclined():
            return msgspec.structs.replace(moves, requests=others)
        case GoalAligned():
            left = (each for each in moves.aligned if each[0] != indicator)
            return msgspec.structs.replace(moves, aligned=(*left, (indicator, event.objective_id)))
        case _:
            assert_never(event)
