"""Laws of the ledger, over payouts that nobody thought of."""

import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from projections.catalogue import PROJECTIONS
from projections.pay_ledger import entries_of
from projections.runner import Runner
from projections.trial_balance import trial_balance

AMOUNTS = st.lists(
    st.builds(
        Money,
        st.integers(min_value=-(10**12), max_value=10**12),
        st.sampled_from(["CNY", "JPY", "KWD"]),
    ),
    max_size=12,
)


# No deadline: a busy machine is not a broken law.
@given(amounts=AMOUNTS, codes=st.integers(min_value=1, max_value=3))
def test_every_currency_sums_to_zero_at_every_position(
    story: SimpleNamespace, amounts: list[Money], codes: int
) -> None:
    lines = [line for n in range(codes) for line in story.paid(amounts, code=f"B{n}")]
    balances: Counter[tuple[str, str]] = Counter()
    for recorded in story.recorded(lines):
        if recorded.topic.startswith("payout."):
            for entry in entries_of(recorded):
                assert entry.minor > 0
                balances[entry.debit, entry.currency] += entry.minor
                balances[entry.credit, entry.currency] -= entry.minor
        for currency in ("CNY", "JPY", "KWD"):
            assert sum(n for (_, c), n in balances.items() if c == currency) == 0
    # All is settled: nothing is owed to anybody any more.
    owed = [n for (account, _), n in balances.items() if account.startswith("liability:")]
    assert not any(owed)


async def test_the_trial_balance_holds_at_every_position_of_the_view(
    story: SimpleNamespace, company: Any
) -> None:
    luck = random.Random(5)
    amounts = [
        Money(luck.randrange(-(10**9), 10**9), luck.choice(["CNY", "JPY", "KWD"]))
        for _ in range(12)
    ]
    last = await company.write(story.paid(amounts))
    positions = []
    while True:
        runner = Runner(
            company.database,
            company.logs,
            PROJECTIONS,
            batch_events_max=luck.randrange(1, 5),
        )
        if not await runner.advance(company.tenant_id):
            break
        async with company.view() as view:
            balance = await trial_balance(view)
        assert balance.balanced
        positions.append(balance.position)
    assert positions == sorted(set(positions))
    assert positions[-1] == last
    assert len(balance.by_balances) == 3
