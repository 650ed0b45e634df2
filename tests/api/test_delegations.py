"""Delegations over HTTP: a manager's approvals, decided by somebody else, both recorded."""

from typing import Any

from api import examples
from domain import ids

MADE = examples.EXAMPLES
AT = f"/employments/{examples.EMPLOYMENT_ID}"
HAND = "P-0007"
HAND_ID = str(ids.person_id(HAND))
GIVE = {
    "delegate_id": HAND_ID,
    "kinds": ["time", "goals"],
    "starts_on": "2025-01-01",
    "ends_on": "2099-12-31",
}


def acting(delegation: Any) -> dict[str, str]:
    return {"Merit-Acting-For": delegation["id"]}


async def test_a_request_is_decided_in_the_managers_name(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    await hr.did("/people", {"number": HAND, "name": "周宁"})
    employee = await company.client("employee", examples.PERSON_ID)
    manager = await company.client("manager", examples.MANAGER_ID)
    hand = await company.client("employee", HAND_ID)
    leave = await employee.did(f"{AT}/leave-requests", MADE["RequestLeave"])
    overtime = await employee.did(f"{AT}/overtime-requests", MADE["RequestOvertime"])
    one, other = (f"/time-requests/{each['id']}" for each in (leave, overtime))

    # Nobody gives away what is another's, and nobody uses what was not given to them.
    own = f"/people/{examples.MANAGER_ID}/delegations"
    assert (await employee.post(own, GIVE)).status_code == 404
    lent = await manager.did(own, GIVE)
    assert (await hand.post(f"{one}/approve", {})).status_code == 403
    for nobody in (employee, manager):
        answer = await nobody.post(f"{one}/approve", {}, headers=acting(lent))
        assert answer.status_code == 404

    # What waits is seen by it, and no more than that.
    await hand.saw("/delegations", wait_for=manager.position)
    waiting = {"state": "waiting", "wait_for": manager.position}
    seen = await hand.get("/time-requests", params=waiting, headers=acting(lent))
    assert {row["request_id"] for row in seen.json()["data"]} == {leave["id"], overtime["id"]}
    for path, query in (
        ("/time-requests", {}),
        ("/time-requests", {"state": "approved"}),
        ("/rewards", {"state": "nominated"}),
        ("/people", {}),
    ):
        answer = await hand.get(path, params=query, headers=acting(lent))
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-delegated")

    done = await hand.did(f"{one}/approve", MADE["ApproveTimeRequest"], headers=acting(lent))
    event = await (await company.client("auditor")).saw(
        f"/audit/events/{done['position']}", wait_for=done["position"]
    )
    assert (event["actor"], event["on_behalf_of"]) == (HAND_ID, examples.MANAGER_ID)
    read = (await (await company.client("auditor")).saw("/audit/reads", actor=HAND_ID))["data"]
    assert "/time-requests" in {row["route"] for row in read}

    # It cannot be passed on, and is over once it is taken back.
    answer = await hand.post(own, {**GIVE, "delegate_id": examples.PERSON_ID}, headers=acting(lent))
    assert answer.json()["type"] == "/problems/not-delegated"
    await manager.did(f"/delegations/{lent['id']}/revoke", {"reason": "返岗"})
    answer = await hand.post(f"{other}/reject", {"reason": "迟"}, headers=acting(lent))
    assert answer.json()["type"] == "/problems/not-delegated"
    (row,) = (await hand.saw("/delegations", wait_for=manager.position))["data"]
    assert (row["in_force"], row["revoked_by"]) == (False, examples.MANAGER_ID)
    assert (await hand.saw("/delegations", current="true"))["data"] == []
    stranger = await company.client("employee", ids.person_id("P-9"))
    assert (await stranger.saw("/delegations"))["data"] == []


async def test_what_is_lent_is_what_its_owner_still_may(company: Any) -> None:
    await company.organised()
    hr, admin = await company.client("hr"), await company.client("admin")
    await hr.did("/people", {"number": HAND, "name": "周宁"})
    employee = await company.client("employee", examples.PERSON_ID)
    leave = await employee.did(f"{AT}/leave-requests", MADE["RequestLeave"])
    hand = await company.client("employee", HAND_ID)
    body = {"name": "李总", "roles": ["manager"], "person_id": examples.MANAGER_ID}
    key = await admin.did("/keys", body)
    # An administrator gives for somebody who is away, with a reason, and to a third.
    away = f"/people/{examples.MANAGER_ID}/delegations"
    assert (await hr.post(away, {**GIVE, "reason": "住院"})).status_code == 404
    lent = await admin.did(away, {**GIVE, "reason": "住院"})
    await admin.did(f"/keys/{key['id']}/revoke")
    answer = await hand.post(f"/time-requests/{leave['id']}/approve", {}, headers=acting(lent))
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-allowed")


async def test_nobody_agrees_to_goals_for_whom_they_are(company: Any) -> None:
    await company.organised()
    hr, cycle = await company.client("hr"), f"/cycles/{examples.CYCLE_ID}"
    await hr.did("/people", {"number": HAND, "name": "周宁"})
    await hr.did("/cycles", MADE["PlanCycle"])
    await hr.did(f"{cycle}/schemes", MADE["BindScheme"])
    await hr.did(f"{cycle}/open")
    await hr.did(f"{cycle}/appraisals", MADE["CreateAppraisal"])
    manager = await company.client("manager", examples.MANAGER_ID)
    employee = await company.client("employee", examples.PERSON_ID)
    hand = await company.client("employee", HAND_ID)
    goals = f"/appraisals/{examples.APPRAISAL_ID}/goals"
    await manager.did(goals, MADE["ProposeGoals"])
    (row,) = (await employee.saw("/goals", waiting="true", wait_for=manager.position))["data"]
    assert (row["agreed"], row["person_id"]) == (False, examples.PERSON_ID)
    assert row["version"] == (await employee.saw(goals))["version"]
    lent = await employee.did(f"/people/{examples.PERSON_ID}/delegations", GIVE)
    answer = await hand.post(f"{goals}/agree", {}, headers=acting(lent))
    assert answer.json()["type"] == "/problems/not-delegated"
    # Proposed by whom they are for, they are agreed to in the manager's name.
    await employee.did(goals, MADE["ProposeGoals"])
    theirs = await manager.did(f"/people/{examples.MANAGER_ID}/delegations", GIVE)
    await manager.saw("/goals", wait_for=manager.position)
    await hand.did(f"{goals}/agree", {}, headers=acting(theirs))
    assert (await employee.saw(goals))["agreed"]
    assert (await employee.saw("/goals", waiting="true"))["data"] == []


async def test_what_waits_has_a_list_and_leaves_it(company: Any) -> None:
    await company.organised()
    hr, executive = await company.client("hr"), await company.client("executive")
    await hr.did(f"{AT}/share-override", MADE["RequestShareOverride"])
    (row,) = (await executive.saw("/decisions", wait_for=hr.position))["data"]
    assert (row["kind"], row["of"], row["after"]) == ("share", "2025-07-01", "0.65")
    assert (row["person_id"], row["reason"]) == (examples.PERSON_ID, "重点项目周期")
    own = await company.client("finance", examples.PERSON_ID)
    assert (await own.saw("/decisions"))["data"] == []
    await executive.did(f"{AT}/share-override/approve", MADE["ApproveShareOverride"])
    told = await executive.saw("/decisions", kind="share", wait_for=executive.position)
    assert told["data"] == []
