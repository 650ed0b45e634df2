"""A checked folder made by hand: what `merit onboard check` would leave, without its files.

Run as a program it commits one, to be killed in the middle.
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from domain.catalogue import EVENTS
from domain.ids import person_id
from domain.migration import CommitImport, CompareSample, DrawSample, SignOffImport
from domain.migration_decisions import IMPORT
from ops.onboarding import batches, committing
from ops.onboarding.batches import Batch
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
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.records import Stamp
from tenancy.store import Histories, Store

DIGEST = "ab" * 32
COLUMNS = {
    "number": "工号",
    "name": "姓名",
    "hired_on": "入职日期",
    "org_unit": "部门",
    "total": "应发",
}
ACTOR = person_id("engineer")


def stamp(actor: UUID = ACTOR) -> Stamp:
    return Stamp(now=datetime.now(UTC), actor=actor, correlation_id=uuid4())


def value(text: str | None, row: int, field: str, file: int = 0) -> Value:
    if field not in COLUMNS:
        return Value(None, text)
    return Value(text, text, (SourceRef(file, "", row, COLUMNS[field]),))


def made(entity: Entity, row: int, file: int = 0, **fields: str | None) -> Record:
    return Record(
        entity=entity,
        key=next(text for text in fields.values() if text),
        row=RowRef(file, "", row),
        fields={name: value(text, row, name, file) for name, text in fields.items()},
    )


def person(row: int, number: str, **other: str | None) -> list[Record]:
    """All that one row of people.csv says."""
    hired = {
        "number": number,
        "person": number,
        "hired_on": "2020-03-01",
        "org_unit": "D1",
        "job": "J1",
        "fte": "1",
        **other,
    }
    paid = {
        "employment": number,
        "measure": "应发",
        "period": "2020",
        "starts_on": "2020-03-01",
        "ends_on": "2020-12-31",
        "total": f"{1000 + row}.50",
        "currency": "CNY",
    }
    return [
        made("person", row, number=number, name=f"员工{number}"),
        made("employment", row, 0, **hired),
        made("pay_history", row, 0, **paid),
    ]


ORDER = ("org_unit", "job", "person", "employment", "assignment", "pay_structure", "termination",
         "pay_history", "score_history", "fact")  # fmt: skip


class Made:
    """A `Checked` from lists."""

    def __init__(
        self,
        records: list[Record],
        *,
        findings: tuple[Finding, ...] = (),
        excluded: tuple[RowRef, ...] = (),
        report: str = DIGEST,
    ) -> None:
        self.all = sorted(records, key=lambda record: ORDER.index(record.entity))
        self.files = (SourceFile(name="people.csv", sha256=DIGEST, size=1),)
        self.mapping_digest = DIGEST
        self.report_digest = report
        self._findings = findings
        held = {RowRef(each.file, each.sheet, each.row) for each in findings}
        self._rows: dict[RowState, list[RowRef]] = {
            "ok": sorted({record.row for record in records} - held),
            "quarantined": sorted(held),
            "excluded": sorted(excluded),
        }

    def counts(self) -> Counts:
        ok, quarantined, excluded = (len(rows) for rows in self._rows.values())
        return Counts(
            rows=ok + quarantined + excluded, ok=ok, quarantined=quarantined, excluded=excluded
        )

    def records(self, *entities: Entity, after: int = 0) -> Iterator[tuple[int, Record]]:
        sound = set(self._rows["ok"])
        for number, record in enumerate(self.all, 1):
            if (
                number > after
                and record.row in sound
                and (not entities or record.entity in entities)
            ):
                yield number, record

    def findings(self, severity: Severity | None = None) -> Iterator[Finding]:
        return (each for each in self._findings if severity in {None, each.severity})

    def exclusions(self) -> Iterator[Exclusion]:
        return iter(())

    def rows(self, state: RowState) -> Iterator[RowRef]:
        return iter(self._rows[state])


def company(count: int, **other: str | None) -> Made:
    """A unit, a job and so many people, each a row."""
    records = [
        made("org_unit", 1, code="D1", name="销售部", valid_from="2000-01-01"),
        made(
            "job", 2, code="J1", title="销售", family="general", level="1",
            coefficient_min="0", coefficient_max="2",
        ),
    ]  # fmt: skip
    for row in range(3, count + 3):
        records += person(row, f"E{row:06d}", **other)
    return Made(records)


async def ready(store: Store, checked: Made, code: str = "M1") -> Batch:
    """The batch, checked, compared by two people, signed off, its commit begun."""
    batch = await batches.bring_in(store, checked, code, "张三", stamp())
    on = batch.import_id
    drawn = DrawSample(
        seed=1,
        size=1,
        population=checked.counts().ok,
        confidence_bp=9500,
        mismatches_max=0,
        sample_digest=DIGEST,
    )
    await store.execute(IMPORT, on, drawn, stamp())
    compared = CompareSample(sample_digest=DIGEST, matched=1, mismatched=0)
    for name in ("ann", "ben"):
        await store.execute(IMPORT, on, compared, stamp(person_id(name)))
    await store.execute(IMPORT, on, SignOffImport(note="ok"), stamp())
    await store.execute(IMPORT, on, CommitImport(), stamp())
    return await batches.batch_of(store, code)


async def open_store(database: Database, tenant_id: UUID, key_file: Path) -> Store:
    keyring = Keyring.open(database, MasterKey.from_file(key_file))
    histories = Histories(database, keyring, EVENTS, Committer.of(database))
    return await histories.of(tenant_id)


async def main(url: str, tenant: str, key_file: str, count: str) -> None:
    """Commit, and say after each portion how far it is; whoever reads may kill us."""
    async with await Database.open(url, size=4) as database:
        store = await open_store(database, UUID(tenant), Path(key_file))
        checked = company(int(count))
        found = await batches.find(store, "M1")
        batch = found or await ready(store, checked)

        def told(rows: int, events: int) -> None:
            sys.stdout.buffer.write(msgspec.json.encode((rows, events)) + b"\n")
            sys.stdout.flush()

        await committing.commit(store, batch, checked, stamp, told)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
