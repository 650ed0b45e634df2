"""Webhooks paused, disabled, replayed, removed; figures, and what is forgotten."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain.catalogue import EVENTS
from projections.health import overview
from projections.history import TenantLogs
from tenancy.webhooks import DELIVERED_MAX, Webhooks

# -- pausing, disabling, replaying, removing


async def test_a_receiver_that_is_gone_is_asked_no_more(company: Any, hooks: Any) -> None:
    hook = await hooks.subscribe(company, "person.*")
    hook.listens.statuses = [410]
    first = await hooks.happens(company)
    admin = await company.client("admin")

    async def told() -> Any:
        return await admin.saw(hook.path)

    async def disabled() -> bool:
        return bool((await told())["state"] == "disabled")

    async with hooks.delivering():
        await hooks.until(disabled)
        assert (await told())["because"] == "gone"
        missed = await hooks.happens(company, 2)
        await asyncio.sleep(0.3)
        assert hook.listens.positions == first
        await admin.did(f"{hook.path}/resume")
        await hooks.until(lambda: hook.listens.positions == [*first, *first, *missed])
        await admin.did(f"{hook.path}/pause")
        missed = await hooks.happens(company, 2)
        await asyncio.sleep(0.3)
        assert len(hook.listens.got) == 4
        await admin.did(f"{hook.path}/resume")
        await hooks.until(lambda: hook.listens.positions[4:] == missed)


async def test_a_receiver_that_takes_nothing_for_days_is_disabled(company: Any, hooks: Any) -> None:
    hook = await hooks.subscribe(company, "person.*")
    hook.listens.status_of = lambda _: 500
    await hooks.happens(company)
    admin = await company.client("admin")
    days = msgspec.structs.replace(hooks.haste, disable=timedelta(seconds=0.3))

    async def disabled() -> bool:
        return bool((await admin.saw(hook.path))["state"] == "disabled")

    async with hooks.delivering(days):
        await hooks.until(disabled)
    assert (await admin.saw(hook.path))["because"] == "failing"
    assert len(hook.listens.got) > 1


async def test_everything_after_a_position_is_told_again(company: Any, hooks: Any) -> None:
    before = await hooks.happens(company, 2)
    hook = await hooks.subscribe(company, "person.*")
    positions = await hooks.happens(company, 3)
    admin = await company.client("admin")
    async with hooks.delivering():
        await hooks.until(lambda: hook.listens.positions == positions)
        await admin.did(f"{hook.path}/replay", {"after": positions[0]})
        await hooks.until(lambda: hook.listens.positions[3:] == positions[1:])
        await admin.did(f"{hook.path}/replay", {"after": 0})
        await hooks.until(lambda: hook.listens.positions[5:] == [*before, *positions])
    ids = {got.position: got.headers["webhook-id"] for got in hook.listens.got}
    assert {got.headers["webhook-id"] for got in hook.listens.got} == set(ids.values())


async def test_a_removed_webhook_leaves_nothing(company: Any, app: Any, hooks: Any) -> None:
    hook = await hooks.subscribe(company, "person.*")
    await hooks.happens(company)
    admin = await company.client("admin")
    table = Webhooks(app.state.services.database)

    async def left() -> bool:
        return not await table.of(company.tenant_id)

    async with hooks.delivering():
        await hook.listens.has(1)
        await admin.did(f"{hook.path}/remove", {"reason": "no more"})
        await hooks.happens(company)
        await hooks.until(left)
    assert len(hook.listens.got) == 1
    assert (await admin.saw("/webhooks"))["data"] == []
    assert (await admin.get(hook.path)).status_code == 404


# -- figures, and what is forgotten


async def test_what_nobody_has_tried_and_what_nobody_takes_is_told_apart(
    company: Any, app: Any, hooks: Any
) -> None:
    services = app.state.services

    class Only(TenantLogs):
        async def tenants(self) -> list[UUID]:
            return [company.tenant_id]

    logs = Only(services.database, services.keyring, EVENTS)

    async def figures() -> Any:
        return (await overview(services.database, logs, ())).webhooks

    assert (await figures()).oldest_s == 0
    hook = await hooks.subscribe(company, "person.*")
    hook.listens.status_of = lambda _: 500
    await hooks.happens(company)
    await asyncio.sleep(0.05)
    found = await figures()
    assert found.untried_s > 0
    assert (found.waiting, found.oldest_s) == (0, pytest.approx(found.untried_s))
    async with hooks.delivering():
        await hook.listens.has(1)
    found = await figures()
    assert (found.waiting, found.dead, found.untried_s) == (1, 0, 0)
    assert found.oldest_s > 0
    hook.listens.status_of = None

    async def taken() -> bool:
        return bool((await figures()).waiting == 0)

    async with hooks.delivering():
        await hooks.until(taken)
    assert (await figures()).oldest_s == 0


async def test_the_delivery_log_is_bounded(company: Any, app: Any, hooks: Any) -> None:
    hook = await hooks.subscribe(company, "person.*")
    database = app.state.services.database
    fill = """
    INSERT INTO merit.webhook_deliveries
    SELECT $1, $2, n, $2, 'person.registered', $2, n, now(),
           CASE WHEN n % 1000 = 0 THEN 'waiting' ELSE 'delivered' END, 1, now(),
           now() - CASE WHEN n <= 20 THEN interval '8 days' ELSE interval '1 day' END,
           CASE WHEN n % 1000 = 0 THEN now() END, 200, NULL
      FROM generate_series(1, $3::int) AS n
    """
    async with database.transaction(company.tenant_id) as connection:
        await connection.execute(fill, company.tenant_id, UUID(hook.id), DELIVERED_MAX + 1000)
    await Webhooks(database).purge(company.tenant_id, datetime.now(UTC))
    ask = "SELECT state, count(*), min(position) FROM merit.webhook_deliveries GROUP BY state"
    async with database.transaction(company.tenant_id) as connection:
        rows = {row["state"]: tuple(row)[1:] for row in await connection.fetch(ask)}
    assert rows["waiting"] == (11, 1000)
    assert rows["delivered"][0] == DELIVERED_MAX
    assert rows["delivered"][1] > 20


async def test_a_tenant_that_ended_is_told_of_nothing(
    new_company: Any, app: Any, hooks: Any
) -> None:
    company = await new_company("ends")
    await hooks.subscribe(company)
    table = Webhooks(app.state.services.database)
    assert await table.of(company.tenant_id)
    await company.registry.erase_tenant(company.tenant_id)
    assert await table.of(company.tenant_id) == []
