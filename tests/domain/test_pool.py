"""Pools: all of it, nobody below zero or above the cap, whatever the order of the claims."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernel import Refused
from domain.money import Money
from domain.pool import Claim, allocate, forced_distribution


def claim(number: int, weight: Fraction | int, score: str = "0") -> Claim:
    return Claim(employment_id=UUID(int=number), weight=Fraction(weight), score=Decimal(score))


WEIGHTS = st.fractions(0, 10**6, max_denominator=1000)
CLAIMS = st.lists(st.tuples(WEIGHTS, st.integers(0, 120)), min_size=1, max_size=20).map(
    lambda drawn: [
        claim(number, weight, str(score)) for number, (weight, score) in enumerate(drawn)
    ]
)
WEIGHTY = CLAIMS.filter(lambda claims: any(each.weight for each in claims))


@given(st.integers(0, 10**12), WEIGHTY)
def test_a_pool_is_given_away_exactly(minor: int, claims: list[Claim]) -> None:
    parts = [part.minor for part in allocate(Money(minor, "CNY"), claims).parts]
    assert sum(parts) == minor
    whole = sum(each.weight for each in claims)
    for part, each in zip(parts, claims, strict=True):
        assert part >= 0
        assert abs(part - minor * each.weight / whole) < 1


def room_under(cap: str, minor: int, claims: list[Claim]) -> int:
    """What all claims that have weight could take together."""
    return sum(minor * Fraction(cap) // 1 for each in claims if each.weight)


@given(st.integers(0, 10**9), WEIGHTY, st.sampled_from(("0.05", "0.3", "0.5", "0.999", "1")))
def test_a_cap_holds_and_nothing_is_lost(minor: int, claims: list[Claim], cap: str) -> None:
    pool = Money(minor, "CNY")
    if room_under(cap, minor, claims) < minor:
        with pytest.raises(Refused, match="pool-cap-too-low"):
            allocate(pool, claims, Decimal(cap))
        return
    shared = allocate(pool, claims, Decimal(cap))
    most = minor * Fraction(cap)
    assert sum(part.minor for part in shared.parts) == minor
    assert all(0 <= part.minor <= most for part in shared.parts)
    plain = allocate(pool, claims).parts
    for each, part, without in zip(claims, shared.parts, plain, strict=True):
        if each.employment_id not in shared.capped:
            assert part.minor >= without.minor - 1  # what others may not take goes to the rest


@given(
    st.integers(0, 10**9),
    WEIGHTY,
    st.sampled_from((None, "0.4")),
    st.randoms(use_true_random=False),
)
def test_the_order_of_claims_decides_nothing(
    minor: int, claims: list[Claim], cap: str | None, random: Random
) -> None:
    most = None if cap is None else Decimal(cap)

    def by_id(ordered: list[Claim]) -> dict[UUID, Money] | str:
        try:
            parts = allocate(Money(minor, "CNY"), ordered, most).parts
        except Refused as refused:
            return refused.code
        return {each.employment_id: part for each, part in zip(ordered, parts, strict=True)}

    turned = list(claims)
    random.shuffle(turned)
    assert by_id(turned) == by_id(claims)


def test_ties_go_by_score_then_id() -> None:
    claims = [claim(3, 1, "80"), claim(2, 1, "90"), claim(1, 1, "80")]
    assert [part.minor for part in allocate(Money(2, "JPY"), claims).parts] == [0, 1, 1]
    assert [part.minor for part in allocate(Money(1, "JPY"), claims).parts] == [0, 1, 0]


def test_caps_are_found_until_they_hold_for_everyone() -> None:
    # With A held at 40, B would get 60 x 35/55 = 38.2 and is within; at a cap of 35 B is held too.
    claims = [claim(1, 45), claim(2, 35), claim(3, 20)]
    first = allocate(Money(10_000, "CNY"), claims, Decimal("0.40"))
    assert [part.minor for part in first.parts] == [4000, 3818, 2182]
    second = allocate(Money(10_000, "CNY"), claims, Decimal("0.36"))
    assert [part.minor for part in second.parts] == [3600, 3600, 2800]
    assert second.capped == (UUID(int=1), UUID(int=2))


@pytest.mark.parametrize(
    ("claims", "cap", "code"),
    [
        ([], None, "pool-unallocated"),
        ([claim(1, 0), claim(2, 0)], None, "pool-unallocated"),
        ([claim(1, 0), claim(2, 0)], "0.5", "pool-unallocated"),
        ([claim(1, 1), claim(2, 0)], "0.5", "pool-cap-too-low"),
        ([claim(1, 1), claim(2, 1)], "0.3", "pool-cap-too-low"),
        ([claim(1, 2), claim(2, -1)], None, "negative-weight"),
        ([claim(1, 1)], "0", "bad-cap"),
        ([claim(1, 1)], "1.01", "bad-cap"),
    ],
)
def test_pools_that_cannot_be_shared_out(claims: list[Claim], cap: str | None, code: str) -> None:
    with pytest.raises(Refused) as refused:
        allocate(Money(10_000, "CNY"), claims, None if cap is None else Decimal(cap))
    assert refused.value.code == code
    with pytest.raises(Refused, match="bad-pool"):
        allocate(Money(-1, "CNY"), claims)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 100), max_size=6))
def test_everyone_has_a_grade(people: int, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 100]
    shares = [Decimal(high - low) for low, high in pairwise(edges)]
    counts = forced_distribution(people, shares)
    assert sum(counts) == people
    for count, share in zip(counts, shares, strict=True):
        assert abs(count - people * Fraction(share) / 100) < 1


@pytest.mark.parametrize("shares", [["50", "49"], ["110", "-10"], [], ["100.000001"]])
def test_distributions_that_are_none(shares: list[str]) -> None:
    with pytest.raises(Refused, match="bad-distribution"):
        forced_distribution(10, [Decimal(share) for share in shares])
