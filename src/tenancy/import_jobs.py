"""Work in the background of an import: asked for, taken by one worker, followed by its progress."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from tenancy.database import Connection, Database

CHANNEL = "merit_import"
"""Rung when a job was added; the payload is the tenant's id."""
SILENT_S_MAX = 60
"""A job whose worker says nothing for so long is taken by another one."""

JobKind = Literal["check", "sample", "dry-run", "commit", "compensate"]
JobState = Literal["waiting", "running", "done", "failed"]

ADD = """
INSERT INTO merit.import_jobs
       (tenant_id, import_id, number, kind, asked, requested_by, requested_at)
SELECT $1, $2, coalesce(max(j.number), 0) + 1, $3, $4, $5, $6
  FROM merit.import_jobs j WHERE j.tenant_id = $1 AND j.import_id = $2
RETURNING number
"""
UNDER_WAY = """
SELECT number FROM merit.import_jobs
WHERE tenant_id = $1 AND import_id = $2 AND state IN ('waiting', 'running')
LIMIT 1
"""
WAITING = """
SELECT import_id, number FROM merit.import_jobs
WHERE tenant_id = $1 AND (state = 'waiting' OR (state = 'running' AND alive_at < $2))
ORDER BY requested_at
"""
TAKE = """
UPDATE merit.import_jobs SET state = 'running', alive_at = $4
WHERE tenant_id = $1 AND import_id = $2 AND number = $3
  AND (state = 'waiting' OR (state = 'running' AND alive_at < $5))
RETURNING number
"""
TELL = """
UPDATE merit.import_jobs SET alive_at = $4, done = $5, total = $6, events = $7
WHERE tenant_id = $1 AND import_id = $2 AND number = $3 AND state = 'running'
"""
END = """
UPDATE merit.import_jobs SET state = $4, answer = $5, ended_at = $6
WHERE tenant_id = $1 AND import_id = $2 AND number = $3
"""
JOBS = """
SELECT import_id, number, kind, asked, answer, state, requested_by, requested_at, alive_at,
       ended_at, done, total, events
FROM merit.import_jobs WHERE tenant_id = $1 AND import_id = $2 ORDER BY number DESC LIMIT 100
"""


class JobUnderWay(Exception):
    """One job of an import at a time."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its progress."""

    import_id: UUID
    number: int
    kind: JobKind
    asked: str
    """JSON."""
    answer: str | None
    """JSON; None before its end."""
    state: JobState
    requested_by: UUID
    requested_at: datetime
    alive_at: datetime | None
    ended_at: datetime | None
    done: int
    total: int
    events: int


class ImportJobs:
    """The jobs of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def add(
        self, import_id: UUID, kind: JobKind, asked: bytes, *, actor: UUID, now: datetime
    ) -> int:
        """Ask for a job; its number.

        Raises:
            JobUnderWay: another one of this import is.
        """
        async with self._database.transaction(self._tenant_id) as connection:
            if await connection.fetchval(UNDER_WAY, self._tenant_id, import_id):
                raise JobUnderWay("another job of this import is under way")
            number: int = await connection.fetchval(
                ADD, self._tenant_id, import_id, kind, asked.decode(), actor, now
            )
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, str(self._tenant_id))
        return number

    async def waiting(self, silent_since: datetime) -> list[tuple[UUID, int]]:
        """Jobs that nobody works at."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            rows = await connection.fetch(WAITING, self._tenant_id, silent_since)
        return [(row["import_id"], row["number"]) for row in rows]

    async def take(
        self, import_id: UUID, number: int, now: datetime, silent_since: datetime
    ) -> bool:
        """Whether the job is ours now."""
        async with self._database.transaction(self._tenant_id) as connection:
            taken = await connection.fetchval(
                TAKE, self._tenant_id, import_id, number, now, silent_since
            )
        return taken is not None

    async def tell(  # noqa: PLR0917 - a row of progress
        self, import_id: UUID, number: int, now: datetime, done: int, total: int, events: int
    ) -> None:
        """Say how far it is."""
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(
                TELL, self._tenant_id, import_id, number, now, done, total, events
            )

    async def end(
        self, import_id: UUID, number: int, state: JobState, answer: bytes, now: datetime
    ) -> None:
        """Say what came of it."""
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(
                END, self._tenant_id, import_id, number, state, answer.decode(), now
            )

    async def jobs(self, import_id: UUID) -> list[Job]:
        """The last hundred jobs of an import, the newest first."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            return await _jobs(connection, self._tenant_id, import_id)


async def _jobs(connection: Connection, tenant_id: UUID, import_id: UUID) -> list[Job]:
    return [Job(**row) for row in await connection.fetch(JOBS, tenant_id, import_id)]
