"""Every route, asked by those who may not: nobody, another tenant, and the wrong roles."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from api import examples, examples_operating, examples_rewards
from api.app import TABLE
from api.auth import ROLES
from api.console.catalogue import PAGES
from api.routes import BASE, Route
from domain import ids

# Whoever has no key may learn that we are here, how to talk to us, and what a problem means.
PUBLIC = {
    "/health",
    "/metrics",
    "/health/live",
    "/health/ready",
    "/health/startup",
    "/schema/openapi.json",
    "/docs",
    "/docs/assets/{name:str}",
    "/problems/{code:str}",
    "/login/{tenant:str}",
    "/login/callback",
    "/logout",
    "/console/sign-in",
    "/console/sign-out",
    "/console/preferences",
    "/console/static/{mark:str}/{name:path}",
}
# Of a company's directory, with its own words for everything: tests/api/test_scim.py asks there.
SCIM = {"/scim/v2", "/scim/v2/{rest:path}"}

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
    "feed_id": examples.FEED_ID,
    "session_id": examples.SESSION_ID,
    "webhook_id": examples_operating.WEBHOOK_ID,
    "sign_in_id": str(ids.sign_in_id(UUID(examples.PERSON_ID))),
    "budget_id": examples_rewards.BUDGET_ID,
    "reward_id": examples_rewards.REWARD_ID,
    "batch_id": examples.BATCH_ID,
    "definition_id": examples.DEFINITION_ID,
    "sheet_id": examples.OCCURRENCE_SHEET_ID,
    "position": "1",
}
NEEDED: dict[str, dict[str, Any]] = {
    "/schemes/{scheme_id}/lint": {"version": 1},
    "/schemes/{scheme_id}/diff": {"before": 1, "after": 1},
    "/cycles/{cycle_id}/resolution": {"employment_id": examples.EMPLOYMENT_ID},
    "/cycles/{cycle_id}/exceptions": {"kind": "manager-rating-missing"},
    "/analytics/reward-gap": {"cycle_id": examples.CYCLE_ID},
    "/analytics/fairness": {"cycle_id": examples.CYCLE_ID},
}
"""Parameters without which there is no answer."""
SHIPPED = {"/scheme-templates"}
"""Lists that come with the product, the same for every tenant."""
EACH = [pytest.param(route, id=f"{route.method} {route.path}") for route in TABLE.routes]


def _filled(route: Route, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], str(uuid4())), route.path)


def _body(route: Route) -> dict[str, Any] | None:
    return examples.EXAMPLES.get(getattr(route.body, "__name__", ""), {})


def _routed(app: Any) -> Iterator[str]:
    for route in app.routes:
        yield route.path


async def test_every_path_is_in_the_table_or_public(app: Any) -> None:
    known = {BASE + re.sub(r"\}", ":str}", path) for path in TABLE.by_path}
    known |= {page.address.replace("}", ":str}") for page in PAGES}
    assert set(_routed(app)) == known | PUBLIC | SCIM


@pytest.mark.parametrize("route", EACH)
async def test_no_route_answers_a_stranger(route: Route, http: httpx.AsyncClient) -> None:
    for secret in (None, "", "mlk_000000000000_" + "A" * 43, "x" * 5000):
        headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        answer = await http.request(
            route.method, BASE + _filled(route, IDS), headers=headers, json=_body(route)
        )
        assert answer.status_code == 401
        assert answer.json()["type"] == "/problems/unauthenticated"
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", EACH)
async def test_a_role_that_is_not_named_is_refused(route: Route, company: Any) -> None:
    for role in sorted(ROLES):
        if role in route.roles:
            continue
        client = await company.client(role)
        answer = await _asked(client, route, IDS)
        assert answer.status_code == 403, role
        assert answer.json()["type"] == "/problems/not-allowed"


def test_auditors_read_and_never_write() -> None:
    assert [
        route.path for route in TABLE.routes if "auditor" in route.roles and route.method != "GET"
    ] == []
    assert {route.path for route in TABLE.routes if "auditor" in route.roles} >= {"/audit/events"}


def test_every_route_names_its_roles() -> None:
    for route in TABLE.routes:
        assert route.roles, route.path
        assert route.roles <= ROLES


async def _asked(client: Any, route: Route, ids: dict[str, str]) -> httpx.Response:
    path = _filled(route, ids)
    answer: httpx.Response
    if route.method == "GET":
        answer = await client.get(path, params=NEEDED.get(route.path, {}))
    elif route.path == "/bulk":
        answer = await client.post(
            path, content=b"", headers={"Content-Type": "application/x-ndjson"}
        )
    else:
        answer = await client.post(path, _body(route))
    return answer


WITH_IDS = [
    pytest.param(route, id=f"{route.method} {route.path}") for route in TABLE.routes if route.ids
]


@pytest.mark.parametrize("route", WITH_IDS)
async def test_ids_of_another_tenant_are_not_found(
    route: Route, paid_company: Any, company: Any
) -> None:
    finance = await paid_company.client("finance")
    lines = (await finance.saw("/payouts", wait_for=finance.position))["data"]
    keys = (await (await paid_company.client("admin")).saw("/keys"))["data"]
    known = {**IDS, "payout_id": lines[0]["payout_id"], "key_id": keys[0]["key_id"]}
    before = await company.head()
    for role in sorted(route.roles):
        answer = await _asked(await company.client(role, _someone(role)), route, known)
        assert answer.status_code == 404, (role, answer.text)
    assert await company.head() == before


def _someone(role: str) -> UUID | None:
    return uuid4() if role in {"employee", "manager"} else None


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(route, id=route.path)
        for route in TABLE.routes
        if route.method == "GET" and route.listed and not route.ids and route.path not in SHIPPED
    ],
)
async def test_lists_of_another_tenant_are_empty(
    route: Route, paid_company: Any, company: Any
) -> None:
    await paid_company.head()
    for role in sorted(route.roles):
        rows = (await (await company.client(role, _someone(role))).saw(route.path))["data"]
        if route.path == "/audit/reads":
            # What was asked before is a read of one's own.
            assert not {row["route"] for row in rows} - {"/audit/reads", "/keys"}
        elif route.path != "/keys":
            assert rows == []
        else:
            theirs = {
                key["key_id"]
                for key in (await (await paid_company.client("admin")).saw("/keys"))["data"]
            }
            assert not theirs & {row["key_id"] for row in rows}


async def test_a_suspended_tenant_is_told_so(company: Any) -> None:
    client = await company.client("admin")
    await company.registry.suspend_tenant(company.tenant_id)
    answer = await client.get("/tenants/self")
    assert answer.status_code == 403
    assert answer.json()["type"] == "/problems/tenant-suspended"
