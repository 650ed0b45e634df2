"""Goals that move after they were agreed, indicators excused, goals aligned with objectives."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from domain import ids
from domain.appraisal import CalculateInitialScore, LockScore
from domain.goal_changes import (
    AlignGoal,
    ApproveGoalChange,
    DeclineGoalChange,
    GoalAligned,
    RequestExcuse,
    RequestTargetChange,
    TargetChanged,
)
from domain.goals import AgreeGoals
from domain.objective import OBJECTIVE, DropObjective, ObjectiveSet, SetObjective


def lower(target: str = "702000", indicator: str = "collection") -> RequestTargetChange:
    return RequestTargetChange(indicator=indicator, target=Decimal(target), reason="客户破产")


APPROVE = ApproveGoalChange(indicator="collection")


def test_an_approved_target_counts_from_then_on(company: Any, evaluate: Any) -> None:
    """702,000 of 702,000 in the place of 900,000: 32.00 instead of 24.96."""
    appraisal = company.case_1(until="recorded")
    sheet = ids.goal_sheet_id(appraisal)
    company.world.do(lower(), on=sheet, actor=company.manager)
    company.world.refuses("same-actor", APPROVE, on=sheet, actor=company.manager)
    company.world.refuses("own-result", APPROVE, on=sheet, actor=company.seller)
    (changed,) = company.world.do(APPROVE, on=sheet, actor=company.head)
    assert changed == TargetChanged(
        indicator="collection", target=Decimal(702000), requested_by=company.manager
    )
    company.advance("rating")
    company.score(appraisal)
    company.rate_self(appraisal, duty="90")
    company.rate_as_manager(appraisal, duty="88")
    company.advance("calibration")
    locked, *_ = company.lock(appraisal)
    assert locked.score == Decimal("96.80")
    assert evaluate(locked.explanation) == Decimal("0.968")


def test_a_target_changes_after_agreement_and_before_the_cut_off(company: Any) -> None:
    appraisal = company.case_1(until="opened")
    sheet = ids.goal_sheet_id(appraisal)
    company.world.refuses("unknown-goal-sheet", lower(), on=sheet)
    company.agree_goals(appraisal, contract="1", collection="1", output="1")
    for code, command in (
        ("target-zero", lower("0")),
        ("bad-number", lower("-1")),
        ("unknown-indicator", lower(indicator="duty")),
        ("reason-missing", RequestTargetChange(indicator="output", target=Decimal(1), reason="")),
        ("unknown-goal-change", APPROVE),
        ("unknown-goal-change", DeclineGoalChange(indicator="collection", reason="x")),
    ):
        company.world.refuses(code, command, on=sheet)
    company.world.do(lower(), on=sheet, actor=company.manager)
    company.world.refuses("goal-change-pending", lower(), on=sheet)
    excuse = RequestExcuse(appraisal_id=appraisal, indicator="collection", reason="x")
    company.world.refuses("goal-change-pending", excuse)
    company.advance("rating")
    company.world.refuses("wrong-stage", APPROVE, on=sheet, actor=company.head)
    company.world.refuses("wrong-stage", lower(), on=sheet)


def test_goals_not_agreed_are_proposed_anew(company: Any) -> None:
    appraisal = company.case_1(until="opened")
    sheet = ids.goal_sheet_id(appraisal)
    excuse = RequestExcuse(appraisal_id=appraisal, indicator="duty", reason="新岗位")
    company.world.do(excuse, actor=company.manager)
    company.world.refuses("unknown-goal-sheet", AgreeGoals(), on=sheet)
    company.agree_goals(appraisal, contract="1", collection="1", output="1")
    assert company.world.states[sheet].moves.request("duty") is not None


def test_a_declined_change_changes_nothing(company: Any) -> None:
    appraisal = company.case_1(until="agreed")
    sheet = ids.goal_sheet_id(appraisal)
    before = company.world.states[sheet].stated
    company.world.do(lower(), on=sheet, actor=company.seller)
    decline = DeclineGoalChange(indicator="collection", reason="目标不变")
    company.world.refuses("same-actor", decline, on=sheet, actor=company.seller)
    company.world.do(decline, on=sheet, actor=company.manager)
    assert company.world.states[sheet].stated == before
    company.world.do(lower(), on=sheet, actor=company.manager)


def test_case_7_an_excused_indicator_leaves_its_weight_to_its_section(company: Any) -> None:
    """The third of 33.33/33.33/33.34 excused: 80 and 70 over halves are 75.00."""
    company.open(company.judged_scheme(a=3333, b=3333, c=3334))
    appraisal = company.create_appraisal()
    sheet = ids.goal_sheet_id(appraisal)
    excuse = RequestExcuse(appraisal_id=appraisal, indicator="c", reason="产假期间无此工作")
    company.world.do(excuse, actor=company.seller)
    approve = ApproveGoalChange(indicator="c")
    company.world.refuses("same-actor", approve, on=sheet, actor=company.seller)
    company.world.do(approve, on=sheet, actor=company.manager)
    company.world.refuses("already-excused", excuse)
    company.advance("rating")
    company.rate_as_manager(appraisal, a="80", b="70", c="0")
    company.advance("calibration")
    locked, *_ = company.lock(appraisal)
    assert locked.score == Decimal("75.00")


def test_an_excuse_after_the_initial_score_makes_it_stale(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    sheet = ids.goal_sheet_id(appraisal)
    excuse = RequestExcuse(appraisal_id=appraisal, indicator="output", reason="停产")
    company.world.do(excuse, actor=company.manager)
    company.world.do(ApproveGoalChange(indicator="output"), on=sheet, actor=company.head)
    company.world.refuses("initial-score-stale", LockScore(), on=appraisal)
    (scored,) = company.world.do(CalculateInitialScore(), on=appraisal)
    assert scored.score == Decimal("86.50")
    company.world.refuses("already-scored", CalculateInitialScore(), on=appraisal)
    locked, *_ = company.lock(appraisal)
    assert locked.score == Decimal("86.80")
    company.world.refuses("already-locked", excuse)


def test_where_all_data_are_excused_people_decide_alone(company: Any) -> None:
    appraisal = company.case_1(until="rated")
    sheet = ids.goal_sheet_id(appraisal)
    for indicator in ("contract", "collection", "output"):
        excuse = RequestExcuse(appraisal_id=appraisal, indicator=indicator, reason="外派")
        company.world.do(excuse, actor=company.manager)
        approve = ApproveGoalChange(indicator=indicator)
        company.world.do(approve, on=sheet, actor=company.head)
    company.advance("calibration")
    locked, *_ = company.lock(appraisal)
    assert locked.score == Decimal("88.00")


def test_only_what_the_scheme_has_is_excused(company: Any) -> None:
    appraisal = company.case_1(until="agreed")
    for code, command in (
        ("unknown-indicator", RequestExcuse(appraisal_id=appraisal, indicator="x", reason="x")),
        ("reason-missing", RequestExcuse(appraisal_id=appraisal, indicator="duty", reason="")),
        ("unknown-appraisal", RequestExcuse(appraisal_id=uuid4(), indicator="duty", reason="x")),
    ):
        company.world.refuses(code, command)


# -- alignment


def objective(company: Any, code: str, **fields: Any) -> SetObjective:
    return SetObjective(cycle_id=company.cycle, code=code, name=code.title(), **fields)


def tree(company: Any) -> tuple[Any, Any]:
    """The company's objective, and the department's that serves it."""
    company.world.do(objective(company, "growth"))
    top = ids.objective_id(company.cycle, "growth")
    company.world.do(objective(company, "sales", org_unit_id=company.unit, serves=top))
    return top, ids.objective_id(company.cycle, "sales")


def test_goals_serve_objectives(company: Any) -> None:
    appraisal = company.case_1(until="agreed")
    _, department = tree(company)
    sheet = ids.goal_sheet_id(appraisal)
    align = AlignGoal(indicator="contract", objective_id=department)
    assert company.world.do(align, on=sheet) == (
        GoalAligned(indicator="contract", objective_id=department, weight=32_000_000),
    )
    company.world.refuses("already-aligned", align, on=sheet)
    for code, command in (
        ("unknown-objective", AlignGoal(indicator="contract", objective_id=uuid4())),
        ("unknown-indicator", AlignGoal(indicator="x", objective_id=department)),
    ):
        company.world.refuses(code, command, on=sheet)
    company.world.do(DropObjective(reason="转型"), on=department)
    dropped = AlignGoal(indicator="output", objective_id=department)
    company.world.refuses("objective-dropped", dropped, on=sheet)


def test_objectives_form_a_tree_below_the_companys(company: Any) -> None:
    company.open()
    top, department = tree(company)
    for code, command in (
        ("already-exists", objective(company, "growth")),
        ("objective-unaligned", objective(company, "x", serves=top)),
        ("objective-unaligned", objective(company, "x", org_unit_id=company.unit)),
        ("unknown-org-unit", objective(company, "x", org_unit_id=uuid4(), serves=top)),
        ("unknown-objective", objective(company, "x", org_unit_id=company.unit, serves=uuid4())),
        ("bad-code", objective(company, "")),
        ("unknown-cycle", SetObjective(cycle_id=uuid4(), code="x", name="x")),
    ):
        company.world.refuses(code, command)
    company.world.do(DropObjective(reason="x"), on=department)
    company.world.refuses("objective-dropped", DropObjective(reason="x"), on=department)
    below = objective(company, "x", org_unit_id=company.unit, serves=department)
    company.world.refuses("objective-dropped", below)
    company.world.refuses("unknown-objective", DropObjective(reason="x"), on=uuid4())


def test_objectives_are_not_endlessly_deep(company: Any) -> None:
    company.open()
    top, above = tree(company)
    for depth in range(3, 9):
        command = objective(company, f"o{depth}", org_unit_id=company.unit, serves=above)
        company.world.do(command)
        above = ids.objective_id(company.cycle, f"o{depth}")
    deeper = objective(company, "o9", org_unit_id=company.unit, serves=above)
    company.world.refuses("objective-unaligned", deeper)
    assert company.world.state(OBJECTIVE, top).serves is None


@pytest.mark.parametrize("stage", ["rating", "locked"])
def test_objectives_are_set_before_the_rating(company: Any, stage: Any) -> None:
    company.open()
    company.advance(stage)
    company.world.refuses("wrong-stage", objective(company, "late"))


def test_an_objective_of_another_cycle_is_not_served(company: Any) -> None:
    appraisal = company.case_1(until="agreed")
    other = uuid4()
    company.world.append(other, ObjectiveSet(cycle_id=other, code="other", name="Other"))
    sheet = ids.goal_sheet_id(appraisal)
    align = AlignGoal(indicator="contract", objective_id=other)
    company.world.refuses("wrong-cycle", align, on=sheet)
    below = objective(company, "x", org_unit_id=company.unit, serves=other)
    company.world.refuses("wrong-cycle", below)
