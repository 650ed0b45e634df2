"""Analytics: how scores lie across departments and families, and what rewards do to pay."""

from uuid import UUID

from api import auth
from api.asked import Asked
from api.queries import Parameters
from api.routes import Route, get
from api.wire import One
from projections import audit_trail, pay_ledger, planning, rewards, scores
from projections.anomalies import Anomalies, anomalies
from projections.fairness import FairPay, fair_pay
from projections.performance_map import PerformanceMap, performance_map
from projections.reward_gap import RewardGaps, reward_gaps
from projections.score_patterns import (
    JobMap,
    ScoreDistribution,
    Trends,
    job_map,
    score_distribution,
    trends,
)

READERS = frozenset({auth.HR, auth.EXECUTIVE, auth.FINANCE, auth.AUDITOR, auth.ADMIN})


class OfCycle(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None


async def _performance_map(asked: Asked, given: OfCycle) -> One:
    """Locked scores by department and job family, and the gap between the families."""
    async with asked.view() as view:
        return One(value=await performance_map(view, cycle_id=given.cycle_id))


async def _job_map(asked: Asked, given: OfCycle) -> One:
    """Locked scores by department and job."""
    async with asked.view() as view:
        return One(value=await job_map(view, cycle_id=given.cycle_id))


async def _distribution(asked: Asked, given: OfCycle) -> One:
    """How many locked scores lie in each step of five points."""
    async with asked.view() as view:
        return One(value=await score_distribution(view, cycle_id=given.cycle_id))


async def _trends(asked: Asked, _: Parameters) -> One:
    """How locked scores lie in every cycle, by family and by department."""
    async with asked.view() as view:
        return One(value=await trends(view))


class OfOneCycle(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID


async def _reward_gap(asked: Asked, given: OfOneCycle) -> One:
    """What people get of a cycle without and with instant rewards: whether the gap grows"""
    async with asked.view() as view:
        return One(value=await reward_gaps(view, given.cycle_id))


async def _fairness(asked: Asked, given: OfOneCycle) -> One:
    """What people get of what they could, by family, department and job: shares, spread, Gini"""
    async with asked.view() as view:
        return One(value=await fair_pay(view, given.cycle_id))


async def _anomalies(asked: Asked, given: OfOneCycle) -> One:
    """What stands out among the locked scores of a cycle, each with its figures."""
    async with asked.view() as view:
        return One(value=await anomalies(view, given.cycle_id))


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
        "/analytics/job-map",
        _job_map,
        roles=READERS,
        result=JobMap,
        projections=(scores.NAME,),
        parameters=OfCycle,
    ),
    get(
        "/analytics/distribution",
        _distribution,
        roles=READERS,
        result=ScoreDistribution,
        projections=(scores.NAME,),
        parameters=OfCycle,
    ),
    get(
        "/analytics/trends",
        _trends,
        roles=READERS,
        result=Trends,
        projections=(scores.NAME, planning.NAME),
    ),
    get(
        "/analytics/anomalies",
        _anomalies,
        roles=READERS,
        result=Anomalies,
        projections=(scores.NAME, planning.NAME, audit_trail.NAME),
        parameters=OfOneCycle,
    ),
    get(
        "/analytics/fairness",
        _fairness,
        roles=READERS,
        result=FairPay,
        projections=(pay_ledger.NAME, scores.NAME),
        parameters=OfOneCycle,
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
