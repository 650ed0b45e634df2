"""Two companies with the same ids: what one is answered does not depend on the other.

Every GET of the API is asked as each role that it opens to, without the other company's data and
with it, and once more by a program whose every statement has forgotten to name its tenant: row
security alone must hold then.
"""

import importlib
import pkgutil
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

import projections
import tenancy
from api import examples, examples_rewards
from api.app import TABLE
from api.routes import Route
from projections.catalogue import NAMES
from projections.questions import View

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
    "position": "1",
}
LISTED = {
    "pool_id": "/pools",
    "payout_id": "/payouts",
    "feed_id": "/feeds",
    "correction_id": "/actuals/corrections",
}
NEEDED: dict[str, dict[str, Any]] = {
    "/schemes/{scheme_id}/lint": {"version": 1},
    "/schemes/{scheme_id}/diff": {"before": 1, "after": 1},
    "/cycles/{cycle_id}/resolution": {"employment_id": examples.EMPLOYMENT_ID},
    "/analytics/reward-gap": {"cycle_id": examples.CYCLE_ID},
    "/analytics/fairness": {"cycle_id": examples.CYCLE_ID},
    "/audit/consistency": {"from": 1},
    "/audit/permissions": {"subject": examples.APPRAISAL_ID, "on": "2099-01-01T00:00:00Z"},
}
OF_READING = {"/audit/reads", "/audit/reads/chain", "/audit/permissions"}
"""What these tell grows with every question; their own tests ask them."""
PERSONS = {"employee": examples.PERSON_ID, "manager": examples.MANAGER_ID}
OF_THE_MOMENT = re.compile(rb'"request_id":"[^"]*"|"last_used_at":(null|"[^"]*")')
GETS = [route for route in TABLE.routes if route.method == "GET" and route.path not in OF_READING]


async def _known(company: Any) -> dict[str, str]:
    admin = await company.client("admin")
    found = dict(IDS)
    for name, path in LISTED.items():
        found[name] = (await admin.saw(path, wait_for=await company.head()))["data"][0][name]
    return found


async def _answer(company: Any, route: Route, role: str, ids: dict[str, str]) -> tuple[int, bytes]:
    client = await company.client(role, PERSONS.get(role))
    path = re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], IDS["position"]), route.path)
    answer = await client.get(path, params=NEEDED.get(route.path, {}))
    # A problem names its own request, a key its last use; nothing else is of the moment.
    return answer.status_code, OF_THE_MOMENT.sub(b"", answer.content)


async def _everything(company: Any, app: Any) -> dict[tuple[str, str], tuple[int, bytes]]:
    views = app.state.services.views
    assert await views.wait_for(company.tenant_id, NAMES, await company.head(), 30)
    ids = await _known(company)
    for role in sorted({role for route in GETS for role in route.roles}):
        await company.client(role, PERSONS.get(role))
    return {
        (route.path, role): await _answer(company, route, role, ids)
        for route in GETS
        for role in sorted(route.roles)
    }


async def _lived(company: Any) -> None:
    await company.paid()
    await company.reviewed()
    await company.reconciled()
    await company.rewarded()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def alone(
    new_company: Callable[[str], Awaitable[Any]], app: Any
) -> tuple[Any, dict[tuple[str, str], tuple[int, bytes]]]:
    """A company, and all that it was answered while nobody else had any of its ids."""
    company = await new_company("B")
    await _lived(company)
    return company, await _everything(company, app)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def beside(alone: Any, new_company: Callable[[str], Awaitable[Any]]) -> Any:
    """Another company with the same people, schemes, appraisals and payouts, and one more."""
    company = await new_company("A")
    await _lived(company)
    hr = await company.client("hr")
    await hr.did("/people", {"number": "A-SECRET", "name": "秘密"})
    return company


async def test_there_is_something_to_tell(alone: Any) -> None:
    _, answers = alone
    told = [path for (path, _), (status, _) in answers.items() if status == 200]
    assert len(set(told)) > 60


async def test_answers_are_the_same_with_and_without_the_other(
    alone: Any, beside: Any, app: Any
) -> None:
    company, before = alone
    after = await _everything(company, app)
    different = [key for key, answer in after.items() if answer != before[key]]
    assert different == []
    assert await _everything(beside, app) != after


FORGETFUL = re.compile(r"\b(?:\w+\.)?tenant_id = \$1\b")
KEPT = {"tenancy.registry"}
"""Asks tables without tenants, before there is one: who a key belongs to is their content."""


def _modules() -> Iterator[Any]:
    for package in (tenancy, projections):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if found.name not in KEPT:
                yield importlib.import_module(found.name)


def _forgotten(statement: str) -> str:
    return FORGETFUL.sub("$1::uuid IS NOT NULL", statement)


def test_the_mutant_is_one() -> None:
    statements = [
        (module.__name__, name)
        for module in _modules()
        for name, value in vars(module).items()
        if isinstance(value, str) and "SELECT" in value and FORGETFUL.search(value)
    ]
    assert len(statements) > 25


async def test_a_program_that_forgets_its_tenant_tells_no_more(
    alone: Any, beside: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, _ = alone
    await beside.head()
    honest = await _everything(company, app)
    for module in _modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, str) and "SELECT" in value and FORGETFUL.search(value):
                monkeypatch.setattr(module, name, _forgotten(value))
    fetch, fetchrow = View.fetch, View.fetchrow

    async def careless(self: View, statement: str, *arguments: Any) -> Any:
        return await fetch(self, _forgotten(statement), *arguments)

    async def careless_row(self: View, statement: str, *arguments: Any) -> Any:
        return await fetchrow(self, _forgotten(statement), *arguments)

    monkeypatch.setattr(View, "fetch", careless)
    monkeypatch.setattr(View, "fetchrow", careless_row)
    forgetful = await _everything(company, app)
    different = [key for key, answer in forgetful.items() if answer != honest[key]]
    assert different == []
