"""What may be done with an import batch, and when."""

from collections.abc import Iterable
from typing import assert_never

from domain.checks import absent, checked_code, checked_name, checked_reason, checked_text, known
from domain.kernel import Context, Decider, Event, Refused
from domain.migration import (
    TRACE_DAYS_MIN,
    CellFixed,
    CommitBegun,
    CommitImport,
    CompareSample,
    CompensateImport,
    CompensationBegun,
    DrawSample,
    ExcludeRows,
    FindingQuarantined,
    FinishCommit,
    FinishCompensation,
    FixCells,
    FoundInRow,
    ImportChecked,
    ImportCommand,
    ImportCommitted,
    ImportCompensated,
    ImportReconciled,
    ImportSignedOff,
    ImportStarted,
    Place,
    QuarantineRows,
    RecordCheck,
    RecordReconciliation,
    ReleaseRows,
    RowExcluded,
    RowReleased,
    SampleCompared,
    SampleDrawn,
    SamplingAgreed,
    SignOffImport,
    StartImport,
)
from domain.migration_batch import ImportBatch, evolve_import

FILES_MAX = 10_000
ROWS_MAX = 10**9
ITEMS_MAX = 5_000
"""Of one command; more than that is several commands."""
TRACE_DAYS_MAX = 36_525
_DIGEST_DIGITS = 64
_ALL_CHECKS = frozenset({"format", "logic"})
_PEOPLE = 2
_BP = 10_000
_SEED_LIMIT = 2**63


def _decide(state: ImportBatch | None, command: ImportCommand, context: Context) -> Iterable[Event]:
    if isinstance(command, StartImport):
        absent(state, "an import")
        return (_start(command),)
    batch = known(state, "unknown-import", "such import")
    match command:
        case QuarantineRows():
            return _quarantine(batch, command)
        case FixCells():
            return _fix(batch, command)
        case ExcludeRows():
            return _exclude(batch, command)
        case ReleaseRows():
            return _release(batch, command)
        case RecordCheck():
            return (_check(batch, command),)
        case DrawSample():
            return (_draw(batch, command),)
        case CompareSample():
            return _compare(batch, command, context)
        case SignOffImport():
            _three_checks(batch)
            return (ImportSignedOff(note=checked_reason(command.note, "note")),)
        case CommitImport():
            _three_checks(batch)
            if not batch.signed_off:
                raise Refused("import-not-signed-off", "The migration owner signs it off first.")
            return (CommitBegun(),)
        case FinishCommit():
            return (_finish(batch, command),)
        case RecordReconciliation():
            return (_reconcile(batch, command),)
        case CompensateImport():
            return (_compensate(batch, command, context),)
        case FinishCompensation():
            _in_stage(batch, "compensating")
            if command.residual != 0:
                raise Refused(
                    "import-residual", f"{command.residual} rows still rest on the batch."
                )
            return (ImportCompensated(),)
        case _:
            assert_never(command)


def _start(command: StartImport) -> ImportStarted:
    if not 1 <= len(command.files) <= FILES_MAX:
        raise Refused("bad-import", f"A batch has 1 to {FILES_MAX} files.")
    for file in command.files:
        checked_name(file.name, "file name")
        _digest(file.sha256)
        _count(file.size, "size", 2**53)
    if len({file.name for file in command.files}) < len(command.files):
        raise Refused("bad-import", "Each file of a batch has a name of its own.")
    if not TRACE_DAYS_MIN <= command.trace_days <= TRACE_DAYS_MAX:
        raise Refused(
            "bad-import", f"What is migrated is traced for {TRACE_DAYS_MIN} days or more."
        )
    return ImportStarted(
        code=checked_code(command.code),
        owner=checked_name(command.owner, "owner"),
        mapping_digest=_digest(command.mapping_digest),
        files=command.files,
        trace_days=command.trace_days,
    )


def _quarantine(batch: ImportBatch, command: QuarantineRows) -> Iterable[Event]:
    _in_stage(batch, "cleansing", "committing")
    _few(command.findings)
    for found in command.findings:
        _placed(batch, found.place)
        if batch.rows.of(found.place) == "excluded":
            raise Refused("row-excluded", f"Row {found.place.row} is excluded.")
        yield _finding(found)


def _finding(found: FoundInRow) -> FindingQuarantined:
    return FindingQuarantined(
        place=found.place,
        column=checked_text(found.column, "column"),
        rule=checked_code(found.rule, "rule"),
        message=checked_text(found.message, "message"),
        value=found.value and _storable(found.value),
        suggestion=found.suggestion and _storable(found.suggestion),
    )


def _fix(batch: ImportBatch, command: FixCells) -> Iterable[Event]:
    _in_stage(batch, "cleansing", "committed")
    _few(command.fixes)
    for fix in command.fixes:
        _placed(batch, fix.place)
        _not_done(batch, fix.place)
        if fix.old == fix.new:
            raise Refused("fix-changes-nothing", "The cell says that already.")
        yield CellFixed(
            place=fix.place,
            column=checked_text(fix.column, "column"),
            rule=checked_code(fix.rule, "rule"),
            old=_storable(fix.old),
            new=_storable(fix.new),
        )


def _exclude(batch: ImportBatch, command: ExcludeRows) -> Iterable[Event]:
    _in_stage(batch, "cleansing", "committed")
    _few(command.places)
    reason = checked_reason(command.reason)
    if len(set(command.places)) < len(command.places):
        raise Refused("row-excluded", "A row is excluded once.")
    for place in command.places:
        _placed(batch, place)
        _not_done(batch, place)
        yield RowExcluded(place=place, reason=reason)


def _release(batch: ImportBatch, command: ReleaseRows) -> Iterable[Event]:
    _in_stage(batch, "cleansing")
    _few(command.places)
    for place in command.places:
        if batch.rows.of(place) != "quarantined":
            raise Refused("row-not-quarantined", f"Row {place.row} is not in quarantine.")
        yield RowReleased(place=place)


def _not_done(batch: ImportBatch, place: Place) -> None:
    """Refuse what would change a row that is excluded, or in history already."""
    state = batch.rows.of(place)
    if state == "excluded":
        raise Refused("row-excluded", f"Row {place.row} is excluded.")
    if batch.committed_at is not None and state is None:
        raise Refused("row-committed", f"Row {place.row} was committed; take the batch back.")


def _check(batch: ImportBatch, command: RecordCheck) -> ImportChecked:
    _in_stage(batch, "cleansing")
    _count(command.rows, "rows")
    return ImportChecked(
        check=command.check,
        passed=_count(command.open_findings, "findings") == 0,
        rows=command.rows,
        open_findings=command.open_findings,
        warnings=_count(command.warnings, "warnings"),
        report_digest=_digest(command.report_digest),
    )


def _draw(batch: ImportBatch, command: DrawSample) -> SampleDrawn:
    _in_stage(batch, "cleansing")
    if batch.passed != _ALL_CHECKS:
        raise Refused("checks-not-passed", "Format and logic are right before a sample is drawn.")
    population = _count(command.population, "population")
    if not 0 <= command.seed < _SEED_LIMIT or not 0 < command.confidence_bp < _BP:
        raise Refused("bad-sample", "A sample has a seed from 0 and a confidence below 100 %.")
    if not min(1, population) <= command.size <= population:
        raise Refused("bad-sample", f"A sample has 1 to {population} rows.")
    if not 0 <= command.mismatches_max <= command.size:
        raise Refused("bad-sample", "Its threshold is at most its size.")
    return SampleDrawn(
        seed=command.seed,
        size=command.size,
        population=population,
        confidence_bp=command.confidence_bp,
        mismatches_max=command.mismatches_max,
        sample_digest=_digest(command.sample_digest),
    )


def _compare(batch: ImportBatch, command: CompareSample, context: Context) -> Iterable[Event]:
    _in_stage(batch, "cleansing")
    sample = known(batch.sample, "no-sample", "sample of what is there now")
    if command.sample_digest != sample.digest:
        raise Refused("no-sample", "That is not the sample that was drawn last.")
    if min(command.matched, command.mismatched) < 0 or (
        command.matched + command.mismatched != sample.size
    ):
        raise Refused("bad-sample", f"The sample has {sample.size} rows; all are compared.")
    yield SampleCompared(
        sample_digest=sample.digest, matched=command.matched, mismatched=command.mismatched
    )
    others = [each for each in sample.accepted_by if each != context.actor]
    if others and not batch.agreed and command.mismatched <= sample.mismatches_max:
        yield SamplingAgreed(first=others[0], second=context.actor)


def _three_checks(batch: ImportBatch) -> None:
    _in_stage(batch, "cleansing")
    missing = sorted(_ALL_CHECKS - batch.passed)
    if missing:
        raise Refused("checks-not-passed", f"These checks have not passed: {', '.join(missing)}.")
    if not batch.agreed:
        raise Refused("sampling-not-agreed", f"{_PEOPLE} different people compare the sample.")


def _finish(batch: ImportBatch, command: FinishCommit) -> ImportCommitted:
    _in_stage(batch, "committing")
    quarantined, excluded = batch.rows.quarantined, batch.rows.excluded
    if _count(command.committed, "rows") + quarantined + excluded != batch.read:
        raise Refused(
            "rows-do-not-add-up",
            f"{batch.read} rows were read; {command.committed} committed, {quarantined} in "
            f"quarantine and {excluded} excluded are not as many.",
        )
    return ImportCommitted(
        rows=batch.read,
        committed=command.committed,
        quarantined=quarantined,
        excluded=excluded,
    )


def _reconcile(batch: ImportBatch, command: RecordReconciliation) -> ImportReconciled:
    _in_stage(batch, "committed")
    compared = _count(command.compared, "compared")
    differing = _count(command.differing, "differing")
    source, views = _digest(command.source_digest), _digest(command.views_digest)
    return ImportReconciled(
        compared=compared,
        differing=differing,
        source_digest=source,
        views_digest=views,
        reconciled=differing == 0 and source == views,
    )


def _compensate(
    batch: ImportBatch, command: CompensateImport, context: Context
) -> CompensationBegun:
    _in_stage(batch, "committing", "committed")
    until = batch.traceable_until()
    if until is not None and context.now > until:
        raise Refused("trace-window-closed", f"The batch could be taken back until {until}.")
    return CompensationBegun(reason=checked_reason(command.reason))


def _in_stage(batch: ImportBatch, *stages: str) -> None:
    if batch.stage not in stages:
        raise Refused("wrong-import-stage", f"The batch is {batch.stage} now.")


def _placed(batch: ImportBatch, place: Place) -> None:
    checked_text(place.sheet, "sheet")
    if not 0 <= place.file < batch.files or not 1 <= place.row <= ROWS_MAX:
        raise Refused("unknown-row", "The batch has no such row.")


def _few(items: tuple[object, ...]) -> None:
    if not 1 <= len(items) <= ITEMS_MAX:
        raise Refused("bad-import", f"One command says something of 1 to {ITEMS_MAX} rows.")


def _count(number: int, what: str, most: int = ROWS_MAX) -> int:
    if not 0 <= number <= most:
        raise Refused("bad-number", f"The number of {what} must be from 0 to {most}.")
    return number


def _digest(text: str) -> str:
    if len(text) != _DIGEST_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise Refused("bad-digest", "A digest is SHA-256 in 64 lower-case hexadecimal digits.")
    return text


def _storable(text: str) -> str:
    """Content of a cell, whatever it is; only what no database can hold is made visible."""
    shown = text.replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= _CELL_MAX else shown[:_CELL_MAX]


_CELL_MAX = 32_767
"""As in a spreadsheet."""

IMPORT: Decider[ImportBatch | None] = Decider(
    kind="import", initial=None, decide=_decide, evolve=evolve_import
)
