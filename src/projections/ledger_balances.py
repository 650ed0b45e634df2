"""Balances as they were: by log position (when known) and by day (when they took effect)."""

from datetime import date

import msgspec

from projections.pay_ledger import ASSERTIONS, ENTRIES, NAME, VERSION, Assertion
from projections.questions import LIMIT_DEFAULT, Page, View, page


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """An account in one currency, minor units; debit balances are positive."""

    account: str
    currency: str
    minor: int
    entries: int


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """All accounts as they stood."""

    position: int
    """Of the log: every entry up to it counts."""
    effective_until: date | None
    balances: tuple[Balance, ...]


# One statement, so one snapshot; sums of bigint may outgrow it, so they travel as text.
THEN = f"""
WITH reached AS (
    SELECT coalesce(max(position), 0) AS position FROM merit.cursors
    WHERE tenant_id = $1 AND projection = $2 AND version = $3 AND live
), journal AS (
    SELECT debit, credit, currency, minor FROM {ENTRIES.name}
    WHERE tenant_id = $1 AND build = {ENTRIES.live}
    AND ($4::bigint IS NULL OR position <= $4) AND ($5::date IS NULL OR effective_on <= $5)
), legs AS (
    SELECT debit AS account, currency, minor FROM journal
    UNION ALL SELECT credit, currency, -minor FROM journal
), sums AS (
    SELECT account, currency, sum(minor)::text AS minor, count(*) AS entries FROM legs
    GROUP BY account, currency ORDER BY account, currency
)
SELECT json_build_object(
    'position', (SELECT least(position, coalesce($4::bigint, position)) FROM reached),
    'effective_until', $5::date,
    'balances', (SELECT coalesce(json_agg(x), '[]') FROM sums x)
)
"""  # noqa: S608  own names


async def balances_then(
    view: View, *, position: int | None = None, effective_until: date | None = None
) -> Balances:
    """All balances by the entries known at `position` that take effect by a day."""
    record = await view.fetchrow(THEN, NAME, VERSION, position, effective_until)
    told = record[0] if record else '{"position": 0, "effective_until": null, "balances": []}'
    return msgspec.json.decode(told, type=Balances, strict=False)


async def assertions(
    view: View,
    *,
    account: str | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Assertion]:
    """Balance assertions in the order of their recording."""
    order, where = ("position",), {"account": account}
    return await page(view, ASSERTIONS, order=order, where=where, limit=limit, cursor=cursor)
