"""The past over HTTP: every derived answer as it was, and the digest that everybody gets."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from api import examples, examples_migration, examples_operating, examples_rewards
from api.app import TABLE
from api.queries import LOOKING_BACK, Parameters
from api.routes import Route
from domain import ids

MADE = examples.EXAMPLES
CYCLE = f"/cycles/{examples.CYCLE_ID}"
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
APPEAL = f"/appeals/{examples.APPEAL_ID}"
SHEET = f"{CYCLE}/employments/{examples.EMPLOYMENT_ID}"
REVIEWER = str(ids.person_id("P-2001"))


def _digest(body: Any) -> str:
    """As the documentation says: SHA-256 of the JSON with keys sorted and no spaces."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# -- case 11


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def corrected(new_company: Callable[[str], Awaitable[Any]]) -> tuple[Any, list[int]]:
    """Case 11: paid, appealed upwards, corrected downwards; and where the log stood after each."""
    company = await new_company("case 11")
    await company.paid()
    hr = await company.client("hr")
    await hr.did("/people", {"number": "P-2001", "name": "赵敏"})
    await hr.did(f"{APPRAISAL}/publish")
    stops = [hr.position]
    await (await company.client("employee", examples.PERSON_ID)).did("/appeals", MADE["FileAppeal"])
    await hr.did(f"{APPEAL}/accept")
    await hr.did(f"{APPEAL}/reviewer", MADE["AssignReviewer"])
    reviewer = await company.client("employee", REVIEWER)
    await reviewer.did(f"{APPEAL}/decision", MADE["DecideAppeal"])
    await hr.did(f"{APPRAISAL}/relock")
    stops.append(hr.position)
    erp = await company.client("integration")
    actuals = (await erp.saw(f"{SHEET}/actuals"))["actuals"]
    (wrong,) = (each["event_id"] for each in actuals if each["indicator"] == "contract")
    body = {**MADE["CorrectActual"], "value": "960000", "supersedes": wrong}
    await erp.did("/actuals/corrections", body)
    waiting = await hr.saw("/actuals/corrections", state="pending", wait_for=erp.position)
    accept = {"correction": waiting["data"][0]["correction_id"], "reason": "取消协议已核实"}
    await hr.did(f"{APPRAISAL}/accept-correction", accept)
    await hr.did(f"{APPRAISAL}/relock")
    stops.append(hr.position)
    return company, stops


SCORES = ("89.76", "91.36", "86.56")


async def test_case_11_three_scores_at_three_times(corrected: tuple[Any, list[int]]) -> None:
    company, stops = corrected
    auditor = await company.client("auditor")
    for position, score in zip(stops, SCORES, strict=True):
        at = (await auditor.saw("/audit/events", position=position, newest_first="true", limit=1))[
            "data"
        ][0]["recorded_at"]
        for when in ({"position": position}, {"known_at": at}):
            row = await auditor.saw(APPRAISAL, **when)
            assert row["score"] == score
            assert (await auditor.saw(f"{APPRAISAL}/explanation", **when))["score"] == score
            listed = await auditor.saw(f"{CYCLE}/appraisals", **when)
            assert [each["score"] for each in listed["data"]] == [score]
            cells = (await auditor.saw("/analytics/performance-map", **when))["cells"]
            assert [each["scores"]["mean"] for each in cells] == [score]
    assert (await auditor.saw(APPRAISAL, wait_for=stops[-1]))["score"] == SCORES[-1]
    contracts = [
        (await auditor.saw(f"{SHEET}/actuals", position=position))["sums"]["contract"]
        for position in stops
    ]
    assert contracts == ["1140000", "1140000", "960000"]


async def test_before_anything_there_was_nothing(corrected: tuple[Any, list[int]]) -> None:
    company, _ = corrected
    auditor = await company.client("auditor")
    assert (await auditor.get(APPRAISAL, params={"position": 0})).status_code == 404
    early = datetime.now(UTC) - timedelta(days=1)
    listed = await auditor.get("/people", params={"known_at": early.isoformat()})
    assert listed.json()["data"] == []
    assert listed.headers["merit-position"] == "0"


async def test_the_books_as_they_were(corrected: tuple[Any, list[int]]) -> None:
    company, stops = corrected
    finance = await company.client("finance")
    head = (await finance.saw("/ledger/trial-balance", wait_for=stops[-1]))["position"]
    for position in (0, stops[0] - 20, head):
        balance = await finance.saw("/ledger/trial-balance", position=position)
        assert balance["balanced"]
        assert balance["position"] == position
    then = await finance.saw("/ledger/accounts", position=stops[0])
    same = await finance.saw("/ledger/balances", position=stops[0])
    assert [(each["account"], each["balance"]) for each in then["data"]] == [
        (each["account"], each["balance"]) for each in same["balances"]
    ]


# -- every route


IDS = {
    "org_unit_id": examples.UNIT_ID,
    "job_id": examples.JOB_ID,
    "person_id": examples.PERSON_ID,
    "employment_id": examples.EMPLOYMENT_ID,
    "scheme_id": examples.SCHEME_ID,
    "cycle_id": examples.CYCLE_ID,
    "appraisal_id": examples.APPRAISAL_ID,
    "appeal_id": examples.APPEAL_ID,
    "objective_id": examples.OBJECTIVE_ID,
    "session_id": examples.SESSION_ID,
    "budget_id": examples_rewards.BUDGET_ID,
    "reward_id": examples_rewards.REWARD_ID,
    "batch_id": examples.BATCH_ID,
    "definition_id": examples.DEFINITION_ID,
    "sheet_id": examples.OCCURRENCE_SHEET_ID,
    "rater_id": examples.MANAGER_ID,
    "import_id": examples_migration.IMPORT_ID,
    "plan_id": examples_migration.PLAN_ID,
    "module_id": examples_migration.MODULE_ID,
    "incident_id": examples_operating.INCIDENT_ID,
}
NEEDED: dict[str, dict[str, Any]] = {
    "/schemes/{scheme_id}/lint": {"version": 1},
    "/schemes/{scheme_id}/diff": {"before": 1, "after": 1},
    "/cycles/{cycle_id}/resolution": {"employment_id": examples.EMPLOYMENT_ID},
    "/cycles/{cycle_id}/exceptions": {"kind": "manager-rating-missing"},
    "/analytics/reward-gap": {"cycle_id": examples.CYCLE_ID},
    "/analytics/fairness": {"cycle_id": examples.CYCLE_ID},
    "/analytics/anomalies": {"cycle_id": examples.CYCLE_ID},
    "/imports/trace": {"stream": examples.EMPLOYMENT_ID},
}
FOUND_BY_LIST = {
    "pool_id": "/pools",
    "payout_id": "/payouts",
    "feed_id": "/feeds",
    "correction_id": "/actuals/corrections",
}
"""Ids that are not known beforehand."""

PAST = [
    pytest.param(route, id=route.path)
    for route in TABLE.routes
    if route.method == "GET"
    and route.parameters is not None
    and issubclass(route.parameters, Parameters)
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def known(paid_company: Any) -> dict[str, str]:
    """Ids of everything there is."""
    found = dict(IDS)
    finance = await paid_company.client("admin")
    for name, path in FOUND_BY_LIST.items():
        rows = (await finance.saw(path, wait_for=await paid_company.head()))["data"]
        found[name] = rows[0][name]
    return found


def _may(route: Route) -> str:
    for role in ("auditor", "hr", "admin", "finance", "executive"):
        if role in route.roles:
            return role
    return ""


@pytest.mark.parametrize("route", PAST)
async def test_the_end_of_the_past_is_the_present(
    route: Route, paid_company: Any, known: dict[str, str]
) -> None:
    """The live view and the twin, asked the same: byte for byte the same answer."""
    role = _may(route)
    if not role:
        # Only for people themselves, who are told the present.
        assert not route.roles & LOOKING_BACK
        return
    client = await paid_company.client(role)
    path = re.sub(r"\{(\w+)\}", lambda name: known[name[1]], route.path)
    needed = NEEDED.get(route.path, {})
    head = await paid_company.head()
    now = await client.get(path, params={**needed, "wait_for": head})
    then = await client.get(path, params={**needed, "position": head})
    assert now.status_code == 200, now.text
    assert then.content == now.content
    assert then.headers["merit-position"] == str(head)
    assert then.headers["merit-digest"] == f"sha-256={_digest(now.json())}"
    again = await client.get(path, params={**needed, "position": head})
    assert again.headers["merit-digest"] == then.headers["merit-digest"]
    assert "merit-digest" not in now.headers


# -- what is refused


async def test_who_sees_only_what_concerns_them_sees_it_as_it_is(company: Any) -> None:
    await company.organised()
    for role, person in (("employee", examples.PERSON_ID), ("manager", examples.MANAGER_ID)):
        client = await company.client(role, person)
        answer = await client.get(f"/people/{person}", params={"position": 3})
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/not-allowed"


@pytest.mark.parametrize(
    "query",
    ["position=-1", "position=x", "known_at=2026-01-01", "known_at=0.5", "position=999999"],
)
async def test_a_moment_is_well_said(company: Any, query: str) -> None:
    auditor = await company.client("auditor")
    answer = await auditor.get(f"/people?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"?{query.partition('=')[0]}"


@pytest.mark.parametrize("path", ["/keys", "/tenants/self", "/audit/checkpoint"])
async def test_what_has_no_past_is_not_asked_for_it(company: Any, path: str) -> None:
    admin = await company.client("admin" if path != "/audit/checkpoint" else "auditor")
    answer = await admin.get(path, params={"position": 0})
    assert answer.status_code == 400


async def test_one_question_has_a_limit(
    company: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await company.organised()
    auditor = await company.client("auditor")
    monkeypatch.setattr(app.state.services.views.twins, "_events_max", 3)
    answer = await auditor.get("/people", params={"position": 4})
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/as-of-too-far"


# -- replay


async def test_a_replay_is_the_same_for_everybody(
    corrected: tuple[Any, list[int]], app: Any
) -> None:
    company, stops = corrected
    auditor, admin = await company.client("auditor"), await company.client("admin")
    told = await auditor.saw("/audit/replay", position=stops[0])
    app.state.services.views._replays._known.clear()
    assert await admin.saw("/audit/replay", position=stops[0]) == told
    digest = told.pop("digest")
    assert digest == _digest(told)
    assert {each["view"] for each in told["views"]} >= {"scores", "pay_ledger", "directory"}
    later = await auditor.saw("/audit/replay", position=stops[1])
    changed = {
        one["view"]
        for one, two in zip(told["views"], later["views"], strict=True)
        if one["digest"] != two["digest"]
    }
    assert {"scores", "appeals", "audit_trail"} <= changed
    assert "directory" not in changed
    assert (await auditor.saw("/audit/replay"))["position"] == await company.head()
    assert UUID(told["tenant_id"]) == company.tenant_id


async def test_both_times_at_once(company: Any) -> None:
    """A pay rise from July on, recorded today: known now, in force only from July on."""
    await company.organised()
    hr, auditor = await company.client("hr"), await company.client("auditor")
    before = hr.position
    employment = f"/employments/{examples.EMPLOYMENT_ID}"
    rise = {**MADE["SetPayStructure"], "effective_from": "2027-07-01"}
    await hr.did(f"{employment}/pay-structure", rise)
    after = hr.position

    async def digest(position: int, day: str) -> str:
        told = await auditor.saw("/audit/replay", position=position, valid_at=day)
        (view,) = (each for each in told["views"] if each["view"] == "directory")
        return str(view["digest"])

    assert await digest(after, "2027-07-01") != await digest(before, "2027-07-01")
    old = await auditor.saw(employment, position=before, valid_at="2027-06-30")
    new = await auditor.saw(employment, position=after, valid_at="2027-06-30")
    assert len(new["pay_structures"]) == len(old["pay_structures"]) + 1
    answer = await auditor.get(employment, params={"position": after, "valid_at": "1999-01-01"})
    assert answer.status_code == 404
