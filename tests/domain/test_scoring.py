"""Scores: each kind of indicator, what is missing, what more and less of something do."""

from decimal import Decimal
from fractions import Fraction
from random import Random
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.coefficient import JobBand, coefficient, near_edge
from domain.evidence import Evidence
from domain.explanation import Given, Node
from domain.indicators import check_points, is_reached
from domain.kernel import Refused
from domain.rules import (
    Band,
    Banded,
    Bonus,
    Deduction,
    Indicator,
    IndicatorRule,
    Inverse,
    Level,
    Linear,
    Manual,
    MultiRater,
    RaterGroup,
    Ratio,
    SchemeContent,
    Section,
    Tiered,
    TieredLinear,
    Veto,
    check_content,
)
from domain.scoring import initial_score, result, score

SCHEME = UUID(int=1)
JOB = JobBand(least=Decimal(0), most=Decimal("1.2"), source=UUID(int=2))


def stated(number: str | int | Decimal) -> Given:
    return Given(Decimal(number), uuid4())


def scheme(*rules: IndicatorRule, **changes: object) -> SchemeContent:
    """One section of indicators "0", "1", ... of equal weight, the last with what is left."""
    part = 10000 // len(rules)
    indicators = tuple(
        Indicator(code=str(n), name=str(n), weight_bp=part, rule=rule)
        for n, rule in enumerate(rules)
    )
    last = msgspec.structs.replace(indicators[-1], weight_bp=10000 - part * (len(rules) - 1))
    content = SchemeContent(
        name="any",
        sections=(
            Section(code="all", name="all", weight_bp=10000, indicators=(*indicators[:-1], last)),
        ),
        coefficient=Linear(),
    )
    return msgspec.structs.replace(content, **changes)


def points(rule: IndicatorRule, actual: str, target: str = "100") -> Fraction:
    evidence = Evidence(
        scheme=SCHEME, targets={"0": stated(target)}, actuals={"0": [stated(actual)]}
    )
    found = score(scheme(rule), evidence).indicators[0].points
    assert found is not None
    return found


def code_of(content: SchemeContent, evidence: Evidence) -> str:
    with pytest.raises(Refused) as refused:
        score(content, evidence)
    return refused.value.code


# -- kinds

SLOPED = TieredLinear(
    levels=(
        Level(threshold=Decimal(60), points=Decimal(50)),
        Level(threshold=Decimal(80), points=Decimal(80)),
        Level(threshold=Decimal(100), points=Decimal(110)),
    )
)


@pytest.mark.parametrize(
    ("rule", "actual", "earned"),
    [
        (Ratio(), "95", "95"),
        (Ratio(), "0", "0"),
        (Ratio(), "-5", "0"),
        (Ratio(), "180", "120"),
        (Ratio(floor=Decimal(30), cap=Decimal(100)), "20", "30"),
        (Ratio(floor=Decimal(30), cap=Decimal(100)), "101", "100"),
        (Inverse(), "80", "120"),
        (Inverse(), "125", "80"),
        (Inverse(), "300", "100/3"),
        (Inverse(), "0", "120"),
        (Inverse(), "-1", "120"),
        (Inverse(cap=Decimal(150)), "0", "150"),
        (Tiered(), "59.999999", "0"),
        (Tiered(), "60", "60"),
        (Tiered(), "500", "100"),
        (Tiered(), "-1", "0"),
        (SLOPED, "59.99", "0"),
        (SLOPED, "60", "50"),
        (SLOPED, "70", "65"),
        (SLOPED, "79.999999", "79.9999985"),
        (SLOPED, "80", "80"),
        (SLOPED, "90", "95"),
        (SLOPED, "100", "110"),
        (SLOPED, "1000", "110"),
    ],
)
def test_points_by_kind(rule: IndicatorRule, actual: str, earned: str) -> None:
    assert points(rule, actual) == Fraction(earned)


def test_grades_earn_what_the_scheme_says() -> None:
    rule = Manual(grades=tuple(map(Decimal, (0, 40, 60, 80, 100))))
    content = scheme(rule)
    check_content(content)
    for grade, earned in ((1, 0), (4, 80), (5, 100)):
        evidence = Evidence(scheme=SCHEME, points={"0": stated(grade)})
        assert score(content, evidence).value == earned
    for wrong in ("0", "6", "2.5", "-1"):
        evidence = Evidence(scheme=SCHEME, points={"0": stated(wrong)})
        assert code_of(content, evidence) == "bad-grade"
    for wrong in ("-0.01", "100.01"):
        with pytest.raises(Refused, match="points-out-of-range"):
            check_points(Manual(), Fraction(wrong))


GROUPS = (
    RaterGroup(code="superior", weight_bp=5000, scored_from=1),
    RaterGroup(code="peer", weight_bp=3000),
    RaterGroup(code="subordinate", weight_bp=2000),
)


def test_too_few_raters_by_policy() -> None:
    responses = {"superior": [stated(80)], "peer": [stated(90)], "subordinate": []}
    evidence = Evidence(scheme=SCHEME, responses={"0": responses})
    assert score(scheme(MultiRater(groups=GROUPS)), evidence).value == 80
    assert score(scheme(MultiRater(groups=GROUPS, missing="zero")), evidence).value == 40
    block = scheme(MultiRater(groups=GROUPS, missing="block"))
    assert code_of(block, evidence) == "rater-group-missing"
    lonely = Evidence(scheme=SCHEME, responses={"0": {"peer": [stated(90)]}})
    assert code_of(scheme(MultiRater(groups=GROUPS)), lonely) == "rater-group-missing"
    strangers = Evidence(scheme=SCHEME, responses={"0": {"board": [stated(90)]}})
    assert code_of(scheme(MultiRater(groups=GROUPS)), strangers) == "unknown-indicator"


# -- what is missing


def test_nothing_missing_counts_as_zero_on_the_quiet() -> None:
    content = scheme(Ratio(), Manual(), MultiRater(groups=GROUPS))
    full = Evidence(
        scheme=SCHEME,
        targets={"0": stated(100)},
        actuals={"0": [stated(90)]},
        points={"1": stated(80)},
        responses={"2": {"superior": [stated(70)]}},
    )
    assert score(content, full).value == Decimal("80.00")
    for field, code in (
        ("targets", "target-missing"),
        ("actuals", "actual-missing"),
        ("points", "points-missing"),
        ("responses", "responses-missing"),
    ):
        assert code_of(content, msgspec.structs.replace(full, **{field: {}})) == code
    assert code_of(content, msgspec.structs.replace(full, actuals={"0": []})) == "actual-missing"
    unknown = msgspec.structs.replace(full, occurrences={"late": [stated(1)]})
    assert code_of(content, unknown) == "unknown-indicator"


def test_an_explicit_zero_counts() -> None:
    assert points(Ratio(), "0") == 0


def test_excusing_everything_leaves_nothing_to_score() -> None:
    evidence = Evidence(scheme=SCHEME, excused={"0": uuid4()})
    assert code_of(scheme(Manual()), evidence) == "nothing-to-score"
    assert initial_score(scheme(Ratio()), evidence) is None


def test_an_excused_section_leaves_its_weight_to_the_others() -> None:
    sections = tuple(
        Section(
            code=code,
            name=code,
            weight_bp=weight,
            indicators=(Indicator(code=code, name=code, weight_bp=10000, rule=Manual()),),
        )
        for code, weight in (("a", 5000), ("b", 3000), ("c", 2000))
    )
    content = scheme(Manual(), sections=sections)
    evidence = Evidence(
        scheme=SCHEME, points={"a": stated(60), "b": stated(90)}, excused={"c": uuid4()}
    )
    scored = score(content, evidence)
    assert scored.exact == Fraction(60 * 5 + 90 * 3, 8)
    assert [each.weight for each in scored.indicators] == [Fraction(5, 8), Fraction(3, 8), 0]
    assert [str(each.shown) for each in scored.indicators] == ["37.50", "33.75", "0.00"]


def test_withdrawn_occurrences_neither_add_nor_take() -> None:
    content = scheme(
        Manual(),
        deductions=(Deduction(code="late", name="late", points=Decimal(2)),),
        bonuses=(Bonus(code="award", name="award", points=Decimal(3)),),
    )
    evidence = Evidence(
        scheme=SCHEME,
        points={"0": stated(80)},
        occurrences={"late": [stated(1), stated(-2)], "award": [stated(-1)]},
    )
    assert score(content, evidence).value == Decimal("80.00")


# -- the initial score


def test_the_initial_score_is_from_data_alone() -> None:
    content = scheme(Ratio(), Manual(), Ratio(), Manual())
    evidence = Evidence(
        scheme=SCHEME,
        targets={"0": stated(100), "2": stated(200)},
        actuals={"0": [stated(50), stated(40)], "2": [stated(140)]},
    )
    initial = initial_score(content, evidence)
    assert initial is not None
    assert initial.value == Decimal("80.00")
    assert initial.points == (("0", Fraction(90)), ("2", Fraction(70)))
    rated = msgspec.structs.replace(evidence, points={"1": stated(10), "3": stated(10)})
    later = initial_score(content, rated)
    assert later is not None
    assert later.value == initial.value
    assert score(content, rated).value == Decimal("45.00")
    assert initial_score(scheme(Manual()), Evidence(scheme=SCHEME)) is None


def test_an_excused_indicator_leaves_its_weight_within_its_section() -> None:
    sections = tuple(
        Section(
            code=code,
            name=code,
            weight_bp=5000,
            indicators=tuple(
                Indicator(code=code + n, name=n, weight_bp=5000, rule=Ratio()) for n in "12"
            ),
        )
        for code in "ab"
    )
    content = scheme(Manual(), sections=sections)
    evidence = Evidence(
        scheme=SCHEME,
        targets={code: stated(100) for code in ("a1", "b1", "b2")},
        actuals={"a1": [stated(60)], "b1": [stated(90)], "b2": [stated(80)]},
        excused={"a2": uuid4()},
    )
    initial = initial_score(content, evidence)
    assert initial is not None
    assert initial.value == score(content, evidence).value == Decimal("72.50")


# -- calibration


@pytest.mark.parametrize(
    ("adjustments", "value"),
    [
        ([], "90.00"),
        (["1.25"], "91.25"),
        (["1.25", "-3"], "88.25"),
        (["40"], "120.00"),
        (["40", "-35"], "95.00"),
        (["-95"], "0.00"),
    ],
)
def test_calibration_moves_the_rounded_score_within_its_bounds(
    adjustments: list[str], value: str
) -> None:
    evidence = Evidence(
        scheme=SCHEME,
        points={"0": stated("89.995")},
        calibrations=[stated(adjustment) for adjustment in adjustments],
    )
    scored = score(scheme(Manual()), evidence)
    assert scored.uncalibrated == Decimal("90.00")
    assert scored.value == Decimal(value)


def test_a_calibration_of_three_decimals_is_refused() -> None:
    evidence = Evidence(scheme=SCHEME, points={"0": stated(90)}, calibrations=[stated("0.001")])
    assert code_of(scheme(Manual()), evidence) == "too-precise"


# -- laws

NUMBERS = st.decimals(Decimal(-1000), Decimal(100_000), places=2)
MEASURED = st.sampled_from(
    (
        Ratio(),
        Ratio(floor=Decimal(20), cap=Decimal(100)),
        Tiered(),
        SLOPED,
    )
)


@given(MEASURED, NUMBERS, NUMBERS, st.decimals(Decimal("0.01"), Decimal(100_000), places=2))
def test_more_never_earns_less(
    rule: IndicatorRule, one: Decimal, other: Decimal, target: Decimal
) -> None:
    less, more = sorted((one, other))
    assert points(rule, str(less), str(target)) <= points(rule, str(more), str(target))
    assert points(Inverse(), str(less), str(target)) >= points(Inverse(), str(more), str(target))


@given(
    st.fractions(-1000, 10**9, max_denominator=10**6),
    st.decimals(Decimal(0), Decimal(200), places=3),
    st.fractions(Fraction(1, 1000), 10**9, max_denominator=10**6),
)
def test_thresholds_by_cross_multiplication(
    actual: Fraction, threshold: Decimal, target: Fraction
) -> None:
    reached = is_reached(actual, Level(threshold=threshold, points=Decimal(0)), target)
    assert reached is (actual / target * 100 >= Fraction(threshold))


@given(st.lists(NUMBERS, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_an_actual_is_the_sum_of_its_records(records: list[Decimal], random: Random) -> None:
    content = scheme(Ratio(cap=Decimal(1000)))
    at_once = points(content.sections[0].indicators[0].rule, str(sum(records)), "100000")
    random.shuffle(records)
    evidence = Evidence(
        scheme=SCHEME,
        targets={"0": stated(100_000)},
        actuals={"0": [stated(record) for record in records]},
    )
    assert score(content, evidence).indicators[0].points == at_once


# -- coefficients

BANDS = Banded(
    bands=tuple(
        Band(from_score=Decimal(edge), coefficient=Decimal(factor))
        for edge, factor in (("85", "1.0"), ("0", "0"), ("95", "1.2"), ("70", "0.8"), ("60", "0.6"))
    )
)


@pytest.mark.parametrize(
    ("of", "factor"),
    [
        ("0", "0"),
        ("59.99", "0"),
        ("60", "0.6"),
        ("69.99", "0.6"),
        ("70.00", "0.8"),
        ("84.99", "0.8"),
        ("85.00", "1.0"),
        ("94.99", "1.0"),
        ("95", "1.2"),
        ("120", "1.2"),
    ],
)
def test_bands_include_their_lower_edge(of: str, factor: str) -> None:
    found = coefficient(Decimal(of), BANDS, least=Decimal(0), most=Decimal("1.2"))
    assert found == Decimal(factor)
    assert found.as_tuple().exponent == -4


def test_a_coefficient_stays_in_the_jobs_band() -> None:
    low, high = Decimal("0.6"), Decimal("1.1")
    assert coefficient(Decimal("50.00"), Linear(), least=low, most=high) == low
    assert coefficient(Decimal("119.99"), Linear(), least=low, most=high) == high
    assert coefficient(Decimal("100.01"), Linear(), least=low, most=high) == Decimal("1.0001")
    with pytest.raises(Refused, match="too-precise"):
        coefficient(Decimal("89.755"), Linear(), least=low, most=high)


@given(st.decimals(Decimal(0), Decimal(120), places=2), st.booleans())
def test_the_explained_coefficient_is_the_coefficient(of: Decimal, banded: bool) -> None:
    mapping = BANDS if banded else Linear()
    content = scheme(Ratio(cap=Decimal(1000)), coefficient=mapping)
    evidence = Evidence(scheme=SCHEME, targets={"0": stated(100)}, actuals={"0": [stated(of)]})
    locked = result(content, evidence, JOB)
    assert locked.score.value == of
    assert locked.coefficient == coefficient(of, mapping, least=JOB.least, most=JOB.most)


def test_edges_are_near_within_a_point() -> None:
    for of, edge in (("84.00", "85"), ("86.00", "85"), ("83.99", None), ("0.50", None)):
        assert near_edge(Decimal(of), BANDS) == (None if edge is None else Decimal(edge))
    assert near_edge(Decimal("59.50"), BANDS) == 60
    assert near_edge(Decimal("80.00"), BANDS, within=Decimal(20)) == 85
    assert near_edge(Decimal("76.00"), BANDS, within=Decimal(20)) == 70
    assert near_edge(Decimal("85.00"), Linear()) is None


# -- what a scheme may be


def levels(*pairs: tuple[str, str]) -> Tiered:
    return Tiered(
        levels=tuple(Level(threshold=Decimal(at), points=Decimal(earned)) for at, earned in pairs)
    )


def bands(*pairs: tuple[str, str]) -> Banded:
    return Banded(
        bands=tuple(
            Band(from_score=Decimal(edge), coefficient=Decimal(factor)) for edge, factor in pairs
        )
    )


def twice(content: SchemeContent) -> SchemeContent:
    half = msgspec.structs.replace(content.sections[0], weight_bp=5000)
    return msgspec.structs.replace(content, sections=(half, half))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (scheme(Manual(), sections=()), "nothing-to-score"),
        (
            scheme(
                Manual(),
                sections=(Section(code="a", name="a", weight_bp=10000, indicators=()),),
            ),
            "empty-section",
        ),
        (scheme(*[Manual()] * 201), "too-many-indicators"),
        (twice(scheme(Manual())), "duplicate-code"),
        (scheme(Manual(), vetoes=(Veto(code="0", name="veto"),)), "duplicate-code"),
        (scheme(Manual(), vetoes=(Veto(code="total", name="veto"),)), "reserved-code"),
        (scheme(Manual(), vetoes=(Veto(code=" x", name="veto"),)), "bad-code"),
        (scheme(Manual(), vetoes=(Veto(code="x", name=""),)), "bad-name"),
        (scheme(Ratio(cap=Decimal(0))), "bad-cap"),
        (scheme(Ratio(cap=Decimal("NaN"))), "bad-cap"),
        (scheme(Ratio(cap=Decimal(1001))), "bad-cap"),
        (scheme(Ratio(floor=Decimal(130))), "bad-cap"),
        (scheme(Inverse(floor=Decimal(-1))), "bad-cap"),
        (scheme(Manual(), score_cap=Decimal(0)), "bad-cap"),
        (scheme(Manual(), score_cap=Decimal("99.999")), "bad-cap"),
        (scheme(Manual(), bonus_cap=Decimal(-1)), "bad-cap"),
        (scheme(levels()), "bad-levels"),
        (scheme(levels(("60", "60"), ("60", "80"))), "bad-levels"),
        (scheme(levels(("80", "80"), ("60", "60"))), "bad-levels"),
        (scheme(levels(("60", "60"), ("80", "50"))), "bad-levels"),
        (scheme(levels(("-1", "60"))), "bad-levels"),
        (scheme(levels(("60", "Infinity"))), "bad-levels"),
        (scheme(Manual(grades=(Decimal(1),))), "bad-grades"),
        (scheme(Manual(grades=(Decimal(80), Decimal(60)))), "bad-grades"),
        (scheme(MultiRater(groups=())), "weights-not-100"),
        (scheme(MultiRater(groups=GROUPS[:2])), "weights-not-100"),
        (scheme(MultiRater(groups=(*GROUPS, GROUPS[0]))), "duplicate-code"),
        (
            scheme(MultiRater(groups=(RaterGroup(code="a", weight_bp=10000, scored_from=0),))),
            "bad-rater-groups",
        ),
        (scheme(Manual(), coefficient=bands()), "bad-bands"),
        (scheme(Manual(), coefficient=bands(("60", "1"))), "bad-bands"),
        (scheme(Manual(), coefficient=bands(("0", "1"), ("0.00", "2"))), "bad-bands"),
        (scheme(Manual(), coefficient=bands(("0", "0.12345"))), "bad-bands"),
        (scheme(Manual(), coefficient=bands(("0", "11"))), "bad-bands"),
        (scheme(Manual(), deviation_threshold=Decimal(-1)), "bad-threshold"),
        (
            scheme(Manual(), deductions=(Deduction(code="late", name="late", points=Decimal(0)),)),
            "bad-points",
        ),
        (
            scheme(Manual(), bonuses=(Bonus(code="award", name="award", points=Decimal(-1)),)),
            "bad-points",
        ),
    ],
)
def test_schemes_that_are_refused(content: SchemeContent, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check_content(content)
    assert refused.value.code == code


@pytest.mark.parametrize(("calibrations", "value"), [((), "85"), ((stated("0.5"),), "171/2")])
def test_one_label_names_the_score_inside_the_tree(
    calibrations: tuple[Given, ...], value: str
) -> None:
    evidence = Evidence(scheme=SCHEME, points={"0": stated("84.995")}, calibrations=calibrations)
    locked = result(scheme(Manual()), evidence, JOB)
    labelled: list[Node] = []
    queue = [locked.explanation]
    while queue:
        node = queue.pop()
        queue.extend(node.inputs)
        if node.label == "score":
            labelled.append(node)
    assert [node.value for node in labelled] == [value]
