"""The indicator library and the tenant's policy on schemes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain import ids
from domain.indicator_library import (
    INDICATOR_DEFINITION,
    DefineIndicator,
    IndicatorDefined,
    IndicatorRetired,
    JobValueLink,
    RetireIndicator,
)
from domain.lint import LintLimits
from domain.rules import FromLibrary, Indicator, Inverse, Linear, Ratio, SchemeContent, Section
from domain.scheme import DraftScheme, SchemeDrafted
from domain.scheme_decisions import SCHEME
from domain.scheme_policy import SCHEME_POLICY, LintLimitsSet, SetLintLimits

Given = Callable[..., Any]

DEFINE = DefineIndicator(
    code="collection",
    name="回款完成率",
    nature="economic",
    rule=Ratio(),
    formula="到账回款 / 回款目标",
    unit="CNY",
    period="quarter",
    evidence_required=True,
    job_value=(JobValueLink(family="marketing", level=2, goal="现金流"),),
)
DEFINED = IndicatorDefined(
    code="collection",
    version=1,
    name="回款完成率",
    nature="economic",
    rule=Ratio(),
    formula="到账回款 / 回款目标",
    unit="CNY",
    period="quarter",
    evidence_required=True,
    job_value=(JobValueLink(family="marketing", level=2, goal="现金流"),),
)
RETIRED = IndicatorRetired(reason="并入合同")
LIBRARY = ids.indicator_definition_id("collection")


def test_definitions_have_versions(given: Given) -> None:
    given(INDICATOR_DEFINITION).when(DEFINE).then(DEFINED)
    story = given(INDICATOR_DEFINITION, DEFINED)
    story.when(msgspec.structs.replace(DEFINE, rule=Inverse())).then(
        msgspec.structs.replace(DEFINED, version=2, rule=Inverse())
    )


def test_a_definition_could_be_scored(given: Given) -> None:
    wrong = Ratio(floor=Decimal(130))
    given(INDICATOR_DEFINITION).when(msgspec.structs.replace(DEFINE, rule=wrong)).refused("bad-cap")
    given(INDICATOR_DEFINITION).when(msgspec.structs.replace(DEFINE, code=" ")).refused("bad-code")
    given(INDICATOR_DEFINITION).when(msgspec.structs.replace(DEFINE, name="")).refused("bad-name")


def test_what_is_retired_is_not_used_again(given: Given) -> None:
    retire = RetireIndicator(reason="并入合同")
    given(INDICATOR_DEFINITION).when(retire).refused("unknown-definition")
    given(INDICATOR_DEFINITION, DEFINED).when(retire).then(RETIRED)
    given(INDICATOR_DEFINITION, DEFINED, RETIRED).when(retire).refused("indicator-retired")
    given(INDICATOR_DEFINITION, DEFINED, RETIRED).when(DEFINE).refused("indicator-retired")


def using(version: int = 1, rule: Any = None) -> DraftScheme:
    indicator = Indicator(
        code="cash",
        name="回款",
        weight_bp=10_000,
        rule=rule or Ratio(cap=Decimal(150)),
        defined=FromLibrary(definition_id=LIBRARY, version=version),
    )
    section = Section(code="s", name="s", weight_bp=10_000, indicators=(indicator,))
    content = SchemeContent(name="方案", sections=(section,), coefficient=Linear())
    return DraftScheme(code="S", content=content)


def test_a_scheme_uses_what_is_in_the_library(given: Given) -> None:
    draft = using()
    given(SCHEME).when(draft).refused("unknown-definition")
    story = given(SCHEME).beside(LIBRARY, DEFINED)
    story.when(using(version=2)).refused("unknown-definition")
    story.when(using(rule=Inverse())).refused("rule-mismatch")
    story.when(draft).then(SchemeDrafted(code="S", version=1, content=draft.content))
    given(SCHEME).beside(LIBRARY, DEFINED, RETIRED).when(draft).refused("indicator-retired")


def test_limits_are_set_with_a_reason(given: Given) -> None:
    limits = LintLimits(economic_weight_min_bp=7000)
    given(SCHEME_POLICY).when(SetLintLimits(limits=limits, reason="董事会")).then(
        LintLimitsSet(limits=limits, reason="董事会")
    )
    given(SCHEME_POLICY).when(SetLintLimits(limits=limits, reason="")).refused("reason-missing")


@pytest.mark.parametrize(
    "limits",
    [
        LintLimits(economic_weight_min_bp=-1),
        LintLimits(judged_weight_max_bp=10_001),
        LintLimits(cliff_points_max=Decimal("NaN")),
        LintLimits(first_level_max=Decimal(-1)),
    ],
)
def test_limits_are_possible(given: Given, limits: LintLimits) -> None:
    given(SCHEME_POLICY).when(SetLintLimits(limits=limits, reason="x")).refused("bad-limit")
