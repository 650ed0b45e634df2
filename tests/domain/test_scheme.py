"""Schemes: versions that are drafted, published, and never changed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain.kernel import Refused
from domain.rules import Indicator, Linear, Manual, Ratio, SchemeContent, Section
from domain.scheme import (
    DraftScheme,
    PublishScheme,
    SchemeDrafted,
    SchemeVersionPublished,
    judged,
    measured,
)
from domain.scheme_decisions import SCHEME

Given = Callable[..., Any]


def content(*indicators: Indicator, name: str = "职能方案") -> SchemeContent:
    return SchemeContent(
        name=name,
        sections=(Section(code="all", name="全部", weight_bp=10000, indicators=indicators),),
        coefficient=Linear(),
    )


def indicator(code: str, weight_bp: int, rule: Any = None) -> Indicator:
    return Indicator(code=code, name=code, weight_bp=weight_bp, rule=rule or Ratio())


FIRST = content(indicator("calls", 6000), indicator("care", 4000, Manual()))
SECOND = content(indicator("calls", 5000), indicator("care", 5000, Manual()))
DRAFTED = SchemeDrafted(code="FUN", version=1, content=FIRST)
DRAFTED_AGAIN = SchemeDrafted(code="FUN", version=2, content=SECOND)
PUBLISHED = SchemeVersionPublished(version=1, reason="approved")


def test_versions_count_up(given: Given) -> None:
    given(SCHEME).when(DraftScheme(code="FUN", content=FIRST)).then(DRAFTED)
    given(SCHEME, DRAFTED).when(DraftScheme(code="FUN", content=SECOND)).then(DRAFTED_AGAIN)


def test_publishing_the_one_leaves_the_other(given: Given) -> None:
    story = given(SCHEME, DRAFTED, DRAFTED_AGAIN)
    story.when(PublishScheme(version=1, reason="approved")).then(PUBLISHED)
    scheme = story.world.state(SCHEME, story.stream_id)
    assert scheme.published(1).content == FIRST
    assert scheme.version(2).content == SECOND
    with pytest.raises(Refused, match="scheme-not-published"):
        scheme.published(2)


def test_a_version_is_published_once(given: Given) -> None:
    given(SCHEME, DRAFTED, PUBLISHED).when(PublishScheme(version=1)).refused("already-published")


def test_only_what_was_drafted_is_published(given: Given) -> None:
    given(SCHEME).when(PublishScheme(version=1)).refused("unknown-scheme")
    for version in (-1, 0, 2):
        given(SCHEME, DRAFTED).when(PublishScheme(version=version)).refused(
            "unknown-scheme-version"
        )


def test_a_later_draft_does_not_touch_a_published_version(given: Given) -> None:
    story = given(SCHEME, DRAFTED, PUBLISHED, DRAFTED_AGAIN)
    assert story.world.state(SCHEME, story.stream_id).published(1).content == FIRST


def test_weights_add_up(given: Given) -> None:
    short = content(indicator("a", 3333), indicator("b", 3333), indicator("c", 3333))
    given(SCHEME).when(DraftScheme(code="S", content=short)).refused("weights-not-100")
    exact = content(indicator("a", 3333), indicator("b", 3333), indicator("c", 3334))
    given(SCHEME).when(DraftScheme(code="S", content=exact)).then(
        SchemeDrafted(code="S", version=1, content=exact)
    )


@pytest.mark.parametrize("code", ["", "a\x1fb"])
def test_indicators_have_codes_of_their_own(given: Given, code: str) -> None:
    scheme = content(indicator(code, 10000))
    given(SCHEME).when(DraftScheme(code="S", content=scheme)).refused("bad-code")


def test_no_indicator_is_called_as_the_total_is(given: Given) -> None:
    scheme = content(indicator("total", 10000))
    given(SCHEME).when(DraftScheme(code="S", content=scheme)).refused("reserved-code")


def test_names_and_codes_are_checked(given: Given) -> None:
    nameless = msgspec.structs.replace(FIRST, name="")
    given(SCHEME).when(DraftScheme(code="S", content=nameless)).refused("bad-name")
    given(SCHEME).when(DraftScheme(code=" ", content=FIRST)).refused("bad-code")
    unnamed = content(msgspec.structs.replace(indicator("a", 10000), name="\n"))
    given(SCHEME).when(DraftScheme(code="S", content=unnamed)).refused("bad-name")


@pytest.mark.parametrize("threshold", ["-1", "NaN", "0.0000001"])
def test_the_deviation_threshold_is_points(given: Given, threshold: str) -> None:
    scheme = msgspec.structs.replace(FIRST, deviation_threshold=Decimal(threshold))
    with pytest.raises(Refused):
        given(SCHEME).when(DraftScheme(code="S", content=scheme)).then()


def test_what_is_measured_and_what_is_judged() -> None:
    assert [(each.code, each.weight) for each in measured(FIRST)] == [("calls", 60_000_000)]
    assert [(each.code, each.weight) for each in judged(FIRST)] == [("care", 40_000_000)]
