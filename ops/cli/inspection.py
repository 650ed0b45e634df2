"""The command that looks at an installation: doctor."""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

import httpx
import msgspec
from cyclopts import App, Parameter

from api.condition import BACKUP_FAIL_S, DISK_FAIL_PCT, BackupState
from ops.cli.common import COMMON, Common, Exit, explained, run, table, told
from ops.cli.health import address_of
from ops.place import folder_of, running_in
from ops.postgres_binaries import find_binaries
from tenancy.database import Connection, Database
from tenancy.errors import KeysUnavailable
from tenancy.keyring import MasterKey
from tenancy.migrate import pending
from tenancy.root import root_of
from tenancy.settings import Settings

LINUX = "linux"
FREE_BYTES_MIN = 1024**3
DEADLINE_S = 5.0
CLOCKS_APART_MAX = timedelta(seconds=2)
"""Sessions and access keys expire by both: the one that is asked for them, and the database's."""
POOL_WORKER = 8
LISTENERS_SERVE = 4
"""Each process that serves hears of keys, of access (twice) and of views."""
LISTENERS_WORKER = 7
"""It hears of keys, and of work: views, process managers, sealing, imports, exports, deliveries."""
SPARE_CONNECTIONS = 10
"""For `merit`'s other commands, a migration, a backup, and somebody who looks."""

DURABLE = """
SELECT current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('synchronous_commit') AS synchronous_commit
"""
ALLOWED = """
SELECT current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int
"""


def register(app: App) -> None:
    """Add these commands."""
    app.command(doctor)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One question and how it was answered."""

    question: str
    status: str
    """ok, failed, or "not here" where there is nothing to ask."""
    finding: str
    mend: str = ""


def doctor(
    *,
    settings: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Say what is wrong with this installation, and how to mend it.

    Args:
        settings: List every setting with its value instead.
        common: Options of every command.
    """
    if settings:
        listed = common.settings.explained()
        rows = table("setting", "value", "meaning")
        for each in listed:
            rows.add_row(each.name, each.value, each.meaning)
        told(common, listed, rows)
        return Exit.DONE

    async def work() -> int:
        known = common.settings
        answers = [await _ask(*question, known) for question in QUESTIONS]
        rows = table("", "question", "finding", "how to mend it")
        colour = {"ok": "green", "failed": "red"}
        for each in answers:
            mark = f"[{colour.get(each.status, 'dim')}]{each.status}[/]"
            rows.add_row(mark, each.question, each.finding, each.mend)
        told(common, answers, rows)
        return Exit.FAILED if any(each.status == "failed" for each in answers) else Exit.DONE

    return run(work())


class NotHere(Exception):
    """There is nothing to ask about."""


Question = Callable[[Settings], Awaitable[str]]


async def _ask(question: str, ask: Question, mend: str, known: Settings) -> Answer:
    try:
        async with asyncio.timeout(DEADLINE_S):
            return Answer(question=question, status="ok", finding=await ask(known))
    except NotHere as nothing:
        return Answer(question=question, status="not here", finding=str(nothing))
    except Exception as error:
        found = explained(error)
        if found is None and not isinstance(error, OSError):
            raise
        finding = found[1] if found else str(error)
        return Answer(question=question, status="failed", finding=finding, mend=mend)


class Wrong(OSError):
    """A question's answer is no."""


async def _python(_: Settings) -> str:
    if sys.platform != LINUX:
        raise NotHere(f"{sys.platform}: children are not tied to us by the kernel here")
    return f"Python {sys.version.split()[0]} on Linux"


async def _folder(known: Settings) -> str:
    folder = folder_of(known)
    if not folder.exists():
        raise NotHere(f"{folder} is not there yet; merit up makes it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Wrong(f"{folder} cannot be written by this user")
    return str(folder)


async def _space(known: Settings) -> str:
    folder = folder_of(known)
    usage = shutil.disk_usage(folder if folder.exists() else folder.parent)
    percent = 100 * usage.free // usage.total
    if usage.free < FREE_BYTES_MIN or percent < DISK_FAIL_PCT:
        raise Wrong(f"only {usage.free // 1024**2} MiB are free, {percent} %")
    return f"{usage.free // 1024**3} GiB free, {percent} %"


async def _master_key(known: Settings) -> str:
    if known.key_service_url is not None or known.master_key is not None:
        root = root_of(known)
        try:
            newest = await root.current()
        except KeysUnavailable as error:
            raise Wrong(str(error)) from error
        finally:
            await root.close()
        where = "the environment" if known.key_service_url is None else "the key service"
        return f"{newest} in {where}; without it nothing can be read"
    path = known.key_file
    if not path.exists():
        raise NotHere(f"{path} is made at the first start")
    if path.stat().st_mode & 0o077:
        raise Wrong(f"{path} can be read by others")
    MasterKey.from_file(path)
    return f"{path}; without it nothing can be read: keep a copy elsewhere"


async def _programs(known: Settings) -> str:
    if known.database_url is not None:
        raise NotHere("MERIT_DATABASE_URL is set")
    given = None if known.postgres_bin is None else str(known.postgres_bin)
    data = folder_of(known) / "postgres" / "data"
    folder, version = await asyncio.to_thread(
        find_binaries, given, data=data, account=None, copies=data
    )
    return f"PostgreSQL {version} in {folder}"


def _database_url(known: Settings) -> str:
    running = running_in(known.data_dir) if known.data_dir else None
    url = known.database_url or (running.database_url if running else None)
    if url is None:
        raise NotHere("no database is running (merit up starts one)")
    return url


async def _database(known: Settings) -> str:
    database = await Database.open(_database_url(known), size=2)
    try:
        if excess := await database.excess_rights():
            raise Wrong(f"the application's login is {', '.join(excess)}")
    finally:
        await database.close()
    return "reached, as merit_app, with no right too many"


async def _durability(known: Settings) -> str:
    async with _connected(known) as connection:
        row = await connection.fetchrow(DURABLE)
    off = [name for name, value in (row or {}).items() if value == "off"]
    if off:
        raise Wrong(f"off: {', '.join(off)}; what is acknowledged may be lost in a crash")
    return "what is acknowledged is on the disk"


async def _connections(known: Settings) -> str:
    needed = connections_needed(known)
    async with _connected(known) as connection:
        allowed = int(await connection.fetchval(ALLOWED))
    if needed > allowed:
        raise Wrong(f"this machine may need {needed}, the server gives {allowed}")
    return f"{needed} of {allowed} at most, for one `serve` and one `worker`"


async def _clocks(known: Settings) -> str:
    async with _connected(known) as connection:
        before = datetime.now(UTC)
        there: datetime = await connection.fetchval("SELECT clock_timestamp()")
        after = datetime.now(UTC)
    # What the question itself took proves nothing.
    apart = max(before - there, there - after, timedelta(0))
    if apart > CLOCKS_APART_MAX:
        raise Wrong(f"the database's clock is {apart.total_seconds():.1f} s off from this one")
    return "this machine and the database agree"


async def _backup(known: Settings) -> str:
    path = folder_of(known) / "backup.json"
    if not path.exists():
        raise NotHere("none was made from here (merit backup run)")
    state = msgspec.json.decode(path.read_bytes(), type=BackupState)
    if state.last_backup_at is None:
        raise Wrong("there was none yet")
    hours = (datetime.now(UTC) - state.last_backup_at) // timedelta(hours=1)
    if hours * 3600 > BACKUP_FAIL_S:
        raise Wrong(f"the last one is {hours} hours old")
    if state.last_drill_at is None:
        raise Wrong("none was ever restored")
    if not state.last_drill_ok:
        raise Wrong(f"the drill of {state.last_drill_at:%Y-%m-%d} failed")
    return f"{hours} hours old; one was restored on {state.last_drill_at:%Y-%m-%d}"


def connections_needed(known: Settings) -> int:
    """How many connections one `serve` and one `worker` with these settings hold at most."""
    serving = known.workers * (2 * known.database_connections + LISTENERS_SERVE)
    return serving + POOL_WORKER + LISTENERS_WORKER + SPARE_CONNECTIONS


@contextlib.asynccontextmanager
async def _connected(known: Settings) -> AsyncIterator[Connection]:
    database = await Database.open(_database_url(known), size=2)
    try:
        async with database.connection(read_only=True) as connection:
            yield connection
    finally:
        await database.close()


async def _schema(known: Settings) -> str:
    if missing := await pending(_database_url(known)):
        raise Wrong(f"not applied: {', '.join(missing)}")
    return "up to date"


async def _api(known: Settings) -> str:
    address = address_of(known)
    if address is None:
        raise NotHere("no `merit up` on this data folder")
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client:
        try:
            answer = await client.get("/health/ready")
        except httpx.TransportError as error:
            raise Wrong(f"{address} does not answer: {error!r}") from error
    if not answer.is_success:
        raise Wrong(f"{address} says {answer.status_code}")
    return f"{address} is ready"


QUESTIONS: tuple[tuple[str, Question, str], ...] = (
    ("system", _python, ""),
    ("data folder", _folder, "chown it, or give another --data-dir"),
    ("disk space", _space, "free some space, or move the data folder"),
    ("master key", _master_key, "chmod 600, or restore the copy you kept"),
    ("database programs", _programs, "install PostgreSQL, or set MERIT_DATABASE_URL"),
    ("database", _database, "look at its log; see docs/how-to/operate.md for the login's rights"),
    ("durability", _durability, "turn them on again in the server's settings"),
    ("connections", _connections, "raise max_connections; see docs/how-to/capacity.md"),
    ("clocks", _clocks, "let chrony or systemd-timesyncd set the clocks of both machines"),
    ("backup", _backup, "merit backup run, merit backup drill; see docs/how-to/backup.md"),
    ("schema", _schema, "merit migrate"),
    ("API", _api, "look at the log of merit up; merit up restarts what falls"),
)
