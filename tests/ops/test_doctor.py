"""`merit doctor` on a server and a folder that have something wrong with them."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from ops.cli.inspection import (
    LISTENERS_SERVE,
    LISTENERS_WORKER,
    SPARE_CONNECTIONS,
    connections_needed,
)
from ops.embedded import EmbeddedPostgres
from ops.place import running_in
from tenancy.settings import Settings

pytestmark = [pytest.mark.timeout(240), pytest.mark.xdist_group("up")]


def asked(merit: Any, *options: str, **given: str) -> dict[str, dict[str, str]]:
    """Its answers, by the question."""
    done = merit("doctor", "--json", *options, **given)
    answers = {each["question"]: each for each in json.loads(done.stdout)}
    failed = any(each["status"] == "failed" for each in answers.values())
    assert done.returncode == (1 if failed else 0), done.stderr
    return answers


def test_a_running_installation_is_well(up: Any, merit: Any) -> None:
    answers = asked(merit, "--data-dir", str(up.data_dir))
    wrong = {each["question"]: each for each in answers.values() if each["status"] == "failed"}
    assert wrong == {}
    for question in ("durability", "connections", "clocks", "schema", "API"):
        assert answers[question]["status"] == "ok", answers[question]
    assert answers["backup"]["status"] == "not here"


def test_what_is_said_to_be_needed_is_what_is_held(up: Any) -> None:
    running = running_in(up.data_dir)
    assert running is not None

    async def held() -> dict[str, int]:
        connection = await asyncpg.connect(running.database_url)
        try:
            rows = await connection.fetch(
                "SELECT application_name, count(*) FROM pg_stat_activity"
                " WHERE usename = 'merit' AND application_name LIKE 'meritledger%' GROUP BY 1"
            )
        finally:
            await connection.close()
        return {row[0]: row[1] for row in rows}

    found = asyncio.run(held())
    assert found["meritledger-listen"] == LISTENERS_SERVE + LISTENERS_WORKER
    assert sum(found.values()) <= connections_needed(Settings()) - SPARE_CONNECTIONS


def test_a_server_that_may_lose_what_it_acknowledged_is_found(
    postgres: EmbeddedPostgres, owner_url: str, merit: Any
) -> None:
    assert owner_url  # the schema is there; this server of the tests waits for no disk
    answers = asked(
        merit, MERIT_DATABASE_URL=postgres.database_url, MERIT_WORKERS="64", MERIT_DATA_DIR="data"
    )
    durable = answers["durability"]
    assert durable["status"] == "failed"
    assert "fsync, full_page_writes, synchronous_commit" in durable["finding"]
    assert durable["mend"]
    assert answers["connections"]["status"] == "failed"
    assert "this machine may need 1305" in answers["connections"]["finding"]
    assert answers["clocks"]["status"] == "ok"


@pytest.mark.parametrize(
    ("state", "status", "finding"),
    [
        ({"last_backup_at": 60, "last_drill_at": None}, "failed", "the last one is 60 hours old"),
        ({"last_backup_at": None}, "failed", "there was none yet"),
        ({"last_backup_at": 2, "last_drill_at": None}, "failed", "none was ever restored"),
        ({"last_backup_at": 2, "last_drill_at": 9, "last_drill_ok": False}, "failed", "failed"),
        ({"last_backup_at": 2, "last_drill_at": 9, "last_drill_ok": True}, "ok", "2 hours old"),
    ],
)
def test_backups_that_are_old_or_untried_are_found(
    merit: Callable[..., Any], tmp_path: Path, state: dict[str, Any], status: str, finding: str
) -> None:
    now = datetime.now(UTC)
    told = {
        name: (now - timedelta(hours=value)).isoformat() if type(value) is int else value
        for name, value in state.items()
    }
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "backup.json").write_text(json.dumps(told))
    answer = asked(merit, "--data-dir", str(folder))["backup"]
    assert answer["status"] == status
    assert finding in answer["finding"]
