"""Export of a tenant's whole history as a folder that proves itself, offline.

    manifest.json       format, tenant, tree size, public keys, SHA-256 of the other files
    checkpoint.txt      the signed head (C2SP signed note)
    checkpoints.ndjson  the checkpoints signed before, one note a line, as JSON text
    events.ndjson       the rows of the log, a line each: `records.Sealed`, bytes in base64
    leaves.bin          the leaf hashes, 32 bytes each, whose Merkle root the head signs
    keys.json           only where asked for: the keys that open the content

`verification` reads it again. Leaf hashes could be computed from the events; they are there so
that a changed event is not only noticed but located.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import msgspec

from tenancy.keyring import Keyring
from tenancy.keystore import Transactions
from tenancy.merkle import HASH_BYTES, TILE_WIDTH
from tenancy.signing import Signers, open_checkpoint
from tenancy.transparency import Sealer, Transparency, sealed_rows, stored_tiles

FORMAT = "meritledger-bundle"
VERSION = 1
MANIFEST_FILE = "manifest.json"
CHECKPOINT_FILE = "checkpoint.txt"
CHECKPOINTS_FILE = "checkpoints.ndjson"
EVENTS_FILE = "events.ndjson"
LEAVES_FILE = "leaves.bin"
KEYS_FILE = "keys.json"

_ROWS_AT_ONCE = 2_000
_KEYS_AT_ONCE = 5_000
_CHECKPOINTS_MAX = 1_000
_JSON = msgspec.json.Encoder()


class NothingSealed(Exception):
    """The tenant's log is empty: there is nothing to export yet."""


class BundleFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    sha256: str
    size: int
    """Bytes."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    version: int
    tenant_id: UUID
    tree_size: int
    verifiers: list[str]
    """The public keys that checkpoints were signed with, newest first. Pin one of your own."""
    introductions: tuple[str, ...] = ()
    """By which notes, signed by both, each key but the first followed the one before."""
    content: bool
    """Whether the keys to the content are in it."""
    files: list[BundleFile]


class ContentKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key_id: UUID
    key: bytes


class ContentSubjectKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    subject_id: UUID
    key_id: UUID
    key: bytes | None
    """None: destroyed; the subject's fields are erased."""


class ContentKeys(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    data: list[ContentKey]
    subjects: list[ContentSubjectKey]


class _File:
    """A file of the bundle while it is written, with its digest."""

    def __init__(self, folder: Path, name: str, mode: int = 0o644) -> None:
        self._name = name
        self._digest = hashlib.sha256()
        self._size = 0
        handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        self._file = os.fdopen(handle, "wb")

    def write(self, content: bytes) -> None:
        self._digest.update(content)
        self._size += len(content)
        self._file.write(content)

    def close(self) -> BundleFile:
        self._file.close()
        return BundleFile(name=self._name, sha256=self._digest.hexdigest(), size=self._size)

    @classmethod
    def whole(cls, folder: Path, name: str, content: bytes, mode: int = 0o644) -> BundleFile:
        file = cls(folder, name, mode)
        file.write(content)
        return file.close()


def _make_empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")


class Exporter:
    """Writes bundles.

    Args:
        db: the database.
        keyring: the keys, asked for the content's only when it is exported.
        signers: who signs the head.
    """

    def __init__(self, db: Transactions, keyring: Keyring, signers: Signers) -> None:
        self._db = db
        self._keyring = keyring
        self._signers = signers
        self._sealer = Sealer(db, signers)
        self._log = Transparency(db)

    async def export(
        self,
        tenant_id: UUID,
        folder: Path,
        *,
        content: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Manifest:
        """Seal what there is and write it all into `folder`, which is made or empty.

        What the database holds is written as it is: if it was tampered with, the bundle says so
        when it is verified. An export cut short has no manifest.

        Args:
            tenant_id: whose history.
            folder: where to.
            content: also write the keys of the content. Who has the bundle can then read it.
            on_progress: is told now and then (events written, events in all).

        Raises:
            NothingSealed: the tenant's log is empty.
            HistoryRewritten, TreeDamaged: sealing refused; `export_sealed` exports what there is.
            FileExistsError: the folder holds something already.
        """
        await self._sealer.advance(tenant_id)
        return await self.export_sealed(tenant_id, folder, content=content, on_progress=on_progress)

    async def export_sealed(
        self,
        tenant_id: UUID,
        folder: Path,
        *,
        content: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Manifest:
        """The same up to the last checkpoint, without sealing: also of a log that was damaged.

        Raises:
            NothingSealed: no checkpoint was ever signed.
            FileExistsError: the folder holds something already.
        """
        head = await self._log.checkpoint(tenant_id)
        if head is None:
            raise NothingSealed(f"tenant {tenant_id} has no sealed history")
        _make_empty(folder)
        size = head.tree_size
        verifiers = (await self._signers.verifiers(tenant_id))[::-1]
        open_checkpoint(head.note, verifiers)
        files = [
            await self._write_events(tenant_id, folder, size, on_progress),
            await self._write_leaves(tenant_id, folder, size),
            await self._write_checkpoints(tenant_id, folder, size),
            _File.whole(folder, CHECKPOINT_FILE, head.note.encode()),
        ]
        if content:
            files.append(await self._write_keys(tenant_id, folder))
        manifest = Manifest(
            format=FORMAT,
            version=VERSION,
            tenant_id=tenant_id,
            tree_size=size,
            verifiers=[str(verifier) for verifier in verifiers],
            introductions=tuple(await self._signers.introductions(tenant_id)),
            content=content,
            files=files,
        )
        _File.whole(folder, MANIFEST_FILE, msgspec.json.format(_JSON.encode(manifest)) + b"\n")
        return manifest

    async def _write_events(
        self,
        tenant_id: UUID,
        folder: Path,
        size: int,
        on_progress: Callable[[int, int], None] | None,
    ) -> BundleFile:
        file = _File(folder, EVENTS_FILE)
        last = 0
        while last < size:
            async with self._db.transaction(tenant_id) as connection:
                rows = await sealed_rows(connection, tenant_id, last + 1, size, _ROWS_AT_ONCE)
            if not rows:
                break
            for row in rows:
                file.write(_JSON.encode(row) + b"\n")
            last = rows[-1].position
            if on_progress is not None:
                on_progress(last, size)
        return file.close()

    async def _write_leaves(self, tenant_id: UUID, folder: Path, size: int) -> BundleFile:
        file = _File(folder, LEAVES_FILE)
        async for hashes in self._leaves(tenant_id, size):
            file.write(hashes)
        return file.close()

    async def _leaves(self, tenant_id: UUID, size: int) -> AsyncIterator[bytes]:
        tiles = (size + TILE_WIDTH - 1) // TILE_WIDTH
        for first in range(0, tiles, 64):
            wanted = [(0, tile) for tile in range(first, min(first + 64, tiles))]
            async with self._db.transaction(tenant_id) as connection:
                found = await stored_tiles(connection, tenant_id, wanted)
            for _, tile in wanted:
                leaves = min(TILE_WIDTH, size - tile * TILE_WIDTH)
                # A tile that is gone is written as nothing: then verification does without.
                yield found.get((0, tile), b"")[: leaves * HASH_BYTES]

    async def _write_checkpoints(self, tenant_id: UUID, folder: Path, size: int) -> BundleFile:
        file = _File(folder, CHECKPOINTS_FILE)
        after = written = 0
        while batch := await self._log.checkpoints(tenant_id, after + 1):
            for checkpoint in batch:
                after = checkpoint.tree_size
                # They narrow down where a history was rewritten: about a thousand are enough.
                if after < size and after - written >= size // _CHECKPOINTS_MAX:
                    file.write(_JSON.encode(checkpoint.note) + b"\n")
                    written = after
        return file.close()

    async def _write_keys(self, tenant_id: UUID, folder: Path) -> BundleFile:
        keys = await self._keyring.of(tenant_id)
        await keys.load()
        data = [ContentKey(key_id=each, key=key) for each, key in keys.data_keys().items()]
        subjects: list[ContentSubjectKey] = []
        after: UUID | None = None
        while rows := await self._keyring.store.all_subject_keys(tenant_id, after, _KEYS_AT_ONCE):
            clear = await keys.subject_keys(rows)
            subjects += (
                ContentSubjectKey(
                    subject_id=row.subject_id, key_id=row.key_id, key=clear[row.key_id]
                )
                for row in rows
            )
            after = rows[-1].subject_id
        content = _JSON.encode(ContentKeys(data=data, subjects=subjects))
        return _File.whole(folder, KEYS_FILE, content + b"\n", mode=0o600)
