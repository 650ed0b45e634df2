"""The plan of an onboarding: phases of tasks with dates, an owner, and the customer's sign-off.

Progress is what the log says: a task is done by whoever did it, a phase is signed off by somebody
else than the owner, and the customer sees both at any time. R114, R115, R120
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import absent, begun, checked_code, checked_name, checked_reason, known
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.onboarding_templates import PHASES, TEMPLATES, WEEKS, Phase, Template

DAYS_OF_WEEK = 7
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2900, 1, 1)


class PlannedTask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task and its last day."""

    code: str
    phase: Phase
    title: str
    title_zh: str
    due_on: date


class StartOnboarding(Command, frozen=True, kw_only=True):
    """A plan from a template: 4-6 weeks, or 8-12 weeks for a large company."""

    code: str
    template: Template
    starts_on: date
    owner: str
    """Who answers for it on the vendor's side, by name."""
    weeks: int | None = None
    """The longest of the template when not given; its dates shrink with it."""


class OnboardingPlanned(Event, frozen=True, kw_only=True):
    """实施计划"""

    TOPIC = "onboarding-plan.planned"
    code: str
    template: Template
    starts_on: date
    ends_on: date
    owner: Personal[str | None] = None
    tasks: tuple[PlannedTask, ...]


class CompleteTask(Command, frozen=True, kw_only=True):
    """The task is done."""

    task: str
    note: str = ""


class TaskCompleted(Event, frozen=True, kw_only=True):
    """任务完成"""

    TOPIC = "onboarding-plan.task-completed"
    task: str
    note: str = ""


class RescheduleTask(Command, frozen=True, kw_only=True):
    """The task gets another last day, for this reason."""

    task: str
    due_on: date
    reason: str


class TaskRescheduled(Event, frozen=True, kw_only=True):
    """任务改期"""

    TOPIC = "onboarding-plan.task-rescheduled"
    task: str
    due_on: date
    reason: str


class SignOffPhase(Command, frozen=True, kw_only=True):
    """The customer accepts a phase, all of whose tasks are done."""

    phase: Phase
    note: str = ""


class PhaseSignedOff(Event, frozen=True, kw_only=True):
    """阶段签收"""

    TOPIC = "onboarding-plan.phase-signed-off"
    phase: Phase
    note: str = ""


class OnboardingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan as decisions need it."""

    planned_by: UUID
    starts_on: date
    tasks: tuple[PlannedTask, ...]
    done: frozenset[str] = frozenset()
    done_by: frozenset[UUID] = frozenset()
    signed: frozenset[str] = frozenset()


PlanCommand = StartOnboarding | CompleteTask | RescheduleTask | SignOffPhase
PlanEvent = OnboardingPlanned | TaskCompleted | TaskRescheduled | PhaseSignedOff


def _decide(
    state: OnboardingPlan | None, command: PlanCommand, context: Context
) -> Iterable[Event]:
    if isinstance(command, StartOnboarding):
        absent(state, "a plan")
        return (_start(command),)
    plan = known(state, "unknown-onboarding-plan", "such plan")
    match command:
        case CompleteTask():
            _open_task(plan, command.task)
            note = command.note and checked_reason(command.note, "note")
            return (TaskCompleted(task=command.task, note=note),)
        case RescheduleTask():
            _open_task(plan, command.task)
            if not plan.starts_on <= command.due_on <= _LAST_DAY:
                raise Refused("bad-date", "A task ends after the plan has begun.")
            reason = checked_reason(command.reason)
            return (TaskRescheduled(task=command.task, due_on=command.due_on, reason=reason),)
        case SignOffPhase():
            return (_sign(plan, command, context),)
        case _:
            assert_never(command)


def _start(command: StartOnboarding) -> OnboardingPlanned:
    least, most = WEEKS[command.template]
    weeks = most if command.weeks is None else command.weeks
    if not least <= weeks <= most:
        raise Refused("bad-onboarding-plan", f"This plan takes {least} to {most} weeks.")
    if not _FIRST_DAY <= command.starts_on <= _LAST_DAY:
        raise Refused("bad-date", "The plan begins in this age.")
    tasks = tuple(
        PlannedTask(
            code=task.code,
            phase=task.phase,
            title=task.title,
            title_zh=task.title_zh,
            # Rounded up: no task is due before it was in the longest plan, scaled.
            due_on=command.starts_on + timedelta(days=-(-task.due_day * weeks // most)),
        )
        for task in TEMPLATES[command.template]
    )
    return OnboardingPlanned(
        code=checked_code(command.code),
        template=command.template,
        starts_on=command.starts_on,
        ends_on=command.starts_on + timedelta(days=weeks * DAYS_OF_WEEK),
        owner=checked_name(command.owner, "owner"),
        tasks=tasks,
    )


def _open_task(plan: OnboardingPlan, code: str) -> None:
    if all(task.code != code for task in plan.tasks):
        raise Refused("unknown-task", "The plan has no such task.")
    if code in plan.done:
        raise Refused("task-done", "The task is done already.")


def _sign(plan: OnboardingPlan, command: SignOffPhase, context: Context) -> PhaseSignedOff:
    if command.phase in plan.signed:
        raise Refused("phase-signed-off", "The phase was signed off already.")
    before = PHASES[: PHASES.index(command.phase)]
    if not plan.signed.issuperset(before):
        raise Refused("phase-not-done", "The phases before it are signed off first.")
    left = [
        task.code
        for task in plan.tasks
        if task.phase == command.phase and task.code not in plan.done
    ]
    if left:
        raise Refused("phase-not-done", f"These tasks are not done: {', '.join(left)}.")
    if context.actor == plan.planned_by or context.actor in plan.done_by:
        raise Refused("own-sign-off", "Whoever planned or did the work does not sign it off.")
    note = command.note and checked_reason(command.note, "note")
    return PhaseSignedOff(phase=command.phase, note=note)


def _evolve(state: OnboardingPlan | None, happened: Happened[PlanEvent]) -> OnboardingPlan:
    event = happened.event
    match event:
        case OnboardingPlanned():
            return OnboardingPlan(
                planned_by=happened.actor, starts_on=event.starts_on, tasks=event.tasks
            )
        case TaskCompleted():
            plan = begun(state)
            return msgspec.structs.replace(
                plan,
                done=plan.done | {event.task},
                done_by=plan.done_by | {happened.actor},
            )
        case TaskRescheduled():
            plan = begun(state)
            tasks = tuple(
                msgspec.structs.replace(task, due_on=event.due_on)
                if task.code == event.task
                else task
                for task in plan.tasks
            )
            return msgspec.structs.replace(plan, tasks=tasks)
        case PhaseSignedOff():
            plan = begun(state)
            return msgspec.structs.replace(plan, signed=plan.signed | {event.phase})
        case _:
            assert_never(event)


ONBOARDING_PLAN: Decider[OnboardingPlan | None] = Decider(
    kind="onboarding-plan", initial=None, decide=_decide, evolve=_evolve
)
