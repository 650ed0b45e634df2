"""The demo as a whole, with a small company: it is the product's end-to-end test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.money import Money
from domain.payout import PayoutCalculated
from ops.bundles import verify
from ops.recompute import Recomputation
from tenancy.records import Recorded

# One demo for most of them.
pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    folder = tmp_path_factory.mktemp("demo") / "data"
    return subprocess.run(
        [sys.executable, "-m", "ops.demo", "--scale", "0.1", "--to", str(folder)],
        env={name: value for name, value in os.environ.items() if not name.startswith("MERIT_")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def test_every_claim_holds(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "failed" not in demo.stdout
    outcome = json.loads(demo.stdout.splitlines()[-1])
    assert outcome["demo"] == "ok"
    assert outcome["people"] == 29
    assert outcome["ledger_balance"] == {"CNY": "0.00"}
    assert "26928.00" in demo.stdout
    for told in ("89.76 -> 91.36", "+480.00", "2666.67 + 5333.33", "81.13 + 0.50 = 81.63"):
        assert told in demo.stdout


def test_the_bundle_is_left_and_verifies(demo: subprocess.CompletedProcess[str]) -> None:
    outcome = json.loads(demo.stdout.splitlines()[-1])
    found = verify(Path(outcome["bundle"]))
    assert found.ok
    assert found.verdict.events == outcome["events"]
    assert found.recomputed is not None
    # 28 people; a second version by appeal and a panel's score; its difference, a reward of two
    # and a pool of two.
    assert (found.recomputed.scores, found.recomputed.payouts) == (28 + 2, 28 + 1 + 2 + 2)


def test_a_forged_amount_is_found_by_computing_again(
    demo: subprocess.CompletedProcess[str],
) -> None:
    """Also where whoever forged it held all the keys, and signed it."""
    outcome = json.loads(demo.stdout.splitlines()[-1])
    history: list[Recorded] = []
    verify(Path(outcome["bundle"]), on_recorded=history.append)
    forged = Recomputation()
    changed = 0
    for recorded in history:
        event = recorded.event
        if isinstance(event, PayoutCalculated) and not changed:
            changed = recorded.position
            more = Money(event.amount.minor + 1, event.amount.currency)
            fields = {name: getattr(event, name) for name in event.__struct_fields__}
            event = PayoutCalculated(**fields | {"amount": more})
            envelope = {name: getattr(recorded, name) for name in recorded.__struct_fields__}
            forged.take(Recorded(**envelope | {"event": event}))
            continue
        forged.take(recorded)
    findings = forged.result.findings
    # Neither the decision taken again nor the explanation that lies beside it gives that amount.
    assert [(each.code, each.position) for each in findings] == [
        ("computed-differently", changed),
        ("explained-wrongly", changed),
    ]


def test_a_folder_with_something_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "ops.demo", "--to", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "something else" in done.stderr
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_data_that_is_no_company_is_wrong_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops.demo", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
