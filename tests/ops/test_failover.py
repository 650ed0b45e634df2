"""The drill itself: three real faults under load, within CI's time."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from ops.failover.cluster import available
from ops.failover.drill import FAULTS, SHORT, Result
from ops.failover.findings import Stored, account
from ops.failover.load import Ack, outage_s

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.timeout(400)
@pytest.mark.xdist_group("failover")
def test_nothing_acknowledged_is_lost_when_the_primary_is(tmp_path: Path) -> None:
    assert available() is None, f"{available()}: `make test` installs it"
    results = tmp_path / "results.json"
    done = subprocess.run(
        [
            sys.executable, "-P", "-m", "ops.cli", "failover", "drill", "--short", "--etcd", "1",
            "--results", str(results),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads(results.read_bytes())
    assert [each["fault"] for each in found] == list(SHORT)
    for each in found:
        assert each["acknowledged"] > 100
        assert each["lost"] == each["duplicated"] == 0
        assert each["gapless"]
        assert each["ledger_balanced"]
        assert each["proofs_valid"]
        assert each["views_equal_rebuild"]
    assert found[1]["outage_s"] > 1, "the host did not crash"


def _result(**changed: object) -> Result:
    good = Result(
        fault="host-crashed",
        outage_s=18.0,
        goal_s=30.0,
        acknowledged=100,
        lost=0,
        duplicated=0,
        gapless=True,
        ledger_balanced=True,
        proofs_valid=True,
        views_equal_rebuild=True,
        repeated=3,
        refused=0,
        read_outage_s=0.3,
        reads_from_standby=9,
    )
    return msgspec.structs.replace(good, **changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"outage_s": 30.1},
        {"lost": 1},
        {"duplicated": 1},
        {"acknowledged": 0},
        {"gapless": False},
        {"ledger_balanced": False},
        {"proofs_valid": False},
        {"views_equal_rebuild": False},
        {"refused": 1},
    ],
)
def test_one_broken_promise_fails_a_round(changed: dict[str, object]) -> None:
    assert _result().passed
    assert not _result(**changed).passed


def test_the_control_passes_only_when_something_was_lost() -> None:
    assert not _result(control=True).passed
    assert _result(control=True, lost=7, gapless=False).passed


def test_lost_and_doubled_events_are_seen() -> None:
    pool, person, tenant = uuid4(), uuid4(), UUID(int=1)

    def ack(kind: str, stream: UUID, version: int, position: int) -> Ack:
        return Ack(
            at=1.0,
            tenant_id=tenant,
            kind=kind,
            stream_id=stream,
            version=version,
            position=position,
            attempts=1,
        )

    log = [
        Stored(1, person, 1, "person.registered"),
        Stored(2, pool, 2, "pool.withdrawn"),
        Stored(3, pool, 3, "pool.withdrawn"),
    ]
    acks = [ack("register", person, 1, 1), ack("withdraw", pool, 2, 2)]
    found = account(acks, log, 0, "pool.withdrawn")
    assert (found.lost, found.duplicated, found.gapless) == (0, 1, True)
    assert account(acks, log, 1, "pool.withdrawn").duplicated == 0
    acks.append(ack("withdraw", pool, 4, 4))
    assert account(acks, log, 0, "pool.withdrawn").lost == 1
    assert not account(acks, [log[0], log[2]], 0, "pool.withdrawn").gapless


def test_an_outage_is_the_longest_silence_that_ended_after_the_fault() -> None:
    assert outage_s([0.0, 5.0, 5.1, 8.0, 8.1], since=5.5) == 2.9
    assert outage_s([1.0], since=0.0) == 0.0
    assert {fault.name for fault in FAULTS} >= set(SHORT)
