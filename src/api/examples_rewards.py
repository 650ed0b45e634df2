"""Example bodies for instant rewards: case 17's budget and the first reward out of it."""

from typing import Any, Final

from domain import ids

BUDGET: Final = "2025-MKT"
REWARD: Final = "R-2025-001"
BUDGET_ID: Final = str(ids.reward_budget_id(BUDGET))
REWARD_ID: Final = str(ids.reward_id(REWARD))


def reward_examples(*, unit: str, employment: str) -> dict[str, dict[str, Any]]:
    """By command, about the people of the worked baseline."""
    return {
        "SetRewardBudget": {
            "code": BUDGET,
            "org_unit_id": unit,
            "cost_centre": "CC-100",
            "amount": {"amount": "20000.00", "currency": "CNY"},
            "personal_cap": {"amount": "20000.00", "currency": "CNY"},
            "starts_on": "2025-01-01",
            "ends_on": "2025-12-31",
        },
        "NominateReward": {
            "code": REWARD,
            "budget_id": BUDGET_ID,
            "kind": "breakthrough",
            "title": "首个千万级合同",
            "reason": "签下区域首个千万级合同",
            "amount": {"amount": "8000.00", "currency": "CNY"},
            "achieved_on": "2025-03-10",
            "contributors": [{"employment_id": employment, "part": "1"}],
            "on_the_wall": True,
        },
        "ApproveReward": {"comment": "同意"},
        "RejectReward": {"reason": "属于本职工作"},
        "GrantReward": {},
        "RevokeReward": {"reason": "合同作废"},
        "PrepareRewardBatch": {"code": "2025-R-1", "reward_ids": [REWARD_ID]},
    }
