"""The real application in this process over a real PostgreSQL, a projection runner beside it."""

import asyncio
import itertools
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar

from api import examples
from api.app import create_app
from api.examples_migration import IMPORT_ID
from api.examples_rewards import REWARD_ID
from api.sessions import COOKIE_HERE
from domain import ids
from domain.catalogue import EVENTS
from ops.place import free_port
from projections.catalogue import NAMES, PROJECTIONS
from projections.history import TenantLogs
from projections.kernel import install
from projections.runner import Runner
from projections.views import Views
from tenancy.database import Database
from tenancy.migrate import migrate
from tenancy.registry import Registry
from tenancy.settings import Settings

ROOT = Path(__file__).parents[2]
SETTLED_S_MAX = 30.0
_keys = itertools.count(1)


# A test that reads a view without waiting for what it wrote fails with half a second of this.
LAG_S = float(os.environ.get("MERIT_TEST_LAG_S", "0"))


class LateRunner(Runner):
    """The runner; where the tests are asked to, it comes late."""

    async def _apply_batch(self, *given: Any) -> int:
        await asyncio.sleep(LAG_S)
        return await super()._apply_batch(*given)


# What says itself which moment it asks about.
MOMENTS = frozenset({"wait_for", "position", "known_at"})


class Client:
    """Someone with an access key. What anybody of a company did, all of them find in its views."""

    def __init__(
        self, http: httpx.AsyncClient, secret: str, company: "Company | None" = None
    ) -> None:
        self.company = company
        self.http = http
        self.secret = secret
        self.position = 0

    async def session(self) -> str:
        """The token of a new session, begun with the key on the console's sign-in page."""
        answer = await self.http.post("/console/sign-in", data={"key": self.secret})
        assert answer.status_code == 303, answer.text
        self.http.cookies.clear()
        return str(answer.cookies[COOKIE_HERE])

    async def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **rest: Any
    ) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        answer = await self.http.request(method, f"/api/v1{path}", headers=given, **rest)
        if "merit-position" in answer.headers:
            self.position = int(answer.headers["merit-position"])
            if self.company is not None:
                self.company.told = max(self.company.told, self.position)
        return answer

    async def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        given = {"Idempotency-Key": key or f"test-{next(_keys)}-{uuid4()}", **(headers or {})}
        if "content" not in rest:
            rest["json"] = {} if body is None else body
        return await self.send("POST", path, headers=given, **rest)

    async def get(self, path: str, **rest: Any) -> httpx.Response:
        asked = "?" in path or not MOMENTS.isdisjoint(rest.get("params") or ())
        if self.company is not None and not asked:
            await self.company.settled()
        return await self.send("GET", path, **rest)

    async def did(self, path: str, body: Any = None, **rest: Any) -> dict[str, Any]:
        """The answer of a command that has to succeed."""
        answer = await self.post(path, body, **rest)
        assert answer.status_code in {200, 201}, (path, answer.status_code, answer.text)
        told: dict[str, Any] = answer.json()
        return told

    async def saw(self, path: str, **parameters: Any) -> Any:
        """The answer of a query that has to succeed."""
        answer = await self.get(path, params=parameters)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()


class Company:
    """A tenant and the people who may use it."""

    def __init__(
        self, tenant_id: UUID, registry: Registry, http: httpx.AsyncClient, views: Views
    ) -> None:
        self.tenant_id = tenant_id
        self.registry = registry
        self.http = http
        self.told = 0
        self._views = views
        self._clients: dict[tuple[str, UUID | None], Client] = {}

    async def settled(self) -> None:
        """All views have come to what was last answered to somebody of the company."""
        reached = await self._views.wait_for(self.tenant_id, NAMES, self.told, SETTLED_S_MAX)
        assert reached, f"the views did not come to position {self.told}"

    async def client(self, role: str, person_id: str | UUID | None = None) -> Client:
        """Someone with one role, always the same for the same person."""
        person = UUID(str(person_id)) if person_id else None
        if (role, person) not in self._clients:
            secret = await self.registry.issue_key(
                self.tenant_id, uuid4(), role, [role], person_id=person
            )
            self._clients[role, person] = Client(self.http, secret, self)
        return self._clients[role, person]

    async def let_in(self) -> None:
        """The company has an identity provider, and somebody signs in through it."""
        admin = await self.client("admin")
        await admin.did("/identity-provider", examples.EXAMPLES["ProviderGiven"])
        await admin.did("/sign-ins", examples.EXAMPLES["GrantSignIn"])

    async def subscribed(self) -> None:
        """The company's ERP is told of payouts, and of the first event once more."""
        admin = await self.client("admin")
        made = await admin.did("/webhooks", examples.EXAMPLES["SubscribeWebhook"])
        await admin.did(f"/webhooks/{made['id']}/redeliver", examples.EXAMPLES["RedeliverEvent"])

    async def followed(self) -> None:
        """The company's directory provisions a user; and somebody asked for all of it."""
        admin = await self.client("admin")
        await admin.did("/directory/roles", examples.EXAMPLES["SetDirectoryRoles"])
        key = {"name": "directory", "roles": ["integration"]}
        scopes = ["scim:read", "scim:write"]
        secret = (await admin.did("/keys", {**key, "scopes": scopes}))["secret"]
        user = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "somebody@company.example",
        }
        headers = {"Authorization": f"Bearer {secret}"}
        answer = await self.http.post("/scim/v2/Users", json=user, headers=headers)
        assert answer.status_code == 201, answer.text
        assert (await admin.post("/tenants/self/export")).status_code == 202

    async def head(self) -> int:
        """How long the log is."""
        admin = await self.client("admin")
        return int((await admin.saw("/tenants/self"))["position"])

    async def organised(self) -> None:
        """The worked baseline: a unit, a job, a manager and one employee, a published scheme."""
        hr = await self.client("hr")
        made = examples.EXAMPLES
        await hr.did("/org-units", made["CreateOrgUnit"])
        await hr.did("/jobs", made["DefineJob"])
        await hr.did("/people", {"number": examples.MANAGER, "name": "李总"})
        await hr.did("/people", made["RegisterPerson"])
        top = {**made["HireEmployee"]["assignment"], "manager_id": None}
        await hr.did(
            "/employments",
            {
                **made["HireEmployee"],
                "number": examples.MANAGER_EMPLOYMENT,
                "person_id": examples.MANAGER_ID,
                "assignment": top,
            },
        )
        await hr.did("/employments", made["HireEmployee"])
        await hr.did(
            f"/employments/{examples.EMPLOYMENT_ID}/pay-structure", made["SetPayStructure"]
        )
        await hr.did("/schemes", made["DraftScheme"])
        executive = await self.client("executive")
        await executive.did(f"/schemes/{examples.SCHEME_ID}/approve", made["ApproveScheme"])
        await hr.did(f"/schemes/{examples.SCHEME_ID}/publish", made["PublishScheme"])

    async def appraising(self) -> None:
        """On from there: an open cycle, agreed goals, the quarter's actuals, an initial score."""
        await self.organised()
        made, cycle = examples.EXAMPLES, f"/cycles/{examples.CYCLE_ID}"
        appraisal = f"/appraisals/{examples.APPRAISAL_ID}"
        hr = await self.client("hr")
        await hr.did("/cycles", made["PlanCycle"])
        await hr.did(f"{cycle}/schemes", made["BindScheme"])
        await hr.did(f"{cycle}/open")
        await hr.did(f"{cycle}/appraisals", made["CreateAppraisal"])
        manager = await self.client("manager", examples.MANAGER_ID)
        await manager.did(f"{appraisal}/goals", made["ProposeGoals"])
        employee = await self.client("employee", examples.PERSON_ID)
        await employee.did(f"{appraisal}/goals/agree")
        await hr.did("/objectives", made["SetObjective"])
        await manager.did(f"{appraisal}/goals/align", made["AlignGoal"])
        await hr.did(f"{cycle}/advance", {"to": "data-intake"})
        erp = await self.client("integration")
        feed = await erp.did("/feeds", made["ReceiveFeed"])
        for indicator, value in (
            ("contract", "1140000"),
            ("collection", "702000"),
            ("output", "1050000"),
        ):
            actual = {**made["RecordActual"], "indicator": indicator, "value": value}
            await erp.did("/actuals", {**actual, "feed_id": feed["id"]})
        await hr.did(f"{cycle}/advance", {"to": "rating"})
        await hr.did(f"{cycle}/score")

    async def locked(self) -> None:
        """On from there: both ratings, and the score of 89.76 locked."""
        await self.appraising()
        made, appraisal = examples.EXAMPLES, f"/appraisals/{examples.APPRAISAL_ID}"
        employee = await self.client("employee", examples.PERSON_ID)
        await employee.did(f"{appraisal}/self-rating", made["SubmitSelfRating"])
        manager = await self.client("manager", examples.MANAGER_ID)
        await manager.did(f"{appraisal}/manager-rating", made["SubmitManagerRating"])
        hr = await self.client("hr")
        # Proposed and never applied: it does not count.
        await hr.did("/vetoes", made["ProposeVeto"])
        for stage in ("comparison", "calibration"):
            await hr.did(f"/cycles/{examples.CYCLE_ID}/advance", {"to": stage})
        await hr.did("/calibration-sessions", {**made["OpenCalibrationSession"], "target": []})
        await hr.did(f"/calibration-sessions/{examples.SESSION_ID}/close")
        done = await hr.did(f"/cycles/{examples.CYCLE_ID}/lock")
        assert done == {"done": 1, "refused": []}
        await hr.did(f"/cycles/{examples.CYCLE_ID}/advance", {"to": "locked"})

    async def paid(self) -> None:
        """On from there: a batch prepared, approved by another, settled."""
        await self.locked()
        made, batch = examples.EXAMPLES, f"/payout-batches/{examples.BATCH_ID}"
        await (await self.client("hr")).did(
            f"/cycles/{examples.CYCLE_ID}/advance", {"to": "paying"}
        )
        await (await self.client("finance")).did("/payout-batches", made["PrepareBatch"])
        await (await self.client("executive")).did(f"{batch}/approve", made["ApproveBatch"])
        await (await self.client("finance")).did(f"{batch}/settle", made["SettleBatch"])

    async def reviewed(self) -> None:
        """On from there: objectives, a published result, an appeal, a correction that waits."""
        made, appraisal = examples.EXAMPLES, f"/appraisals/{examples.APPRAISAL_ID}"
        hr = await self.client("hr")
        await hr.did("/people", {"number": "P-2001", "name": "赵敏"})
        await hr.did(f"{appraisal}/publish")
        employee = await self.client("employee", examples.PERSON_ID)
        await employee.did("/appeals", made["FileAppeal"])
        await (await self.client("integration")).did("/actuals/corrections", made["CorrectActual"])
        await hr.did("/indicators", made["DefineIndicator"])
        await hr.did("/schemes", made["DraftScheme"])
        simulate = {**made["SimulateScheme"], "effect": {"policy": "next-cycle"}}
        await hr.did(f"/schemes/{examples.SCHEME_ID}/simulate", simulate)

    async def reconciled(self) -> None:
        """On from there: a pool, a fixed rate, a clawback's limit, a statement, a journal."""
        made = examples.EXAMPLES
        finance = await self.client("finance")
        await finance.did("/pools", {**made["FundPool"], "cap": None})
        await finance.did(
            f"/pools/{ids.pool_id(made['FundPool']['code'])}/allocate",
            {"appraisal_ids": [examples.APPRAISAL_ID]},
        )
        hr = await self.client("hr")
        await hr.did("/work-calendars", made["SetWorkCalendar"])
        await hr.did("/incidents", made["ReportIncident"])
        await finance.did("/exchange-rates", made["FixExchangeRate"])
        await finance.did("/clawbacks", made["SetClawbackLimit"])
        await finance.did("/ledger/assertions", made["AssertBalance"])
        await finance.did("/ledger/journals", made["ExportJournal"])

    async def rewarded(self) -> None:
        """On from there: a budget of instant rewards and one granted out of it."""
        made, reward = examples.EXAMPLES, f"/rewards/{REWARD_ID}"
        finance, executive = await self.client("finance"), await self.client("executive")
        await finance.did("/reward-budgets", made["SetRewardBudget"])
        manager = await self.client("manager", examples.MANAGER_ID)
        await manager.did("/rewards", made["NominateReward"])
        await executive.did(f"{reward}/approve", made["ApproveReward"])
        await finance.did(f"{reward}/grant")

    async def requested(self) -> None:
        """On from there: leave approved, overtime and a share asked for, approvals delegated."""
        made, at = examples.EXAMPLES, f"/employments/{examples.EMPLOYMENT_ID}"
        employee = await self.client("employee", examples.PERSON_ID)
        leave = await employee.did(f"{at}/leave-requests", made["RequestLeave"])
        await employee.did(f"{at}/overtime-requests", made["RequestOvertime"])
        manager = await self.client("manager", examples.MANAGER_ID)
        approved = f"/time-requests/{leave['id']}/approve"
        await manager.did(approved, made["ApproveTimeRequest"])
        hr = await self.client("hr")
        await hr.did(f"{at}/share-override", made["RequestShareOverride"])
        await employee.did(f"/people/{examples.PERSON_ID}/delegations", made["GiveDelegation"])

    async def onboarded(self) -> None:
        """On from there: a batch of an import, a plan, a module, a figure of the past."""
        made, admin = examples.EXAMPLES, await self.client("admin")
        await admin.did("/imports", made["StartImport"])
        await admin.did(f"/imports/{IMPORT_ID}/exclusions", made["ExcludeRows"])
        await admin.did("/onboarding-plans", made["StartOnboarding"])
        await admin.did("/modules", made["PlanModule"])
        await admin.did("/historical-records/pay", made["RecordHistoricalPay"])


# A database of its own: the runner below advances all tenants of a database, and would make keys
# and move views under those of the other tests. Each of these replaces the one for all tests.


@pytest.fixture(scope="session")
def addresses(new_database: Callable[[], Awaitable[Any]]) -> Any:
    made = asyncio.run(_made(new_database))
    asyncio.run(migrate(made.owner))
    return made


async def _made(new_database: Callable[[], Awaitable[Any]]) -> Any:
    return await new_database()


@pytest.fixture(scope="session")
def owner_url(addresses: Any) -> str:
    return str(addresses.owner)


@pytest.fixture(scope="session")
def database_url(addresses: Any) -> str:
    return str(addresses.app)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    async with await Database.open(database_url, size=8, command_timeout_s=30.0) as opened:
        yield opened


@pytest.fixture(scope="session")
def registry(database: Database) -> Registry:
    return Registry(database)


@pytest.fixture(scope="session")
def receiver_port() -> int:
    """Of this machine, where webhooks may be delivered to."""
    return free_port("127.0.0.1")


@pytest.fixture(scope="session")
def settings(
    database_url: str,
    owner_url: str,
    receiver_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    asyncio.run(install(owner_url, PROJECTIONS))
    folder: Path = tmp_path_factory.mktemp("api")
    return Settings.read(
        {
            "MERIT_DATABASE_URL": database_url,
            "MERIT_DATA_DIR": str(folder),
            "MERIT_MASTER_KEY_FILE": str(folder / "master.key"),
            "MERIT_WEBHOOK_RECEIVERS": f"http://127.0.0.1:{receiver_port}",
        }
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    """The application as a worker runs it, and a projection runner as `merit worker` runs it."""
    application = create_app(settings)
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # One task from beginning to end, as a server's: fixtures end in another than they began.
        async with application.lifespan():
            services = application.state.services
            logs = TenantLogs(services.database, services.keyring, EVENTS)
            runner = LateRunner(services.database, logs, PROJECTIONS, poll_s=0.2)
            started.set()
            await runner.run(stop)

    living = asyncio.create_task(live())
    beginning = asyncio.create_task(started.wait())
    await asyncio.wait([living, beginning], return_when=asyncio.FIRST_COMPLETED)
    if living.done():
        living.result()
    yield application
    stop.set()
    await living


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]  # Litestar types its scopes narrower
    async with httpx.AsyncClient(transport=transport, base_url="http://merit.test") as client:
        yield client


@pytest.fixture(scope="session")
def views(app: Litestar) -> Views:
    """Those of the application."""
    opened: Views = app.state.services.views
    return opened


@pytest_asyncio.fixture(loop_scope="session")
async def company(
    tenant_id: UUID, registry: Registry, http: httpx.AsyncClient, views: Views
) -> Company:
    """A company with nothing in it yet."""
    return Company(tenant_id, registry, http, views)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def new_company(
    registry: Registry, http: httpx.AsyncClient, views: Views
) -> Callable[[str], Awaitable[Company]]:
    """Makes one more company."""

    async def make(name: str) -> Company:
        tenant = await registry.create_tenant(name)
        return Company(tenant.tenant_id, registry, http, views)

    return make


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def paid_company(new_company: Callable[[str], Awaitable[Company]]) -> Company:
    """A company whose quarter is over, for tests that only look at it."""
    company = await new_company("paid")
    await company.paid()
    await company.reviewed()
    await company.reconciled()
    await company.rewarded()
    await company.onboarded()
    await company.requested()
    await company.let_in()
    await company.followed()
    await company.subscribed()
    return company


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def served(
    settings: Settings, app: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The address of a real server process with one worker, as operators start it."""
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MERIT_")},
        "MERIT_DATABASE_URL": str(settings.database_url),
        "MERIT_DATA_DIR": str(settings.data_dir),
        "MERIT_MASTER_KEY_FILE": str(settings.master_key_file),
    }
    log = tmp_path_factory.mktemp("served") / "server.log"
    with log.open("wb") as output:
        server = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("granian"),
            *("--interface", "asgi", "--factory", "api.app:create_app"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *("--loop", "uvloop", "--respawn-failed-workers"),
            env=environment,
            cwd=ROOT,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=address) as client:
            for _ in range(200):
                await asyncio.sleep(0.1)
                assert server.returncode is None, log.read_text()
                try:
                    if (await client.get("/health/ready")).status_code == 200:
                        break
                except httpx.TransportError:
                    continue
            else:
                pytest.fail(log.read_text())
        yield address
    finally:
        server.terminate()
        async with asyncio.timeout(30):
            await server.wait()
