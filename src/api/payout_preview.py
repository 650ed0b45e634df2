"""What a payout batch would hold, before somebody prepares it."""

from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.considering import consider
from api.queries import Plain, found
from api.routes import Route, get
from api.wire import One
from domain.kernel import Context, Elsewhere, Refused
from domain.money import Money
from domain.payout import BatchPrepared, PayoutCalculated, PrepareBatch
from domain.payout_batch import PAYOUT_BATCH
from projections import pay_ledger, planning, scores
from projections.cycle_progress import locked_ids

PREPARERS = frozenset({auth.FINANCE, auth.HR, auth.AUDITOR, auth.ADMIN})
NAMED_MAX = 1_500
"""Appraisals of one preview; more than that are prepared by unit."""
_CODE = "preview"


class OfUnit(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    org_unit_id: UUID | None = None
    """Only what this unit's people are due."""
    currency: str | None = None


class WouldPay(msgspec.Struct, frozen=True, kw_only=True):
    """A line that the batch would have; below zero a claim."""

    payout_id: UUID
    employment_id: UUID
    person_id: UUID
    appraisal_id: UUID | None
    amount: Money
    corrects: UUID | None
    """Of a difference: the line that was posted first."""


class PayoutPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What preparing a batch now would calculate; nothing was written."""

    cycle_id: UUID
    appraisal_ids: tuple[UUID, ...]
    """What the command is to name."""
    more: bool
    """There are more locked appraisals than one preview names."""
    lines: tuple[WouldPay, ...] = ()
    totals: tuple[Money, ...] = ()
    code: str | None = None
    """Of the refusal, where nothing would be prepared; and its detail."""
    detail: str | None = None


async def _preview(asked: Asked, given: OfUnit) -> One:
    """What a payout batch of everybody whose score is locked would hold, and what refuses it"""
    cycle_id = asked.one_id()
    async with asked.view() as view:
        found(await planning.cycle(view, cycle_id))
        named = await locked_ids(view, cycle_id, given.org_unit_id, NAMED_MAX + 1)
    ids = tuple(named[:NAMED_MAX])
    more = len(named) > NAMED_MAX
    command = PrepareBatch(
        code=_CODE, cycle_id=cycle_id, appraisal_ids=ids, currency=given.currency or None
    )

    def question(context: Context) -> PayoutPreview:
        try:
            # The same decision that prepares; its events are read and thrown away.
            events = tuple(PAYOUT_BATCH.decide(None, command, context))
        except Refused as no:
            return PayoutPreview(
                cycle_id=cycle_id, appraisal_ids=ids, more=more, code=no.code, detail=no.detail
            )
        return _told(command, more, events)

    return One(value=await consider(await asked.store(), asked.stamp, question))


def _told(command: PrepareBatch, more: bool, events: tuple[object, ...]) -> PayoutPreview:
    lines = [
        WouldPay(
            payout_id=each.stream_id,
            employment_id=each.event.employment_id,
            person_id=each.event.person_id,
            appraisal_id=each.event.appraisal_id,
            amount=each.event.amount,
            corrects=each.event.corrects,
        )
        for each in events
        if isinstance(each, Elsewhere) and isinstance(each.event, PayoutCalculated)
    ]
    (batch,) = (each for each in events if isinstance(each, BatchPrepared))
    return PayoutPreview(
        cycle_id=command.cycle_id,
        appraisal_ids=command.appraisal_ids,
        more=more,
        lines=tuple(lines),
        totals=batch.totals,
    )


ROUTES: tuple[Route, ...] = (
    get(
        "/cycles/{cycle_id}/payout-preview",
        _preview,
        roles=PREPARERS,
        result=PayoutPreview,
        projections=(planning.NAME, scores.NAME, pay_ledger.NAME),
        parameters=OfUnit,
    ),
)
