"""The proof of a tenant's log: leaves, signed checkpoints, inclusion and consistency proofs.

The leaf of an event, from which its leaf hash is made, is this, with integers big-endian:

    1 byte    1, the version of this encoding
    16        tenant id
    8         position in the tenant's log
    16        stream id
    8         version in the stream
    8         recorded_at, microseconds since 1970-01-01 UTC, signed
    4 + n     topic, UTF-8, its length in front
    4 + n     metadata, as stored
    4 + n     payload, as stored, so sealed
    1         1 if there are personal fields, else 0
    4 + n     personal fields, as stored, so sealed; only after a 1

It covers every column of the row and no plaintext: it is checked without any key, and an erased
subject changes nothing in it.
"""

import base64
import struct
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import msgspec

from tenancy.keystore import Transactions
from tenancy.merkle import (
    Edge,
    Node,
    Span,
    TileId,
    TreeDamaged,
    consistency_spans,
    cover,
    edge_tiles,
    inclusion_spans,
    leaf_hash,
    node_in,
    prove,
    root_of,
    tile_of,
)
from tenancy.records import Sealed
from tenancy.signing import Checkpoint, NoteRefused, Signers, open_checkpoint

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEAD = struct.Struct(">B16sQ16sQqI")
_LENGTH = struct.Struct(">I")


class HistoryRewritten(Exception):
    """The log is not the one that was signed before. Nothing more is signed.

    `position` is where that was seen; the first wrong position may lie before it, and an export
    and its verification name it.
    """

    def __init__(self, tenant_id: UUID, position: int, detail: str) -> None:
        super().__init__(f"tenant {tenant_id}, position {position}: {detail}")
        self.tenant_id = tenant_id
        self.position = position
        self.detail = detail


def leaf_of(tenant_id: UUID, row: Sealed) -> bytes:
    """The leaf of an event, as this module's first lines define it."""
    topic = row.topic.encode()
    head = _HEAD.pack(
        1,
        tenant_id.bytes,
        row.position,
        row.stream_id.bytes,
        row.version,
        (row.recorded_at - _EPOCH) // _MICROSECOND,
        len(topic),
    )
    pack = _LENGTH.pack
    parts = [head, topic, pack(len(row.metadata)), row.metadata]
    parts += (pack(len(row.payload)), row.payload)
    if row.personal is None:
        parts.append(b"\x00")
    else:
        parts += (b"\x01", pack(len(row.personal)), row.personal)
    return b"".join(parts)


def leaf_hash_of(tenant_id: UUID, row: Sealed) -> bytes:
    """32 bytes: what stands for this event in the tree."""
    return leaf_hash(leaf_of(tenant_id, row))


class SignedCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint as it was signed and stored."""

    tree_size: int
    root: bytes
    note: str
    created_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        return cls(**row)


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True):
    """That the event at `position` is in the tree; `merkle.inclusion_holds` checks it."""

    position: int
    leaf_hash: bytes
    tree_size: int
    hashes: list[bytes]


class ConsistencyProof(msgspec.Struct, frozen=True, kw_only=True):
    """That the second tree only appended to the first; `merkle.consistency_holds` checks it."""

    first: int
    second: int
    hashes: list[bytes]


PENDING = """
SELECT coalesce((SELECT tree_size FROM merit.tree_heads WHERE tenant_id = $1), 0) AS size,
       coalesce((SELECT max(position) FROM merit.events WHERE tenant_id = $1), 0) AS head
"""

BEGIN = "INSERT INTO merit.tree_heads (tenant_id, tree_size) VALUES ($1, 0) ON CONFLICT DO NOTHING"

# An update and not SELECT FOR UPDATE: it locks the same and survives a shard that moves.
LOCK = """
UPDATE merit.tree_heads SET tree_size = tree_size WHERE tenant_id = $1 RETURNING tree_size
"""

ADVANCE = "UPDATE merit.tree_heads SET tree_size = $2 WHERE tenant_id = $1"

LAST_CHECKPOINT = """
SELECT tree_size, root, note, created_at FROM merit.checkpoints
WHERE tenant_id = $1 ORDER BY tree_size DESC LIMIT 1
"""

CHECKPOINTS = """
SELECT tree_size, root, note, created_at FROM merit.checkpoints
WHERE tenant_id = $1 AND tree_size >= $2 ORDER BY tree_size LIMIT $3
"""

ADD_CHECKPOINT = """
INSERT INTO merit.checkpoints (tenant_id, tree_size, root, note) VALUES ($1, $2, $3, $4)
"""

TILES = """
SELECT t.level, t.tile, t.hashes FROM merit.tree_tiles t
JOIN unnest($2::int[], $3::bigint[]) AS w (level, tile) ON w.level = t.level AND w.tile = t.tile
WHERE t.tenant_id = $1
"""

# Driven by the head's row, which is locked; see the rules for a sharded server.
ADD_TILES = """
INSERT INTO merit.tree_tiles (tenant_id, level, tile, hashes)
SELECT h.tenant_id, n.level, n.tile, n.hashes FROM merit.tree_heads h
CROSS JOIN unnest($2::int[], $3::bigint[], $4::bytea[]) AS n (level, tile, hashes)
WHERE h.tenant_id = $1
ON CONFLICT (tenant_id, level, tile) DO UPDATE SET hashes = EXCLUDED.hashes
"""

ROWS = """
SELECT position, stream_id, version, topic, recorded_at, metadata, payload, personal
FROM merit.events WHERE tenant_id = $1 AND position >= $2 AND position <= $3
ORDER BY position LIMIT $4
"""

_POSITION_MAX = 2**63 - 1


async def sealed_rows(
    connection: Any, tenant_id: UUID, first: int, last: int, limit: int
) -> list[Sealed]:
    """Rows of the log as they are stored, positions `first` to `last`, at most `limit`."""
    return [Sealed(**row) for row in await connection.fetch(ROWS, tenant_id, first, last, limit)]


async def stored_tiles(
    connection: Any, tenant_id: UUID, wanted: Iterable[TileId]
) -> dict[TileId, bytes]:
    """Those of these tiles that there are."""
    ids = sorted(set(wanted))
    levels, tiles = [level for level, _ in ids], [tile for _, tile in ids]
    rows = await connection.fetch(TILES, tenant_id, levels, tiles)
    return {(row["level"], row["tile"]): row["hashes"] for row in rows}


class Sealer:
    """Extends each tenant's tree by its new events, and signs the new head.

    Any number of sealers may run: the tenant's head row is locked for the length of one step.

    Args:
        db: the database.
        signers: who signs.
        step: how many events one transaction adds at most; each is signed.
    """

    def __init__(self, db: Transactions, signers: Signers, *, step: int = 5_000) -> None:
        self._db = db
        self._signers = signers
        self._step = step

    async def advance(self, tenant_id: UUID) -> SignedCheckpoint | None:
        """Seal all that is there; the newest checkpoint, None where the log is empty.

        Raises:
            HistoryRewritten: the log no longer agrees with what was signed.
            TreeDamaged: the stored tree does not agree with what was signed.
        """
        while True:
            async with self._db.transaction(tenant_id) as connection:
                pending = await connection.fetchrow(PENDING, tenant_id)
                size, head = pending["size"], pending["head"]
                if head == size:
                    row = await connection.fetchrow(LAST_CHECKPOINT, tenant_id)
                    return SignedCheckpoint.from_row(row) if row else None
                if head < size:
                    raise HistoryRewritten(
                        tenant_id, head + 1, f"the log ends at {head}, but {size} were signed"
                    )
            signer = await self._signers.of(tenant_id)
            verifiers = await self._signers.verifiers(tenant_id)
            async with self._db.transaction(tenant_id) as connection:
                await connection.execute(BEGIN, tenant_id)
                size = await connection.fetchval(LOCK, tenant_id)
                edge = await self._signed_edge(connection, tenant_id, size, verifiers)
                leaves = await self._new_leaves(connection, tenant_id, size)
                if not leaves:
                    continue  # Another sealer was here in between.
                edge.extend(leaves)
                await self._keep(connection, tenant_id, edge)
                checkpoint = Checkpoint(
                    origin=signer.name,
                    size=edge.size,
                    root=edge.root(),
                    extensions=await _reads_line(connection, tenant_id),
                )
                note = signer.sign(checkpoint.text())
                await connection.execute(
                    ADD_CHECKPOINT, tenant_id, checkpoint.size, checkpoint.root, note
                )

    async def _signed_edge(
        self, connection: Any, tenant_id: UUID, size: int, verifiers: list[Any]
    ) -> Edge:
        # What is signed next extends what was signed last: the stored tree must give its root,
        # and its note must bear our signature. Otherwise we would be signing a fork.
        row = await connection.fetchrow(LAST_CHECKPOINT, tenant_id)
        edge = Edge(size, await stored_tiles(connection, tenant_id, edge_tiles(size)))
        if row is None and size == 0:
            return edge
        if row is None or row["tree_size"] != size:
            raise TreeDamaged(f"tenant {tenant_id}: no checkpoint was signed at size {size}")
        try:
            signed = open_checkpoint(row["note"], verifiers)
        except NoteRefused as error:
            raise TreeDamaged(f"tenant {tenant_id}: checkpoint {size}: {error}") from error
        root = edge.root()
        if (signed.size, signed.root, row["root"]) != (size, root, root):
            raise TreeDamaged(f"tenant {tenant_id}: the tree of {size} is not what was signed")
        return edge

    async def _new_leaves(self, connection: Any, tenant_id: UUID, size: int) -> list[bytes]:
        # The last sealed event is read again: a tail that was exchanged is seen before anything
        # is built upon it. Exchanges further back are for `verify`, which reads everything.
        rows = await sealed_rows(connection, tenant_id, max(size, 1), _POSITION_MAX, self._step + 1)
        leaves = []
        for expected, row in enumerate(rows, start=max(size, 1)):
            if row.position != expected:
                raise HistoryRewritten(tenant_id, expected, "this position is missing")
            leaves.append(leaf_hash_of(tenant_id, row))
        if size == 0:
            return leaves
        last: Node = (0, size - 1)
        tiles = await stored_tiles(connection, tenant_id, [tile_of(last)])
        if not leaves or leaves[0] != node_in(last, tiles.get(tile_of(last), b"")):
            raise HistoryRewritten(tenant_id, size, "the event is not the one that was signed")
        return leaves[1:]

    async def _keep(self, connection: Any, tenant_id: UUID, edge: Edge) -> None:
        tiles = sorted(edge.finish().items())
        await connection.execute(
            ADD_TILES,
            tenant_id,
            [level for (level, _), _ in tiles],
            [tile for (_, tile), _ in tiles],
            [hashes for _, hashes in tiles],
        )
        await connection.execute(ADVANCE, tenant_id, edge.size)


READS_HEAD = "SELECT batch, hash FROM merit.read_heads WHERE tenant_id = $1"
READS = "reads"
"""The extension line of a checkpoint: this word, a batch, its hash in base64."""


async def _reads_line(connection: Any, tenant_id: UUID) -> tuple[str, ...]:
    """How far the audit of reads had come: who holds the checkpoint can prove that later."""
    row = await connection.fetchrow(READS_HEAD, tenant_id)
    if row is None or row["batch"] == 0:
        return ()
    return (f"{READS} {row['batch']} {base64.b64encode(row['hash']).decode()}",)


def reads_signed(checkpoint: Checkpoint) -> tuple[int, bytes] | None:
    """Batch and hash of the audit of reads that a checkpoint was signed with."""
    for line in checkpoint.extensions:
        word, _, rest = line.partition(" ")
        batch, _, encoded = rest.partition(" ")
        if word == READS and batch.isascii() and batch.isdigit():
            return int(batch), base64.b64decode(encoded)
    return None


class Transparency:
    """Reads what was sealed: checkpoints and proofs."""

    def __init__(self, db: Transactions) -> None:
        self._db = db

    async def checkpoint(self, tenant_id: UUID) -> SignedCheckpoint | None:
        """The newest checkpoint; None before the first."""
        async with self._db.transaction(tenant_id) as connection:
            row = await connection.fetchrow(LAST_CHECKPOINT, tenant_id)
        return SignedCheckpoint.from_row(row) if row else None

    async def checkpoints(
        self, tenant_id: UUID, from_size: int = 0, limit: int = 1000
    ) -> list[SignedCheckpoint]:
        """Checkpoints of at least this size, smallest first."""
        async with self._db.transaction(tenant_id) as connection:
            rows = await connection.fetch(CHECKPOINTS, tenant_id, from_size, limit)
        return [SignedCheckpoint.from_row(row) for row in rows]

    async def inclusion(
        self, tenant_id: UUID, position: int, tree_size: int | None = None
    ) -> InclusionProof:
        """That the event at `position` is in the tree of this size, by default the newest.

        Raises:
            ValueError: the tree is not that large, or has no such position.
        """
        async with self._db.transaction(tenant_id) as connection:
            size = await self._size(connection, tenant_id, tree_size)
            spans = [(position - 1, position), *inclusion_spans(position - 1, size)]
            leaf, *hashes = await self._prove(connection, tenant_id, spans)
        return InclusionProof(position=position, leaf_hash=leaf, tree_size=size, hashes=hashes)

    async def consistency(
        self, tenant_id: UUID, first: int, second: int | None = None
    ) -> ConsistencyProof:
        """That the tree of `second`, by default the newest, only appended to that of `first`.

        Raises:
            ValueError: the tree is not that large, or not 0 <= first <= second.
        """
        async with self._db.transaction(tenant_id) as connection:
            size = await self._size(connection, tenant_id, second)
            hashes = await self._prove(connection, tenant_id, consistency_spans(first, size))
        return ConsistencyProof(first=first, second=size, hashes=hashes)

    async def root(self, tenant_id: UUID, tree_size: int) -> bytes:
        """The root that the tree had at this size.

        Raises:
            ValueError: the tree is not that large.
        """
        async with self._db.transaction(tenant_id) as connection:
            size = await self._size(connection, tenant_id, tree_size)
            if size == 0:
                return root_of([])
            return (await self._prove(connection, tenant_id, [(0, size)]))[0]

    async def _size(self, connection: Any, tenant_id: UUID, wanted: int | None) -> int:
        row = await connection.fetchrow(LAST_CHECKPOINT, tenant_id)
        there = row["tree_size"] if row else 0
        size: int = there if wanted is None else wanted
        if not 0 <= size <= there:
            raise ValueError(f"{there} events are sealed, not {size}")
        return size

    async def _prove(self, connection: Any, tenant_id: UUID, spans: list[Span]) -> list[bytes]:
        wanted = {tile_of(node) for span in spans for node in cover(span)}
        tiles = await stored_tiles(connection, tenant_id, wanted)
        return prove(spans, lambda node: node_in(node, tiles.get(tile_of(node), b"")))
