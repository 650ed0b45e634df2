"""The pay ledger: batches, their lines, the journal, the balances, and whether they agree."""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from datetime import date, datetime, timedelta
from uuid import UUID

from domain.bonus_pool import PoolFunded, PoolResettled, PoolSpent, PoolWithdrawn
from domain.ledger import Posting, postings
from domain.payout import (
    BatchApproved,
    BatchInstructed,
    BatchPrepared,
    BatchSettled,
    BatchVoided,
    PaymentInstructed,
    PaymentReturned,
    PaymentSettled,
    PayoutApproved,
    PayoutCalculated,
    PayoutVoided,
)
from domain.reconciliation import BalanceAsserted
from domain.reward_budget import RewardBudgetCommitted, RewardBudgetReleased, RewardBudgetSet
from projections.kernel import Projection, Step
from projections.payout_rows import (
    Batch,
    BatchState,
    Payout,
    PayoutState,
    batch_step,
    payout_step,
)
from projections.questions import LIMIT_DEFAULT, Between, Page, View, get, page
from projections.tables import Build, Held, R, Row, Table
from tenancy.records import Recorded

NAME = "pay_ledger"
VERSION = 5


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
    payout_id: UUID | None = None
    batch_id: UUID | None = None
    employment_id: UUID | None = None
    recorded_at: datetime
    effective_on: date
    """The day whose books it belongs to; where nothing else was said, that of its recording."""


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


class Assertion(Row, kw_only=True):
    """对账断言: what was said of an account, and what its entries say."""

    event_id: UUID
    account: str
    currency: str
    asserted: int
    found: int
    """By the entries up to this position that take effect by `as_of`."""
    as_of: date
    source: str
    recorded_at: datetime

    @property
    def holds(self) -> bool:
        """Whether both say the same."""
        return self.asserted == self.found


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
ASSERTIONS = _table("ledger_assertions", Assertion, "position", indexes=(("account", "position"),))
BATCHES = _table(
    "payout_batches",
    Batch,
    "batch_id",
    indexes=(("created_position",), ("cycle_id", "created_position")),
)


def entries_of(recorded: Recorded) -> list[Entry]:
    """The journal entries of one event; none where it moves no money."""
    event = recorded.event
    of_line = recorded.topic in PAYOUT_TOPICS
    effective_on = getattr(event, "effective_on", None) or recorded.recorded_at.date()
    return [
        Entry(
            position=recorded.position,
            posting=number,
            event_id=recorded.event_id,
            debit=posting.debit_account,
            credit=posting.credit_account,
            minor=posting.amount.minor,
            currency=posting.amount.currency,
            payout_id=recorded.stream_id if of_line else None,
            batch_id=event.batch_id if of_line else None,
            employment_id=event.employment_id if of_line else None,
            recorded_at=recorded.recorded_at,
            effective_on=effective_on,
        )
        for number, posting in enumerate(postings(event), start=1)
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


BATCH_TOPICS = frozenset(
    event.TOPIC
    for event in (BatchPrepared, BatchApproved, BatchInstructed, BatchSettled, BatchVoided)
)
PAYOUT_TOPICS = frozenset(
    event.TOPIC
    for event in (
        PayoutCalculated,
        PayoutApproved,
        PaymentInstructed,
        PaymentSettled,
        PaymentReturned,
        PayoutVoided,
    )
)
POSTING_TOPICS = PAYOUT_TOPICS | {
    event.TOPIC
    for event in (
        PoolFunded,
        PoolWithdrawn,
        PoolResettled,
        PoolSpent,
        RewardBudgetSet,
        RewardBudgetCommitted,
        RewardBudgetReleased,
    )
}
"""Of events that may move money."""


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    of_payouts = [recorded for recorded in batch if recorded.topic in PAYOUT_TOPICS]
    of_batches = [recorded for recorded in batch if recorded.topic in BATCH_TOPICS]
    moving = [recorded for recorded in batch if recorded.topic in POSTING_TOPICS]
    await _fold(BATCHES, build, of_batches, batch_step)
    await _fold(PAYOUTS, build, of_payouts, payout_step)
    await ENTRIES.save(build, [entry for each in moving for entry in entries_of(each)])
    moves = [
        ((account, posting.amount.currency), _posted(account, posting), recorded)
        for recorded in moving
        for posting in postings(recorded.event)
        # A set, so that an entry from an account to itself counts as one entry.
        for account in {posting.debit_account, posting.credit_account}
    ]
    balances = await ACCOUNTS.load(build, (key for key, _, _ in moves))
    for key, step, recorded in moves:
        balances.fold(key, recorded, step)
    await balances.save()
    said = [recorded for recorded in batch if isinstance(recorded.event, BalanceAsserted)]
    await ASSERTIONS.save(build, [await _assertion(build, each) for each in said])


# By the entries, which are never changed: the same at every rebuild.
BALANCE_THEN = f"""
SELECT coalesce(sum(CASE WHEN debit = $3 THEN minor ELSE 0 END)
     - sum(CASE WHEN credit = $3 THEN minor ELSE 0 END), 0)
FROM {ENTRIES.name} WHERE tenant_id = $1 AND build = $2 AND (debit = $3 OR credit = $3)
AND currency = $4 AND position <= $5 AND effective_on <= $6
"""  # noqa: S608  own names


async def _assertion(build: Build, recorded: Recorded) -> Assertion:
    event: BalanceAsserted = recorded.event
    if build.held is not None:
        found = _balance_then(build.held, recorded)
    else:
        found = await build.connection.fetchval(
            BALANCE_THEN,
            build.tenant_id,
            build.number,
            event.account,
            event.balance.currency,
            recorded.position,
            event.as_of,
        )
    return Assertion(
        position=recorded.position,
        event_id=recorded.event_id,
        account=event.account,
        currency=event.balance.currency,
        asserted=event.balance.minor,
        found=int(found),
        as_of=event.as_of,
        source=event.source,
        recorded_at=recorded.recorded_at,
    )


def _balance_then(held: Held, recorded: Recorded) -> int:
    """What `BALANCE_THEN` says, of rows in memory."""
    event: BalanceAsserted = recorded.event
    entries: Iterable[Entry] = held.get(ENTRIES.name, {}).values()
    return sum(
        ((entry.debit == event.account) - (entry.credit == event.account)) * entry.minor
        for entry in entries
        if entry.currency == event.balance.currency
        and entry.position <= recorded.position
        and entry.effective_on <= event.as_of
    )


async def _fold(table: Table[R], build: Build, events: Sequence[Recorded], step: Step) -> None:
    rows = await table.load(build, (recorded.stream_id for recorded in events))
    for recorded in events:
        rows.fold(recorded.stream_id, recorded, step)
    await rows.save()


PAY_LEDGER = Projection(
    name=NAME,
    version=VERSION,
    topics=BATCH_TOPICS | POSTING_TOPICS | {BalanceAsserted.TOPIC},
    tables=(BATCHES, PAYOUTS, ENTRIES, ACCOUNTS, ASSERTIONS),
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


def _day_after(day: date | None) -> date | None:
    # After the last day of the calendar there is none, and nothing to leave out.
    return None if day in {None, date.max} else day + timedelta(days=1)


async def entries(
    view: View,
    *,
    account: str | None = None,
    payout_id: UUID | None = None,
    first_position: int | None = None,
    last_position: int | None = None,
    effective_until: date | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Entry]:
    """The journal in the order of posting: all of it, an account's part, or a payout line's."""
    after_last = None if last_position is None else last_position + 1
    return await page(
        view,
        ENTRIES,
        order=("position", "posting"),
        where={
            "payout_id": payout_id,
            "position": Between(first_position, after_last),
            "effective_on": Between(None, _day_after(effective_until)),
        },
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
    reward_id: UUID | None = None,
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
        "reward_id": reward_id,
        "state": state,
    }
    order = ("created_position", "payout_id")
    return await page(view, PAYOUTS, order=order, where=where, limit=limit, cursor=cursor)


async def payout(view: View, payout_id: UUID) -> Payout | None:
    """The payout line with this id."""
    return await get(view, PAYOUTS, payout_id)
