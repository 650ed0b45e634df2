"""Worked case 7 through the deciders: zero weight, sums of weights, excused indicators."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from domain import ids
from domain.explanation import leaves
from domain.goal_changes import ApproveGoalChange, RequestExcuse
from domain.goals import ProposeGoals, Target
from domain.rules import Indicator, Manual, Ratio, SchemeContent
from domain.scheme import DraftScheme

GIVEN = {"a": "100", "b": "50", "c": "90", "d": "10"}


def judged(company: Any, appraisal: Any, **points: str) -> Any:
    """The locked score by the manager's points."""
    company.advance("rating")
    company.rate_as_manager(appraisal, **points)
    company.advance("calibration")
    (locked, *_) = company.lock(appraisal)
    return locked


def test_case_7_a_zero_weight_is_shown_and_never_divided_by(company: Any, evaluate: Any) -> None:
    """40/40/20/0 with 100/50/90/10 is 40 + 20 + 18 + 0 = 78.00."""
    company.open(company.judged_scheme(a=4000, b=4000, c=2000, d=0))
    locked = judged(company, company.create_appraisal(), **GIVEN)
    assert locked.score == Decimal("78.00")
    assert evaluate(locked.explanation) == Fraction(78, 100)
    shown = {leaf.label: leaf.value for leaf in leaves(locked.explanation)}
    assert shown["d"] == "10"


def test_case_7_an_excused_indicator_leaves_its_weight_to_the_rest(
    company: Any, evaluate: Any
) -> None:
    """The third excused by approval: 50/50 of 100 and 50 is 75.00."""
    company.open(company.judged_scheme(a=4000, b=4000, c=2000, d=0))
    appraisal = company.create_appraisal()
    sheet = ids.goal_sheet_id(appraisal)
    request = RequestExcuse(appraisal_id=appraisal, indicator="c", reason="产品线停产")
    company.world.do(request, on=sheet, actor=company.manager)
    company.world.do(ApproveGoalChange(indicator="c"), on=sheet, actor=company.authoriser)
    excused = next(
        happening.event_id
        for happening in company.world.streams[sheet]
        if "excused" in happening.event.TOPIC
    )
    locked = judged(company, appraisal, a="100", b="50", c="90", d="10")
    assert locked.score == Decimal("75.00")
    assert evaluate(locked.explanation) == Fraction(75, 100)
    (blank,) = (leaf for leaf in leaves(locked.explanation) if leaf.rule == "excused")
    assert (blank.label, blank.source) == ("c", excused)


@pytest.mark.parametrize(
    ("weights", "accepted"),
    [
        ((3333, 3333, 3333), False),
        ((3333, 3333, 3334), True),
        ((9700, 75, 75, 75, 75), True),
        ((9700, 75, 75, 75, 76), False),
        ((10000, 0), True),
    ],
)
def test_case_7_weights_sum_to_exactly_100(
    company: Any, weights: tuple[int, ...], accepted: bool
) -> None:
    content = company.judged_scheme(**{f"i{index}": each for index, each in enumerate(weights)})
    draft = DraftScheme(code="S", content=content)
    if accepted:
        company.world.do(draft)
    else:
        company.world.refuses("weights-not-100", draft)


def test_case_7_a_target_of_zero_is_for_what_has_no_weight(company: Any, evaluate: Any) -> None:
    scheme = company.judged_scheme(care=10_000)
    section = scheme.sections[0]
    care = Indicator(code="care", name="care", weight_bp=6000, rule=Manual())
    calls = Indicator(code="calls", name="calls", weight_bp=4000, rule=Ratio())
    idle = Indicator(code="idle", name="idle", weight_bp=0, rule=Ratio())
    content = SchemeContent(
        name="case 7",
        sections=(
            type(section)(code="s", name="s", weight_bp=10_000, indicators=(care, calls, idle)),
        ),
        coefficient=scheme.coefficient,
    )
    company.open(content)
    appraisal = company.create_appraisal()

    def goals(calls: str) -> ProposeGoals:
        return ProposeGoals(
            appraisal_id=appraisal,
            targets=(
                Target(indicator="calls", target=Decimal(calls)),
                Target(indicator="idle", target=Decimal(0)),
            ),
        )

    company.world.refuses("target-zero", goals("0"), actor=company.manager)
    company.agree_goals(appraisal, calls="100", idle="0")
    company.record(calls="50", idle="7")
    company.advance("rating")
    company.score(appraisal)
    locked = judged(company, appraisal, care="100")
    assert locked.score == Decimal("80.00")
    assert evaluate(locked.explanation) == Fraction(80, 100)
    shown = {leaf.label: leaf.value for leaf in leaves(locked.explanation)}
    assert shown["idle"] == "n/a"
