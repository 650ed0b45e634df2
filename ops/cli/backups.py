"""Commands about backups: run, status, drill."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from api.services import opened
from ops.backup.drill import DrillReport, drill, note, record, write_manifest
from ops.backup.pgbackrest import BackupFailed, Kind, Repository
from ops.cli.common import COMMON, Common, Exit, out, run, table, told
from ops.place import folder_of, with_database

backup = App(name="backup", help="Backups by pgBackRest, and the drill that proves them.")

CONFIG = Path("/etc/pgbackrest/pgbackrest.conf")
STANZA = "meritledger"
BINDIR = Path("/usr/lib/postgresql")

Config = Annotated[Path, Parameter(name="--config")]


def register(app: App) -> None:
    """Add these commands."""
    app.command(backup)


def newest_bindir() -> Path:
    """The programs of the newest PostgreSQL of the machine.

    Raises:
        BackupFailed: there is none.
    """
    found = sorted(BINDIR.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise BackupFailed(f"no PostgreSQL in {BINDIR}: give --bindir")
    return found[-1].parent


@backup.command(name="run")
def run_backup(
    *,
    kind: Annotated[Kind, Parameter(name="--type")] = "diff",
    config: Config = CONFIG,
    stanza: str = STANZA,
    user: str = "postgres",
    common: Common = COMMON,
) -> int:
    """Write down what is signed now, outside of the database; then make a backup.

    Args:
        kind: full, diff or incr.
        config: pgBackRest's configuration file.
        stanza: Its name for the cluster.
        user: Whom pgBackRest runs as, when we are root.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            data_dir = folder_of(settings)
            manifest = await write_manifest(services, data_dir)
            made = Repository(config, stanza=stanza, user=user).backup(kind)
            note(data_dir, backup=made)
        text = (
            f"{made.label}: {made.size_bytes / 1e6:.1f} MB,"
            f" checkpoints of {len(manifest.tenants)} tenants written down before"
        )
        told(common, made, text)
        return Exit.DONE

    return run(work())


@backup.command
def status(
    *,
    config: Config = CONFIG,
    stanza: str = STANZA,
    user: str = "postgres",
    common: Common = COMMON,
) -> int:
    """Backups in the repository, and whether its files are whole.

    Args:
        config: pgBackRest's configuration file.
        stanza: Its name for the cluster.
        user: Whom pgBackRest runs as, when we are root.
        common: Options of every command.
    """
    repository = Repository(config, stanza=stanza, user=user)
    found, wrong = repository.backups(), repository.verify()
    rows = table("backup", "type", "ended", "MB")
    for each in found:
        rows.add_row(
            each.label, each.kind, f"{each.stopped_at:%Y-%m-%d %H:%M:%S} UTC",
            f"{each.size_bytes / 1e6:.1f}",
        )  # fmt: skip
    told(common, {"backups": found, "wrong": wrong}, rows if found else "no backups yet")
    if wrong and not common.json:
        out().print("\n".join(wrong))
    return Exit.FAILED if wrong or not found else Exit.DONE


@backup.command(name="drill")
def run_drill(
    *,
    target: datetime | None = None,
    config: Config = CONFIG,
    stanza: str = STANZA,
    user: str = "postgres",
    bindir: Path | None = None,
    scratch: Path | None = None,
    common: Common = COMMON,
) -> int:
    """Restore to a second of the past and compare with what was signed before it.

    Writes the result into every tenant's history.

    Args:
        target: Which second, with a zone; a random one of the last seven days when not given.
        config: pgBackRest's configuration file.
        stanza: Its name for the cluster.
        user: Whom pgBackRest and the copy run as, when we are root.
        bindir: Programs of the PostgreSQL that made the backups; the newest when not given.
        scratch: Folder with room for the copy.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            data_dir = folder_of(settings)
            moment = target.astimezone(UTC) if target is not None else None
            try:
                report = await drill(
                    Repository(config, stanza=stanza, user=user),
                    settings,
                    bindir or newest_bindir(),
                    target=moment,
                    scratch=scratch,
                    data_dir=data_dir,
                )
            except BackupFailed:
                note(data_dir, ok=False)
                raise
            note(data_dir, ok=report.ok)
            await record(services, report)
        told(common, {"ok": report.ok, "report": report}, in_words(report))
        return Exit.DONE if report.ok else Exit.FAILED

    return run(work())


def in_words(report: DrillReport) -> str:
    """A report for people."""
    lines = [
        (
            f"{'in order' if report.ok else 'NOT IN ORDER'}: {report.label}, restored to"
            f" {report.target_at:%Y-%m-%d %H:%M:%S} UTC"
        ),
        (
            f"restored in {report.restore_s} s, recovered in {report.recovery_s} s, checked in"
            f" {report.checks_s} s, {report.size_bytes / 1e6:.1f} MB"
        ),
        *(f"- {finding}" for finding in report.findings),
    ]
    for each in report.tenants:
        lines.append(
            f"{each.tenant_id}: {each.events} events, {each.compared_size} compared with what was"
            f" signed before"
        )
        lines += [f"  - {finding}" for finding in each.findings]
    return "\n".join(lines)
