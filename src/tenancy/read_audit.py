"""The audit of reads: an entry is on disk before what it speaks of leaves the server.

What arrives for a tenant while a batch is being written forms the next one. Batches are chained by
hashes: hash(n) = SHA-256(hash(n-1) || digest(n)), 32 zeros before the first; the digest is the
SHA-256 of the entries' canonical JSON (keys sorted, no spaces), each followed by a newline. Signed
checkpoints of the log carry the head of the chain, see `tenancy.transparency`.

While the database takes no writes (no primary), entries go to a file of this machine and are
brought in afterwards. Where neither can be written, nothing is answered.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import msgspec
import structlog

from tenancy.database import Database, is_retryable
from tenancy.errors import Unavailable

WRITE_S_MAX = 1.5
"""Longer than this nobody waits for the database before the file is taken."""
AWAY_S = 2.0
"""How long the file is taken at once after the database did not answer."""
BATCH_MAX = 500
BEGINNING: Final = bytes(32)

log = structlog.get_logger(__name__)


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One answer that told something sensitive: who, what about, why; never the values."""

    read_at: datetime
    request_id: UUID
    actor: UUID
    """The person behind the key, else the key."""
    key_id: UUID
    method: str
    route: str
    """The template of the path."""
    purpose: str = ""
    """As the reader said it."""
    subjects: tuple[UUID, ...]
    """People, and the ids in the path."""
    fields: tuple[str, ...]
    """Names of what was told."""
    row_count: int
    position: int | None = None
    """Of the log, where the past was asked for."""


class NotedRead(Read, frozen=True, kw_only=True):
    """An entry in its place."""

    batch: int
    number: int


def digest_of(entries: Iterable[Read]) -> bytes:
    """SHA-256 over entries, as the first lines of this module define it."""
    digest = hashlib.sha256()
    for each in entries:
        plain = Read(**{name: getattr(each, name) for name in Read.__struct_fields__})
        digest.update(msgspec.json.encode(plain, order="sorted") + b"\n")
    return digest.digest()


def chained(before: bytes, digest: bytes) -> bytes:
    """The hash of a batch."""
    return hashlib.sha256(before + digest).digest()


NOTE = "SELECT merit.note_reads($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"


class ReadAudit:
    """Writes entries for all tenants of a process.

    Args:
        database: where they are kept.
        spool: a folder for the time when the database takes no writes; None for none.
    """

    def __init__(self, database: Database, spool: Path | None = None) -> None:
        self._database = database
        self._spool = None if spool is None else Spool(spool)
        self._waiting: dict[UUID, list[tuple[Read, asyncio.Future[None]]]] = {}
        self._writing: dict[UUID, asyncio.Task[None]] = {}
        self._away_until = 0.0
        self._bringing: asyncio.Task[None] | None = None

    async def note(self, tenant_id: UUID, entry: Read) -> None:
        """Return when the entry is on disk.

        Raises:
            Unavailable: it is not; the data must stay here.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant_id, []).append((entry, done))
        if tenant_id not in self._writing:
            self._writing[tenant_id] = asyncio.create_task(self._write(tenant_id))
        await done

    async def close(self) -> None:
        """Finish what is being written."""
        under_way = [*self._writing.values(), *([self._bringing] if self._bringing else [])]
        await asyncio.gather(*under_way, return_exceptions=True)

    async def bring_in(self) -> int:
        """Bring the entries of the file into the database; how many there were."""
        if self._spool is None:
            return 0
        count = 0
        try:
            for tenant_id, entries in self._spool.take():
                await self._store(tenant_id, entries)
                count += len(entries)
        except BaseException:
            self._spool.used = True
            raise
        if count:
            log.info("read-audit-brought-in", entries=count)
        return count

    async def _bring_in(self) -> None:
        try:
            await self.bring_in()
        except Exception as error:  # noqa: BLE001 - the next one tries again
            log.warning("read-audit-not-brought-in", error=type(error).__name__)

    def _brought(self, _: asyncio.Task[None]) -> None:
        self._bringing = None

    async def _write(self, tenant_id: UUID) -> None:
        try:
            while waiting := self._waiting.pop(tenant_id, []):
                for first in range(0, len(waiting), BATCH_MAX):
                    part = waiting[first : first + BATCH_MAX]
                    failed = await self._persist(tenant_id, [entry for entry, _ in part])
                    for _, done in part:
                        if done.done():
                            continue  # who asked has gone; the entry says more than was told
                        if failed is None:
                            done.set_result(None)
                        else:
                            done.set_exception(failed)
        finally:
            del self._writing[tenant_id]

    async def _persist(self, tenant_id: UUID, entries: Sequence[Read]) -> Exception | None:
        loop = asyncio.get_running_loop()
        error: Exception | None = None
        if loop.time() >= self._away_until:
            try:
                async with asyncio.timeout(WRITE_S_MAX):
                    await self._store(tenant_id, entries)
            except Exception as failed:  # noqa: BLE001 - whoever waits is told
                if not isinstance(failed, TimeoutError) and not is_retryable(failed):
                    return failed
                error = failed
                self._away_until = loop.time() + AWAY_S
            else:
                if self._spool is not None and self._spool.used and self._bringing is None:
                    self._bringing = asyncio.create_task(self._bring_in())
                    self._bringing.add_done_callback(self._brought)
                return None
        if self._spool is not None:
            try:
                await asyncio.to_thread(self._spool.write, tenant_id, entries)
            except OSError as failed:
                error = failed
            else:
                return None
        log.warning("read-not-audited", error=type(error).__name__, entries=len(entries))
        told = Unavailable("the read could not be audited, so it is not answered")
        told.__cause__ = error
        return told

    async def _store(self, tenant_id: UUID, entries: Sequence[Read]) -> None:
        async with self._database.transaction(tenant_id) as connection:
            await connection.execute(
                NOTE,
                tenant_id,
                digest_of(entries),
                [each.read_at for each in entries],
                [each.request_id for each in entries],
                [each.actor for each in entries],
                [each.key_id for each in entries],
                [each.method for each in entries],
                [each.route for each in entries],
                [each.purpose for each in entries],
                ["{" + ",".join(map(str, each.subjects)) + "}" for each in entries],
                ["{" + ",".join(each.fields) + "}" for each in entries],
                [each.row_count for each in entries],
                [each.position for each in entries],
            )


class _Spooled(msgspec.Struct, frozen=True):
    tenant_id: UUID
    entries: list[Read]


class Spool:
    """A file in a folder, of all processes here; a line a batch, on disk when `write` returns.

    Who brings it in renames it first. A lock on the file keeps writers and takers apart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "reads.ndjson"
        self.used = folder.is_dir() and any(folder.glob("*.ndjson"))
        """Whether something may wait here to be brought in."""

    def write(self, tenant_id: UUID, entries: Sequence[Read]) -> None:
        """Append a batch.

        Raises:
            OSError: it is not on disk.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = msgspec.json.encode(_Spooled(tenant_id, list(entries))) + b"\n"
        self.used = True
        while True:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(handle, "ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if not self._is_mine(file.fileno()):
                    continue  # it was taken between opening and locking
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
                return

    def _is_mine(self, handle: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(handle))
        except FileNotFoundError:
            return False

    def take(self) -> Iterator[tuple[UUID, list[Read]]]:
        """Batches that wait; a file is gone when all of its batches were taken from here."""
        self.used = False
        with contextlib.suppress(FileNotFoundError):
            self._path.rename(self._folder / f"taken-{uuid4()}.ndjson")
        for path in sorted(self._folder.glob("taken-*.ndjson")):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self.used = True  # another process has it, or a writer is not done yet
                    continue
                # A line that was cut short told nobody anything.
                for line in file.read().splitlines(keepends=True):
                    if line.endswith(b"\n"):
                        spooled = msgspec.json.decode(line, type=_Spooled)
                        yield spooled.tenant_id, spooled.entries
                path.unlink()
