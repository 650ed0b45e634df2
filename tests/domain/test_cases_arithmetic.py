"""The worked cases of the domain, to the cent; the tempting wrong ways must give something else."""

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from uuid import UUID, uuid4

import msgspec
import pytest

from domain.calendar import Span, days_covered, proration, quarter, segments
from domain.coefficient import JobBand, coefficient, near_edge
from domain.comparison import compare
from domain.evidence import DaysOf, Evidence
from domain.exact import round_half_away
from domain.explanation import Given, Node, digest
from domain.kernel import Refused
from domain.money import Amount, Money, amount_of, money_of, text_of
from domain.pay import (
    Entitlement,
    Exchange,
    Payout,
    PayStructure,
    base,
    check_share,
    converted,
    payout,
    split_pay,
)
from domain.pool import Claim, allocate, forced_distribution
from domain.ratings import DeviationFlagged, Rating
from domain.rules import (
    Band,
    Banded,
    Bonus,
    Deduction,
    Indicator,
    IndicatorRule,
    Linear,
    Manual,
    MultiRater,
    RaterGroup,
    Ratio,
    SchemeContent,
    Section,
    Tiered,
    Veto,
    check_content,
)
from domain.scoring import Score, result, score

Evaluate = Callable[[Node], Fraction]
SCHEME, CALENDAR, DAYS = UUID(int=1), UUID(int=2), UUID(int=3)


def d(text: str) -> Decimal:
    return Decimal(text)


def given(text: str) -> Given:
    return Given(Decimal(text), uuid4())


def stated(**values: str) -> dict[str, Given]:
    return {code: given(value) for code, value in values.items()}


def facts(**values: str) -> dict[str, list[Given]]:
    return {code: [given(part) for part in value.split("+")] for code, value in values.items()}


def indicator(code: str, weight_bp: int, rule: IndicatorRule) -> Indicator:
    return Indicator(code=code, name=code, weight_bp=weight_bp, rule=rule)


def section(code: str, weight_bp: int, *indicators: Indicator) -> Section:
    return Section(code=code, name=code, weight_bp=weight_bp, indicators=indicators)


def marketing(economic: int = 8000, **changes: object) -> SchemeContent:
    """MKT-v1; v2 has economic 7000."""
    content = SchemeContent(
        name="MKT",
        sections=(
            section(
                "economic",
                economic,
                indicator("contract", 4000, Ratio()),
                indicator("collection", 4000, Ratio()),
                indicator("output", 2000, Ratio()),
            ),
            section("duty", 10000 - economic, indicator("duty", 10000, Manual())),
        ),
        coefficient=Linear(),
    )
    return msgspec.structs.replace(content, **changes)


BANDS = Banded(
    bands=tuple(
        Band(from_score=d(edge), coefficient=d(factor))
        for edge, factor in (
            ("95", "1.2"),
            ("85", "1.0"),
            ("70", "0.8"),
            ("60", "0.6"),
            ("0", "0"),
        )
    )
)
THREE_SIXTY = MultiRater(
    groups=(
        RaterGroup(code="superior", weight_bp=5000, scored_from=1),
        RaterGroup(code="peer", weight_bp=3000),
        RaterGroup(code="subordinate", weight_bp=2000),
    )
)
FUNCTION = SchemeContent(
    name="FUN",
    sections=(
        section("kpi", 6000, indicator("kpi", 10000, Manual())),
        section(
            "kci",
            2000,
            indicator("innovation", 5000, Manual()),
            indicator("support", 5000, Manual()),
        ),
        section("360", 2000, indicator("360", 10000, THREE_SIXTY)),
    ),
    coefficient=BANDS,
)
TARGETS = stated(contract="1200000", collection="900000", output="1000000")
MARKETING_BAND = JobBand(least=d("0"), most=d("1.20"), source=UUID(int=4))


def case_1(contract: str = "1140000", collection: str = "702000", **extra: object) -> Evidence:
    evidence = Evidence(
        scheme=SCHEME,
        targets=TARGETS,
        actuals=facts(contract=contract, collection=collection, output="1050000"),
        points=stated(duty="88"),
    )
    return msgspec.structs.replace(evidence, **extra)


def entitlement(
    total: str,
    share: str,
    factor: str,
    *,
    currency: str = "CNY",
    months: int = 3,
    days: int = 90,
    cycle_days: int = 90,
    fte: str = "1",
    rank: tuple[str, str] = ("0", ""),
    forfeited_by: UUID | None = None,
) -> Entitlement:
    return Entitlement(
        pay=PayStructure(
            total=money_of(Amount(amount=d(total), currency=currency)),
            share=d(share),
            source=uuid4(),
        ),
        months=months,
        cycle_days=cycle_days,
        calendar=CALENDAR,
        days=days,
        days_source=DAYS,
        fte=given(fte),
        coefficient=given(factor),
        rank=(d(rank[0]), rank[1]),
        forfeited_by=forfeited_by,
    )


def texts(paid: Payout) -> list[str]:
    return [text_of(part) for part in paid.parts]


def cents(value: Fraction | Decimal) -> Decimal:
    return Decimal(round_half_away(Fraction(value) * 100)).scaleb(-2)


def test_case_1_a_marketing_quarter(evaluate: Evaluate) -> None:
    locked = result(marketing(), case_1(), MARKETING_BAND)
    assert locked.score.value == d("89.76")
    assert [str(each.shown) for each in locked.score.indicators] == [
        "30.40",
        "24.96",
        "16.80",
        "17.60",
    ]
    assert locked.coefficient == d("0.8976")
    assert evaluate(locked.explanation) == Fraction("0.8976")
    paid = payout([entitlement("20000.00", "0.50", str(locked.coefficient))])
    assert text_of(paid.base) == "30000.00"
    assert text_of(paid.amount) == "26928.00"
    assert evaluate(paid.explanation) == 2692800


@pytest.mark.parametrize(
    ("actual", "points"),
    [
        ("539999.99", "0"),
        ("540000.00", "60"),
        ("719999.99", "60"),
        ("720000.00", "80"),
        ("899999.99", "80"),
        ("900000.00", "100"),
        ("1080000.00", "100"),
    ],
)
def test_case_2_thresholds_compare_unrounded(actual: str, points: str) -> None:
    content = SchemeContent(
        name="tiers",
        sections=(section("all", 10000, indicator("collection", 10000, Tiered())),),
        coefficient=Linear(),
    )
    evidence = Evidence(
        scheme=SCHEME,
        targets=stated(collection="900000.00"),
        actuals=facts(collection=actual),
    )
    assert score(content, evidence).value == d(points)


def test_case_2_a_rounded_percentage_would_pass_the_threshold() -> None:
    assert 53_999_999 * 100 < 60 * 90_000_000
    percent = d("539999.99") / d("900000") * 100
    assert percent.quantize(d("0.01"), ROUND_HALF_UP) == d("60.00")  # the tempting wrong way


def test_case_3_joiner_with_unpaid_leave_part_time(evaluate: Evaluate) -> None:
    cycle = quarter(2025, 1)
    employed = Span(date(2025, 2, 11), date(2025, 3, 31))
    leave = Span(date(2025, 3, 3), date(2025, 3, 7))
    assert (cycle.days, employed.days) == (90, 49)
    days = days_covered([employed], cycle, absences=[leave, leave])
    assert days == 44
    monthly, _ = split_pay(Money(1777700, "CNY"), d("0.15"))
    assert text_of(monthly) == "2666.55"
    assert text_of(base(Money(1777700, "CNY"), d("0.15"), 3)) == "7999.65"
    factor = coefficient(d("91.50"), Linear(), least=d("0"), most=d("1.2"))
    assert factor == d("0.9150")
    paid = payout([entitlement("17777.00", "0.15", str(factor), days=days, fte="0.8")])
    assert paid.exact / Fraction(factor) == Fraction("312875.2")
    assert paid.exact == Fraction("286280.808")
    assert text_of(paid.amount) == "2862.81"
    assert evaluate(paid.explanation) == 286281
    daily = cents(Fraction("7999.65") / 90)
    assert daily == d("88.89")
    assert cents(daily * 44 * d("0.8") * factor) == d("2862.97")  # the tempting wrong way


def test_case_4_transfer_between_schemes(evaluate: Evaluate) -> None:
    before, after = segments(quarter(2025, 2), [date(2025, 5, 16)])
    assert (before.days, after.days) == (45, 46)
    parts = [
        entitlement("20000", "0.50", "0.76", days=45, cycle_days=91, rank=("76", "a")),
        entitlement("20000", "0.15", "1.0", days=46, cycle_days=91, rank=("92", "b")),
    ]
    paid = payout(parts)
    assert paid.exact == Fraction(3_000_000 * 45 * 76, 9100) + Fraction(900_000 * 46, 91)
    assert text_of(paid.amount) == "15824.18"
    assert texts(paid) == ["11274.73", "4549.45"]
    assert evaluate(paid.explanation) == 1582418
    assert texts(payout(parts[::-1])) == ["4549.45", "11274.73"]
    reporting = Fraction(76 * 45 + 92 * 46, 91)
    assert cents(reporting) == d("84.09")


def ratings(**points: str) -> tuple[Rating, ...]:
    return tuple(Rating(indicator=code, points=d(value)) for code, value in points.items())


@pytest.mark.parametrize(("own", "flagged"), [("95", True), ("92", False), ("92.01", True)])
def test_case_5_only_strictly_more_is_a_deviation(own: str, *, flagged: bool) -> None:
    content = SchemeContent(
        name="one",
        sections=(section("all", 10000, indicator("duty", 10000, Manual())),),
        coefficient=Linear(),
    )
    events = list(compare(content, ratings(duty=own), ratings(duty="82")))
    assert any(isinstance(event, DeviationFlagged) for event in events) is flagged


def test_case_5_c_a_revision_crosses_a_band(evaluate: Evaluate) -> None:
    raters = {
        "superior": [given("84")],
        "peer": [given("84")] * 2,
        "subordinate": [given("84")] * 2,
    }
    band = JobBand(least=d("0"), most=d("1.2"), source=uuid4())
    for innovation, total, factor, paid in (
        ("70", "84.60", "0.8", "7200.00"),
        ("75", "85.10", "1.0", "9000.00"),
    ):
        evidence = Evidence(
            scheme=SCHEME,
            points=stated(kpi="88", innovation=innovation, support="80"),
            responses={"360": raters},
        )
        locked = result(FUNCTION, evidence, band)
        assert locked.score.value == d(total)
        assert locked.coefficient == d(factor)
        assert near_edge(locked.score.value, BANDS) == d("85")
        assert text_of(payout([entitlement("20000", "0.15", factor)]).amount) == paid
        assert evaluate(locked.explanation) == Fraction(factor)
    assert near_edge(d("86.01"), BANDS) is None


def rated(superior: str, *peers: str) -> Score:
    evidence = Evidence(
        scheme=SCHEME,
        points=stated(kpi="0", innovation="0", support="0"),
        responses={"360": {"superior": [given(superior)], "peer": [given(peer) for peer in peers]}},
    )
    return score(FUNCTION, evidence)


def test_case_6_missing_raters_do_not_count_as_zero(evaluate: Evaluate) -> None:
    both = rated("86", "90", "81")
    part = both.indicators[-1]
    assert part.points == Fraction("85.8125")
    assert part.points * part.weight == Fraction("17.1625")
    assert evaluate(both.explanation) == Fraction("17.16")
    alone = rated("86", "90").indicators[-1]
    assert alone.points == 86
    assert alone.points * alone.weight == Fraction("17.2")
    assert part.points != Fraction(86 * 50 + (90 + 81) * 10 + 0, 100)  # the tempting wrong way


def four(*weights: int) -> SchemeContent:
    indicators = [indicator(str(n), weight, Manual()) for n, weight in enumerate(weights)]
    return SchemeContent(
        name="four", sections=(section("all", 10000, *indicators),), coefficient=Linear()
    )


FOUR_POINTS = {str(n): given(points) for n, points in enumerate(("100", "50", "90", "10"))}


def test_case_7_zero_weight_and_excused(evaluate: Evaluate) -> None:
    content = four(4000, 4000, 2000, 0)
    check_content(content)
    full = score(content, Evidence(scheme=SCHEME, points=FOUR_POINTS))
    assert full.value == d("78.00")
    assert full.indicators[3].points == 10
    assert full.indicators[3].weight == 0
    third = Evidence(scheme=SCHEME, points=FOUR_POINTS, excused={"2": uuid4()})
    without = score(content, third)
    assert without.value == d("75.00")
    assert [each.weight for each in without.indicators] == [Fraction(1, 2), Fraction(1, 2), 0, 0]
    assert evaluate(without.explanation) == 75
    rest = {code: points for code, points in FOUR_POINTS.items() if code != "3"}
    assert score(content, Evidence(scheme=SCHEME, points=rest)).indicators[3].points is None


def test_case_7_weights_sum_exactly() -> None:
    with pytest.raises(Refused, match="weights-not-100"):
        check_content(four(3333, 3333, 3333))
    check_content(four(3333, 3333, 3334))
    check_content(four(9700, 75, 75, 75, 75))
    with pytest.raises(Refused, match="negative-weight"):
        check_content(four(11000, -1000))


def test_case_7_target_zero() -> None:
    zero = {**TARGETS, "contract": given("0")}
    with pytest.raises(Refused, match="target-zero"):
        score(marketing(), case_1(targets=zero))
    weightless = marketing(
        sections=(
            section(
                "economic",
                10000,
                indicator("contract", 0, Ratio()),
                indicator("collection", 10000, Ratio()),
                indicator("output", 0, Ratio()),
                indicator("duty", 0, Manual()),
            ),
        )
    )
    scored = score(weightless, case_1(targets=zero))
    assert scored.value == d("78.00")
    assert [each.points for each in scored.indicators] == [None, 78, 105, 88]


EVENTFUL = marketing(
    deductions=(
        Deduction(code="late", name="late report", points=d("1.5")),
        Deduction(code="incident", name="incident", points=d("5")),
    ),
    deduction_cap=d("10"),
    bonuses=(Bonus(code="award", name="award", points=d("6")),),
    bonus_cap=d("5"),
    vetoes=(Veto(code="fraud", name="fraud"),),
)


def test_case_8_deductions_bonus_caps(evaluate: Evaluate) -> None:
    check_content(EVENTFUL)
    some = facts(late="1+1", incident="1", award="1")
    scored = score(EVENTFUL, case_1(occurrences=some))
    assert scored.value == d("86.76")
    factor = coefficient(scored.value, Linear(), least=d("0"), most=d("1.2"))
    assert text_of(payout([entitlement("20000", "0.5", str(factor))]).amount) == "26028.00"
    many = score(EVENTFUL, case_1(occurrences=facts(late="5", incident="1", award="1")))
    assert many.value == d("84.76")
    assert evaluate(many.explanation) == Fraction("84.76")
    uncapped = msgspec.structs.replace(EVENTFUL, deduction_cap=None, bonus_cap=None)
    assert score(uncapped, case_1(occurrences=some)).value == d("87.76")
    item = msgspec.structs.replace(EVENTFUL.deductions[0], cap=d("2"))
    itemwise = msgspec.structs.replace(EVENTFUL, deductions=(item, EVENTFUL.deductions[1]))
    assert score(itemwise, case_1(occurrences=some)).value == d("87.76")


def test_case_8_ratio_cap_and_floor(evaluate: Evaluate) -> None:
    assert score(marketing(), case_1(contract="2160000")).value == d("97.76")
    poor = four(10000)
    harsh = msgspec.structs.replace(
        poor, deductions=(Deduction(code="late", name="late", points=d("10")),)
    )
    scored = score(
        harsh,
        Evidence(scheme=SCHEME, points=stated(**{"0": "6.00"}), occurrences=facts(late="1")),
    )
    assert scored.value == d("0.00")
    assert evaluate(scored.explanation) == 0
    assert text_of(payout([entitlement("20000", "0.5", "0")]).amount) == "0.00"


def test_case_8_veto_keeps_the_score_it_vetoes(evaluate: Evaluate) -> None:
    vetoed = score(EVENTFUL, case_1(occurrences=facts(fraud="1"), calibrations=[given("5")]))
    assert vetoed.vetoed
    assert vetoed.value == d("0.00")
    rounded = vetoed.explanation
    (veto,) = rounded.inputs
    assert (veto.rule, veto.inputs[0].value) == ("veto", str(Fraction("89.76")))
    assert evaluate(vetoed.explanation) == 0
    withdrawn = facts(fraud="1+-1")
    assert score(EVENTFUL, case_1(occurrences=withdrawn)).value == d("89.76")


POOL = Money(10_000_000, "CNY")


def claims(*weights: int) -> list[Claim]:
    return [
        Claim(employment_id=UUID(int=n + 1), weight=Fraction(weight))
        for n, weight in enumerate(weights)
    ]


def test_case_9_pool_by_largest_remainder() -> None:
    everyone = claims(12000, 9000, 7200, 5600, 0)
    shared = [text_of(part) for part in allocate(POOL, everyone).parts]
    assert shared == ["35502.96", "26627.22", "21301.77", "16568.05", "0.00"]
    half_up = [
        cents(Fraction(100_000) * claim.weight / sum(each.weight for each in everyone))
        for claim in everyone
    ]
    assert half_up[2] == d("21301.78")
    assert sum(half_up) == d("100000.01")  # the tempting wrong way


def test_case_9_pool_with_a_cap() -> None:
    shared = allocate(POOL, claims(12000, 9000, 7200, 5600, 0), d("0.30"))
    assert [text_of(part) for part in shared.parts] == [
        "30000.00",
        "28899.08",
        "23119.27",
        "17981.65",
        "0.00",
    ]
    assert shared.capped == (UUID(int=1),)


def test_case_12_scheme_change_mid_cycle() -> None:
    first = result(marketing(), case_1(), MARKETING_BAND)
    second = result(marketing(7000), case_1(), MARKETING_BAND)
    assert (first.score.value, second.score.value) == (d("89.76"), d("89.54"))
    pays = [
        payout([entitlement("20000", "0.5", str(each.coefficient), days=91, cycle_days=91)])
        for each in (first, second)
    ]
    assert [text_of(paid.amount) for paid in pays] == ["26928.00", "26862.00"]
    assert text_of(pays[1].amount - pays[0].amount) == "-66.00"
    cut = payout(
        [
            entitlement("20000", "0.5", str(each.coefficient), days=days, cycle_days=91)
            for each, days in ((first, 30), (second, 61))
        ]
    )
    assert text_of(cut.amount) == "26883.76"
    assert texts(cut) == ["8877.36", "18006.40"]
    check_share("marketing", d("0.60"))
    with pytest.raises(Refused, match="share-out-of-band"):
        check_share("marketing", d("0.65"))


def test_case_13_leaver_and_rehire(evaluate: Evaluate) -> None:
    cycle = quarter(2025, 1)
    first = days_covered([Span(date(2024, 1, 1), date(2025, 2, 28))], cycle)
    second = days_covered([Span(date(2025, 3, 17), date(2025, 3, 31))], cycle)
    assert (first, second) == (59, 15)
    left = payout([entitlement("20000", "0.5", "0.8", days=first)])
    back = payout([entitlement("20000", "0.5", "0.9", days=second)])
    assert (text_of(left.amount), text_of(back.amount)) == ("15733.33", "4500.00")
    assert text_of(left.amount + back.amount) == "20233.33"
    target = 1_200_000 * proration(59, 90)
    assert target == 786_666 + Fraction(2, 3)
    evidence = case_1(target_days=DaysOf(59, 90, uuid4()), contract="786666.666666")
    part = score(marketing(), evidence)
    assert part.indicators[0].points == Fraction("786666.666666") * 100 / target
    assert part.indicators[0].points != 100
    assert evaluate(part.explanation) == Fraction(part.value)


def test_case_13_a_bad_leaver_forfeits(evaluate: Evaluate) -> None:
    paid = payout([entitlement("20000", "0.5", "0.8", days=59, forfeited_by=uuid4())])
    assert text_of(paid.amount) == "0.00"
    assert paid.explanation.inputs[0].inputs[0].value == str(Fraction(4_720_000, 3))
    assert evaluate(paid.explanation) == 0


@pytest.mark.parametrize(
    ("currency", "amount", "paid"),
    [("JPY", "333333", "299200"), ("KWD", "1234.567", "1108.147")],
)
def test_case_14_minor_digits(currency: str, amount: str, paid: str) -> None:
    part = entitlement(amount, "1", "0.8976", currency=currency, months=1, days=30, cycle_days=30)
    assert text_of(payout([part]).amount) == paid


def test_case_14_splits() -> None:
    thirds = Money(1_000_000, "KWD").split([1, 1, 1])
    assert [text_of(part) for part in thirds] == ["333.334", "333.333", "333.333"]
    yen = Money(100_000, "JPY").split([1, 1, 1], [(-80, "a"), (-90, "c"), (-90, "b")])
    assert [text_of(part) for part in yen] == ["33333", "33333", "33334"]


@pytest.mark.parametrize(
    ("currency", "rate", "exact", "paid"),
    [
        ("JPY", "20.4851", "183885.524405", "183886"),
        ("KWD", "0.042517", "381.65597635", "381.656"),
    ],
)
def test_case_14_converts_once_at_the_end(
    evaluate: Evaluate, currency: str, rate: str, exact: str, paid: str
) -> None:
    exchange = Exchange(currency=currency, rate=given(rate))
    found, tree = converted(Money(897655, "CNY"), exchange, uuid4())
    assert text_of(found) == paid
    digits = len(paid.partition(".")[2])
    assert Fraction(tree.inputs[0].value) == Fraction(exact) * 10**digits
    assert evaluate(tree) == found.minor
    part = entitlement("8976.55", "1", "1", months=1)
    assert payout([part], exchange).amount == found


def test_case_16_forced_distribution() -> None:
    shares = [d(share) for share in ("10", "20", "40", "20", "10")]
    assert forced_distribution(23, shares) == [2, 5, 9, 5, 2]
    floors = [int(share) * 23 // 100 for share in shares]
    assert (floors, sum(floors)) == ([2, 4, 9, 4, 2], 21)  # two people would have no grade


def test_case_18_fixed_and_performance() -> None:
    performance, fixed = split_pay(Money(1_500_001, "CNY"), d("0.45"))
    assert (text_of(performance), text_of(fixed)) == ("6750.00", "8250.01")
    assert amount_of(performance + fixed).amount == d("15000.01")


def test_case_19_the_edge_of_a_score() -> None:
    for points, value, factor in (("84.995", "85.00", "1.0"), ("84.994999", "84.99", "0.8")):
        scored = score(four(10000), Evidence(scheme=SCHEME, points=stated(**{"0": points})))
        assert scored.value == d(value)
        assert coefficient(scored.value, BANDS, least=d("0"), most=d("1.2")) == d(factor)


def test_case_20_replay_under_the_same_version_differs_by_nothing() -> None:
    evidence = case_1()
    first = result(marketing(), evidence, MARKETING_BAND)
    again = result(marketing(), evidence, MARKETING_BAND)
    assert digest(first.explanation) == digest(again.explanation)
    other = result(marketing(7000), evidence, MARKETING_BAND)
    assert digest(first.explanation) != digest(other.explanation)
    amounts = [
        payout([entitlement("20000", "0.5", str(each.coefficient))]).amount
        for each in (first, again, other)
    ]
    assert text_of(amounts[1] - amounts[0]) == "0.00"
    assert text_of(amounts[2] - amounts[0]) == "-66.00"
