"""Analytics: how scores lie across departments and families, and what rewards do to pay."""

from uuid import UUID

from api import auth
from api.asked import Asked
from api.queries import Parameters
from api.routes import Route, get
from api.wire import One
from projections import pay_ledger, planning, rewards, scores
from projections.performance_map import PerformanceMap, performance_map
from projections.reward_gap import RewardGaps, reward_gaps

READERS = frozenset({auth.HR, auth.EXECUTIVE, auth.FINANCE, auth.AUDITOR, auth.ADMIN})


class OfCycle(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None


async def _performance_map(asked: Asked, given: OfCycle) -> One:
    """Locked scores by department and job family, and the gap between the families."""
    async with asked.view() as view:
        return One(value=await performance_map(view, cycle_id=given.cycle_id))


class OfOneCycle(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID


async def _reward_gap(asked: Asked, given: OfOneCycle) -> One:
    """What people get of a cycle without and with instant rewards: whether the gap grows"""
    async with asked.view() as view:
        return One(value=await reward_gaps(view, given.cycle_id))


ROUTES: tuple[Route, ...] = (
    get(
        "/analytics/performance-map",
        _performance_map,
        roles=READERS,
        result=PerformanceMap,
        projections=(scores.NAME,),
        parameters=OfCycle,
    ),
    get(
        "/analytics/reward-gap",
        _reward_gap,
        roles=READERS,
        result=RewardGaps,
        projections=(pay_ledger.NAME, rewards.NAME, planning.NAME),
        parameters=OfOneCycle,
    ),
)
