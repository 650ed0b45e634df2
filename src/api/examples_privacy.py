"""Example bodies for a company's own life here, its directory, and for erasing somebody."""

from typing import Any

from domain.ids import person_id


def privacy_examples() -> dict[str, dict[str, Any]]:
    """By command."""
    return {
        "SetRetention": {"months_after_employment": 24, "reason": "劳动合同法第五十条"},
        "RequestErasure": {"basis": "subject-request", "reference": "DSR-2025-017"},
        "DeclineErasure": {"reason": "劳动争议尚未了结"},
        "ApproveErasure": {},
        "RotateDataKey": {},
        "ForkTenant": {"at": 1, "name": "试算"},
        "SetDirectoryRoles": {
            "everyone": ["employee"],
            "groups": [
                {"group": "HR Business Partners", "roles": ["hr"]},
                {"group": "财务部", "roles": ["finance"]},
            ],
            "reason": "信息安全委员会决定",
        },
        "LinkUser": {"person_id": str(person_id("P-1001"))},
        "SuspendTenant": {"reason": "合同到期"},
        "ResumeTenant": {"reason": "合同续签"},
        "ExportAll": {},
        "EraseTenant": {"name": "Northwind", "reason": "合同终止"},
        "CancelTenantErasure": {"reason": "合同续签"},
        "ConfirmErasure": {"name": "Northwind"},
    }
