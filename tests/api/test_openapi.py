"""The description of the API, and a stranger's tool that believes it and tries to break the API."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest

from api import examples, examples_migration, examples_operating, examples_rewards
from api.app import TABLE
from api.commands import decode
from api.routes import BASE
from tenancy.signing import Signers
from tenancy.transparency import Sealer

TRIED_S = 45
GIVEN: dict[str, dict[str, Any]] = {
    "/imports/trace": {"stream": examples.EMPLOYMENT_ID},
    "/audit/consistency": {"from": 1},
    "/audit/permissions": {"subject": examples.APPRAISAL_ID, "on": "2099-01-01T00:00:00Z"},
    "/schemes/{scheme_id}/lint": {"version": 1},
    "/schemes/{scheme_id}/diff": {"before": 1, "after": 2},
    "/cycles/{cycle_id}/resolution": {"employment_id": examples.EMPLOYMENT_ID},
    "/cycles/{cycle_id}/exceptions": {"kind": "manager-rating-missing"},
    "/analytics/reward-gap": {"cycle_id": examples.CYCLE_ID},
    "/analytics/anomalies": {"cycle_id": examples.CYCLE_ID},
    "/analytics/fairness": {"cycle_id": examples.CYCLE_ID},
    "/reports/monthly": {"month": "2025-03"},
    "/employments/{employment_id}/attendance": {"month": "2025-03-01"},
}
"""Parameters without which there is no answer."""

MAY_BE_EMPTY = frozenset(
    {
        "/goals",
        "/imports/{import_id}/jobs",
        "/imports/{import_id}/files",
        "/rater-nominations",
    }
)
"""Lists of what needs uploaded files, which tests/ops has; goals of scores that are not locked, and
raters who wait for approval, which tests of their own have."""


async def test_the_document_describes_every_route(http: httpx.AsyncClient) -> None:
    answer = await http.get("/schema/openapi.json")
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert described == {(route.method, BASE + route.path) for route in TABLE.routes}
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            problems = [status for status in operation["responses"] if status >= "400"]
            assert {"400", "401", "403"} <= set(problems)
            for status in problems:
                (media_type,) = operation["responses"][status]["content"]
                assert media_type == "application/problem+json"
    ids = [op["operationId"] for methods in document["paths"].values() for op in methods.values()]
    assert len(ids) == len(set(ids))


async def test_bodies_are_closed_and_have_examples(http: httpx.AsyncClient) -> None:
    document = (await http.get("/schema/openapi.json")).json()
    schemas = document["components"]["schemas"]
    for methods in document["paths"].values():
        body = methods.get("post", {}).get("requestBody")
        if body is None:
            continue
        for content in body["content"].values():
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert schemas[name]["additionalProperties"] is False, name
            assert content["examples"]["example"]["value"] is not None


@pytest.mark.parametrize(
    "route", [pytest.param(route, id=route.path) for route in TABLE.routes if route.act]
)
def test_examples_are_bodies(route: Any) -> None:
    decode(msgspec.json.encode(examples.EXAMPLES[route.body.__name__]), route.body)


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(route, id=route.path)
        for route in TABLE.routes
        # A bundle is a file: tests/api/test_leaving.py fetches one.
        if route.method == "GET" and route.produces == "application/json"
    ],
)
async def test_answers_have_the_documented_shape(
    route: Any, app: Any, http: httpx.AsyncClient, paid_company: Any
) -> None:
    services = app.state.services
    await Sealer(services.database, Signers(services.keyring)).advance(paid_company.tenant_id)
    finance = await paid_company.client("finance")
    (line,) = (await finance.saw("/payouts", wait_for=finance.position))["data"]
    (correction,) = (await finance.saw("/actuals/corrections"))["data"]
    exports = (await (await paid_company.client("admin")).saw("/tenants/self/exports"))["data"]
    ids = {
        "export_id": exports[0]["export_id"],
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
        "batch_id": examples.BATCH_ID,
        "pool_id": examples.POOL_ID,
        "budget_id": examples_rewards.BUDGET_ID,
        "reward_id": examples_rewards.REWARD_ID,
        "session_id": examples.SESSION_ID,
        "rater_id": examples.MANAGER_ID,
        "payout_id": line["payout_id"],
        "correction_id": correction["correction_id"],
        "definition_id": examples.DEFINITION_ID,
        "sheet_id": examples.OCCURRENCE_SHEET_ID,
        "import_id": examples_migration.IMPORT_ID,
        "plan_id": examples_migration.PLAN_ID,
        "module_id": examples_migration.MODULE_ID,
        "incident_id": examples_operating.INCIDENT_ID,
        "webhook_id": examples_operating.WEBHOOK_ID,
        "position": "1",
    }
    client = await paid_company.client("auditor")
    given = GIVEN.get(route.path, {})
    answer = await client.get(route.path.format(**ids), params=given)
    assert answer.status_code == 200, answer.text
    document = (await http.get("/schema/openapi.json")).json()
    told = document["paths"][BASE + route.path]["get"]["responses"]["200"]
    schema = told["content"]["application/json"]["schema"]
    validator = jsonschema_rs.validator_for({**schema, "components": document["components"]})
    assert [str(error) for error in validator.iter_errors(answer.json())] == []
    if route.listed and route.path not in MAY_BE_EMPTY:
        assert answer.json()["data"]


@pytest.mark.timeout(300)
async def test_what_the_document_says_is_so(served: str, company: Any, tmp_path: Path) -> None:
    """Valid, invalid and missing input for every operation: nothing undocumented, nothing 5xx."""
    admin = await company.client("admin")
    tool = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("st"),
        "run",
        f"{served}/schema/openapi.json",
        *("-H", f"Authorization: Bearer {admin.secret}"),
        # Whether valid data is accepted is the domain's to say: most of it names what is not there.
        *("--exclude-checks", "positive_data_acceptance,object_level_authorization"),
        # The tool has no writer of NDJSON; tests/api/test_bulk.py has.
        *("--exclude-path", f"{BASE}/bulk"),
        # After this nothing else is written; tests/api/test_leaving.py does it.
        *("--exclude-path", f"{BASE}/tenants/self/suspend"),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-time", str(TRIED_S), "--max-examples", "8"),
        *("--seed", "20250331", "--no-shrink", "--warnings", "off", "--continue-on-failure"),
        *("--request-timeout", "20", "--suppress-health-check", "all"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await tool.communicate()
    assert tool.returncode == 0, output.decode()[-20_000:]
    assert b"No issues found" in output or b"passed" in output, output.decode()[-2_000:]
