"""The failover drill: the real product under load, a fault, and then every promise checked."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import msgspec

from api.services import Services, opened
from domain.access import IssueAccessKey
from domain.bonus_pool import PoolWithdrawn
from ops.failover.cluster import Cluster, ClusterFailed
from ops.failover.findings import Account, account, proofs_hold, stored, views_equal
from ops.failover.load import FUNDED, Ack, Crew, Load, outage_s
from ops.place import free_port
from ops.tenants import create_tenant, issue_key
from ops.up import Stack
from tenancy.settings import Settings

GOAL_UNPLANNED_S: Final = 30.0
GOAL_PLANNED_S: Final = 10.0
QUIET_S: Final = 4.0
"""Load before the fault."""
AFTER_S: Final = 4.0
"""Load after writes flow again."""
FLOWS: Final = 20
"""Acknowledgements in the last second and a half that show that writes flow again."""
FLOWS_S_MAX: Final = 120.0
HEALTHY_S_MAX: Final = 150.0
VIEWS_S_MAX: Final = 60.0

CONTROL: Final = "control-asynchronous"
"""Replication is not synchronous and has stopped: this one must lose what was acknowledged."""

Tell = Callable[[str], None]


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that goes wrong, in words, and how long it is left alone."""

    name: str
    words: str
    lasts_s: float = 2.0
    goal_s: float = GOAL_UNPLANNED_S


FAULTS: Final = (
    Fault(name="postgres-killed", words="kill -9 of the primary's PostgreSQL"),
    Fault(name="host-crashed", words="kill -9 of everything on the primary's host"),
    Fault(name="switchover", words="a planned switch to the standby", goal_s=GOAL_PLANNED_S),
    Fault(name="primary-frozen", words="the primary's host hangs for 45 s", lasts_s=45.0),
    Fault(
        name="orphaned-primary",
        words="kill -9 of Patroni alone: the old primary lives on beside the new one",
        lasts_s=30.0,
    ),
    Fault(name="standby-killed", words="kill -9 of the synchronous standby", lasts_s=12.0),
    Fault(name="etcd-gone", words="kill -9 of all etcd for 40 s", lasts_s=40.0),
    Fault(name=CONTROL, words="the primary's host crashes, without synchronous replication"),
)
SHORT: Final = ("postgres-killed", "host-crashed", "switchover")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault did."""

    fault: str
    outage_s: float
    goal_s: float
    acknowledged: int
    lost: int
    duplicated: int
    gapless: bool
    ledger_balanced: bool
    proofs_valid: bool
    views_equal_rebuild: bool
    repeated: int
    """Commands that were answered only after they had been sent again."""
    refused: int
    refusals: tuple[str, ...] = ()
    """What the first of them said: none is expected."""
    read_outage_s: float
    reads_from_standby: int
    control: bool = False
    """It must lose something, which shows that the drill can see a loss."""

    @property
    def passed(self) -> bool:
        if self.control:
            return self.lost > 0
        return (
            self.lost == self.duplicated == self.refused == 0
            and self.acknowledged > 0
            and self.outage_s <= self.goal_s
            and self.gapless
            and self.ledger_balanced
            and self.proofs_valid
            and self.views_equal_rebuild
        )


async def drill(
    names: Sequence[str], *, etcd: int = 3, net: str = "127.0.20", tell: Tell = lambda _: None
) -> list[Result]:
    """Run these faults one after the other on one cluster; a fault that broke it is the last.

    Args:
        names: of `FAULTS`, the control last.
        etcd: members of etcd, 1 or 3.
        net: first three numbers of the loopback addresses.
        tell: is told what happens, in words.

    Raises:
        ClusterFailed: the cluster does not come up, or not back.
    """
    base = _folder()
    cluster = Cluster(base / "cluster", net=net, etcd=etcd)
    kept = True
    try:
        tell("starting etcd, three PostgreSQL nodes and Patroni")
        cluster.start()
        cluster.prepare()
        async with _product(cluster, base) as (settings, services):
            address = f"http://{settings.host}:{settings.port}"
            tell(f"the product serves at {address}")
            rounds = _Rounds(cluster, settings, services, await crews_of(services, address))
            results = []
            for name in names:
                fault = next(each for each in FAULTS if each.name == name)
                tell(f"{fault.name}: {fault.words}")
                results.append(await rounds.run(fault, every=len(names) > len(SHORT)))
                tell(in_words(results[-1]))
        kept = not all(result.passed for result in results)
        return results
    finally:
        cluster.stop()
        if kept:
            tell(f"logs are kept in {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)


def in_words(result: Result) -> str:
    """One line about a result."""
    kept = "" if result.control else f" (goal {result.goal_s:.0f} s)"
    return (
        f"{result.fault}: {'passed' if result.passed else 'FAILED'}; outage {result.outage_s} s"
        f"{kept}, acknowledged {result.acknowledged}, lost {result.lost},"
        f" duplicated {result.duplicated}, gapless {result.gapless}, ledger balanced"
        f" {result.ledger_balanced}, proofs {result.proofs_valid}, views"
        f" {result.views_equal_rebuild}; reads were away {result.read_outage_s} s,"
        f" {result.reads_from_standby} from a standby"
        + (f"; refused {result.refused}: {'; '.join(result.refusals)}" if result.refused else "")
    )


@contextlib.asynccontextmanager
async def _product(cluster: Cluster, base: Path) -> AsyncIterator[tuple[Settings, Services]]:
    """API and worker as `merit up` runs them, against the cluster."""
    data_dir = base / "data"
    data_dir.mkdir()
    settings = Settings.read(
        {
            "MERIT_DATABASE_URL": cluster.url("merit"),
            "MERIT_OWNER_DATABASE_URL": cluster.url("merit_owner"),
            "MERIT_DATA_DIR": str(data_dir),
            "MERIT_PORT": str(free_port("127.0.0.1")),
            "MERIT_LOG_LEVEL": "warning",
        }
    )
    ready = asyncio.Event()

    async def is_ready(*_: object) -> None:
        ready.set()

    stack = Stack(settings, is_ready)
    running = asyncio.create_task(stack.run())
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        async with opened(settings) as services:
            yield settings, services
    finally:
        waiting.cancel()
        stack.stop()
        await running


async def crews_of(services: Services, address: str) -> list[Crew]:
    """Two tenants, each with an integration's key and a pool to withdraw from."""
    crews = []
    async with httpx.AsyncClient(base_url=f"{address}/api/v1", timeout=10) as client:
        for name in ("drill-1", "drill-2"):
            tenant = (await create_tenant(services, name)).tenant.tenant_id
            key = await issue_key(
                services, tenant, IssueAccessKey(name="drill", roles=("admin", "finance", "hr"))
            )
            planned = {
                "code": "DRILL",
                "name": "演练",
                "starts_on": "2025-01-01",
                "ends_on": "2025-03-31",
            }
            cycle = await _posted(client, key.secret, "/cycles", planned)
            funded = {
                "code": "DRILL-POOL",
                "cycle_id": cycle,
                "amount": {"amount": FUNDED, "currency": "CNY"},
                "cost_centre": "CC-1",
            }
            pool = await _posted(client, key.secret, "/pools", funded)
            crews.append(Crew(tenant_id=tenant, secret=key.secret, pool_id=UUID(pool)))
    return crews


async def _posted(client: httpx.AsyncClient, secret: str, path: str, body: dict[str, Any]) -> str:
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": str(uuid4())}
    answer = await client.post(path, json=body, headers=headers)
    if not answer.is_success:
        raise ClusterFailed(f"the drill's tenant could not be made: {answer.text[:300]}")
    return str(answer.json()["id"])


class _Rounds:
    """One fault after the other; remembers what earlier ones withdrew."""

    def __init__(
        self, cluster: Cluster, settings: Settings, services: Services, crews: list[Crew]
    ) -> None:
        self._cluster = cluster
        self._address = f"http://{settings.host}:{settings.port}"
        self._services = services
        self._crews = crews
        self._withdrawn: dict[UUID, int] = {}
        self._number = 0

    async def run(self, fault: Fault, *, every: bool) -> Result:
        self._number += 1
        control = fault.name == CONTROL
        await self._healthy()
        if control:
            await asyncio.to_thread(
                self._cluster.control, "edit-config", "--force", "--set", "synchronous_mode=false"
            )
            await asyncio.sleep(12)  # two turns of Patroni's loop: the setting has arrived
        load = Load(
            self._address, self._crews, writers=2, run=f"{self._number}{os.urandom(3).hex()}"
        )
        running = asyncio.create_task(load.run())
        try:
            await asyncio.sleep(QUIET_S)
            struck = time.monotonic()
            mend = await self._strike(fault)
            await asyncio.sleep(fault.lasts_s)
            await mend()
            await self._flowing(load)
            await asyncio.sleep(AFTER_S)
        finally:
            load.stop()
        await asyncio.wait_for(running, FLOWS_S_MAX)
        for node in self._cluster.nodes:
            if not self._cluster.running(node):
                self._cluster.start_node(node)
        if not control:
            await self._healthy()
        return await self._result(fault, load, struck, every=every)

    async def _strike(self, fault: Fault) -> Callable[[], Any]:
        """Do it; answers how to undo what does not undo itself."""
        cluster = self._cluster
        primary = await asyncio.to_thread(cluster.primary)

        async def nothing() -> None:
            pass

        match fault.name:
            case "postgres-killed":
                cluster.kill_postgres(primary)
            case "host-crashed":
                cluster.kill_node(primary)
            case "switchover":
                standby = await asyncio.to_thread(cluster.synchronous_standby)
                await asyncio.to_thread(cluster.switch, standby)
            case "primary-frozen":
                frozen = cluster.freeze(primary)

                async def thaw() -> None:
                    cluster.thaw(frozen)

                return thaw
            case "orphaned-primary":
                cluster.kill_patroni(primary)
            case "standby-killed":
                cluster.kill_node(await asyncio.to_thread(cluster.synchronous_standby))
            case "etcd-gone":
                for member in cluster.members:
                    cluster.kill_member(member)

                async def back() -> None:
                    for member in cluster.members:
                        cluster.start_member(member)

                return back
            case _:
                cluster.stop_replication(primary)
                await asyncio.sleep(2)
                cluster.kill_node(primary)
        return nothing

    async def _flowing(self, load: Load) -> None:
        deadline = time.monotonic() + FLOWS_S_MAX
        while time.monotonic() < deadline:
            since = time.monotonic() - 1.5
            if sum(ack.at > since for ack in load.acks[-500:]) >= FLOWS:
                return
            await asyncio.sleep(0.1)
        raise ClusterFailed(f"no writes {FLOWS_S_MAX:.0f} s after the fault")

    async def _healthy(self) -> None:
        await asyncio.to_thread(
            self._cluster.wait, self._cluster.healthy, HEALTHY_S_MAX, "a healthy cluster"
        )

    async def _result(self, fault: Fault, load: Load, struck: float, *, every: bool) -> Result:
        control = fault.name == CONTROL
        primary = await asyncio.to_thread(self._cluster.primary)
        accounts: list[Account] = []
        balanced = proofs = views = True
        for crew in self._crews:
            log = await asyncio.to_thread(stored, self._cluster, primary, crew.tenant_id)
            acks = [ack for ack in load.acks if ack.tenant_id == crew.tenant_id]
            before = self._withdrawn.get(crew.tenant_id, 0)
            accounts.append(account(acks, log, before, PoolWithdrawn.TOPIC))
            self._withdrawn[crew.tenant_id] = sum(each.topic == PoolWithdrawn.TOPIC for each in log)
            if control:
                continue
            balanced = await self._balanced(crew, len(log), accounts[-1], acks) and balanced
            proofs = await proofs_hold(self._services, crew.tenant_id, _scratch()) and proofs
            views = await views_equal(self._services, crew.tenant_id, every=every) and views
        return Result(
            fault=fault.name,
            outage_s=outage_s([ack.at for ack in load.acks], struck),
            goal_s=fault.goal_s,
            acknowledged=sum(each.acknowledged for each in accounts),
            lost=sum(each.lost for each in accounts),
            duplicated=sum(each.duplicated for each in accounts),
            gapless=all(each.gapless for each in accounts),
            ledger_balanced=balanced,
            proofs_valid=proofs,
            views_equal_rebuild=views,
            repeated=sum(ack.attempts > 1 for ack in load.acks),
            refused=len(load.refused),
            refusals=tuple(load.refused[:3]),
            read_outage_s=outage_s(load.reads, struck),
            reads_from_standby=load.reads_from_standby,
            control=control,
        )

    async def _balanced(self, crew: Crew, head: int, found: Account, acks: list[Ack]) -> bool:
        """Whether the trial balance is zero, and the pool holds what was not withdrawn."""
        headers = {"Authorization": f"Bearer {crew.secret}"}
        async with httpx.AsyncClient(base_url=self._address, timeout=VIEWS_S_MAX) as client:
            deadline = time.monotonic() + VIEWS_S_MAX
            while True:
                answer = await client.get(
                    "/api/v1/ledger/trial-balance", params={"wait_for": head}, headers=headers
                )
                if answer.is_success or time.monotonic() > deadline:
                    break
                await asyncio.sleep(0.5)
            pool = await client.get(f"/api/v1/pools/{crew.pool_id}", headers=headers)
        if not (answer.is_success and pool.is_success):
            return False
        left = pool.json()["amount"]["amount"]
        withdrawn = self._withdrawn[crew.tenant_id]
        expected = f"{int(FUNDED.partition('.')[0]) - withdrawn}.00"
        told = found.duplicated or sum(ack.kind == "withdraw" for ack in acks)
        return bool(answer.json()["balanced"]) and left == expected and told > 0


def _folder() -> Path:
    """A new folder that the servers' user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="merit-failover-"))
    folder.chmod(0o755)
    return folder


def _scratch() -> Path:
    return _folder() / "bundle"
