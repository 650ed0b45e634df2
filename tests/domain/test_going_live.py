"""Modules go live in stages, and an onboarding follows its plan. R109, R114-R116"""

from datetime import date, timedelta
from typing import Any

import pytest

from domain import ids
from domain.access import IssueAccessKey
from domain.appeal import FileAppeal
from domain.appraisal import PublishResult
from domain.go_live import (
    NEEDS,
    Difference,
    ExplainDifference,
    GoLive,
    Module,
    PlanModule,
    RecordShadowRun,
    ReturnToShadow,
    StartShadow,
    Verdict,
    modules_in_order,
)
from domain.onboarding_plan import (
    ONBOARDING_PLAN,
    CompleteTask,
    RescheduleTask,
    SignOffPhase,
    StartOnboarding,
)
from domain.onboarding_templates import PHASES, TEMPLATES, WEEKS
from domain.payout import InstructBatch, InstructPayment, SettleBatch

CUSTOMER = ids.person_id("customer")
DAY = date(2025, 9, 1)


def live(world: Any, module: Module) -> None:
    on = ids.module_id(module)
    world.do(PlanModule(module=module, live_on=DAY))
    world.do(StartShadow(beside="paper"), on=on)
    world.do(RecordShadowRun(period="2025-08", compared=10), on=on)
    world.do(GoLive(note="agreed"), on=on)


def test_every_module_rests_on_modules_before_it() -> None:
    order = modules_in_order()
    assert NEEDS.keys() == set(order)
    for module, needed in NEEDS.items():
        assert all(order.index(each) < order.index(module) for each in needed)


def test_all_modules_go_live_in_their_order(world: Any) -> None:
    for module in modules_in_order():
        live(world, module)
    world.refuses("module-not-ready", ReturnToShadow(reason="x"), on=ids.module_id("schemes"))
    world.do(ReturnToShadow(reason="a fault"), on=ids.module_id("pay"))
    world.refuses("no-shadow-run", GoLive(note="again"), on=ids.module_id("pay"))


def test_each_difference_is_explained_before_it_goes_live(world: Any) -> None:
    on = ids.module_id("organisation")
    world.refuses("unknown-module", StartShadow(beside="paper"), on=on)
    world.do(PlanModule(module="organisation", live_on=DAY))
    world.refuses("wrong-module-state", GoLive(note="x"), on=on)
    world.do(StartShadow(beside="Excel"), on=on)
    differences = tuple(
        Difference(key=key, theirs="100.00", ours="100.01") for key in ("E-1", "E-2")
    )
    run = RecordShadowRun(period="2025-08", compared=2, differences=differences)
    world.do(run, on=on)
    world.refuses("differences-open", GoLive(note="x"), on=on)
    verdicts: tuple[tuple[str, Verdict], ...]
    verdicts = (("E-1", "rounding"), ("E-2", "ours-wrong"))
    for key, verdict in verdicts:
        explained = ExplainDifference(
            period="2025-08",
            key=key,
            verdict=verdict,
            explanation="half up",
        )
        world.do(explained, on=on)
        world.refuses("no-such-difference", explained, on=on)
    # What was our fault is not explained away: the period runs again.
    world.refuses("differences-open", GoLive(note="x"), on=on)
    world.do(RecordShadowRun(period="2025-08", compared=2, differences=differences[:1]), on=on)
    world.refuses("differences-open", GoLive(note="x"), on=on)
    again = ExplainDifference(
        period="2025-08", key="E-1", verdict="rounding", explanation="half up"
    )
    world.do(again, on=on)
    world.do(GoLive(note="agreed"), on=on)


def test_a_module_waits_for_what_it_rests_on(world: Any) -> None:
    world.do(PlanModule(module="schemes", live_on=DAY))
    world.refuses("module-not-ready", StartShadow(beside="x"), on=ids.module_id("schemes"))
    world.do(PlanModule(module="organisation", live_on=DAY))
    world.do(StartShadow(beside="x"), on=ids.module_id("organisation"))
    world.do(StartShadow(beside="x"), on=ids.module_id("schemes"))
    world.do(RecordShadowRun(period="p", compared=1), on=ids.module_id("schemes"))
    world.refuses("module-not-ready", GoLive(note="x"), on=ids.module_id("schemes"))


@pytest.mark.parametrize(
    "run",
    [
        RecordShadowRun(period="p", compared=0),
        RecordShadowRun(
            period="p", compared=1, differences=(Difference(key="a", theirs="1", ours="1"),)
        ),
        RecordShadowRun(
            period="p", compared=9, differences=(Difference(key="a", theirs="1", ours="2"),) * 2
        ),
    ],
)
def test_runs_that_cannot_be(world: Any, run: RecordShadowRun) -> None:
    on = ids.module_id("organisation")
    world.do(PlanModule(module="organisation", live_on=DAY))
    world.do(StartShadow(beside="x"), on=on)
    world.refuses("bad-shadow-run", run, on=on)


# -- plans


@pytest.mark.parametrize("template", list(TEMPLATES))
def test_a_plan_has_three_phases_within_its_weeks(world: Any, template: Any) -> None:
    least, most = WEEKS[template]
    tasks = TEMPLATES[template]
    assert {task.phase for task in tasks} == set(PHASES)
    assert [task.due_day for task in tasks] == sorted(task.due_day for task in tasks)
    for weeks in (least, most):
        command = StartOnboarding(
            code=f"{template}-{weeks}", template=template, starts_on=DAY, owner="Li", weeks=weeks
        )
        (planned,) = world.do(command)
        assert (planned.ends_on - DAY).days == weeks * 7
        assert max(task.due_on for task in planned.tasks) == planned.ends_on
    for weeks in (least - 1, most + 1):
        command = StartOnboarding(
            code="x", template=template, starts_on=DAY, owner="Li", weeks=weeks
        )
        world.refuses("bad-onboarding-plan", command)


def test_a_plan_from_beginning_to_hand_over(world: Any) -> None:
    on = ids.onboarding_plan_id("P1")
    world.refuses("unknown-onboarding-plan", CompleteTask(task="interviews"), on=on)
    world.do(StartOnboarding(code="P1", template="standard-4-6-weeks", starts_on=DAY, owner="Li"))
    world.refuses("unknown-task", CompleteTask(task="dance"), on=on)
    world.refuses("phase-not-done", SignOffPhase(phase="requirements"), on=on, actor=CUSTOMER)
    late = RescheduleTask(task="interviews", due_on=date(2025, 9, 20), reason="holidays")
    world.do(late, on=on)
    early = RescheduleTask(task="interviews", due_on=date(2025, 8, 1), reason="x")
    world.refuses("bad-date", early, on=on)
    for task in TEMPLATES["standard-4-6-weeks"]:
        world.do(CompleteTask(task=task.code), on=on)
    world.refuses("task-done", CompleteTask(task="interviews"), on=on)
    world.refuses("phase-not-done", SignOffPhase(phase="training"), on=on, actor=CUSTOMER)
    world.refuses("own-sign-off", SignOffPhase(phase="requirements"), on=on)
    for phase in PHASES:
        world.do(SignOffPhase(phase=phase), on=on, actor=CUSTOMER)
    again = SignOffPhase(phase="training")
    world.refuses("phase-signed-off", again, on=on, actor=CUSTOMER)
    assert world.state(ONBOARDING_PLAN, on).signed == set(PHASES)


def test_the_vendors_engineer_is_let_in_for_a_time(world: Any) -> None:
    for expires_at in (None, world.now + timedelta(days=121)):
        key = IssueAccessKey(name="engineer", roles=("onboarding",), expires_at=expires_at)
        world.refuses("onboarding-needs-expiry", key, on=ids.access_key_id("e"))
    soon = world.now + timedelta(days=90)
    key = IssueAccessKey(name="engineer", roles=("onboarding",), expires_at=soon)
    world.do(key, on=ids.access_key_id("e"))


# -- nothing leaves the house before its module is live


def test_in_the_shadow_all_is_calculated_and_no_bank_is_told(payroll: Any) -> None:
    world, on = payroll.world, ids.module_id("pay")
    appraisals = payroll.judged((("A", "20000.00", "89.76"), ("B", "20000.00", "80")))
    first = payroll.approve(payroll.prepare(appraisals[0]))
    for module in modules_in_order():
        if module in {"rewards", "appeals"}:
            continue
        live(world, module)
    world.do(ReturnToShadow(reason="a fault"), on=ids.module_id("analytics"))
    world.do(ReturnToShadow(reason="a fault"), on=on)
    second = payroll.approve(payroll.prepare(appraisals[1]))
    for batch in (first, second):
        world.refuses("module-not-live", InstructBatch(bank_account="ICBC-1"), on=batch)
        world.refuses(
            "module-not-live", SettleBatch(bank_account="ICBC-1", bank_reference="B-1"), on=batch
        )
        line = payroll.line_ids(batch)[0]
        world.refuses("module-not-live", InstructPayment(bank_account="ICBC-1"), on=line)
    world.do(RecordShadowRun(period="2025-Q1", compared=2), on=on)
    world.do(GoLive(note="agreed"), on=on)
    world.do(InstructBatch(bank_account="ICBC-1"), on=first)
    # What the bank was told before is still taken for paid.
    world.do(ReturnToShadow(reason="another"), on=on)
    world.do(SettleBatch(bank_account="ICBC-1", bank_reference="B-1"), on=first)


def test_in_the_shadow_nobody_is_told_a_result_or_appeals(company: Any) -> None:
    world, appraisal = company.world, company.case_1()
    world.do(PlanModule(module="appeals", live_on=DAY))
    world.do(PlanModule(module="appraisal", live_on=DAY))
    world.refuses("module-not-live", PublishResult(), on=appraisal)
    for module in ("organisation", "schemes", "data"):
        live(world, module)
    on = ids.module_id("appraisal")
    world.do(StartShadow(beside="paper"), on=on)
    world.refuses("module-not-live", PublishResult(), on=appraisal)
    world.do(RecordShadowRun(period="2025-Q1", compared=1), on=on)
    world.do(GoLive(note="agreed"), on=on)
    world.do(PublishResult(), on=appraisal)
    filing = FileAppeal(appraisal_id=appraisal, lock_version=1, indicator="total", statement="x")
    world.refuses("module-not-live", filing, actor=company.seller)
