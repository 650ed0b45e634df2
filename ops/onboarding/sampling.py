"""The third check, 抽样比对: how many records two people must compare, and which.

The size follows from what is asked: with which confidence, from which share of wrong records on,
the sample must not pass. Drawing is by a hash of seed and key, so that anybody, in any language,
draws the same records again, and nobody can choose them.
"""

import hashlib
import heapq
from collections.abc import Iterator
from fractions import Fraction
from math import comb
from pathlib import Path

import msgspec

from ops.demo.model import BadInput
from ops.onboarding.records import Checked, Record

WHOLE = 10_000
"""Basis points of one."""
POPULATION_MAX = 10**9


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A record of the sample."""

    number: int
    entity: str
    key: str


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample, with everything that is needed to draw it again."""

    seed: int
    confidence_bp: int
    tolerable_bp: int
    mismatches_max: int
    population: int
    size: int
    items: tuple[Item, ...]
    digest: str
    """SHA-256 of the items' lines "entity TAB key LF", in the order of their numbers."""

    def summary(self) -> dict[str, int | str]:
        """All but the items."""
        return {
            name: value for name, value in msgspec.structs.asdict(self).items() if name != "items"
        }


def passes(population: int, wrong: int, size: int, accepted: int) -> Fraction:
    """The chance that a sample with at most `accepted` wrong records is drawn, exact.

    >>> passes(10, 1, 5, 0)
    Fraction(1, 2)
    """
    ways = sum(
        comb(wrong, hit) * comb(population - wrong, size - hit)
        for hit in range(min(accepted, wrong, size) + 1)
        if size - hit <= population - wrong
    )
    return Fraction(ways, comb(population, size))


def size_for(population: int, confidence_bp: int, tolerable_bp: int, accepted: int = 0) -> int:
    """The least sample that fails with this confidence if the tolerable share is wrong.

    >>> size_for(10_000, 9500, 100), size_for(300_000, 9500, 100), size_for(40, 9500, 100)
    (294, 298, 38)
    """
    if population == 0:
        return 0
    # A share that is less than one record still means one.
    wrong = max(1, -(-population * tolerable_bp // WHOLE))
    risk = Fraction(WHOLE - confidence_bp, WHOLE)
    low = high = min(accepted + 1, population)
    # From below: the least one is small, and what a large one costs grows with it.
    while high < population and _passes_nearly(population, wrong, high, accepted) > risk:
        low, high = high + 1, min(2 * high, population)
    while low < high:
        middle = (low + high) // 2
        if _passes_nearly(population, wrong, middle, accepted) <= risk:
            high = middle
        else:
            low = middle + 1
    return low


def _passes_nearly(population: int, wrong: int, size: int, accepted: int) -> Fraction:
    """As `passes`, by the shorter of two exact ways: none wrong needs no large binomials."""
    if accepted:
        return passes(population, wrong, size, accepted)
    if size > population - wrong:
        return Fraction(0)
    # comb(N - D, n) / comb(N, n) is a product over whichever of n and D is smaller.
    few, many = sorted((size, wrong))
    numerator = denominator = 1
    for step in range(few):
        numerator *= population - many - step
        denominator *= population - step
    return Fraction(numerator, denominator)


def _place(seed: int, entity: str, key: str) -> bytes:
    return hashlib.sha256(f"{seed}\t{entity}\t{key}".encode()).digest()


def draw(
    checked: Checked,
    seed: int,
    confidence_bp: int,
    tolerable_bp: int,
    mismatches_max: int = 0,
) -> Sample:
    """The sample of the sound records.

    Raises:
        BadInput: there is none to draw from.
    """
    most = size_for(POPULATION_MAX, confidence_bp, tolerable_bp, mismatches_max)
    population = 0

    def placed() -> Iterator[tuple[bytes, int, str, str]]:
        nonlocal population
        for number, record in checked.records():
            population += 1
            yield _place(seed, record.entity, record.key), number, record.entity, record.key

    chosen = heapq.nsmallest(most, placed())
    if population == 0:
        raise BadInput("there is no sound record to draw from")
    # The smaller the population the smaller the sample, so what was kept is enough.
    chosen = chosen[: size_for(population, confidence_bp, tolerable_bp, mismatches_max)]
    items = tuple(
        Item(number=number, entity=entity, key=key)
        for _, number, entity, key in sorted(chosen, key=lambda each: each[1])
    )
    lines = "".join(f"{item.entity}\t{item.key}\n" for item in items)
    return Sample(
        seed=seed,
        confidence_bp=confidence_bp,
        tolerable_bp=tolerable_bp,
        mismatches_max=mismatches_max,
        population=population,
        size=len(items),
        items=items,
        digest=hashlib.sha256(lines.encode()).hexdigest(),
    )


def records_of(checked: Checked, sample: Sample) -> list[tuple[int, Record]]:
    """The records of the sample."""
    found = []
    for item in sample.items:
        number, record = next(checked.records(after=item.number - 1))
        if number != item.number or record.key != item.key:
            raise BadInput("the sample was drawn from another check")
        found.append((number, record))
    return found


def read(path: Path) -> Sample:
    """A sample that was written beside its worksheet.

    Raises:
        BadInput: it is none, or was changed.
    """
    try:
        sample = msgspec.json.decode(path.read_bytes(), type=Sample)
    except (OSError, msgspec.DecodeError) as error:
        raise BadInput(f"{path}: {error}") from None
    lines = "".join(f"{item.entity}\t{item.key}\n" for item in sample.items)
    if hashlib.sha256(lines.encode()).hexdigest() != sample.digest:
        raise BadInput(f"{path}: the items are not those of its digest")
    return sample
