"""Laws of schemes: versions never change, two people publish, what is simulated is what happens."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain import ids
from domain.kernel import Refused
from domain.payout import PayoutCalculated, PrepareBatch
from domain.rules import (
    Indicator,
    IndicatorRule,
    Inverse,
    Level,
    Linear,
    Manual,
    Ratio,
    SchemeContent,
    Section,
    Tiered,
    TieredLinear,
)
from domain.scheme import (
    ApproveScheme,
    DraftScheme,
    LintScheme,
    PublishScheme,
    RetireScheme,
    SchemeApproved,
    SchemeDrafted,
    SchemeVersionPublished,
    SimulateScheme,
)
from domain.scheme_change import SplitCycle, WholeCycle

SCHEME = ids.scheme_id("S")
ACTORS = tuple(ids.person_id(name) for name in ("hr", "head", "manager"))


def content(weight: int) -> SchemeContent:
    indicators = (
        Indicator(code="a", name="a", weight_bp=weight, rule=Ratio()),
        Indicator(code="b", name="b", weight_bp=10_000 - weight, rule=Manual()),
    )
    section = Section(code="s", name="s", weight_bp=10_000, indicators=indicators)
    return SchemeContent(name="S", sections=(section,), coefficient=Linear())


VERSIONS = st.integers(0, 3)
COMMANDS = st.one_of(
    st.builds(DraftScheme, code=st.just("S"), content=st.integers(0, 10_000).map(content)),
    st.builds(LintScheme, version=VERSIONS),
    st.builds(ApproveScheme, version=VERSIONS, reason=st.sampled_from(["", "好"])),
    st.builds(PublishScheme, version=VERSIONS, reason=st.sampled_from(["", "好"])),
    st.builds(RetireScheme, version=VERSIONS, reason=st.just("旧")),
)


@settings(max_examples=150)
@given(st.lists(st.tuples(COMMANDS, st.sampled_from(ACTORS)), max_size=25))
def test_versions_never_change_and_two_people_publish_each(
    found_company: Callable[[], Any], commands: list[tuple[Any, Any]]
) -> None:
    world = type(found_company().world)()
    contents: dict[int, SchemeContent] = {}
    for command, actor in commands:
        length = len(world.log)
        try:
            events = world.do(command, on=SCHEME, actor=actor)
        except Refused:
            assert len(world.log) == length
            continue
        for event in events:
            if isinstance(event, SchemeDrafted):
                contents[event.version] = event.content
    scheme = world.states.get(SCHEME)
    if scheme is None:
        return
    assert {n: each.content for n, each in enumerate(scheme.versions, start=1)} == contents
    drafted, approved = {}, {}
    for happening in world.streams[SCHEME]:
        event = happening.event
        if isinstance(event, SchemeDrafted):
            drafted[event.version] = happening.actor
        elif isinstance(event, SchemeApproved):
            approved[event.version] = happening.actor
        elif isinstance(event, SchemeVersionPublished):
            assert approved[event.version] != drafted[event.version]
    assert world.replayed().states == world.states


def quarter(company: Any, weight: int) -> Any:
    """An appraisal at data intake, measured at 80 percent."""
    company.pay()
    company.open(content(weight))
    appraisal = company.create_appraisal()
    company.agree_goals(appraisal, a="100")
    company.record(a="80")
    return appraisal


DAYS = st.dates(date(2025, 1, 2), date(2025, 3, 31))


@settings(max_examples=60)
@given(
    st.integers(1, 10_000),
    st.integers(1, 10_000),
    st.decimals(0, 100, places=2),
    st.none() | DAYS,
)
def test_what_is_simulated_is_what_happens(
    found_company: Callable[[], Any],
    weight: int,
    changed: int,
    points: Decimal,
    day: date | None,
) -> None:
    """Whatever the weights, the rating and the day: score and money are those of the preview."""
    company = found_company()
    appraisal = quarter(company, weight)
    effect = (
        WholeCycle(cycle_id=company.cycle)
        if day is None
        else SplitCycle(cycle_id=company.cycle, effective_from=day)
    )
    world, scheme = company.world, company.scheme
    company.advance("rating")
    company.score(appraisal)
    company.rate_as_manager(appraisal, b=str(points))
    world.do(DraftScheme(code="MKT", content=content(changed)))
    simulate = SimulateScheme(version=2, effect=effect, appraisal_ids=(appraisal,))
    (told,) = world.do(simulate, on=scheme)[0].lines
    world.do(ApproveScheme(version=2, effect=effect), on=scheme, actor=company.authoriser)
    world.do(PublishScheme(version=2, effect=effect, reason="好"), on=scheme)
    company.advance("calibration")
    (locked, *_) = company.lock(appraisal)
    assert locked.score == told.score_after
    prepare = PrepareBatch(code="B", cycle_id=company.cycle, appraisal_ids=(appraisal,))
    (line,) = (each for each in world.do(prepare) if isinstance(each, PayoutCalculated))
    assert line.amount == told.amount_after


def test_every_kind_of_rule_through_the_deciders(company: Any, evaluate: Any) -> None:
    """Ratio 80, inverse 80, tiered 60, interpolated 70 and grade 4 of 5 (90), a fifth each."""
    grades = tuple(Decimal(each) for each in (40, 60, 75, 90, 100))
    steps = (
        Level(threshold=Decimal(60), points=Decimal(60)),
        Level(threshold=Decimal(100), points=Decimal(100)),
    )
    rules: dict[str, IndicatorRule] = {
        "ratio": Ratio(),
        "inverse": Inverse(),
        "tiered": Tiered(levels=steps),
        "linear": TieredLinear(levels=steps),
        "graded": Manual(grades=grades),
    }
    indicators = tuple(
        Indicator(code=code, name=code, weight_bp=2000, rule=rule) for code, rule in rules.items()
    )
    section = Section(code="s", name="s", weight_bp=10_000, indicators=indicators)
    company.open(SchemeContent(name="all", sections=(section,), coefficient=Linear()))
    appraisal = company.create_appraisal()
    company.agree_goals(appraisal, ratio="100", inverse="4", tiered="100", linear="100")
    company.record(ratio="80", inverse="5", tiered="99.99", linear="70")
    company.advance("rating")
    company.score(appraisal)
    company.rate_as_manager(appraisal, graded="4")
    company.advance("calibration")
    (locked, *_) = company.lock(appraisal)
    assert locked.score == Decimal("76.00")
    assert evaluate(locked.explanation) == Fraction(76, 100)
