"""Going live in stages: a module is planned, runs in the shadow of the old process, then is live.

In the shadow it runs on live data beside the old process. Where the two come to different results,
each difference is explained, one by one, before the module goes live. R109, R116
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal, assert_never, get_args
from uuid import UUID

import msgspec

from domain.checks import absent, begun, checked_code, checked_reason, checked_text, known
from domain.ids import module_id
from domain.kernel import Command, Context, Decider, Event, Happened, Refused, looking

Module = Literal[
    "organisation",
    "schemes",
    "data",
    "appraisal",
    "calibration",
    "appeals",
    "pay",
    "rewards",
    "analytics",
]
ModuleState = Literal["planned", "shadow", "live"]
Verdict = Literal["old-process-wrong", "data-wrong", "rule-changed", "rounding", "ours-wrong"]
"""Why the results differ; what was ours is mended before the module goes live."""

NEEDS: Mapping[Module, tuple[Module, ...]] = {
    "organisation": (),
    "schemes": ("organisation",),
    "data": ("organisation",),
    "appraisal": ("schemes", "data"),
    "calibration": ("appraisal",),
    "appeals": ("appraisal",),
    "pay": ("appraisal",),
    "rewards": ("organisation",),
    "analytics": ("appraisal",),
}
"""Modules that a module rests on. The first four are the core, and go first. 核心模块优先"""
DIFFERENCES_MAX = 1_000


class Difference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One result on which the old process and ours disagree."""

    key: str
    """Whose it is, or of what."""
    theirs: str
    ours: str


class PlanModule(Command, frozen=True, kw_only=True):
    """A module and the day on which it is to go live."""

    module: Module
    live_on: date


class ModulePlanned(Event, frozen=True, kw_only=True):
    """计划上线"""

    TOPIC = "module.planned"
    module: Module
    live_on: date


class StartShadow(Command, frozen=True, kw_only=True):
    """From now on it runs beside the old process. 影子并行"""

    beside: str
    """The old process, in words."""


class ShadowStarted(Event, frozen=True, kw_only=True):
    TOPIC = "module.shadow-started"
    beside: str


class RecordShadowRun(Command, frozen=True, kw_only=True):
    """Both have worked on the same data: how many results were compared, and which differ."""

    period: str
    compared: int
    differences: tuple[Difference, ...] = ()


class ShadowRun(Event, frozen=True, kw_only=True):
    """并行比对"""

    TOPIC = "module.shadow-run"
    period: str
    compared: int
    differences: tuple[Difference, ...] = ()


class ExplainDifference(Command, frozen=True, kw_only=True):
    """Why the two differ on this one result."""

    period: str
    key: str
    verdict: Verdict
    explanation: str


class DifferenceExplained(Event, frozen=True, kw_only=True):
    """差异说明"""

    TOPIC = "module.difference-explained"
    period: str
    key: str
    verdict: Verdict
    explanation: str


class GoLive(Command, frozen=True, kw_only=True):
    """From now on it is the process. What it rests on is live, and no difference is open."""

    note: str


class ModuleWentLive(Event, frozen=True, kw_only=True):
    """正式上线"""

    TOPIC = "module.went-live"
    note: str


class ReturnToShadow(Command, frozen=True, kw_only=True):
    """Something was missed: the old process is the process again."""

    reason: str


class ReturnedToShadow(Event, frozen=True, kw_only=True):
    """退回并行"""

    TOPIC = "module.returned-to-shadow"
    reason: str


class GoingLive(msgspec.Struct, frozen=True, kw_only=True):
    """A module on its way."""

    module: Module
    state: ModuleState = "planned"
    runs: frozenset[str] = frozenset()
    """Periods in which both have worked."""
    open: frozenset[tuple[str, str]] = frozenset()
    """Differences without an explanation: period and key."""
    ours: frozenset[tuple[str, str]] = frozenset()
    """Differences that are our fault, until a later run of their period shows them no more."""


ModuleCommand = (
    PlanModule | StartShadow | RecordShadowRun | ExplainDifference | GoLive | ReturnToShadow
)
ModuleEvent = (
    ModulePlanned
    | ShadowStarted
    | ShadowRun
    | DifferenceExplained
    | ModuleWentLive
    | ReturnedToShadow
)


def _decide(state: GoingLive | None, command: ModuleCommand, context: Context) -> Iterable[Event]:
    if isinstance(command, PlanModule):
        absent(state, "a plan for this module")
        return (ModulePlanned(module=command.module, live_on=command.live_on),)
    module = known(state, "unknown-module", "plan for such a module")
    match command:
        case StartShadow():
            _in_state(module, "planned")
            _needs(module, ("shadow", "live"), context)
            return (ShadowStarted(beside=checked_reason(command.beside, "old process")),)
        case RecordShadowRun():
            _in_state(module, "shadow")
            return (_run(command),)
        case ExplainDifference():
            _in_state(module, "shadow")
            if (command.period, command.key) not in module.open:
                raise Refused("no-such-difference", "No such difference waits to be explained.")
            return (
                DifferenceExplained(
                    period=command.period,
                    key=command.key,
                    verdict=command.verdict,
                    explanation=checked_reason(command.explanation, "explanation"),
                ),
            )
        case GoLive():
            _in_state(module, "shadow")
            _needs(module, ("live",), context)
            _nothing_open(module)
            return (ModuleWentLive(note=checked_reason(command.note, "note")),)
        case ReturnToShadow():
            _in_state(module, "live")
            _nothing_rests_on(module, context)
            return (ReturnedToShadow(reason=checked_reason(command.reason)),)
        case _:
            assert_never(command)


def _run(command: RecordShadowRun) -> ShadowRun:
    keys = {each.key for each in command.differences}
    if len(command.differences) > DIFFERENCES_MAX or len(keys) < len(command.differences):
        raise Refused("bad-shadow-run", f"A run has at most {DIFFERENCES_MAX} different keys.")
    if not len(keys) <= command.compared < 2**53 or command.compared == 0:
        raise Refused("bad-shadow-run", "A run compares results, those that differ among them.")
    for each in command.differences:
        checked_code(each.key, "key")
        checked_text(each.theirs, "old result")
        checked_text(each.ours, "result")
        if each.theirs == each.ours:
            raise Refused("bad-shadow-run", f"{each.key} does not differ.")
    return ShadowRun(
        period=checked_code(command.period, "period"),
        compared=command.compared,
        differences=command.differences,
    )


def _nothing_open(module: GoingLive) -> None:
    if not module.runs:
        raise Refused("no-shadow-run", "The module has not run beside the old process yet.")
    if module.open:
        period, key = min(module.open)
        raise Refused(
            "differences-open",
            f"{len(module.open)} differences are not explained, such as {key} in {period}.",
        )
    if module.ours:
        period, key = min(module.ours)
        raise Refused(
            "differences-open", f"{key} in {period} was our fault: run that period again."
        )


def _in_state(module: GoingLive, *states: str) -> None:
    if module.state not in states:
        raise Refused("wrong-module-state", f"The module is {module.state} now.")


def _needs(module: GoingLive, states: tuple[str, ...], context: Context) -> None:
    for needed in NEEDS[module.module]:
        other = context.look(LOOK_AT_MODULE, module_id(needed))
        if other is None or other.state not in states:
            raise Refused("module-not-ready", f"{needed} is not {' or '.join(states)} yet.")


def _nothing_rests_on(module: GoingLive, context: Context) -> None:
    for each in get_args(Module):
        if module.module in NEEDS[each]:
            other = context.look(LOOK_AT_MODULE, module_id(each))
            if other is not None and other.state == "live":
                raise Refused("module-not-ready", f"{each} is live and rests on it.")


def _evolve(state: GoingLive | None, happened: Happened[ModuleEvent]) -> GoingLive:
    event = happened.event
    if isinstance(event, ModulePlanned):
        return GoingLive(module=event.module)
    module = begun(state)
    change = msgspec.structs.replace
    match event:
        case ShadowStarted():
            return change(module, state="shadow")
        case ShadowRun():
            # Another run of the same period is what is true of it now.
            others = frozenset(each for each in module.open if each[0] != event.period)
            ours = frozenset(each for each in module.ours if each[0] != event.period)
            found = frozenset((event.period, each.key) for each in event.differences)
            return change(module, runs=module.runs | {event.period}, open=others | found, ours=ours)
        case DifferenceExplained():
            one = frozenset({(event.period, event.key)})
            ours = module.ours | one if event.verdict == "ours-wrong" else module.ours
            return change(module, open=module.open - one, ours=ours)
        case ModuleWentLive():
            return change(module, state="live")
        case ReturnedToShadow():
            return change(module, state="shadow", runs=frozenset())
        case _:
            assert_never(event)


LOOK_AT_MODULE: Decider[GoingLive | None] = looking("module", None, _evolve)
MODULE: Decider[GoingLive | None] = Decider(
    kind="module", initial=None, decide=_decide, evolve=_evolve
)


def require_live(module: Module, context: Context) -> None:
    """Nothing leaves the house before its module is live; a module without a plan is live.

    In the shadow all is rated, scored and calculated on live data, but the old process is still
    the process: no bank is told to pay, nobody is told a result. R116

    Raises:
        Refused: `module-not-live`.
    """
    going = context.look(LOOK_AT_MODULE, module_id(module))
    if going is not None and going.state != "live":
        raise Refused("module-not-live", f"{module} is {going.state}: it goes live first.")


def modules_in_order() -> tuple[Module, ...]:
    """All modules, each after those that it rests on."""
    return get_args(Module)


def stream_of_module(module: Module) -> UUID:
    """The one stream of a module."""
    return module_id(module)
