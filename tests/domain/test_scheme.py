"""Schemes: versions that are drafted, published, and never changed."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain import ids
from domain.kernel import Refused
from domain.lint import LintLimits, lint
from domain.rules import Indicator, Level, Linear, Manual, Ratio, SchemeContent, Section, Tiered
from domain.scheme import (
    ApproveScheme,
    CloneScheme,
    DraftFromTemplate,
    DraftScheme,
    LintScheme,
    Origin,
    PublishScheme,
    RetireScheme,
    SchemeApproved,
    SchemeDrafted,
    SchemeLinted,
    SchemeRetired,
    SchemeVersionPublished,
    ThresholdsLowered,
    WeightsChanged,
    judged,
    measured,
)
from domain.scheme_change import NextCycle
from domain.scheme_decisions import SCHEME
from domain.scheme_diff import diff
from domain.scheme_policy import LintLimitsSet
from domain.templates import TEMPLATES

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
APPROVED = SchemeApproved(version=1, effect=NextCycle())
PUBLISHED = SchemeVersionPublished(version=1, reason="2025")
APPROVER = UUID(int=7)


def test_versions_count_up(given: Given) -> None:
    given(SCHEME).when(DraftScheme(code="FUN", content=FIRST)).then(DRAFTED)
    given(SCHEME, DRAFTED).when(DraftScheme(code="FUN", content=SECOND)).then(DRAFTED_AGAIN)


def test_publishing_the_one_leaves_the_other(given: Given) -> None:
    story = given(SCHEME, DRAFTED, DRAFTED_AGAIN, APPROVED)
    story.when(PublishScheme(version=1, reason="2025")).then(PUBLISHED)
    scheme = story.world.state(SCHEME, story.stream_id)
    assert scheme.published(1).content == FIRST
    assert scheme.version(2).content == SECOND
    with pytest.raises(Refused, match="scheme-not-published"):
        scheme.published(2)


def test_a_version_is_published_once(given: Given) -> None:
    story = given(SCHEME, DRAFTED, APPROVED, PUBLISHED)
    story.when(PublishScheme(version=1)).refused("already-published")
    story.when(ApproveScheme(version=1), actor=APPROVER).refused("already-published")


def test_only_what_was_drafted_is_published(given: Given) -> None:
    given(SCHEME).when(PublishScheme(version=1)).refused("unknown-scheme")
    for version in (-1, 0, 2):
        given(SCHEME, DRAFTED).when(PublishScheme(version=version)).refused(
            "unknown-scheme-version"
        )


def test_only_what_another_approved_is_published(given: Given) -> None:
    story = given(SCHEME, DRAFTED)
    story.when(PublishScheme(version=1)).refused("scheme-not-approved")
    story.when(ApproveScheme(version=1)).refused("same-actor")
    linted = SchemeLinted(version=1, findings=lint(FIRST).findings)
    story.when(ApproveScheme(version=1), actor=APPROVER).then(linted, APPROVED)
    story.when(PublishScheme(version=1, reason="2025")).then(PUBLISHED)


def test_approval_is_of_one_version(given: Given) -> None:
    story = given(SCHEME, DRAFTED, DRAFTED_AGAIN, APPROVED)
    story.when(PublishScheme(version=2)).refused("scheme-not-approved")


def test_faults_are_mended_or_accepted_with_a_reason(given: Given) -> None:
    soft = msgspec.structs.replace(FIRST, families=("marketing",))
    story = given(SCHEME, SchemeDrafted(code="S", version=1, content=soft))
    approve = ApproveScheme(version=1)
    story.when(approve, actor=APPROVER).refused("lint-faults")
    accepting = msgspec.structs.replace(approve, accepted_faults=("economic-weight-low",))
    story.when(accepting, actor=APPROVER).refused("reason-missing")
    too_much = msgspec.structs.replace(approve, accepted_faults=("economic-weight-low", "cliff"))
    story.when(too_much, actor=APPROVER).refused("unknown-fault")
    story.when(msgspec.structs.replace(accepting, reason="试点"), actor=APPROVER).then(
        SchemeLinted(version=1, findings=lint(soft).findings),
        SchemeApproved(
            version=1,
            effect=NextCycle(),
            accepted_faults=("economic-weight-low",),
            reason="试点",
        ),
    )


def test_the_tenants_limits_count(given: Given) -> None:
    soft = msgspec.structs.replace(FIRST, families=("marketing",))
    story = given(SCHEME, SchemeDrafted(code="S", version=1, content=soft))
    limits = LintLimits(economic_weight_min_bp=0)
    story.beside(ids.SCHEME_POLICY_ID, LintLimitsSet(limits=limits, reason="试点"))
    story.when(ApproveScheme(version=1), actor=APPROVER).then(
        SchemeLinted(version=1, findings=lint(soft, limits).findings), APPROVED
    )


def test_a_check_up_is_recorded(given: Given) -> None:
    given(SCHEME, DRAFTED).when(LintScheme(version=1)).then(
        SchemeLinted(version=1, findings=lint(FIRST).findings)
    )
    given(SCHEME, DRAFTED).when(LintScheme(version=2)).refused("unknown-scheme-version")


def test_a_later_draft_does_not_touch_a_published_version(given: Given) -> None:
    story = given(SCHEME, DRAFTED, APPROVED, PUBLISHED, DRAFTED_AGAIN)
    assert story.world.state(SCHEME, story.stream_id).published(1).content == FIRST


def test_changed_weights_need_a_reason_and_are_told(given: Given) -> None:
    again = msgspec.structs.replace(APPROVED, version=2)
    story = given(SCHEME, DRAFTED, APPROVED, PUBLISHED, DRAFTED_AGAIN, again)
    story.when(PublishScheme(version=2)).refused("reason-missing")
    changes = diff(FIRST, SECOND)
    assert [each.path for each in changes] == [
        "sections/all/indicators/calls/weight_bp",
        "sections/all/indicators/care/weight_bp",
    ]
    story.when(PublishScheme(version=2, reason="服务更重要")).then(
        SchemeVersionPublished(version=2, reason="服务更重要"),
        WeightsChanged(version=2, before=1, changes=changes, reason="服务更重要"),
    )


def test_lowered_thresholds_need_a_reason_and_are_told(given: Given) -> None:
    def levelled(threshold: int) -> SchemeContent:
        level = Level(threshold=Decimal(threshold), points=Decimal(100))
        return content(indicator("calls", 10000, Tiered(levels=(level,))))

    low, high = levelled(50), levelled(60)
    story = given(
        SCHEME,
        SchemeDrafted(code="S", version=1, content=high),
        APPROVED,
        PUBLISHED,
        SchemeDrafted(code="S", version=2, content=low),
        msgspec.structs.replace(APPROVED, version=2),
    )
    story.when(PublishScheme(version=2)).refused("reason-missing")
    story.when(PublishScheme(version=2, reason="市场下滑")).then(
        SchemeVersionPublished(version=2, reason="市场下滑"),
        ThresholdsLowered(version=2, before=1, changes=diff(high, low), reason="市场下滑"),
    )


def test_a_retired_version_stays_what_it_was_and_binds_no_more(given: Given) -> None:
    story = given(SCHEME, DRAFTED)
    retire = RetireScheme(version=1, reason="新方案")
    story.when(retire).refused("scheme-not-published")
    story = given(SCHEME, DRAFTED, APPROVED, PUBLISHED)
    story.when(msgspec.structs.replace(retire, reason=" ")).refused("reason-missing")
    story.when(retire).then(SchemeRetired(version=1, reason="新方案"))
    story.when(retire).refused("scheme-retired")
    scheme = story.world.state(SCHEME, story.stream_id)
    assert scheme.published(1).content == FIRST
    with pytest.raises(Refused, match="scheme-retired"):
        scheme.bindable(1)


def test_a_clone_is_a_draft_of_its_own(given: Given) -> None:
    origin = Origin(scheme_id=ids.scheme_id("FUN"), version=1)
    clone = CloneScheme(code="FIN", origin=origin, name="财务方案")
    given(SCHEME).when(clone).refused("unknown-scheme")
    story = given(SCHEME).beside(origin.scheme_id, DRAFTED)
    far = msgspec.structs.replace(clone, origin=msgspec.structs.replace(origin, version=2))
    story.when(far).refused("unknown-scheme-version")
    renamed = msgspec.structs.replace(FIRST, name="财务方案")
    story.when(clone).then(SchemeDrafted(code="FIN", version=1, content=renamed, origin=origin))


@pytest.mark.parametrize("code", TEMPLATES)
def test_every_template_can_be_drafted(given: Given, code: str) -> None:
    content = TEMPLATES[code].content
    given(SCHEME).when(DraftFromTemplate(code="T", template=code)).then(
        SchemeDrafted(code="T", version=1, content=content, template=code)
    )
    named = DraftFromTemplate(code="T", template=code, name="我们的方案")
    given(SCHEME).when(named).then(
        SchemeDrafted(
            code="T",
            version=1,
            content=msgspec.structs.replace(content, name="我们的方案"),
            template=code,
        )
    )


def test_there_is_no_other_template(given: Given) -> None:
    given(SCHEME).when(DraftFromTemplate(code="T", template="x")).refused("unknown-template")


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
