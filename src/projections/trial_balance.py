"""The trial balance: the sum of all accounts per currency, from balances and from the journal."""

import msgspec

from projections.pay_ledger import ACCOUNTS, ENTRIES, NAME, VERSION
from projections.questions import View


class CurrencyTotal(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts of one currency, minor units. The difference of an honest ledger is 0."""

    currency: str
    debit: int
    credit: int

    @property
    def difference(self) -> int:
        return self.debit - self.credit


class Disagreement(msgspec.Struct, frozen=True, kw_only=True):
    """An account whose stored balance is not the sum of its entries; minor units."""

    account: str
    currency: str
    by_balance: int | None
    """None where there are entries and no account."""
    by_entries: int | None


class TrialBalance(msgspec.Struct, frozen=True, kw_only=True):
    """试算平衡 at a log position."""

    position: int = 0
    by_balances: tuple[CurrencyTotal, ...] = ()
    """From the stored balances of all accounts, by currency."""
    by_entries: tuple[CurrencyTotal, ...] = ()
    """From the journal, by currency."""
    disagreements: tuple[Disagreement, ...] = ()
    """Empty unless the view is damaged, which a rebuild mends. At most 100."""

    @property
    def balanced(self) -> bool:
        """Zero in every currency, and balances and entries agree."""
        return (
            not self.disagreements
            and self.by_balances == self.by_entries
            and all(total.difference == 0 for total in self.by_balances)
        )


# One statement, so one snapshot: what is posted meanwhile cannot look like damage.
# Both legs of every entry are summed. Sums of bigint may outgrow it, so they travel as text.
TRIAL_BALANCE = f"""
WITH balances AS (
    SELECT account, currency, debit, credit FROM {ACCOUNTS.name}
    WHERE tenant_id = $1 AND build = {ACCOUNTS.live}
), journal AS (
    SELECT debit, credit, currency, minor FROM {ENTRIES.name}
    WHERE tenant_id = $1 AND build = {ENTRIES.live}
), legs AS (
    SELECT debit AS account, currency, minor AS debit, 0 AS credit FROM journal
    UNION ALL SELECT credit, currency, 0, minor FROM journal
), by_balances AS (
    SELECT currency, sum(debit)::text AS debit, sum(credit)::text AS credit
    FROM balances GROUP BY currency ORDER BY currency
), by_entries AS (
    SELECT currency, sum(debit)::text AS debit, sum(credit)::text AS credit
    FROM legs GROUP BY currency ORDER BY currency
), disagreements AS (
    SELECT account, currency, b.net::text AS by_balance, e.net::text AS by_entries
    FROM (SELECT account, currency, debit - credit AS net FROM balances) b
    FULL JOIN (SELECT account, currency, sum(debit) - sum(credit) AS net FROM legs
               GROUP BY account, currency) e USING (account, currency)
    WHERE b.net IS DISTINCT FROM e.net ORDER BY account, currency LIMIT 100
)
SELECT json_build_object(
    'position', (SELECT position FROM merit.cursors
                 WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND live),
    'by_balances', (SELECT coalesce(json_agg(x), '[]') FROM by_balances x),
    'by_entries', (SELECT coalesce(json_agg(x), '[]') FROM by_entries x),
    'disagreements', (SELECT coalesce(json_agg(x), '[]') FROM disagreements x)
)
"""  # noqa: S608  own names


async def trial_balance(view: View) -> TrialBalance:
    """The trial balance of the whole ledger, now; costs as much as the journal is long."""
    record = await view.fetchrow(TRIAL_BALANCE, NAME, VERSION)
    told = msgspec.json.decode(record[0]) if record else {}
    told["position"] = told.get("position") or 0
    return msgspec.convert(told, TrialBalance, strict=False)
