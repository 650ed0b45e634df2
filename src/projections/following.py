"""Process managers: each reads every tenant's log by a cursor of its own and answers with commands.

One transaction locks a tenant's cursor, lets the events be answered, and moves it. Whoever dies in
between has answered events that are answered once more: so an answer is a command that does nothing
where it was carried out before, and every event is answered effectively once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from projections.cursors import BACKOFF_S_MAX, ERROR_LENGTH_MAX, due
from projections.history import Logs
from projections.lanes import Lanes
from tenancy.database import Connection, Database, is_retryable
from tenancy.records import Recorded

EVENTS_MAX = 200
"""Of a batch: its answers are commands, and the cursor stays locked while they are carried out."""
ATTEMPTS_MAX = 8
"""A batch that fails so often is passed over, and stays named in the cursor's row."""
STEP_MAX = 1_000
"""Positions without any event to answer after which the cursor is moved all the same."""

BEGIN = """
INSERT INTO merit.followers (tenant_id, follower, updated_at) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING
"""

# Whoever holds the row answers; the others do something else meanwhile.
LOCK = f"""
SELECT position, attempts FROM merit.followers
WHERE tenant_id = $1 AND follower = $2
  AND {due("$3")}
FOR UPDATE SKIP LOCKED
"""  # noqa: S608  our own condition

MOVE = """
UPDATE merit.followers
SET position = $3, updated_at = $4, attempts = 0, retry_at = NULL, last_error = $5
WHERE tenant_id = $1 AND follower = $2
"""

FAIL = """
UPDATE merit.followers SET attempts = attempts + 1, retry_at = $3, last_error = $4
WHERE tenant_id = $1 AND follower = $2
"""

log = structlog.get_logger(__name__)


class NotYet(Exception):
    """What the answer needs is not there yet, as a view that lags; soon it will be."""


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """A process manager: which events it answers, and how."""

    name: str
    """Of its cursor."""
    topics: frozenset[str]
    answer: Callable[[UUID, Sequence[Recorded]], Awaitable[None]]
    """Answer events of a tenant, ascending; doing so again must change nothing. Raises `NotYet`."""


class Following:
    """Lets one process manager follow all tenants; start as many as there is work for."""

    def __init__(
        self,
        database: Database,
        logs: Logs,
        reaction: Reaction,
        *,
        lanes: int = 2,
        poll_s: float = 1.0,
    ) -> None:
        self._database = database
        self._logs = logs
        self._reaction = reaction
        self._topics = sorted(reaction.topics)
        self._nothing_until: dict[UUID, int] = {}
        """The head of a log up to which there is nothing to answer."""
        self._turns = Lanes(
            database, logs.tenants, self.advance, "events-not-answered", lanes=lanes, poll_s=poll_s
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a batch that has begun is finished first."""
        await self._turns.run(stop)

    async def advance(self, tenant_id: UUID) -> int:
        """Answer one batch; how many events it had.

        0 means that there is nothing to do now, or that others are doing it.
        """
        history, name = await self._logs.of(tenant_id), self._reaction.name
        head, now = await history.head(), datetime.now(UTC)
        if self._nothing_until.get(tenant_id) == head:
            return 0
        async with self._database.transaction(tenant_id) as connection:
            found = await connection.fetchrow(LOCK, tenant_id, name, now)
            if found is None:
                # It has no row yet, or it waits after a failure, or somebody else has it.
                await connection.execute(BEGIN, tenant_id, name, now)
                found = await connection.fetchrow(LOCK, tenant_id, name, now)
            if found is None:
                return 0
            position = found["position"]
            batch = await history.between(position, head, EVENTS_MAX, self._topics)
            reached = batch[-1].position if len(batch) == EVENTS_MAX else head
            if batch:
                try:
                    await self._reaction.answer(tenant_id, batch)
                except NotYet as wait:
                    log.debug("follower-waits", tenant=str(tenant_id), follower=name, why=str(wait))
                    return 0
                except Exception as error:
                    if is_retryable(error):
                        raise
                    await self._fail(connection, tenant_id, error, found["attempts"], reached)
                    return 0
            if batch or reached - position >= STEP_MAX:
                await connection.execute(MOVE, tenant_id, name, reached, now, None)
        if not batch:
            self._nothing_until[tenant_id] = head
        return len(batch)

    async def _fail(
        self,
        connection: Connection,
        tenant_id: UUID,
        error: Exception,
        attempts: int,
        reached: int,
    ) -> None:
        name, now = self._reaction.name, datetime.now(UTC)
        told = f"{type(error).__name__}: {error}"[:ERROR_LENGTH_MAX]
        log.error(
            "events-not-answered",
            tenant=str(tenant_id),
            follower=name,
            attempts=attempts + 1,
            error=type(error).__name__,
        )
        if attempts + 1 >= ATTEMPTS_MAX:
            # What comes after it is not kept waiting for ever; the row names the error.
            await connection.execute(MOVE, tenant_id, name, reached, now, told)
            return
        wait = timedelta(seconds=min(BACKOFF_S_MAX, 2**attempts))
        await connection.execute(FAIL, tenant_id, name, now + wait, told)
