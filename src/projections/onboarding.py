"""How far an onboarding has come: its plan with its tasks, and the modules on their way to live."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.go_live import (
    Difference,
    DifferenceExplained,
    Module,
    ModulePlanned,
    ModuleState,
    ModuleWentLive,
    ReturnedToShadow,
    ShadowRun,
    ShadowStarted,
    Verdict,
)
from domain.onboarding_plan import (
    OnboardingPlanned,
    PhaseSignedOff,
    TaskCompleted,
    TaskRescheduled,
)
from domain.onboarding_templates import Phase, Template
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import Row, Table, begun
from tenancy.records import Recorded

NAME = "onboarding"
VERSION = 1


class TaskTold(msgspec.Struct, frozen=True, kw_only=True):
    """A task of a plan."""

    code: str
    phase: Phase
    title: str
    title_zh: str
    due_on: date
    done_at: datetime | None = None
    done_by: UUID | None = None


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A phase that the customer has accepted."""

    phase: Phase
    signed_at: datetime
    signed_by: UUID


class PlanRow(Row, kw_only=True):
    """实施计划"""

    plan_id: UUID
    code: str
    template: Template
    owner_at: int
    """The log position of the event that names the owner."""
    starts_on: date
    ends_on: date
    tasks: tuple[TaskTold, ...]
    done: int
    signed_off: tuple[Signature, ...]
    version: int


class DifferenceTold(msgspec.Struct, frozen=True, kw_only=True):
    """A result on which the old process and ours disagree, with its explanation."""

    period: str
    key: str
    theirs: str
    ours: str
    verdict: Verdict | None = None
    explanation: str | None = None
    explained_by: UUID | None = None


class RunTold(msgspec.Struct, frozen=True, kw_only=True):
    """A period in which both processes have worked."""

    period: str
    compared: int
    differing: int
    ran_at: datetime


class ModuleRow(Row, kw_only=True):
    """模块上线"""

    module_id: UUID
    module: Module
    state: ModuleState
    live_on: date
    beside: str | None
    runs: tuple[RunTold, ...]
    differences: tuple[DifferenceTold, ...]
    open: int
    """Differences without an explanation."""
    went_live_at: datetime | None
    version: int


PLANS = Table(
    "onboarding_plans", PlanRow, projection=NAME, version=VERSION, key=("plan_id",),
    indexes=(("code",),),
)  # fmt: skip
MODULES = Table(
    "modules", ModuleRow, projection=NAME, version=VERSION, key=("module_id",),
    indexes=(("module",),),
)  # fmt: skip


def _plan(row: PlanRow | None, recorded: Recorded) -> PlanRow:
    event, at = recorded.event, recorded.recorded_at
    if isinstance(event, OnboardingPlanned):
        return PlanRow(
            plan_id=recorded.stream_id,
            code=event.code,
            template=event.template,
            owner_at=recorded.position,
            starts_on=event.starts_on,
            ends_on=event.ends_on,
            tasks=tuple(
                TaskTold(
                    code=task.code,
                    phase=task.phase,
                    title=task.title,
                    title_zh=task.title_zh,
                    due_on=task.due_on,
                )
                for task in event.tasks
            ),
            done=0,
            signed_off=(),
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case TaskCompleted():
            row.tasks = _with(row.tasks, event.task, done_at=at, done_by=recorded.actor)
            row.done = sum(task.done_at is not None for task in row.tasks)
        case TaskRescheduled():
            row.tasks = _with(row.tasks, event.task, due_on=event.due_on)
            row.ends_on = max(task.due_on for task in row.tasks)
        case PhaseSignedOff():
            signed = Signature(phase=event.phase, signed_at=at, signed_by=recorded.actor)
            row.signed_off = (*row.signed_off, signed)
    return row


def _with(tasks: tuple[TaskTold, ...], code: str, **changes: object) -> tuple[TaskTold, ...]:
    return tuple(
        msgspec.structs.replace(task, **changes) if task.code == code else task for task in tasks
    )


def _module(row: ModuleRow | None, recorded: Recorded) -> ModuleRow:
    event, at = recorded.event, recorded.recorded_at
    if isinstance(event, ModulePlanned):
        return ModuleRow(
            module_id=recorded.stream_id,
            module=event.module,
            state="planned",
            live_on=event.live_on,
            beside=None,
            runs=(),
            differences=(),
            open=0,
            went_live_at=None,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case ShadowStarted():
            row.state, row.beside = "shadow", event.beside
        case ShadowRun():
            ran = RunTold(
                period=event.period,
                compared=event.compared,
                differing=len(event.differences),
                ran_at=at,
            )
            row.runs = (*(each for each in row.runs if each.period != event.period), ran)
            kept = (each for each in row.differences if each.period != event.period)
            row.differences = (*kept, *_found(event.period, event.differences))
        case DifferenceExplained():
            row.differences = tuple(
                msgspec.structs.replace(
                    each,
                    verdict=event.verdict,
                    explanation=event.explanation,
                    explained_by=recorded.actor,
                )
                if (each.period, each.key) == (event.period, event.key)
                else each
                for each in row.differences
            )
        case ModuleWentLive():
            row.state, row.went_live_at = "live", at
        case ReturnedToShadow():
            row.state, row.went_live_at = "shadow", None
    row.open = sum(each.verdict is None for each in row.differences)
    return row


def _found(period: str, differences: tuple[Difference, ...]) -> tuple[DifferenceTold, ...]:
    return tuple(
        DifferenceTold(period=period, key=each.key, theirs=each.theirs, ours=each.ours)
        for each in differences
    )


ONBOARDING = by_stream(
    NAME,
    VERSION,
    (
        (PLANS, _plan, (OnboardingPlanned, TaskCompleted, TaskRescheduled, PhaseSignedOff)),
        (
            MODULES,
            _module,
            (
                ModulePlanned,
                ShadowStarted,
                ShadowRun,
                DifferenceExplained,
                ModuleWentLive,
                ReturnedToShadow,
            ),
        ),
    ),
)


async def plans(
    view: View, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[PlanRow]:
    """Onboarding plans by code."""
    return await page(view, PLANS, order=("code",), limit=limit, cursor=cursor)


async def plan(view: View, plan_id: UUID) -> PlanRow | None:
    """The plan with this id."""
    return await get(view, PLANS, plan_id)


async def modules(
    view: View, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[ModuleRow]:
    """Modules that were planned, by name."""
    return await page(view, MODULES, order=("module",), limit=limit, cursor=cursor)


async def module(view: View, module_id: UUID) -> ModuleRow | None:
    """The module with this id."""
    return await get(view, MODULES, module_id)
