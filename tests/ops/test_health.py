"""merit health: the detailed checks, and with --deep whether the data are right."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("cli")]


def test_the_running_installation_tells_its_checks(merit: Any, up: Any) -> None:
    found = merit.json("health", "--data-dir", str(up.data_dir))
    assert found["status"] == "pass"
    assert found["condition"]["checks"]["postgres:role"]["observed"] == "primary"
    shown = merit("health", "--data-dir", str(up.data_dir))
    assert "disk:free" in shown.stdout


def test_nothing_running_is_exit_code_3(merit: Any, tmp_path: Any) -> None:
    done = merit("health", "--data-dir", str(tmp_path / "nowhere"))
    assert done.returncode == 3
    assert "nothing is running here" in done.stdout


async def test_deep_health_sees_a_view_that_somebody_changed(merit: Any, start: Any) -> None:
    running = start()
    place = ("--data-dir", str(running.data_dir))
    tenant = merit.json("tenant", "create", "深查", *place)["tenant"]["tenant_id"]
    whole = merit("health", "--deep", "--json", *place)
    assert whole.returncode == 0, whole.stdout + whole.stderr
    note = await asyncio.to_thread((running.data_dir / "running.json").read_text)
    connection = await asyncpg.connect(json.loads(note)["owner_database_url"])
    try:
        changed = await connection.execute(
            "UPDATE merit_views.audit_events_v1 SET topic = 'forged'"
            " WHERE tenant_id = $1::text::uuid",
            tenant,
        )
    finally:
        await connection.close()
    assert changed != "UPDATE 0"
    done = merit("health", "--deep", "--json", *place)
    assert done.returncode == 1
    wrong = [each for each in json.loads(done.stdout)["found"] if not each["ok"]]
    assert [each["part"].partition("_v")[0] for each in wrong] == ["audit_trail"]
