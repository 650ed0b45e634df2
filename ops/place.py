"""Where an installation keeps its things, and how to reach its database from anywhere."""

import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec

from ops.embedded import EmbeddedPostgres
from projections.catalogue import PROJECTIONS
from projections.kernel import install
from tenancy.migrate import migrate
from tenancy.settings import Settings, SettingsRefused

DATA_DIR = Path("data")
RUNNING_FILE = "running.json"
CLIENT_VARIABLES = frozenset({"MERIT_API_KEY", "MERIT_API_URL"})
"""Read by commands that speak HTTP; no settings of the server."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What `merit up` leaves in its data folder for other commands, readable by its user alone."""

    pid: int
    address: str
    database_url: str
    owner_database_url: str | None = None


def settings_of(
    data_dir: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    given: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of the environment, with a data folder and others given on the command line."""
    known = {
        name: value
        for name, value in (os.environ if environ is None else environ).items()
        if name not in CLIENT_VARIABLES
    }
    if data_dir is not None:
        known["MERIT_DATA_DIR"] = str(data_dir.absolute())
    elif not known.get("MERIT_DATA_DIR") and not known.get("MERIT_DATABASE_URL"):
        # Beside somebody's own database a folder (and the master key in it) is named on purpose.
        known["MERIT_DATA_DIR"] = str(DATA_DIR.absolute())
    for name, value in (given or {}).items():
        known[f"MERIT_{name.upper()}"] = value
    return Settings.read(known)


def running_in(data_dir: Path) -> Running | None:
    """The `merit up` that runs on a data folder now."""
    try:
        found = msgspec.json.decode((data_dir / RUNNING_FILE).read_bytes(), type=Running)
        os.kill(found.pid, 0)
    except (FileNotFoundError, ProcessLookupError, msgspec.DecodeError):
        return None
    except PermissionError:
        pass  # it lives, and belongs to somebody else
    return found


def leave_note(data_dir: Path, running: Running) -> None:
    """Tell other commands how to reach what runs here."""
    fresh = data_dir / f"{RUNNING_FILE}.{os.getpid()}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(running))
    fresh.replace(data_dir / RUNNING_FILE)


def take_note_away(data_dir: Path) -> None:
    """Nothing runs here any more."""
    (data_dir / RUNNING_FILE).unlink(missing_ok=True)


def folder_of(settings: Settings) -> Path:
    """The data folder.

    Raises:
        SettingsRefused: none was named.
    """
    if settings.data_dir is None:
        raise SettingsRefused("set MERIT_DATA_DIR (or give --data-dir)")
    return settings.data_dir


def postgres_of(settings: Settings) -> EmbeddedPostgres:
    """The embedded server of the data folder."""
    return EmbeddedPostgres(folder_of(settings) / "postgres", bindir=settings.postgres_bin)


@contextlib.asynccontextmanager
async def with_database(settings: Settings) -> AsyncIterator[Settings]:
    """Settings that name a database: the given one, the running one, else our own, started.

    Raises:
        DatabaseNotStarted: our own could not be started.
        MigrationRefused: its schema could not be brought up to date.
    """
    if settings.database_url is not None:
        yield settings
        return
    if running := running_in(folder_of(settings)):
        yield msgspec.structs.replace(
            settings,
            database_url=running.database_url,
            owner_database_url=running.owner_database_url,
        )
        return
    async with postgres_of(settings) as server:
        await prepare(server.owner_database_url)
        yield msgspec.structs.replace(
            settings,
            database_url=server.database_url,
            owner_database_url=server.owner_database_url,
        )


async def prepare(owner_url: str) -> list[str]:
    """Bring the schema and the tables of all views up to date; what was applied."""
    applied = await migrate(owner_url)
    return applied + await install(owner_url, PROJECTIONS)


def free_port(host: str) -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])
