"""Schemes over HTTP: two people to publish one, and worked cases 7, 8, 12 and 20 to the cent."""

from typing import Any
from uuid import uuid4

import pytest

from api import examples
from domain import ids

MADE = examples.EXAMPLES
SCHEME = f"/schemes/{examples.SCHEME_ID}"
CYCLE = f"/cycles/{examples.CYCLE_ID}"
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
EMPLOYMENT_ID = ids.employment_id(examples.EMPLOYMENT)
SHEET_ID = ids.occurrence_sheet_id(ids.cycle_id(examples.CYCLE), EMPLOYMENT_ID)
SHEET = f"/occurrence-sheets/{SHEET_ID}"


def content(**changes: Any) -> dict[str, Any]:
    return {**MADE["DraftScheme"]["content"], **changes}


def weighing(economic: int, duty: int) -> dict[str, Any]:
    sections = content()["sections"]
    return content(
        sections=[
            {**sections[0], "weight_bp": economic},
            {**sections[1], "weight_bp": duty},
        ]
    )


async def refused(client: Any, path: str, body: Any, status: int, code: str) -> None:
    answer = await client.post(path, body)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"].endswith(f"/{code}"), answer.text


async def published(company: Any, body: dict[str, Any], version: int = 1) -> str:
    """Drafted by one, approved by another, published."""
    hr, executive = await company.client("hr"), await company.client("executive")
    scheme = f"/schemes/{(await hr.did('/schemes', body))['id']}"
    await executive.did(f"{scheme}/approve", {"version": version})
    await hr.did(f"{scheme}/publish", {"version": version, "reason": "2025"})
    return scheme.rpartition("/")[2]


# -- the life of a version


async def test_two_people_publish_a_scheme(company: Any) -> None:
    hr, executive = await company.client("hr"), await company.client("executive")
    await hr.did("/schemes", MADE["DraftScheme"])
    await refused(hr, f"{SCHEME}/publish", {"version": 1}, 409, "scheme-not-approved")
    await refused(hr, f"{SCHEME}/approve", {"version": 1}, 403, "same-actor")
    await executive.did(f"{SCHEME}/approve", MADE["ApproveScheme"])
    await hr.did(f"{SCHEME}/publish", MADE["PublishScheme"])
    told = await hr.saw(SCHEME, wait_for=hr.position)
    (version,) = told["versions"]
    assert (version["standing"], version["effect"]) == ("published", {"policy": "next-cycle"})
    assert version["approved_by"] != version["drafted_by"]
    await hr.did(f"{SCHEME}/retire", MADE["RetireScheme"])
    told = await hr.saw(SCHEME, wait_for=hr.position)
    assert told["versions"][0]["standing"] == "retired"
    await hr.did("/cycles", MADE["PlanCycle"])
    bind = {"scheme_id": examples.SCHEME_ID, "scheme_version": 1, "family": "marketing"}
    await refused(hr, f"{CYCLE}/schemes", bind, 409, "scheme-retired")


async def test_a_check_up_is_asked_for_or_recorded(company: Any) -> None:
    hr, executive = await company.client("hr"), await company.client("executive")
    soft = content(families=["marketing"])
    await hr.did("/schemes", {"code": examples.SCHEME, "content": soft})
    told = await hr.saw(f"{SCHEME}/lint", version=1)
    assert [(each["code"], each["severity"]) for each in told["findings"]] == [
        ("economic-weight-low", "fault")
    ]
    await hr.did(f"{SCHEME}/lint", {"version": 1})
    recorded = await hr.saw(SCHEME, wait_for=hr.position)
    assert recorded["versions"][0]["findings"] == told["findings"]
    await refused(executive, f"{SCHEME}/approve", {"version": 1}, 409, "lint-faults")
    await executive.did("/scheme-policy", {"limits": {"economic_weight_min_bp": 0}, "reason": "x"})
    assert (await hr.saw("/scheme-policy"))["economic_weight_min_bp"] == 0
    assert (await hr.saw(f"{SCHEME}/lint", version=1))["findings"] == []
    await executive.did(f"{SCHEME}/approve", {"version": 1})


async def test_versions_are_compared(company: Any) -> None:
    hr = await company.client("hr")
    await hr.did("/schemes", MADE["DraftScheme"])
    await hr.did("/schemes", {"code": examples.SCHEME, "content": weighing(7000, 3000)})
    told = await hr.saw(f"{SCHEME}/diff", before=1, after=2)
    assert told["changes"] == [
        {"path": "sections/duty/weight_bp", "before": "2000", "after": "3000"},
        {"path": "sections/economic/weight_bp", "before": "8000", "after": "7000"},
    ]
    clone = await hr.did("/schemes/clone", MADE["CloneScheme"])
    other = await hr.saw(f"{SCHEME}/diff", before=1, after=1, with_scheme=clone["id"])
    assert [each["path"] for each in other["changes"]] == ["name"]
    answer = await hr.get(f"{SCHEME}/diff", params={"before": 1, "after": 3})
    assert answer.status_code == 404


async def test_templates_and_the_library(company: Any) -> None:
    hr = await company.client("hr")
    templates = (await hr.saw("/scheme-templates"))["data"]
    assert {"marketing-tiered", "function-finance"} <= {each["code"] for each in templates}
    drafted = await hr.did("/schemes/from-template", MADE["DraftFromTemplate"])
    told = await hr.saw(f"/schemes/{drafted['id']}", wait_for=hr.position)
    assert told["versions"][0]["template"] == "function-finance"
    defined = await hr.did("/indicators", MADE["DefineIndicator"])
    await hr.did("/indicators", {**MADE["DefineIndicator"], "name": "回款率"})
    indicator = await hr.saw(f"/indicators/{defined['id']}", wait_for=hr.position)
    assert [each["name"] for each in indicator["versions"]] == ["回款完成率", "回款率"]
    await hr.did(f"/indicators/{defined['id']}/retire", MADE["RetireIndicator"])
    (listed,) = (await hr.saw("/indicators", nature="economic", wait_for=hr.position))["data"]
    assert listed["retired"] is True


async def test_a_binding_explains_itself(company: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    east = await published(company, {"code": "EAST", "content": content()})
    await hr.did("/cycles", MADE["PlanCycle"])
    await hr.did(f"{CYCLE}/schemes", {**MADE["BindScheme"], "org_unit_id": None})
    bound = {**MADE["BindScheme"], "scheme_id": east, "org_unit_id": examples.UNIT_ID}
    await hr.did(f"{CYCLE}/schemes", bound)
    told = await hr.saw(f"{CYCLE}/resolution", employment_id=examples.EMPLOYMENT_ID)
    assert told["chosen"]["scheme_id"] == east
    assert (told["family"], told["level"], told["units"]) == ("marketing", 2, [examples.UNIT_ID])
    assert [each["why"] for each in told["considered"]] == ["less-specific", "chosen"]


# -- case 12 and 20: changed while the cycle runs


async def changed(company: Any, effect: dict[str, Any]) -> dict[str, Any]:
    """A quarter at data intake, version 2 simulated, approved and published; what was told."""
    await company.appraising()
    hr, executive = await company.client("hr"), await company.client("executive")
    await hr.did("/schemes", {"code": examples.SCHEME, "content": weighing(7000, 3000)})
    simulate = {
        "version": 2,
        "effect": effect,
        "appraisal_ids": [examples.APPRAISAL_ID],
        "assumed": [{"indicator": "duty", "points": "88"}],
    }
    approve = {"version": 2, "effect": effect}
    if effect["policy"] != "next-cycle":
        await refused(executive, f"{SCHEME}/approve", approve, 409, "not-simulated")
    await hr.did(f"{SCHEME}/simulate", simulate)
    told = await hr.saw(f"{SCHEME}/simulations", wait_for=hr.position)
    await executive.did(f"{SCHEME}/approve", approve)
    await refused(hr, f"{SCHEME}/publish", approve, 422, "reason-missing")
    await hr.did(f"{SCHEME}/publish", {**approve, "reason": "岗位责任加重"})
    (line,) = told["newest"][0]["lines"]
    result: dict[str, Any] = line
    return result


async def paid(company: Any) -> tuple[str, str]:
    """The locked score and what was paid for it, after both rated 88."""
    employee = await company.client("employee", examples.PERSON_ID)
    rating = {"ratings": [{"indicator": "duty", "points": "88"}]}
    hr, finance = await company.client("hr"), await company.client("finance")
    # The initial score was by the version before.
    await hr.post(f"{APPRAISAL}/initial-score")
    await employee.did(f"{APPRAISAL}/self-rating", rating)
    manager = await company.client("manager", examples.MANAGER_ID)
    await manager.did(f"{APPRAISAL}/manager-rating", rating)
    for stage in ("comparison", "calibration"):
        await hr.did(f"{CYCLE}/advance", {"to": stage})
    done = await hr.did(f"{CYCLE}/lock")
    assert done == {"done": 1, "refused": []}
    for stage in ("locked", "paying"):
        await hr.did(f"{CYCLE}/advance", {"to": stage})
    await finance.did("/payout-batches", MADE["PrepareBatch"])
    batch = await finance.saw(f"/payout-batches/{examples.BATCH_ID}", wait_for=finance.position)
    (line,) = batch["lines"]
    score = await hr.saw(APPRAISAL, wait_for=finance.position)
    return score["score"], line["amount"]["amount"]


@pytest.fixture
def second_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that the examples date is in April to June instead."""
    quarter = {**MADE["PlanCycle"], "starts_on": "2025-04-01", "ends_on": "2025-06-30"}
    monkeypatch.setitem(MADE, "PlanCycle", quarter)
    actual = {**MADE["RecordActual"], "occurred_on": "2025-04-30"}
    monkeypatch.setitem(MADE, "RecordActual", actual)


SPLIT = {"policy": "split", "cycle_id": examples.CYCLE_ID, "effective_from": "2025-05-01"}
WHOLE = {"policy": "whole-cycle", "cycle_id": examples.CYCLE_ID}


@pytest.mark.parametrize(
    ("effect", "simulated", "locked"),
    [
        ({"policy": "next-cycle"}, "26862.00", ("89.76", "26928.00")),
        (WHOLE, "26862.00", ("89.54", "26862.00")),
        (SPLIT, "26883.76", ("89.61", "26883.76")),
    ],
    ids=["a-next", "b-whole", "c-split"],
)
@pytest.mark.usefixtures("second_quarter")
async def test_case_12_and_20(
    company: Any, effect: dict[str, Any], simulated: str, locked: Any
) -> None:
    """In the second quarter of 2025: 30 and 61 of its 91 days."""
    line = await changed(company, effect)
    assert line["amount_before"]["amount"] == "26928.00"
    assert line["amount_after"]["amount"] == simulated
    assert await paid(company) == locked
    hr = await company.client("hr")
    cycle = await hr.saw(CYCLE)
    assert len(cycle["changes"]) == (effect["policy"] != "next-cycle")


async def test_simulations_name_pay_and_are_not_for_everyone(company: Any) -> None:
    employee = await company.client("employee", examples.PERSON_ID)
    assert (await employee.get(f"{SCHEME}/simulations")).status_code == 403


# -- case 8: beside the indicators


async def test_case_8_deductions_and_bonuses(company: Any) -> None:
    await company.appraising()
    erp = await company.client("integration")
    await erp.did("/occurrences", MADE["RecordOccurrence"])
    for item in ("incident", "commendation"):
        await erp.did("/occurrences", {**MADE["RecordOccurrence"], "item": item, "times": 1})
    wrong = {**MADE["RecordOccurrence"], "item": "x"}
    await refused(erp, "/occurrences", wrong, 422, "unknown-item")
    assert await paid(company) == ("86.76", "26028.00")
    employee = await company.client("employee", examples.PERSON_ID)
    sheet = await employee.saw(SHEET, wait_for=erp.position)
    assert [(each["item"], each["reason"]) for each in sheet["occurrences"]] == [
        (item, MADE["RecordOccurrence"]["reason"])
        for item in ("late-report", "incident", "commendation")
    ]
    manager = await company.client("manager", examples.MANAGER_ID)
    assert await manager.saw(SHEET) == sheet
    for role in ("employee", "manager"):
        stranger = await company.client(role, uuid4())
        assert (await stranger.get(SHEET)).status_code == 404
        nobody = await company.client(role)
        assert (await nobody.get(SHEET)).status_code == 404


async def test_case_8_a_veto_takes_two(company: Any) -> None:
    await company.appraising()
    hr, executive = await company.client("hr"), await company.client("executive")
    await hr.did("/vetoes", MADE["ProposeVeto"])
    sheet = await hr.saw(SHEET, wait_for=hr.position)
    (proposed,) = sheet["occurrences"]
    assert proposed["state"] == "proposed"
    apply = {"proposal": proposed["event_id"]}
    await refused(hr, f"{SHEET}/veto", apply, 403, "same-actor")
    await executive.did(f"{SHEET}/veto", apply)
    (row,) = (await hr.saw("/occurrence-sheets", wait_for=executive.position))["data"]
    (applied,) = row["occurrences"]
    assert (applied["state"], applied["item"]) == ("counts", "compliance-breach")
    assert await paid(company) == ("0.00", "0.00")


async def test_a_veto_is_withdrawn(company: Any) -> None:
    await company.appraising()
    hr = await company.client("hr")
    await hr.did("/occurrences", MADE["RecordOccurrence"])
    (each,) = (await hr.saw(SHEET, wait_for=hr.position))["occurrences"]
    withdraw = {"occurrence": each["event_id"], "reason": "查无此事"}
    await hr.did(f"{SHEET}/withdraw", withdraw)
    (each,) = (await hr.saw(SHEET, wait_for=hr.position))["occurrences"]
    assert each["state"] == "withdrawn"
    assert await paid(company) == ("89.76", "26928.00")


# -- case 7


@pytest.mark.parametrize(("excused", "score"), [(False, "78.00"), (True, "75.00")])
async def test_case_7_zero_weight_and_excused(company: Any, excused: bool, score: str) -> None:
    """40/40/20/0 with 100/50/90/10 is 78.00; without the third it is 50/50, so 75.00."""
    await company.organised()
    hr, executive = await company.client("hr"), await company.client("executive")
    manual = [
        {"code": code, "name": code, "weight_bp": weight, "rule": {"kind": "manual"}}
        for code, weight in (("a", 4000), ("b", 4000), ("c", 2000), ("d", 0))
    ]
    section = {"code": "s", "name": "s", "weight_bp": 10000, "indicators": manual}
    scheme = await published(company, {"code": "S", "content": content(sections=[section])})
    await hr.did("/cycles", MADE["PlanCycle"])
    await hr.did(f"{CYCLE}/schemes", {**MADE["BindScheme"], "scheme_id": scheme})
    await hr.did(f"{CYCLE}/open")
    await hr.did(f"{CYCLE}/appraisals", MADE["CreateAppraisal"])
    manager = await company.client("manager", examples.MANAGER_ID)
    if excused:
        request = {"indicator": "c", "reason": "产品线停产"}
        await manager.did(f"{APPRAISAL}/goals/excuse", request)
        await hr.did(f"{APPRAISAL}/goals/approve-change", {"indicator": "c"})
    for stage in ("data-intake", "rating"):
        await hr.did(f"{CYCLE}/advance", {"to": stage})
    points = {"a": "100", "b": "50", "c": "90", "d": "10"}
    ratings = [{"indicator": code, "points": each} for code, each in points.items()]
    await manager.did(f"{APPRAISAL}/manager-rating", {"ratings": ratings})
    for stage in ("comparison", "calibration"):
        await hr.did(f"{CYCLE}/advance", {"to": stage})
    await hr.did(f"{APPRAISAL}/lock")
    told = await executive.saw(f"{APPRAISAL}/explanation", wait_for=hr.position)
    assert (told["score"], told["parts"]) == (score, [])
