"""Instant rewards over HTTP: case 17, payment by a batch, who sees what, the wall."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest_asyncio

from api import examples
from api.examples_rewards import BUDGET_ID, REWARD_ID
from domain import ids

MADE = examples.EXAMPLES
REWARD = f"/rewards/{REWARD_ID}"


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


@pytest_asyncio.fixture(loop_scope="session")
async def organised(new_company: Callable[[str], Awaitable[Any]]) -> Any:
    """People, and a budget of 20,000.00."""
    company = await new_company("rewards")
    await company.organised()
    await (await company.client("finance")).did("/reward-budgets", MADE["SetRewardBudget"])
    return company


async def approved(company: Any, code: str, amount: str) -> str:
    manager = await company.client("manager", examples.MANAGER_ID)
    await manager.did("/rewards", {**MADE["NominateReward"], "code": code, "amount": cny(amount)})
    path = f"/rewards/{ids.reward_id(code)}"
    await (await company.client("executive")).did(f"{path}/approve", MADE["ApproveReward"])
    return path


async def test_case_17(organised: Any) -> None:
    """20,000.00; 8,000.00 and 7,000.00 are granted; 6,000.00 is not, 5,000.00 are left."""
    finance = await organised.client("finance")
    for code, amount in (("R1", "8000.00"), ("R2", "7000.00")):
        await finance.did(f"{await approved(organised, code, amount)}/grant")
    refused = await finance.post(f"{await approved(organised, 'R3', '6000.00')}/grant")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/budget-exceeded"
    assert "5000.00 CNY left" in refused.json()["detail"]
    budget = await finance.saw(f"/reward-budgets/{BUDGET_ID}", wait_for=finance.position)
    assert (budget["granted"], budget["left"]) == (cny("15000.00"), cny("5000.00"))
    balances = {
        each["account"]: each["balance"]
        for each in (await finance.saw("/ledger/accounts", wait_for=finance.position))["data"]
    }
    assert balances[f"budget:reward:{examples.UNIT_ID}"] == cny("5000.00")
    assert balances[f"budget:granted:{examples.UNIT_ID}"] == cny("15000.00")


async def test_a_reward_is_paid_and_leaves_the_score_and_its_pay_alone(
    new_company: Callable[[str], Awaitable[Any]],
) -> None:
    company = await new_company("rewarded")
    await company.paid()
    hr, finance = await company.client("hr"), await company.client("finance")
    score = await hr.saw(f"/appraisals/{examples.APPRAISAL_ID}", wait_for=finance.position)
    await company.rewarded()
    await finance.did("/reward-batches", MADE["PrepareRewardBatch"])
    batch = f"/payout-batches/{ids.batch_id('2025-R-1')}"
    own = await finance.post(f"{batch}/approve", {})
    assert own.json()["type"] == "/problems/same-actor"
    await (await company.client("executive")).did(f"{batch}/approve", {})
    await finance.did(f"{batch}/settle", {"bank_account": "CN-6222-01", "bank_reference": "BR-R-1"})
    told = await finance.saw(batch, wait_for=finance.position)
    assert (told["batch"]["state"], told["batch"]["cycle_id"]) == ("settled", None)
    (line,) = told["lines"]
    assert (line["amount"], line["reward_id"], line["state"]) == (
        cny("8000.00"),
        REWARD_ID,
        "settled",
    )
    assert [each["payout_id"] for each in (await hr.saw("/payouts", reward_id=REWARD_ID))["data"]]
    again = await finance.post("/reward-batches", {**MADE["PrepareRewardBatch"], "code": "again"})
    assert again.json()["type"] == "/problems/already-paid"
    balance = await finance.saw("/ledger/trial-balance")
    assert balance["balanced"] is True
    same = await hr.saw(f"/appraisals/{examples.APPRAISAL_ID}")
    assert same == score
    performance = await hr.saw("/payouts", cycle_id=examples.CYCLE_ID)
    assert [each["amount"] for each in performance["data"]] == [cny("26928.00")]
    gaps = (await hr.saw("/analytics/reward-gap", cycle_id=examples.CYCLE_ID))["gaps"]
    (gap,) = gaps
    assert (gap["people"], gap["rewarded"]) == (1, 1)
    assert gap["without_rewards"]["median"] == cny("26928.00")
    assert gap["with_rewards"]["high"] == gap["with_rewards"]["total"] == cny("34928.00")
    employee = await company.client("employee", examples.PERSON_ID)
    why = await employee.saw(f"/payouts/{line['payout_id']}/explanation")
    assert (why["amount"], why["appraisal_id"]) == (cny("8000.00"), None)


async def test_who_sees_a_reward(organised: Any) -> None:
    path = await approved(organised, MADE["NominateReward"]["code"], "8000.00")
    executive = await organised.client("executive")
    employee = await organised.client("employee", examples.PERSON_ID)
    stranger = await organised.client("employee", ids.person_id("P-9"))
    manager = await organised.client("manager", examples.MANAGER_ID)
    for reader in (executive, employee, manager):
        told = await reader.saw(path, wait_for=executive.position)
        assert told["shares"][0]["amount"] == cny("8000.00")
        assert [each["reward_id"] for each in (await reader.saw("/rewards"))["data"]]
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.saw("/rewards"))["data"] == []
    # Nothing hangs on the wall before it is granted; then everybody reads whose it is.
    assert (await stranger.saw("/recognitions"))["data"] == []
    finance = await organised.client("finance")
    await finance.did(f"{path}/grant")
    (seen,) = (await stranger.saw("/recognitions", wait_for=finance.position))["data"]
    assert seen["person_ids"] == [examples.PERSON_ID]
    assert "amount" not in seen
    await executive.did(f"{path}/revoke", MADE["RevokeReward"])
    assert (await stranger.saw("/recognitions", wait_for=executive.position))["data"] == []
    row = await executive.saw(path)
    assert (row["state"], row["decided_because"]) == ("revoked", "合同作废")


async def test_one_of_a_team_is_told_their_own_share_alone(organised: Any) -> None:
    executive = await organised.client("executive")
    team = [
        {"employment_id": examples.EMPLOYMENT_ID, "part": "3"},
        {"employment_id": str(ids.employment_id(examples.MANAGER_EMPLOYMENT))},
    ]
    await executive.did("/rewards", {**MADE["NominateReward"], "contributors": team})
    whole = await executive.saw(REWARD, wait_for=executive.position)
    assert (whole["amount"], len(whole["shares"])) == (cny("8000.00"), 2)
    employee = await organised.client("employee", examples.PERSON_ID)
    own = await employee.saw(REWARD)
    assert own["amount"] == cny("6000.00")
    assert [each["person_id"] for each in own["shares"]] == [examples.PERSON_ID]


async def test_a_rejected_reward_is_over(organised: Any) -> None:
    manager = await organised.client("manager", examples.MANAGER_ID)
    await manager.did("/rewards", MADE["NominateReward"])
    employee = await organised.client("employee", examples.PERSON_ID)
    assert (await employee.post("/rewards", MADE["NominateReward"])).status_code == 403
    hr = await organised.client("hr")
    await hr.did(f"{REWARD}/reject", MADE["RejectReward"])
    refused = await hr.post(f"{REWARD}/approve", {})
    assert refused.json()["type"] == "/problems/wrong-reward-state"


async def test_two_grants_at_once_never_take_more_than_there_is(organised: Any) -> None:
    """Both read a budget of 20,000.00; one is granted, the other finds what is left."""
    paths = [await approved(organised, code, "12000.00") for code in ("A", "B")]
    finance = await organised.client("finance")
    answers = await asyncio.gather(*(finance.post(f"{path}/grant") for path in paths))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (refused,) = (answer for answer in answers if answer.status_code == 409)
    assert refused.json()["type"] == "/problems/budget-exceeded"
    budget = await finance.saw(f"/reward-budgets/{BUDGET_ID}", wait_for=finance.position)
    assert budget["left"] == cny("8000.00")
