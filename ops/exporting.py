"""The worker's side of exports: bundles made in folders that go, and kept in sealed parts."""

import asyncio
import contextlib
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from domain.ids import TENANT_ID
from domain.tenant_life import TENANT, FinishTenantExport
from ops.sweeping import swept
from ops.tenants import stamp
from projections.history import TenantLogs
from tenancy.bundle import Exporter
from tenancy.database import Database, is_retryable
from tenancy.errors import TenantErased
from tenancy.import_files import ImportFiles
from tenancy.keyring import Keyring
from tenancy.read_chain import Filter, Place, reads
from tenancy.signing import Signers
from tenancy.store import Histories
from tenancy.tenant_exports import CHANNEL, TenantExports

READS_FILE = "reads.ndjson"
"""Who read what, which is no part of the log: beside the bundle, an entry a line."""
UPLOADS = "imports"
"""The files of imports as they were uploaded, a folder each, without those that were erased."""
READS_AT_ONCE = 500
TELL_S = 1.0

log = structlog.get_logger(__name__)


class Exporting:
    """Makes the bundles that were asked for, one after the other."""

    def __init__(
        self, database: Database, keyring: Keyring, logs: TenantLogs, histories: Histories
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._logs = logs
        self._histories = histories

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is cut off is made anew later."""
        await swept(self._database, CHANNEL, self.round, stop)

    async def round(self, stop: asyncio.Event | None = None) -> int:
        """Look at every tenant once; how many bundles were made."""
        done = 0
        for tenant_id in await self._logs.tenants():
            exports = TenantExports(self._database, self._keyring, tenant_id)
            now = datetime.now(UTC)
            await exports.expire(now)
            for export_id in await exports.waiting(now):
                if stop is not None and stop.is_set():
                    return done
                attempt = await exports.take(export_id, datetime.now(UTC))
                if attempt is not None:
                    done += await self._make(exports, tenant_id, export_id, attempt)
        return done

    async def _make(
        self, exports: TenantExports, tenant_id: UUID, export_id: UUID, attempt: UUID
    ) -> bool:
        progress = [0, 0]

        def told(done: int, total: int) -> None:
            progress[:] = [done, total]

        async def tell() -> None:
            while True:
                counted = (progress[0], progress[1])
                try:
                    await exports.tell(export_id, attempt, datetime.now(UTC), counted)
                except Exception as error:
                    if not is_retryable(error):
                        raise
                await asyncio.sleep(TELL_S)

        telling = asyncio.create_task(tell())
        exporter = Exporter(self._database, self._keyring, Signers(self._keyring))
        try:
            # With the keys of everything in clear, so nobody else reads this folder, and it goes.
            with tempfile.TemporaryDirectory(prefix="merit-export-") as folder:
                bundle, packed = Path(folder) / str(export_id), Path(folder) / "bundle.tar"
                made = await exporter.export(tenant_id, bundle, content=True, on_progress=told)
                read = Path(folder) / READS_FILE
                await self._write_reads(tenant_id, read)
                uploads = Path(folder) / UPLOADS
                await self._lay_out_uploads(tenant_id, uploads)
                await asyncio.to_thread(_pack, (bundle, read, uploads), packed)
                kept = await exports.keep(export_id, attempt, packed)
        except TenantErased:
            return False
        except Exception as error:
            if is_retryable(error):
                raise
            log.warning("export-failed", tenant=str(tenant_id), error=type(error).__name__)
            await exports.end(export_id, attempt, datetime.now(UTC), None)
            return False
        finally:
            telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await telling
        size, digest = kept
        await exports.tell(export_id, attempt, datetime.now(UTC), (made.tree_size, made.tree_size))
        finished = FinishTenantExport(
            export_id=export_id, position=made.tree_size, sha256=digest.hex()
        )
        # Said before it is handed out, so that nobody has a bundle that history does not know of.
        store = await self._histories.of(tenant_id)
        await store.execute(TENANT, TENANT_ID, finished, stamp())
        done = await exports.end(export_id, attempt, datetime.now(UTC), kept)
        log.info("exported", tenant=str(tenant_id), events=made.tree_size, bytes=size)
        return done

    async def _write_reads(self, tenant_id: UUID, into: Path) -> None:
        after: Place | None = None
        with into.open("wb") as file:
            while found := await reads(
                self._database, tenant_id, Filter(), after=after, limit=READS_AT_ONCE
            ):
                file.writelines(msgspec.json.encode(each) + b"\n" for each in found)
                after = (found[-1].batch, found[-1].number)

    async def _lay_out_uploads(self, tenant_id: UUID, into: Path) -> None:
        files = ImportFiles(self._database, self._keyring, tenant_id)
        await asyncio.to_thread(into.mkdir, mode=0o700)
        for import_id in await files.imports():
            folder = into / str(import_id)
            try:
                await files.lay_out(import_id, folder)
            except LookupError:
                await asyncio.to_thread(shutil.rmtree, folder)


def _pack(given: Sequence[Path], into: Path) -> None:
    with tarfile.open(into, "w") as packed:
        for each in given:
            packed.add(each, arcname=each.name)
