"""Imports: batches with their rows, their checks and signatures, and where values come from."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.problems import Said
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.migration import (
    CommitImport,
    CompareSample,
    ExcludeRows,
    FindingQuarantined,
    FixCells,
    RowState,
    SignOffImport,
    SourceFile,
    Stage,
    StartImport,
)
from domain.migration_decisions import IMPORT
from projections import imports
from projections.imports import CheckTold, FoundAt, ImportedRow, ReconciledTold, SampleTold
from projections.questions import Page, View
from projections.tracing import Fixed, Traced, trace

VIEWS = (imports.NAME,)
ENGINEERS = writers(auth.ONBOARDING, auth.ADMIN)
"""The vendor's migration engineer, for the time that the tenant has granted; its administrator."""
COMPARERS = writers(auth.ONBOARDING, auth.ADMIN, auth.HR)
READERS = frozenset({auth.ONBOARDING, auth.ADMIN, auth.HR, auth.AUDITOR})
_IMPORT = "/imports/{import_id}"


class Imports(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stage: Stage | None = None


class ImportTold(msgspec.Struct, frozen=True, kw_only=True):
    """迁移批次: rows = committed + quarantined + excluded, once it is committed."""

    import_id: UUID
    code: str
    owner: str | None
    """The migration engineer; None once erased."""
    stage: Stage
    files: tuple[SourceFile, ...]
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
    committed_at: datetime | None
    traceable_until: datetime | None
    """Until then the batch can be taken back; it can be traced for ever."""
    reconciliation: ReconciledTold | None
    version: int
    position: int


class FindingTold(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps a row out; values are None once the originals were erased."""

    column: str
    rule: str
    message: str | None
    value: str | None
    suggestion: str | None


class RowTold(msgspec.Struct, frozen=True, kw_only=True):
    """A source row that is in quarantine, was mended, or is left out."""

    file: int
    file_name: str
    sheet: str
    row: int
    state: RowState
    findings: tuple[FindingTold, ...]
    fixes: tuple[Fixed, ...]
    reason: str | None


class Rows(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: RowState | None = None


class Trace(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stream: UUID
    """Whose values: a person, an employment, a unit, a job, a record of the past."""
    field: str | None = None


class TraceTold(msgspec.Struct, frozen=True, kw_only=True):
    """Origins, in the order in which the values were written."""

    values: tuple[Traced, ...]


async def _told(view: View, rows: Sequence[imports.ImportRow]) -> list[ImportTold]:
    owners = await view.reopen([row.owner_at for row in rows])
    return [
        ImportTold(
            import_id=row.import_id,
            code=row.code,
            owner=owners[row.owner_at].event.owner,
            stage=row.stage,
            files=row.files,
            rows=row.rows,
            committed=row.committed,
            quarantined=row.quarantined,
            excluded=row.excluded,
            fixes=row.fixes,
            checks=row.checks,
            sample=row.sample,
            signed_off_by=row.signed_off_by,
            signed_off_at=row.signed_off_at,
            chunks=row.chunks,
            events=row.events,
            committed_at=row.committed_at,
            traceable_until=row.traceable_until,
            reconciliation=row.reconciliation,
            version=row.version,
            position=row.position,
        )
        for row in rows
    ]


async def _imports(asked: Asked, given: Imports) -> Page[ImportTold]:
    """Imports, the newest first."""
    async with asked.view() as view:
        page = await imports.imports(
            view, stage=given.stage, limit=given.limit, cursor=given.cursor
        )
        return page.of(await _told(view, page.items))


async def _import(asked: Asked, _: Parameters) -> One:
    """An import: its rows, checks, signatures and progress."""
    async with asked.view() as view:
        row = found(await imports.import_(view, asked.one_id()))
        (told,) = await _told(view, [row])
    return One(value=told, version=row.version)


async def _rows(asked: Asked, given: Rows) -> Page[RowTold]:
    """Rows that are in quarantine, were mended or are left out, with what was found and fixed."""
    async with asked.view() as view:
        batch = found(await imports.import_(view, asked.one_id()))
        page = await imports.rows(
            view, batch.import_id, state=given.state, limit=given.limit, cursor=given.cursor
        )
        return page.of(await _rows_told(view, batch, page.items))


async def _rows_told(
    view: View, batch: imports.ImportRow, rows: Sequence[ImportedRow]
) -> list[RowTold]:
    at = [each.position for row in rows for each in (*row.findings, *row.fixes)]
    opened = await view.reopen(at)

    def finding(each: FoundAt) -> FindingTold:
        event: FindingQuarantined = opened[each.position].event
        return FindingTold(
            column=event.column,
            rule=event.rule,
            message=event.message,
            value=event.value,
            suggestion=event.suggestion,
        )

    def fix(each: FoundAt) -> Fixed:
        recorded = opened[each.position]
        return Fixed(
            old=recorded.event.old,
            new=recorded.event.new,
            rule=recorded.event.rule,
            by=recorded.actor,
            at=recorded.recorded_at,
        )

    return [
        RowTold(
            file=row.file,
            file_name=batch.files[row.file].name,
            sheet=row.sheet,
            row=row.row,
            state=row.state,
            findings=tuple(finding(each) for each in row.findings),
            fixes=tuple(fix(each) for each in row.fixes),
            reason=row.reason,
        )
        for row in rows
    ]


async def _trace(asked: Asked, given: Trace) -> One:
    """Where values come from: batch, file hash, sheet, row, column, and what was mended."""
    store = await asked.store()
    events = await store.read(given.stream)
    if not events:
        raise Said("not-found", "there is nothing of this id")
    async with asked.view() as view:
        values = await trace(view, events, given.field)
    return One(value=TraceTold(values=tuple(values)))


ROUTES: tuple[Route, ...] = (
    post(
        "/imports",
        StartImport,
        IMPORT,
        roles=ENGINEERS,
        stream=lambda _, command: ids.import_id(command.code),
        creates="/imports/{id}",
    ),
    get(
        "/imports",
        _imports,
        roles=READERS,
        result=ImportTold,
        projections=VIEWS,
        parameters=Imports,
    ),
    get(
        "/imports/trace",
        _trace,
        roles=READERS,
        result=TraceTold,
        projections=VIEWS,
        parameters=Trace,
    ),
    get(_IMPORT, _import, roles=READERS, result=ImportTold, projections=VIEWS),
    get(
        f"{_IMPORT}/rows",
        _rows,
        roles=READERS,
        result=RowTold,
        projections=VIEWS,
        parameters=Rows,
    ),
    *(
        post(
            f"{_IMPORT}/{name}",
            command,
            IMPORT,
            roles=roles,
            stream=from_path("import_id"),
        )
        for name, command, roles in (
            ("fixes", FixCells, ENGINEERS),
            ("exclusions", ExcludeRows, ENGINEERS),
            ("comparisons", CompareSample, COMPARERS),
            ("sign-off", SignOffImport, ENGINEERS),
            ("commit", CommitImport, ENGINEERS),
        )
    ),
)
