"""After the result, over HTTP: appeals, corrections, the next versions, what each changes."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from api import examples
from domain import ids

MADE = examples.EXAMPLES
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
APPEAL = f"/appeals/{examples.APPEAL_ID}"
REVIEWER = str(ids.person_id("P-2001"))
SHEET = f"/cycles/{examples.CYCLE_ID}/employments/{examples.EMPLOYMENT_ID}"


@pytest_asyncio.fixture(loop_scope="session")
async def published(new_company: Callable[[str], Awaitable[Any]]) -> Any:
    """The baseline quarter, paid with 26,928.00 and shown to the employee."""
    company = await new_company("appeals")
    await company.paid()
    hr = await company.client("hr")
    await hr.did("/people", {"number": "P-2001", "name": "赵敏"})
    await hr.did(f"{APPRAISAL}/publish")
    return company


async def under_review(company: Any) -> Any:
    """The appeal in the reviewer's hands; the reviewer."""
    employee = await company.client("employee", examples.PERSON_ID)
    await employee.did("/appeals", MADE["FileAppeal"])
    hr = await company.client("hr")
    await hr.did(f"{APPEAL}/accept")
    await hr.did(f"{APPEAL}/reviewer", MADE["AssignReviewer"])
    return await company.client("employee", REVIEWER)


async def test_cases_10_and_11_three_versions_as_they_were_known(published: Any) -> None:
    """89.76 paid with 26,928.00; the appeal gives 91.36, +480.00; the correction 86.56."""
    hr = await published.client("hr")
    employee = await published.client("employee", examples.PERSON_ID)
    reviewer = await under_review(published)

    shown = await hr.post(f"{APPRAISAL}/impact", MADE["SupposedFacts"])
    assert shown.status_code == 200, shown.text
    impact = shown.json()
    assert (impact["before"]["score"], impact["after"]["score"]) == ("89.76", "91.36")
    (change,) = impact["payouts"]
    assert change["amount"] == {"amount": "480.00", "currency": "CNY"}

    await reviewer.did(f"{APPEAL}/decision", MADE["DecideAppeal"])
    row = await hr.saw(APPRAISAL, wait_for=reviewer.position)
    assert (row["stage"], row["score"], row["reopened"]) == ("reopened", "89.76", True)
    await hr.did(f"{APPRAISAL}/relock")
    row = await hr.saw(APPRAISAL, wait_for=hr.position)
    assert (row["score"], row["lock_version"], row["reopened"]) == ("91.36", 2, False)

    # Until it is shown, the person knows the version before.
    own = await employee.saw(APPRAISAL)
    assert (own["score"], own["lock_version"], len(own["versions"])) == ("89.76", 1, 1)
    assert (await employee.saw(f"{APPRAISAL}/explanation"))["score"] == "89.76"
    events = (await employee.saw(f"{APPRAISAL}/history"))["data"]
    (relocked,) = (each for each in events if each["topic"] == "appraisal.score-relocked")
    assert relocked["withheld"]
    await hr.did(f"{APPRAISAL}/publish")
    assert (await employee.saw(APPRAISAL, wait_for=hr.position))["score"] == "91.36"

    await _contract_cancelled(published)
    row = await hr.saw(APPRAISAL, wait_for=hr.position)
    assert [each["score"] for each in row["versions"]] == ["89.76", "91.36", "86.56"]
    for version in row["versions"]:
        known = await hr.saw(f"{APPRAISAL}/explanation", known_at=version["locked_at"])
        assert (known["lock_version"], known["score"]) == (version["version"], version["score"])
        same = await hr.saw(f"{APPRAISAL}/explanation", version=version["version"])
        assert same == known
    achieved = await hr.saw(f"{SHEET}/actuals")
    assert achieved["sums"] == {
        "contract": "960000",
        "collection": "747000.00",
        "output": "1050000",
    }
    first = await hr.saw(f"{SHEET}/actuals", known_at=row["versions"][0]["locked_at"])
    assert first["sums"] == {"contract": "1140000", "collection": "702000", "output": "1050000"}
    early = await hr.saw(f"{SHEET}/actuals", valid_at="2025-03-15")
    assert early["sums"] == {"contract": "960000"}


async def _contract_cancelled(company: Any) -> None:
    hr = await company.client("hr")
    erp = await company.client("integration")
    actuals = (await erp.saw(f"{SHEET}/actuals"))["actuals"]
    (wrong,) = (each["event_id"] for each in actuals if each["indicator"] == "contract")
    body = {**MADE["CorrectActual"], "value": "960000", "supersedes": wrong}
    await erp.did("/actuals/corrections", body)
    (waiting,) = (await hr.saw("/actuals/corrections", state="pending", wait_for=erp.position))[
        "data"
    ]
    correction = waiting["correction_id"]
    impact = await hr.saw(f"/actuals/corrections/{correction}/impact")
    assert (impact["before"]["score"], impact["after"]["score"]) == ("91.36", "86.56")
    accept = {"correction": correction, "reason": "取消协议已核实"}
    refused = await (await company.client("finance")).post(f"{APPRAISAL}/relock", {})
    assert refused.status_code == 403
    await hr.did(f"{APPRAISAL}/accept-correction", accept)
    await hr.did(f"{APPRAISAL}/relock")
    told = await hr.saw(f"/actuals/corrections/{correction}", wait_for=hr.position)
    assert told["state"] == "accepted"


async def test_an_appeal_is_seen_by_its_parties_alone(published: Any) -> None:
    reviewer = await under_review(published)
    hr = await published.client("hr")
    employee = await published.client("employee", examples.PERSON_ID)
    manager = await published.client("manager", examples.MANAGER_ID)
    for party in (hr, employee, reviewer):
        told = await party.saw(APPEAL, wait_for=hr.position)
        assert told["appeal"]["status"] == "under-review"
        assert told["steps"][0]["content"]["statement"] == MADE["FileAppeal"]["statement"]
        assert len((await party.saw("/appeals"))["data"]) == 1
    assert (await manager.get(APPEAL)).status_code == 404
    assert (await manager.saw("/appeals"))["data"] == []
    assert (await manager.post(f"{APPEAL}/decision", MADE["DecideAppeal"])).status_code == 404

    note = MADE["AddEvidence"]
    await reviewer.did(f"{APPEAL}/evidence", note)
    await reviewer.did(f"{APPEAL}/decision", {"outcome": "rejected", "reason": "回单日期不符"})
    await employee.did(f"{APPEAL}/escalate", MADE["EscalateAppeal"])
    again = await hr.post(f"{APPEAL}/reviewer", MADE["AssignReviewer"])
    assert again.status_code == 403
    assert again.json()["type"] == "/problems/reviewer-not-independent"
    told = await hr.saw(APPEAL, wait_for=employee.position)
    assert (told["appeal"]["status"], told["appeal"]["evidence"]) == ("escalated", 1)
    await employee.did(f"{APPEAL}/withdraw")
    assert (await hr.post(f"{APPEAL}/expire")).status_code == 409


async def test_an_appeal_is_returned_and_filed_again(published: Any) -> None:
    hr = await published.client("hr")
    employee = await published.client("employee", examples.PERSON_ID)
    await employee.did("/appeals", MADE["FileAppeal"])
    await hr.did(f"{APPEAL}/return", MADE["ReturnAppeal"])
    await employee.did("/appeals", MADE["FileAppeal"])
    (row,) = (await hr.saw("/appeals", status="filed", wait_for=employee.position))["data"]
    assert row["appraisal_id"] == examples.APPRAISAL_ID


async def test_goals_move_and_indicators_are_excused_with_approval(company: Any) -> None:
    await company.appraising()
    manager = await company.client("manager", examples.MANAGER_ID)
    excuse = await manager.post(f"{APPRAISAL}/goals/excuse", MADE["RequestExcuse"])
    assert excuse.status_code == 200, excuse.text
    told = await manager.saw(f"{APPRAISAL}/goals")
    assert [each["indicator"] for each in told["requests"]] == ["output"]
    assert told["serves"] == {"contract": examples.OBJECTIVE_ID}
    own = await manager.post(f"{APPRAISAL}/goals/approve-change", {"indicator": "output"})
    assert own.json()["type"] == "/problems/same-actor"
    hr = await company.client("hr")
    await hr.did(f"{APPRAISAL}/goals/approve-change", {"indicator": "output"})
    assert await hr.did(f"/cycles/{examples.CYCLE_ID}/score") == {"done": 1, "refused": []}
    row = await hr.saw(APPRAISAL, wait_for=hr.position)
    assert row["initial_score"] == "86.50"
    goals = await hr.saw(f"{APPRAISAL}/goals")
    assert [each["indicator"] for each in goals["excused"]] == ["output"]
    assert {each["indicator"]: each["target"] for each in goals["targets"]} == {
        "contract": "1200000",
        "collection": "900000",
        "output": "1000000",
    }
    late = await manager.post(f"{APPRAISAL}/goals/target-change", MADE["RequestTargetChange"])
    assert late.json()["type"] == "/problems/wrong-stage"
    none = await hr.post(f"{APPRAISAL}/goals/decline-change", MADE["DeclineGoalChange"])
    assert none.json()["type"] == "/problems/unknown-goal-change"


async def test_the_alignment_tree_tells_who_serves_what(paid_company: Any) -> None:
    executive = await paid_company.client("executive")
    tree = await executive.saw(f"/cycles/{examples.CYCLE_ID}/alignment")
    (growth,) = tree["objectives"]
    assert (growth["code"], growth["people"], growth["weight_bp"]) == ("growth", 1, 3200)
    assert (tree["people"], tree["people_aligned"], tree["weight_bp"]) == (1, 1, 3200)
    assert tree["unserved"] == []
    hr = await paid_company.client("hr")
    refused = await hr.post("/objectives", {**MADE["SetObjective"], "code": "late"})
    assert refused.json()["type"] == "/problems/wrong-stage"


async def test_a_projection_is_marked_and_keeps_what_is_sealed(company: Any) -> None:
    await company.appraising()
    manager = await company.client("manager", examples.MANAGER_ID)
    await manager.did(f"{APPRAISAL}/manager-rating", MADE["SubmitManagerRating"])
    hr = await company.client("hr")
    told = await hr.saw(f"{APPRAISAL}/projection", wait_for=manager.position)
    assert told["projection"] is True
    assert (told["score"], told["amount"]["amount"]) == ("89.76", "26928.00")
    employee = await company.client("employee", examples.PERSON_ID)
    own = await employee.saw(f"{APPRAISAL}/projection")
    assert (own["score"], own["missing"]) == ("90.20", ["duty"])


async def test_feeds_are_validated_by_their_owner(company: Any) -> None:
    await company.organised()
    erp = await company.client("integration")
    feed = await erp.did("/feeds", {**MADE["ReceiveFeed"], "owner_id": examples.MANAGER_ID})
    path = f"/feeds/{feed['id']}"
    refused = await erp.post(f"{path}/validate", MADE["ValidateFeed"])
    assert refused.json()["type"] == "/problems/not-the-owner"
    owner = await company.client("finance", examples.MANAGER_ID)
    wrong = await owner.post(f"{path}/validate", {**MADE["ValidateFeed"], "rows": 4})
    assert wrong.json()["type"] == "/problems/feed-differs"
    await owner.did(f"{path}/validate", MADE["ValidateFeed"])
    await owner.did(f"{path}/cut-off")
    told = await owner.saw(path, wait_for=owner.position)
    assert (told["status"], told["owner_id"]) == ("complete", examples.MANAGER_ID)
    rejected = await owner.post(f"{path}/reject", MADE["RejectFeed"])
    assert rejected.json()["type"] == "/problems/feed-complete"


@pytest.mark.parametrize("role", ["employee", "manager"])
async def test_others_actuals_are_not_theirs_to_see(paid_company: Any, role: str) -> None:
    stranger = await paid_company.client(role, REVIEWER)
    assert (await stranger.get(f"{SHEET}/actuals")).status_code == 404
    assert (await stranger.get(f"{APPRAISAL}/projection")).status_code == 404
    person = examples.PERSON_ID if role == "employee" else examples.MANAGER_ID
    own = await paid_company.client(role, person)
    assert (await own.saw(f"{SHEET}/actuals"))["sums"]["contract"] == "1140000"


async def test_a_declined_correction_is_told_as_such(published: Any) -> None:
    erp = await published.client("integration")
    hr = await published.client("hr")
    await erp.did("/actuals/corrections", MADE["CorrectActual"])
    (waiting,) = (await hr.saw("/actuals/corrections", wait_for=erp.position))["data"]
    body = {"correction": waiting["correction_id"], "reason": "无取消协议"}
    await hr.did(f"{SHEET}/decline-correction", body)
    told = await hr.saw(f"/actuals/corrections/{waiting['correction_id']}", wait_for=hr.position)
    assert told["state"] == "declined"
    late = await hr.post(f"{APPRAISAL}/accept-correction", body)
    assert late.json()["type"] == "/problems/unknown-correction"
