"""Sharing out a fixed sum, or a fixed number of people: by largest remainder, exactly (R5)."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import msgspec

from domain.exact import exact
from domain.kernel import Refused
from domain.money import Money, largest_remainder


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What one employment may ask of a pool."""

    employment_id: UUID
    weight: Fraction
    """Base x coefficient, unrounded; 0 gets nothing, below 0 is refused."""
    score: Decimal = Decimal(0)
    """Where remainders tie, the higher score goes first, then the smaller employment id."""

    @property
    def precedence(self) -> tuple[Fraction, UUID]:
        """The smallest goes first."""
        return (-exact(self.score), self.employment_id)


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """A pool shared out. 奖金池分配"""

    parts: tuple[Money, ...]
    """One per claim, in their order; together the pool, exactly."""
    capped: tuple[UUID, ...]
    """Who would have got more than the cap, in the order of the claims."""


def allocate(pool: Money, claims: Sequence[Claim], cap: Decimal | None = None) -> Allocation:
    """Share out `pool` by weight; what a cap takes from one goes to the others by their weight.

    Args:
        pool: Not negative.
        claims: In any order: the order decides nothing, ties go by score and employment id.
        cap: The most that one claim gets, as a share of the pool (0.3 is 30 %); None is no cap.

    Raises:
        Refused: `pool-unallocated` where no claim has weight; `pool-cap-too-low` where the cap
            leaves money that nobody may take; `bad-cap`, `bad-pool`, `negative-weight`.

    >>> people = [Claim(employment_id=UUID(int=n), weight=Fraction(n)) for n in (1, 2, 3)]
    >>> [part.minor for part in allocate(Money(100, "EUR"), people, Decimal("0.4")).parts]
    [20, 40, 40]
    """
    if pool.minor < 0:
        raise Refused("bad-pool", "A pool is not negative.")
    if any(claim.weight < 0 for claim in claims):
        raise Refused("negative-weight", "A weight must not be negative.")
    if not any(claim.weight for claim in claims):
        raise Refused("pool-unallocated", "No claim has any weight: the pool is not shared out.")
    most = None if cap is None else _cap(pool, cap)
    capped = _capped(pool, claims, most)
    open_to = [index for index in range(len(claims)) if index not in capped]
    left = pool.minor - len(capped) * (most or 0)
    weights = [claims[index].weight for index in open_to]
    if left and not any(weights):
        raise Refused("pool-cap-too-low", "The cap leaves money that nobody may take.")
    minors = dict.fromkeys(capped, most or 0)
    order = [claims[index].precedence for index in open_to]
    shares = largest_remainder(left, weights, order) if left else [0] * len(open_to)
    minors |= dict(zip(open_to, shares, strict=True))
    return Allocation(
        parts=tuple(Money(minors[index], pool.currency) for index in range(len(claims))),
        capped=tuple(claims[index].employment_id for index in sorted(capped)),
    )


def forced_distribution(people: int, shares: Sequence[Decimal]) -> list[int]:
    """How many of `people` each grade takes, by largest remainder; ties go to the earlier grade.

    Raises:
        Refused: `bad-distribution`, unless there are people and the shares, none of them
            negative, sum to 100 (percent) exactly.

    >>> forced_distribution(23, [Decimal(share) for share in (10, 20, 40, 20, 10)])
    [2, 5, 9, 5, 2]
    """
    weights = [exact(share, "share") for share in shares]
    if people < 0 or sum(weights) != 100 or any(weight < 0 for weight in weights):  # noqa: PLR2004 percent
        raise Refused("bad-distribution", "Shares are not negative and sum to 100 percent.")
    return largest_remainder(people, weights)


def _cap(pool: Money, cap: Decimal) -> int:
    share = exact(cap, "cap")
    if not 0 < share <= 1:
        raise Refused("bad-cap", "A cap is more than 0 and at most the whole pool.")
    # Rounded down, so that a part is never above the cap, not by a minor unit.
    return (pool.minor * share.numerator) // share.denominator


def _capped(pool: Money, claims: Sequence[Claim], most: int | None) -> frozenset[int]:
    """Who is held at the cap: capping some raises the rest, so until it holds for everyone."""
    capped: frozenset[int] = frozenset()
    while most is not None:
        left = pool.minor - len(capped) * most
        rest = [index for index in range(len(claims)) if index not in capped]
        whole = sum((claims[index].weight for index in rest), Fraction(0))
        # Cross-multiplied, so that a whole of 0 needs no case of its own.
        above = {index for index in rest if left * claims[index].weight > most * whole}
        if not above:
            break
        capped |= above
    return capped
