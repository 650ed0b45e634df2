"""Onboarding: its plan, the modules on their way to live, and what is known of the past."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.go_live import (
    MODULE,
    ExplainDifference,
    GoLive,
    PlanModule,
    RecordShadowRun,
    ReturnToShadow,
    StartShadow,
)
from domain.historical import (
    HISTORICAL_RECORD,
    RecordHistoricalFact,
    RecordHistoricalPay,
    RecordHistoricalRating,
)
from domain.money import Amount, Money, amount_of
from domain.onboarding_plan import (
    ONBOARDING_PLAN,
    CompleteTask,
    RescheduleTask,
    SignOffPhase,
    StartOnboarding,
)
from domain.onboarding_templates import PHASES, Phase, Template
from projections import historical, onboarding
from projections.onboarding import ModuleRow, Signature, TaskTold
from projections.questions import Page, View

VIEWS = (onboarding.NAME,)
ENGINEERS = writers(auth.ONBOARDING, auth.ADMIN)
CUSTOMER = writers(auth.ADMIN, auth.HR, auth.EXECUTIVE)
READERS = frozenset({auth.ONBOARDING, auth.ADMIN, auth.HR, auth.EXECUTIVE, auth.AUDITOR})
_PLAN = "/onboarding-plans/{plan_id}"
_MODULE = "/modules/{module_id}"


class PhaseProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a phase is."""

    phase: Phase
    tasks: int
    done: int
    late: int
    """Tasks that are not done and whose last day has passed."""
    signed_off: Signature | None


class PlanTold(msgspec.Struct, frozen=True, kw_only=True):
    """实施计划 with its progress, as the customer sees it."""

    plan_id: UUID
    code: str
    template: Template
    owner: str | None
    starts_on: date
    ends_on: date
    phases: tuple[PhaseProgress, ...]
    tasks: tuple[TaskTold, ...]
    version: int
    position: int


class EntryTold(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the past."""

    record_id: UUID
    subject_id: UUID
    kind: historical.Kind
    measure: str
    reference: str
    starts_on: date
    ends_on: date
    amount: Amount | None
    value: Decimal | None
    unit: str
    label: str


class Entries(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    subject_id: UUID | None = None
    """An employment or a unit."""
    measure: str | None = None


async def _owner(view: View, row: onboarding.PlanRow) -> str | None:
    opened = await view.reopen([row.owner_at])
    owner: str | None = opened[row.owner_at].event.owner
    return owner


def _told(row: onboarding.PlanRow, owner: str | None, today: date) -> PlanTold:
    signed = {each.phase: each for each in row.signed_off}
    return PlanTold(
        plan_id=row.plan_id,
        code=row.code,
        template=row.template,
        owner=owner,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        phases=tuple(
            PhaseProgress(
                phase=phase,
                tasks=sum(task.phase == phase for task in row.tasks),
                done=sum(task.phase == phase and task.done_at is not None for task in row.tasks),
                late=sum(
                    task.phase == phase and task.done_at is None and task.due_on < today
                    for task in row.tasks
                ),
                signed_off=signed.get(phase),
            )
            for phase in PHASES
        ),
        tasks=row.tasks,
        version=row.version,
        position=row.position,
    )


async def _plans(asked: Asked, given: Listing) -> Page[PlanTold]:
    """Onboarding plans with their progress."""
    async with asked.view() as view:
        page = await onboarding.plans(view, limit=given.limit, cursor=given.cursor)
        today = asked.stamp.now.date()
        return page.of([_told(row, await _owner(view, row), today) for row in page.items])


async def _plan(asked: Asked, _: Parameters) -> One:
    """An onboarding plan: phases, tasks with dates, and what the customer has signed off."""
    async with asked.view() as view:
        row = found(await onboarding.plan(view, asked.one_id()))
        told = _told(row, await _owner(view, row), asked.stamp.now.date())
    return One(value=told, version=row.version)


async def _modules(asked: Asked, given: Listing) -> Page[ModuleRow]:
    """Modules on their way to live, by name."""
    async with asked.view() as view:
        return await onboarding.modules(view, limit=given.limit, cursor=given.cursor)


async def _module(asked: Asked, _: Parameters) -> One:
    """A module: planned, in the shadow of the old process, or live; with every difference."""
    async with asked.view() as view:
        row = found(await onboarding.module(view, asked.one_id()))
    return One(value=row, version=row.version)


async def _entries(asked: Asked, given: Entries) -> Page[EntryTold]:
    """What the old system had paid, rated and measured, as it was imported."""
    async with asked.view() as view:
        page = await historical.entries(
            view,
            subject_id=given.subject_id,
            measure=given.measure,
            limit=given.limit,
            cursor=given.cursor,
        )
    return page.of([_entry(row) for row in page.items])


def _entry(row: historical.Entry) -> EntryTold:
    paid = row.minor is not None and row.currency is not None
    return EntryTold(
        record_id=row.record_id,
        subject_id=row.subject_id,
        kind=row.kind,
        measure=row.measure,
        reference=row.reference,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        amount=amount_of(Money(row.minor or 0, row.currency or "")) if paid else None,
        value=row.value,
        unit=row.unit,
        label=row.label,
    )


ROUTES: tuple[Route, ...] = (
    post(
        "/onboarding-plans",
        StartOnboarding,
        ONBOARDING_PLAN,
        roles=ENGINEERS,
        stream=lambda _, command: ids.onboarding_plan_id(command.code),
        creates="/onboarding-plans/{id}",
    ),
    get(
        "/onboarding-plans",
        _plans,
        roles=READERS,
        result=PlanTold,
        projections=VIEWS,
        parameters=Listing,
    ),
    get(_PLAN, _plan, roles=READERS, result=PlanTold, projections=VIEWS),
    *(
        post(f"{_PLAN}/{name}", command, ONBOARDING_PLAN, roles=roles, stream=from_path("plan_id"))
        for name, command, roles in (
            ("complete", CompleteTask, ENGINEERS),
            ("reschedule", RescheduleTask, ENGINEERS),
            ("sign-off", SignOffPhase, CUSTOMER),
        )
    ),
    post(
        "/modules",
        PlanModule,
        MODULE,
        roles=ENGINEERS,
        stream=lambda _, command: ids.module_id(command.module),
        creates="/modules/{id}",
    ),
    get(
        "/modules",
        _modules,
        roles=READERS,
        result=ModuleRow,
        projections=VIEWS,
        parameters=Listing,
    ),
    get(_MODULE, _module, roles=READERS, result=ModuleRow, projections=VIEWS),
    *(
        post(f"{_MODULE}/{name}", command, MODULE, roles=roles, stream=from_path("module_id"))
        for name, command, roles in (
            ("shadow", StartShadow, ENGINEERS),
            ("shadow-runs", RecordShadowRun, ENGINEERS),
            ("explanations", ExplainDifference, ENGINEERS),
            ("go-live", GoLive, CUSTOMER),
            ("return-to-shadow", ReturnToShadow, CUSTOMER),
        )
    ),
    get(
        "/historical-records",
        _entries,
        roles=READERS,
        result=EntryTold,
        projections=(historical.NAME,),
        parameters=Entries,
    ),
    *(
        post(
            f"/historical-records/{name}",
            command,
            HISTORICAL_RECORD,
            roles=ENGINEERS,
            stream=lambda _, command: ids.historical_record_id(
                getattr(command, "employment_id", None) or command.subject_id
            ),
            creates="/historical-records",
        )
        for name, command in (
            ("pay", RecordHistoricalPay),
            ("ratings", RecordHistoricalRating),
            ("facts", RecordHistoricalFact),
        )
    ),
)
