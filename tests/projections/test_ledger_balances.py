"""Balances as they were: by position and by effective day, always adding up to nothing."""

from collections import Counter
from datetime import date
from types import SimpleNamespace
from typing import Any

from domain.ledger import postings
from projections.ledger_balances import assertions, balances_then


async def test_every_position_adds_up_and_is_the_fold_of_its_prefix(
    story: SimpleNamespace, company: Any
) -> None:
    lines = story.quarter(2)
    await company.tell(lines)
    folded: Counter[tuple[str, str]] = Counter()
    moved = 0
    async with company.view() as view:
        for position, (_, event) in enumerate(lines, start=1):
            for posting in postings(event):
                folded[posting.debit_account, posting.amount.currency] += posting.amount.minor
                folded[posting.credit_account, posting.amount.currency] -= posting.amount.minor
            if not postings(event):
                continue
            moved += 1
            then = await balances_then(view, position=position)
            assert then.position == position
            assert {(row.account, row.currency): row.minor for row in then.balances} == folded
            assert sum(row.minor for row in then.balances) == 0
        assert moved >= 5
        whole = await balances_then(view)
        assert {(row.account, row.currency): row.minor for row in whole.balances} == folded
        assert (await balances_then(view, position=1)).balances == ()


async def test_what_takes_effect_later_does_not_count_before(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(2))
    async with company.view() as view:
        assert (await balances_then(view, effective_until=date(2026, 3, 31))).balances == ()
        now = await balances_then(view, effective_until=date(2026, 4, 1))
        assert now.balances == (await balances_then(view)).balances
        assert now.effective_until == date(2026, 4, 1)


async def test_an_assertion_holds_where_the_entries_say_the_same(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(2))
    async with company.view() as view:
        (told,) = (await assertions(view)).items
        assert (told.asserted, told.found, told.holds) == (0, 0, True)
        assert (await assertions(view, account="clearing:bank:ICBC-1")).items == ()


async def test_nobody_sees_the_balances_of_another_tenant(
    story: SimpleNamespace, company: Any, other_company: Any
) -> None:
    await company.tell(story.quarter(2))
    async with other_company.view() as view:
        assert (await balances_then(view)).balances == ()
        assert (await assertions(view)).items == ()
