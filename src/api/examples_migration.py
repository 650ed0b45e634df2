"""Example bodies for imports, going live, onboarding plans and what is known of the past."""

from typing import Any, Final

from domain import ids

IMPORT: Final = "2025-HR"
IMPORT_ID: Final = str(ids.import_id(IMPORT))
PLAN: Final = "2025-ROLLOUT"
PLAN_ID: Final = str(ids.onboarding_plan_id(PLAN))
MODULE_ID: Final = str(ids.module_id("organisation"))
_DIGEST: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_EMPLOYMENT_ID: Final = str(ids.employment_id("E-1001"))
_YEAR: Final = {"starts_on": "2024-01-01", "ends_on": "2024-12-31", "period": "2024"}


def migration_examples() -> dict[str, dict[str, Any]]:
    """By command."""
    return {
        **_of_the_past(),
        "StartImport": {
            "code": IMPORT,
            "owner": "陈工",
            "mapping_digest": _DIGEST,
            "files": [{"name": "员工信息表.csv", "sha256": _DIGEST, "size": 1024}],
        },
        "FixCells": {
            "fixes": [
                {
                    "place": {"file": 0, "row": 17},
                    "column": "入职日期",
                    "old": "2020-02-31",
                    "new": "2020-02-29",
                    "rule": "by-hand",
                }
            ]
        },
        "ExcludeRows": {"places": [{"file": 0, "row": 3}], "reason": "测试数据"},
        "CompareSample": {"sample_digest": _DIGEST, "matched": 59, "mismatched": 0},
        "SignOffImport": {"note": "三重校验通过"},
        "CommitImport": {},
        "AskJob": {"code": IMPORT, "job": {"kind": "check", "owner": "陈工"}},
        "StartOnboarding": {
            "code": PLAN,
            "template": "standard-4-6-weeks",
            "starts_on": "2025-09-01",
            "owner": "陈工",
        },
        "CompleteTask": {"task": "interviews", "note": "访谈了六个部门"},
        "RescheduleTask": {"task": "schemes", "due_on": "2025-09-12", "reason": "假期"},
        "SignOffPhase": {"phase": "requirements", "note": "同意"},
        "PlanModule": {"module": "organisation", "live_on": "2025-10-01"},
        "StartShadow": {"beside": "Excel 花名册"},
        "RecordShadowRun": {
            "period": "2025-09",
            "compared": 200,
            "differences": [{"key": "E-1001", "theirs": "营销部", "ours": "营销一部"}],
        },
        "ExplainDifference": {
            "period": "2025-09",
            "key": "E-1001",
            "verdict": "old-process-wrong",
            "explanation": "花名册未更新调动",
        },
        "GoLive": {"note": "差异已逐条说明"},
        "ReturnToShadow": {"reason": "发现遗漏的部门"},
    }


def _of_the_past() -> dict[str, dict[str, Any]]:
    return {
        "RecordHistoricalPay": {
            "employment_id": _EMPLOYMENT_ID,
            "measure": "应发",
            **_YEAR,
            "total": {"amount": "240000.00", "currency": "CNY"},
        },
        "RecordHistoricalRating": {
            "employment_id": _EMPLOYMENT_ID,
            "measure": "年度考核",
            **_YEAR,
            "rating": "3",
            "scale_min": "1",
            "scale_max": "5",
        },
        "RecordHistoricalFact": {
            "subject_kind": "employment",
            "subject_id": _EMPLOYMENT_ID,
            "measure": "销售额",
            "reference": "2024-12",
            "occurred_on": "2024-12-31",
            "value": "1250000",
            "unit": "CNY",
        },
    }
