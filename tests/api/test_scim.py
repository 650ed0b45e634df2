"""A company's directory provisions over SCIM 2.0: by the standard, and as Okta and Entra do it.

The bodies in `directories/` are what the two vendors document that they send.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from scim2_client import BaseSyncSCIMClient
from scim2_tester import Status, check_server

from api import examples
from api.sessions import COOKIE_HERE
from domain import ids
from domain.directory import DIRECTORY_USER
from domain.signing_in import SIGN_IN
from tenancy.sign_ins import login_hash

HERE = Path(__file__).parent / "directories"
MADE = examples.EXAMPLES
SCIM = "/scim/v2"
WHO = "wang.xiaoming@company.example"
MAPPING = {
    "everyone": ["employee"],
    "groups": [
        {"group": "HR Business Partners", "roles": ["hr"]},
        {"group": "财务部", "roles": ["finance"]},
        {"group": "Leaders", "roles": ["finance", "executive"]},
    ],
    "reason": "信息安全委员会决定",
}
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Directory:
    """A company's directory, with a key of its own."""

    def __init__(self, company: Any, secret: str) -> None:
        self.company = company
        self.secret = secret

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        given = {
            "Authorization": f"Bearer {self.secret}",
            "Content-Type": "application/scim+json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        content = None if body is None else msgspec.json.encode(body)
        answer: httpx.Response = await self.company.http.request(
            method, f"{SCIM}{path}", headers=given, content=content
        )
        return answer

    async def provisioned(self, name: str = WHO, number: str | None = "P-1001") -> str:
        body = {"schemas": [USER_SCHEMA], "userName": name, "active": True}
        if number:
            body |= {"schemas": [USER_SCHEMA, ENTERPRISE], ENTERPRISE: {"employeeNumber": number}}
        answer = await self.ask("POST", "/Users", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def set_active(self, user: str, *, active: bool) -> None:
        operation = {"op": "replace", "value": {"active": active}}
        body = {"schemas": [PATCH_SCHEMA], "Operations": [operation]}
        answer = await self.ask("PATCH", f"/Users/{user}", body)
        assert answer.status_code == 200, answer.text


async def key_of(company: Any, **changed: Any) -> str:
    admin = await company.client("admin")
    body = {
        "name": "directory",
        "roles": ["integration"],
        "scopes": ["scim:read", "scim:write"],
        **changed,
    }
    return str((await admin.did("/keys", body))["secret"])


@pytest.fixture
async def directory(company: Any) -> Directory:
    """Of a company with two people and a mapping."""
    hr, admin = await company.client("hr"), await company.client("admin")
    await hr.did("/people", MADE["RegisterPerson"])
    await hr.did("/people", {"number": "P-2", "name": "赵敏"})
    await admin.did("/directory/roles", MAPPING)
    return Directory(company, await key_of(company))


async def roles_of(company: Any, app: Any, number: str = "P-1001", login: str = WHO) -> list[str]:
    """What the person may do: as the log and as the door have it, which is the same."""
    services = app.state.services
    store = await services.histories.of(company.tenant_id)
    state, _ = await store.load(SIGN_IN, ids.sign_in_id(ids.person_id(number)))
    in_log = [] if state is None or state.revoked else sorted(state.roles)
    row = await services.sign_ins.find(company.tenant_id, login)
    assert (sorted(row.roles) if row else []) == in_log
    return in_log


# -- as the vendors do it


def filled(value: Any, known: dict[str, str]) -> Any:
    match value:
        case str():
            for name, told in known.items():
                value = value.replace(f"{{{name}}}", told)
            return value
        case dict():
            return {key: filled(each, known) for key, each in value.items()}
        case list():
            return [filled(each, known) for each in value]
        case _:
            return value


def lacks(wanted: Any, told: Any) -> bool:
    match wanted:
        case dict():
            return not isinstance(told, dict) or any(
                key not in told or lacks(each, told[key]) for key, each in wanted.items()
            )
        case list():
            return (
                not isinstance(told, list)
                or len(told) < len(wanted)
                or any(lacks(one, other) for one, other in zip(wanted, told, strict=False))
            )
        case _:
            return bool(wanted != told)


@pytest.mark.parametrize("vendor", ["okta", "entra"])
async def test_as_the_vendors_do_it(vendor: str, directory: Directory, app: Any) -> None:
    known: dict[str, str] = {}
    for step in msgspec.json.decode((HERE / f"{vendor}.json").read_bytes()):
        method, path = step["method"], filled(step["path"], known)
        answer = await directory.ask(method, path, filled(step.get("body"), known))
        assert answer.status_code == step["status"], (method, path, answer.text)
        if answer.content:
            assert answer.headers["content-type"].startswith("application/scim+json")
        if "keep" in step:
            known[step["keep"]] = answer.json()["id"]
        if "answer" in step:
            assert not lacks(filled(step["answer"], known), answer.json()), (path, answer.text)
        if "roles" in step:
            assert await roles_of(directory.company, app) == step["roles"], (method, path)
    log = await (await app.state.services.histories.of(directory.company.tenant_id)).log()
    assert "1mz050nq" not in msgspec.json.encode([each.event for each in log]).decode()


# -- by the standard


class Standard(BaseSyncSCIMClient):
    """The tester's client, over our own HTTP library."""

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self.http = http

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return not endpoint.startswith("http") or endpoint.startswith(str(self.http.base_url))

    def _parse_json(self, response: Any) -> Any:
        return response.json()

    def request(self, method: str, url: str, **rest: Any) -> httpx.Response:
        return self.http.request(method, url, **rest)


@pytest.mark.timeout(120)
async def test_by_the_standard(served: str, company: Any) -> None:
    """The tester of the SCIM community, against a real server."""
    secret = await key_of(company)

    def checked() -> list[Any]:
        headers = {"Authorization": f"Bearer {secret}"}
        with httpx.Client(base_url=f"{served}{SCIM}", headers=headers, timeout=20) as http:
            return list(check_server(Standard(http)))

    results = await asyncio.to_thread(checked)
    wrong = [each for each in results if each.status not in {Status.SUCCESS, Status.SKIPPED}]
    assert wrong == [], "\n".join(f"{each.title}: {each.reason}" for each in wrong)
    assert sum(each.status == Status.SUCCESS for each in results) > 60


async def test_errors_are_said_as_directories_read_them(directory: Directory) -> None:
    for method, path, body, status, scim_type in (
        ("GET", "/Nothing", None, 404, None),
        ("GET", f"/Users/{uuid4()}", None, 404, None),
        ("GET", "/Users/nobody", None, 404, None),
        ("GET", "/Users?filter=userName%20eq", None, 400, "invalidFilter"),
        ("POST", "/Users", {"schemas": [USER_SCHEMA]}, 400, "invalidValue"),
        ("POST", "/Users", {"schemas": [USER_SCHEMA], "userName": "x" * 300}, 400, "invalidValue"),
        ("POST", "/Users", [], 400, "invalidSyntax"),
        ("POST", "/Groups", {"displayName": "g", "members": [{"value": "x"}]}, 400, "invalidValue"),
        ("POST", "/Groups", {"displayName": "g", "members": [{"value": str(uuid4())}]}, 400,
         "invalidValue"),
        ("PUT", "/ServiceProviderConfig", {}, 405, None),
        ("POST", "/Users/x/y", {}, 404, None),
    ):  # fmt: skip
        if isinstance(body, dict) and "displayName" in body:
            body["schemas"] = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
        answer = await directory.ask(method, path, body)
        told = answer.json()
        assert answer.status_code == status, (method, path, answer.text)
        assert told["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert (told["status"], told.get("scimType")) == (str(status), scim_type), (path, told)
    answer = await directory.ask("GET", "/Users/nobody", accept_language="zh-CN")
    assert answer.headers["content-type"].startswith("application/scim+json")


async def test_names_are_of_one_user(directory: Directory) -> None:
    user = await directory.provisioned()
    for name in (WHO, WHO.upper()):
        body = {"schemas": [USER_SCHEMA], "userName": name}
        answer = await directory.ask("POST", "/Users", body)
        assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")
    other = await directory.provisioned("zhao@company.example", "P-2")
    body = {"schemas": [USER_SCHEMA], "userName": WHO}
    answer = await directory.ask("PUT", f"/Users/{other}", body)
    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")
    # Renamed, the old name is free, and the user is found by the new one alone.
    body = {"schemas": [USER_SCHEMA], "userName": "renamed@company.example"}
    assert (await directory.ask("PUT", f"/Users/{user}", body)).status_code == 200
    assert (await directory.ask("PUT", f"/Users/{other}", {**body, "userName": WHO})).is_success
    found = (await directory.ask("GET", f'/Users?filter=userName eq "{WHO}"')).json()
    assert [each["id"] for each in found["Resources"]] == [other]


async def test_pages_sorting_and_what_is_asked_for(directory: Directory) -> None:
    for number in range(5):
        await directory.provisioned(f"u{number}@company.example", None)
    told = (await directory.ask("GET", "/Users?startIndex=2&count=2&attributes=userName")).json()
    assert (told["totalResults"], told["startIndex"], told["itemsPerPage"]) == (5, 2, 2)
    assert [each["userName"][:2] for each in told["Resources"]] == ["u1", "u2"]
    assert all("active" not in each for each in told["Resources"])
    told = (await directory.ask("GET", "/Users?count=0")).json()
    assert (told["totalResults"], told["Resources"]) == (5, [])
    told = (
        await directory.ask(
            "GET",
            '/Users?filter=userName sw "u" and active eq true'
            "&sortBy=userName&sortOrder=descending&count=1",
        )
    ).json()
    assert (told["totalResults"], told["Resources"][0]["userName"][:2]) == (5, "u4")


async def test_versions_guard_against_each_other(directory: Directory) -> None:
    user = await directory.provisioned()
    first = await directory.ask("GET", f"/Users/{user}")
    tag = first.headers["etag"]
    assert first.json()["meta"]["version"] == tag
    same = await directory.ask("GET", f"/Users/{user}", If_None_Match=tag)
    assert (same.status_code, same.content) == (304, b"")
    body = {"schemas": [USER_SCHEMA], "userName": WHO, "displayName": "王"}
    assert (await directory.ask("PUT", f"/Users/{user}", body, If_Match=tag)).is_success
    late = await directory.ask("PUT", f"/Users/{user}", body, If_Match=tag)
    assert (late.status_code, late.json()["status"]) == (412, "412")


# -- who may, and what comes of it


async def test_a_key_is_made_for_it(directory: Directory, company: Any) -> None:
    admin = await company.client("admin")
    for secret, status in (
        ("", 401),
        ("mlk_000000000000_" + "A" * 43, 401),
        (admin.secret, 403),
        (await key_of(company, scopes=[]), 403),
        (await key_of(company, roles=["admin"]), 403),
    ):
        stranger = Directory(company, secret)
        for path in ("/Users", "/ServiceProviderConfig", f"/Users/{uuid4()}"):
            answer = await stranger.ask("GET", path)
            assert answer.status_code == status, (path, answer.text)
            assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    reader = Directory(company, await key_of(company, scopes=["scim:read"]))
    assert (await reader.ask("GET", "/Users")).status_code == 200
    body = {"schemas": [USER_SCHEMA], "userName": "x"}
    assert (await reader.ask("POST", "/Users", body)).status_code == 403
    # A browser's session is no directory, and the directory's key opens nothing else.
    hr = await company.client("hr")
    token = await hr.session()
    answer = await company.http.get(f"{SCIM}/Users", headers={"Cookie": f"{COOKIE_HERE}={token}"})
    assert answer.status_code == 401
    client = type(admin)(company.http, directory.secret)
    assert (await client.get("/people")).status_code == 403
    assert (await client.post("/directory/roles", MAPPING)).status_code == 403


async def test_ids_of_another_company_are_not_found(directory: Directory, new_company: Any) -> None:
    user = await directory.provisioned()
    stranger = Directory(other := await new_company("another directory"), await key_of(other))
    for method, body in (
        ("GET", None),
        ("DELETE", None),
        ("PUT", {"schemas": [USER_SCHEMA], "userName": "x"}),
    ):
        assert (await stranger.ask(method, f"/Users/{user}", body)).status_code == 404
    for path in ("/Users", f'/Users?filter=userName eq "{WHO}"', f'/Users?filter=id eq "{user}"'):
        assert (await stranger.ask("GET", path)).json()["totalResults"] == 0
    group = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "g",
        "members": [{"value": user}],
    }
    assert (await stranger.ask("POST", "/Groups", group)).status_code == 400


async def test_who_is_deactivated_is_out_at_once(
    directory: Directory, app: Any, company: Any
) -> None:
    services, person = app.state.services, UUID(examples.PERSON_ID)
    user = await directory.provisioned()
    assert await roles_of(company, app) == ["employee"]
    # The person has a session through the provider, a key of their own, and a session with it.
    token = await services.sessions.table.begin(
        company.tenant_id, ["employee"], sign_in_id=ids.sign_in_id(person), person_id=person
    )
    own = await company.client("employee", person)
    with_key = await own.session()
    assert (await own.get("/tenants/self")).status_code == 200
    for each in (token, with_key):
        assert await services.sessions.table.find(each) is not None

    await directory.set_active(user, active=False)
    assert await roles_of(company, app) == []
    for each in (token, with_key):
        assert await services.sessions.table.find(each) is None
    for _ in range(50):
        answer = await own.get("/tenants/self")
        if answer.status_code == 401:
            break
        await asyncio.sleep(0.1)
    assert answer.status_code == 401
    admin = await company.client("admin")
    (told,) = (await admin.saw("/directory/users"))["data"]
    assert (told["active"], told["roles"], told["person_id"]) == (False, [], str(person))
    trail = await admin.saw("/audit/events", limit=200, wait_for=await company.head())
    topics = [row["topic"] for row in trail["data"]]
    for topic in ("directory-user.deactivated", "sign-in.revoked"):
        assert topic in topics
    # A second time changes nothing; back again, it is what the mapping says.
    head = await company.head()
    await directory.set_active(user, active=False)
    assert await company.head() == head
    await directory.set_active(user, active=True)
    assert await roles_of(company, app) == ["employee"]


async def test_what_was_granted_by_hand_is_not_the_directorys(
    directory: Directory, app: Any, company: Any
) -> None:
    admin = await company.client("admin")
    by_hand = {"person_id": examples.PERSON_ID, "login": "boss", "roles": ["admin"]}
    await admin.did("/sign-ins", by_hand)
    user = await directory.provisioned()
    assert await roles_of(company, app, login="boss") == ["admin"]
    (told,) = (await admin.saw("/directory/users"))["data"]
    assert told["granted_by_hand"] is True
    # Another user who claims the login of somebody else's sign-in gets nothing.
    await directory.provisioned("boss", "P-2")
    services = app.state.services
    row = await services.sign_ins.find(company.tenant_id, "boss")
    assert row.person_id == UUID(examples.PERSON_ID)
    assert (await directory.ask("DELETE", f"/Users/{user}")).status_code == 204
    assert await roles_of(company, app, login="boss") == []


async def test_duties_stay_apart_whatever_the_directory_says(company: Any, app: Any) -> None:
    """Both roles of two people in one hand still do not make two people of one."""
    await company.locked()
    hr, admin = await company.client("hr"), await company.client("admin")
    await hr.did(f"/cycles/{examples.CYCLE_ID}/advance", {"to": "paying"})
    await admin.did("/directory/roles", MAPPING)
    directory = Directory(company, await key_of(company))
    user = await directory.provisioned("li@company.example", examples.MANAGER)
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Leaders",
        "members": [{"value": user}],
    }
    assert (await directory.ask("POST", "/Groups", body)).status_code == 201
    roles = await roles_of(company, app, examples.MANAGER, "li@company.example")
    assert roles == ["employee", "executive", "finance"]
    secret = await company.registry.issue_key(
        company.tenant_id, uuid4(), "both", roles, person_id=UUID(examples.MANAGER_ID)
    )
    both = type(hr)(company.http, secret)
    await both.did("/payout-batches", MADE["PrepareBatch"])
    answer = await both.post(f"/payout-batches/{examples.BATCH_ID}/approve", MADE["ApproveBatch"])
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/same-actor")


async def test_a_mapping_that_changes_reaches_everybody(
    directory: Directory, app: Any, company: Any
) -> None:
    admin = await company.client("admin")
    await directory.provisioned()
    await admin.did("/directory/roles", {**MAPPING, "everyone": ["employee", "manager"]})
    assert await roles_of(company, app) == ["employee", "manager"]
    told = await admin.saw("/directory/roles")
    assert told["everyone"] == ["employee", "manager"]
    answer = await admin.post("/directory/roles", {**MAPPING, "everyone": ["admin"]})
    assert answer.json()["type"] == "/problems/role-not-mappable"


async def test_who_has_no_number_is_linked_by_an_administrator(
    directory: Directory, app: Any, company: Any
) -> None:
    admin = await company.client("admin")
    user = await directory.provisioned(number=None)
    assert await roles_of(company, app) == []
    link = f"/directory/users/{user}/link"
    await admin.did(link, MADE["LinkUser"])
    assert await roles_of(company, app) == ["employee"]
    await admin.did(link, {"person_id": str(ids.person_id("P-2"))})
    assert await roles_of(company, app, "P-2") == ["employee"]
    store = await app.state.services.histories.of(company.tenant_id)
    state, _ = await store.load(SIGN_IN, ids.sign_in_id(UUID(examples.PERSON_ID)))
    assert state.revoked


async def test_while_suspended_it_takes_away_and_gives_nothing(
    directory: Directory, app: Any, company: Any
) -> None:
    admin = await company.client("admin")
    user = await directory.provisioned()
    await admin.did("/tenants/self/suspend", MADE["SuspendTenant"])
    body = {"schemas": [USER_SCHEMA], "userName": "x"}
    answer = await directory.ask("POST", "/Users", body)
    assert answer.status_code == 403
    assert "tenant-read-only" in answer.json()["detail"]
    await directory.set_active(user, active=False)
    assert await roles_of(company, app) == []
    answer = await directory.ask(
        "PATCH",
        f"/Users/{user}",
        {"schemas": [PATCH_SCHEMA], "Operations": [{"op": "replace", "value": {"active": True}}]},
    )
    assert answer.status_code == 403


async def test_who_is_erased_is_gone_from_the_directory(
    directory: Directory, app: Any, company: Any
) -> None:
    services, admin = app.state.services, await company.client("admin")
    user = await directory.provisioned()
    erasure = f"/people/{examples.PERSON_ID}/erasure"
    await admin.did(erasure, MADE["RequestErasure"])
    done = await (await company.client("executive")).did(f"{erasure}/approve")
    assert user in done["certificate"]["subjects"]
    assert (await directory.ask("GET", f"/Users/{user}")).status_code == 404
    assert (await directory.ask("GET", "/Users")).json()["totalResults"] == 0
    store = await services.histories.of(company.tenant_id)
    state, _ = await store.load(DIRECTORY_USER, UUID(user))
    assert (state.user_name, state.profile) == (None, None)
    async with services.database.transaction(company.tenant_id) as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM merit.sign_ins WHERE tenant_id = $1 AND login_hash = $2",
            company.tenant_id,
            login_hash(company.tenant_id, WHO),
        )
    assert left == 0


async def test_who_reads_the_directory_is_written_down(directory: Directory) -> None:
    user = await directory.provisioned()
    await directory.ask("GET", f"/Users/{user}")
    admin = await directory.company.client("admin")
    rows: Iterator[Any] = iter((await admin.saw("/audit/reads", limit=200))["data"])
    told = [row for row in rows if row["route"] == "/scim/v2/Users/{id}" and row["method"] == "GET"]
    assert [row["subjects"] for row in told] == [[examples.PERSON_ID]]
