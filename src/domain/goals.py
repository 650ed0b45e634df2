"""Goal sheets: the targets of one appraisal, proposed and agreed."""

from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.checks import begun, checked_indicators, checked_number, known
from domain.cycle import CYCLE
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.scheme import SCHEME, measured


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be reached on one indicator."""

    indicator: str
    target: Decimal


class ProposeGoals(Command, frozen=True, kw_only=True):
    appraisal_id: UUID
    targets: tuple[Target, ...]


class GoalSheetProposed(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.proposed"
    appraisal_id: UUID
    targets: tuple[Target, ...]


class AgreeGoals(Command, frozen=True, kw_only=True):
    """Accept the goals as last proposed."""


class GoalsAgreed(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.agreed"


class GoalSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The goals of one appraisal as last proposed. 目标表"""

    appraisal_id: UUID
    targets: tuple[Target, ...]
    proposed_by: UUID
    """The actor who proposed: somebody else agrees."""
    proposal: UUID
    """The event that holds the targets."""
    agreed: bool = False


GoalsCommand = ProposeGoals | AgreeGoals


def _decide(state: GoalSheet | None, command: GoalsCommand, context: Context) -> tuple[Event, ...]:
    match command:
        case ProposeGoals():
            return _propose(state, command, context)
        case AgreeGoals():
            sheet = known(state, "unknown-goal-sheet", "such goal sheet")
            _require_goal_stage(sheet.appraisal_id, context)
            _require_open(sheet)
            if context.actor == sheet.proposed_by:
                raise Refused("same-actor", "Goals are agreed by another than who proposed them.")
            return (GoalsAgreed(),)
        case _:
            assert_never(command)


def _propose(state: GoalSheet | None, command: ProposeGoals, context: Context) -> tuple[Event, ...]:
    appraisal = _require_goal_stage(command.appraisal_id, context)
    _require_open(state)
    scheme = begun(context.look(SCHEME, appraisal.scheme_id))
    wanted = measured(scheme.published(appraisal.scheme_version).content)
    checked_indicators(
        (target.indicator for target in command.targets),
        (weighted.code for weighted in wanted),
        "targets",
    )
    weight_of = {weighted.code: weighted.weight for weighted in wanted}
    for target in command.targets:
        checked_number(target.target, f"target of {target.indicator}", least=Decimal(0))
        if target.target == 0 and weight_of[target.indicator] > 0:
            raise Refused(
                "target-zero", f"{target.indicator} has weight: its target must be above zero."
            )
    return (GoalSheetProposed(appraisal_id=command.appraisal_id, targets=command.targets),)


def _require_goal_stage(appraisal_id: UUID, context: Context) -> Appraisal:
    appraisal = known(
        context.look(LOOK_AT_APPRAISAL, appraisal_id), "unknown-appraisal", "such appraisal"
    )
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    cycle.require("goal-setting", "data-intake")
    return appraisal


def _require_open(sheet: GoalSheet | None) -> None:
    # A goal that both sides agreed to does not move any more: what was rated is what was agreed.
    if sheet is not None and sheet.agreed:
        raise Refused("goals-already-agreed", "These goals have been agreed.")


def _evolve(
    state: GoalSheet | None, happened: Happened[GoalSheetProposed | GoalsAgreed]
) -> GoalSheet:
    event = happened.event
    match event:
        case GoalSheetProposed():
            return GoalSheet(
                appraisal_id=event.appraisal_id,
                targets=event.targets,
                proposed_by=happened.actor,
                proposal=happened.event_id,
            )
        case GoalsAgreed():
            return msgspec.structs.replace(begun(state), agreed=True)
        case _:
            assert_never(event)


GOAL_SHEET: Decider[GoalSheet | None] = Decider(
    kind="goal-sheet", initial=None, decide=_decide, evolve=_evolve
)
