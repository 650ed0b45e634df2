"""Example bodies for what comes before and after a score: goals that move, corrections, appeals."""

from typing import Any, Final

from domain import ids

CHECKSUM: Final = f"sha256:{'0' * 64}"
NOT_YET: Final = "00000000-0000-4000-8000-000000000001"
"""Stands where the id of an event belongs, which only the log gives."""

_PROOFS: Final = [{"name": "银行回单.pdf", "checksum": CHECKSUM}]


def review_examples(
    *, cycle: str, employment: str, appraisal: str, reviewer: str
) -> dict[str, dict[str, Any]]:
    """By command, about the people of the worked baseline."""
    late = {
        "kind": "actual",
        "indicator": "collection",
        "value": "45000.00",
        "occurred_on": "2025-03-31",
    }
    objective = str(ids.objective_id(ids.cycle_id("2025Q1"), "growth"))
    return {
        "SetObjective": {"cycle_id": cycle, "code": "growth", "name": "全年营收增长20%"},
        "DropObjective": {"reason": "战略调整"},
        "AlignGoal": {"indicator": "contract", "objective_id": objective},
        "RequestTargetChange": {
            "indicator": "collection",
            "target": "850000",
            "reason": "主要客户破产重整",
        },
        "RequestExcuse": {"indicator": "output", "reason": "产线停产改造"},
        "ApproveGoalChange": {"indicator": "collection"},
        "DeclineGoalChange": {"indicator": "collection", "reason": "目标不变"},
        "ValidateFeed": {"checksum": CHECKSUM, "rows": 3},
        "RejectFeed": {"reason": "行数与源系统不符"},
        "CutOffFeed": {},
        "CorrectActual": {
            "cycle_id": cycle,
            "employment_id": employment,
            "indicator": "contract",
            "value": "-180000",
            "occurred_on": "2025-03-15",
            "reason": "合同取消",
        },
        "DeclineCorrection": {"correction": NOT_YET, "reason": "无取消协议"},
        "AcceptCorrection": {"correction": NOT_YET, "reason": "取消协议已核实"},
        "RelockScore": {},
        "SupposedFacts": {"adjusting": [late]},
        "FileAppeal": {
            "appraisal_id": appraisal,
            "lock_version": 1,
            "indicator": "collection",
            "statement": "3月31日到账45,000.00元,4月2日才入账",
            "proofs": _PROOFS,
        },
        "AcceptAppeal": {},
        "ReturnAppeal": {"reason": "缺少银行回单"},
        "AssignReviewer": {"reviewer_id": reviewer},
        "AddEvidence": {"note": "三月对账单", "proofs": _PROOFS},
        "DecideAppeal": {"outcome": "upheld", "reason": "银行回单核实", "adjusting": [late]},
        "EscalateAppeal": {"reason": "回单日期有误读"},
        "WithdrawAppeal": {},
        "ExpireAppeal": {},
    }
