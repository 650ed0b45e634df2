"""How fairly a cycle pays: what people get of what they could, by family, department and job.

It has no table of its own: it asks the pay ledger and the scores. Shares are exact to a millionth
of a person's own base, so that no salary weighs more than another.
"""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

import msgspec

from domain.organisation import JobFamily
from projections.pay_ledger import PAYOUTS
from projections.questions import View
from projections.scores import APPRAISALS

PLACES = Decimal("0.0001")
_PARTS = 1_000_000

Of = Literal["all", "family", "unit", "job"]


class FairGroup(msgspec.Struct, frozen=True, kw_only=True):
    """绩效公平 of the people of one group; decimals of 4 places, half up."""

    of: Of
    family: JobFamily | None = None
    org_unit_id: UUID | None = None
    job_id: UUID | None = None
    people: int
    nothing: int
    """Of them, those who get nothing."""
    mean: Decimal
    """What they get, as a share of their performance base; so are those below."""
    lowest: Decimal
    highest: Decimal
    spread: Decimal | None
    """Highest by lowest; None where somebody gets nothing."""
    gini: Decimal
    """0: all get the same share; towards 1: one gets all."""


class Fairness(msgspec.Struct, frozen=True, kw_only=True):
    """Groups of one currency, the whole first."""

    currency: str
    groups: tuple[FairGroup, ...]


class FairPay(msgspec.Struct, frozen=True, kw_only=True):
    """One per currency that the cycle was paid in."""

    cycle_id: UUID
    currencies: tuple[Fairness, ...]


SHARES = f"""
WITH paid AS (
    SELECT employment_id, currency, sum(minor) AS minor,
        sum(base_minor) FILTER (WHERE corrects IS NULL) AS base,
        (array_agg(appraisal_id ORDER BY created_position))[1] AS appraisal_id
    FROM {PAYOUTS.name}
    WHERE tenant_id = $1 AND build = {PAYOUTS.live} AND cycle_id = $2 AND state <> 'voided'
    AND appraisal_id IS NOT NULL
    GROUP BY employment_id, currency
)
SELECT p.currency, a.family, a.org_unit_id, a.job_id,
    array_agg(round(greatest(p.minor, 0) * {_PARTS} / p.base)::bigint) AS shares
FROM paid p JOIN {APPRAISALS.name} a ON a.tenant_id = $1 AND a.build = {APPRAISALS.live}
    AND a.appraisal_id = p.appraisal_id
WHERE p.base > 0
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""  # noqa: S608  own names


async def fair_pay(view: View, cycle_id: UUID) -> FairPay:
    """What people get of what they could, in a cycle."""
    records = [tuple(record) for record in await view.fetch(SHARES, cycle_id)]
    currencies = dict.fromkeys(record[0] for record in records)
    return FairPay(
        cycle_id=cycle_id,
        currencies=tuple(
            Fairness(
                currency=each,
                groups=tuple(groups_of(record[1:] for record in records if record[0] == each)),
            )
            for each in currencies
        ),
    )


def groups_of(
    records: Iterable[tuple[JobFamily, UUID, UUID, Sequence[int]]],
) -> Iterable[FairGroup]:
    """The groups of (family, department, job, millionths that each gets): all, then each kind."""
    groups: dict[tuple[Of, Any], list[int]] = {}
    for family, org_unit_id, job_id, shares in records:
        keys: tuple[tuple[Of, Any], ...] = (
            ("all", None),
            ("family", family),
            ("unit", org_unit_id),
            ("job", job_id),
        )
        for key in keys:
            groups.setdefault(key, []).extend(shares)
    order = ("all", "family", "unit", "job")
    for (of, key), shares in sorted(
        groups.items(), key=lambda each: (order.index(each[0][0]), str(each[0][1]))
    ):
        yield _group(of, key, sorted(shares))


def _group(of: Of, key: Any, shares: Sequence[int]) -> FairGroup:
    total, people = sum(shares), len(shares)
    lowest, highest = shares[0], shares[-1]
    return FairGroup(
        of=of,
        family=key if of == "family" else None,
        org_unit_id=key if of == "unit" else None,
        job_id=key if of == "job" else None,
        people=people,
        nothing=sum(1 for each in shares if each == 0),
        mean=_shown(Fraction(total, people * _PARTS)),
        lowest=_shown(Fraction(lowest, _PARTS)),
        highest=_shown(Fraction(highest, _PARTS)),
        spread=_shown(Fraction(highest, lowest)) if lowest else None,
        gini=_shown(gini(shares)),
    )


def gini(shares: Sequence[int]) -> Fraction:
    """The Gini coefficient of amounts in ascending order, none below zero; exact.

    >>> gini([1, 1, 1]), gini([0, 0, 3])
    (Fraction(0, 1), Fraction(2, 3))
    """
    people, total = len(shares), sum(shares)
    if not total:
        return Fraction(0)
    weighed = sum((2 * place - people - 1) * each for place, each in enumerate(shares, start=1))
    return Fraction(weighed, people * total)


def _shown(exact: Fraction) -> Decimal:
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(PLACES, ROUND_HALF_UP)
