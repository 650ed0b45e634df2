"""The appraisal cycle: its calendar, its bound schemes, its stages."""

from datetime import date
from typing import Literal, assert_never, get_args
from uuid import UUID

import msgspec

from domain.calendar import Span, months_of
from domain.checks import absent, begun, checked_code, checked_name, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.organisation import JobFamily, checked_level
from domain.scheme import SCHEME

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


class CyclePlanned(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.planned"
    code: str
    name: str
    starts_on: date
    ends_on: date
    months: int


class BindScheme(Command, frozen=True, kw_only=True):
    """People of `family` (and `level`, where given) are appraised by this scheme version."""

    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None = None


class SchemeBound(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.scheme-bound"
    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None = None


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


class CloseCycle(Command, frozen=True, kw_only=True):
    """Nothing more will happen in it."""


class CycleClosed(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.closed"


MONTHS_MAX = 60


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Which scheme version appraises a family, or one level of it."""

    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """A cycle as it is now."""

    code: str
    starts_on: date
    ends_on: date
    months: int
    planned_by: UUID
    """The event that fixed the calendar."""
    stage: Stage = "draft"
    bindings: tuple[Binding, ...] = ()
    cut_off_reached: bool = False

    def has_reached(self, stage: Stage) -> bool:
        """Whether the cycle is in `stage` or past it."""
        return STAGES.index(self.stage) >= STAGES.index(stage)

    def binding(self, family: JobFamily, level: int) -> Binding | None:
        """The binding for a job: the one for its very level before the one for its family."""
        of_family = [binding for binding in self.bindings if binding.family == family]
        for wanted in (level, None):
            for binding in of_family:
                if binding.level == wanted:
                    return binding
        return None

    def require(self, *stages: Stage) -> None:
        """Refuse `wrong-stage` unless the cycle is in one of `stages`."""
        if self.stage not in stages:
            raise Refused(
                "wrong-stage",
                f"Cycle {self.code} is in stage {self.stage}; this is for {' or '.join(stages)}.",
            )


CycleCommand = PlanCycle | BindScheme | OpenCycle | AdvanceCycle | CloseCycle
CycleEvent = (
    CyclePlanned | SchemeBound | CycleOpened | StageAdvanced | DataCutOffReached | CycleClosed
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
        ),
    )


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
    scheme = known(context.look(SCHEME, command.scheme_id), "unknown-scheme", "such scheme")
    scheme.published(command.scheme_version)
    cycle.require("draft", "goal-setting")
    if command.level is not None:
        checked_level(command.level)
    if any(
        (binding.family, binding.level) == (command.family, command.level)
        for binding in cycle.bindings
    ):
        level = "every level" if command.level is None else f"level {command.level}"
        raise Refused(
            "scheme-already-bound", f"A scheme is bound to {command.family}, {level}, already."
        )
    return (
        SchemeBound(
            scheme_id=command.scheme_id,
            scheme_version=command.scheme_version,
            family=command.family,
            level=command.level,
        ),
    )


def _advance(cycle: Cycle, to: Stage) -> tuple[Event, ...]:
    if cycle.stage == "closed":
        raise Refused("cycle-closed", f"Cycle {cycle.code} is closed.")
    following = STAGES[STAGES.index(cycle.stage) + 1]
    # Opening and closing are decisions of their own, with their own conditions.
    if cycle.stage == "draft" or to == "closed" or to != following:
        raise Refused("wrong-stage", f"Cycle {cycle.code} cannot go from {cycle.stage} to {to}.")
    advanced = StageAdvanced(before=cycle.stage, after=to)
    return (advanced, DataCutOffReached()) if cycle.stage == "data-intake" else (advanced,)


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
            )
        case SchemeBound():
            binding = Binding(
                scheme_id=event.scheme_id,
                scheme_version=event.scheme_version,
                family=event.family,
                level=event.level,
            )
            cycle = begun(state)
            return msgspec.structs.replace(cycle, bindings=(*cycle.bindings, binding))
        case CycleOpened():
            return msgspec.structs.replace(begun(state), stage="goal-setting")
        case StageAdvanced():
            return msgspec.structs.replace(begun(state), stage=event.after)
        case DataCutOffReached():
            return msgspec.structs.replace(begun(state), cut_off_reached=True)
        case CycleClosed():
            return msgspec.structs.replace(begun(state), stage="closed")
        case _:
            assert_never(event)


CYCLE: Decider[Cycle | None] = Decider(kind="cycle", initial=None, decide=_decide, evolve=_evolve)
