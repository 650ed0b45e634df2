"""Pay: fixed and performance make the total, a payout is rounded once, its parts add up."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.exact import round_half_away
from domain.explanation import Given, Node
from domain.kernel import Refused
from domain.money import MINOR_MAX, Money
from domain.organisation import JobFamily
from domain.pay import (
    Entitlement,
    Exchange,
    PayStructure,
    base,
    check_share,
    converted,
    payout,
    split_pay,
)

Evaluate = Callable[[Node], Fraction]
SHARES = st.decimals(Decimal(0), Decimal(1), places=4)
MONTHLY = st.integers(0, 10**9)


def stated(number: str | Decimal) -> Given:
    return Given(Decimal(number), uuid4())


def entitled(**changes: object) -> Entitlement:
    entitlement = Entitlement(
        pay=PayStructure(total=Money(2_000_000, "CNY"), share=Decimal("0.5"), source=uuid4()),
        months=3,
        cycle_days=90,
        calendar=uuid4(),
        days=90,
        days_source=uuid4(),
        fte=stated("1"),
        coefficient=stated("1"),
    )
    return msgspec.structs.replace(entitlement, **changes)


@given(MONTHLY, SHARES)
def test_fixed_and_performance_are_the_total(minor: int, share: Decimal) -> None:
    total = Money(minor, "CNY")
    performance, fixed = split_pay(total, share)
    assert performance + fixed == total
    assert abs(performance.minor - minor * Fraction(share)) <= Fraction(1, 2)
    assert 0 <= performance.minor <= minor
    assert base(total, share, 3).minor == 3 * performance.minor


def test_halves_of_a_unit_go_to_performance() -> None:
    performance, fixed = split_pay(Money(1, "JPY"), Decimal("0.5"))
    assert (performance.minor, fixed.minor) == (1, 0)


@pytest.mark.parametrize(
    ("family", "inside", "outside"),
    [
        ("marketing", ["0.4", "0.400000", "0.5", "0.60"], ["0.399999", "0.600001", "0", "1"]),
        ("function", ["0.1", "0.15", "0.2"], ["0.099999", "0.200001", "0.5"]),
        ("general", ["0", "0.333333", "1"], ["-0.000001", "1.000001"]),
    ],
)
def test_share_bands_include_their_bounds(
    family: JobFamily, inside: list[str], outside: list[str]
) -> None:
    for share in inside:
        check_share(family, Decimal(share))
    for share in outside:
        with pytest.raises(Refused, match="share-out-of-band"):
            check_share(family, Decimal(share))
    for share, code in (("0.4000001", "too-precise"), ("NaN", "not-a-number")):
        with pytest.raises(Refused, match=code):
            check_share(family, Decimal(share))


ENTITLEMENTS = st.lists(
    st.builds(
        entitled,
        days=st.integers(0, 90),
        fte=st.decimals(Decimal("0.1"), Decimal(1), places=2).map(stated),
        coefficient=st.decimals(Decimal(0), Decimal("1.2"), places=4).map(stated),
        pay=st.builds(
            PayStructure,
            total=MONTHLY.map(lambda minor: Money(minor, "CNY")),
            share=SHARES,
            source=st.uuids(version=4),
        ),
        rank=st.tuples(st.integers(0, 100).map(Decimal), st.uuids(version=4).map(str)),
        forfeited_by=st.one_of(st.none(), st.none(), st.uuids(version=4)),
    ),
    min_size=1,
    max_size=4,
)


@given(ENTITLEMENTS)
def test_a_payout_is_rounded_once_and_its_parts_add_up(entitlements: list[Entitlement]) -> None:
    paid = payout(entitlements)
    assert paid.amount.minor == round_half_away(paid.exact)
    assert sum(part.minor for part in paid.parts) == paid.amount.minor
    exact = [
        Fraction(0)
        if each.forfeited_by
        else base(each.pay.total, each.pay.share, 3).minor
        * Fraction(each.coefficient.value)
        * Fraction(each.days, 90)
        * Fraction(each.fte.value)
        for each in entitlements
    ]
    assert paid.exact == sum(exact)
    for part, share in zip(paid.parts, exact, strict=True):
        assert abs(part.minor - share) < Fraction(3, 2)
    backwards = payout(entitlements[::-1])
    assert backwards.amount == paid.amount
    assert backwards.parts == paid.parts[::-1]


def test_absences_are_taken_from_the_days(evaluate: Evaluate) -> None:
    away = payout([entitled(days=49, absences=(stated("2"), stated("3")))])
    assert away.exact == payout([entitled(days=44)]).exact
    assert evaluate(away.explanation) == away.amount.minor
    assert payout([entitled(days=5, absences=(stated("5"),))]).amount.minor == 0


@given(ENTITLEMENTS)
def test_the_tree_alone_gives_the_payout(
    evaluate: Evaluate, entitlements: list[Entitlement]
) -> None:
    for exchange in (None, Exchange(currency="KWD", rate=stated("0.042517"))):
        paid = payout(entitlements, exchange)
        assert evaluate(paid.explanation) == paid.amount.minor


def test_rounding_segments_on_their_own_would_invent_units() -> None:
    halves = [entitled(days=days, pay=half_cent()) for days in (45, 45)]
    assert [payout([each]).amount.minor for each in halves] == [2, 2]
    assert payout(halves).amount.minor == 3
    assert [part.minor for part in payout(halves).parts] == [2, 1]


def half_cent() -> PayStructure:
    """Three minor units a quarter: a half of it is one and a half."""
    return PayStructure(total=Money(1, "CNY"), share=Decimal(1), source=UUID(int=1))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"fte": stated("0")}, "bad-fte"),
        ({"fte": stated("1.01")}, "bad-fte"),
        ({"fte": stated("0.3333333")}, "too-precise"),
        ({"coefficient": stated("-0.1")}, "bad-coefficient"),
        ({"coefficient": stated("NaN")}, "not-a-number"),
        ({"days": 91}, "bad-proration"),
        ({"days": -1}, "bad-proration"),
        ({"days": 0, "cycle_days": 0}, "bad-proration"),
        ({"days": 2, "absences": (stated("2.5"),)}, "bad-proration"),
        ({"days": 2, "absences": (stated("-1"),)}, "bad-proration"),
        ({"days": 95, "absences": (stated("5"),)}, "bad-proration"),
        (
            {"pay": PayStructure(total=Money(-1, "CNY"), share=Decimal(0), source=uuid4())},
            "bad-pay",
        ),
        (
            {"pay": PayStructure(total=Money(1, "CNY"), share=Decimal("1.1"), source=uuid4())},
            "bad-share",
        ),
        (
            {"pay": PayStructure(total=Money(MINOR_MAX, "CNY"), share=Decimal(1), source=uuid4())},
            "amount-too-large",
        ),
    ],
)
def test_what_entitles_to_nothing(changes: dict[str, object], code: str) -> None:
    with pytest.raises(Refused) as refused:
        payout([entitled(**changes)])
    assert refused.value.code == code


def test_a_payout_has_entitlements_of_one_currency() -> None:
    with pytest.raises(Refused, match="nothing-to-pay"):
        payout([])
    dollars = PayStructure(total=Money(1, "USD"), share=Decimal(1), source=uuid4())
    with pytest.raises(Refused, match="currency-mismatch"):
        payout([entitled(), entitled(pay=dollars)])


def test_rates_are_positive_and_currencies_known() -> None:
    for rate, currency, code in (
        ("0", "JPY", "bad-rate"),
        ("-1", "JPY", "bad-rate"),
        ("20.48510000", "JPY", "too-precise"),
        ("1", "XTS", "unknown-currency"),
    ):
        with pytest.raises(Refused) as refused:
            converted(Money(100, "CNY"), Exchange(currency=currency, rate=stated(rate)), uuid4())
        assert refused.value.code == code


@given(st.integers(-(10**9), 10**9), st.decimals(Decimal("0.0001"), Decimal(1000), places=4))
def test_a_reversal_converts_to_the_exact_negation(minor: int, rate: Decimal) -> None:
    exchange = Exchange(currency="JPY", rate=stated(rate))
    there, _ = converted(Money(minor, "CNY"), exchange, uuid4())
    back, _ = converted(Money(-minor, "CNY"), exchange, uuid4())
    assert there == -back
