"""A database that goes away under the application, and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from api import examples
from api.app import create_app
from ops.embedded import EmbeddedPostgres
from projections.catalogue import PROJECTIONS
from projections.kernel import install
from tenancy.database import Database
from tenancy.migrate import migrate
from tenancy.registry import Registry
from tenancy.settings import Settings

ANSWER_S_MAX = 8.0
"""Two seconds of trying to write, connections that time out first, and a busy machine."""


@pytest.fixture
def own_server(tmp_path: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(tmp_path / "pg")


@pytest_asyncio.fixture(loop_scope="session")
async def client(own_server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator of a tenant on a server of its own."""
    with own_server as server:
        await migrate(server.owner_database_url)
        await install(server.owner_database_url, PROJECTIONS)
        async with await Database.open(server.database_url) as database:
            registry = Registry(database)
            tenant = await registry.create_tenant("outage")
            secret = await registry.issue_key(tenant.tenant_id, uuid4(), "a", ["admin"])
        app = create_app(
            Settings.read(
                {"MERIT_DATABASE_URL": server.database_url, "MERIT_DATA_DIR": str(tmp_path)}
            )
        )
        started, stop = asyncio.Event(), asyncio.Event()

        async def live() -> None:
            async with app.lifespan():
                started.set()
                await stop.wait()

        living = asyncio.create_task(live())
        await started.wait()
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar types its scopes narrower
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://merit.test/api/v1", headers=headers
        ) as http:
            yield http
        stop.set()
        await living


async def test_an_outage_is_told_at_once_and_ends_by_itself(
    client: httpx.AsyncClient, own_server: EmbeddedPostgres
) -> None:
    unit = examples.EXAMPLES["CreateOrgUnit"]
    first = await client.post("/org-units", json=unit, headers={"Idempotency-Key": "1"})
    assert first.status_code == 201

    await asyncio.to_thread(own_server.stop)
    second = {**unit, "code": "SECOND"}
    for method, path in (("POST", "/org-units"), ("GET", "/org-units"), ("GET", "/tenants/self")):
        began = time.monotonic()
        answer = await client.request(method, path, json=second, headers={"Idempotency-Key": "2"})
        assert answer.status_code == 503, answer.text
        assert answer.json()["type"] == "/problems/unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        assert time.monotonic() - began < ANSWER_S_MAX
    ready = await client.get("http://merit.test/health/ready")
    assert ready.status_code == 503
    failed = {each["name"] for each in ready.json()["findings"] if each["status"] == "fail"}
    assert failed == {"database", "migrations"}
    live = await client.get("http://merit.test/health/live")
    assert live.status_code == 200

    await asyncio.to_thread(own_server.start)
    for _ in range(100):
        answer = await client.post("/org-units", json=second, headers={"Idempotency-Key": "2"})
        if answer.status_code != 503:
            break
        await asyncio.sleep(0.1)
    assert (answer.status_code, answer.json()["position"]) == (201, 2)
    ready = await client.get("http://merit.test/health/ready")
    assert ready.status_code == 200
