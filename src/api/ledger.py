"""The pay ledger: accounts, journal, and whether it all adds up to nothing."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import decode, post
from api.problems import FieldError, Said
from api.queries import Listing, Parameters, Position
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.money import Money
from domain.reconciliation import JOURNAL, LEDGER_ACCOUNT, AssertBalance, ExportJournal
from projections import compensation, pay_ledger
from projections.ledger_balances import assertions, balances_then
from projections.questions import Page
from projections.trial_balance import CurrencyTotal, Disagreement, trial_balance

VIEWS = (pay_ledger.NAME,)
RECONCILERS = writers(auth.FINANCE, auth.ADMIN, auth.INTEGRATION)
READERS = frozenset({auth.FINANCE, auth.EXECUTIVE, auth.AUDITOR, auth.ADMIN})


class Accounts(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    currency: str | None = None


class Entries(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str | None = None
    payout_id: UUID | None = None
    first_position: Position | None = None
    last_position: Position | None = None
    valid_at: date | None = None
    """Those that take effect by this day."""


class Then(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    valid_at: date | None = None
    """By the entries that take effect by this day."""
    effective_until: date | None = None
    """The same; `valid_at` where both are given."""


class Assertions(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """余额 of an account; a balance on the debit side is positive."""

    account: str
    currency: str
    debit: Money
    credit: Money
    balance: Money
    entries: int
    position: int
    """Of the log: that of its last entry."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """分录: `amount` moved from the credited to the debited account."""

    event_id: UUID
    posting: int
    debit: str
    credit: str
    amount: Money
    payout_id: UUID | None
    batch_id: UUID | None
    employment_id: UUID | None
    recorded_at: datetime
    effective_on: date
    """The day whose books it belongs to."""
    position: int


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts of one currency; the difference of an honest ledger is zero."""

    currency: str
    debit: Money
    credit: Money
    difference: Money


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """试算平衡 at a log position, computed from the balances and again from the journal."""

    position: int
    balanced: bool
    by_balances: tuple[Total, ...]
    by_entries: tuple[Total, ...]
    disagreements: tuple[Disagreement, ...]


def _total(total: CurrencyTotal) -> Total:
    return Total(
        currency=total.currency,
        debit=Money(total.debit, total.currency),
        credit=Money(total.credit, total.currency),
        difference=Money(total.difference, total.currency),
    )


async def _accounts(asked: Asked, given: Accounts) -> Page[Account]:
    """Accounts and their balances, by name."""
    async with asked.view() as view:
        page = await pay_ledger.accounts(
            view, currency=given.currency, limit=given.limit, cursor=given.cursor
        )
    return page.of(
        [
            Account(
                account=row.account,
                currency=row.currency,
                debit=Money(row.debit, row.currency),
                credit=Money(row.credit, row.currency),
                balance=Money(row.balance, row.currency),
                entries=row.entries,
                position=row.position,
            )
            for row in page.items
        ]
    )


async def _entries(asked: Asked, given: Entries) -> Page[Entry]:
    """The journal in the order of posting: all of it, an account's part, or a payout line's."""
    async with asked.view() as view:
        page = await pay_ledger.entries(
            view,
            account=given.account,
            payout_id=given.payout_id,
            first_position=given.first_position,
            last_position=given.last_position,
            effective_until=given.valid_at,
            limit=given.limit,
            cursor=given.cursor,
        )
    return page.of(
        [
            Entry(
                event_id=row.event_id,
                posting=row.posting,
                debit=row.debit,
                credit=row.credit,
                amount=Money(row.minor, row.currency),
                payout_id=row.payout_id,
                batch_id=row.batch_id,
                employment_id=row.employment_id,
                recorded_at=row.recorded_at,
                effective_on=row.effective_on,
                position=row.position,
            )
            for row in page.items
        ]
    )


async def _trial_balance(asked: Asked, _: Parameters) -> One:
    """The sum of all accounts by currency, twice: from the balances and from the journal."""
    async with asked.view() as view:
        found = await trial_balance(view)
    return One(
        value=TrialBalance(
            position=found.position,
            balanced=found.balanced,
            by_balances=tuple(map(_total, found.by_balances)),
            by_entries=tuple(map(_total, found.by_entries)),
            disagreements=found.disagreements,
        )
    )


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """余额 of an account as it was; debit balances are positive."""

    account: str
    balance: Money
    entries: int


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """Every account as it stood at a log position, by the entries that take effect by a day."""

    position: int
    effective_until: date | None
    balances: tuple[Balance, ...]


class Assertion(msgspec.Struct, frozen=True, kw_only=True):
    """对账断言: what a statement says, what the entries say, and whether both are the same."""

    event_id: UUID
    account: str
    asserted: Money
    found: Money
    holds: bool
    as_of: date
    source: str
    recorded_at: datetime
    position: int


async def _balances(asked: Asked, given: Then) -> One:
    """Every balance as it was known at a log position, or as it takes effect by a day."""
    async with asked.view() as view:
        then = await balances_then(
            view, position=given.position, effective_until=given.valid_at or given.effective_until
        )
    return One(
        value=Balances(
            position=then.position,
            effective_until=then.effective_until,
            balances=tuple(
                Balance(
                    account=row.account,
                    balance=Money(row.minor, row.currency),
                    entries=row.entries,
                )
                for row in then.balances
            ),
        )
    )


async def _assertions(asked: Asked, given: Assertions) -> Page[Assertion]:
    """Statements from outside beside what the entries say, in the order of their recording."""
    async with asked.view() as view:
        page = await assertions(view, account=given.account, limit=given.limit, cursor=given.cursor)
    return page.of(
        [
            Assertion(
                event_id=row.event_id,
                account=row.account,
                asserted=Money(row.asserted, row.currency),
                found=Money(row.found, row.currency),
                holds=row.holds,
                as_of=row.as_of,
                source=row.source,
                recorded_at=row.recorded_at,
                position=row.position,
            )
            for row in page.items
        ]
    )


async def _journals(asked: Asked, given: Listing) -> Page[compensation.Journal]:
    """How far each accounting system has the entries; they are in /ledger/entries."""
    async with asked.view() as view:
        return await compensation.journals(view, limit=given.limit, cursor=given.cursor)


async def _written(asked: Asked) -> None:
    """What is exported is there: later entries would otherwise slip into it."""
    through = decode(asked.body, ExportJournal).through
    if through > (head := await (await asked.store()).head()):
        why = f"the log ends at {head}"
        raise Said("invalid-body", why, errors=[FieldError(pointer="/through", detail=why)])


ROUTES: tuple[Route, ...] = (
    get(
        "/ledger/accounts",
        _accounts,
        roles=READERS,
        result=Account,
        projections=VIEWS,
        parameters=Accounts,
    ),
    get(
        "/ledger/entries",
        _entries,
        roles=READERS,
        result=Entry,
        projections=VIEWS,
        parameters=Entries,
    ),
    get(
        "/ledger/trial-balance",
        _trial_balance,
        roles=READERS,
        result=TrialBalance,
        projections=VIEWS,
    ),
    get(
        "/ledger/balances",
        _balances,
        roles=READERS,
        result=Balances,
        projections=VIEWS,
        parameters=Then,
    ),
    post(
        "/ledger/assertions",
        AssertBalance,
        LEDGER_ACCOUNT,
        roles=RECONCILERS,
        stream=lambda _, command: ids.ledger_account_id(command.account),
        creates="/ledger/assertions",
    ),
    get(
        "/ledger/assertions",
        _assertions,
        roles=READERS,
        result=Assertion,
        projections=VIEWS,
        parameters=Assertions,
    ),
    post(
        "/ledger/journals",
        ExportJournal,
        JOURNAL,
        roles=RECONCILERS,
        guard=_written,
        stream=lambda _, command: ids.journal_id(command.system),
        creates="/ledger/journals",
    ),
    get(
        "/ledger/journals",
        _journals,
        roles=READERS | {auth.INTEGRATION},
        result=compensation.Journal,
        projections=(compensation.NAME,),
        parameters=Listing,
    ),
)
