"""What is left of reward budgets, whose a reward is, what hangs on the wall."""

from datetime import date
from decimal import Decimal
from typing import Any

from domain.ids import employment_id, org_unit_id, person_id, reward_budget_id, reward_id
from domain.kernel import Event
from domain.money import Money
from domain.reward import (
    InstantRewardApproved,
    InstantRewardGranted,
    InstantRewardNominated,
    InstantRewardRejected,
    InstantRewardRevoked,
    RewardShare,
)
from domain.reward_budget import (
    PersonsShare,
    RewardBudgetCommitted,
    RewardBudgetReleased,
    RewardBudgetSet,
)
from projections import pay_ledger, rewards

BUDGET, UNIT = reward_budget_id("B"), org_unit_id("U")


def budget(minor: int, change: int) -> tuple[Any, Event]:
    event = RewardBudgetSet(
        code="B",
        org_unit_id=UNIT,
        cost_centre="CC",
        amount=Money(minor, "CNY"),
        change=Money(change, "CNY"),
        starts_on=date(2026, 1, 1),
        ends_on=date(2026, 12, 31),
    )
    return BUDGET, event


def nominated(code: str, person: str, *, on_the_wall: bool = True) -> tuple[Any, Event]:
    share = RewardShare(
        employment_id=employment_id(person),
        person_id=person_id(person),
        part=Decimal(1),
        amount=Money(300, "CNY"),
    )
    event = InstantRewardNominated(
        code=code,
        budget_id=BUDGET,
        kind="milestone",
        title=code,
        reason="验收",
        amount=Money(300, "CNY"),
        achieved_on=date(2026, 2, 1),
        shares=(share,),
        on_the_wall=on_the_wall,
    )
    return reward_id(code), event


def granted(code: str, person: str) -> list[tuple[Any, Event]]:
    committed = RewardBudgetCommitted(
        reward_id=reward_id(code),
        org_unit_id=UNIT,
        amount=Money(300, "CNY"),
        shares=(PersonsShare(person_id=person_id(person), amount=Money(300, "CNY")),),
    )
    return [
        nominated(code, person),
        (reward_id(code), InstantRewardApproved(comment="")),
        (reward_id(code), InstantRewardGranted(cost_centre="CC")),
        (BUDGET, committed),
    ]


STORY = [
    budget(1000, 1000),
    *granted("R1", "a"),
    budget(900, -100),
    *granted("R2", "b"),
    (reward_id("R2"), InstantRewardRevoked(reason="有误")),
    (
        BUDGET,
        RewardBudgetReleased(reward_id=reward_id("R2"), org_unit_id=UNIT, amount=Money(300, "CNY")),
    ),
    nominated("R3", "a", on_the_wall=False),
    (reward_id("R3"), InstantRewardRejected(reason="本职")),
]


async def test_a_budget_knows_what_is_granted_and_so_do_the_books(company: Any) -> None:
    await company.tell(STORY)
    async with company.view() as view:
        row = await rewards.budget(view, BUDGET)
        (listed,) = (await rewards.budgets(view, org_unit_id=UNIT)).items
        accounts = {each.account: each.balance for each in (await pay_ledger.accounts(view)).items}
    assert row is not None
    assert listed == row
    assert (row.minor, row.granted_minor, row.created_position) == (900, 300, 1)
    assert accounts == {
        f"budget:reward:{UNIT}": 600,
        f"budget:granted:{UNIT}": 300,
        "budget:funds:CC": -900,
    }


async def test_rewards_are_found_by_whose_they_are(company: Any) -> None:
    await company.tell(STORY)
    async with company.view() as view:

        async def codes(**given: Any) -> list[str]:
            return [each.code for each in (await rewards.rewards(view, **given)).items]

        assert await codes() == ["R1", "R2", "R3"]
        assert await codes(concerning=person_id("a")) == ["R1", "R3"]
        assert await codes(concerning=person_id("c")) == []
        assert await codes(state="granted", on_the_wall=True) == ["R1"]
        row = await rewards.reward(view, reward_id("R2"))
        assert row is not None
        texts = await rewards.texts(view, [row])
    assert row.state == "revoked"
    assert texts[row.reward_id] == rewards.Texts(title="R2", reason="验收", decided_because="有误")
    assert row.approved_by == row.decided_by == row.nominated_by
