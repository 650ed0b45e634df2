"""The monthly report: exact, never better than what was measured, the same from the same events."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain import ids
from domain.health_report import Collecting, HealthReport, month_of
from domain.incident import (
    IncidentAcknowledged,
    IncidentReported,
    IncidentResolved,
    ServiceRestored,
)
from domain.probing import (
    HEALTH_REPORT,
    HealthReportIssued,
    IssueHealthReport,
    Probe,
    ProbesRecorded,
    RecordProbes,
)
from domain.restore_drill import RestoreDrilled

MONTH = "2025-02"
BEGINS, ENDS = month_of(MONTH)
MINUTES = 28 * 24 * 60


class Told(msgspec.Struct, frozen=True, kw_only=True):
    event: Any
    event_id: UUID
    recorded_at: datetime
    actor: UUID


def probes(
    count: int = MINUTES, *, bad: Callable[[int], bool] = lambda _: False, ms: int = 20
) -> list[tuple[Any, datetime]]:
    """An event for each day, of `count` minutes from the month's beginning on."""
    made = []
    for start in range(0, count, 1440):
        some = tuple(
            Probe(
                minute=BEGINS + timedelta(minutes=index),
                read_ok=True,
                read_ms=ms,
                write_ok=not bad(index),
                write_ms=ms,
            )
            for index in range(start, min(start + 1440, count))
        )
        made.append(
            (ProbesRecorded(prober="p", probes=some), some[-1].minute + timedelta(minutes=1))
        )
    return made


def report(
    *told: tuple[Any, datetime], month: str = MONTH, zone: str | None = None
) -> HealthReport:
    collecting = Collecting(month) if zone is None else Collecting(month, zone)
    streams: dict[str, UUID] = {}
    for position, (event, at) in enumerate(sorted(told, key=lambda each: each[1]), start=1):
        stream = streams.setdefault(getattr(event, "code", event.TOPIC.partition(".")[0]), uuid4())
        if event.TOPIC.startswith("incident."):
            stream = ids.incident_id("INC-1")
        happened = Told(event=event, event_id=UUID(int=position), recorded_at=at, actor=UUID(int=1))
        collecting.take(happened, stream, position)
    return collecting.report()


def verdict(found: HealthReport, name: str) -> str:
    return next(each.verdict for each in found.promises if each.name == name)


def test_a_month_without_probes_has_no_figure_and_not_a_hundred_percent() -> None:
    found = report()
    assert found.writes.share is None
    assert found.writes.no_data == MINUTES
    assert verdict(found, "writes") == verdict(found, "restore-drills") == "no-data"
    assert not found.kept


def test_every_minute_good_is_one() -> None:
    found = report(*probes())
    assert found.writes.share == Decimal("1.00000")
    assert (found.writes.good, found.writes.bad, found.writes.no_data) == (MINUTES, 0, 0)
    assert found.writes.budget_left_minutes == Decimal("40.320")
    assert verdict(found, "writes") == "kept"


@pytest.mark.parametrize(("bad", "wanted"), [(40, "kept"), (41, "missed")])
def test_the_budget_of_february_is_40_minutes(bad: int, wanted: str) -> None:
    found = report(*probes(bad=lambda index: index < bad))
    assert found.writes.bad == bad
    assert verdict(found, "writes") == wanted
    assert verdict(found, "reads") == "kept"


def test_minutes_that_nobody_measured_count_against_it() -> None:
    found = report(*probes(MINUTES - 41))
    assert (found.writes.bad, found.writes.no_data) == (0, 41)
    assert verdict(found, "writes") == "missed"
    assert found.writes.share == Decimal("0.99898")


def test_a_slow_answer_is_none() -> None:
    assert report(*probes(ms=1000)).writes.good == MINUTES
    slow = report(*probes(ms=1001))
    assert (slow.writes.good, slow.writes.p99_ms) == (0, 1001)


def test_probes_that_were_told_after_the_month_still_count() -> None:
    late = [(event, ENDS + timedelta(days=1)) for event, _ in probes()]
    found = report(*late)
    assert found.writes.share == 1
    assert found.events == found.events_in_all == 0


def incident(**moments: float) -> list[tuple[Any, datetime]]:
    began = BEGINS + timedelta(days=3)
    told: list[tuple[Any, datetime]] = [
        (
            IncidentReported(
                code="INC-1", title="慢", severity="ordinary", source="hotline", began_at=began
            ),
            began,
        )
    ]
    made = {
        "acknowledged": IncidentAcknowledged(),
        "restored": ServiceRestored(how="切换"),
        "resolved": IncidentResolved(cause="磁盘", action="扩容"),
    }
    for name, after_s in moments.items():
        told.append((made[name], began + timedelta(seconds=after_s)))
    return told


def test_an_acknowledgement_after_fifteen_minutes_and_a_second_is_missed() -> None:
    good = report(*incident(acknowledged=900, restored=1000, resolved=7200))
    assert verdict(good, "incidents-respond") == verdict(good, "incidents-solve") == "kept"
    assert (good.incidents[0].cause, good.incidents[0].action) == ("磁盘", "扩容")
    late = report(*incident(acknowledged=901, restored=1000, resolved=7201))
    assert verdict(late, "incidents-respond") == verdict(late, "incidents-solve") == "missed"


def test_an_incident_that_nobody_touched_is_missed_at_the_months_end() -> None:
    assert verdict(report(*incident()), "incidents-respond") == "missed"


def test_what_happened_after_the_month_is_not_in_its_report() -> None:
    span = (ENDS - BEGINS).total_seconds()
    found = report(*incident(acknowledged=60, resolved=span))
    assert found.incidents[0].resolved_at is None


def drills(*days: float, ok: bool = True) -> list[tuple[Any, datetime]]:
    return [
        (
            RestoreDrilled(
                label="20250201F", target_at=BEGINS, seconds=9, size_bytes=1, events=5,
                compared_size=5, ok=ok, findings=() if ok else ("damage",),
            ),
            BEGINS + timedelta(days=day),
        )
        for day in days
    ]  # fmt: skip


def test_drills_are_due_every_eight_days() -> None:
    assert verdict(report(*drills(7, 14, 21)), "restore-drills") == "kept"
    assert verdict(report(*drills(7, 16, 24)), "restore-drills") == "missed"
    assert verdict(report(*drills(7, 14, 21, ok=False)), "restore-drills") == "missed"


def test_all_kept() -> None:
    found = report(*probes(), *drills(7, 14, 21))
    assert found.kept, found.promises
    assert found.events == 27 + 3  # the last day is told when the month is over
    assert [name for name, _ in found.busiest_topics] == [
        "probe.recorded",
        "restore-drill.recorded",
    ]


def test_the_same_events_give_the_same_bytes() -> None:
    told = [*probes(5000), *drills(7), *incident(acknowledged=60)]
    first, second = report(*told), report(*told)
    encoded = msgspec.json.encode(first, order="deterministic")
    assert encoded == msgspec.json.encode(second, order="deterministic")
    assert json.loads(encoded)["month"] == MONTH


def test_a_second_query_agrees() -> None:
    """Availability counted again from the probes alone, another way."""
    told = probes(20_000, bad=lambda index: index % 7 == 0, ms=900)
    found = report(*told)
    minutes = {
        probe.minute: probe.write_ok and probe.write_ms <= 1000
        for event, _ in told
        for probe in event.probes
    }
    assert found.writes.good == sum(minutes.values())
    assert sum(day.good_writes for day in found.days) == found.writes.good
    assert sum(day.measured for day in found.days) == len(minutes)


@pytest.mark.parametrize(
    ("month", "zone", "minutes", "days"),
    [
        ("2024-02", "Asia/Shanghai", 29 * 1440, 29),
        ("2025-03", "America/New_York", 31 * 1440 - 60, 31),
        ("2025-11", "America/New_York", 30 * 1440 + 60, 30),
        ("2025-12", "Asia/Shanghai", 31 * 1440, 31),
    ],
)
def test_leap_days_and_clock_changes(month: str, zone: str, minutes: int, days: int) -> None:
    found = report(month=month, zone=zone)
    assert found.writes.minutes == minutes == sum(day.minutes for day in found.days)
    assert len(found.days) == days


def test_the_month_begins_at_midnight_where_the_customer_is() -> None:
    assert datetime(2025, 1, 31, 16, tzinfo=UTC) == BEGINS
    edge = [
        (IncidentReported(code="INC-1", title="x", severity="major", source="staff",
                          began_at=BEGINS - timedelta(seconds=1)), BEGINS),
    ]  # fmt: skip
    assert report(*edge).incidents == ()


def probe(minute: datetime, **changed: Any) -> Probe:
    made = Probe(minute=minute, read_ok=True, read_ms=1, write_ok=True, write_ms=1)
    return msgspec.structs.replace(made, **changed)


def test_minutes_are_told_once_and_in_order(company: Any) -> None:
    world = company.world
    start = datetime(2025, 3, 1, tzinfo=UTC)
    on = ids.probes_id("p", "2025-03")

    def tell(*told: Probe) -> RecordProbes:
        return RecordProbes(prober="p", probes=told)

    world.do(tell(probe(start), probe(start + timedelta(minutes=2))), on=on)
    world.refuses("probe-minute-taken", tell(probe(start + timedelta(minutes=2))), on=on)
    world.refuses("probe-minute-taken", tell(probe(start + timedelta(minutes=1))), on=on)
    later = start + timedelta(minutes=5)
    world.refuses("probe-minute-taken", tell(probe(later), probe(later)), on=on)
    for wrong in (
        tell(),
        tell(probe(later.replace(tzinfo=None))),
        tell(probe(later + timedelta(seconds=1))),
        tell(probe(datetime(2099, 1, 1, tzinfo=UTC))),
        tell(probe(later, read_ms=-1)),
        tell(probe(later), probe(datetime(2025, 4, 1, tzinfo=UTC))),
    ):
        world.refuses("bad-probe", wrong, on=on)
    world.do(tell(probe(later)), on=on)


def test_a_report_is_issued_once(company: Any) -> None:
    world, on = company.world, ids.HEALTH_REPORTS_ID
    issue = IssueHealthReport(month="2025-02", sha256="a" * 64, kept=True)
    assert world.do(issue, on=on) == (
        HealthReportIssued(month="2025-02", sha256="a" * 64, kept=True),
    )
    world.refuses("already-exists", issue, on=on)
    for month, sha256 in (("2025-13", "a" * 64), ("2025-2", "a" * 64), ("2025-03", "A" * 64)):
        world.refuses("bad-report", IssueHealthReport(month=month, sha256=sha256, kept=True), on=on)
    assert world.state(HEALTH_REPORT, on).issued == (("2025-02", "a" * 64),)
