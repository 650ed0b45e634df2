"""The pay ledger: batches, their lines, the journal, the balances, and whether they agree."""

from collections.abc import Callable, Sequence
from copy import copy
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from domain.ledger import Posting, postings
from domain.money import Money
from domain.payout import (
    BatchApproved,
    BatchPrepared,
    BatchSettled,
    PaymentSettled,
    PayoutApproved,
    PayoutCalculated,
)
from projections.kernel import Projection, Step
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import Build, R, Row, Table, begun
from tenancy.records import Recorded

NAME = "pay_ledger"
VERSION = 1

PayoutState = Literal["calculated", "approved", "settled"]
BatchState = Literal["prepared", "approved", "settled"]


class Entry(Row, kw_only=True):
    """分录: a posting as it was journalled; never changed."""

    posting: int
    """1, 2 ... within the event."""
    event_id: UUID
    debit: str
    credit: str
    minor: int
    """Minor units of the currency, more than zero."""
    currency: str
    payout_id: UUID
    batch_id: UUID
    employment_id: UUID
    recorded_at: datetime


class Account(Row, kw_only=True):
    """余额 of one account in one currency, in minor units; `position` is of its last entry."""

    account: str
    currency: str
    debit: int
    credit: int
    entries: int

    @property
    def balance(self) -> int:
        """Debit balances are positive."""
        return self.debit - self.credit


class Payout(Row, kw_only=True):
    """发放行; amounts in minor units of `currency`."""

    payout_id: UUID
    batch_id: UUID
    cycle_id: UUID
    appraisal_id: UUID
    lock_version: int
    employment_id: UUID
    person_id: UUID
    cost_centre: str
    base_minor: int
    coefficient: Decimal
    minor: int
    currency: str
    state: PayoutState
    event_id: UUID
    """Of its calculation, whose explanation it is."""
    created_position: int
    version: int


class Batch(Row, kw_only=True):
    """发放批次"""

    batch_id: UUID
    code: str
    cycle_id: UUID
    state: BatchState
    lines: int
    totals: tuple[Money, ...]
    prepared_by: UUID
    prepared_at: datetime
    approved_by: UUID | None = None
    approved_at: datetime | None = None
    settled_at: datetime | None = None
    bank_account: str | None = None
    bank_reference: str | None = None
    created_position: int
    version: int


def _table(name: str, row: type[R], *key: str, indexes: Sequence[tuple[str, ...]]) -> Table[R]:
    return Table(name, row, projection=NAME, version=VERSION, key=key, indexes=indexes)


ENTRIES = _table(
    "ledger_entries",
    Entry,
    "position",
    "posting",
    indexes=(
        ("debit", "position", "posting"),
        ("credit", "position", "posting"),
        ("payout_id", "position", "posting"),
    ),
)
ACCOUNTS = _table("ledger_accounts", Account, "account", "currency", indexes=())
PAYOUTS = _table(
    "payouts",
    Payout,
    "payout_id",
    indexes=(
        ("batch_id", "created_position"),
        ("employment_id", "created_position"),
        ("cycle_id", "created_position"),
    ),
)
BATCHES = _table(
    "payout_batches",
    Batch,
    "batch_id",
    indexes=(("created_position",), ("cycle_id", "created_position")),
)


def batch_step(row: Batch | None, recorded: Recorded) -> Batch:
    """The batch's next state; pure."""
    event = recorded.event
    if isinstance(event, BatchPrepared):
        return Batch(
            batch_id=recorded.stream_id,
            code=event.code,
            cycle_id=event.cycle_id,
            state="prepared",
            lines=len(event.lines),
            totals=event.totals,
            prepared_by=recorded.actor,
            prepared_at=recorded.recorded_at,
            created_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case BatchApproved():
            row.state = "approved"
            row.approved_by, row.approved_at = recorded.actor, recorded.recorded_at
        case BatchSettled():
            row.state = "settled"
            row.settled_at = recorded.recorded_at
            row.bank_account, row.bank_reference = event.bank_account, event.bank_reference
    return row


def payout_step(row: Payout | None, recorded: Recorded) -> Payout:
    """The line's next state; pure."""
    event = recorded.event
    if isinstance(event, PayoutCalculated):
        return Payout(
            payout_id=recorded.stream_id,
            batch_id=event.batch_id,
            cycle_id=event.cycle_id,
            appraisal_id=event.appraisal_id,
            lock_version=event.lock_version,
            employment_id=event.employment_id,
            person_id=event.person_id,
            cost_centre=event.cost_centre,
            base_minor=event.base.minor,
            coefficient=event.coefficient,
            minor=event.amount.minor,
            currency=event.amount.currency,
            state="calculated",
            event_id=recorded.event_id,
            created_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case PayoutApproved():
            row.state = "approved"
        case PaymentSettled():
            row.state = "settled"
    return row


def entries_of(recorded: Recorded) -> list[Entry]:
    """The journal entries of one event of a payout; none where it moves no money."""
    return [
        Entry(
            position=recorded.position,
            posting=number,
            event_id=recorded.event_id,
            debit=posting.debit_account,
            credit=posting.credit_account,
            minor=posting.amount.minor,
            currency=posting.amount.currency,
            payout_id=recorded.stream_id,
            batch_id=recorded.event.batch_id,
            employment_id=recorded.event.employment_id,
            recorded_at=recorded.recorded_at,
        )
        for number, posting in enumerate(postings(recorded.event), start=1)
    ]


def _posted(account: str, posting: Posting) -> Callable[[Account | None, Recorded], Account]:
    amount = posting.amount

    def step(row: Account | None, _: Recorded) -> Account:
        if row is None:
            row = Account(account=account, currency=amount.currency, debit=0, credit=0, entries=0)
        row = copy(row)
        row.entries += 1
        row.debit += amount.minor if account == posting.debit_account else 0
        row.credit += amount.minor if account == posting.credit_account else 0
        return row

    return step


BATCH_TOPICS = frozenset({BatchPrepared.TOPIC, BatchApproved.TOPIC, BatchSettled.TOPIC})
PAYOUT_TOPICS = frozenset({PayoutCalculated.TOPIC, PayoutApproved.TOPIC, PaymentSettled.TOPIC})


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    of_batches = [recorded for recorded in batch if recorded.topic in BATCH_TOPICS]
    of_payouts = [recorded for recorded in batch if recorded.topic in PAYOUT_TOPICS]
    await _fold(BATCHES, build, of_batches, batch_step)
    await _fold(PAYOUTS, build, of_payouts, payout_step)
    await ENTRIES.save(build, [entry for each in of_payouts for entry in entries_of(each)])
    moves = [
        ((account, posting.amount.currency), _posted(account, posting), recorded)
        for recorded in of_payouts
        for posting in postings(recorded.event)
        # A set, so that an entry from an account to itself counts as one entry.
        for account in {posting.debit_account, posting.credit_account}
    ]
    balances = await ACCOUNTS.load(build, (key for key, _, _ in moves))
    for key, step, recorded in moves:
        balances.fold(key, recorded, step)
    await balances.save()


async def _fold(table: Table[R], build: Build, events: Sequence[Recorded], step: Step) -> None:
    rows = await table.load(build, (recorded.stream_id for recorded in events))
    for recorded in events:
        rows.fold(recorded.stream_id, recorded, step)
    await rows.save()


PAY_LEDGER = Projection(
    name=NAME,
    version=VERSION,
    topics=BATCH_TOPICS | PAYOUT_TOPICS,
    tables=(BATCHES, PAYOUTS, ENTRIES, ACCOUNTS),
    apply=_apply,
)


async def accounts(
    view: View,
    *,
    currency: str | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Account]:
    """Accounts and their balances, by name."""
    order, where = ("account", "currency"), {"currency": currency}
    return await page(view, ACCOUNTS, order=order, where=where, limit=limit, cursor=cursor)


async def entries(
    view: View,
    *,
    account: str | None = None,
    payout_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Entry]:
    """The journal in the order of posting: all of it, an account's part, or a payout line's."""
    return await page(
        view,
        ENTRIES,
        order=("position", "posting"),
        where={"payout_id": payout_id},
        either=None if account is None else (("debit", "credit"), account),
        limit=limit,
        cursor=cursor,
    )


async def batches(
    view: View,
    *,
    cycle_id: UUID | None = None,
    state: BatchState | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Batch]:
    """Batches in the order of their preparation."""
    order, where = ("created_position",), {"cycle_id": cycle_id, "state": state}
    return await page(view, BATCHES, order=order, where=where, limit=limit, cursor=cursor)


async def batch(view: View, batch_id: UUID) -> Batch | None:
    """The batch with this id."""
    return await get(view, BATCHES, batch_id)


async def payouts(
    view: View,
    *,
    batch_id: UUID | None = None,
    cycle_id: UUID | None = None,
    employment_id: UUID | None = None,
    person_id: UUID | None = None,
    state: PayoutState | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Payout]:
    """Payout lines in the order of their calculation."""
    where = {
        "batch_id": batch_id,
        "cycle_id": cycle_id,
        "employment_id": employment_id,
        "person_id": person_id,
        "state": state,
    }
    order = ("created_position", "payout_id")
    return await page(view, PAYOUTS, order=order, where=where, limit=limit, cursor=cursor)


async def payout(view: View, payout_id: UUID) -> Payout | None:
    """The payout line with this id."""
    return await get(view, PAYOUTS, payout_id)
