"""What pay is made from: bonus pools, exchange rates, clawbacks."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.considering import consider
from api.problems import Said
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.bonus_pool import (
    AllocatePool,
    FundPool,
    PoolAllocated,
    PoolPolicy,
    PoolResettled,
    PoolShare,
    PoolUnallocated,
    ResettlePool,
    WithdrawFromPool,
)
from domain.bonus_pool_decisions import POOL
from domain.bonus_pool_preview import PoolPreview, pool_preview
from domain.clawback import CLAWBACK, SetClawbackLimit
from domain.exchange_rate import EXCHANGE_RATE, FixExchangeRate
from domain.explanation import Node
from domain.money import Money
from projections import compensation, directory
from projections.questions import Page

VIEWS = (compensation.NAME,)
WRITERS = writers(auth.FINANCE, auth.HR, auth.ADMIN)
FUNDERS = writers(auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
READERS = auth.WHOLE_COMPANY


class OfCycle(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None


class Clawbacks(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    employment_id: UUID | None = None


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """奖金池 with its shares, which are the pool and what was drawn from the reserve, exactly."""

    pool_id: UUID
    code: str
    cycle_id: UUID
    amount: Money
    cost_centre: str
    cap: Decimal | None
    state: compensation.PoolState
    appraisal_ids: tuple[UUID, ...]
    shares: tuple[PoolShare, ...]
    capped: tuple[UUID, ...]
    """Employments held at the cap."""
    policy: PoolPolicy | None
    """Of the last resettlement."""
    drawn: Money
    """From the reserve."""
    spent: Money
    version: int
    position: int


class PoolExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets what of a pool, and why: as it was shared out last."""

    pool_id: UUID
    policy: PoolPolicy | None
    """Of the resettlement that this is; None of an allocation."""
    shares: tuple[PoolShare, ...]
    event_id: UUID
    recorded_at: datetime
    explanation: Node


def _told(row: compensation.Pool) -> Pool:
    return Pool(
        pool_id=row.pool_id,
        code=row.code,
        cycle_id=row.cycle_id,
        amount=Money(row.minor, row.currency),
        cost_centre=row.cost_centre,
        cap=row.cap,
        state=row.state,
        appraisal_ids=row.appraisal_ids,
        shares=row.shares,
        capped=row.capped,
        policy=row.policy,
        drawn=Money(row.drawn_minor, row.currency),
        spent=Money(row.spent_minor, row.currency),
        version=row.version,
        position=row.position,
    )


async def _pools(asked: Asked, given: OfCycle) -> Page[Pool]:
    """Bonus pools in the order of their funding."""
    async with asked.view() as view:
        page = await compensation.pools(
            view, cycle_id=given.cycle_id, limit=given.limit, cursor=given.cursor
        )
    return page.of([_told(row) for row in page.items])


async def _pool(asked: Asked, _: Parameters) -> One:
    """A bonus pool with its shares."""
    async with asked.view() as view:
        row = found(await compensation.pool(view, asked.one_id()))
    return One(value=_told(row), version=row.version)


async def _explanation(asked: Asked, _: Parameters) -> One:
    """Why a pool is shared out as it is, down to the events that it was read from."""
    async with asked.view() as view:
        row = found(await compensation.pool(view, asked.one_id()))
    for recorded in reversed(await (await asked.store()).read(row.pool_id)):
        event = recorded.event
        if isinstance(event, PoolUnallocated):
            break
        if isinstance(event, PoolAllocated | PoolResettled) and event.explanation is not None:
            return One(
                value=PoolExplanation(
                    pool_id=row.pool_id,
                    policy=event.policy if isinstance(event, PoolResettled) else None,
                    shares=event.shares,
                    event_id=recorded.event_id,
                    recorded_at=recorded.recorded_at,
                    explanation=event.explanation,
                )
            )
    raise Said("not-found", "the pool has not been shared out")


async def _resettlements(asked: Asked, _: Parameters) -> One:
    """What each policy would pay, claim back and draw after a correction; nothing is written."""
    pool_id = asked.one_id()
    async with asked.view() as view:
        found(await compensation.pool(view, pool_id))
    told = await consider(
        await asked.store(), asked.stamp, lambda context: pool_preview(pool_id, context)
    )
    return One(value=told)


async def _rates(asked: Asked, given: OfCycle) -> Page[compensation.ExchangeRate]:
    """Exchange rates in the order of their fixing; none ever changes."""
    async with asked.view() as view:
        return await compensation.rates(
            view, cycle_id=given.cycle_id, limit=given.limit, cursor=given.cursor
        )


async def _clawbacks(asked: Asked, given: Clawbacks) -> Page[compensation.Clawback]:
    """What employments were paid too much and still owe."""
    async with asked.view() as view:
        return await compensation.clawbacks(
            view, employment_id=given.employment_id, limit=given.limit, cursor=given.cursor
        )


async def _clawback(asked: Asked, _: Parameters) -> One:
    """What an employment owes, and which share of each later payout is kept."""
    employment_id = asked.one_id()
    async with asked.view() as view:
        employment: directory.Employment = found(await directory.employment(view, employment_id))
        if not asked.caller.has(READERS) and employment.person_id != asked.caller.person_id:
            raise Said("not-found", "there is nothing of this id")
        row = await compensation.clawback(view, employment_id)
    return One(value=row, version=row.version)


ROUTES: tuple[Route, ...] = (
    post(
        "/pools",
        FundPool,
        POOL,
        roles=FUNDERS,
        stream=lambda _, command: ids.pool_id(command.code),
        creates="/pools/{id}",
    ),
    get("/pools", _pools, roles=READERS, result=Pool, projections=VIEWS, parameters=OfCycle),
    get("/pools/{pool_id}", _pool, roles=READERS, result=Pool, projections=VIEWS),
    get(
        "/pools/{pool_id}/explanation",
        _explanation,
        roles=READERS,
        result=PoolExplanation,
        projections=VIEWS,
    ),
    get(
        "/pools/{pool_id}/resettlements",
        _resettlements,
        roles=READERS,
        result=PoolPreview,
        projections=VIEWS,
    ),
    post(
        "/pools/{pool_id}/withdraw",
        WithdrawFromPool,
        POOL,
        roles=FUNDERS,
        stream=from_path("pool_id"),
    ),
    post(
        "/pools/{pool_id}/allocate", AllocatePool, POOL, roles=WRITERS, stream=from_path("pool_id")
    ),
    post(
        "/pools/{pool_id}/resettle", ResettlePool, POOL, roles=FUNDERS, stream=from_path("pool_id")
    ),
    post(
        "/exchange-rates",
        FixExchangeRate,
        EXCHANGE_RATE,
        roles=WRITERS,
        stream=lambda _, command: ids.exchange_rate_id(
            command.cycle_id, command.from_currency, command.to_currency
        ),
        creates="/exchange-rates",
    ),
    get(
        "/exchange-rates",
        _rates,
        roles=READERS,
        result=compensation.ExchangeRate,
        projections=VIEWS,
        parameters=OfCycle,
    ),
    post(
        "/clawbacks",
        SetClawbackLimit,
        CLAWBACK,
        roles=WRITERS,
        stream=lambda _, command: ids.clawback_id(command.employment_id),
    ),
    get(
        "/employments/{employment_id}/clawback",
        _clawback,
        roles=auth.EVERYONE,
        result=compensation.Clawback,
        projections=(compensation.NAME, directory.NAME),
    ),
    get(
        "/clawbacks",
        _clawbacks,
        roles=READERS,
        result=compensation.Clawback,
        projections=VIEWS,
        parameters=Clawbacks,
    ),
)
