"""A folder checked again with what people have decided since; what the domain refuses is held."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import msgspec

from ops.demo.model import BadInput
from ops.onboarding.batches import Batch, amendments, bring_in, events_of
from ops.onboarding.check import check, finished
from ops.onboarding.committing import Rehearsal, quarantine_refused, rehearse
from ops.onboarding.mapping import load
from ops.onboarding.origins import RowSet
from ops.onboarding.records import (
    Amendments,
    Checked,
    Counts,
    Entity,
    Exclusion,
    Finding,
    Record,
    RowRef,
    RowState,
    Severity,
    SourceFile,
)
from ops.onboarding.sheets import Correction, Corrections
from ops.onboarding.workspace import Workspace
from tenancy.records import Stamp
from tenancy.store import Store


def corrections_of(decided: Amendments) -> Corrections:
    """The same, as a check takes it."""
    cells: dict[tuple[int, str, int], dict[str, Correction]] = {}
    for ref, amendment in decided.cells.items():
        row = cells.setdefault((ref.file, ref.sheet, ref.row), {})
        row[ref.column] = Correction(text=amendment.new, rule=amendment.rule)
    excluded = {(row.file, row.sheet, row.row): why for row, why in decided.excluded.items()}
    return Corrections(cells=cells, excluded=excluded)


def recheck(work: Path, source: Path | None, decided: Amendments) -> Workspace:
    """Check the folder of a workspace again; it is replaced.

    Raises:
        BadInput: the folder or the mapping is not where it was.
    """
    with_old = Workspace.open(work)
    folder, mapping = with_old.about("folder"), with_old.about("mapping_path")
    digest = with_old.mapping_digest
    with_old.close()
    found = source or (Path(folder) if folder else None)
    if found is None:
        raise BadInput("say where the files are (--source)")
    loaded = load(Path(mapping))
    if loaded.digest != digest:
        raise BadInput(f"{mapping} has changed since the check: begin another batch")
    workspace = check(found, loaded, work, corrections=corrections_of(decided))
    finished(workspace, work)
    workspace.close()
    return Workspace.open(work)


class Held:
    """A check without the rows that the domain has refused: they are in quarantine, too."""

    def __init__(self, checked: Checked, decided: Amendments) -> None:
        self._checked = checked
        self._refused = RowSet()
        for row in decided.refused:
            self._refused.add(row)

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Every file of the folder."""
        return self._checked.files

    @property
    def mapping_digest(self) -> str:
        """Of the mapping file."""
        return self._checked.mapping_digest

    @property
    def report_digest(self) -> str:
        """Of the machine-readable report."""
        return self._checked.report_digest

    def counts(self) -> Counts:
        """Over all files."""
        counts = self._checked.counts()
        more = sum(1 for row in self._checked.rows("ok") if row in self._refused)
        return Counts(
            rows=counts.rows,
            ok=counts.ok - more,
            quarantined=counts.quarantined + more,
            excluded=counts.excluded,
        )

    def records(self, *entities: Entity, after: int = 0) -> Iterator[tuple[int, Record]]:
        """Sound records that the domain has not refused.

        What several rows say, such as a unit, stays as long as one of them is not refused.
        """
        for number, record in self._checked.records(*entities, after=after):
            if record.row not in self._refused:
                yield number, record
                continue
            for row in record.more_rows:
                if row not in self._refused:
                    yield number, msgspec.structs.replace(record, row=row)
                    break

    def findings(self, severity: Severity | None = None) -> Iterator[Finding]:
        """Of the check; the domain's own are in the batch already."""
        return self._checked.findings(severity)

    def exclusions(self) -> Iterator[Exclusion]:
        """What the mapping leaves out."""
        return self._checked.exclusions()

    def rows(self, state: RowState) -> Iterator[RowRef]:
        """All rows of a state, in order."""
        if state == "ok":
            yield from (row for row in self._checked.rows("ok") if row not in self._refused)
        elif state == "quarantined":
            yield from self._checked.rows("quarantined")
            yield from (row for row in self._checked.rows("ok") if row in self._refused)
        else:
            yield from self._checked.rows(state)


async def held_of(store: Store, checked: Checked, import_id: UUID) -> Held:
    """The check of a batch, without the rows that the domain has refused."""
    return Held(checked, amendments(await events_of(store, import_id)))


async def settle(
    store: Store,
    batch: Batch,
    checked: Checked,
    rehearsed: Rehearsal,
    new_stamp: Callable[[], Stamp],
) -> Rehearsal:
    """Hold back what the domain refuses, and what rests on it, until it refuses nothing.

    Each round holds back one row at least, so that there is an end.
    """
    refused = list(rehearsed.refused)
    held = await held_of(store, checked, batch.import_id)
    while rehearsed.refused:
        await quarantine_refused(store, batch, rehearsed.refused, new_stamp())
        held = await held_of(store, checked, batch.import_id)
        rehearsed = await rehearse(store, batch, held, new_stamp())
        refused += rehearsed.refused
    await bring_in(store, held, batch.code, "", new_stamp())
    return msgspec.structs.replace(rehearsed, refused=tuple(refused))
