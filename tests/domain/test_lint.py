"""The check-up of a scheme: what it says, and about what it stays silent."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain.lint import LintLimits, lint
from domain.rules import (
    Band,
    Banded,
    Bonus,
    Deduction,
    Indicator,
    Level,
    Linear,
    Manual,
    Ratio,
    SchemeContent,
    Section,
    SectionNature,
    Tiered,
    TieredLinear,
)
from domain.templates import TEMPLATES, Template


def section(code: str, weight_bp: int, nature: SectionNature, *rules: Any) -> Section:
    share, rest = divmod(10_000, len(rules))
    return Section(
        code=code,
        name=code,
        weight_bp=weight_bp,
        nature=nature,
        indicators=tuple(
            Indicator(
                code=f"{code}-{index}",
                name=code,
                weight_bp=share + (rest if index == 0 else 0),
                rule=rule,
            )
            for index, rule in enumerate(rules)
        ),
    )


def scheme(*sections: Section, **more: Any) -> SchemeContent:
    return SchemeContent(name="方案", sections=sections, **{"coefficient": Linear(), **more})


def codes(content: SchemeContent, limits: LintLimits | None = None) -> set[str]:
    return {each.code for each in lint(content, limits).findings}


SOUND = scheme(
    section("economic", 6000, "economic", Ratio(), Ratio()),
    section("duty", 4000, "duty", Manual(), Manual()),
    families=("marketing",),
)


def test_a_sound_scheme_has_no_findings() -> None:
    assert codes(SOUND) == set()


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda each: each.code)
def test_what_we_ship_has_no_faults(template: Template) -> None:
    assert lint(template.content).faults == set()


def test_marketing_needs_economic_weight() -> None:
    low = scheme(
        section("economic", 4999, "economic", Ratio(), Ratio()),
        section("duty", 5001, "duty", Manual(), Manual()),
        families=("marketing",),
    )
    (fault,) = lint(low).findings
    assert (fault.code, fault.severity) == ("economic-weight-low", "fault")
    assert "49.99 %" in fault.detail
    assert codes(low, LintLimits(economic_weight_min_bp=4999)) == set()
    # What is meant for nobody in particular is measured by nobody's rule.
    assert codes(msgspec.structs.replace(low, families=())) == set()


def test_functions_need_numbers_and_capabilities() -> None:
    soft = scheme(
        section("kpi", 2999, "kpi", Ratio()),
        section("duty", 7001, "duty", Manual(), Manual()),
        families=("function",),
    )
    assert lint(soft).faults == {"quantitative-weight-low", "kci-missing"}
    assert "inflation-risk" in codes(soft)
    firm = scheme(
        section("kpi", 3000, "kpi", Ratio()),
        section("kci", 7000, "kci", Manual(), Manual()),
        families=("function",),
    )
    assert codes(firm) == set()


def test_one_indicator_does_not_decide_alone_and_none_is_for_show() -> None:
    alone = scheme(section("a", 10_000, "general", Ratio()))
    assert codes(alone) == {"dominant-indicator"}
    shown = scheme(
        section("a", 10_000, "general", Ratio(), Ratio()), section("b", 0, "general", Ratio())
    )
    (warning,) = lint(shown).findings
    assert (warning.code, warning.where) == ("zero-weight", "b-0")


def test_cliffs_are_told_in_points_of_the_total() -> None:
    """60 points at the first level of an indicator of half the weight: 30 of the total."""
    steep = scheme(section("a", 10_000, "general", Tiered(), Ratio()))
    (cliff,) = lint(steep).findings
    assert (cliff.code, cliff.where) == ("cliff", "a-0")
    assert "30 points" in cliff.detail
    assert codes(steep, LintLimits(cliff_points_max=Decimal(30))) == set()
    # Interpolated from the very bottom there is no step.
    gentle = TieredLinear(
        levels=(
            Level(threshold=Decimal(0), points=Decimal(0)),
            Level(threshold=Decimal(100), points=Decimal(100)),
        )
    )
    assert codes(scheme(section("a", 10_000, "general", gentle, Ratio()))) == set()


def test_a_first_level_that_is_too_high_risks_a_wipe_out() -> None:
    high = Tiered(levels=(Level(threshold=Decimal(80), points=Decimal(10)),))
    assert codes(scheme(section("a", 10_000, "general", high, Ratio()))) == {"wipe-out-risk"}


def test_pay_does_not_fall_when_results_rise() -> None:
    bands = Banded(
        bands=(
            Band(from_score=Decimal(90), coefficient=Decimal("0.9")),
            Band(from_score=Decimal(0), coefficient=Decimal(0)),
            Band(from_score=Decimal(60), coefficient=Decimal(1)),
        )
    )
    assert lint(msgspec.structs.replace(SOUND, coefficient=bands)).faults == {"perverse-slope"}


def test_points_for_nothing() -> None:
    floor = scheme(section("a", 10_000, "general", Ratio(floor=Decimal(40)), Ratio()))
    assert codes(floor) == {"points-for-nothing"}


def test_items_without_a_limit() -> None:
    late = Deduction(code="late", name="迟交", points=Decimal(1))
    praise = Bonus(code="praise", name="表彰", points=Decimal(1))
    open_ended = msgspec.structs.replace(SOUND, deductions=(late,), bonuses=(praise,))
    assert codes(open_ended) == {"deductions-uncapped", "bonuses-uncapped"}
    capped = msgspec.structs.replace(open_ended, deduction_cap=Decimal(10), bonus_cap=Decimal(5))
    assert codes(capped) == set()


def test_faults_come_first() -> None:
    steep = scheme(section("a", 10_000, "general", Tiered(), Ratio()), families=("marketing",))
    assert [each.severity for each in lint(steep).findings] == ["fault", "warning"]
