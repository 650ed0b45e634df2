"""Goal sheets: the targets of one appraisal, proposed, agreed, changed with approval."""

from collections.abc import Mapping
from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.checks import begun, checked_indicators, checked_number, checked_reason, known
from domain.cycle import CYCLE
from domain.explanation import Given
from domain.goal_changes import (
    AlignGoal,
    ApproveGoalChange,
    DeclineGoalChange,
    ExcuseRequested,
    GoalAligned,
    GoalChange,
    GoalChangeDeclined,
    IndicatorExcused,
    Moves,
    Request,
    RequestExcuse,
    RequestTargetChange,
    TargetChanged,
    TargetChangeRequested,
    moved,
)
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.objective import OBJECTIVE
from domain.rules import SchemeContent
from domain.scheme import LOOK_AT_SCHEME, measured


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be reached on one indicator."""

    indicator: str
    target: Decimal


class ProposeGoals(Command, frozen=True, kw_only=True):
    appraisal_id: UUID
    targets: tuple[Target, ...]
    whole_cycle: bool = False
    """These are targets of the whole cycle: who is there for a part of it has that part to reach,
    in days and exactly."""


class GoalSheetProposed(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.proposed"
    appraisal_id: UUID
    targets: tuple[Target, ...]
    whole_cycle: bool = False


class AgreeGoals(Command, frozen=True, kw_only=True):
    """Accept the goals as last proposed."""


class GoalsAgreed(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.agreed"


class GoalSheet(msgspec.Struct, frozen=True, kw_only=True):
    """The goals of one appraisal as last proposed, and what moved since. 目标表"""

    appraisal_id: UUID
    targets: tuple[Target, ...] = ()
    proposed_by: UUID | None = None
    """The actor who proposed: somebody else agrees."""
    proposal: UUID | None = None
    """The event that holds the targets; None where only an excuse was asked for so far."""
    agreed: bool = False
    whole_cycle: bool = False
    """The targets are those of the whole cycle, whatever part of it the appraisal is about."""
    moves: Moves = Moves()

    @property
    def stated(self) -> Mapping[str, Given]:
        """The targets that count, each with the event that states it."""
        proposal = begun(self.proposal)
        agreed = {each.indicator: Given(each.target, proposal) for each in self.targets}
        changed = {code: Given(target, event_id) for code, target, event_id in self.moves.changed}
        return {**agreed, **changed}


GoalsCommand = (
    ProposeGoals
    | AgreeGoals
    | RequestTargetChange
    | RequestExcuse
    | ApproveGoalChange
    | DeclineGoalChange
    | AlignGoal
)
GoalsEvent = GoalSheetProposed | GoalsAgreed | GoalChange


def _decide(state: GoalSheet | None, command: GoalsCommand, context: Context) -> tuple[Event, ...]:
    match command:
        case ProposeGoals():
            return _propose(state, command, context)
        case RequestExcuse():
            return _ask_excuse(state, command, context)
        case AgreeGoals():
            sheet = _proposed(state)
            _require_goal_stage(sheet.appraisal_id, context)
            _require_open(sheet)
            if context.actor == sheet.proposed_by:
                raise Refused("same-actor", "Goals are agreed by another than who proposed them.")
            return (GoalsAgreed(),)
        case RequestTargetChange():
            return _ask_target(_proposed(state), command, context)
        case ApproveGoalChange():
            return _approve(known(state, "unknown-goal-sheet", "such goal sheet"), command, context)
        case DeclineGoalChange():
            return _decline(known(state, "unknown-goal-sheet", "such goal sheet"), command, context)
        case AlignGoal():
            return _align(_proposed(state), command, context)
        case _:
            assert_never(command)


def _proposed(state: GoalSheet | None) -> GoalSheet:
    sheet = known(state, "unknown-goal-sheet", "such goal sheet")
    known(sheet.proposal, "unknown-goal-sheet", "such goal sheet")
    return sheet


def _propose(state: GoalSheet | None, command: ProposeGoals, context: Context) -> tuple[Event, ...]:
    appraisal = _require_goal_stage(command.appraisal_id, context)
    _require_open(state)
    checked_indicators(
        (target.indicator for target in command.targets),
        (weighted.code for weighted in measured(_content(appraisal, context))),
        "targets",
    )
    for target in command.targets:
        _check_target(target, appraisal, context)
    return (
        GoalSheetProposed(
            appraisal_id=command.appraisal_id,
            targets=command.targets,
            whole_cycle=command.whole_cycle,
        ),
    )


def _check_target(target: Target, appraisal: Appraisal, context: Context) -> None:
    weight_of = {each.code: each.weight for each in measured(_content(appraisal, context))}
    if target.indicator not in weight_of:
        raise Refused("unknown-indicator", f"The scheme does not measure {target.indicator!r}.")
    checked_number(target.target, f"target of {target.indicator}", least=Decimal(0))
    if target.target == 0 and weight_of[target.indicator] > 0:
        raise Refused(
            "target-zero", f"{target.indicator} has weight: its target must be above zero."
        )


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


# -- what moves after goals were agreed


def _ask_target(
    sheet: GoalSheet, command: RequestTargetChange, context: Context
) -> tuple[Event, ...]:
    appraisal = _require_goal_stage(sheet.appraisal_id, context)
    if not sheet.agreed:
        raise Refused("goals-not-agreed", "Goals that are not agreed are proposed anew.")
    _require_nothing_asked(sheet.moves, command.indicator)
    _check_target(Target(indicator=command.indicator, target=command.target), appraisal, context)
    return (
        TargetChangeRequested(
            person_id=appraisal.person_id,
            indicator=command.indicator,
            target=command.target,
            reason=checked_reason(command.reason),
        ),
    )


def _ask_excuse(
    sheet: GoalSheet | None, command: RequestExcuse, context: Context
) -> tuple[Event, ...]:
    appraisal = _require_unlocked(command.appraisal_id, context)
    moves = Moves() if sheet is None else sheet.moves
    if command.indicator not in _weights(appraisal, context):
        raise Refused("unknown-indicator", f"The scheme has no {command.indicator!r}.")
    if command.indicator in {each.indicator for each in moves.excused}:
        raise Refused("already-excused", f"{command.indicator} has been excused.")
    _require_nothing_asked(moves, command.indicator)
    return (
        ExcuseRequested(
            appraisal_id=command.appraisal_id,
            person_id=appraisal.person_id,
            indicator=command.indicator,
            reason=checked_reason(command.reason),
        ),
    )


def _approve(sheet: GoalSheet, command: ApproveGoalChange, context: Context) -> tuple[Event, ...]:
    asked, appraisal = _asked(sheet, command.indicator, context)
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody approves a change of their own goals.")
    if asked.target is None:
        return (IndicatorExcused(indicator=asked.indicator, requested_by=asked.requested_by),)
    _require_goal_stage(sheet.appraisal_id, context)
    return (
        TargetChanged(
            indicator=asked.indicator, target=asked.target, requested_by=asked.requested_by
        ),
    )


def _decline(sheet: GoalSheet, command: DeclineGoalChange, context: Context) -> tuple[Event, ...]:
    _, appraisal = _asked(sheet, command.indicator, context)
    return (
        GoalChangeDeclined(
            person_id=appraisal.person_id,
            indicator=command.indicator,
            reason=checked_reason(command.reason),
        ),
    )


def _asked(sheet: GoalSheet, indicator: str, context: Context) -> tuple[Request, Appraisal]:
    appraisal = _require_unlocked(sheet.appraisal_id, context)
    asked = known(sheet.moves.request(indicator), "unknown-goal-change", "such request")
    if context.actor == asked.requested_by:
        raise Refused("same-actor", "A change is decided by another than who asked for it.")
    return asked, appraisal


def _align(sheet: GoalSheet, command: AlignGoal, context: Context) -> tuple[Event, ...]:
    appraisal = _require_unlocked(sheet.appraisal_id, context)
    weights = _weights(appraisal, context)
    if command.indicator not in weights:
        raise Refused("unknown-indicator", f"The scheme has no {command.indicator!r}.")
    objective = known(
        context.look(OBJECTIVE, command.objective_id), "unknown-objective", "such objective"
    )
    if objective.dropped:
        raise Refused("objective-dropped", "The objective has been dropped.")
    if objective.cycle_id != appraisal.cycle_id:
        raise Refused("wrong-cycle", "The objective belongs to another cycle.")
    if (command.indicator, command.objective_id) in sheet.moves.aligned:
        raise Refused("already-aligned", "The goal serves that objective already.")
    return (
        GoalAligned(
            indicator=command.indicator,
            objective_id=command.objective_id,
            weight=weights[command.indicator],
        ),
    )


def _require_nothing_asked(moves: Moves, indicator: str) -> None:
    if moves.request(indicator) is not None:
        raise Refused("goal-change-pending", f"A change of {indicator} waits to be decided.")


def _require_unlocked(appraisal_id: UUID, context: Context) -> Appraisal:
    appraisal = known(
        context.look(LOOK_AT_APPRAISAL, appraisal_id), "unknown-appraisal", "such appraisal"
    )
    if appraisal.locked is not None:
        raise Refused("already-locked", f"The score is locked as v{appraisal.locked.version}.")
    return appraisal


def _content(appraisal: Appraisal, context: Context) -> SchemeContent:
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    return scheme.published(appraisal.scheme_version).content


def _weights(appraisal: Appraisal, context: Context) -> Mapping[str, int]:
    return {
        indicator.code: section.weight_bp * indicator.weight_bp
        for section in _content(appraisal, context).sections
        for indicator in section.indicators
    }


def _evolve(state: GoalSheet | None, happened: Happened[GoalsEvent]) -> GoalSheet:
    event = happened.event
    match event:
        case GoalSheetProposed():
            return GoalSheet(
                appraisal_id=event.appraisal_id,
                targets=event.targets,
                proposed_by=happened.actor,
                proposal=happened.event_id,
                whole_cycle=event.whole_cycle,
                moves=Moves() if state is None else state.moves,
            )
        case GoalsAgreed():
            return msgspec.structs.replace(begun(state), agreed=True)
        case (
            TargetChangeRequested()
            | ExcuseRequested()
            | TargetChanged()
            | IndicatorExcused()
            | GoalChangeDeclined()
            | GoalAligned()
        ):
            if state is None and isinstance(event, ExcuseRequested):
                state = GoalSheet(appraisal_id=event.appraisal_id)
            sheet = begun(state)
            moves = moved(sheet.moves, event, happened.event_id, happened.actor)
            return msgspec.structs.replace(sheet, moves=moves)
        case _:
            assert_never(event)


GOAL_SHEET: Decider[GoalSheet | None] = Decider(
    kind="goal-sheet", initial=None, decide=_decide, evolve=_evolve
)
