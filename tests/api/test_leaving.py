"""A company suspends itself, takes everything along, and is ended by two people, over HTTP."""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from api import app as application
from api import examples
from api.ending import ender
from api.services import Services
from api.sessions import COOKIE_HERE, csrf_of
from domain import ids
from domain.catalogue import EVENTS
from domain.organisation import PERSON, RegisterPerson
from domain.signing_in import SIGN_IN, GrantSignIn
from domain.tenant_life import (
    TENANT,
    ConfirmTenantErasure,
    RequestTenantErasure,
    SuspendTenant,
)
from ops.bundles import verify
from ops.ending import Ending
from ops.exporting import Exporting
from projections.history import TenantLogs
from tenancy.errors import TenantErased
from tenancy.import_files import ImportFiles
from tenancy.records import Stamp

MADE = examples.EXAMPLES
SELF = "/tenants/self"


def exporting(services: Services) -> Exporting:
    """As a worker runs it."""
    logs = TenantLogs(services.database, services.keyring, EVENTS)
    return Exporting(services.database, services.keyring, logs, services.histories)


async def exported(services: Services, admin: Any) -> str:
    """The id of a bundle that was asked for and made."""
    answer = await admin.post(f"{SELF}/export")
    assert answer.status_code == 202, answer.text
    assert await exporting(services).round() >= 1
    return str(answer.json()["export_id"])


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


async def test_suspended_it_is_read_and_not_written(company: Any) -> None:
    hr, admin = await company.client("hr"), await company.client("admin")
    auditor = await company.client("auditor")
    await hr.did("/people", MADE["RegisterPerson"])
    assert (await hr.saw(SELF))["state"] == "active"
    await admin.did(f"{SELF}/suspend", MADE["SuspendTenant"], key="once")
    # The same request again is the same answer, and changes nothing.
    await admin.did(f"{SELF}/suspend", MADE["SuspendTenant"], key="once")
    answer = await admin.post(f"{SELF}/suspend", MADE["SuspendTenant"])
    assert code_of(answer) == (409, "already-suspended")

    told = await hr.saw(SELF)
    assert told["state"] == "suspended"
    assert told["suspended_since"] is not None
    refused = await hr.post("/people", {"number": "P-2", "name": "赵"})
    assert code_of(refused) == (403, "tenant-read-only")
    refused = await hr.post(
        "/people", {"number": "P-2", "name": "赵"}, headers={"Accept-Language": "zh-CN"}
    )
    assert refused.json()["title"].startswith("租户已自行停用")
    line = b'{"path": "/people", "idempotency_key": "b-1", "body": {"number": "P-2", "name": "x"}}'
    answer = await hr.post("/bulk", content=line, headers={"Content-Type": "application/x-ndjson"})
    assert code_of(answer) == (403, "tenant-read-only")
    # Reading goes on, for everybody who might before.
    assert len((await hr.saw("/people", wait_for=hr.position))["data"]) == 1
    assert (await auditor.saw("/audit/events", topic="tenant.suspended"))["data"]
    # A browser's session is the same.
    token = await hr.session()
    answer = await hr.http.post(
        "/api/v1/people",
        json={"number": "P-2", "name": "赵"},
        headers={
            "Cookie": f"{COOKIE_HERE}={token}",
            "X-CSRF-Token": csrf_of(token),
            "Idempotency-Key": "session-1",
        },
    )
    assert code_of(answer) == (403, "tenant-read-only")

    for role in ("hr", "executive", "finance", "auditor"):
        client = await company.client(role)
        answer = await client.post(f"{SELF}/resume", MADE["ResumeTenant"])
        assert code_of(answer) == (403, "not-allowed"), role
    # Taking access away is never a matter of waiting.
    key = (await admin.saw("/keys"))["data"][-1]["key_id"]
    answer = await admin.post(f"/keys/{key}/revoke", {"reason": "lost"})
    assert code_of(answer) == (404, "unknown-access-key")  # made beside the API in this test
    await admin.did(f"{SELF}/resume", MADE["ResumeTenant"])
    assert (await hr.saw(SELF))["state"] == "active"
    await hr.did("/people", {"number": "P-2", "name": "赵"})


async def test_the_operators_suspension_is_another_thing(company: Any) -> None:
    admin = await company.client("admin")
    await admin.did(f"{SELF}/suspend", MADE["SuspendTenant"])
    await company.registry.suspend_tenant(company.tenant_id)
    answer = await (await company.client("hr")).get(SELF)
    assert code_of(answer) == (403, "tenant-suspended")
    await company.registry.resume_tenant(company.tenant_id)
    assert (await (await company.client("finance")).saw(SELF))["state"] == "suspended"


async def test_details_are_for_administrators_and_auditors(company: Any, app: Any) -> None:
    await company.organised()
    admin, auditor = await company.client("admin"), await company.client("auditor")
    hr = await company.client("hr")
    assert code_of(await hr.get(f"{SELF}/details")) == (403, "not-allowed")
    await hr.saw("/people", wait_for=hr.position)
    await hr.saw("/employments", wait_for=hr.position)
    told = await admin.saw(f"{SELF}/details")
    assert told == await auditor.saw(f"{SELF}/details")
    head = await company.head()
    assert told["counts"] == {
        "events": head, "people": 2, "employments": 2, "access_keys": 4, "sign_ins": 0, "forks": 0,
    }  # fmt: skip
    keys = app.state.services.keyring.store
    rows = await keys.tenant_keys(company.tenant_id)
    assert told["data_key_ids"] == [str(row.key_id) for row in rows]
    assert told["months_kept_after_employment"] == 24
    assert told["end"] is None


async def _uploaded(files: ImportFiles) -> UUID:
    """An import with one file."""

    async def content() -> AsyncIterator[bytes]:
        yield b"number\n1\n"

    made = uuid4()
    await files.receive(made, "people.csv", content(), actor=made, now=datetime.now(UTC))
    return made


async def test_everything_is_exported_and_verified(company: Any, app: Any, tmp_path: Path) -> None:
    await company.organised()
    services: Services = app.state.services
    admin, hr = await company.client("admin"), await company.client("hr")
    assert code_of(await hr.post(f"{SELF}/export")) == (403, "not-allowed")
    asked = await admin.post(f"{SELF}/export", key="export-1")
    again = await admin.post(f"{SELF}/export", key="export-1")
    assert asked.json() == again.json()
    at = f"{SELF}/exports/{asked.json()['export_id']}"
    assert (await admin.saw(at))["state"] == "waiting"
    assert code_of(await admin.get(f"{at}/bundle")) == (409, "export-not-ready")
    # Other tests' companies may wait for theirs as well.
    assert await exporting(services).round() >= 1
    assert await exporting(services).round() == 0

    told = await admin.saw(at)
    assert (told["state"], told["done"], told["total"]) == ("done", told["total"], told["done"])
    assert told["done"] > 10
    assert (await admin.saw(f"{SELF}/exports"))["data"] == [told]
    answer = await admin.get(f"{at}/bundle")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    assert len(answer.content) == told["size"]
    assert hashlib.sha256(answer.content).hexdigest() == told["sha256"]
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path, filter="data")
    texts: list[str] = []
    done = verify(
        tmp_path / told["export_id"],
        on_recorded=lambda each: texts.append(getattr(each.event, "name", None) or ""),
    )
    assert done.ok
    assert done.verdict.opened
    assert "王晓明" in texts
    # Who read what is no part of the log, and comes along beside it.
    lines = (tmp_path / "reads.ndjson").read_bytes().splitlines()
    assert f"{SELF}/export" in [msgspec.json.decode(line)["route"] for line in lines]

    # Who took it along was written down before a byte of it was read.
    noted = (await admin.saw("/audit/reads", limit=500))["data"]
    assert [row["route"] for row in noted].count(f"{SELF}/export") == 2
    assert [row["route"] for row in noted].count(f"{SELF}/exports/{{export_id}}/bundle") == 1
    # It lies here sealed, and not for ever.
    exports = exporting(services)._database
    async with exports.transaction(company.tenant_id) as connection:
        rows = await connection.fetch(
            "SELECT content FROM merit.tenant_export_parts WHERE tenant_id = $1", company.tenant_id
        )
        assert rows
        assert all("王晓明".encode() not in row["content"] for row in rows)
        assert all(b"keys.json" not in row["content"] for row in rows)
        await connection.execute(
            "UPDATE merit.tenant_exports SET ended_at = ended_at - interval '8 days'"
            " WHERE tenant_id = $1",
            company.tenant_id,
        )
    await exporting(services).round()
    assert (await admin.saw(at))["state"] == "expired"
    assert code_of(await admin.get(f"{at}/bundle")) == (409, "export-not-ready")
    key = {"name": "narrow", "roles": ["admin"], "scopes": ["tenants:read", "tenants:write"]}
    narrow = type(admin)(admin.http, (await admin.did("/keys", key))["secret"])
    for answer in (await narrow.post(f"{SELF}/export"), await narrow.get(f"{at}/bundle")):
        assert code_of(answer) == (403, "out-of-scope")


async def test_files_of_imports_come_along(company: Any, app: Any, tmp_path: Path) -> None:
    """As they were uploaded; but for those that nobody may read any more."""
    services: Services = app.state.services
    files = ImportFiles(services.database, services.keyring, company.tenant_id)
    kept, erased = await _uploaded(files), await _uploaded(files)
    await services.keyring.store.destroy_subjects(company.tenant_id, [erased])
    services.keyring.rung(str(company.tenant_id))
    admin = await company.client("admin")
    asked = (await admin.post(f"{SELF}/export")).json()
    await exporting(services).round()
    answer = await admin.get(f"{SELF}/exports/{asked['export_id']}/bundle")
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path, filter="data")
    assert [each.name for each in (tmp_path / "imports").iterdir()] == [str(kept)]
    assert (tmp_path / "imports" / str(kept) / "people.csv").read_bytes() == b"number\n1\n"


async def test_an_export_whose_worker_died_is_made_by_another(company: Any, app: Any) -> None:
    services: Services = app.state.services
    admin = await company.client("admin")
    export_id = (await admin.post(f"{SELF}/export")).json()["export_id"]
    async with services.database.transaction(company.tenant_id) as connection:
        await connection.execute(
            "UPDATE merit.tenant_exports SET state = 'running', attempt_id = $3,"
            " alive_at = now() - interval '2 minutes' WHERE tenant_id = $1 AND export_id = $2",
            company.tenant_id, UUID(export_id), uuid4(),
        )  # fmt: skip
    assert await exporting(services).round() >= 1
    assert (await admin.saw(f"{SELF}/exports/{export_id}"))["state"] == "done"


async def test_a_worker_is_woken_for_an_export(company: Any, app: Any) -> None:
    admin, stop = await company.client("admin"), asyncio.Event()
    working = asyncio.create_task(exporting(app.state.services).run(stop))
    ending = asyncio.create_task(Ending(ender(app.state.services)).run(stop))
    export_id = (await admin.post(f"{SELF}/export")).json()["export_id"]
    for _ in range(200):
        told = await admin.saw(f"{SELF}/exports/{export_id}")
        if told["state"] == "done":
            break
        await asyncio.sleep(0.1)
    assert told["state"] == "done"
    stop.set()
    await asyncio.gather(working, ending)


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets requests arrive some days later."""

    def jump(days: float) -> None:
        monkeypatch.setattr(
            application, "arrival", lambda: datetime.now(UTC) + timedelta(days=days)
        )

    return jump


@pytest.mark.timeout(90)
async def test_two_people_end_a_company_and_nobody_reads_it_again(
    new_company: Callable[[str], Awaitable[Any]],
    app: Any,
    days_later: Callable[[float], None],
) -> None:
    company = await new_company("Northwind")
    await company.organised()
    services: Services = app.state.services
    admin, executive = await company.client("admin"), await company.client("executive")
    erase = {"name": "Northwind", "reason": "合同终止"}
    answer = await admin.post(f"{SELF}/erase", erase)
    assert code_of(answer) == (409, "tenant-not-suspended")
    await admin.did(f"{SELF}/suspend", MADE["SuspendTenant"])
    answer = await admin.post(f"{SELF}/erase", {**erase, "name": "Southwind"})
    assert code_of(answer) == (422, "wrong-confirmation")
    # People are employed, so the law asks for records: the company takes them along first.
    answer = await admin.post(f"{SELF}/erase", erase)
    assert code_of(answer) == (409, "erasure-blocked-by-retention")
    answer = await admin.post(f"{SELF}/erase", {**erase, "export_id": str(uuid4())})
    assert code_of(answer) == (404, "unknown-export")
    erase["export_id"] = await exported(services, admin)
    answer = await executive.post(f"{SELF}/erase", erase)
    assert code_of(answer) == (403, "not-allowed")
    await admin.did(f"{SELF}/erase", erase)
    end = (await admin.saw(f"{SELF}/details"))["end"]
    assert end["confirmed_from"] > end["requested_at"]

    confirm = {"name": "Northwind"}
    for client, code in ((admin, "same-actor"), (executive, "erasure-waits")):
        answer = await client.post(f"{SELF}/erase/confirm", confirm)
        assert answer.json()["type"] == f"/problems/{code}"
    answer = await admin.post(f"{SELF}/resume", MADE["ResumeTenant"])
    assert code_of(answer) == (409, "tenant-erasure-requested")
    days_later(3.1)
    # Whoever asked for it cannot let in the second person.
    late = type(admin)(
        admin.http,
        await company.registry.issue_key(company.tenant_id, uuid4(), "late", ["executive"]),
    )
    answer = await late.post(f"{SELF}/erase/confirm", confirm)
    assert code_of(answer) == (403, "new-credential")
    answer = await executive.post(f"{SELF}/erase/confirm", {"name": "northwind"})
    assert code_of(answer) == (422, "wrong-confirmation")
    done = await executive.did(f"{SELF}/erase/confirm", confirm)

    certificate = done["certificate"]
    assert (certificate["scope"], done["tenant_id"]) == ("tenant", str(company.tenant_id))
    assert done["view_rows"] > 0
    rows = await services.keyring.store.tenant_keys(company.tenant_id)
    assert {str(row.key_id) for row in rows} <= set(certificate["key_ids"])
    assert {row.wrapped for row in rows} == {None}
    for _ in range(100):
        # What the door remembers of a key lasts three seconds.
        answer = await executive.get("/people")
        if answer.status_code == 410:
            break
        await asyncio.sleep(0.1)
    assert code_of(answer) == (410, "tenant-erased")
    with pytest.raises(TenantErased):
        await (await services.histories.of(company.tenant_id)).log()
    async with services.database.transaction(company.tenant_id) as connection:
        for table in ("tenant_exports", "tenant_export_parts"):
            statement = f"SELECT count(*) FROM merit.{table} WHERE tenant_id = $1"
            assert await connection.fetchval(statement, company.tenant_id) == 0
    assert await Ending(ender(services)).round() == 0


async def test_a_browser_confirms_with_a_sign_in_of_before(
    new_company: Callable[[str], Awaitable[Any]], app: Any
) -> None:
    company = await new_company("asked four days ago")
    services: Services = app.state.services
    store = await services.histories.of(company.tenant_id)
    person, sign_in = UUID(examples.PERSON_ID), ids.sign_in_id(UUID(examples.PERSON_ID))

    def before(days: float) -> Stamp:
        now = datetime.now(UTC) - timedelta(days=days)
        return Stamp(now=now, actor=uuid4(), correlation_id=uuid4())

    register = RegisterPerson(**MADE["RegisterPerson"])
    await store.execute(PERSON, person, register, before(9))
    grant = GrantSignIn(person_id=person, login="boss", roles=("executive",))
    await store.execute(SIGN_IN, sign_in, grant, before(9))
    await store.execute(TENANT, ids.TENANT_ID, SuspendTenant(reason="x"), before(5))
    await store.execute(TENANT, ids.TENANT_ID, RequestTenantErasure(reason="x"), before(4))
    await services.registry.let_write(company.tenant_id, may=False)

    async def confirmed(token: str, name: str) -> Any:
        return await company.http.post(
            f"/api/v1{SELF}/erase/confirm",
            json={"name": name},
            headers={
                "Cookie": f"{COOKIE_HERE}={token}",
                "X-CSRF-Token": csrf_of(token),
                "Idempotency-Key": str(uuid4()),
            },
        )

    name = "asked four days ago"
    late = await (await company.client("executive")).session()
    assert code_of(await confirmed(late, name)) == (403, "new-credential")
    table = services.sessions.table
    token = await table.begin(
        company.tenant_id, ["executive"], sign_in_id=sign_in, person_id=person
    )
    assert code_of(await confirmed(token, "another")) == (422, "wrong-confirmation")
    answer = await confirmed(token, name)
    assert answer.status_code == 200, answer.text
    assert (await services.registry.tenant(company.tenant_id)).status == "erased"


async def test_an_end_that_was_cut_short_is_carried_out(
    new_company: Callable[[str], Awaitable[Any]], app: Any
) -> None:
    company = await new_company("ends in the middle")
    services: Services = app.state.services
    admin = await company.client("admin")
    await admin.did(f"{SELF}/suspend", MADE["SuspendTenant"])
    await admin.did(f"{SELF}/erase", {"name": "ends in the middle", "reason": "x"})
    store = await services.histories.of(company.tenant_id)
    later = Stamp(now=datetime.now(UTC) + timedelta(days=4), actor=uuid4(), correlation_id=uuid4())
    await store.execute(TENANT, ids.TENANT_ID, ConfirmTenantErasure(), later)
    # Died here. A worker finds the decision in the log.
    assert await Ending(ender(services)).round() >= 1
    assert (await services.registry.tenant(company.tenant_id)).status == "erased"
    assert await Ending(ender(services)).round() == 0


async def test_asked_for_and_cancelled(company: Any, app: Any) -> None:
    admin, executive = await company.client("admin"), await company.client("executive")
    name = (await admin.saw(SELF))["name"]
    answer = await executive.post(f"{SELF}/erase/cancel", MADE["CancelTenantErasure"])
    assert code_of(answer) == (404, "unknown-tenant-erasure")
    await admin.did(f"{SELF}/suspend", MADE["SuspendTenant"])
    await admin.did(f"{SELF}/erase", {"name": name, "reason": "x"})
    await executive.did(f"{SELF}/erase/cancel", MADE["CancelTenantErasure"])
    assert (await admin.saw(f"{SELF}/details"))["end"] is None
    await admin.did(f"{SELF}/resume", MADE["ResumeTenant"])
    await (await company.client("hr")).did("/people", MADE["RegisterPerson"])
