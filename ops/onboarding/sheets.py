"""One sheet at a time: its header, and every row of it judged by the recipes that take it."""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from ops.onboarding.entities import ENTITIES
from ops.onboarding.formats.pieces import Piece
from ops.onboarding.headers import columns_of, header_row
from ops.onboarding.mapping import Mapping, MappingRefused, Source
from ops.onboarding.recipes import (
    Made,
    MissingColumn,
    Prepared,
    Readings,
    Sheet,
    Tables,
    condition,
    facts_of,
)
from ops.onboarding.records import Finding
from ops.onboarding.row_rules import Seen, Test, tests_of
from ops.onboarding.values import Problem
from ops.onboarding.workspace import BATCH, Template, Workspace, rid_of

NO_RECIPE = "no record of the mapping takes this row"
NOT_MAPPED = "not in the mapping"


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What a cell should have said, and by which rule somebody decided so."""

    text: str
    rule: str


class Corrections(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions of the cleaning, applied before anything is judged; originals are kept."""

    cells: dict[tuple[int, str, int], dict[str, Correction]] = {}
    """(file, sheet, row): column: correction."""
    excluded: dict[tuple[int, str, int], str] = {}
    """(file, sheet, row): the reason."""


class Judge:
    """What all sheets of a check share."""

    def __init__(self, mapping: Mapping, workspace: Workspace, tables: Tables) -> None:
        self.mapping, self.workspace = mapping, workspace
        self.readings, self.seen = Readings(mapping, tables), Seen()
        self.used: set[str] = set()
        self.sheets = self.templates = 0

    def fixes(self) -> dict[str, int]:
        """How often which rules changed which field."""
        found: Counter[str] = Counter()
        for recipe, fixed in zip(self.mapping.records, self.readings.fixed, strict=True):
            for (field, rules), times in fixed.items():
                found[f"{recipe.entity}.{field}: {rules}"] += times
        return dict(found.most_common())

    def sheet(
        self,
        file: int,
        name: str,
        sheet: str,
        *,
        sources: list[str],
        corrections: Corrections,
        first: bool,
    ) -> "SheetState":
        """A sheet that begins; the first source that means it takes it."""
        self.sheets += 1
        source = None
        for each in sources:
            wanted = self.mapping.sources[each].sheet
            if (wanted is None and first) or (wanted is not None and fnmatchcase(sheet, wanted)):
                source = each
                break
        if source is not None:
            self.used.add(source)
        reason = next(
            (
                why
                for pattern, why in self.mapping.exclude_files.items()
                if fnmatchcase(name, pattern) or fnmatchcase(f"{name}#{sheet}", pattern)
            ),
            NOT_MAPPED,
        )
        return SheetState(
            self,
            file=file,
            name=name,
            sheet=sheet,
            source=source,
            reason=reason,
            corrections=corrections,
        )


class SheetState:
    """A sheet that is being read."""

    def __init__(
        self,
        judge: Judge,
        *,
        file: int,
        name: str,
        sheet: str,
        source: str | None,
        reason: str,
        corrections: Corrections,
    ) -> None:
        self._judge, self._number, self._file, self._name = judge, judge.sheets, file, name
        self._sheet, self._source_name = sheet, source
        self._source: Source | None = judge.mapping.sources[source] if source else None
        self._reason: str | None = reason if source is None else None
        self._corrections = corrections
        self._begun = False
        self._columns: tuple[str, ...] = ()
        self._first = self._last = self._rows = 0
        self._above: dict[int, str] = {}
        self._prepared: list[tuple[Prepared, int]] = []
        self._tests: list[Test] = []
        self._leave: list[tuple[Any, str]] = []
        self._broken: Finding | None = None
        self._records: list[tuple[Any, ...]] = []
        self._findings: list[Finding] = []
        self._bad: list[int] = []
        self._out: list[tuple[int, str]] = []
        self._blank: list[tuple[int]] = []

    # -- the header

    def _begin(self, piece: Piece) -> int:
        """Find the header; the place of the first row of data in the piece."""
        self._begun = True
        if piece.columns is not None:
            self._shape(tuple(piece.columns))
            self._first = piece.first_row
            return 0
        source = self._source
        header = source.header if source is not None else "auto"
        row = header if isinstance(header, int) else None
        if header == "auto":
            row = header_row(piece.rows)
        named = source.columns if source is not None and source.columns else None
        if row is None:
            width = max((len(each) for each in piece.rows), default=0)
            shape = tuple(named) if named else tuple(f"#{place}" for place in range(1, width + 1))
        else:
            head = piece.rows[row - 1] if row <= len(piece.rows) else []
            shape = tuple(named) if named else columns_of(_without_tail(head))
        self._shape(shape)
        self._first = piece.first_row + (row or 0)
        return row or 0

    def _shape(self, columns: tuple[str, ...]) -> None:
        """Make the recipes ready for these columns."""
        self._columns = columns
        self._prepared, self._tests, self._leave, self._broken = [], [], [], None
        if self._source is None or self._source_name is None:
            return
        facts = facts_of(self._source, self._name)
        if facts is None:
            self._broken = self._about(
                "bad-file-name", f"the name must match {self._source.facts}", "rename the file"
            )
            return
        known = {"file": self._name, "sheet": self._sheet, "all": "all of them"}
        sheet = Sheet(columns=columns, facts={**known, **facts})
        mapping = self._judge.mapping
        try:
            self._leave = [
                (condition(leave.when, sheet), leave.reason) for leave in self._source.exclude or []
            ]
            self._tests = tests_of(mapping, self._source_name, sheet, self._judge.seen)
            for number, recipe in enumerate(mapping.records):
                if recipe.source == self._source_name:
                    self._prepare(Prepared(mapping, number, sheet, self._judge.readings))
        except MissingColumn as missing:
            if missing.column.startswith("@"):
                raise MappingRefused(
                    f"source {self._source_name}: `facts` has no group {missing.column[1:]!r}"
                ) from None
            self._broken = self._about(
                "missing-column",
                f"the mapping needs column {missing.column!r}; there are {', '.join(columns[:20])}",
                "correct the header's name in the mapping or in the file",
                missing.column,
            )

    def _prepare(self, prepared: Prepared) -> None:
        template = Template(
            prepared.entity,
            self._file,
            self._sheet,
            [(slot.field, list(slot.columns), slot.constant) for slot in prepared.slots],
        )
        self._judge.templates += 1
        number = self._judge.templates
        self._judge.workspace.connection.execute(
            "INSERT INTO template VALUES (?, ?, ?)",
            (number, ENTITIES.index(prepared.entity), msgspec.json.encode(template).decode()),
        )
        self._prepared.append((prepared, number))

    def _about(
        self, code: str, rule: str, suggestion: str, column: str = "", row: int = 0
    ) -> Finding:
        return Finding(
            code=code,
            check="format",
            severity="error",
            file=self._file,
            sheet=self._sheet,
            row=row,
            column=column,
            value=None,
            rule=rule,
            suggestion=suggestion,
        )

    # -- the rows

    def take(self, piece: Piece) -> None:
        """Judge some rows."""
        begin = 0
        if not self._begun:
            begin = self._begin(piece)
            if self._broken is not None:
                self._findings.append(self._broken)
        elif piece.columns is not None and tuple(piece.columns) != self._columns:
            self._shape(tuple(piece.columns))
            if self._broken is not None:
                self._findings.append(self._broken)
        width = len(self._columns)
        row = piece.first_row + begin - 1
        for told in piece.rows[begin:]:
            cells = told
            row += 1
            if not any(cells) or not any(cell.strip() for cell in cells):
                self._blank.append((rid_of(self._number, row),))
                continue
            self._rows += 1
            if self._source is None:
                continue
            if len(cells) != width:
                fitted = self._fitted(cells, width, row)
                if fitted is None:
                    continue
                cells = fitted
            self._row(cells, row)
        self._last = row
        self._flush()

    def _fitted(self, cells: list[str], width: int, row: int) -> list[str] | None:
        """The cells, if only empty ones are missing or too many."""
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            return cells[:width]
        if len(cells) < width and self._source is not None and self._source.header == "none":
            return cells + [""] * (width - len(cells))
        rid = rid_of(self._number, row)
        self._findings.append(
            self._about(
                "ragged-row",
                f"has {len(cells)} cells where the header has {width}",
                "perhaps a delimiter inside of a text that has no quotation marks",
                row=row,
            )
        )
        self._bad.append(rid)
        return None

    def _row(self, cells: list[str], row: int) -> None:
        rid = rid_of(self._number, row)
        source = self._source
        if source is not None and source.fill_down:
            self._fill(cells, source.fill_down)
        place = (self._file, self._sheet, row)
        if place in self._corrections.excluded:
            self._out.append((rid, self._corrections.excluded[place]))
            return
        corrected = self._corrections.cells.get(place)
        if corrected is not None:
            self._corrected(cells, row, rid, corrected)
            return
        self._judged(cells, row, rid)

    def _judged(self, cells: list[str], row: int, rid: int) -> list[tuple[Any, ...]]:
        for left_out, reason in self._leave:
            if left_out(cells):
                self._out.append((rid, reason))
                return []
        if self._broken is not None:
            self._bad.append(rid)
            return []
        bad = False
        for test in self._tests:
            verdict = test(cells)
            if verdict is not None:
                column, text, problem = verdict
                bad |= self._wrong("logic", row, column, text, problem)
        made: list[tuple[Any, ...]] = []
        # One cell may be read by several recipes; what is wrong with it is said once.
        said: set[tuple[str, str]] = set()
        for prepared, template in self._prepared:
            if prepared.takes(cells):
                told = prepared.make(cells)
                for slot, raw, problem in told.problems:
                    column = slot.columns[0] if slot.columns else f"({slot.field})"
                    if (column, problem.code) not in said:
                        said.add((column, problem.code))
                        bad |= self._wrong("format", row, column, raw, problem)
                made.append(_inserted(prepared, told, rid, template))
        if bad:
            self._bad.append(rid)
        elif not made and self._source is not None and not self._source.only_look_up:
            self._out.append((rid, NO_RECIPE))
        self._records += made
        return made

    def _corrected(
        self, cells: list[str], row: int, rid: int, corrected: dict[str, Correction]
    ) -> None:
        """Judge what the cells should have said; the records keep what they do say."""
        originals: dict[str, tuple[str, str]] = {}
        for column, correction in corrected.items():
            if column in self._columns:
                place = self._columns.index(column)
                originals[column] = (cells[place], correction.rule)
                cells[place] = correction.text
        count = len(self._judged(cells, row, rid))
        begun = len(self._records) - count
        for place in range(begun, len(self._records)):
            self._records[place] = self._with_originals(self._records[place], originals)

    def _with_originals(
        self, record: tuple[Any, ...], originals: dict[str, tuple[str, str]]
    ) -> tuple[Any, ...]:
        *rest, template, body, merged = record
        prepared = next(each for each, number in self._prepared if number == template)
        packed = msgspec.msgpack.decode(body)
        slots = [slot for slot in prepared.slots if slot.columns]
        for place, slot in enumerate(slots):
            for column in slot.columns:
                if column in originals:
                    old, rule = originals[column]
                    said = packed[place]
                    said = [said, said, [], []] if isinstance(said, str) else said
                    packed[place] = [old, said[1], [f"corrected: {rule}", *said[2]], said[3]]
        return (*rest, template, msgspec.msgpack.encode(packed), merged)

    def _fill(self, cells: list[str], columns: Sequence[str]) -> None:
        for column in columns:
            if column in self._columns:
                place = self._columns.index(column)
                if cells[place].strip():
                    self._above[place] = cells[place]
                else:
                    cells[place] = self._above.get(place, "")

    def _wrong(self, check: Any, row: int, column: str, value: str, problem: Problem) -> bool:
        error = problem.severity == "error"
        self._findings.append(
            Finding(
                code=problem.code,
                check=check,
                severity="error" if error else "warning",
                file=self._file,
                sheet=self._sheet,
                row=row,
                column=column,
                value=value[:500],
                rule=problem.rule,
                suggestion=problem.suggestion,
                replacement=problem.replacement,
            )
        )
        return error

    def _flush(self) -> None:
        kept = self._judge.workspace
        if len(self._records) >= BATCH or not self._begun:
            kept.add_records(self._records)
            self._records = []
        if self._findings:
            kept.add_findings(self._findings)
            self._findings = []
        if self._bad:
            kept.quarantine(self._bad)
            self._bad = []
        if self._out:
            kept.exclude(self._out)
            self._out = []
        if self._blank:
            kept.connection.executemany("INSERT INTO blank VALUES (?)", self._blank)
            self._blank = []

    def finish(self) -> None:
        """The sheet is at its end."""
        self._flush()
        kept = self._judge.workspace
        kept.add_records(self._records)
        self._records = []
        kept.connection.execute(
            "INSERT INTO sheet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self._number, self._file, self._sheet, self._source_name, self._first, self._last,
                self._rows, msgspec.json.encode(self._columns).decode(), self._reason,
            ),
        )  # fmt: skip


def _without_tail(row: Sequence[str]) -> list[str]:
    """A header without the empty cells behind it."""
    cells = list(row)
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _inserted(prepared: Prepared, made: Made, rid: int, template: int) -> tuple[Any, ...]:
    key = made.key if made.key is not None else ""
    return (
        None, prepared.number, ENTITIES.index(prepared.entity), key, rid, made.begins, made.ends,
        *made.references, made.state, made.within, made.near, made.like, template,
        msgspec.msgpack.encode(made.body), None,
    )  # fmt: skip
