"""What pay is made from: bonus pools, fixed exchange rates, clawbacks, exported journals."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from domain.bonus_pool import (
    PoolAllocated,
    PoolFunded,
    PoolPolicy,
    PoolResettled,
    PoolShare,
    PoolSpent,
    PoolUnallocated,
    PoolWithdrawn,
)
from domain.clawback import LIMIT_DEFAULT as CLAWBACK_LIMIT
from domain.clawback import (
    ClawbackApplied,
    ClawbackLimitSet,
    ClawbackReversed,
    ClawbackScheduled,
)
from domain.exchange_rate import ExchangeRateFixed
from domain.ids import clawback_id
from domain.money import Money
from domain.reconciliation import JournalExported
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import Row, Table, begun
from tenancy.records import Recorded

NAME = "compensation"
VERSION = 1

PoolState = Literal["funded", "allocated", "unallocated", "resettled"]


class Pool(Row, kw_only=True):
    """奖金池; amounts in minor units of `currency`."""

    pool_id: UUID
    code: str
    cycle_id: UUID
    minor: int
    currency: str
    cost_centre: str
    cap: Decimal | None = None
    state: PoolState = "funded"
    appraisal_ids: tuple[UUID, ...] = ()
    shares: tuple[PoolShare, ...] = ()
    capped: tuple[UUID, ...] = ()
    policy: PoolPolicy | None = None
    drawn_minor: int = 0
    """From the reserve."""
    spent_minor: int = 0
    created_position: int
    version: int


class ExchangeRate(Row, kw_only=True):
    """汇率"""

    rate_id: UUID
    cycle_id: UUID
    from_currency: str
    to_currency: str
    rate: Decimal
    source: str
    event_id: UUID
    recorded_at: datetime


class Clawback(Row, kw_only=True):
    """追回: what an employment owes."""

    clawback_id: UUID
    employment_id: UUID
    limit_share: Decimal = CLAWBACK_LIMIT
    owed: tuple[Money, ...] = ()
    version: int


class Journal(Row, kw_only=True):
    """凭证导出: how far an accounting system has the entries."""

    journal_id: UUID
    system: str
    number: int
    first_position: int
    last_position: int
    exported_at: datetime
    exported_by: UUID
    version: int


POOLS = Table(
    "pools",
    Pool,
    projection=NAME,
    version=VERSION,
    key=("pool_id",),
    indexes=(("created_position",),),
)
RATES = Table(
    "exchange_rates",
    ExchangeRate,
    projection=NAME,
    version=VERSION,
    key=("rate_id",),
    indexes=(("cycle_id", "position"),),
)
CLAWBACKS = Table(
    "clawbacks",
    Clawback,
    projection=NAME,
    version=VERSION,
    key=("clawback_id",),
    indexes=(("employment_id",),),
)
JOURNALS = Table(
    "journals",
    Journal,
    projection=NAME,
    version=VERSION,
    key=("journal_id",),
    indexes=(("system",),),
)


def pool_step(row: Pool | None, recorded: Recorded) -> Pool:
    """The pool's next state; pure."""
    event = recorded.event
    if isinstance(event, PoolFunded):
        return Pool(
            pool_id=recorded.stream_id,
            code=event.code,
            cycle_id=event.cycle_id,
            minor=event.amount.minor,
            currency=event.amount.currency,
            cost_centre=event.cost_centre,
            cap=event.cap,
            created_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case PoolWithdrawn():
            row.minor -= event.amount.minor
        case PoolSpent():
            row.spent_minor += event.amount.minor
        case PoolAllocated():
            row.state, row.appraisal_ids = "allocated", event.appraisal_ids
            row.shares, row.capped = event.shares, event.capped
        case PoolUnallocated():
            row.state, row.appraisal_ids = "unallocated", event.appraisal_ids
            row.shares, row.capped = (), ()
        case PoolResettled():
            row.state, row.shares, row.policy = "resettled", event.shares, event.policy
            row.drawn_minor += event.drawn.minor
    return row


def rate_step(_: ExchangeRate | None, recorded: Recorded) -> ExchangeRate:
    """A rate is fixed once; pure."""
    event: ExchangeRateFixed = recorded.event
    return ExchangeRate(
        rate_id=recorded.stream_id,
        cycle_id=event.cycle_id,
        from_currency=event.from_currency,
        to_currency=event.to_currency,
        rate=event.rate,
        source=event.source,
        event_id=recorded.event_id,
        recorded_at=recorded.recorded_at,
    )


def clawback_step(row: Clawback | None, recorded: Recorded) -> Clawback:
    """What is owed next; pure."""
    event = recorded.event
    owed = {each.currency: each.minor for each in (row.owed if row is not None else ())}
    limit = CLAWBACK_LIMIT if row is None else row.limit_share
    match event:
        case ClawbackLimitSet():
            limit = event.limit
        case ClawbackScheduled() | ClawbackReversed():
            owed[event.amount.currency] = owed.get(event.amount.currency, 0) + event.amount.minor
        case ClawbackApplied():
            owed[event.amount.currency] -= event.amount.minor
    return Clawback(
        clawback_id=recorded.stream_id,
        employment_id=event.employment_id,
        limit_share=limit,
        owed=tuple(Money(minor, currency) for currency, minor in sorted(owed.items())),
        version=recorded.version,
    )


def journal_step(_: Journal | None, recorded: Recorded) -> Journal:
    """The newest export; pure."""
    event: JournalExported = recorded.event
    return Journal(
        journal_id=recorded.stream_id,
        system=event.system,
        number=event.number,
        first_position=event.first_position,
        last_position=event.last_position,
        exported_at=recorded.recorded_at,
        exported_by=recorded.actor,
        version=recorded.version,
    )


COMPENSATION = by_stream(
    NAME,
    VERSION,
    (
        (
            POOLS,
            pool_step,
            (
                PoolFunded,
                PoolWithdrawn,
                PoolAllocated,
                PoolUnallocated,
                PoolResettled,
                PoolSpent,
            ),
        ),
        (RATES, rate_step, (ExchangeRateFixed,)),
        (
            CLAWBACKS,
            clawback_step,
            (ClawbackLimitSet, ClawbackScheduled, ClawbackApplied, ClawbackReversed),
        ),
        (JOURNALS, journal_step, (JournalExported,)),
    ),
)


async def pools(
    view: View,
    *,
    cycle_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Pool]:
    """Pools in the order of their funding."""
    order, where = ("created_position",), {"cycle_id": cycle_id}
    return await page(view, POOLS, order=order, where=where, limit=limit, cursor=cursor)


async def pool(view: View, pool_id: UUID) -> Pool | None:
    """The pool with this id."""
    return await get(view, POOLS, pool_id)


async def rates(
    view: View,
    *,
    cycle_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[ExchangeRate]:
    """Exchange rates in the order of their fixing."""
    order, where = ("position",), {"cycle_id": cycle_id}
    return await page(view, RATES, order=order, where=where, limit=limit, cursor=cursor)


async def clawbacks(
    view: View,
    *,
    employment_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Clawback]:
    """What employments owe."""
    order, where = ("employment_id",), {"employment_id": employment_id}
    return await page(view, CLAWBACKS, order=order, where=where, limit=limit, cursor=cursor)


async def clawback(view: View, employment_id: UUID) -> Clawback:
    """What an employment owes; nothing, where nothing was ever said of it."""
    its_id = clawback_id(employment_id)
    row = await get(view, CLAWBACKS, its_id)
    return row or Clawback(clawback_id=its_id, employment_id=employment_id, version=0)


async def journals(
    view: View, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[Journal]:
    """How far each accounting system has the entries, by its name."""
    return await page(view, JOURNALS, order=("system",), where={}, limit=limit, cursor=cursor)
