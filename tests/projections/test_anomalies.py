"""Anomalies: what stands out and what does not, by exact figures."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from projections.anomalies import Locked, ceilings, imbalances, jumps, rater_shifts

CYCLE, HEAD, OFFICE, FIELD = (UUID(int=n) for n in range(1, 5))


def locked(number: int, score: object, **more: Any) -> Locked:
    row: dict[str, Any] = {
        "cycle_id": CYCLE,
        "appraisal_id": UUID(int=1000 + number),
        "employment_id": UUID(int=2000 + number),
        "person_id": UUID(int=3000 + number),
        "org_unit_id": OFFICE,
        "family": "function",
        "manager_id": HEAD,
        "score": Decimal(str(score)),
    }
    return Locked(**(row | more))


def rows(office: list[object], field: list[object]) -> list[Locked]:
    return [locked(n, score) for n, score in enumerate(office)] + [
        locked(100 + n, score, org_unit_id=FIELD, family="marketing")
        for n, score in enumerate(field)
    ]


def test_families_lie_apart_for_cycles_in_a_row() -> None:
    apart = rows([94, 95, 95, 96, 97], [70, 74, 75, 76, 80])
    alike = rows([94, 95, 95, 96, 97], [90, 94, 95, 96, 99])
    (found,) = imbalances([apart, apart, alike, apart])
    assert (found.family, found.against) == ("function", "marketing")
    assert (found.observed, found.usual) == (Decimal("20.00"), Decimal("2.00"))
    assert (found.n, found.cycles) == (10, 2)
    assert [(each.org_unit_id, each.median) for each in found.drivers] == [
        (OFFICE, Decimal("95.00")),
        (FIELD, Decimal("75.00")),
    ]
    assert imbalances([alike, apart]) == []


@pytest.mark.parametrize(
    "wide", [[50, 60, 75, 90, 99], [90, 91, 91, 92, 92], [60, 61, 62, 63]], ids=str
)
def test_a_wide_spread_a_small_gap_and_a_small_group_say_nothing(wide: list[object]) -> None:
    assert imbalances([rows([94, 95, 95, 96, 97], wide)]) == []


def test_nearly_everybody_at_the_ceiling() -> None:
    (found,) = ceilings(rows([95, 96, 97, 98, 94], [95, 96, 80, 70, 99]))
    assert (found.org_unit_id, found.observed, found.n) == (OFFICE, Decimal("80.00"), 5)
    # Many near the top, but somebody far away: scores do tell people apart.
    assert ceilings(rows([95, 96, 97, 98, 60], [])) == []
    assert ceilings(rows([99, 99, 99, 99], [])) == []


def test_a_jump_unlike_everybody_elses() -> None:
    before = [locked(n, 80) for n in range(30)]
    now = [locked(n, 82 + n % 2) for n in range(29)] + [locked(29, 99)]
    (found,) = jumps(now, before)
    assert (found.observed, found.usual) == (Decimal("19.00"), Decimal("3.03"))
    assert found.appraisal_id == UUID(int=1029)
    assert jumps(now[:9], before) == []
    assert jumps([locked(n, 90) for n in range(30)], before) == []


def test_whoever_has_two_scores_in_a_cycle_is_not_compared() -> None:
    before = [locked(n, 80) for n in range(30)]
    now = [locked(n, 82) for n in range(30)] + [locked(29, 99, appraisal_id=UUID(int=1))]
    assert jumps(now, before) == []


@pytest.mark.parametrize(
    ("points", "count", "found"), [(90, 6, 1), (84, 6, 0), (90, 4, 0)], ids=str
)
def test_a_managers_shift(points: int, count: int, found: int) -> None:
    people = range(40)
    other = UUID(int=9)

    def of(score: Callable[[int], int]) -> list[Locked]:
        return [
            locked(n, score(n), manager_id=other if n < count else UUID(int=10 + n)) for n in people
        ]

    told = rater_shifts(of(lambda n: points if n < count else 79 + n % 3), of(lambda _: 80))
    assert len(told) == found
    assert all((each.manager_id, each.n) == (other, count) for each in told)
