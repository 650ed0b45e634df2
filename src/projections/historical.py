"""What the old system had paid, rated and measured, as it was imported. 历史数据"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from domain.historical import (
    HistoricalEntryWithdrawn,
    HistoricalFactRecorded,
    HistoricalPayRecorded,
    HistoricalRatingRecorded,
    PaidPart,
)
from projections.kernel import Projection
from projections.questions import LIMIT_DEFAULT, Page, View, page
from projections.tables import Build, Row, Table
from tenancy.records import Recorded

NAME = "historical"
VERSION = 1
Kind = Literal["pay", "rating", "fact"]


class Entry(Row, kw_only=True):
    """One figure of the past."""

    record_id: UUID
    measure: str
    reference: str
    """The period of pay and ratings."""
    kind: Kind
    subject_id: UUID
    """An employment, or a unit."""
    starts_on: date
    ends_on: date
    minor: int | None = None
    """Of pay: in minor units."""
    currency: str | None = None
    value: Decimal | None = None
    """Of ratings and facts."""
    unit: str = ""
    label: str = ""
    parts: tuple[PaidPart, ...] = ()


ENTRIES = Table(
    "historical_entries",
    Entry,
    projection=NAME,
    version=VERSION,
    key=("record_id", "measure", "reference"),
    indexes=(
        ("subject_id", "starts_on", "measure", "reference"),
        ("measure", "reference", "record_id"),
    ),
)
_EVENTS = (
    HistoricalPayRecorded,
    HistoricalRatingRecorded,
    HistoricalFactRecorded,
    HistoricalEntryWithdrawn,
)


def _key(recorded: Recorded) -> tuple[UUID, str, str]:
    event = recorded.event
    periodic = isinstance(event, HistoricalPayRecorded | HistoricalRatingRecorded)
    return recorded.stream_id, event.measure, event.period if periodic else event.reference


def _step(_: Entry | None, recorded: Recorded) -> Entry | None:
    event = recorded.event
    if isinstance(event, HistoricalEntryWithdrawn):
        return None
    record_id, measure, reference = _key(recorded)
    if isinstance(event, HistoricalFactRecorded):
        return Entry(
            record_id=record_id,
            measure=measure,
            reference=reference,
            kind="fact",
            subject_id=event.subject_id,
            starts_on=event.occurred_on,
            ends_on=event.occurred_on,
            value=event.value,
            unit=event.unit,
            label=event.label,
        )
    entry = Entry(
        record_id=record_id,
        measure=measure,
        reference=reference,
        kind="pay" if isinstance(event, HistoricalPayRecorded) else "rating",
        subject_id=event.subject_id,
        starts_on=event.starts_on,
        ends_on=event.ends_on,
    )
    if isinstance(event, HistoricalPayRecorded):
        entry.minor, entry.currency = event.total.minor, event.total.currency
        entry.parts = event.parts
    else:
        entry.value, entry.label = event.rating, event.label
    return entry


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    rows = await ENTRIES.load(build, (_key(recorded) for recorded in batch))
    for recorded in batch:
        rows.fold(_key(recorded), recorded, _step)
    await rows.save()


HISTORICAL = Projection(
    name=NAME,
    version=VERSION,
    topics=frozenset(each.TOPIC for each in _EVENTS),
    tables=(ENTRIES,),
    apply=_apply,
)


async def entries(
    view: View,
    *,
    subject_id: UUID | None = None,
    measure: str | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Entry]:
    """Figures of the past, of an employment or a unit, or of a measure, where given."""
    return await page(
        view,
        ENTRIES,
        order=("measure", "reference", "record_id"),
        where={"subject_id": subject_id, "measure": measure},
        limit=limit,
        cursor=cursor,
    )
