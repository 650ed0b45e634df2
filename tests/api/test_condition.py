"""/health in detail and /metrics: for operators, and bad news is told as such."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
import pytest_asyncio

from api.app import create_app
from api.condition import BackupState
from domain.catalogue import EVENTS
from projections.catalogue import PROJECTIONS
from projections.following import ATTEMPTS_MAX, Following, Reaction
from projections.health import overview
from projections.history import TenantLogs
from projections.kernel import install
from tenancy.migrate import migrate
from tenancy.settings import Settings

DUE = "UPDATE merit.followers SET retry_at = NULL WHERE tenant_id = $1"


@pytest_asyncio.fixture(loop_scope="session")
async def operator(
    new_database: Callable[[], Awaitable[Any]], tmp_path: Path
) -> AsyncIterator[Any]:
    """Asks an installation of its own, whose settings a test may add to."""
    addresses = await new_database()
    await migrate(addresses.owner)
    await install(addresses.owner, PROJECTIONS)
    database_url = str(addresses.app)

    class Operator:
        def __init__(self) -> None:
            self.folder = tmp_path
            self.given: dict[str, str] = {}

        @asynccontextmanager
        async def running(self, address: str = "127.0.0.1") -> AsyncIterator[Any]:
            settings = Settings.read(
                {"MERIT_DATABASE_URL": database_url, "MERIT_DATA_DIR": str(tmp_path), **self.given}
            )
            app = create_app(settings)
            async with app.lifespan():
                transport = httpx.ASGITransport(app=app, client=(address, 1234))  # type: ignore[arg-type]  # Litestar types its scopes narrower
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://merit.test"
                ) as http:
                    yield app.state.services, http

        async def __call__(self, path: str, *, address: str = "127.0.0.1", **headers: str) -> Any:
            async with self.running(address) as (_, http):
                return await http.get(path, headers=headers)

    yield Operator()


async def checks(operator: Any) -> dict[str, Any]:
    answer = await operator("/health")
    assert answer.headers["content-type"] == "application/health+json"
    found: dict[str, Any] = answer.json()["checks"]
    return found


@pytest.mark.parametrize("path", ["/health", "/metrics"])
async def test_operators_ask_from_the_machine_or_bring_the_token(
    operator: Any, path: str, tmp_path: Path
) -> None:
    assert (await operator(path)).status_code == 200
    assert (await operator(path, address="10.0.0.9")).status_code == 401
    assert (await operator(path, **{"x-forwarded-for": "10.0.0.9"})).status_code == 401
    (tmp_path / "token").write_text("a-token-of-operators\n")
    operator.given["MERIT_OPERATOR_TOKEN_FILE"] = str(tmp_path / "token")
    assert (await operator(path)).status_code == 401
    bearer = {"authorization": "Bearer a-token-of-operators"}
    assert (await operator(path, address="10.0.0.9", **bearer)).status_code == 200
    assert (await operator(path, authorization="Bearer wrong")).status_code == 401


async def test_everything_is_asked(operator: Any) -> None:
    found = await checks(operator)
    assert found["postgres:role"]["observed"] == "primary"
    assert found["keys:unwrap"]["status"] == "pass"
    assert found["disk:free"]["unit"] == "%"
    assert found["sealer:lag"]["unit"] == "s"
    assert any(name.startswith("projection:pay_ledger") for name in found)
    assert found["backup:age"]["output"].startswith("no data")


async def test_an_old_backup_and_a_failed_drill_are_bad_news(operator: Any) -> None:
    now = datetime.now(UTC)

    async def told(**state: Any) -> tuple[str, str]:
        (operator.folder / "backup.json").write_bytes(msgspec.json.encode(BackupState(**state)))
        found = await checks(operator)
        return found["backup:age"]["status"], found["restore-drill:age"]["status"]

    assert await told() == ("fail", "warn")
    fresh = {"last_backup_at": now, "last_drill_at": now, "last_drill_ok": True}
    assert await told(**fresh) == ("pass", "pass")
    assert await told(**fresh | {"last_backup_at": now - timedelta(hours=27)}) == ("warn", "pass")
    assert await told(**fresh | {"last_backup_at": now - timedelta(hours=51)}) == ("fail", "pass")
    assert await told(**fresh | {"last_drill_at": now - timedelta(days=9)}) == ("pass", "warn")
    assert await told(**fresh | {"last_drill_ok": False}) == ("pass", "fail")
    assert (await operator("/health")).status_code == 503


def make_certificate(folder: Path, days: int) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", str(days), "-keyout", "key", "-out", "end.crt", "-subj", "/CN=x"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip


@pytest.mark.parametrize(("days", "status"), [(1, "fail"), (10, "warn"), (90, "pass")])
async def test_a_certificate_that_ends_soon_is_told(
    operator: Any, tmp_path: Path, days: int, status: str
) -> None:
    await asyncio.to_thread(make_certificate, tmp_path, days)
    operator.given["MERIT_CERTIFICATES"] = str(tmp_path / "end.crt")
    assert (await checks(operator))["certificate:end.crt"]["status"] == status
    operator.given["MERIT_CERTIFICATES"] = str(tmp_path / "nowhere.crt")
    assert (await checks(operator))["certificates"] == {
        "status": "fail",
        "output": "FileNotFoundError",
    }


async def test_no_standby_is_bad_news(operator: Any) -> None:
    operator.given["MERIT_PATRONI_URLS"] = "http://127.0.0.1:9"
    found = await checks(operator)
    assert found["replication:members"] == {"status": "fail", "output": "no Patroni answers"}
    assert json.dumps(found)


async def test_a_process_manager_that_cannot_answer_is_bad_news(operator: Any) -> None:
    """One tenant is stuck, then its batch is passed over, then the next one is answered."""
    broken = True

    async def answer(_: UUID, __: Any) -> None:
        if broken:
            raise ZeroDivisionError("a bug")

    async with operator.running() as (services, http):
        tenant = await services.registry.create_tenant("one")
        secret = await services.registry.issue_key(tenant.tenant_id, uuid4(), "hr", ["hr"])
        reaction = Reaction(
            name="rescoring", topics=frozenset({"person.registered"}), answer=answer
        )
        logs = TenantLogs(services.database, services.keyring, EVENTS)
        following = Following(services.database, logs, reaction)

        async def happens(number: str) -> None:
            headers = {"authorization": f"Bearer {secret}", "idempotency-key": number}
            body = {"number": number, "name": number}
            made = await http.post("/api/v1/people", json=body, headers=headers)
            assert made.status_code == 201

        async def told() -> Any:
            answer = await http.get("/health")
            found = answer.json()["checks"]
            return found.get("process-manager:rescoring:unanswered")

        assert await told() is None
        await happens("P-1")
        await following.advance(tenant.tenant_id)
        stuck = {"status": "fail", "observed": 1, "unit": "tenants"}
        assert await told() == {**stuck, "output": "1 tenants are stuck"}
        assert (await http.get("/health")).status_code == 503
        for _ in range(ATTEMPTS_MAX - 1):
            async with services.database.transaction(tenant.tenant_id) as connection:
                await connection.execute(DUE, tenant.tenant_id)
            await following.advance(tenant.tenant_id)
        passed = {**stuck, "status": "warn", "output": "of 1 tenants events were passed over"}
        assert await told() == passed
        broken = False
        await happens("P-2")
        await following.advance(tenant.tenant_id)
        assert await told() == {"status": "pass", "observed": 0, "unit": "tenants"}


async def test_how_long_a_process_manager_has_not_answered(operator: Any) -> None:
    async def answer(_tenant: UUID, _batch: Any) -> None:
        pass

    topics = frozenset({"person.registered"})
    async with operator.running() as (services, http):
        tenant = await services.registry.create_tenant("one")
        secret = await services.registry.issue_key(tenant.tenant_id, uuid4(), "hr", ["hr"])
        logs = TenantLogs(services.database, services.keyring, EVENTS)
        reaction = Reaction(name="rescoring", topics=topics, answer=answer)
        following = Following(services.database, logs, reaction)

        async def waits_s() -> float:
            found = await overview(services.database, logs, (), {"rescoring": topics})
            return found.unanswered_s["rescoring"]

        assert await waits_s() == 0
        headers = {"authorization": f"Bearer {secret}", "idempotency-key": "1"}
        body = {"number": "P-1", "name": "P-1"}
        made = await http.post("/api/v1/people", json=body, headers=headers)
        assert made.status_code == 201
        assert await waits_s() > 0
        await following.advance(tenant.tenant_id)
        assert await waits_s() == 0
        # What it does not answer does not wait for it.
        other = {"code": "U", "name": "U", "valid_from": "2025-01-01"}
        headers["idempotency-key"] = "2"
        made = await http.post("/api/v1/org-units", json=other, headers=headers)
        assert made.status_code == 201
        assert await waits_s() == 0
