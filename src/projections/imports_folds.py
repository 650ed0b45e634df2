"""How the view of imports follows from events."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from domain.migration import (
    CellFixed,
    CommitBegun,
    CompensationBegun,
    FindingQuarantined,
    ImportChecked,
    ImportCommitted,
    ImportCompensated,
    ImportReconciled,
    ImportSignedOff,
    ImportStarted,
    Place,
    RowExcluded,
    RowReleased,
    SampleCompared,
    SampleDrawn,
    SamplingAgreed,
)
from domain.migration_trail import ChunkCommitted, ChunkWithdrawn
from projections.imports import (
    CHUNKS,
    IMPORTS,
    NAME,
    ROWS,
    VERSION,
    CheckTold,
    ChunkRow,
    FoundAt,
    ImportedRow,
    ImportRow,
    ReconciledTold,
    SampleTold,
)
from projections.kernel import Projection
from projections.tables import Build, begun
from tenancy.records import Recorded

_OF_ROWS = (FindingQuarantined, CellFixed, RowExcluded, RowReleased)
_OF_BATCH = (
    ImportStarted,
    ImportChecked,
    SampleDrawn,
    SampleCompared,
    SamplingAgreed,
    ImportSignedOff,
    CommitBegun,
    ImportCommitted,
    ImportReconciled,
    CompensationBegun,
    ImportCompensated,
)
_OF_TRAIL = (ChunkCommitted, ChunkWithdrawn)
_TOPICS = frozenset(each.TOPIC for each in (*_OF_ROWS, *_OF_BATCH, *_OF_TRAIL))


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    by_id: dict[UUID, None] = {}
    places = []
    trails: dict[UUID, None] = {}
    for recorded in batch:
        if isinstance(recorded.event, _OF_TRAIL):
            trails[recorded.stream_id] = None
            if isinstance(recorded.event, ChunkCommitted):
                by_id[recorded.event.import_id] = None
        else:
            by_id[recorded.stream_id] = None
            if isinstance(recorded.event, _OF_ROWS):
                places.append(_key(recorded.stream_id, recorded.event.place))
    imports = await IMPORTS.load(build, by_id)
    rows = await ROWS.load(build, places)
    chunks = await CHUNKS.load(build, ())
    for recorded in batch:
        event = recorded.event
        if isinstance(event, ChunkCommitted):
            chunks.fold(recorded.position, recorded, _chunk)
            imports.fold(event.import_id, recorded, _batch)
        elif isinstance(event, ChunkWithdrawn):
            await chunks.save()  # it may be one of this very batch
            await _withdraw(build, recorded)
        elif isinstance(event, _OF_ROWS):
            key = _key(recorded.stream_id, event.place)
            before = rows.get(key)
            rows.fold(key, recorded, _row)
            after = rows.get(key)
            _count(imports.get(recorded.stream_id), before, after)
            imports.fold(recorded.stream_id, recorded, _batch)
        else:
            imports.fold(recorded.stream_id, recorded, _batch)
    await imports.save()
    await rows.save()
    await chunks.save()


async def _withdraw(build: Build, recorded: Recorded) -> None:
    event: ChunkWithdrawn = recorded.event
    found = [
        row
        for row in await CHUNKS.having(build, "number", [event.number])
        if row.import_id == event.import_id
    ]
    for row in found:
        row.withdrawn, row.position = True, recorded.position
    await CHUNKS.save(build, found)


def _key(import_id: UUID, place: Place) -> tuple[UUID, int, str, int]:
    return import_id, place.file, place.sheet, place.row


def _count(batch: ImportRow | None, before: ImportedRow | None, after: ImportedRow | None) -> None:
    """Let the batch count the row where it is now. The rows say themselves what was seen before."""
    if batch is None or before is after:
        return
    for row, one in ((before, -1), (after, 1)):
        if row is not None:
            batch.quarantined += one * (row.state == "quarantined")
            batch.excluded += one * (row.state == "excluded")


def _row(row: ImportedRow | None, recorded: Recorded) -> ImportedRow:
    event = recorded.event
    if row is None:
        place: Place = event.place
        row = ImportedRow(
            import_id=recorded.stream_id,
            file=place.file,
            sheet=place.sheet,
            row=place.row,
            state="fixed",
            findings=(),
            fixes=(),
            reason=None,
        )
    row = begun(row, recorded)
    match event:
        case FindingQuarantined():
            # A row that was mended is judged anew; what was found before is history.
            known = row.findings if row.state == "quarantined" else ()
            row.findings = (*known, _at(recorded))
            row.state = "quarantined"
        case CellFixed():
            row.fixes = (*row.fixes, _at(recorded))
            row.state = "fixed"
        case RowReleased():
            row.state = "fixed"
        case RowExcluded():
            row.state, row.reason = "excluded", event.reason
    return row


def _at(recorded: Recorded) -> FoundAt:
    event: FindingQuarantined | CellFixed = recorded.event
    return FoundAt(column=event.column, rule=event.rule, position=recorded.position)


def _chunk(_: ChunkRow | None, recorded: Recorded) -> ChunkRow:
    event: ChunkCommitted = recorded.event
    return ChunkRow(
        at=recorded.position,
        import_id=event.import_id,
        number=event.number,
        events=len(event.origins),
        withdrawn=False,
    )


def _begun(recorded: Recorded) -> ImportRow:
    event: ImportStarted = recorded.event
    return ImportRow(
        import_id=recorded.stream_id,
        code=event.code,
        owner_at=recorded.position,
        mapping_digest=event.mapping_digest,
        files=event.files,
        stage="cleansing",
        rows=0,
        committed=0,
        quarantined=0,
        excluded=0,
        fixes=0,
        checks=(),
        sample=None,
        signed_off_by=None,
        signed_off_at=None,
        chunks=0,
        events=0,
        trace_days=event.trace_days,
        committed_at=None,
        traceable_until=None,
        reconciliation=None,
        created_position=recorded.position,
        version=recorded.version,
    )


def _batch(row: ImportRow | None, recorded: Recorded) -> ImportRow:
    event, at = recorded.event, recorded.recorded_at
    if isinstance(event, ImportStarted):
        return _begun(recorded)
    row = begun(row, recorded)
    if isinstance(event, ChunkCommitted):
        row.chunks, row.events = event.number, row.events + len(event.origins)
        return row
    row.version = recorded.version
    match event:
        case CellFixed() | RowExcluded() | RowReleased():
            row.fixes += isinstance(event, CellFixed)
            _open_again(row)
        case FindingQuarantined():
            if row.stage != "committing":
                _open_again(row)
        case ImportChecked():
            others = tuple(each for each in row.checks if each.check != event.check)
            row.checks = (*others, _checked(event, recorded.position))
            row.rows, row.signed_off_by, row.signed_off_at = event.rows, None, None
        case SampleDrawn() | SampleCompared() | SamplingAgreed():
            row.sample = _sampled(row.sample, recorded)
        case ImportSignedOff():
            row.signed_off_by, row.signed_off_at = recorded.actor, at
        case CommitBegun():
            row.stage = "committing"
        case ImportCommitted():
            row.stage, row.committed, row.committed_at = "committed", event.committed, at
            row.traceable_until = at + timedelta(days=row.trace_days)
        case ImportReconciled():
            row.reconciliation = ReconciledTold(
                compared=event.compared,
                differing=event.differing,
                source_digest=event.source_digest,
                views_digest=event.views_digest,
                reconciled=event.reconciled,
            )
        case CompensationBegun():
            row.stage = "compensating"
        case ImportCompensated():
            row.stage = "compensated"
    return row


def _open_again(row: ImportRow) -> None:
    row.stage, row.checks, row.sample = "cleansing", (), None
    row.signed_off_by = row.signed_off_at = None


def _checked(event: ImportChecked, position: int) -> CheckTold:
    return CheckTold(
        check=event.check,
        passed=event.passed,
        rows=event.rows,
        open_findings=event.open_findings,
        warnings=event.warnings,
        report_digest=event.report_digest,
        position=position,
    )


def _sampled(sample: SampleTold | None, recorded: Recorded) -> SampleTold | None:
    event = recorded.event
    if isinstance(event, SampleDrawn):
        return SampleTold(
            seed=event.seed,
            size=event.size,
            population=event.population,
            confidence_bp=event.confidence_bp,
            mismatches_max=event.mismatches_max,
            sample_digest=event.sample_digest,
        )
    if sample is None:
        return None
    if isinstance(event, SamplingAgreed):
        return msgspec.structs.replace(sample, agreed=True)
    by = tuple(dict.fromkeys((*sample.compared_by, recorded.actor)))
    return msgspec.structs.replace(sample, compared_by=by)


IMPORTS_VIEW = Projection(
    name=NAME, version=VERSION, topics=_TOPICS, tables=(IMPORTS, ROWS, CHUNKS), apply=_apply
)
