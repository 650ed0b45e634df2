"""Importing a company from its old system: one batch, from the first file to the last. R112-R120

What an old system says is checked, cleaned, compared by two people and then decided by the domain,
command by command. A row is committed, in quarantine or excluded; none vanishes.
"""

from typing import Literal
from uuid import UUID

import msgspec

from domain.kernel import Command, Event, Personal

Check = Literal["format", "logic"]
"""格式校验, 逻辑校验; the third check is the sampling. 抽样比对"""
Stage = Literal["cleansing", "committing", "committed", "compensating", "compensated"]
RowState = Literal["quarantined", "fixed", "excluded"]

TRACE_DAYS_MIN = 92
"""Three months, whichever they are: what was migrated can be traced and taken back for so long."""


class SourceFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of the old system, by its content."""

    name: str
    sha256: str
    """64 hexadecimal digits."""
    size: int
    """Bytes."""


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of a source: the file by its number in the batch from 0, the sheet, the row from 1."""

    file: int
    row: int
    sheet: str = ""
    """Empty where the file has only one."""


class FoundInRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a check found wrong in a cell, with the fix that it suggests."""

    place: Place
    column: str
    rule: str
    message: str
    value: str | None = None
    suggestion: str | None = None


class CellFix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cell, what it said, what it shall say, and by which rule."""

    place: Place
    column: str
    old: str = ""
    """Nothing where the cell was empty."""
    new: str = ""
    rule: str


class StartImport(Command, frozen=True, kw_only=True):
    """A batch of files under one mapping, with the engineer who answers for it. R120"""

    code: str
    owner: str
    """The migration engineer, by name. 数据迁移工程师"""
    mapping_digest: str
    """SHA-256 of the mapping file."""
    files: tuple[SourceFile, ...]
    trace_days: int = TRACE_DAYS_MIN
    """How long the batch can be taken back after its commit; its trace is kept for ever."""


class ImportStarted(Event, frozen=True, kw_only=True):
    TOPIC = "import.started"
    code: str
    owner: Personal[str | None] = None
    mapping_digest: str
    files: tuple[SourceFile, ...]
    trace_days: int


class QuarantineRows(Command, frozen=True, kw_only=True):
    """These findings keep their rows from being committed until each is fixed or excluded."""

    findings: tuple[FoundInRow, ...]


class FindingQuarantined(Event, frozen=True, kw_only=True):
    """隔离"""

    TOPIC = "import.finding-quarantined"
    place: Place
    column: str
    rule: str
    message: Personal[str | None] = None
    value: Personal[str | None] = None
    suggestion: Personal[str | None] = None


class FixCells(Command, frozen=True, kw_only=True):
    """Say what these cells should have said; the original is kept beside it."""

    fixes: tuple[CellFix, ...]


class CellFixed(Event, frozen=True, kw_only=True):
    """清洗"""

    TOPIC = "import.cell-fixed"
    place: Place
    column: str
    rule: str
    old: Personal[str | None] = None
    new: Personal[str | None] = None


class ExcludeRows(Command, frozen=True, kw_only=True):
    """These rows are not to be migrated, for this reason."""

    places: tuple[Place, ...]
    reason: str


class RowExcluded(Event, frozen=True, kw_only=True):
    """剔除"""

    TOPIC = "import.row-excluded"
    place: Place
    reason: str


class ReleaseRows(Command, frozen=True, kw_only=True):
    """Another row was mended, so these are right now without having been touched."""

    places: tuple[Place, ...]


class RowReleased(Event, frozen=True, kw_only=True):
    """解除隔离"""

    TOPIC = "import.row-released"
    place: Place


class RecordCheck(Command, frozen=True, kw_only=True):
    """What a check of all rows came to, as the report with this digest says."""

    check: Check
    rows: int
    """All rows of all files: what went in."""
    open_findings: int
    """Errors in rows that are neither in quarantine nor excluded; the check passes at 0."""
    warnings: int
    report_digest: str


class ImportChecked(Event, frozen=True, kw_only=True):
    """格式校验/逻辑校验"""

    TOPIC = "import.checked"
    check: Check
    passed: bool
    rows: int
    open_findings: int
    warnings: int
    report_digest: str


class DrawSample(Command, frozen=True, kw_only=True):
    """A random sample that anybody can draw again from its seed."""

    seed: int
    size: int
    population: int
    confidence_bp: int
    """Basis points: 9500 is 95 %."""
    mismatches_max: int
    """The acceptance threshold."""
    sample_digest: str


class SampleDrawn(Event, frozen=True, kw_only=True):
    """抽样"""

    TOPIC = "import.sample-drawn"
    seed: int
    size: int
    population: int
    confidence_bp: int
    mismatches_max: int
    sample_digest: str


class CompareSample(Command, frozen=True, kw_only=True):
    """One of two people has compared the whole sample with the source."""

    sample_digest: str
    matched: int
    mismatched: int


class SampleCompared(Event, frozen=True, kw_only=True):
    """比对"""

    TOPIC = "import.sample-compared"
    sample_digest: str
    matched: int
    mismatched: int


class SamplingAgreed(Event, frozen=True, kw_only=True):
    """Two different people found the sample within its threshold."""

    TOPIC = "import.sampling-agreed"
    first: UUID
    second: UUID


class SignOffImport(Command, frozen=True, kw_only=True):
    """All three checks have passed: the migration owner answers for what will be committed."""

    note: str


class ImportSignedOff(Event, frozen=True, kw_only=True):
    TOPIC = "import.signed-off"
    note: str


class CommitImport(Command, frozen=True, kw_only=True):
    """Begin to carry out the rows that are neither in quarantine nor excluded."""


class CommitBegun(Event, frozen=True, kw_only=True):
    TOPIC = "import.commit-begun"


class FinishCommit(Command, frozen=True, kw_only=True):
    """Every row has been carried out; the counts must add up."""

    committed: int


class ImportCommitted(Event, frozen=True, kw_only=True):
    """In = committed + quarantined + excluded. 提交"""

    TOPIC = "import.committed"
    rows: int
    committed: int
    quarantined: int
    excluded: int


class RecordReconciliation(Command, frozen=True, kw_only=True):
    """Source and views were compared: counts, sums, digests, and rows that differ."""

    compared: int
    differing: int
    source_digest: str
    views_digest: str


class ImportReconciled(Event, frozen=True, kw_only=True):
    """对账"""

    TOPIC = "import.reconciled"
    compared: int
    differing: int
    source_digest: str
    views_digest: str
    reconciled: bool


class CompensateImport(Command, frozen=True, kw_only=True):
    """Take the whole batch back, within its window. 批次冲回"""

    reason: str


class CompensationBegun(Event, frozen=True, kw_only=True):
    TOPIC = "import.compensation-begun"
    reason: str


class FinishCompensation(Command, frozen=True, kw_only=True):
    """Everything was taken back; what is left over of it must be nothing."""

    residual: int
    """Rows of views that still rest on the batch."""


class ImportCompensated(Event, frozen=True, kw_only=True):
    TOPIC = "import.compensated"


ImportEvent = (
    ImportStarted
    | FindingQuarantined
    | CellFixed
    | RowExcluded
    | RowReleased
    | ImportChecked
    | SampleDrawn
    | SampleCompared
    | SamplingAgreed
    | ImportSignedOff
    | CommitBegun
    | ImportCommitted
    | ImportReconciled
    | CompensationBegun
    | ImportCompensated
)
ImportCommand = (
    StartImport
    | QuarantineRows
    | FixCells
    | ExcludeRows
    | ReleaseRows
    | RecordCheck
    | DrawSample
    | CompareSample
    | SignOffImport
    | CommitImport
    | FinishCommit
    | RecordReconciliation
    | CompensateImport
    | FinishCompensation
)
