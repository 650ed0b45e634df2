"""Analytics: how scores lie across departments and job families."""

from uuid import UUID

from api import auth
from api.asked import Asked
from api.queries import Parameters
from api.routes import Route, get
from api.wire import One
from projections import scores
from projections.performance_map import PerformanceMap, performance_map

READERS = frozenset({auth.HR, auth.EXECUTIVE, auth.FINANCE, auth.AUDITOR, auth.ADMIN})


class OfCycle(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None


async def _performance_map(asked: Asked, given: OfCycle) -> One:
    """Locked scores by department and job family, and the gap between the families."""
    async with asked.view() as view:
        return One(value=await performance_map(view, cycle_id=given.cycle_id))


ROUTES: tuple[Route, ...] = (
    get(
        "/analytics/performance-map",
        _performance_map,
        roles=READERS,
        result=PerformanceMap,
        projections=(scores.NAME,),
        parameters=OfCycle,
    ),
)
