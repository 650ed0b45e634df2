"""What comes out of a customer's files: records with the cell behind each value, and findings.

This is the seam between reading and checking (files to records) and the import that the domain
decides (records to commands). All values are text in canonical form, so that a struct of a command
takes them by `msgspec.convert(..., strict=False)`: days as 2024-05-31, numbers and money as plain
exact decimals, yes and no as true and false. Business keys stand where commands have ids.
"""

from collections.abc import Iterator
from typing import Literal, Protocol, TypeAlias

import msgspec

Entity: TypeAlias = Literal[
    "org_unit",
    "job",
    "person",
    "employment",
    "assignment",
    "pay_structure",
    "termination",
    "pay_history",
    "score_history",
    "fact",
]
"""In the order in which they can be carried out: whatever is referred to comes before.

Within one entity, parents come before their children and managers before those whom they lead;
`ops.onboarding.entities.FIELDS` lists the fields of each:

org_unit       code, name, valid_from, parent -> org_unit
job            code, title, family, level, coefficient_min, coefficient_max
person         number, name
employment     number, person -> person, hired_on, org_unit, job, cost_centre, manager?, fte
assignment     employment, effective_from, ends_on?, org_unit, job, cost_centre, manager?, fte
pay_structure  employment, effective_from, monthly_total, currency, performance_share
termination    employment, last_day, leaver, reason
pay_history    employment, measure, period, starts_on, ends_on, total, currency, "part:NAME"...
score_history  employment, measure, period, starts_on, ends_on, rating, scale_min, scale_max, label
fact           subject_kind, subject, measure, reference, occurred_on, value, unit, label
"""

Check: TypeAlias = Literal["format", "logic", "sampling"]
Severity: TypeAlias = Literal["error", "warning"]
"""An error keeps its row out (quarantine); a warning is for people to read."""
RowState: TypeAlias = Literal["ok", "quarantined", "excluded"]


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the old system as it was read; its number is its place in `Checked.files`."""

    name: str
    """Below the folder, with forward slashes."""
    sha256: str
    size: int
    encoding: str = ""
    """Of text files, as detected or as the mapping says."""


class RowRef(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """A row of a source, as a spreadsheet numbers it: from 1, the header counted."""

    file: int
    sheet: str
    """Empty in CSV; the model of a JSON fixture; the table of a SQL dump."""
    row: int


class SourceRef(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """One cell of a source."""

    file: int
    sheet: str
    row: int
    """From 1; 0 where the value came from the file's name or the mapping."""
    column: str
    """The header's text; `#3` is the third column of a file without header; a fixture's key."""


class Value(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A field of a record."""

    raw: str | None
    """Exactly what the cell says; None where the value is a constant of the mapping."""
    text: str | None
    """In canonical form; None where the field is empty."""
    refs: tuple[SourceRef, ...] = ()
    """The cells behind it; the look-ups that it went through come after its own cell."""
    fixes: tuple[str, ...] = ()
    """The rules that made `text` of `raw`, in order, such as "trim", "money", "code-list"."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A thing of the new system, as a source row tells it."""

    entity: Entity
    key: str
    """The business key: unique within the entity."""
    row: RowRef
    """The row that made it; its state is the record's state."""
    fields: dict[str, Value]
    more_rows: tuple[RowRef, ...] = ()
    """Other rows that say the same (merged by the mapping's rule), which count with it."""

    def text(self, field: str) -> str | None:
        """The field in canonical form; None where it is empty or missing."""
        value = self.fields.get(field)
        return None if value is None else value.text


class Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a check found, where, by which rule, and what would mend it."""

    code: str
    """Stable, such as "bad-date" or "unknown-reference"."""
    check: Check
    severity: Severity
    file: int
    """Number of the file; -1 where it is about all of them."""
    sheet: str
    row: int
    """0 where it is about the whole file or sheet."""
    column: str
    value: str | None
    rule: str
    """The rule in words, with the entity and field that it is about."""
    suggestion: str | None = None
    replacement: str | None = None
    """What the cell should say, where the check can tell."""


class Exclusion(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that the mapping leaves out on purpose, and why."""

    file: int
    sheet: str
    reason: str
    rows: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Source rows: none ever vanishes."""

    rows: int
    ok: int
    quarantined: int
    excluded: int

    @property
    def balanced(self) -> bool:
        """In = ok + quarantined + excluded."""
        return self.rows == self.ok + self.quarantined + self.excluded


class Checked(Protocol):
    """All that came of the check of a folder; streams, so that its size does not matter.

    `ops.onboarding.workspace.Workspace.open(folder)` gives one from what `merit onboard check`
    has left behind; each call begins a new pass.
    """

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Every file of the folder."""

    @property
    def mapping_digest(self) -> str:
        """SHA-256 of the mapping file, hexadecimal."""

    @property
    def report_digest(self) -> str:
        """SHA-256 of the machine-readable report."""

    def counts(self) -> Counts:
        """Over all files."""

    def records(self, *entities: Entity, after: int = 0) -> Iterator[tuple[int, Record]]:
        """Sound records (all rows behind them "ok") with their number, ordered for carrying out.

        Numbers rise and are the same on every pass, so an import resumes `after` one of them.
        """

    def findings(self, severity: Severity | None = None) -> Iterator[Finding]:
        """Format first, in the order of the files."""

    def exclusions(self) -> Iterator[Exclusion]:
        """What the mapping leaves out."""

    def rows(self, state: RowState) -> Iterator[RowRef]:
        """All rows of a state, in order."""


class Amendment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a cell said, and what it shall say."""

    old: str
    new: str
    rule: str


class Amendments(msgspec.Struct, frozen=True, kw_only=True):
    """What people and the domain have decided about a batch since its files were read.

    A check is given them (`amendments=`): it reads each cell of `cells` as its `new` (a finding
    where the source does not say `old` there), and takes the rows of `excluded` and `refused` as
    excluded and quarantined, whatever else is in them. From `ops.onboarding.batches`.
    """

    cells: dict[SourceRef, Amendment] = {}
    excluded: dict[RowRef, str] = {}
    """With the reason."""
    refused: dict[RowRef, str] = {}
    """Rows that the domain says no to, with its code and sentence."""
