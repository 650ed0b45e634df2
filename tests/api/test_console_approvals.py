"""The approvals inbox without a browser: goals that were proposed to somebody are agreed there."""

from typing import Any
from uuid import uuid4

import httpx

from api import examples
from api.sessions import COOKIE_HERE, csrf_of

GOALS = f"/appraisals/{examples.APPRAISAL_ID}/goals"


async def test_goals_are_agreed_by_whom_they_were_proposed_to(
    company: Any, http: httpx.AsyncClient
) -> None:
    await company.organised()
    made, cycle = examples.EXAMPLES, f"/cycles/{examples.CYCLE_ID}"
    hr = await company.client("hr")
    await hr.did("/cycles", made["PlanCycle"])
    await hr.did(f"{cycle}/schemes", made["BindScheme"])
    await hr.did(f"{cycle}/open")
    await hr.did(f"{cycle}/appraisals", made["CreateAppraisal"])
    manager = await company.client("manager", examples.MANAGER_ID)
    employee = await company.client("employee", examples.PERSON_ID)
    await manager.did(GOALS, made["ProposeGoals"])
    for client, waits in ((manager, False), (employee, True)):
        await client.saw("/appraisals", wait_for=await company.head())
        cookie = {"Cookie": f"{COOKIE_HERE}={await client.session()}"}
        page = await http.get("/console/approvals", headers=cookie)
        assert page.status_code == 200
        assert (f'value="{GOALS}/agree"' in page.text) is waits
    # What was proposed anew meanwhile is not agreed unseen.
    seen = (await employee.saw(GOALS))["version"]
    targets = [{"indicator": "contract", "target": "1"}, *made["ProposeGoals"]["targets"][1:]]
    await manager.did(GOALS, {**made["ProposeGoals"], "targets": targets})
    token = await employee.session()
    answer = await http.post(
        "/console/approvals",
        data={
            "_do": f"{GOALS}/agree",
            "_key": str(uuid4()),
            "_csrf": csrf_of(token),
            "_version": str(seen),
        },
        headers={"Cookie": f"{COOKIE_HERE}={token}"},
    )
    assert answer.status_code == 412
    assert (await employee.saw(GOALS))["agreed"] is False
    answer = await http.post(
        "/console/approvals",
        data={"_do": f"{GOALS}/agree", "_key": str(uuid4()), "_csrf": csrf_of(token)},
        headers={"Cookie": f"{COOKIE_HERE}={token}"},
    )
    assert answer.status_code == 303
    assert (await employee.saw(GOALS))["agreed"] is True
