"""The appraisal cycle: its calendar, its bound schemes, its stages."""

from collections.abc import Sequence
from datetime import date
from typing import Literal, assert_never, get_args
from uuid import UUID

import msgspec

from domain.binding import Binding, Resolution, resolve
from domain.calendar import Span, months_of
from domain.checks import absent, begun, checked_code, checked_name, known
from domain.cycle_deadlines import (
    DeadlineExtended,
    DeadlineStage,
    ExtendDeadline,
    StageDeadline,
    checked_deadlines,
    extended,
    with_deadline,
)
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.leavers import LeaverPolicy
from domain.org_units import ORG_UNIT
from domain.organisation import JobFamily, checked_level
from domain.scheme import LOOK_AT_SCHEME
from domain.scheme_change import SchemeChange, SchemeVersionChanged

Stage = Literal[
    "draft",
    "goal-setting",
    "data-intake",
    "rating",
    "comparison",
    "calibration",
    "locked",
    "paying",
    "closed",
]

STAGES: tuple[Stage, ...] = get_args(Stage)
"""In their order; a cycle only ever moves forward, one stage at a time."""


class PlanCycle(Command, frozen=True, kw_only=True):
    code: str
    name: str
    starts_on: date
    ends_on: date
    """Last day; the cycle covers whole calendar months."""
    good_leavers: LeaverPolicy = "prorated"
    bad_leavers: LeaverPolicy = "forfeited"
    holidays: tuple[date, ...] = ()
    """Days that are not worked though they are no weekend. 节假日"""
    made_up: tuple[date, ...] = ()
    """Days of a weekend that are worked. 调休"""
    deadlines: tuple[StageDeadline, ...] = ()


class CyclePlanned(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.planned"
    code: str
    name: str
    starts_on: date
    ends_on: date
    months: int
    good_leavers: LeaverPolicy = "prorated"
    bad_leavers: LeaverPolicy = "prorated"
    """Cycles that were planned before there was a policy pay everybody for the days worked."""
    holidays: tuple[date, ...] = ()
    made_up: tuple[date, ...] = ()
    deadlines: tuple[StageDeadline, ...] = ()


class BindScheme(Command, frozen=True, kw_only=True):
    """People of `family` are appraised by this scheme version, or those of a level or a unit.

    A unit stands for itself and all units below it; the most specific binding wins.
    """

    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None = None
    org_unit_id: UUID | None = None


class SchemeBound(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.scheme-bound"
    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None = None
    org_unit_id: UUID | None = None


class OpenCycle(Command, frozen=True, kw_only=True):
    """From draft to goal setting."""


class CycleOpened(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.opened"


class AdvanceCycle(Command, frozen=True, kw_only=True):
    to: Stage


class StageAdvanced(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.stage-advanced"
    before: Stage
    after: Stage


class DataCutOffReached(Event, frozen=True, kw_only=True):
    """Leaving data intake: actuals recorded later do not count without a correction. 数据截止"""

    TOPIC = "cycle.data-cut-off-reached"


class CycleLocked(Event, frozen=True, kw_only=True):
    """All stages of judging are over: from here scores change by being reopened alone. 周期锁定"""

    TOPIC = "cycle.locked"


class NoteParticipants(Command, frozen=True, kw_only=True):
    """Say who takes part, once the appraisals that were missing have been created."""

    employments: int
    """Employed within the cycle."""
    created: int
    """Appraisals that were missing."""
    refused: int
    """Employments for which none could be created."""


class ParticipantsResolved(Event, frozen=True, kw_only=True):
    """人员圈定"""

    TOPIC = "cycle.participants-resolved"
    employments: int
    created: int
    refused: int


class CloseCycle(Command, frozen=True, kw_only=True):
    """Nothing more will happen in it."""


class CycleClosed(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.closed"


MONTHS_MAX = 60


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """A cycle as it is now."""

    code: str
    starts_on: date
    ends_on: date
    months: int
    planned_by: UUID
    """The event that fixed the calendar."""
    good_leavers: LeaverPolicy = "prorated"
    bad_leavers: LeaverPolicy = "prorated"
    holidays: frozenset[date] = frozenset()
    made_up: frozenset[date] = frozenset()
    stage: Stage = "draft"
    deadlines: tuple[StageDeadline, ...] = ()
    bindings: tuple[Binding, ...] = ()
    changes: tuple[SchemeChange, ...] = ()
    """Of scheme versions while it runs, in the order in which they were made."""
    cut_off_reached: bool = False

    def has_reached(self, stage: Stage) -> bool:
        """Whether the cycle is in `stage` or past it."""
        return STAGES.index(self.stage) >= STAGES.index(stage)

    def is_over(self, stage: DeadlineStage, today: date) -> bool:
        """Whether what belongs to `stage` is too late: its last day has passed."""
        return any(each.stage == stage and today > each.on for each in self.deadlines)

    def resolve(self, family: JobFamily, level: int, units: Sequence[UUID] = ()) -> Resolution:
        """The binding for a job; `units` are its own unit and those above it, nearest first."""
        return resolve(self.bindings, family, level, units)

    def versions_in_use(self, scheme_id: UUID) -> frozenset[int]:
        """The versions of a scheme that count at the end of the cycle, as bound and changed."""
        versions = {each.scheme_version for each in self.bindings if each.scheme_id == scheme_id}
        for change in self.changes:
            if change.scheme_id == scheme_id and change.before in versions:
                versions = (versions - {change.before}) | {change.after}
        return frozenset(versions)

    def require(self, *stages: Stage) -> None:
        """Refuse `wrong-stage` unless the cycle is in one of `stages`."""
        if self.stage not in stages:
            raise Refused(
                "wrong-stage",
                f"Cycle {self.code} is in stage {self.stage}; this is for {' or '.join(stages)}.",
            )


CycleCommand = (
    PlanCycle
    | BindScheme
    | OpenCycle
    | AdvanceCycle
    | ExtendDeadline
    | NoteParticipants
    | CloseCycle
)
CycleEvent = (
    CyclePlanned
    | SchemeBound
    | SchemeVersionChanged
    | CycleOpened
    | StageAdvanced
    | DataCutOffReached
    | DeadlineExtended
    | ParticipantsResolved
    | CycleLocked
    | CycleClosed
)


def _decide(state: Cycle | None, command: CycleCommand, context: Context) -> tuple[Event, ...]:
    if isinstance(command, PlanCycle):
        return _plan(state, command)
    cycle = known(state, "unknown-cycle", "such cycle")
    match command:
        case BindScheme():
            return _bind(cycle, command, context)
        case OpenCycle():
            cycle.require("draft")
            if not cycle.bindings:
                raise Refused("no-scheme-bound", "Bind a scheme to the cycle before opening it.")
            return (CycleOpened(),)
        case AdvanceCycle():
            return _advance(cycle, command.to)
        case ExtendDeadline():
            if cycle.stage != "draft" and cycle.has_reached(_after(command.stage)):
                raise Refused("wrong-stage", f"Stage {command.stage} is over.")
            return (extended(cycle.deadlines, command, cycle.starts_on),)
        case NoteParticipants():
            return (
                ParticipantsResolved(
                    employments=command.employments,
                    created=command.created,
                    refused=command.refused,
                ),
            )
        case CloseCycle():
            if cycle.stage == "closed":
                raise Refused("cycle-closed", f"Cycle {cycle.code} is closed.")
            cycle.require("locked", "paying")
            return (CycleClosed(),)
        case _:
            assert_never(command)


def _plan(state: Cycle | None, command: PlanCycle) -> tuple[Event, ...]:
    absent(state, "a cycle")
    return (
        CyclePlanned(
            code=checked_code(command.code),
            name=checked_name(command.name),
            starts_on=command.starts_on,
            ends_on=command.ends_on,
            months=whole_months(command.starts_on, command.ends_on),
            good_leavers=command.good_leavers,
            bad_leavers=command.bad_leavers,
            holidays=_days_within(command, command.holidays),
            made_up=_days_within(command, command.made_up),
            deadlines=checked_deadlines(command.deadlines, command.starts_on),
        ),
    )


def _after(stage: Stage) -> Stage:
    return STAGES[STAGES.index(stage) + 1]


def _days_within(command: PlanCycle, days: tuple[date, ...]) -> tuple[date, ...]:
    if any(not command.starts_on <= day <= command.ends_on for day in days):
        raise Refused("outside-cycle", "Holidays and made-up days lie within the cycle.")
    if len(set(days)) < len(days) or set(command.holidays) & set(command.made_up):
        raise Refused("bad-date", "A day is a holiday or a made-up day, and is named once.")
    return tuple(sorted(days))


def whole_months(starts_on: date, ends_on: date) -> int:
    """How many whole calendar months the days cover, or `Refused("not-whole-months")`."""
    months = None if ends_on < starts_on else months_of(Span(starts_on, ends_on))
    if months is None or months > MONTHS_MAX:
        raise Refused(
            "not-whole-months",
            f"A cycle runs from the first day of a month to the last day of the same or a later "
            f"one, at most {MONTHS_MAX} months.",
        )
    return months


def _bind(cycle: Cycle, command: BindScheme, context: Context) -> tuple[Event, ...]:
    look = context.look
    scheme = known(look(LOOK_AT_SCHEME, command.scheme_id), "unknown-scheme", "such scheme")
    families = scheme.bindable(command.scheme_version).content.families
    cycle.require("draft", "goal-setting")
    if families and command.family not in families:
        raise Refused("wrong-family", f"The scheme is for {', '.join(families)} alone.")
    if command.level is not None:
        checked_level(command.level)
    if command.org_unit_id is not None:
        known(look(ORG_UNIT, command.org_unit_id), "unknown-org-unit", "such unit")
    scope = (command.family, command.level, command.org_unit_id)
    if any(binding.scope == scope for binding in cycle.bindings):
        level = "every level" if command.level is None else f"level {command.level}"
        raise Refused(
            "scheme-already-bound", f"A scheme is bound to {command.family}, {level}, there."
        )
    return (
        SchemeBound(
            scheme_id=command.scheme_id,
            scheme_version=command.scheme_version,
            family=command.family,
            level=command.level,
            org_unit_id=command.org_unit_id,
        ),
    )


def _advance(cycle: Cycle, to: Stage) -> tuple[Event, ...]:
    if cycle.stage == "closed":
        raise Refused("cycle-closed", f"Cycle {cycle.code} is closed.")
    following = _after(cycle.stage)
    # Opening and closing are decisions of their own, with their own conditions.
    if cycle.stage == "draft" or to == "closed" or to != following:
        raise Refused("wrong-stage", f"Cycle {cycle.code} cannot go from {cycle.stage} to {to}.")
    advanced = StageAdvanced(before=cycle.stage, after=to)
    if cycle.stage == "data-intake":
        return (advanced, DataCutOffReached())
    return (advanced, CycleLocked()) if to == "locked" else (advanced,)


def _evolve(state: Cycle | None, happened: Happened[CycleEvent]) -> Cycle:
    event = happened.event
    match event:
        case CyclePlanned():
            return Cycle(
                code=event.code,
                starts_on=event.starts_on,
                ends_on=event.ends_on,
                months=event.months,
                planned_by=happened.event_id,
                good_leavers=event.good_leavers,
                bad_leavers=event.bad_leavers,
                holidays=frozenset(event.holidays),
                made_up=frozenset(event.made_up),
                deadlines=event.deadlines,
            )
        case SchemeBound():
            binding = Binding(
                scheme_id=event.scheme_id,
                scheme_version=event.scheme_version,
                family=event.family,
                level=event.level,
                org_unit_id=event.org_unit_id,
            )
            cycle = begun(state)
            return msgspec.structs.replace(cycle, bindings=(*cycle.bindings, binding))
        case SchemeVersionChanged():
            return _with_change(begun(state), event, happened.event_id)
        case CycleOpened():
            return msgspec.structs.replace(begun(state), stage="goal-setting")
        case StageAdvanced():
            return msgspec.structs.replace(begun(state), stage=event.after)
        case DataCutOffReached():
            return msgspec.structs.replace(begun(state), cut_off_reached=True)
        case DeadlineExtended():
            cycle = begun(state)
            later = with_deadline(cycle.deadlines, event.stage, event.on)
            return msgspec.structs.replace(cycle, deadlines=later)
        case ParticipantsResolved() | CycleLocked():
            return begun(state)
        case CycleClosed():
            return msgspec.structs.replace(begun(state), stage="closed")
        case _:
            assert_never(event)


def _with_change(cycle: Cycle, event: SchemeVersionChanged, event_id: UUID) -> Cycle:
    change = SchemeChange(
        scheme_id=event.scheme_id,
        before=event.before,
        after=event.after,
        effective_from=event.effective_from,
        event_id=event_id,
    )
    bindings = cycle.bindings
    if event.effective_from is None:
        # Appraisals that are created from now on begin with the version after.
        bindings = tuple(
            msgspec.structs.replace(each, scheme_version=event.after)
            if (each.scheme_id, each.scheme_version) == (event.scheme_id, event.before)
            else each
            for each in bindings
        )
    return msgspec.structs.replace(cycle, bindings=bindings, changes=(*cycle.changes, change))


CYCLE: Decider[Cycle | None] = Decider(kind="cycle", initial=None, decide=_decide, evolve=_evolve)
