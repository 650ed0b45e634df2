"""What a prober outside saw, minute by minute: the only word on availability that counts."""

from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_code
from domain.kernel import Command, Context, Decider, Event, Happened, Refused

PROBES_MAX = 1500
MS_MAX = 600_000


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One minute: a question and a command with a key, as a customer would send them."""

    minute: datetime
    """Its beginning; whole minutes."""
    read_ok: bool
    read_ms: int
    write_ok: bool
    write_ms: int


class RecordProbes(Command, frozen=True, kw_only=True):
    """Minutes of one month, each later than those that were told before."""

    prober: str
    """Which prober, from where."""
    probes: tuple[Probe, ...]


class ProbesRecorded(Event, frozen=True, kw_only=True):
    """外部探测"""

    TOPIC = "probe.recorded"
    prober: str
    probes: tuple[Probe, ...]


class Probing(msgspec.Struct, frozen=True, kw_only=True):
    """How far a prober has told."""

    last_minute: datetime | None = None


def _decide(state: Probing, command: RecordProbes, context: Context) -> tuple[Event, ...]:
    if not 0 < len(command.probes) <= PROBES_MAX:
        raise Refused("bad-probe", f"Tell 1 to {PROBES_MAX} minutes at a time.")
    if len({(probe.minute.year, probe.minute.month) for probe in command.probes}) > 1:
        raise Refused("bad-probe", "Tell the minutes of one month at a time.")
    last = state.last_minute
    for probe in command.probes:
        minute = probe.minute
        if minute.tzinfo is None or minute.second or minute.microsecond:
            raise Refused("bad-probe", "A probe is of a whole minute, with a zone.")
        if minute > context.now + timedelta(minutes=1):
            raise Refused("bad-probe", "A probe is not of the future.")
        if last is not None and minute <= last:
            raise Refused("probe-minute-taken", "Each minute is told once, in order.")
        if not (0 <= probe.read_ms <= MS_MAX and 0 <= probe.write_ms <= MS_MAX):
            raise Refused("bad-probe", f"An answer takes 0 to {MS_MAX} ms.")
        last = minute
    return (ProbesRecorded(prober=checked_code(command.prober, "prober"), probes=command.probes),)


def _evolve(_: Probing, happened: Happened[ProbesRecorded]) -> Probing:
    event = happened.event
    match event:
        case ProbesRecorded():
            return Probing(last_minute=event.probes[-1].minute)
        case _:
            assert_never(event)


PROBE: Decider[Probing] = Decider(kind="probe", initial=Probing(), decide=_decide, evolve=_evolve)


class IssueHealthReport(Command, frozen=True, kw_only=True):
    """A month's report is final: what it said can be proved from now on."""

    month: str
    """As in 2025-03."""
    sha256: str
    """Of its JSON form, lower-case hexadecimal."""
    kept: bool
    """Whether every promise was kept."""


class HealthReportIssued(Event, frozen=True, kw_only=True):
    """月度系统健康检查报告"""

    TOPIC = "health-report.issued"
    month: str
    sha256: str
    kept: bool


class HealthReports(msgspec.Struct, frozen=True, kw_only=True):
    """The months that were reported, with the digest of each."""

    issued: tuple[tuple[str, str], ...] = ()
    last_event: UUID | None = None


def _decide_report(
    state: HealthReports, command: IssueHealthReport, _context: Context
) -> tuple[Event, ...]:
    wrong = len(command.sha256) != 64 or set(command.sha256) - set("0123456789abcdef")  # noqa: PLR2004
    if wrong or not _is_month(command.month):
        raise Refused("bad-report", "A report has a month as in 2025-03, and a SHA-256.")
    if any(month == command.month for month, _ in state.issued):
        raise Refused("already-exists", "That month's report was issued before.")
    return (HealthReportIssued(month=command.month, sha256=command.sha256, kept=command.kept),)


def _is_month(text: str) -> bool:
    try:
        found = datetime.strptime(f"{text}-01", "%Y-%m-%d")  # noqa: DTZ007 - a month has no zone
    except ValueError:
        return False
    return f"{found:%Y-%m}" == text


def _evolve_report(state: HealthReports, happened: Happened[HealthReportIssued]) -> HealthReports:
    event = happened.event
    match event:
        case HealthReportIssued():
            return HealthReports(
                issued=(*state.issued, (event.month, event.sha256)), last_event=happened.event_id
            )
        case _:
            assert_never(event)


HEALTH_REPORT: Decider[HealthReports] = Decider(
    kind="health-report", initial=HealthReports(), decide=_decide_report, evolve=_evolve_report
)
