"""Uploaded files of imports, sealed in parts under each import's own key."""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from tenancy.database import Database
from tenancy.keyring import Keyring

PART_BYTES = 1024 * 1024
FILE_BYTES_MAX = 2 * 1024**3
FILES_MAX = 1_000

ADD_PART = """
INSERT INTO merit.import_parts (tenant_id, import_id, name, upload_id, part, content)
VALUES ($1, $2, $3, $4, $5, $6)
"""
ADD_FILE = """
INSERT INTO merit.import_files AS f
       (tenant_id, import_id, name, upload_id, size, sha256, parts, uploaded_by, uploaded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant_id, import_id, name) DO UPDATE
   SET upload_id = excluded.upload_id, size = excluded.size, sha256 = excluded.sha256,
       parts = excluded.parts, uploaded_by = excluded.uploaded_by,
       uploaded_at = excluded.uploaded_at
"""
DROP_OTHERS = """
DELETE FROM merit.import_parts
 WHERE tenant_id = $1 AND import_id = $2 AND name = $3 AND upload_id <> $4
"""
FILES = """
SELECT name, upload_id, size, sha256, parts FROM merit.import_files
WHERE tenant_id = $1 AND import_id = $2 ORDER BY name
"""
IMPORTS = """
SELECT DISTINCT import_id FROM merit.import_files WHERE tenant_id = $1 ORDER BY import_id
"""
PART = """
SELECT content FROM merit.import_parts
WHERE tenant_id = $1 AND import_id = $2 AND name = $3 AND upload_id = $4 AND part = $5
"""


class TooLarge(Exception):
    """The file has more bytes than an import takes."""


class TooManyFiles(Exception):
    """The import has as many files as it may have."""


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was received."""

    name: str
    size: int
    sha256: str


class ImportFiles:
    """The files of all imports of a tenant.

    Args:
        database: where they are kept.
        keyring: seals and opens them.
        tenant_id: whose.
    """

    def __init__(self, database: Database, keyring: Keyring, tenant_id: UUID) -> None:
        self._database = database
        self._keyring = keyring
        self._tenant_id = tenant_id

    async def receive(
        self,
        import_id: UUID,
        name: str,
        content: AsyncIterable[bytes],
        *,
        actor: UUID,
        now: datetime,
        bytes_max: int = FILE_BYTES_MAX,
    ) -> Uploaded:
        """Take a file in, part by part; one of the same name is replaced once it is complete.

        Raises:
            TooLarge, TooManyFiles: nothing of it is kept.
        """
        there = await self.files(import_id)
        if len(there) >= FILES_MAX and all(each.name != name for each in there):
            raise TooManyFiles(f"an import has at most {FILES_MAX} files")
        upload, digest, size, parts = uuid4(), hashlib.sha256(), 0, 0
        try:
            async for part in _in_parts(content):
                size = _within(size + len(part), bytes_max)
                digest.update(part)
                await self._keep(import_id, name, upload, parts, part)
                parts += 1
        except BaseException:
            # What is there of it has no file, and goes.
            await self._drop(import_id, name, upload)
            raise
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(
                ADD_FILE,
                self._tenant_id,
                import_id,
                name,
                upload,
                size,
                digest.digest(),
                parts,
                actor,
                now,
            )
            await connection.execute(DROP_OTHERS, self._tenant_id, import_id, name, upload)
        return Uploaded(name=name, size=size, sha256=digest.hexdigest())

    async def _keep(self, import_id: UUID, name: str, upload: UUID, part: int, raw: bytes) -> None:
        keys = await self._keyring.of(self._tenant_id)
        await keys.sealing(1)
        await keys.subjects([import_id])
        sealed = keys.seal_personal(import_id, raw, _bound(self._tenant_id, upload, part))
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(
                ADD_PART, self._tenant_id, import_id, name, upload, part, sealed
            )

    async def _drop(self, import_id: UUID, name: str, upload: UUID) -> None:
        async with self._database.transaction(self._tenant_id) as connection:
            await connection.execute(
                "DELETE FROM merit.import_parts WHERE tenant_id = $1 AND import_id = $2"
                " AND name = $3 AND upload_id = $4",
                self._tenant_id,
                import_id,
                name,
                upload,
            )

    async def files(self, import_id: UUID) -> list[Uploaded]:
        """What was received, by name."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            rows = await connection.fetch(FILES, self._tenant_id, import_id)
        return [
            Uploaded(name=row["name"], size=row["size"], sha256=row["sha256"].hex()) for row in rows
        ]

    async def imports(self) -> list[UUID]:
        """The imports that have files."""
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            return [row["import_id"] for row in await connection.fetch(IMPORTS, self._tenant_id)]

    async def lay_out(self, import_id: UUID, folder: Path) -> list[Path]:
        """Write the files into a folder that only its owner can read; their paths.

        Raises:
            LookupError: the originals were erased.
        """
        async with self._database.transaction(self._tenant_id, read_only=True) as connection:
            rows = await connection.fetch(FILES, self._tenant_id, import_id)
        await asyncio.to_thread(folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        paths = []
        for row in rows:
            path = folder / row["name"]
            with path.open("wb") as file:
                path.chmod(0o600)
                async for content in self._parts(import_id, row["name"], row["upload_id"]):
                    file.write(content)
            paths.append(path)
        return paths

    async def _parts(self, import_id: UUID, name: str, upload: UUID) -> AsyncIterator[bytes]:
        keys = await self._keyring.of(self._tenant_id)
        part = 0
        while True:
            async with self._database.transaction(self._tenant_id, read_only=True) as connection:
                sealed = await connection.fetchval(
                    PART, self._tenant_id, import_id, name, upload, part
                )
            if sealed is None:
                return
            await keys.ready([], [sealed[:16]])
            raw = keys.open_personal(sealed, _bound(self._tenant_id, upload, part))
            if raw is None:
                raise LookupError("the originals of this import were erased")
            yield raw
            part += 1


def _within(size: int, bytes_max: int) -> int:
    if size > bytes_max:
        raise TooLarge(f"a file has at most {bytes_max} bytes")
    return size


def _bound(tenant_id: UUID, upload: UUID, part: int) -> bytes:
    return b"import\x00" + tenant_id.bytes + upload.bytes + part.to_bytes(4, "big")


async def _in_parts(content: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    waiting = bytearray()
    async for chunk in content:
        waiting += chunk
        while len(waiting) >= PART_BYTES:
            yield bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)
