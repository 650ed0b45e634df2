"""Imports: how far each batch is, its rows in quarantine, and where values come from.

What cells said is personal and stays in the log: rows keep the positions of the events with it.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from domain.migration import Place, RowState, SourceFile, Stage
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import Row, Table

NAME = "imports"
VERSION = 1


class CheckTold(msgspec.Struct, frozen=True, kw_only=True):
    """What the last check of a kind came to."""

    check: str
    passed: bool
    rows: int
    open_findings: int
    warnings: int
    report_digest: str
    position: int


class SampleTold(msgspec.Struct, frozen=True, kw_only=True):
    """The sample that was drawn last, and who has compared it."""

    seed: int
    size: int
    population: int
    confidence_bp: int
    mismatches_max: int
    sample_digest: str
    compared_by: tuple[UUID, ...] = ()
    agreed: bool = False


class ReconciledTold(msgspec.Struct, frozen=True, kw_only=True):
    """What the last comparison of source and views came to."""

    compared: int
    differing: int
    source_digest: str
    views_digest: str
    reconciled: bool


class ImportRow(Row, kw_only=True):
    """迁移批次"""

    import_id: UUID
    code: str
    owner_at: int
    """The log position of the event that names the migration engineer."""
    mapping_digest: str
    files: tuple[SourceFile, ...]
    stage: Stage
    rows: int
    committed: int
    quarantined: int
    excluded: int
    fixes: int
    checks: tuple[CheckTold, ...]
    sample: SampleTold | None
    signed_off_by: UUID | None
    signed_off_at: datetime | None
    chunks: int
    events: int
    trace_days: int
    committed_at: datetime | None
    traceable_until: datetime | None
    reconciliation: ReconciledTold | None
    created_position: int
    version: int


class FoundAt(msgspec.Struct, frozen=True, kw_only=True):
    """A finding; what the cell says stands at this position of the log."""

    column: str
    rule: str
    position: int


class ImportedRow(Row, kw_only=True):
    """A source row that is in quarantine, was mended, or is left out."""

    import_id: UUID
    file: int
    sheet: str
    row: int
    state: RowState
    findings: tuple[FoundAt, ...]
    fixes: tuple[FoundAt, ...]
    reason: str | None


class ChunkRow(Row, kw_only=True):
    """The events before this position come from this import; so many of them."""

    at: int
    import_id: UUID
    number: int
    events: int
    withdrawn: bool


IMPORTS = Table(
    "imports",
    ImportRow,
    projection=NAME,
    version=VERSION,
    key=("import_id",),
    indexes=(("created_position",),),
)
ROWS = Table(
    "import_rows",
    ImportedRow,
    projection=NAME,
    version=VERSION,
    key=("import_id", "file", "sheet", "row"),
    indexes=(("import_id", "state", "file", "sheet", "row"),),
)
CHUNKS = Table(
    "import_chunks",
    ChunkRow,
    projection=NAME,
    version=VERSION,
    key=("at",),
    indexes=(("import_id", "number"),),
)


async def imports(
    view: View, *, stage: Stage | None = None, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[ImportRow]:
    """Batches, the newest first."""
    return await page(
        view,
        IMPORTS,
        order=("created_position",),
        where={"stage": stage},
        limit=limit,
        cursor=cursor,
        descending=True,
    )


async def import_(view: View, import_id: UUID) -> ImportRow | None:
    """The batch with this id."""
    return await get(view, IMPORTS, import_id)


async def rows(
    view: View,
    import_id: UUID,
    *,
    state: RowState | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[ImportedRow]:
    """Rows of a batch that are not simply committed, in the order of the sources."""
    return await page(
        view,
        ROWS,
        order=("file", "sheet", "row"),
        where={"import_id": import_id, "state": state},
        limit=limit,
        cursor=cursor,
    )


async def row(view: View, import_id: UUID, place: Place) -> ImportedRow | None:
    """A row of a batch that is not simply committed."""
    return await get(view, ROWS, (import_id, place.file, place.sheet, place.row))


CHUNK_OF = f"""
SELECT {CHUNKS.selected} FROM {CHUNKS.name}
WHERE tenant_id = $1 AND build = {CHUNKS.live} AND at > $2 ORDER BY at LIMIT 1
"""  # noqa: S608  own names


async def chunk_of(view: View, position: int) -> ChunkRow | None:
    """The chunk that tells where an event comes from; None where it was not imported."""
    record = await view.fetchrow(CHUNK_OF, position)
    if record is None:
        return None
    chunk = CHUNKS.read(record)
    return chunk if chunk.at - chunk.events <= position else None
