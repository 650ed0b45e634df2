"""How far views, process managers and webhooks are, and what is stuck: one visit a tenant."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from projections import cursors
from projections.cursors import Cursor
from projections.history import HEAD, Log, Logs, Unreadable
from projections.kernel import Projection
from tenancy.database import Database
from tenancy.errors import TenantErased
from tenancy.keyring import UnknownKey
from tenancy.webhooks import Undelivered, undelivered


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's view that cannot apply its next event."""

    tenant_id: UUID
    position: int
    """The last one applied."""
    attempts: int
    error: str


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """One projection, over all tenants."""

    projection: str
    tenants: int
    behind: int
    """Tenants whose view is not at the head of their log."""
    events: int
    """Not yet applied, over all tenants."""
    seconds: float
    """Age of the oldest event not yet applied."""
    stuck: tuple[Stuck, ...]


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's events that a process manager could not answer."""

    tenant_id: UUID
    position: int
    """The last one answered, or passed over."""
    attempts: int
    """0 where it has been given up, and what comes after is answered."""
    error: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever follows the logs, over all tenants."""

    views: tuple[Lag, ...]
    unanswered: Mapping[str, Sequence[Unanswered]]
    """By process manager, the tenants whose events it could not answer."""
    unanswered_s: Mapping[str, float]
    """By process manager, the age of the oldest event that it has before it."""
    webhooks: "WebhookLag"


class WebhookLag(msgspec.Struct, frozen=True, kw_only=True):
    """What receivers were not told, over all tenants; seconds are those of the oldest event."""

    waiting: int
    dead: int
    oldest_s: float
    untried_s: float
    """Of what nobody has tried, although the receiver is well."""


FOLLOWERS = """
SELECT follower, position, attempts, last_error FROM merit.followers WHERE tenant_id = $1
"""


class _Sum:
    def __init__(self) -> None:
        self.behind = 0
        self.events = 0
        self.oldest: datetime | None = None
        self.stuck: list[Stuck] = []


class _Visit(msgspec.Struct, frozen=True):
    """What one transaction says of a tenant."""

    tenant_id: UUID
    head: int
    live: Mapping[str, Cursor]
    followers: Mapping[str, tuple[int, int, str | None]]
    webhooks: Undelivered


async def overview(
    database: Database,
    logs: Logs,
    projections: Sequence[Projection],
    reactions: Mapping[str, Collection[str]] | None = None,
) -> Overview:
    """How far everybody is who follows the logs; one short transaction a tenant.

    Args:
        database: as the application.
        logs: of all tenants.
        projections: the views.
        reactions: the topics that process managers answer, where their lag is wanted.
    """
    sums = {projection.key: _Sum() for projection in projections}
    answers: dict[str, list[Unanswered]] = {}
    before: dict[str, datetime | None] = dict.fromkeys(reactions or {})
    told: list[Undelivered] = []
    tenants = await logs.tenants()
    for tenant_id in tenants:
        found = await _visited(database, tenant_id)
        history = await _log(logs, tenant_id)
        for key, total in sums.items():
            await _add(total, tenant_id, history, found.head, found.live.get(key))
        for name in found.followers:
            answers.setdefault(name, []).extend(_troubled(found, name))
        for name, topics in (reactions or {}).items():
            waits = await _waits(history, found, name, topics)
            before[name] = _oldest((before[name], waits))
        told.append(found.webhooks)
    now = datetime.now(UTC)
    return Overview(
        views=tuple(
            Lag(
                projection=key,
                tenants=len(tenants),
                behind=total.behind,
                events=total.events,
                seconds=_age(total.oldest, now),
                stuck=tuple(total.stuck),
            )
            for key, total in sums.items()
        ),
        unanswered=answers,
        unanswered_s={name: _age(oldest, now) for name, oldest in before.items()},
        webhooks=WebhookLag(
            waiting=sum(each.waiting for each in told),
            dead=sum(each.dead for each in told),
            oldest_s=_age(_oldest(each.oldest_at for each in told), now),
            untried_s=_age(_oldest(each.untried_at for each in told), now),
        ),
    )


async def lag(database: Database, logs: Logs, projections: Sequence[Projection]) -> list[Lag]:
    """How far behind each projection is."""
    return list((await overview(database, logs, projections)).views)


async def _visited(database: Database, tenant_id: UUID) -> _Visit:
    async with database.transaction(tenant_id) as connection:
        found = await cursors.of_tenant(connection, tenant_id)
        head = await connection.fetchval(HEAD, tenant_id) or 0
        rows = await connection.fetch(FOLLOWERS, tenant_id)
        webhooks = await undelivered(connection, tenant_id)
    return _Visit(
        tenant_id,
        head,
        {f"{each.projection}_v{each.version}": each for each in found if each.live},
        {row["follower"]: (row["position"], row["attempts"], row["last_error"]) for row in rows},
        webhooks,
    )


def _troubled(found: _Visit, name: str) -> list[Unanswered]:
    position, attempts, error = found.followers[name]
    if error is None:
        return []
    return [
        Unanswered(tenant_id=found.tenant_id, position=position, attempts=attempts, error=error)
    ]


async def _waits(
    history: Log | None, found: _Visit, name: str, topics: Collection[str]
) -> datetime | None:
    """Since when the oldest event waits that a process manager is to answer."""
    position = found.followers[name][0] if name in found.followers else 0
    if history is None or position >= found.head:
        return None
    try:
        waiting = await history.between(position, found.head, 1, sorted(topics))
    except Unreadable:
        return None  # as below: it is in the counts
    return waiting[0].recorded_at if waiting else None


def _oldest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


async def _log(logs: Logs, tenant_id: UUID) -> Log | None:
    """A tenant's log; None where its keys cannot be had, which is no reason to judge nobody."""
    try:
        return await logs.of(tenant_id)
    except (UnknownKey, TenantErased):
        return None


async def _add(
    total: _Sum, tenant_id: UUID, history: Log | None, head: int, cursor: Cursor | None
) -> None:
    position = cursor.position if cursor else 0
    if cursor and cursor.last_error:
        total.stuck.append(
            Stuck(
                tenant_id=tenant_id,
                position=position,
                attempts=cursor.attempts,
                error=cursor.last_error,
            )
        )
    if position >= head:
        return
    total.behind += 1
    total.events += head - position
    if history is None:
        return
    try:
        waiting = (await history.after(position, 1))[0].recorded_at
    except Unreadable:
        # Its age cannot be read; that it waits at all is in the counts and in `stuck`.
        return
    total.oldest = min(waiting, total.oldest or waiting)
