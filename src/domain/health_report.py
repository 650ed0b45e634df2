"""A month's health report of one tenant, computed from its events alone. R131

The same events give the same report, byte for byte. What was not measured is told as "no data" and
never as good: a minute without a probe counts against availability, a month without any has no
figure at all.
"""

import itertools
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from domain.capacity import Capacity, CapacityMeasured, capacity_of
from domain.incident import INCIDENT, Incident, IncidentReported, IncidentResolved, Severity
from domain.incident_clocks import Clock, Kept, clocks, kept
from domain.kernel import Event, Happened
from domain.probing import HEALTH_REPORT, Probe, ProbesRecorded
from domain.restore_drill import RestoreDrilled

SLOWEST_MS = 1000
"""An answer after more than this is no answer to whoever waits."""
WRITE_OBJECTIVE = Decimal("0.999")
READ_OBJECTIVE = Decimal("0.9995")
DRILL_EVERY = timedelta(days=8)
PLACES = 5
"""Of an availability; rounded down."""
MINUTE = timedelta(minutes=1)
ZONE = "Asia/Shanghai"
REPORT_VERSION = 2

Verdict = Literal["kept", "missed", "no-data"]


class Availability(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the month's minutes were good, as a prober outside saw them."""

    minutes: int
    measured: int
    good: int
    bad: int
    no_data: int
    share: Decimal | None
    """good / minutes, rounded down to five places; None where nothing was measured."""
    objective: Decimal
    budget_minutes: Decimal
    budget_left_minutes: Decimal | None
    p50_ms: int | None
    p99_ms: int | None
    verdict: Verdict


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day of the month, for the plot."""

    day: str
    minutes: int
    good_writes: int
    good_reads: int
    measured: int
    events: int


class IncidentTold(msgspec.Struct, frozen=True, kw_only=True):
    """An incident that began in the month, with its clocks as they stood at the month's end."""

    code: str
    title: str
    severity: Severity
    source: str
    began_at: datetime
    acknowledged_at: datetime | None
    restored_at: datetime | None
    resolved_at: datetime | None
    cause: str | None
    action: str | None
    clocks: tuple[Clock, ...]


class DrillTold(msgspec.Struct, frozen=True, kw_only=True):
    """A restore drill of the month."""

    at: datetime
    label: str
    target_at: datetime
    seconds: int
    events: int
    compared_size: int
    ok: bool
    findings: tuple[str, ...]


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """One promise, and whether it was kept."""

    name: str
    verdict: Verdict
    figures: tuple[tuple[str, int], ...]
    """What the verdict rests on."""


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """月度系统健康检查报告"""

    version: int
    month: str
    zone: str
    begins_at: datetime
    ends_at: datetime
    promises: tuple[Promise, ...]
    writes: Availability
    reads: Availability
    days: tuple[Day, ...]
    incidents: tuple[IncidentTold, ...]
    clocks: tuple[Kept, ...]
    drills: tuple[DrillTold, ...]
    events: int
    """Written in the month."""
    events_in_all: int
    """At the month's end."""
    busiest_topics: tuple[tuple[str, int], ...]
    capacity: Capacity
    earlier: tuple[tuple[str, str], ...]
    """Months that were reported before, with the digest of each report."""
    last_position: int
    """Position of the last event that the report rests on."""

    @property
    def kept(self) -> bool:
        """Whether every promise that could be looked at was kept, and none lacked its data."""
        return all(promise.verdict == "kept" for promise in self.promises)


def month_of(month: str, zone: str = ZONE) -> tuple[datetime, datetime]:
    """The instants at which a month begins and ends, where the customer is.

    >>> month_of("2024-02")[1] - month_of("2024-02")[0]
    datetime.timedelta(days=29)
    """
    where = ZoneInfo(zone)
    first = datetime.strptime(f"{month}-01", "%Y-%m-%d")  # noqa: DTZ007 - its zone follows
    year, number = divmod(first.year * 12 + first.month, 12)
    begins = first.replace(tzinfo=where)
    ends = datetime(year, number + 1, 1, tzinfo=where)
    return begins.astimezone(UTC), ends.astimezone(UTC)


class Collecting:
    """Takes a history, event by event in order, and makes the report of a month of it.

    Args:
        month: as in 2025-03.
        zone: where the month begins at midnight.
    """

    def __init__(self, month: str, zone: str = ZONE) -> None:
        self._month = month
        self._zone = zone
        self._begins, self._ends = month_of(month, zone)
        self._probes: dict[datetime, Probe] = {}
        self._incidents: dict[Any, Incident] = {}
        self._reported: dict[Any, IncidentReported] = {}
        self._resolved: dict[Any, IncidentResolved] = {}
        self._drills: list[DrillTold] = []
        self._capacity: list[CapacityMeasured] = []
        self._topics: Counter[str] = Counter()
        self._per_day: Counter[str] = Counter()
        self._earlier = HEALTH_REPORT.initial
        self._count = self._in_month = self._last = 0

    @property
    def begins_at(self) -> datetime:
        return self._begins

    @property
    def ends_at(self) -> datetime:
        return self._ends

    def take(self, happened: Happened[Event], stream_id: object, position: int) -> None:
        """The next event; those after the month count only as measurements that came late."""
        event = happened.event
        if isinstance(event, ProbesRecorded):
            for probe in event.probes:
                if self._begins <= probe.minute < self._ends:
                    self._probes[probe.minute.astimezone(UTC)] = probe
        if isinstance(event, CapacityMeasured) and f"{event.day:%Y-%m}" == self._month:
            self._capacity.append(event)
        if happened.recorded_at >= self._ends:
            return
        self._count += 1
        self._last = position
        if event.TOPIC.startswith("incident."):
            self._incident(happened, stream_id)
        if event.TOPIC.startswith("health-report."):
            self._earlier = HEALTH_REPORT.evolve(self._earlier, happened)
        if happened.recorded_at < self._begins:
            return
        self._in_month += 1
        self._topics[event.TOPIC] += 1
        self._per_day[self._day(happened.recorded_at)] += 1
        if isinstance(event, RestoreDrilled):
            self._drills.append(
                DrillTold(
                    at=happened.recorded_at,
                    label=event.label,
                    target_at=event.target_at,
                    seconds=event.seconds,
                    events=event.events,
                    compared_size=event.compared_size,
                    ok=event.ok,
                    findings=event.findings,
                )
            )

    def report(self) -> HealthReport:
        """The report of what was taken."""
        writes = self._availability(write=True)
        reads = self._availability(write=False)
        incidents = self._incidents_told()
        days = self._days()
        account = kept([clock for each in incidents for clock in each.clocks])
        return HealthReport(
            version=REPORT_VERSION,
            month=self._month,
            zone=self._zone,
            begins_at=self._begins,
            ends_at=self._ends,
            promises=self._promises(writes, reads, account, incidents),
            writes=writes,
            reads=reads,
            days=days,
            incidents=incidents,
            clocks=account,
            drills=tuple(self._drills),
            events=self._in_month,
            events_in_all=self._count,
            busiest_topics=tuple(
                sorted(self._topics.items(), key=lambda each: (-each[1], each[0]))[:10]
            ),
            capacity=capacity_of(self._capacity, [day.events for day in days]),
            earlier=self._earlier.issued,
            last_position=self._last,
        )

    def _incident(self, happened: Happened[Any], stream_id: object) -> None:
        event = happened.event
        state = INCIDENT.evolve(self._incidents.get(stream_id), happened)
        if state is not None:
            self._incidents[stream_id] = state
        if isinstance(event, IncidentReported):
            self._reported[stream_id] = event
        if isinstance(event, IncidentResolved):
            self._resolved[stream_id] = event

    def _incidents_told(self) -> tuple[IncidentTold, ...]:
        told = []
        for stream_id, state in self._incidents.items():
            if not self._begins <= state.began_at < self._ends:
                continue
            reported, resolved = self._reported[stream_id], self._resolved.get(stream_id)
            told.append(
                IncidentTold(
                    code=reported.code,
                    title=reported.title,
                    severity=state.worst,
                    source=reported.source,
                    began_at=state.began_at,
                    acknowledged_at=state.acknowledged_at,
                    restored_at=state.restored_at,
                    resolved_at=state.resolved_at,
                    cause=None if resolved is None else resolved.cause,
                    action=None if resolved is None else resolved.action,
                    clocks=clocks(state, self._ends),
                )
            )
        return tuple(sorted(told, key=lambda each: (each.began_at, each.code)))

    def _availability(self, *, write: bool) -> Availability:
        minutes = (self._ends - self._begins) // MINUTE
        answers = [
            (probe.write_ok, probe.write_ms) if write else (probe.read_ok, probe.read_ms)
            for probe in self._probes.values()
        ]
        good = sum(ok and ms <= SLOWEST_MS for ok, ms in answers)
        measured = len(answers)
        objective = WRITE_OBJECTIVE if write else READ_OBJECTIVE
        budget = (1 - objective) * minutes
        share = None
        verdict: Verdict = "no-data"
        if measured:
            share = Decimal(good * 10**PLACES // minutes).scaleb(-PLACES)
            verdict = "kept" if minutes - good <= budget else "missed"
        times = sorted(ms for ok, ms in answers if ok)
        return Availability(
            minutes=minutes,
            measured=measured,
            good=good,
            bad=measured - good,
            no_data=minutes - measured,
            share=share,
            objective=objective,
            budget_minutes=budget,
            budget_left_minutes=budget - (minutes - good) if measured else None,
            p50_ms=_rank(times, 50),
            p99_ms=_rank(times, 99),
            verdict=verdict,
        )

    def _days(self) -> tuple[Day, ...]:
        found: dict[str, list[Probe]] = {}
        for probe in self._probes.values():
            found.setdefault(self._day(probe.minute), []).append(probe)
        days, moment = [], self._begins
        where = ZoneInfo(self._zone)
        while moment < self._ends:
            local = moment.astimezone(where)
            # Midnight after midnight where the customer is: 23 to 25 hours.
            following = (local.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=where)
            after = min(following.astimezone(UTC), self._ends)
            name = f"{local:%Y-%m-%d}"
            probes = found.get(name, [])
            days.append(
                Day(
                    day=name,
                    minutes=(after - moment) // MINUTE,
                    good_writes=sum(p.write_ok and p.write_ms <= SLOWEST_MS for p in probes),
                    good_reads=sum(p.read_ok and p.read_ms <= SLOWEST_MS for p in probes),
                    measured=len(probes),
                    events=self._per_day[name],
                )
            )
            moment = after
        return tuple(days)

    def _day(self, moment: datetime) -> str:
        return f"{moment.astimezone(ZoneInfo(self._zone)):%Y-%m-%d}"

    def _promises(
        self,
        writes: Availability,
        reads: Availability,
        account: Iterable[Kept],
        incidents: tuple[IncidentTold, ...],
    ) -> tuple[Promise, ...]:
        told = [
            _available("writes", writes),
            _available("reads", reads),
        ]
        told.extend(
            Promise(
                name=f"incidents-{each.name}",
                verdict="missed" if each.missed else "kept",
                figures=(
                    ("met", each.met),
                    ("missed", each.missed),
                    ("running", each.running),
                    # No incident is good news only where somebody looked.
                    *(() if incidents else (("probes", writes.measured),)),
                ),
            )
            for each in account
        )
        told.append(self._drilled())
        return tuple(told)

    def _drilled(self) -> Promise:
        if not self._drills:
            return Promise(name="restore-drills", verdict="no-data", figures=())
        failed = sum(not drill.ok for drill in self._drills)
        moments = [self._begins, *(drill.at for drill in self._drills), self._ends]
        longest = max(later - earlier for earlier, later in itertools.pairwise(moments))
        late = longest > DRILL_EVERY
        return Promise(
            name="restore-drills",
            verdict="missed" if failed or late else "kept",
            figures=(
                ("drills-run", len(self._drills)),
                ("failed", failed),
                ("longest-pause-hours", longest // timedelta(hours=1)),
            ),
        )


def _available(name: str, found: Availability) -> Promise:
    figures = (("good", found.good), ("minutes", found.minutes), ("without", found.no_data))
    return Promise(name=name, verdict=found.verdict, figures=figures if found.measured else ())


def _rank(ordered: list[int], percent: int) -> int | None:
    """The nearest-rank percentile."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
