"""What the outside says of the ledger, and what the ledger has told the outside."""

from datetime import date
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_code, checked_reason
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.money import Amount, Money, money_of
from domain.origin import require_own_history


class AssertBalance(Command, frozen=True, kw_only=True):
    """An account has this balance, says a statement of the bank, of payroll, of the books.

    A statement about money that left a bank account is below zero: credit balances are.
    """

    account: str
    balance: Amount
    as_of: date
    """Entries that take effect later do not count."""
    source: str
    """The statement."""


class BalanceAsserted(Event, frozen=True, kw_only=True):
    """Whether it holds is computed where the entries are, at this position. 对账断言"""

    TOPIC = "ledger-account.balance-asserted"
    account: str
    balance: Money
    as_of: date
    source: str


class Asserted(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of an account last."""

    balance: Money
    as_of: date
    event_id: UUID


def _assert(_: Asserted | None, command: AssertBalance, __: Context) -> tuple[Event, ...]:
    return (
        BalanceAsserted(
            account=checked_code(command.account, "account"),
            balance=money_of(command.balance, "balance"),
            as_of=command.as_of,
            source=checked_reason(command.source, "source"),
        ),
    )


def _asserted(_: Asserted | None, happened: Happened[BalanceAsserted]) -> Asserted:
    event = happened.event
    match event:
        case BalanceAsserted():
            return Asserted(balance=event.balance, as_of=event.as_of, event_id=happened.event_id)
        case _:
            assert_never(event)


LEDGER_ACCOUNT: Decider[Asserted | None] = Decider(
    kind="ledger-account", initial=None, decide=_assert, evolve=_asserted
)


class ExportJournal(Command, frozen=True, kw_only=True):
    """Hand the entries up to a log position to an accounting system, from where it left off."""

    system: str
    through: int
    """The last log position whose entries it gets."""


class JournalExported(Event, frozen=True, kw_only=True):
    """These positions' entries, all of them and each once. 凭证导出"""

    TOPIC = "journal.exported"
    system: str
    number: int
    """1, 2 ... of this system."""
    first_position: int
    last_position: int


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """How far an accounting system has the entries."""

    number: int
    last_position: int


POSITION_MAX = 2**62


def _export(state: Journal | None, command: ExportJournal, context: Context) -> tuple[Event, ...]:
    require_own_history(context)
    system = checked_code(command.system, "system")
    before = state or Journal(number=0, last_position=0)
    if not before.last_position < command.through <= POSITION_MAX:
        raise Refused(
            "nothing-to-export", f"{system} has the entries up to {before.last_position} already."
        )
    return (
        JournalExported(
            system=system,
            number=before.number + 1,
            first_position=before.last_position + 1,
            last_position=command.through,
        ),
    )


def _exported(_: Journal | None, happened: Happened[JournalExported]) -> Journal:
    event = happened.event
    match event:
        case JournalExported():
            return Journal(number=event.number, last_position=event.last_position)
        case _:
            assert_never(event)


JOURNAL: Decider[Journal | None] = Decider(
    kind="journal", initial=None, decide=_export, evolve=_exported
)
