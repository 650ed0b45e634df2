"""Whether instant rewards widen the gap: what people get of a cycle, without and with them.

It has no table of its own: it asks the pay ledger and the rewards. A share of a reward counts in
the cycle in which it was achieved, and for those who are paid in the cycle.
"""

from uuid import UUID

import msgspec

from domain.money import Money
from projections.pay_ledger import PAYOUTS
from projections.planning import CYCLES
from projections.questions import View
from projections.rewards import REWARDS


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How amounts lie; each is one that somebody got."""

    lowest: Money
    low: Money
    """A tenth of people get this or less."""
    median: Money
    high: Money
    """A tenth of people get more than this, or as much."""
    highest: Money
    total: Money


class RewardGap(msgspec.Struct, frozen=True, kw_only=True):
    """即时奖励 and the gap, for one currency: performance pay without and with the rewards."""

    people: int
    rewarded: int
    """Of them."""
    without_rewards: Spread
    with_rewards: Spread


class RewardGaps(msgspec.Struct, frozen=True, kw_only=True):
    """One per currency that the cycle was paid in."""

    cycle_id: UUID
    gaps: tuple[RewardGap, ...]


_FIGURES = """
    min({0}), percentile_disc(0.1) WITHIN GROUP (ORDER BY {0}),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY {0}),
    percentile_disc(0.9) WITHIN GROUP (ORDER BY {0}), max({0}), sum({0})::bigint
"""
GAPS = f"""
WITH paid AS (
    SELECT employment_id, currency, sum(minor)::bigint AS minor FROM {PAYOUTS.name}
    WHERE tenant_id = $1 AND build = {PAYOUTS.live} AND cycle_id = $2 AND state <> 'voided'
    GROUP BY employment_id, currency
), given AS (
    SELECT (share ->> 'employment_id')::uuid AS employment_id, r.currency,
        sum((share -> 'amount' ->> 'minor')::bigint)::bigint AS minor
    FROM {REWARDS.name} r, {CYCLES.name} c, jsonb_array_elements(r.shares) AS share
    WHERE r.tenant_id = $1 AND r.build = {REWARDS.live} AND r.state = 'granted'
    AND c.tenant_id = $1 AND c.build = {CYCLES.live} AND c.cycle_id = $2
    AND r.achieved_on BETWEEN c.starts_on AND c.ends_on
    GROUP BY 1, 2
), everyone AS (
    SELECT p.currency, p.minor AS without, g.minor IS NOT NULL AS rewarded,
        p.minor + coalesce(g.minor, 0) AS both_of_them
    FROM paid p LEFT JOIN given g USING (employment_id, currency)
)
SELECT currency, count(*), count(*) FILTER (WHERE rewarded),
{_FIGURES.format("without")}, {_FIGURES.format("both_of_them")}
FROM everyone GROUP BY currency ORDER BY currency
"""  # noqa: S608  own names


async def reward_gaps(view: View, cycle_id: UUID) -> RewardGaps:
    """What people get of a cycle, without and with its instant rewards."""
    return RewardGaps(
        cycle_id=cycle_id,
        gaps=tuple(_gap(*record) for record in await view.fetch(GAPS, cycle_id)),
    )


def _gap(currency: str, people: int, rewarded: int, *figures: int) -> RewardGap:
    amounts = [Money(minor, currency) for minor in figures]
    names = Spread.__struct_fields__
    half = len(names)
    return RewardGap(
        people=people,
        rewarded=rewarded,
        without_rewards=Spread(**dict(zip(names, amounts[:half], strict=True))),
        with_rewards=Spread(**dict(zip(names, amounts[half:], strict=True))),
    )
