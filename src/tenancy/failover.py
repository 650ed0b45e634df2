"""Finds the server to speak to among several: the primary, or while there is none a standby.

asyncpg tries the hosts of an address one after the other under one timeout: a frozen first host
eats all of it, and an orphaned old primary that comes first is taken for the primary (measured:
46 s instead of 19 s, and not back after 150 s). So all hosts are asked at once, a second each, and
of several that say they are the primary the one on the highest timeline is.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec

RawConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

ASK_S_MAX = 1.0
"""A host that does not answer within this time is as good as gone."""

# A standby has no current WAL position; the first 8 digits of a WAL file's name are the timeline.
ROLE = """
SELECT pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN 0
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END,
       CASE WHEN pg_is_in_recovery()
            THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint ELSE 0 END
"""
REPLAYED_UP_TO = "SELECT coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())"


class NoPrimary(ConnectionError):
    """No host of the address takes writes now; a standby may answer questions."""


class NoServer(NoPrimary):
    """No host of the address answers at all."""


class Reads(msgspec.Struct):
    """How a request was answered: `as_of` is set when a standby did, replayed up to then."""

    as_of: datetime | None = None


_reads: ContextVar[Reads | None] = ContextVar("reads", default=None)


@contextlib.contextmanager
def noting_reads() -> Iterator[Reads]:
    """Learn whether anything inside the block was read from a standby."""
    reads = Reads()
    token = _reads.set(reads)
    try:
        yield reads
    finally:
        _reads.reset(token)


def read_from_standby() -> bool:
    """Whether anything inside the `noting_reads` around here was read from a standby so far."""
    reads = _reads.get()
    return reads is not None and reads.as_of is not None


def note_standby(as_of: datetime) -> None:
    """Say that something was read from a standby; the oldest of several counts."""
    reads = _reads.get()
    if reads is not None and (reads.as_of is None or as_of < reads.as_of):
        reads.as_of = as_of


def hosts_of(url: str) -> list[str]:
    """An address for each host of `postgresql://user:secret@a:5432,b:5432/name?options`."""
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [url]
    return [urlunsplit(parts._replace(netloc=f"{login}{at}{host}")) for host in hosts.split(",")]


async def connect_primary(url: str, **arguments: Any) -> RawConnection:
    """A connection to the primary; the `connect` of a pool.

    Raises:
        NoPrimary: hosts answer, and none of them is the primary.
        NoServer: no host answers.
        asyncpg.PostgresError, OSError: the only host of the address refuses.
    """
    hosts = hosts_of(url)
    if len(hosts) == 1:
        arguments["target_session_attrs"] = asyncpg.connect_utils.SessionAttribute.primary
        return await asyncpg.connect(url, **arguments)
    async with _asked(hosts, arguments) as answers:
        primaries = [answer for answer in answers if not answer.in_recovery]
        if not primaries:
            raise NoPrimary("no host takes writes now")
        return max(primaries, key=lambda answer: answer.timeline).taken()


async def connect_standby(url: str, **arguments: Any) -> RawConnection:
    """A connection to the standby that has replayed most; the `connect` of a pool.

    Raises:
        NoServer: no host is a standby that answers.
    """
    async with _asked(hosts_of(url), arguments) as answers:
        standbys = [answer for answer in answers if answer.in_recovery]
        if not standbys:
            raise NoServer("no standby answers")
        return max(standbys, key=lambda answer: answer.replayed).taken()


class _Answer:
    """What one host said, and the connection that it said it on."""

    def __init__(self, connection: RawConnection, row: "asyncpg.Record") -> None:
        self.connection = connection
        self.in_recovery, self.timeline, self.replayed = bool(row[0]), int(row[1]), int(row[2])
        self.is_taken = False

    def taken(self) -> RawConnection:
        self.is_taken = True
        return self.connection


@contextlib.asynccontextmanager
async def _asked(hosts: list[str], arguments: dict[str, Any]) -> AsyncIterator[list[_Answer]]:
    """The answers of all hosts; every connection but the one that is taken is dropped."""
    arguments.pop("target_session_attrs", None)
    said = await asyncio.gather(*(_ask(host, arguments) for host in hosts), return_exceptions=True)
    answers = [answer for answer in said if isinstance(answer, _Answer)]
    try:
        refusals = [error for error in said if isinstance(error, asyncpg.PostgresError)]
        if not answers and refusals and not any(_passes(error) for error in refusals):
            raise refusals[0]  # a wrong password is not an outage
        if not answers:
            kinds = sorted({type(error).__name__ for error in said})
            raise NoServer(f"none of {len(hosts)} hosts answers: {', '.join(kinds)}")
        yield answers
    finally:
        for answer in answers:
            if not answer.is_taken:
                answer.connection.terminate()


def _passes(error: asyncpg.PostgresError) -> bool:
    """Whether a server that starts, stops or is full said it."""
    state = error.sqlstate or ""
    return state.startswith(("08", "57P", "53"))


async def _ask(host: str, arguments: dict[str, Any]) -> _Answer:
    async with asyncio.timeout(ASK_S_MAX):
        connection: RawConnection = await asyncpg.connect(host, **arguments)
        try:
            [row] = await connection.fetch(ROLE)
            return _Answer(connection, row)
        except BaseException:
            connection.terminate()
            raise
