"""How far behind the views are, and which views and process managers are stuck on what."""

from collections.abc import Sequence
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


FOLLOWERS = """
SELECT follower, position, attempts, last_error FROM merit.followers WHERE tenant_id = $1
"""


class _Sum:
    def __init__(self) -> None:
        self.behind = 0
        self.events = 0
        self.oldest: datetime | None = None
        self.stuck: list[Stuck] = []


async def lag(database: Database, logs: Logs, projections: Sequence[Projection]) -> list[Lag]:
    """How far behind each projection is; one short transaction a tenant."""
    sums = {projection.key: _Sum() for projection in projections}
    tenants = await logs.tenants()
    for tenant_id in tenants:
        async with database.transaction(tenant_id) as connection:
            found = await cursors.of_tenant(connection, tenant_id)
            head = await connection.fetchval(HEAD, tenant_id) or 0
        history = await _log(logs, tenant_id)
        live = {f"{each.projection}_v{each.version}": each for each in found if each.live}
        for key, total in sums.items():
            await _add(total, tenant_id, history, head, live.get(key))
    now = datetime.now(UTC)
    return [
        Lag(
            projection=key,
            tenants=len(tenants),
            behind=total.behind,
            events=total.events,
            seconds=max(0.0, (now - total.oldest).total_seconds()) if total.oldest else 0.0,
            stuck=tuple(total.stuck),
        )
        for key, total in sums.items()
    ]


async def unanswered(database: Database, logs: Logs) -> dict[str, list[Unanswered]]:
    """By process manager, the tenants whose events it could not answer; one transaction each."""
    found: dict[str, list[Unanswered]] = {}
    for tenant_id in await logs.tenants():
        async with database.transaction(tenant_id) as connection:
            rows = await connection.fetch(FOLLOWERS, tenant_id)
        for row in rows:
            troubled = found.setdefault(row["follower"], [])
            if row["last_error"] is not None:
                troubled.append(
                    Unanswered(
                        tenant_id=tenant_id,
                        position=row["position"],
                        attempts=row["attempts"],
                        error=row["last_error"],
                    )
                )
    return found


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
