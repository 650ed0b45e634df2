"""The pay ledger: accounts, journal, and whether it all adds up to nothing."""

from datetime import datetime
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.queries import Listing, Parameters
from api.routes import Route, get
from api.wire import One
from domain.money import Money
from projections import pay_ledger
from projections.questions import Page
from projections.trial_balance import CurrencyTotal, Disagreement, trial_balance

VIEWS = (pay_ledger.NAME,)
READERS = frozenset({auth.FINANCE, auth.EXECUTIVE, auth.AUDITOR, auth.ADMIN})


class Accounts(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    currency: str | None = None


class Entries(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str | None = None
    payout_id: UUID | None = None


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
    payout_id: UUID
    batch_id: UUID
    employment_id: UUID
    recorded_at: datetime
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
)
