"""Initial scores follow the data by themselves: the worker's process manager, seen over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from litestar import Litestar

from api import examples
from domain.catalogue import EVENTS
from ops.rescoring import NAME, SCORER, TOPICS, Rescoring
from projections.following import Following, Reaction
from projections.history import TenantLogs
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring
from tenancy.store import Histories

CYCLE = f"/cycles/{examples.CYCLE_ID}"
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
WAIT_S = 10.0
POSITION = """
SELECT position, attempts, last_error FROM merit.followers WHERE tenant_id = $1 AND follower = $2
"""
FROM_THE_START = "UPDATE merit.followers SET position = 0 WHERE tenant_id = $1 AND follower = $2"
DUE = "UPDATE merit.followers SET retry_at = NULL WHERE tenant_id = $1 AND follower = $2"


class LogsOfOne(TenantLogs):
    """As a database with a single tenant would have them: the others' tests go on undisturbed."""

    def __init__(self, tenant_id: UUID, database: Database, keyring: Keyring) -> None:
        super().__init__(database, keyring, EVENTS)
        self._only = tenant_id

    async def tenants(self) -> list[UUID]:
        return [self._only]


class Worker:
    """What a worker process has for following one tenant."""

    def __init__(self, app: Litestar, tenant_id: UUID) -> None:
        services = app.state.services
        self.tenant_id, self.database = tenant_id, services.database
        self.logs = LogsOfOne(tenant_id, services.database, services.keyring)
        self.committer = Committer.of(services.database)
        histories = Histories(services.database, services.keyring, EVENTS, self.committer)
        self.rescoring = Rescoring(services.database, self.logs, histories)
        self.following = Rescoring.following(services.database, self.logs, histories)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        running = asyncio.create_task(self.following.run(stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def cursor(self) -> Any:
        async with self.database.transaction(self.tenant_id) as connection:
            return await connection.fetchrow(POSITION, self.tenant_id, NAME)

    async def run(self, statement: str) -> None:
        async with self.database.transaction(self.tenant_id) as connection:
            await connection.execute(statement, self.tenant_id, NAME)


@pytest_asyncio.fixture(loop_scope="session")
async def worker(app: Litestar, tenant_id: UUID) -> AsyncIterator[Worker]:
    made = Worker(app, tenant_id)
    yield made
    await made.committer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def gathering(company: Any) -> Any:
    """A company whose data come in: agreed goals, and no actual yet."""
    await company.organised()
    made = examples.EXAMPLES
    hr = await company.client("hr")
    await hr.did("/cycles", made["PlanCycle"])
    await hr.did(f"{CYCLE}/schemes", made["BindScheme"])
    await hr.did(f"{CYCLE}/open")
    await hr.did(f"{CYCLE}/appraisals", made["CreateAppraisal"])
    manager = await company.client("manager", examples.MANAGER_ID)
    await manager.did(f"{APPRAISAL}/goals", made["ProposeGoals"])
    await (await company.client("employee", examples.PERSON_ID)).did(f"{APPRAISAL}/goals/agree")
    await hr.did(f"{CYCLE}/advance", {"to": "data-intake"})
    return company


async def record(company: Any, indicator: str, value: str) -> dict[str, Any]:
    erp = await company.client("integration")
    actual = {**examples.EXAMPLES["RecordActual"], "indicator": indicator, "value": value}
    actual.pop("feed_id", None)
    told: dict[str, Any] = await erp.did("/actuals", actual)
    return told


async def until(company: Any, score: str | None, *, provisional: bool) -> dict[str, Any]:
    """The appraisal once its initial score is this one; fails after a bounded wait."""
    hr = await company.client("hr")
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while True:
        row: dict[str, Any] = await hr.saw(APPRAISAL, wait_for=hr.position)
        if (row["initial_score"], row["initial_score_provisional"]) == (score, provisional):
            return row
        assert asyncio.get_running_loop().time() < deadline, row
        await asyncio.sleep(0.05)


async def calculations(company: Any) -> list[dict[str, Any]]:
    hr = await company.client("hr")
    position = await company.head()
    told = await hr.saw(f"{APPRAISAL}/history", limit=100, wait_for=position)
    return [each for each in told["data"] if each["topic"].endswith("initial-score-calculated")]


async def test_every_data_event_has_the_score_calculated_again(
    gathering: Any, worker: Worker
) -> None:
    """Actuals, a correction, a changed goal, an excuse, the cut-off: nobody asks for a score."""
    async with worker.at_work():
        await record(gathering, "contract", "1140000")
        await record(gathering, "collection", "450000")
        assert await calculations(gathering) == []
        await record(gathering, "output", "1050000")
        # (32 x 95 + 32 x 50 + 16 x 105) / 80
        await until(gathering, "79.00", provisional=True)
        await record(gathering, "collection", "252000")
        await until(gathering, "90.20", provisional=True)
        erp = await gathering.client("integration")
        of_him = f"{CYCLE}/employments/{examples.EMPLOYMENT_ID}/actuals"
        held = (await erp.saw(of_him))["actuals"]
        (wrong,) = (each["event_id"] for each in held if each["value"] == "450000")
        corrected = {
            **examples.EXAMPLES["CorrectActual"],
            "indicator": "collection",
            "value": "459000",
            "supersedes": wrong,
        }
        await erp.did("/actuals/corrections", corrected)
        await until(gathering, "90.60", provisional=True)
        employee = await gathering.client("employee", examples.PERSON_ID)
        manager = await gathering.client("manager", examples.MANAGER_ID)
        change = {"indicator": "collection", "target": "711000", "reason": "主要客户破产重整"}
        await employee.did(f"{APPRAISAL}/goals/target-change", change)
        await manager.did(f"{APPRAISAL}/goals/approve-change", {"indicator": "collection"})
        await until(gathering, "99.00", provisional=True)
        await employee.did(
            f"{APPRAISAL}/goals/excuse", {"indicator": "output", "reason": "产线停产改造"}
        )
        await manager.did(f"{APPRAISAL}/goals/approve-change", {"indicator": "output"})
        await until(gathering, "97.50", provisional=True)
        hr = await gathering.client("hr")
        await hr.did(f"{CYCLE}/advance", {"to": "rating"})
        await until(gathering, "97.50", provisional=False)
        # Whoever asks all the same is told that all of them are done.
        assert await hr.did(f"{CYCLE}/score") == {"done": 1, "refused": []}


async def test_who_calculated_and_because_of_what_is_told(gathering: Any, worker: Worker) -> None:
    for indicator, value in (("contract", "1"), ("collection", "1"), ("output", "1")):
        caused = await record(gathering, indicator, value)
    assert await worker.following.advance(worker.tenant_id) > 0
    await until(gathering, "0.00", provisional=True)
    (calculated,) = await calculations(gathering)
    assert calculated["actor"] == str(SCORER)
    auditor = await gathering.client("auditor")
    told = await auditor.saw("/audit/events", limit=500)
    by_position = {each["position"]: each for each in told["data"]}
    (event,) = (each for each in told["data"] if each["event_id"] == calculated["event_id"])
    assert event["causation_id"] == by_position[caused["position"]]["event_id"]


async def test_a_batch_of_data_is_calculated_once(gathering: Any, worker: Worker) -> None:
    for value in range(1, 9):
        for indicator in ("contract", "collection", "output"):
            await record(gathering, indicator, f"{value}000")
    await worker.following.advance(worker.tenant_id)
    assert len(await calculations(gathering)) == 1


async def test_whoever_dies_before_the_cursor_moved_does_nothing_twice(
    gathering: Any, worker: Worker
) -> None:
    for indicator in ("contract", "collection", "output"):
        await record(gathering, indicator, "500000")
    assert await worker.following.advance(worker.tenant_id) > 0
    before = await gathering.head()
    for _ in range(2):
        await worker.run(FROM_THE_START)
        fresh = Following(
            worker.database,
            worker.logs,
            Reaction(name=NAME, topics=TOPICS, answer=worker.rescoring.answer),
        )
        assert await fresh.advance(worker.tenant_id) > 0
    assert await gathering.head() == before
    assert len(await calculations(gathering)) == 1


async def test_several_workers_share_the_work(
    gathering: Any, app: Litestar, worker: Worker
) -> None:
    other = Worker(app, worker.tenant_id)
    async with worker.at_work(), other.at_work():
        for step in range(1, 7):
            for indicator in ("contract", "collection", "output"):
                await record(gathering, indicator, f"{step}0000")
        hr = await gathering.client("hr")
        await hr.did(f"{CYCLE}/advance", {"to": "rating"})
        # 210,000 of 1,200,000, 900,000 and 1,000,000
        await until(gathering, "20.53", provisional=False)
    found = await calculations(gathering)
    assert len({each["content"]["score"] for each in found}) in {len(found), len(found) - 1}
    await other.committer.close()


async def test_no_score_is_locked_upon_a_provisional_one(gathering: Any, worker: Worker) -> None:
    made = examples.EXAMPLES
    for indicator in ("contract", "collection", "output"):
        await record(gathering, indicator, "500000")
    await worker.following.advance(worker.tenant_id)
    hr = await gathering.client("hr")
    await hr.did(f"{CYCLE}/advance", {"to": "rating"})
    manager = await gathering.client("manager", examples.MANAGER_ID)
    await manager.did(f"{APPRAISAL}/manager-rating", made["SubmitManagerRating"])
    for stage in ("comparison", "calibration"):
        await hr.did(f"{CYCLE}/advance", {"to": stage})
    refused = await hr.post(f"{APPRAISAL}/lock")
    assert refused.json()["type"] == "/problems/initial-score-missing"
    await worker.following.advance(worker.tenant_id)
    await hr.did(f"{APPRAISAL}/lock")


async def test_what_cannot_be_answered_is_tried_again_and_then_named(
    gathering: Any, worker: Worker
) -> None:
    """A bug in an answer stops neither the views nor, for ever, the tenant's later data."""
    await record(gathering, "contract", "1")
    attempts = 0

    async def broken(_: UUID, __: Any) -> None:
        nonlocal attempts
        attempts += 1
        raise ZeroDivisionError("a bug")

    following = Following(
        worker.database, worker.logs, Reaction(name=NAME, topics=TOPICS, answer=broken)
    )
    await following.advance(worker.tenant_id)
    first = await worker.cursor()
    assert (first["position"], first["attempts"]) == (0, 1)
    # It waits before it tries again.
    assert await following.advance(worker.tenant_id) == 0
    assert attempts == 1
    for _ in range(7):
        await worker.run(DUE)
        await following.advance(worker.tenant_id)
    passed = await worker.cursor()
    assert attempts == 8
    assert passed["position"] > 0
    assert passed["last_error"] == "ZeroDivisionError: a bug"


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
async def test_a_tenant_with_nothing_to_calculate_costs_nothing(
    company: Any, worker: Worker, known: bool
) -> None:
    if known:
        await company.organised()
    assert await worker.following.advance(worker.tenant_id) == 0
