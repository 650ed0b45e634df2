"""Where a check keeps what it has found: one SQLite file, so that the size does not matter.

It holds personal data of the customer as plainly as the files that it was made from, and is made
readable by its owner only. Whatever a check writes appears at once, when the check is complete.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec

from ops.demo.model import BadInput
from ops.onboarding.entities import ENTITIES
from ops.onboarding.records import (
    Counts,
    Entity,
    Exclusion,
    Finding,
    Record,
    RowRef,
    RowState,
    Severity,
    SourceFile,
    SourceRef,
    Value,
)

FILE = "workspace.sqlite"
ROW_BITS = 32
ROW_MASK = (1 << ROW_BITS) - 1
BATCH = 5000

SCHEMA = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sheet (
    number INTEGER PRIMARY KEY, file INTEGER NOT NULL, name TEXT NOT NULL, source TEXT,
    first_row INTEGER NOT NULL, last_row INTEGER NOT NULL, rows INTEGER NOT NULL,
    columns TEXT NOT NULL, left_out TEXT);
CREATE TABLE template (number INTEGER PRIMARY KEY, entity INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE record (
    id INTEGER PRIMARY KEY, recipe INTEGER NOT NULL, entity INTEGER NOT NULL, key TEXT NOT NULL,
    row INTEGER NOT NULL, begins TEXT, ends TEXT, person TEXT, employment TEXT, org_unit TEXT,
    job TEXT, manager TEXT, parent TEXT, state INTEGER NOT NULL, within TEXT, near TEXT, alike TEXT,
    template INTEGER NOT NULL, body BLOB NOT NULL, merged INTEGER);
CREATE TABLE quarantined (row INTEGER PRIMARY KEY);
CREATE TABLE excluded (row INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE blank (row INTEGER PRIMARY KEY);
CREATE TABLE finding (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL,
    file INTEGER NOT NULL, sheet TEXT NOT NULL, row INTEGER NOT NULL, field TEXT NOT NULL,
    value TEXT, rule TEXT NOT NULL, suggestion TEXT, replacement TEXT);
CREATE TABLE ready (number INTEGER PRIMARY KEY, entity INTEGER NOT NULL, record INTEGER NOT NULL);
"""
# After the rows are in: an index that is built once is built in order.
INDEXES = """
CREATE INDEX record_key ON record (entity, key);
CREATE INDEX record_row ON record (row);
CREATE INDEX record_near ON record (recipe, near) WHERE near IS NOT NULL;
CREATE INDEX record_merged ON record (merged) WHERE merged IS NOT NULL;
"""
INSERT_RECORD = f"INSERT INTO record VALUES ({', '.join('?' * 20)})"  # noqa: S608  # marks only
INSERT_FINDING = f"INSERT INTO finding VALUES ({', '.join('?' * 12)})"  # noqa: S608  # as above
FINDINGS = """
SELECT code, kind, severity, file, sheet, row, field, value, rule, suggestion, replacement
FROM finding WHERE (?1 IS NULL OR severity = ?1) ORDER BY kind, file, sheet, row, id
"""


class Template(msgspec.Struct, frozen=True):
    """What all records of one recipe and sheet have in common."""

    entity: Entity
    file: int
    sheet: str
    slots: list[tuple[str, list[str], str | None]]
    """(field, columns, constant); a constant has no columns."""


def rid_of(sheet: int, row: int) -> int:
    """A row's number across all sheets."""
    return sheet << ROW_BITS | row


class Workspace:
    """What a check of a folder has found; implements `records.Checked`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection = connection
        self.path = path
        self._templates: dict[int, Template] = {}
        self._sheets: dict[int, tuple[int, str]] = {}

    @classmethod
    def begin(cls, path: Path) -> Self:
        """A new one that nobody sees before `finish`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, isolation_level=None)
        connection.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;"
            "PRAGMA temp_store = FILE; PRAGMA locking_mode = EXCLUSIVE;"
        )
        connection.executescript(SCHEMA)
        connection.execute("BEGIN")
        return cls(connection, path)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """What `merit onboard check` has left in the folder.

        Raises:
            BadInput: nothing.
        """
        path = folder / FILE
        if not path.is_file():
            raise BadInput(f"{folder}: no check was written there; run merit onboard check first")
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        return cls(connection, path)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    # -- what is kept

    def about(self, name: str) -> str:
        """A fact about the check; empty where it is not known."""
        found = self.connection.execute(
            "SELECT value FROM about WHERE name = ?", (name,)
        ).fetchone()
        return str(found[0]) if found else ""

    def set_about(self, name: str, value: str) -> None:
        """Keep a fact about the check."""
        self.connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Every file of the folder."""
        return msgspec.json.decode(self.about("files") or "[]", type=tuple[SourceFile, ...])

    @property
    def mapping_digest(self) -> str:
        """SHA-256 of the mapping file."""
        return self.about("mapping_digest")

    @property
    def report_digest(self) -> str:
        """SHA-256 of the machine-readable report."""
        return self.about("report_digest")

    def one(self, question: str, *values: Any) -> int:
        """The number that a question is answered with."""
        return int(self.connection.execute(question, values).fetchone()[0] or 0)

    def counts(self) -> Counts:
        """Over all files: in = ok + quarantined + excluded."""
        rows = self.one("SELECT sum(rows) FROM sheet")
        excluded = self.one("SELECT count(*) FROM excluded") + self.one(
            "SELECT sum(rows) FROM sheet WHERE left_out IS NOT NULL"
        )
        quarantined = self.one("SELECT count(*) FROM quarantined")
        return Counts(
            rows=rows,
            ok=rows - quarantined - excluded,
            quarantined=quarantined,
            excluded=excluded,
        )

    def exclusions(self) -> Iterator[Exclusion]:
        """What the mapping leaves out: whole sheets, then rows by reason."""
        for file, name, reason, rows in self.connection.execute(
            "SELECT file, name, left_out, rows FROM sheet WHERE left_out IS NOT NULL"
            " ORDER BY number"
        ):
            yield Exclusion(file=file, sheet=name, reason=reason, rows=rows)
        for file, name, reason, rows in self.connection.execute(
            "SELECT s.file, s.name, e.reason, count(*) FROM excluded e JOIN sheet s"
            " ON s.number = e.row >> 32 GROUP BY s.number, e.reason ORDER BY s.number, e.reason"
        ):
            yield Exclusion(file=file, sheet=name, reason=reason, rows=rows)

    def findings(self, severity: Severity | None = None) -> Iterator[Finding]:
        """Format first, in the order of the files."""
        for row in self.connection.execute(FINDINGS, (severity,)):
            yield Finding(
                code=row[0], check=row[1], severity=row[2], file=row[3], sheet=row[4], row=row[5],
                column=row[6], value=row[7], rule=row[8], suggestion=row[9], replacement=row[10],
            )  # fmt: skip

    def ref(self, rid: int) -> RowRef:
        """The row with that number across all sheets."""
        number = rid >> ROW_BITS
        if number not in self._sheets:
            file, name = self.connection.execute(
                "SELECT file, name FROM sheet WHERE number = ?", (number,)
            ).fetchone()
            self._sheets[number] = (file, name)
        file, name = self._sheets[number]
        return RowRef(file, name, rid & ROW_MASK)

    def rows(self, state: RowState) -> Iterator[RowRef]:
        """All rows of a state, in order."""
        if state == "quarantined":
            for (rid,) in self.connection.execute("SELECT row FROM quarantined ORDER BY row"):
                yield self.ref(rid)
            return
        for number, file, name, first, last, left_out in self.connection.execute(
            "SELECT number, file, name, first_row, last_row, left_out FROM sheet ORDER BY number"
        ).fetchall():
            base = number << ROW_BITS
            span = (base, base | ROW_MASK)
            out = self._taken("excluded", span)
            gone = self._taken("quarantined", span) | out | self._taken("blank", span)
            for row in range(first, last + 1):
                if state == "excluded":
                    if base | row in out or (left_out is not None and base | row not in gone):
                        yield RowRef(file, name, row)
                elif left_out is None and base | row not in gone:
                    yield RowRef(file, name, row)

    def _taken(self, table: str, span: tuple[int, int]) -> set[int]:
        question = f"SELECT row FROM {table} WHERE row BETWEEN ? AND ?"  # noqa: S608  # our tables
        return {row for (row,) in self.connection.execute(question, span)}

    # -- records

    def records(self, *entities: Entity, after: int = 0) -> Iterator[tuple[int, Record]]:
        """Sound records with their number, in the order in which they can be carried out."""
        wanted = [ENTITIES.index(entity) for entity in entities or ENTITIES]
        marks = ", ".join("?" * len(wanted))
        question = (
            "SELECT y.number, r.id, r.key, r.row, r.template, r.body FROM ready y"  # noqa: S608
            f" JOIN record r ON r.id = y.record WHERE y.number > ? AND y.entity IN ({marks})"
            " ORDER BY y.number"
        )
        merging = self.one("SELECT EXISTS (SELECT 1 FROM record WHERE merged IS NOT NULL)")
        for number, identity, key, rid, template, body in self.connection.execute(
            question, (after, *wanted)
        ):
            more = self._merged(identity) if merging else ()
            yield number, self._record(key, rid, template, body, more)

    def _merged(self, identity: int) -> tuple[RowRef, ...]:
        rows = self.connection.execute(
            "SELECT row FROM record WHERE merged = ? AND row NOT IN"
            " (SELECT row FROM quarantined) ORDER BY row",
            (identity,),
        )
        return tuple(self.ref(rid) for (rid,) in rows)

    def template(self, number: int) -> Template:
        """What the records of one recipe and sheet have in common."""
        if number not in self._templates:
            (body,) = self.connection.execute(
                "SELECT body FROM template WHERE number = ?", (number,)
            ).fetchone()
            self._templates[number] = msgspec.json.decode(body, type=Template)
        return self._templates[number]

    def _record(
        self, key: str, rid: int, number: int, body: bytes, more: tuple[RowRef, ...]
    ) -> Record:
        template = self.template(number)
        packed = iter(msgspec.msgpack.decode(body))
        row = rid & ROW_MASK
        fields: dict[str, Value] = {}
        for field, columns, constant in template.slots:
            if not columns:
                fields[field] = Value(None, constant)
                continue
            refs = tuple(
                SourceRef(template.file, template.sheet, 0 if name[0:1] == "@" else row, name)
                for name in columns
            )
            said = next(packed)
            if isinstance(said, str):
                fields[field] = Value(said, said, refs)
            else:
                looked = tuple(SourceRef(*each) for each in said[3])
                fields[field] = Value(said[0], said[1], refs + looked, tuple(said[2]))
        return Record(
            entity=template.entity,
            key=key,
            row=RowRef(template.file, template.sheet, row),
            fields=fields,
            more_rows=more,
        )

    # -- writing

    def add_records(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Many at once."""
        self.connection.executemany(INSERT_RECORD, rows)

    def add_findings(self, findings: Iterable[Finding]) -> None:
        """Many at once; a row with an error is in quarantine from then on (see `quarantine`)."""
        self.connection.executemany(
            INSERT_FINDING,
            (
                (None, f.code, f.check, f.severity, f.file, f.sheet, f.row, f.column, f.value,
                 f.rule, f.suggestion, f.replacement)
                for f in findings
            ),
        )  # fmt: skip

    def quarantine(self, rids: Iterable[int]) -> None:
        """Keep these rows out."""
        self.connection.executemany(
            "INSERT OR IGNORE INTO quarantined VALUES (?)", ((rid,) for rid in rids)
        )

    def exclude(self, rows: Iterable[tuple[int, str]]) -> None:
        """Leave these rows out on purpose, each for its reason."""
        self.connection.executemany("INSERT OR IGNORE INTO excluded VALUES (?, ?)", rows)

    def index(self) -> None:
        """Make it ready for questions across rows."""
        for statement in INDEXES.strip().split(";"):
            if statement.strip():
                self.connection.execute(statement)

    def finish(self, path: Path) -> None:
        """Let others see it, whole."""
        self.connection.execute("COMMIT")
        self.connection.close()
        self.path.replace(path)
        self.path = path
        self.connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
