"""Over HTTP: the key service goes away; a worker finishes an erasure that was only decided."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec

from api.app import create_app
from domain import ids
from domain.catalogue import EVENTS
from domain.erasure import ERASURE, ApproveErasure, RequestErasure
from ops.erasing import Erasing
from ops.keyservice import KeyServer
from projections.history import TenantLogs
from tenancy.keyring import Trust
from tenancy.records import Stamp
from tenancy.settings import Settings

PERSON = {"number": "P-1", "name": "王小明"}


async def test_reading_goes_on_and_writing_answers_503(
    settings: Settings, registry: Any, tmp_path: Path
) -> None:
    with KeyServer(tmp_path / "keys") as server:
        given = msgspec.structs.replace(
            settings,
            master_key_file=None,
            data_dir=tmp_path,
            key_service_url=server.url,
            key_service_token_file=server.token_file,
        )
        app = create_app(given)
        async with app.lifespan():
            app.state.services.keyring.trust = Trust(reading_s=60, writing_s=0.2)
            # Its keys are made under this root before any other program of the tests meets it.
            tenant_id = (await registry.create_tenant("away")).tenant_id
            await app.state.services.keyring.of(tenant_id)
            secret = await registry.issue_key(tenant_id, uuid4(), "hr", ["hr"])
            transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar types its scopes narrower
            async with httpx.AsyncClient(
                transport=transport,
                base_url="http://merit.test",
                headers={"Authorization": f"Bearer {secret}"},
            ) as client:
                await _away(server, client)


async def _away(server: KeyServer, client: httpx.AsyncClient) -> None:
    async def post(number: str) -> httpx.Response:
        body = {**PERSON, "number": number}
        return await client.post(
            "/api/v1/people", json=body, headers={"Idempotency-Key": uuid4().hex}
        )

    assert (await post("P-1")).status_code == 201
    server.close()
    await asyncio.sleep(0.3)
    refused = await post("P-2")
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/keys-unavailable"
    assert int(refused.headers["retry-after"]) > 0
    assert (await client.get("/api/v1/tenants/self")).json()["position"] == 1
    assert (await client.get("/health/ready")).status_code == 200


async def test_a_worker_carries_out_what_was_decided(
    new_company: Callable[[str], Awaitable[Any]], app: Any
) -> None:
    company = await new_company("interrupted")
    hr = await company.client("hr")
    person = UUID((await hr.did("/people", PERSON))["id"])
    services, tenant = app.state.services, company.tenant_id
    store = await services.histories.of(tenant)
    # Decided, and then the process died.
    for command in (
        RequestErasure(person_id=person, basis="unlawful", reference="DSR-3"),
        ApproveErasure(),
    ):
        stamp = Stamp(now=datetime.now(UTC), actor=uuid4())
        await store.execute(ERASURE, ids.erasure_id(person), command, stamp)
    assert await services.erasures.certified(tenant, person) is None
    assert (await store.read(person))[0].event.name == PERSON["name"]

    logs = TenantLogs(services.database, services.keyring, EVENTS)
    worker = Erasing(services.database, logs, services.histories, services.erasures)
    assert await worker.round() >= 1
    certificate = await services.erasures.certified(tenant, person)
    assert certificate is not None
    assert person in certificate.subjects
    assert (await store.read(person))[0].event.name is None
    assert await worker.round() == 0
