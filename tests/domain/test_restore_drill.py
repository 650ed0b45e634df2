"""A restore drill is in order, or says what is not."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from domain.ids import RESTORE_DRILLS_ID
from domain.restore_drill import RESTORE_DRILL, RecordRestoreDrill

DRILL = RecordRestoreDrill(
    label="20250301-010000F",
    target_at=datetime(2025, 3, 1, 1, 2, 3, tzinfo=UTC),
    seconds=12,
    size_bytes=10**8,
    events=41,
    compared_size=31,
    ok=True,
    tools="pgBackRest 2.45",
)


def test_drills_are_written_down(company: Any) -> None:
    world = company.world
    world.do(DRILL, on=RESTORE_DRILLS_ID)
    assert world.state(RESTORE_DRILL, RESTORE_DRILLS_ID).last_ok is True
    failed = msgspec.structs.replace(DRILL, ok=False, findings=("31 events were signed",))
    world.do(failed, on=RESTORE_DRILLS_ID)
    assert world.state(RESTORE_DRILL, RESTORE_DRILLS_ID).last_ok is False


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("bad-drill", {"ok": False}),
        ("bad-drill", {"findings": ("damage",)}),
        ("bad-number", {"events": -1}),
        ("bad-date", {"target_at": datetime(2099, 1, 1, tzinfo=UTC)}),
        ("bad-name", {"label": ""}),
    ],
)
def test_refusals(company: Any, code: str, changed: dict[str, Any]) -> None:
    command = msgspec.structs.replace(DRILL, **changed)
    company.world.refuses(code, command, on=RESTORE_DRILLS_ID)
