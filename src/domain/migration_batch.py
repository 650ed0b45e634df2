"""The state of an import batch: its rows, its checks, its sample, how far it has come."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun
from domain.kernel import Decider, Happened, looking
from domain.migration import (
    CellFixed,
    CommitBegun,
    CompensationBegun,
    FindingQuarantined,
    ImportChecked,
    ImportCommitted,
    ImportCompensated,
    ImportEvent,
    ImportReconciled,
    ImportSignedOff,
    ImportStarted,
    Place,
    RowExcluded,
    RowReleased,
    RowState,
    SampleCompared,
    SampleDrawn,
    SamplingAgreed,
    Stage,
)

_BUCKETS = 256
_EMPTY: Mapping[Place, RowState] = {}


class RowStates(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that are not simply to be committed; a change copies one bucket in 256."""

    buckets: tuple[Mapping[Place, RowState], ...] = (_EMPTY,) * _BUCKETS
    quarantined: int = 0
    excluded: int = 0

    def of(self, place: Place) -> RowState | None:
        """What became of a row; None where nothing did."""
        return self.buckets[(place.row + place.file) % _BUCKETS].get(place)

    def settled(self) -> "RowStates":
        """The same after a commit: what was fixed is history now like every other row."""
        kept = tuple(
            {place: state for place, state in bucket.items() if state != "fixed"}
            for bucket in self.buckets
        )
        return msgspec.structs.replace(self, buckets=kept)

    def put(self, place: Place, state: RowState) -> "RowStates":
        """The same with this row in this state."""
        at = (place.row + place.file) % _BUCKETS
        before = self.buckets[at].get(place)
        bucket = {**self.buckets[at], place: state}
        return RowStates(
            buckets=(*self.buckets[:at], bucket, *self.buckets[at + 1 :]),
            quarantined=self.quarantined + (state == "quarantined") - (before == "quarantined"),
            excluded=self.excluded + (state == "excluded") - (before == "excluded"),
        )


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A sample with what became of it."""

    digest: str
    size: int
    mismatches_max: int
    accepted_by: tuple[UUID, ...] = ()
    """Different people who found it within the threshold."""


class ImportBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as decisions need it. 迁移批次"""

    code: str
    files: int
    trace_days: int
    stage: Stage = "cleansing"
    rows: RowStates = RowStates()
    read: int = 0
    passed: frozenset[str] = frozenset()
    """Checks that have passed since the last change of any row."""
    sample: Sample | None = None
    agreed: bool = False
    signed_off: bool = False
    committed: int = 0
    committed_at: datetime | None = None

    def traceable_until(self) -> datetime | None:
        """The end of the window in which the batch can be taken back; None before its commit."""
        if self.committed_at is None:
            return None
        return self.committed_at + timedelta(days=self.trace_days)


def evolve_import(state: ImportBatch | None, happened: Happened[ImportEvent]) -> ImportBatch:
    """The batch after one more event."""
    event = happened.event
    if isinstance(event, ImportStarted):
        return ImportBatch(code=event.code, files=len(event.files), trace_days=event.trace_days)
    batch = begun(state)
    change = msgspec.structs.replace
    match event:
        case FindingQuarantined():
            # While rows are being committed, what the domain refuses goes into quarantine; the
            # checks that have passed still hold for all the others.
            if batch.stage == "committing":
                return change(batch, rows=batch.rows.put(event.place, "quarantined"))
            return _changed(batch, batch.rows.put(event.place, "quarantined"))
        case CellFixed():
            return _changed(batch, batch.rows.put(event.place, "fixed"))
        case RowExcluded():
            return _changed(batch, batch.rows.put(event.place, "excluded"))
        case RowReleased():
            return _changed(batch, batch.rows.put(event.place, "fixed"))
        case ImportChecked():
            passed = batch.passed | {event.check} if event.passed else batch.passed - {event.check}
            return change(batch, passed=passed, read=event.rows, signed_off=False)
        case SampleDrawn():
            sample = Sample(
                digest=event.sample_digest,
                size=event.size,
                mismatches_max=event.mismatches_max,
            )
            return change(batch, sample=sample, agreed=False, signed_off=False)
        case SampleCompared():
            drawn = begun(batch.sample)
            if event.mismatched > drawn.mismatches_max:
                return batch
            by = (*(each for each in drawn.accepted_by if each != happened.actor), happened.actor)
            return change(batch, sample=change(drawn, accepted_by=by))
        case SamplingAgreed():
            return change(batch, agreed=True)
        case ImportSignedOff():
            return change(batch, signed_off=True)
        case CommitBegun():
            return change(batch, stage="committing")
        case ImportCommitted():
            return change(
                batch,
                stage="committed",
                rows=batch.rows.settled(),
                committed=event.committed,
                committed_at=happened.recorded_at,
            )
        case ImportReconciled():
            return batch
        case CompensationBegun():
            return change(batch, stage="compensating")
        case ImportCompensated():
            return change(batch, stage="compensated")
        case _:
            assert_never(event)


def _changed(batch: ImportBatch, rows: RowStates) -> ImportBatch:
    """The batch with other rows: what was checked before was checked of something else."""
    return msgspec.structs.replace(
        batch,
        stage="cleansing",
        rows=rows,
        passed=frozenset(),
        sample=None,
        agreed=False,
        signed_off=False,
    )


LOOK_AT_IMPORT: Decider[ImportBatch | None] = looking("import", None, evolve_import)
