"""What all commands share: options, output for people and for machines, errors in one line."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import structlog
from cyclopts import Parameter
from rich.console import Console, RenderableType
from rich.table import Table

from domain.kernel import Refused
from domain.refusals import REFUSALS
from ops.backup.pgbackrest import BackupFailed
from ops.children import ChildFailed
from ops.client import Problem
from ops.demo.model import BadInput
from ops.embedded import DatabaseNotStarted
from ops.failover.cluster import ClusterFailed
from ops.forking import CannotFork
from ops.place import settings_of
from ops.up import NotUp
from projections.rebuild import NothingToRebuild, RebuildFailed
from tenancy.bundle import NothingSealed
from tenancy.database import DatabaseMisused, is_retryable
from tenancy.errors import TenantErased, Unavailable, UnknownTenant
from tenancy.keyring import MasterKeyRefused
from tenancy.migrate import MigrationRefused
from tenancy.registry import UnknownEntry
from tenancy.settings import Settings, SettingsRefused
from tenancy.transparency import HistoryRewritten

T = TypeVar("T")

UNAVAILABLE_STATUS = frozenset({429, 502, 503, 504})
SERVER_ERROR = 500
PIPED_WIDTH = 240
CONFLICT = 409


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    WRONG_INPUT = 2
    NOT_NOW = 3


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of every command."""

    json: Annotated[bool, Parameter(negative="")] = False
    """Answer in JSON, for machines."""
    data_dir: Path | None = None
    """Data folder of the embedded installation (MERIT_DATA_DIR, else ./data)."""

    @property
    def settings(self) -> Settings:
        """The settings with this data folder."""
        return settings_of(self.data_dir)


@Parameter(name="*")
@dataclass(frozen=True)
class Remote(Common):
    """Options of commands that speak to the API."""

    key: str | None = None
    """Access key (MERIT_API_KEY)."""
    url: str | None = None
    """Address of the API (MERIT_API_URL, else of the `merit up` on the data folder)."""


COMMON = Common()
REMOTE = Remote()


class WrongInput(Exception):
    """The command line asks for something that cannot be; the text says what."""


def out() -> Console:
    """Where answers go; whoever pipes them somewhere gets lines that are not cut."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def table(*columns: str, title: str | None = None) -> Table:
    """A plain table whose first column, an id, is never cut."""
    made = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for place, column in enumerate(columns):
        made.add_column(column, no_wrap=place == 0, overflow="fold")
    return made


def told(common: Common, answer: object, human: RenderableType) -> None:
    """Show an answer: as JSON where machines read, else as people like it."""
    if common.json:
        sys.stdout.buffer.write(msgspec.json.encode(answer, enc_hook=str) + b"\n")
        sys.stdout.flush()
    else:
        out().print(human, soft_wrap=isinstance(human, str))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; logs of our own libraries stay quiet unless something is wrong."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        # Asked for at each line: whoever runs commands in one process may change the stream.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    return asyncio.run(work)


def _of_problem(problem: Problem) -> Exit:
    if problem.status in UNAVAILABLE_STATUS:
        return Exit.NOT_NOW
    wrong = CONFLICT != problem.status < SERVER_ERROR
    return Exit.WRONG_INPUT if wrong else Exit.FAILED


def _of_refusal(refused: Refused) -> Exit:
    known = REFUSALS.get(refused.code)
    wrong = known is not None and known.kind in ("invalid", "missing")
    return Exit.WRONG_INPUT if wrong else Exit.FAILED


KINDS: tuple[tuple[tuple[type[BaseException], ...], Exit], ...] = (
    (
        (BadInput, WrongInput, SettingsRefused, UnknownEntry, UnknownTenant, FileExistsError),
        Exit.WRONG_INPUT,
    ),
    ((CannotFork, TenantErased), Exit.WRONG_INPUT),
    ((NothingSealed, NothingToRebuild, NotADirectoryError), Exit.WRONG_INPUT),
    ((DatabaseNotStarted, DatabaseMisused, Unavailable, MasterKeyRefused), Exit.NOT_NOW),
    ((BackupFailed, ClusterFailed), Exit.FAILED),
    ((NotUp, ChildFailed, MigrationRefused, RebuildFailed, HistoryRewritten), Exit.FAILED),
    ((ConnectionError, TimeoutError), Exit.NOT_NOW),
)


def explained(error: BaseException) -> tuple[Exit, str] | None:
    """Exit code and sentence of an error that people can do something about."""
    if isinstance(error, BaseExceptionGroup):
        return explained(error.exceptions[0])
    if isinstance(error, Problem):
        return _of_problem(error), str(error)
    if isinstance(error, Refused):
        return _of_refusal(error), str(error)
    for kinds, code in KINDS:
        if isinstance(error, kinds):
            return code, str(error) or type(error).__name__
    if isinstance(error, Exception) and is_retryable(error):
        return Exit.NOT_NOW, f"the database cannot be reached: {error or type(error).__name__}"
    return None


def guarded(work: Callable[[], int]) -> int:
    """Do it; an error that people can mend is one line and an exit code, no traceback."""
    try:
        return work()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is wrong with what we did.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.DONE)
    except BaseException as error:
        found = explained(error)
        if found is None:
            raise
        code, sentence = found
        sys.stderr.write(f"merit: {' '.join(sentence.split())}\n")
        return int(code)
