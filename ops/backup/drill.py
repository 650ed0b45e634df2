"""The restore drill: a backup is worth what its last restore was.

Before each backup the newest signed checkpoint of every tenant is written to a file outside of the
database. The drill restores to a second of the past, and the restored copy must hold every history
as those checkpoints say: the same root over the same number of events, proofs that verify offline,
tables and indexes without damage. What was erased since is erased in the copy before anybody sees.
"""

import asyncio
import base64
import contextlib
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec

from api.condition import BackupState
from api.services import Services, opened
from domain.ids import RESTORE_DRILLS_ID
from domain.restore_drill import RESTORE_DRILL, RecordRestoreDrill
from ops.backup.pgbackrest import Backup, BackupFailed, Repository, version
from ops.backup.scratch import Scratch
from ops.bundles import export, verify
from ops.tenants import stamp
from tenancy.settings import Settings
from tenancy.transparency import HistoryRewritten

MANIFESTS = "backup-manifests"
STATE = "backup.json"
FINDINGS_MAX = 20


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's newest checkpoint at the time of a backup."""

    tenant_id: UUID
    tree_size: int
    root: str
    """Base64."""
    note: str
    """The signed checkpoint itself."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was signed before a backup; kept outside of the database."""

    written_at: datetime
    tenants: tuple[Known, ...]


class TenantFound(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant in the restored copy."""

    tenant_id: UUID
    events: int
    compared_size: int
    findings: tuple[str, ...]


class DrillReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a drill found."""

    label: str
    target_at: datetime
    restore_s: float
    recovery_s: float
    checks_s: float
    size_bytes: int
    tenants: tuple[TenantFound, ...]
    findings: tuple[str, ...]
    """Of the copy as a whole."""
    tools: str

    @property
    def ok(self) -> bool:
        return not self.findings and not any(each.findings for each in self.tenants)


def folder_of(data_dir: Path) -> Path:
    """Where manifests lie."""
    return data_dir / MANIFESTS


async def write_manifest(services: Services, data_dir: Path) -> Manifest:
    """Write down what is signed now, outside of the database."""
    known = []
    for tenant in await services.registry.tenants():
        checkpoint = await services.transparency.checkpoint(tenant.tenant_id)
        if checkpoint is not None:
            known.append(
                Known(
                    tenant_id=tenant.tenant_id,
                    tree_size=checkpoint.tree_size,
                    root=base64.b64encode(checkpoint.root).decode(),
                    note=checkpoint.note,
                )
            )
    manifest = Manifest(written_at=datetime.now(UTC), tenants=tuple(known))
    folder = folder_of(data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / ".new"
    fresh.write_bytes(msgspec.json.encode(manifest))
    fresh.replace(folder / f"{manifest.written_at:%Y%m%dT%H%M%S%fZ}.json")
    return manifest


def manifest_before(data_dir: Path, target: datetime) -> Manifest | None:
    """The newest manifest that was written before a time."""
    found = None
    for path in sorted(folder_of(data_dir).glob("2*.json")):
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        if manifest.written_at <= target:
            found = manifest
    return found


def random_second(backups: Sequence[Backup], now: datetime, days: int = 7) -> datetime:
    """Any second since the oldest backup of the last `days`.

    Raises:
        BackupFailed: there is no backup to restore from.
    """
    since = [each.stopped_at for each in backups if each.stopped_at > now - timedelta(days=days)]
    if not since:
        raise BackupFailed(f"there is no backup of the last {days} days")
    span = int((now - min(since)).total_seconds())
    return min(since) + timedelta(seconds=1 + secrets.randbelow(max(1, span)))


async def drill(
    repository: Repository,
    settings: Settings,
    bindir: Path,
    *,
    target: datetime | None = None,
    scratch: Path | None = None,
    data_dir: Path,
) -> DrillReport:
    """Restore to a second, start the copy, compare, and throw it away.

    Args:
        repository: where the backups are.
        settings: of the installation, for its keys; its database is not touched.
        bindir: programs of the PostgreSQL that made the backups.
        target: which second; a random one of the last seven days when not given.
        scratch: where there is room for the copy.
        data_dir: where the manifests are.

    Raises:
        BackupFailed: it could not be restored or started: that too is a finding.
    """
    backups = await asyncio.to_thread(repository.backups)
    moment = target or random_second(backups, datetime.now(UTC))
    label = next(
        (each.label for each in reversed(backups) if each.stopped_at <= moment), "none before it"
    )
    manifest = await asyncio.to_thread(manifest_before, data_dir, moment)
    place = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="merit-drill-", dir=scratch))
    await asyncio.to_thread(place.chmod, 0o711)
    began = time.monotonic()
    try:
        copy = place / "data"
        await asyncio.to_thread(repository.restore, copy, moment)
        restored = time.monotonic()
        size = await asyncio.to_thread(_size, copy)
        server = Scratch(copy, bindir, repository, {})
        await asyncio.to_thread(server.start)
        recovered = time.monotonic()
        try:
            findings = await asyncio.to_thread(server.examine)
            tenants = await _compare(settings, server, manifest, place)
        finally:
            await asyncio.to_thread(server.__exit__)
        findings += await asyncio.to_thread(_checksums, bindir, copy, repository)
        findings += await asyncio.to_thread(repository.verify)
    finally:
        await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
    if manifest is None:
        findings.append(f"no checkpoints were written down before {moment:%Y-%m-%d %H:%M:%S} UTC")
    return DrillReport(
        label=label,
        target_at=moment,
        restore_s=round(restored - began, 2),
        recovery_s=round(recovered - restored, 2),
        checks_s=round(time.monotonic() - recovered, 2),
        size_bytes=size,
        tenants=tuple(tenants),
        findings=tuple(findings[:FINDINGS_MAX]),
        tools=f"{version()}; {bindir}",
    )


async def _compare(
    settings: Settings, server: Scratch, manifest: Manifest | None, place: Path
) -> list[TenantFound]:
    """Every tenant of the copy against what was signed before."""
    private = place / "state"
    private.mkdir()
    own = msgspec.structs.replace(
        settings,
        database_url=server.url("merit"),
        owner_database_url=None,
        master_key_file=settings.key_file,
        # What was erased since is erased in the copy, and nothing of the copy is told to others.
        erasure_list=settings.erasures_file,
        data_dir=private,
    )
    found = []
    async with opened(own) as services:
        present = {tenant.tenant_id for tenant in await services.registry.tenants()}
        known = {} if manifest is None else {each.tenant_id: each for each in manifest.tenants}
        for tenant_id in sorted(present | known.keys()):
            findings: list[str] = []
            events = 0
            if tenant_id not in present:
                findings.append("the tenant is missing")
            else:
                events = await (await services.histories.of(tenant_id)).head()
                findings += await _history(services, tenant_id, known.get(tenant_id), events, place)
            size = known[tenant_id].tree_size if tenant_id in known else 0
            found.append(
                TenantFound(
                    tenant_id=tenant_id,
                    events=events,
                    compared_size=size,
                    findings=tuple(findings[:FINDINGS_MAX]),
                )
            )
    return found


async def _history(
    services: Services, tenant_id: UUID, known: Known | None, events: int, place: Path
) -> list[str]:
    findings = []
    if known is not None and events < known.tree_size:
        return [f"{events} events, {known.tree_size} were signed before"]
    if events:
        folder = place / f"bundle-{tenant_id}"
        try:
            await export(services, tenant_id, folder, content=False)
        except HistoryRewritten as found:
            return [str(found)]
        verdict = (await asyncio.to_thread(verify, folder)).verdict
        if not verdict.ok:
            findings += [str(each) for each in verdict.findings][:FINDINGS_MAX] or ["not verified"]
        await asyncio.to_thread(shutil.rmtree, folder)
    if known is not None:
        root = await services.transparency.root(tenant_id, known.tree_size)
        if root != base64.b64decode(known.root):
            findings.append(f"the first {known.tree_size} events are not those that were signed")
    return findings


def _checksums(bindir: Path, data: Path, repository: Repository) -> list[str]:
    """Pages whose checksum is wrong, in words."""
    done = subprocess.run(
        [str(bindir / "pg_checksums"), "-D", str(data), "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **repository.as_user(),
    )
    return [] if done.returncode == 0 else [done.stderr.strip()[-300:] or "checksums are wrong"]


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


async def record(services: Services, report: DrillReport) -> int:
    """Write the drill into the history of each tenant that it found; how many."""
    seconds = round(report.restore_s + report.recovery_s + report.checks_s)
    stamped = stamp()
    written = 0
    present = {tenant.tenant_id for tenant in await services.registry.tenants()}
    for each in report.tenants:
        if each.tenant_id not in present:
            continue
        findings = (*report.findings, *each.findings)
        command = RecordRestoreDrill(
            label=report.label,
            target_at=report.target_at,
            seconds=seconds,
            size_bytes=report.size_bytes,
            events=each.events,
            compared_size=each.compared_size,
            ok=not findings,
            findings=findings,
            tools=report.tools,
        )
        store = await services.histories.of(each.tenant_id)
        await store.execute(RESTORE_DRILL, RESTORE_DRILLS_ID, command, stamped)
        written += 1
    return written


def note(data_dir: Path, *, backup: Backup | None = None, ok: bool | None = None) -> BackupState:
    """Leave word for /health of a backup or of a drill."""
    path = data_dir / STATE
    state = (
        msgspec.json.decode(path.read_bytes(), type=BackupState) if path.exists() else BackupState()
    )
    if backup is not None:
        state = msgspec.structs.replace(state, last_backup_at=backup.stopped_at)
    if ok is not None:
        now = datetime.now(UTC)
        state = msgspec.structs.replace(state, last_drill_at=now, last_drill_ok=ok)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(state))
    fresh.replace(path)
    return state
