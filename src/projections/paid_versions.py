"""Which locked versions of scores were paid, as the lines of payouts tell."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from domain.ids import goal_sheet_id
from domain.payout import PaymentReturned, PaymentSettled, PayoutApproved, PayoutCalculated
from projections.kernel import StreamsOf
from projections.questions import View
from projections.tables import Build, Row, Table, begun
from tenancy.records import Recorded

PAY = frozenset(
    event.TOPIC for event in (PayoutCalculated, PayoutApproved, PaymentSettled, PaymentReturned)
)


class PaidVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a score that a payout line is for."""

    appraisal_id: UUID
    lock_version: int


class AppraisalPayout(Row, kw_only=True):
    """Which locked versions a payout line pays."""

    payout_id: UUID
    versions: tuple[PaidVersion, ...]


def lines_table(projection: str, version: int) -> Table[AppraisalPayout]:
    """The lines, as a table of a projection."""
    return Table(
        "appraisal_payouts",
        AppraisalPayout,
        projection=projection,
        version=version,
        key=("payout_id",),
    )


async def lines_of(
    table: Table[AppraisalPayout], build: Build, batch: Sequence[Recorded]
) -> dict[UUID, tuple[PaidVersion, ...]]:
    """What the lines that a batch speaks of pay; new ones are kept."""
    mine = [recorded for recorded in batch if recorded.topic in PAY]
    rows = await table.load(build, {recorded.stream_id for recorded in mine})
    for recorded in mine:
        if isinstance(recorded.event, PayoutCalculated):
            rows.fold(recorded.stream_id, recorded, _calculated)
    await rows.save()
    return {
        recorded.stream_id: begun(rows.get(recorded.stream_id), recorded).versions
        for recorded in mine
    }


def _calculated(_: AppraisalPayout | None, recorded: Recorded) -> AppraisalPayout:
    event: PayoutCalculated = recorded.event
    named = tuple(
        PaidVersion(appraisal_id=part.appraisal_id, lock_version=part.lock_version)
        for part in event.parts
        if part.appraisal_id is not None and part.lock_version
    )
    if not named and event.appraisal_id is not None:
        named = (PaidVersion(appraisal_id=event.appraisal_id, lock_version=event.lock_version),)
    # Pools and rewards are paid beside what a score is worth.
    beside = event.pool_id is not None or event.reward_id is not None
    return AppraisalPayout(payout_id=recorded.stream_id, versions=() if beside else named)


def paid_after(paid: tuple[int, ...], version: int, event: object) -> tuple[int, ...]:
    """The versions paid after an event of a line that pays `version`."""
    others = tuple(each for each in paid if each != version)
    match event:
        case PaymentReturned():
            return others
        case PaymentSettled():
            return (*others, version)
        # A claim is never paid: it is booked, and netted from what is paid later.
        case PayoutApproved() if event.amount.minor < 0:
            return (*others, version)
        case _:
            return paid


def paying_streams(appraisals: Table[Any], lines: Table[AppraisalPayout]) -> StreamsOf:
    """An appraisal, its goal sheet, the lines that pay it, and what else those lines pay."""

    async def streams(view: View, table: Table[Any], key: UUID) -> Sequence[UUID] | None:
        if table is not appraisals:
            return None
        known: set[UUID] = set()
        payouts: set[UUID] = set()
        wanted = {key}
        while wanted:
            known |= wanted
            rows = await view.fetch(
                f"SELECT {lines.selected} FROM {lines.name}"  # noqa: S608  own names
                f" WHERE tenant_id = $1 AND build = {lines.live}"
                " AND versions @> ANY ($2::jsonb[])",
                [f'[{{"appraisal_id": "{each}"}}]' for each in wanted],
            )
            found = [lines.read(row) for row in rows]
            payouts |= {line.payout_id for line in found}
            wanted = {each.appraisal_id for line in found for each in line.versions} - known
        return [*known, *map(goal_sheet_id, known), *payouts]

    return streams
