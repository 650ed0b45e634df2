"""Goals: a target for exactly what is measured, proposed by one, agreed by another."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from domain import ids
from domain.goals import (
    AgreeGoals,
    GoalsAgreed,
    GoalSheetProposed,
    ProposeGoals,
    Target,
)
from domain.rules import Indicator, Linear, Ratio, SchemeContent, Section

TARGETS = {"contract": "1200000", "collection": "900000", "output": "1000000"}


def proposal(appraisal: Any, **targets: str) -> ProposeGoals:
    return ProposeGoals(
        appraisal_id=appraisal,
        targets=tuple(
            Target(indicator=code, target=Decimal(target)) for code, target in targets.items()
        ),
    )


@pytest.fixture
def appraisal(company: Any) -> Any:
    return company.case_1(until="opened")


def test_goals_are_proposed_and_agreed(company: Any, appraisal: Any) -> None:
    propose = proposal(appraisal, **TARGETS)
    assert company.world.do(propose, actor=company.manager) == (
        GoalSheetProposed(appraisal_id=appraisal, targets=propose.targets),
    )
    sheet = ids.goal_sheet_id(appraisal)
    assert company.world.do(AgreeGoals(), on=sheet, actor=company.seller) == (GoalsAgreed(),)


def test_nobody_agrees_with_themselves(company: Any, appraisal: Any) -> None:
    company.world.do(proposal(appraisal, **TARGETS), actor=company.manager)
    sheet = ids.goal_sheet_id(appraisal)
    company.world.refuses("same-actor", AgreeGoals(), on=sheet, actor=company.manager)
    # Who proposes anew is who must not agree; the first proposer may now.
    company.world.do(proposal(appraisal, **TARGETS), actor=company.seller)
    company.world.refuses("same-actor", AgreeGoals(), on=sheet, actor=company.seller)
    company.world.do(AgreeGoals(), on=sheet, actor=company.manager)


def test_agreed_goals_stay(company: Any, appraisal: Any) -> None:
    company.agree_goals(appraisal, **TARGETS)
    company.world.refuses("goals-already-agreed", proposal(appraisal, **TARGETS))
    company.world.refuses("goals-already-agreed", AgreeGoals(), on=ids.goal_sheet_id(appraisal))


@pytest.mark.parametrize(
    "targets",
    [
        {},
        {"contract": "1"},
        {**TARGETS, "duty": "100"},
        {**TARGETS, "profit": "1"},
    ],
    ids=["none", "too few", "a judged one", "an unknown one"],
)
def test_targets_are_for_exactly_what_is_measured(
    company: Any, appraisal: Any, targets: dict[str, str]
) -> None:
    company.world.refuses("indicators-mismatch", proposal(appraisal, **targets))


def test_each_target_once(company: Any, appraisal: Any) -> None:
    once = proposal(appraisal, **TARGETS)
    twice = msgspec.structs.replace(once, targets=(*once.targets, once.targets[0]))
    company.world.refuses("indicators-mismatch", twice)


def test_a_weight_needs_a_target(company: Any, appraisal: Any) -> None:
    company.world.refuses("target-zero", proposal(appraisal, **{**TARGETS, "output": "0"}))
    for impossible in ("-1", "NaN", "Infinity", "1e40", "0.0000001", "0E+99"):
        company.world.refuses(
            "bad-number", proposal(appraisal, **{**TARGETS, "output": impossible})
        )


def test_without_weight_a_target_may_be_zero(company: Any) -> None:
    indicators = (
        Indicator(code="calls", name="calls", weight_bp=10000, rule=Ratio()),
        Indicator(code="shown", name="shown", weight_bp=0, rule=Ratio()),
    )
    company.open(
        SchemeContent(
            name="zero weight",
            sections=(Section(code="s", name="s", weight_bp=10000, indicators=indicators),),
            coefficient=Linear(),
        )
    )
    appraisal = company.create_appraisal()
    company.world.do(proposal(appraisal, calls="10", shown="0"))


def test_goals_belong_to_an_appraisal(company: Any, appraisal: Any) -> None:
    company.world.refuses("unknown-appraisal", proposal(uuid4(), **TARGETS))
    company.world.refuses("unknown-goal-sheet", AgreeGoals(), on=ids.goal_sheet_id(appraisal))


def test_goals_are_set_before_the_rating(company: Any, appraisal: Any) -> None:
    company.advance("data-intake")
    company.world.do(proposal(appraisal, **TARGETS))
    company.advance("rating")
    company.world.refuses("wrong-stage", proposal(appraisal, **TARGETS))
    company.world.refuses("wrong-stage", AgreeGoals(), on=ids.goal_sheet_id(appraisal))
