"""The command that looks at an installation: doctor."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated

import httpx
import msgspec
from cyclopts import App, Parameter

from ops.cli.common import COMMON, Common, Exit, explained, run, table, told
from ops.cli.health import address_of
from ops.place import folder_of, running_in
from ops.postgres_binaries import find_binaries
from tenancy.database import Database
from tenancy.errors import KeysUnavailable
from tenancy.keyring import MasterKey
from tenancy.migrate import pending
from tenancy.root import root_of
from tenancy.settings import Settings

LINUX = "linux"
FREE_BYTES_MIN = 1024**3
DEADLINE_S = 5.0


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
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    if free < FREE_BYTES_MIN:
        raise Wrong(f"only {free // 1024**2} MiB are free")
    return f"{free // 1024**3} GiB free"


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
    ("schema", _schema, "merit migrate"),
    ("API", _api, "look at the log of merit up; merit up restarts what falls"),
)
