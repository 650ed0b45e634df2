"""The trial balance: every account's balance and every currency's sum, computed two ways."""

import msgspec


class CurrencyTotal(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts of one currency, minor units. The difference of an honest ledger is 0."""

    currency: str
    debit: int
    credit: int

    @property
    def difference(self) -> int:
        return self.debit - self.credit


class AccountTotal(msgspec.Struct, frozen=True, kw_only=True):
    """One account, minor units; debit balances are positive."""

    account: str
    currency: str
    debit: int
    credit: int
    balance: int


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """试算平衡 at a log position."""

    position: int
    currencies: tuple[CurrencyTotal, ...]
    accounts: tuple[AccountTotal, ...]
    """At most `ACCOUNTS_MAX`, largest balances first; the totals are over all."""
    disagreements: tuple[str, ...]
    """Accounts whose stored balance is not the sum of their entries; empty unless damaged."""

    @property
    def balanced(self) -> bool:
        """Zero in every currency, and balances and entries agree."""
        return not self.disagreements and all(total.difference == 0 for total in self.currencies)
