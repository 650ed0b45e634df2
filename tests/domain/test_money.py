"""Money: whole minor units, exact sums, splits that add up, nothing but decimals at the edges."""

from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currencies import DIGITS, digits_of
from domain.exact import as_decimal, decimal_of, exact, round_half_away
from domain.kernel import Refused
from domain.money import (
    MINOR_MAX,
    Amount,
    Money,
    add_up,
    amount_of,
    checked,
    largest_remainder,
    money_of,
    text_of,
)

FRACTIONS = st.fractions(min_value=-(10**15), max_value=10**15, max_denominator=10**9)
WEIGHTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=30).filter(any)
RANDOM_SPLITS = 100_000


def money(text: str, currency: str = "CNY") -> Money:
    return money_of(Amount(amount=Decimal(text), currency=currency))


# -- what comes in


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("NaN", "not-a-number"),
        ("sNaN", "not-a-number"),
        ("Infinity", "not-a-number"),
        ("-Infinity", "not-a-number"),
        ("0.0000001", "too-precise"),
        ("1.0000000", "too-precise"),
        ("0E-999999", "too-precise"),
        ("1E-999999", "too-precise"),
        ("1000000000000000.000001", "too-large"),
        ("-1000000000000001", "too-large"),
        ("1E+999999", "too-large"),
        ("-9E+999999", "too-large"),
    ],
)
def test_what_is_not_an_exact_number_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        exact(Decimal(text))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.000001", Fraction(1, 10**6)),
        ("-0.00", Fraction(0)),
        ("0E+999999", Fraction(0)),
        ("1E+15", Fraction(10**15)),
        ("-1000000000000000.000000", Fraction(-(10**15))),
        ("539999.99", Fraction(53_999_999, 100)),
    ],
)
def test_what_is_exact_is_taken_as_it_is(text: str, value: Fraction) -> None:
    assert exact(Decimal(text)) == value


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("26928.00", "CNY", 2_692_800),
        ("26928", "CNY", 2_692_800),
        ("299200", "JPY", 299_200),
        ("1108.147", "KWD", 1_108_147),
        ("-0.01", "EUR", -1),
    ],
)
def test_amounts_become_minor_units(amount: str, currency: str, minor: int) -> None:
    assert money(amount, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("1.001", "CNY", "too-precise"),
        ("1.0", "JPY", "too-precise"),
        ("1.0001", "KWD", "too-precise"),
        ("1", "XXX", "unknown-currency"),
        ("1", "cny", "unknown-currency"),
        ("1", "", "unknown-currency"),
        ("NaN", "CNY", "not-a-number"),
        ("1E+16", "CNY", "too-large"),
    ],
)
def test_amounts_that_are_none(amount: str, currency: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        money(amount, currency)
    assert refused.value.code == code


@given(st.integers(-MINOR_MAX, MINOR_MAX), st.sampled_from(sorted(DIGITS)))
def test_money_survives_its_text(minor: int, currency: str) -> None:
    there = Money(minor, currency)
    assert Fraction(text_of(there)) * 10 ** digits_of(currency) == minor
    if abs(minor) < 10**15:
        assert money_of(amount_of(there)) == there


def test_the_table_of_currencies() -> None:
    by_digits = {digits: {code for code in DIGITS if DIGITS[code] == digits} for digits in range(5)}
    assert {"JPY", "KRW", "VND", "XOF", "CLP"} <= by_digits[0]
    assert {"CNY", "USD", "EUR", "HKD", "TWD", "GBP"} <= by_digits[2]
    assert by_digits[3] == {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
    assert by_digits[1] == by_digits[4] == set()
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in DIGITS)
    assert not {"XAU", "XTS", "XXX", "CHE", "UYI"} & DIGITS.keys()  # nobody is paid in these


# -- sums


def test_money_adds_up_in_one_currency_only() -> None:
    assert money("0.01") + money("0.02") - money("0.03") == Money(0, "CNY")
    assert -money("1.00") == money("-1.00")
    assert add_up([money("1.50"), money("2.50")], "CNY") == money("4.00")
    assert add_up([], "JPY") == Money(0, "JPY")
    with pytest.raises(Refused, match="currency-mismatch"):
        money("1") + money("1", "USD")
    with pytest.raises(Refused, match="currency-mismatch"):
        money("1") - money("1", "USD")
    with pytest.raises(Refused, match="currency-mismatch"):
        add_up([money("1")], "USD")


def test_money_is_64_bits() -> None:
    assert MINOR_MAX == 9_223_372_036_854_775_807
    most = Money(MINOR_MAX, "CNY")
    assert checked(most) == most
    assert -most == Money(-MINOR_MAX, "CNY")
    with pytest.raises(Refused, match="amount-too-large"):
        most + Money(1, "CNY")
    with pytest.raises(Refused, match="amount-too-large"):
        -most - Money(1, "CNY")


# -- rounding


@given(FRACTIONS)
def test_rounding_is_nearest_and_symmetric(value: Fraction) -> None:
    rounded = round_half_away(value)
    assert abs(rounded - value) <= Fraction(1, 2)
    assert round_half_away(-value) == -rounded


@given(st.integers(-(10**12), 10**12))
def test_halves_go_away_from_zero(whole: int) -> None:
    half = Fraction(2 * whole + 1, 2)
    assert round_half_away(half) == (whole + 1 if whole >= 0 else whole)


@given(st.integers(-(10**30), 10**30), st.integers(0, 8))
def test_decimals_are_written_exactly(units: int, digits: int) -> None:
    written = decimal_of(units, digits)
    assert Fraction(written) == Fraction(units, 10**digits)
    assert -int(written.as_tuple().exponent) == digits
    assert as_decimal(Fraction(units, 10**digits), digits) == written


def test_a_decimal_is_never_cut_short() -> None:
    with pytest.raises(ValueError, match="more than 2 decimals"):
        as_decimal(Fraction(1, 3), 2)


# -- splits


@given(st.integers(-MINOR_MAX, MINOR_MAX), WEIGHTS)
def test_parts_add_up_and_are_a_unit_from_fair(minor: int, weights: list[int]) -> None:
    parts = [part.minor for part in Money(minor, "CNY").split(weights)]
    assert sum(parts) == minor
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(minor * weight, sum(weights))) < 1
        assert part * minor >= 0
    assert largest_remainder(-minor, weights) == [-part for part in parts]


@given(st.integers(0, 10**12), WEIGHTS, st.randoms(use_true_random=False))
def test_the_order_of_the_parts_decides_nothing(
    minor: int, weights: list[int], random: Random
) -> None:
    parts = dict(enumerate(largest_remainder(minor, weights, list(range(len(weights))))))
    order = list(parts)
    random.shuffle(order)
    shuffled = largest_remainder(minor, [weights[index] for index in order], order)
    assert dict(zip(order, shuffled, strict=True)) == parts


def test_a_hundred_thousand_random_splits_lose_nothing() -> None:
    random = Random(2025)
    for _ in range(RANDOM_SPLITS):
        weights = [random.randrange(10**6) for _ in range(random.randint(1, 6))] + [1]
        minor = random.randrange(10**10)
        parts = largest_remainder(minor, weights)
        assert sum(parts) == minor
        assert min(parts) >= 0


def test_rounding_each_part_would_lose_or_invent_units() -> None:
    thirds = [Fraction(100, 3)] * 3
    assert sum(map(round_half_away, thirds)) == 99
    halves = [Fraction(101, 2)] * 2
    assert sum(map(round_half_away, halves)) == 102
    assert sum(largest_remainder(100, [1, 1, 1])) == 100
    assert sum(largest_remainder(101, [1, 1])) == 101


def test_what_cannot_be_split() -> None:
    for weights, code in (
        ([0, 0], "nothing-to-split-by"),
        ([], "nothing-to-split-by"),
        ([2, -1], "negative-weight"),
        ([1, -1], "negative-weight"),
    ):
        with pytest.raises(Refused) as refused:
            largest_remainder(100, weights)
        assert refused.value.code == code
