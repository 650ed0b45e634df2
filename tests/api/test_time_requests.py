"""Requests over HTTP: who asks, who decides, who reads why."""

from typing import Any

from api import examples
from domain import ids

MADE = examples.EXAMPLES
AT = f"/employments/{examples.EMPLOYMENT_ID}"


async def test_leave_is_asked_for_decided_and_kept_from_others(company: Any) -> None:
    await company.organised()
    employee = await company.client("employee", examples.PERSON_ID)
    other = await company.client("employee", ids.person_id("P-9"))
    stranger = await company.client("manager", ids.person_id("P-9"))
    manager = await company.client("manager", examples.MANAGER_ID)
    hr, auditor = await company.client("hr"), await company.client("auditor")
    finance = await company.client("finance")
    assert (await other.post(f"{AT}/leave-requests", MADE["RequestLeave"])).status_code == 404
    assert (await finance.post(f"{AT}/leave-requests", MADE["RequestLeave"])).status_code == 404
    leave = await employee.did(f"{AT}/leave-requests", MADE["RequestLeave"])
    await employee.did(f"{AT}/overtime-requests", MADE["RequestOvertime"])
    (overtime,) = [
        row
        for row in (await hr.saw("/time-requests", wait_for=employee.position))["data"]
        if row["what"] == "overtime"
    ]
    one = f"/time-requests/{leave['id']}"
    for nobody in (other, finance):
        assert (await nobody.saw("/time-requests"))["data"] == []
    assert (await stranger.post(f"{one}/approve", {})).status_code == 404
    assert (await manager.post(f"{one}/withdraw", {})).status_code == 404
    rows = (await manager.saw("/time-requests"))["data"]
    (seen,) = [row for row in rows if row["what"] == "leave"]
    assert (seen["kind"], seen["reason"], seen["state"]) == ("personal", "家中有事", "waiting")
    await manager.did(f"{one}/approve", MADE["ApproveTimeRequest"])
    await manager.did(f"/time-requests/{overtime['request_id']}/reject", MADE["RejectTimeRequest"])
    told = await employee.saw("/time-requests", state="approved", wait_for=manager.position)
    assert [(row["what"], row["answer"]) for row in told["data"]] == [("leave", "同意")]
    told = await employee.saw("/time-requests", state="rejected")
    assert [(row["what"], row["answer"]) for row in told["data"]] == [("overtime", "当周人手不足")]
    # Why somebody was away is nobody else's business.
    for row in (await auditor.saw("/time-requests"))["data"]:
        assert (row["kind"], row["reason"], row["answer"]) == (None, None, None)
    (away,) = (await hr.saw(AT, wait_for=manager.position))["leaves"]
    assert "2025-06-16" in str(away)
