"""The last days of a cycle's stages: planned with it, extended with a reason, never shortened."""

from collections.abc import Sequence
from datetime import date
from typing import Literal, get_args

import msgspec

from domain.checks import checked_reason
from domain.kernel import Command, Event, Refused

DeadlineStage = Literal["goal-setting", "data-intake", "rating", "comparison", "calibration"]
STAGES_WITH_DEADLINES: tuple[DeadlineStage, ...] = get_args(DeadlineStage)


class StageDeadline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last day on which what belongs to a stage may be done. 阶段截止日"""

    stage: DeadlineStage
    on: date


class ExtendDeadline(Command, frozen=True, kw_only=True):
    """Give a stage more time, or a last day where it has none."""

    stage: DeadlineStage
    on: date
    reason: str


class DeadlineExtended(Event, frozen=True, kw_only=True):
    """延长期限"""

    TOPIC = "cycle.deadline-extended"
    stage: DeadlineStage
    before: date | None
    """None where it had no last day."""
    on: date
    reason: str


def checked_deadlines(
    deadlines: Sequence[StageDeadline], starts_on: date
) -> tuple[StageDeadline, ...]:
    """Deadlines in the order of their stages.

    Raises:
        Refused: `bad-deadline`, where a stage is named twice, one ends before an earlier stage
            does, or before the cycle begins.
    """
    ordered = sorted(deadlines, key=lambda each: STAGES_WITH_DEADLINES.index(each.stage))
    stages = [each.stage for each in ordered]
    days = [starts_on, *(each.on for each in ordered)]
    if len(set(stages)) < len(stages) or sorted(days) != days:
        raise Refused(
            "bad-deadline", "Each stage has one last day, and none ends before an earlier one."
        )
    return tuple(ordered)


def extended(
    deadlines: Sequence[StageDeadline], command: ExtendDeadline, starts_on: date
) -> DeadlineExtended:
    """The deadline as it is extended.

    Raises:
        Refused: `deadline-not-later`, where it would be no later than it is; `bad-deadline`, where
            a later stage would end before it.
    """
    before = next((each.on for each in deadlines if each.stage == command.stage), None)
    if before is not None and command.on <= before:
        raise Refused("deadline-not-later", f"Stage {command.stage} has time until {before}.")
    checked_deadlines(with_deadline(deadlines, command.stage, command.on), starts_on)
    return DeadlineExtended(
        stage=command.stage, before=before, on=command.on, reason=checked_reason(command.reason)
    )


def with_deadline(
    deadlines: Sequence[StageDeadline], stage: DeadlineStage, day: date
) -> tuple[StageDeadline, ...]:
    """`deadlines` with another last day of one stage."""
    others = [each for each in deadlines if each.stage != stage]
    every = [*others, StageDeadline(stage=stage, on=day)]
    return tuple(sorted(every, key=lambda each: STAGES_WITH_DEADLINES.index(each.stage)))
