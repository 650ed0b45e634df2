"""The organisation over HTTP: every day keeps its own tree, and what does not fit is told."""

from typing import Any

from api import examples
from domain import ids

MADE = examples.EXAMPLES
UNIT, JOB = f"/org-units/{examples.UNIT_ID}", f"/jobs/{examples.JOB_ID}"
EMPLOYMENT = f"/employments/{examples.EMPLOYMENT_ID}"
EAST, HOLDING = str(ids.org_unit_id("EAST")), str(ids.org_unit_id("HOLD"))


async def test_the_tree_of_every_day_stays(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    below = {**MADE["CreateOrgUnit"], "code": "EAST", "parent_id": examples.UNIT_ID}
    await hr.did("/org-units", below)
    await hr.did("/org-units", {**MADE["CreateOrgUnit"], "code": "HOLD"})
    moved = {**MADE["MoveOrgUnit"], "parent_id": HOLDING}
    await hr.did(f"/org-units/{EAST}/moves", moved)
    answer = await hr.post(f"/org-units/{HOLDING}/moves", {**moved, "parent_id": EAST})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/org-unit-loop")
    await hr.did(f"{UNIT}/names", MADE["RenameOrgUnit"])

    employee = await company.client("employee", examples.PERSON_ID)
    shown = {}
    for day in ("2025-06-30", "2025-07-01"):
        tree = await employee.saw("/org-units/tree", on=day, wait_for=hr.position)
        shown[day] = [(each["code"], each["name"], len(each["path"])) for each in tree["units"]]
        assert sum(each["people"] for each in tree["units"]) == 2
    assert shown == {
        "2025-06-30": [("HOLD", "市场部", 1), ("MKT", "市场部", 1), ("EAST", "市场部", 2)],
        "2025-07-01": [("HOLD", "市场部", 1), ("EAST", "市场部", 2), ("MKT", "市场一部", 1)],
    }
    for day, parent in (("2025-06-30", examples.UNIT_ID), ("2025-07-01", HOLDING)):
        (one,) = (await employee.saw("/org-units", on=day, parent_id=parent))["data"]
        assert (one["code"], one["parent_id"]) == ("EAST", parent)
    assert (await employee.saw(UNIT, on="2025-06-30"))["name"] == "市场部"
    assert (await employee.get(UNIT, params={"on": "2023-12-31"})).status_code == 404
    assert (await employee.get(UNIT, params={"on": "soon"})).status_code == 400


async def test_who_is_left_in_a_closed_unit_is_told(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    below = {**MADE["CreateOrgUnit"], "code": "EAST", "parent_id": examples.UNIT_ID}
    await hr.did("/org-units", below)
    await hr.did(f"{UNIT}/closure", MADE["CloseOrgUnit"])
    at = hr.position
    before = await hr.saw("/org-units/findings", on="2025-12-31", wait_for=at)
    assert before["findings"] == []
    after = (await hr.saw("/org-units/findings", on="2026-01-01"))["findings"]
    assert [(each["kind"], each["org_unit_id"], each["people"]) for each in after] == [
        ("people-in-closed-unit", examples.UNIT_ID, 2),
        ("unit-below-closed-unit", EAST, 0),
    ]
    tree = await hr.saw("/org-units/tree", on="2026-01-01")
    assert [each["code"] for each in tree["units"]] == ["EAST"]
    late = {**MADE["ChangeAssignment"], "effective_from": "2026-01-01"}
    answer = await hr.post(f"{EMPLOYMENT}/assignments", late)
    assert answer.json()["type"] == "/problems/org-unit-not-in-force"


async def test_a_job_is_told_as_of_a_day(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    await hr.did(f"{JOB}/grades", MADE["ChangeJobGrade"])
    await hr.did(f"{JOB}/duties", {**MADE["DefineJobDuties"], "duties": ["渠道建设"]})
    for day, level, most, duties in (
        ("2025-06-30", 2, "1.2", ["客户开发", "合同回款"]),
        ("2025-07-01", 3, "1.5", ["渠道建设"]),
    ):
        job = await hr.saw(JOB, on=day, wait_for=hr.position)
        assert (job["level"], job["coefficient_max"], job["duties"]) == (level, most, duties)
        (listed,) = (await hr.saw("/jobs", on=day))["data"]
        assert listed == job


async def test_an_employment_is_told_as_of_a_day(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    await hr.did("/org-units", {**MADE["CreateOrgUnit"], "code": "EAST"})
    change = MADE["ChangeAssignment"]
    work = {**change["assignment"], "org_unit_id": EAST, "manager_id": None}
    await hr.did(f"{EMPLOYMENT}/assignments", {**change, "assignment": work})
    at = hr.position
    for day, unit, manager in (
        ("2025-06-30", examples.UNIT_ID, examples.MANAGER_ID),
        ("2025-07-01", EAST, None),
    ):
        row = await hr.saw(EMPLOYMENT, on=day, wait_for=at)
        assert (row["org_unit_id"], row["manager_id"]) == (unit, manager)
        listed = (await hr.saw("/employments", on=day, org_unit_id=unit))["data"]
        assert examples.EMPLOYMENT in [each["number"] for each in listed]
    assert (await hr.get(EMPLOYMENT, params={"on": "2023-12-31"})).status_code == 404
    # A row tells what came after, too: that is none of a former manager's business.
    former = await company.client("manager", examples.MANAGER_ID)
    assert (await former.get(EMPLOYMENT, params={"on": "2025-06-30"})).status_code == 404
    assert (await former.saw("/employments", on="2025-06-30"))["data"] == []


async def test_leave_is_told_without_its_reason(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    await hr.did(f"{EMPLOYMENT}/leave", MADE["RecordLeave"])
    row = await hr.saw(EMPLOYMENT, wait_for=hr.position)
    away = {"effective_from": "2025-03-03", "ends_on": "2025-03-07", "unpaid": True}
    assert row["leaves"] == [away]
    await hr.did(f"{EMPLOYMENT}/leave/cancel", MADE["CancelLeave"])
    assert (await hr.saw(EMPLOYMENT, wait_for=hr.position))["leaves"] == []


async def test_an_exception_of_the_share_needs_two(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    executive = await company.client("executive")
    path = f"{EMPLOYMENT}/share-override"
    pay = {
        **MADE["SetPayStructure"],
        "effective_from": "2025-07-01",
        "performance_share": "0.65",
    }
    answer = await hr.post(f"{EMPLOYMENT}/pay-structure", pay)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/share-out-of-band")
    await hr.did(path, MADE["RequestShareOverride"])
    answer = await hr.post(f"{path}/approve", MADE["ApproveShareOverride"])
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/same-actor")
    await executive.did(f"{path}/reject", MADE["RejectShareOverride"])
    await hr.did(path, MADE["RequestShareOverride"])
    await executive.did(f"{path}/approve", MADE["ApproveShareOverride"])
    await hr.did(f"{EMPLOYMENT}/pay-structure", pay)
    row = await hr.saw(EMPLOYMENT, wait_for=hr.position)
    assert [each["state"] for each in row["share_overrides"]] == ["rejected", "approved"]
    assert row["pay_structures"][-1]["performance_share"] == "0.65"


async def test_same_work_under_unlike_schemes_is_told(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    executive = await company.client("executive")
    other, cycle = "MKT-EAST", f"/cycles/{examples.CYCLE_ID}"
    await hr.did("/schemes", {**MADE["DraftScheme"], "code": other})
    scheme = str(ids.scheme_id(other))
    await executive.did(f"/schemes/{scheme}/approve", MADE["ApproveScheme"])
    await hr.did(f"/schemes/{scheme}/publish", MADE["PublishScheme"])
    await hr.did("/org-units", {**MADE["CreateOrgUnit"], "code": "EAST"})
    work = {**MADE["ChangeAssignment"]["assignment"], "org_unit_id": EAST}
    hire = {**MADE["HireEmployee"], "number": "E-2", "assignment": work}
    await hr.did("/employments", hire)
    await hr.did("/cycles", MADE["PlanCycle"])
    await hr.did(f"{cycle}/schemes", MADE["BindScheme"])
    there = {**MADE["BindScheme"], "scheme_id": scheme, "org_unit_id": EAST}
    await hr.did(f"{cycle}/schemes", there)
    await hr.did(f"{cycle}/open")
    for number in (examples.EMPLOYMENT, "E-2"):
        body = {"employment_id": str(ids.employment_id(number))}
        await hr.did(f"{cycle}/appraisals", body)
    (unlike,) = (await hr.saw(f"{cycle}/same-work", wait_for=hr.position))["unlike"]
    assert (unlike["code"], unlike["excepted"]) == (examples.JOB, False)
    assert {each["scheme_id"]: each["org_unit_ids"] for each in unlike["schemes"]} == {
        examples.SCHEME_ID: [examples.UNIT_ID],
        scheme: [EAST],
    }
    await hr.did(f"{JOB}/same-work-exceptions", MADE["ExceptSameWork"])
    answer = await hr.post(f"{JOB}/same-work-exceptions", MADE["ExceptSameWork"])
    assert answer.json()["type"] == "/problems/already-excepted"
    (unlike,) = (await hr.saw(f"{cycle}/same-work", wait_for=hr.position))["unlike"]
    assert unlike["excepted"] is True
