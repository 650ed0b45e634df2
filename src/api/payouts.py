"""Payouts: batches prepared, approved and settled; their lines, and why each amount is so."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from api import auth
from api.appraisals import shown_to_ratee
from api.asked import Asked
from api.commands import from_path, post
from api.problems import Said
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.explanation import Node
from domain.money import Money
from domain.payout import (
    ApproveBatch,
    InstructBatch,
    InstructPayment,
    PayoutCalculated,
    PayoutPart,
    PrepareBatch,
    ReturnPayment,
    SettleBatch,
    SettlePayment,
    VoidBatch,
    VoidPayout,
)
from domain.payout_batch import PAYOUT_BATCH
from domain.payout_line import PAYOUT
from projections import pay_ledger, payout_rows, scores
from projections.questions import LIMIT_MAX, Page, View

VIEWS = (pay_ledger.NAME,)
PREPARERS = writers(auth.FINANCE, auth.HR, auth.ADMIN)
APPROVERS = writers(auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
SETTLERS = writers(auth.FINANCE, auth.ADMIN, auth.INTEGRATION)
BATCH_READERS = auth.WHOLE_COMPANY | {auth.INTEGRATION}


class Batches(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None
    state: payout_rows.BatchState | None = None


class Payouts(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    batch_id: UUID | None = None
    cycle_id: UUID | None = None
    employment_id: UUID | None = None
    person_id: UUID | None = None
    reward_id: UUID | None = None
    state: payout_rows.PayoutState | None = None


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """发放行: what one locked score version pays, or one person's share of an instant reward."""

    payout_id: UUID
    batch_id: UUID
    cycle_id: UUID | None
    appraisal_id: UUID | None
    """None of an instant reward, and so the cycle."""
    lock_version: int
    employment_id: UUID
    person_id: UUID
    cost_centre: str
    parts: tuple[PayoutPart, ...]
    """By appraisal and cost centre, where there is more than one, and of differences."""
    base: Money
    coefficient: Decimal
    amount: Money
    """Below zero: a claim, given back by later payouts."""
    kept: Money
    """Of the amount, against what was owed."""
    entitled: Money
    """What the facts gave in all."""
    corrects: UUID | None
    """Of a difference: the first line."""
    pool_id: UUID | None
    reward_id: UUID | None
    attempts: int
    bank_account: str | None
    bank_reference: str | None
    returned_because: str | None
    state: payout_rows.PayoutState
    event_id: UUID
    """Of its calculation."""
    version: int
    position: int


class BatchWithLines(msgspec.Struct, frozen=True, kw_only=True):
    """发放批次 with its first lines; `more_lines` says whether /payouts has more of them."""

    batch: payout_rows.Batch
    lines: tuple[Payout, ...]
    more_lines: bool


class PayoutExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """A payout and why it is what it is."""

    payout_id: UUID
    appraisal_id: UUID | None
    reward_id: UUID | None
    lock_version: int
    base: Money
    coefficient: Decimal
    amount: Money
    event_id: UUID
    recorded_at: datetime
    explanation: Node


def _line(row: payout_rows.Payout, returned_because: str | None) -> Payout:
    return Payout(
        payout_id=row.payout_id,
        batch_id=row.batch_id,
        cycle_id=row.cycle_id,
        appraisal_id=row.appraisal_id,
        lock_version=row.lock_version,
        employment_id=row.employment_id,
        person_id=row.person_id,
        cost_centre=row.cost_centre,
        parts=row.parts,
        kept=Money(row.kept_minor, row.currency),
        entitled=Money(row.entitled_minor, row.currency),
        corrects=row.corrects,
        pool_id=row.pool_id,
        reward_id=row.reward_id,
        attempts=row.attempts,
        bank_account=row.bank_account,
        bank_reference=row.bank_reference,
        returned_because=returned_because,
        base=Money(row.base_minor, row.currency),
        coefficient=row.coefficient,
        amount=Money(row.minor, row.currency),
        state=row.state,
        event_id=row.event_id,
        version=row.version,
        position=row.position,
    )


async def _lines(view: View, rows: Sequence[payout_rows.Payout]) -> tuple[Payout, ...]:
    reasons = await payout_rows.return_reasons(view, rows)
    return tuple(_line(row, reasons.get(row.payout_id)) for row in rows)


async def _batches(asked: Asked, given: Batches) -> Page[payout_rows.Batch]:
    """Payout batches in the order of their preparation."""
    async with asked.view() as view:
        return await pay_ledger.batches(
            view,
            cycle_id=given.cycle_id,
            state=given.state,
            limit=given.limit,
            cursor=given.cursor,
        )


async def _batch(asked: Asked, _: Parameters) -> One:
    """A payout batch with its lines, at most 500; the others are in /payouts?batch_id=."""
    async with asked.view() as view:
        row = found(await pay_ledger.batch(view, asked.one_id()))
        lines = await pay_ledger.payouts(view, batch_id=row.batch_id, limit=LIMIT_MAX)
        told_lines = await _lines(view, lines.items)
    told = BatchWithLines(batch=row, lines=told_lines, more_lines=lines.next is not None)
    return One(value=told, version=row.version)


async def _payouts(asked: Asked, given: Payouts) -> Page[Payout]:
    """Payout lines in the order of their calculation; employees and managers see their own."""
    everyone = asked.caller.has(BATCH_READERS)
    async with asked.view() as view:
        page = await pay_ledger.payouts(
            view,
            batch_id=given.batch_id,
            cycle_id=given.cycle_id,
            employment_id=given.employment_id,
            person_id=given.person_id if everyone else asked.caller.actor,
            reward_id=given.reward_id,
            state=given.state,
            limit=given.limit,
            cursor=given.cursor,
        )
        return page.of(await _lines(view, page.items))


async def _seen(asked: Asked) -> payout_rows.Payout:
    async with asked.view() as view:
        row: payout_rows.Payout = found(await pay_ledger.payout(view, asked.one_id()))
        if not asked.caller.has(BATCH_READERS) and row.person_id != asked.caller.person_id:
            await _of_the_team(asked, view, row)
    return row


async def _of_the_team(asked: Asked, view: View, row: payout_rows.Payout) -> None:
    # A reward's share is its person's and those who see everyone's: no appraisal leads to it.
    appraisal = found(row.appraisal_id and await scores.appraisal(view, row.appraisal_id))
    managed = asked.caller.has(frozenset({auth.MANAGER})) and asked.caller.person_id is not None
    found(row if managed and appraisal.manager_id == asked.caller.person_id else None)


async def _payout(asked: Asked, _: Parameters) -> One:
    """A payout line."""
    row = await _seen(asked)
    async with asked.view() as view:
        (line,) = await _lines(view, [row])
    return One(value=line, version=row.version)


async def _explanation(asked: Asked, _: Parameters) -> One:
    """Why a payout is what it is, down to the events that it was read from."""
    row = await _seen(asked)
    if row.appraisal_id is not None and row.person_id == asked.caller.person_id:
        await shown_to_ratee(asked, row.appraisal_id)
    store = await asked.store()
    for recorded in await store.read(row.payout_id):
        event = recorded.event
        if isinstance(event, PayoutCalculated):
            return One(
                value=PayoutExplanation(
                    payout_id=row.payout_id,
                    appraisal_id=event.appraisal_id,
                    reward_id=event.reward_id,
                    lock_version=event.lock_version,
                    base=event.base,
                    coefficient=event.coefficient,
                    amount=event.amount,
                    event_id=recorded.event_id,
                    recorded_at=recorded.recorded_at,
                    explanation=event.explanation,
                )
            )
    raise Said("not-found", "there is nothing of this id")


ROUTES: tuple[Route, ...] = (
    post(
        "/payout-batches",
        PrepareBatch,
        PAYOUT_BATCH,
        roles=PREPARERS,
        stream=lambda _, command: ids.batch_id(command.code),
        creates="/payout-batches/{id}",
    ),
    get(
        "/payout-batches",
        _batches,
        roles=BATCH_READERS,
        result=payout_rows.Batch,
        projections=VIEWS,
        parameters=Batches,
    ),
    get(
        "/payout-batches/{batch_id}",
        _batch,
        roles=BATCH_READERS,
        result=BatchWithLines,
        projections=VIEWS,
    ),
    post(
        "/payout-batches/{batch_id}/approve",
        ApproveBatch,
        PAYOUT_BATCH,
        roles=APPROVERS,
        stream=from_path("batch_id"),
    ),
    post(
        "/payout-batches/{batch_id}/instruct",
        InstructBatch,
        PAYOUT_BATCH,
        roles=SETTLERS,
        stream=from_path("batch_id"),
    ),
    post(
        "/payout-batches/{batch_id}/settle",
        SettleBatch,
        PAYOUT_BATCH,
        roles=SETTLERS,
        stream=from_path("batch_id"),
    ),
    post(
        "/payout-batches/{batch_id}/void",
        VoidBatch,
        PAYOUT_BATCH,
        roles=APPROVERS,
        stream=from_path("batch_id"),
    ),
    post(
        "/payouts/{payout_id}/instruct",
        InstructPayment,
        PAYOUT,
        roles=SETTLERS,
        stream=from_path("payout_id"),
    ),
    post(
        "/payouts/{payout_id}/settle",
        SettlePayment,
        PAYOUT,
        roles=SETTLERS,
        stream=from_path("payout_id"),
    ),
    post(
        "/payouts/{payout_id}/return",
        ReturnPayment,
        PAYOUT,
        roles=SETTLERS,
        stream=from_path("payout_id"),
    ),
    post(
        "/payouts/{payout_id}/void",
        VoidPayout,
        PAYOUT,
        roles=APPROVERS,
        stream=from_path("payout_id"),
    ),
    get(
        "/payouts",
        _payouts,
        roles=auth.EVERYONE,
        result=Payout,
        projections=VIEWS,
        parameters=Payouts,
    ),
    get(
        "/payouts/{payout_id}",
        _payout,
        roles=auth.EVERYONE,
        result=Payout,
        projections=VIEWS,
    ),
    get(
        "/payouts/{payout_id}/explanation",
        _explanation,
        roles=auth.EVERYONE,
        result=PayoutExplanation,
        projections=(pay_ledger.NAME, scores.NAME),
    ),
)
