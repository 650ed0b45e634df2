"""Every number that is paid is explained over HTTP, and an evaluator of its own agrees."""

import importlib.util
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from api import examples
from domain import ids

MADE = examples.EXAMPLES
CYCLE = f"/cycles/{examples.CYCLE_ID}"
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
POOL = f"/pools/{ids.pool_id('TEAM')}"
REWARD = f"/rewards/{ids.reward_id(MADE['NominateReward']['code'])}"

Evaluate = Callable[[str], Fraction]


@pytest.fixture(scope="session")
def evaluate() -> Evaluate:
    path = Path(__file__).parents[1] / "domain" / "evaluator.py"
    spec = importlib.util.spec_from_file_location("oracle_of_http", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Evaluate = module.evaluate
    return found


def minor(amount: dict[str, str]) -> Fraction:
    return Fraction(amount["amount"]) * 100


def leaf_of(tree: dict[str, Any]) -> dict[str, Any]:
    while tree.get("inputs"):
        tree = tree["inputs"][-1]
    return tree


def agreed(evaluate: Evaluate, tree: dict[str, Any], number: Fraction) -> None:
    """The tree gives the number, and does not once any leaf is another."""
    assert evaluate(json.dumps(tree)) == number
    changed = json.loads(json.dumps(tree))
    leaf = leaf_of(changed)
    leaf["value"] = str(Fraction(leaf["value"]) + 1)
    with pytest.raises(Exception, match="the leaves are not those"):
        evaluate(json.dumps(changed))


async def test_scores_and_payouts(company: Any, evaluate: Evaluate) -> None:
    await company.paid()
    finance = await company.client("finance")
    position = await company.head()
    hr = await company.client("hr")
    told = await hr.saw(f"{APPRAISAL}/explanation", wait_for=position)
    agreed(evaluate, told["explanation"], Fraction("0.8976"))
    (line,) = (await finance.saw("/payouts", wait_for=position))["data"]
    told = await finance.saw(f"/payouts/{line['payout_id']}/explanation")
    agreed(evaluate, told["explanation"], Fraction(2_692_800))


async def test_a_pool_and_what_it_pays(company: Any, evaluate: Evaluate) -> None:
    await company.locked()
    finance = await company.client("finance")
    await finance.did("/pools", {**MADE["FundPool"], "code": "TEAM", "cap": None})
    missing = await finance.get(f"{POOL}/explanation", params={"wait_for": finance.position})
    assert missing.status_code == 404
    await finance.did(f"{POOL}/allocate", {"appraisal_ids": [examples.APPRAISAL_ID]})
    told = await finance.saw(f"{POOL}/explanation", wait_for=finance.position)
    (share,) = told["shares"]
    agreed(evaluate, told["explanation"], minor(share["amount"]))
    assert told["explanation"]["rule"] == "split"
    assert told["policy"] is None
    pool_id = str(ids.pool_id("TEAM"))
    body = {"code": "T1", "cycle_id": examples.CYCLE_ID, "pool_id": pool_id}
    await finance.did("/payout-batches", body)
    (line,) = (await finance.saw("/payouts", wait_for=finance.position))["data"]
    paid = await finance.saw(f"/payouts/{line['payout_id']}/explanation")
    agreed(evaluate, paid["explanation"], minor(line["amount"]))
    # What it was shared out by is the event that the payout leans on.
    assert leaf_of(paid["explanation"])["source"] == told["event_id"]
    employee = await company.client("employee", examples.PERSON_ID)
    assert (await employee.get(f"{POOL}/explanation")).status_code in {403, 404}


async def test_a_reward_and_what_it_pays(company: Any, evaluate: Evaluate) -> None:
    await company.organised()
    finance, executive = await company.client("finance"), await company.client("executive")
    await finance.did("/reward-budgets", MADE["SetRewardBudget"])
    team = [
        {"employment_id": examples.EMPLOYMENT_ID, "part": "2"},
        {"employment_id": str(ids.employment_id(examples.MANAGER_EMPLOYMENT))},
    ]
    hr = await company.client("hr")
    await hr.did("/rewards", {**MADE["NominateReward"], "contributors": team})
    await executive.did(f"{REWARD}/approve", MADE["ApproveReward"])
    missing = await finance.get(f"{REWARD}/explanation", params={"wait_for": executive.position})
    assert missing.status_code == 404
    await finance.did(f"{REWARD}/grant")
    told = await finance.saw(f"{REWARD}/explanation", wait_for=finance.position)
    agreed(evaluate, told["explanation"], Fraction(800_000))
    parts = [Fraction(part) for part in told["explanation"]["params"]["parts"].split()]
    assert parts == [minor(share["amount"]) for share in told["shares"]]
    reward_id = str(ids.reward_id(MADE["NominateReward"]["code"]))
    await finance.did("/reward-batches", {"code": "R1", "reward_ids": [reward_id]})
    lines = (await finance.saw("/payouts", wait_for=finance.position))["data"]
    assert {minor(line["amount"]) for line in lines} == set(parts)
    for line in lines:
        paid = await finance.saw(f"/payouts/{line['payout_id']}/explanation")
        agreed(evaluate, paid["explanation"], minor(line["amount"]))
        assert leaf_of(paid["explanation"])["source"] == told["event_id"]
    # Of a team of two the whole would tell one what the other gets.
    employee = await company.client("employee", examples.PERSON_ID)
    assert (await employee.get(f"{REWARD}/explanation")).status_code == 404
