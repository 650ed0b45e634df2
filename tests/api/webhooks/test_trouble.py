"""Webhooks: receivers that fail, are slow, or gone; and workers that are killed."""

import asyncio
import os
import signal
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import msgspec
from standardwebhooks import Webhook

from api import examples

# -- what does not get through


async def test_an_event_is_tried_again_after_an_error_and_after_no_answer(
    company: Any, hooks: Any
) -> None:
    hook = await hooks.subscribe(company, "person.*")
    hook.listens.statuses = [500, 302, 429]
    await hooks.happens(company)
    async with hooks.delivering():
        await hook.listens.has(4)
        held = hook.listens.hold = threading.Event()
        await hooks.happens(company)
        await hook.listens.has(5)  # the fifth is held until its time is over
        await asyncio.sleep(hooks.haste.answer_s * 1.2)
        hook.listens.hold = None
        held.set()
        got = await hook.listens.has(6)
        admin = await company.client("admin")
        path = f"{hook.path}/deliveries"
        rows = (await admin.saw(path, state="delivered"))["data"]
    assert len({each.headers["webhook-id"] for each in got[:4]}) == 1
    assert len({each.body for each in got[:4]}) == 1
    assert got[4].headers["webhook-id"] == got[5].headers["webhook-id"]
    for each in got:
        Webhook(hook.secret).verify(each.body, each.headers)
    assert [row["attempts"] for row in rows if row["attempts"] == 4] == [4]


async def test_what_is_given_up_is_seen_and_delivered_when_asked_for(
    company: Any, http: Any, hooks: Any
) -> None:
    hook = await hooks.subscribe(company, "person.*")
    hook.listens.statuses = [500]
    (first,) = await hooks.happens(company)
    admin = await company.client("admin")

    async def rows(state: str) -> list[Any]:
        data: list[Any] = (await admin.saw(f"{hook.path}/deliveries", state=state))["data"]
        return data

    at_once = msgspec.structs.replace(hooks.haste, give_up=timedelta(0))
    async with hooks.delivering(at_once):
        await hook.listens.has(1)
        (second,) = await hooks.happens(company)
        await hook.listens.has(2)
    (dead,) = await rows("dead")
    assert (dead["position"], dead["status"], dead["attempts"]) == (first, 500, 1)
    (one,) = [row for row in (await admin.saw("/webhooks"))["data"] if row["webhook_id"] == hook.id]
    assert (one["dead"], one["waiting"], one["told_to"] >= second) == (1, 0, True)
    told = (await http.get("/health")).json()["checks"]
    assert told["webhooks:dead"]["observed"] >= 1
    missing = await admin.post(f"{hook.path}/redeliver", {"position": second + 1000})
    assert (missing.status_code, missing.json()["type"]) == (422, "/problems/bad-position")
    await admin.did(f"{hook.path}/redeliver", {"position": first})
    async with hooks.delivering():
        got = await hook.listens.has(3)
    assert (got[2].position, got[2].headers["webhook-id"]) == (first, got[0].headers["webhook-id"])
    assert await rows("dead") == []


async def test_a_name_that_leads_inside_is_not_asked(company: Any, hooks: Any) -> None:
    admin = await company.client("admin")
    made = await admin.did("/webhooks", {"code": "in", "url": "https://localhost/x"})
    await hooks.happens(company)
    path = f"/webhooks/{made['id']}/deliveries"
    rows: list[Any] = []

    async def tried() -> bool:
        rows[:] = (await admin.saw(path, state="waiting"))["data"]
        return bool(rows)

    async with hooks.delivering():
        await hooks.until(tried)
    assert rows[-1]["error"] == "localhost is not of the public internet"
    assert rows[-1]["status"] is None


async def test_a_slow_receiver_delays_nobody(company: Any, hooks: Any) -> None:
    slow = await hooks.subscribe(company, "person.*")
    quick = await hooks.subscribe(company, "person.*")
    slow.listens.hold = threading.Event()
    patient = msgspec.structs.replace(hooks.haste, answer_s=10.0)
    async with hooks.delivering(patient):
        begun = time.monotonic()
        positions = await hooks.happens(company, 20)
        await hooks.until(lambda: quick.listens.positions == positions)
        assert time.monotonic() - begun < 5
        assert slow.listens.positions == positions[:1]
        slow.listens.hold.set()
        await hooks.until(lambda: slow.listens.positions == positions)


async def test_events_of_a_stream_come_in_order_and_none_is_left_out(
    company: Any, hooks: Any
) -> None:
    hook = await hooks.subscribe(company, "org-unit.*")
    hr = await company.client("hr")
    failed: set[int] = set()

    def flaky(got: Any) -> int:
        if got.position % 3 == 0 and got.position not in failed:
            failed.add(got.position)
            return 500
        return 200

    hook.listens.status_of = flaky
    wanted, streams = [], []
    async with hooks.delivering():
        for number in range(4):
            unit = {**examples.EXAMPLES["CreateOrgUnit"], "code": f"U{number}"}
            made = await hr.did("/org-units", unit)
            streams.append(made["id"])
            wanted.append(made["position"])
        for turn in range(8):
            for stream in streams:
                name = {"effective_from": f"2025-0{turn + 1}-01", "name": f"第{turn}"}
                done = await hr.did(f"/org-units/{stream}/names", name)
                wanted.append(done["position"])
        listens = hook.listens
        await hooks.until(lambda: {got.position for got in listens.took} == set(wanted))
    for stream in streams:
        versions = [
            got.event["data"]["version"] for got in listens.took if got.event["subject"] == stream
        ]
        assert sorted(set(versions), key=versions.index) == list(range(1, 10))


# -- a worker that is killed

WORKER = """
import asyncio
from domain.catalogue import EVENTS
from ops.delivering import Delivering
from projections.history import TenantLogs
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring
from tenancy.root import root_of
from tenancy.settings import Settings
from tenancy.store import Histories

async def main():
    settings = Settings.read()
    async with await Database.open(settings.database_url, size=4) as database:
        keyring = Keyring.open(database, root_of(settings))
        logs = TenantLogs(database, keyring, EVENTS)
        histories = Histories(database, keyring, EVENTS, Committer.of(database))
        await Delivering(database, keyring, logs, histories, settings=settings).run(asyncio.Event())

asyncio.run(main())
"""


async def test_a_worker_killed_while_it_delivers_loses_nothing(
    company: Any, settings: Any, app: Any, hooks: Any
) -> None:
    hook = await hooks.subscribe(company, "person.*")
    positions = await hooks.happens(company, 6)
    killed = threading.Event()

    def third_waits(_: Any) -> int:
        if len(hook.listens.got) == 3:
            killed.wait(30)
        return 204

    hook.listens.status_of = third_waits
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("MERIT_")},
        "MERIT_DATABASE_URL": settings.database_url,
        "MERIT_MASTER_KEY_FILE": str(settings.master_key_file),
        "MERIT_WEBHOOK_RECEIVERS": settings.webhook_receivers,
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", WORKER, env=environment
    )
    try:
        await hook.listens.has(3)
    finally:
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        killed.set()
    assert hook.listens.positions == positions[:3]
    # It had the webhook for a while; as if that was over.
    free = "UPDATE merit.webhooks SET busy_until = now() WHERE busy_until IS NOT NULL"
    async with app.state.services.database.transaction(company.tenant_id) as connection:
        await connection.execute(free)
    async with hooks.delivering():
        await hooks.until(lambda: set(hook.listens.positions) == set(positions))
        await hooks.until(lambda: hook.listens.positions[-1] == positions[-1])
    ids = {got.position: got.headers["webhook-id"] for got in hook.listens.got}
    assert {got.headers["webhook-id"] for got in hook.listens.got} == set(ids.values())
    firsts = sorted(set(hook.listens.positions), key=hook.listens.positions.index)
    assert firsts == positions
