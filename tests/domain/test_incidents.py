"""Incidents: the path, the refusals, and clocks to the second. R125-R131"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from domain import ids
from domain.incident import (
    INCIDENT,
    AcknowledgeIncident,
    Incident,
    IncidentReported,
    ReclassifyIncident,
    ReopenIncident,
    ReportIncident,
    ResolveIncident,
    RestoreService,
    Severity,
)
from domain.incident_clocks import Calendar, Clock, clocks, kept, next_business_day
from domain.kernel import Command
from domain.on_call import OnCallRota, SetOnCallRota, Shift

START = datetime(2025, 4, 1, 8, tzinfo=UTC)


def report(severity: Severity = "ordinary", **other: object) -> ReportIncident:
    return ReportIncident(
        code="INC-1",
        title="绩效地图打不开",
        severity=severity,
        source="hotline",
        **other,  # type: ignore[arg-type]  # fields of the command
    )


ON = ids.incident_id("INC-1")
RESOLVE = ResolveIncident(cause="磁盘已满", action="扩容")


def at(severity: Severity, **seconds: float) -> Incident:
    """An incident that began at START; each moment is given in seconds after it."""
    moments = {name: START + timedelta(seconds=after) for name, after in seconds.items()}
    return Incident(severity=severity, worst=severity, began_at=START, reported_at=START, **moments)


def verdicts(incident: Incident, after_s: float) -> dict[str, str]:
    now = START + timedelta(seconds=after_s)
    return {clock.name: clock.verdict for clock in clocks(incident, now)}


def test_from_report_to_solution(company: Any) -> None:
    world = company.world
    world.do(report())
    world.do(AcknowledgeIncident(note="已联系"), on=ON)
    resolved = world.do(RESOLVE, on=ON)
    assert [event.TOPIC for event in resolved] == ["incident.restored", "incident.resolved"]
    state = world.state(INCIDENT, ON)
    assert state.state == "resolved"
    assert verdicts_of(state) == {"respond": "met", "solve": "met"}


def verdicts_of(incident: Incident) -> dict[str, str]:
    return {clock.name: clock.verdict for clock in clocks(incident, START + timedelta(days=9))}


@pytest.mark.parametrize(
    ("done", "code", "command"),
    [
        ([], "unknown-incident", AcknowledgeIncident()),
        ([report()], "already-exists", report()),
        ([report()], "incident-not-acknowledged", RESOLVE),
        ([report()], "incident-not-acknowledged", RestoreService(how="切换")),
        ([report()], "severity-unchanged", ReclassifyIncident(severity="ordinary", reason="同")),
        ([report()], "reason-missing", ReclassifyIncident(severity="major", reason=" ")),
        ([report()], "incident-not-resolved", ReopenIncident(reason="再现")),
        ([report(), AcknowledgeIncident()], "incident-acknowledged", AcknowledgeIncident()),
        (
            [report(), AcknowledgeIncident(), RestoreService(how="切换")],
            "service-restored",
            RestoreService(how="切换"),
        ),
        ([report(), AcknowledgeIncident(), RESOLVE], "incident-resolved", RESOLVE),
    ],
)
def test_refusals(company: Any, done: list[Command], code: str, command: Command) -> None:
    for each in done:
        company.world.do(each, on=ON)
    company.world.refuses(code, command, on=ON)


def test_a_clock_is_only_ever_started_earlier(company: Any) -> None:
    world = company.world
    for began in (
        world.now + timedelta(seconds=1),
        world.now - timedelta(days=32),
        world.now.replace(tzinfo=None),
    ):
        world.refuses("bad-date", report(began_at=began), on=ON)
    earlier = world.now - timedelta(minutes=14)
    [reported] = world.do(report(began_at=earlier), on=ON)
    assert isinstance(reported, IncidentReported)
    assert world.state(INCIDENT, ON).began_at == earlier


@pytest.mark.parametrize(
    ("after_s", "verdict"), [(0, "met"), (900, "met"), (900.000001, "missed"), (901, "missed")]
)
def test_fifteen_minutes_are_900_seconds_and_not_one_more(after_s: float, verdict: str) -> None:
    assert verdicts(at("ordinary", acknowledged_at=after_s), 1000)["respond"] == verdict


def test_a_clock_that_nobody_stopped_is_missed_once_it_is_too_late() -> None:
    assert verdicts(at("major"), 900) == {"respond": "running", "restore": "running"}
    assert verdicts(at("major"), 901) == {"respond": "missed", "restore": "running"}
    assert verdicts(at("major", acknowledged_at=60), 8 * 3600)["restore"] == "running"
    assert verdicts(at("major", acknowledged_at=60), 8 * 3600 + 1)["restore"] == "missed"


def test_ordinary_is_solved_in_two_hours_and_major_restored_in_eight() -> None:
    solved = at("ordinary", acknowledged_at=60, restored_at=7200, resolved_at=7200)
    late = at("ordinary", acknowledged_at=60, restored_at=60, resolved_at=7201)
    assert verdicts(solved, 9999)["solve"] == "met"
    assert verdicts(late, 9999)["solve"] == "missed"
    restored = at("major", acknowledged_at=60, restored_at=8 * 3600)
    assert verdicts(restored, 99999) == {"respond": "met", "restore": "met"}


def test_making_it_less_bad_does_not_loosen_its_promise(company: Any) -> None:
    world = company.world
    world.do(report("major"))
    world.do(AcknowledgeIncident(), on=ON)
    world.do(ReclassifyIncident(severity="question", reason="误报"), on=ON)
    found = clocks(world.state(INCIDENT, ON), world.now)
    assert [clock.name for clock in found] == ["respond", "restore"]
    assert world.state(INCIDENT, ON).severity == "question"


def test_a_reopened_incident_runs_on_from_its_first_start(company: Any) -> None:
    world = company.world
    world.do(report())
    world.do(AcknowledgeIncident(), on=ON)
    world.do(RESOLVE, on=ON)
    world.do(ReopenIncident(reason="再现"), on=ON)
    began = world.state(INCIDENT, ON).began_at
    found = {c.name: c for c in clocks(world.state(INCIDENT, ON), began + timedelta(hours=3))}
    assert found["solve"].verdict == "missed"
    assert found["respond"].verdict == "met"


@pytest.mark.parametrize(
    ("moment", "calendar", "due"),
    [
        # Friday 4 April 2025 in Shanghai is a holiday (清明), the next business day is Monday.
        (
            datetime(2025, 4, 3, 9, tzinfo=UTC),
            Calendar(holidays=frozenset({date(2025, 4, 4)})),
            datetime(2025, 4, 7, 16, tzinfo=UTC),
        ),
        (datetime(2025, 4, 1, 9, tzinfo=UTC), Calendar(), datetime(2025, 4, 2, 16, tzinfo=UTC)),
        # 17:00 UTC is already the next day there.
        (datetime(2025, 4, 1, 17, tzinfo=UTC), Calendar(), datetime(2025, 4, 3, 16, tzinfo=UTC)),
        # New York's clocks go forward on 9 March 2025: midnight is 04:00 UTC after it.
        (
            datetime(2025, 3, 7, 15, tzinfo=UTC),
            Calendar(zone="America/New_York"),
            datetime(2025, 3, 11, 4, tzinfo=UTC),
        ),
        # A leap day is a day.
        (datetime(2024, 2, 28, 9, tzinfo=UTC), Calendar(), datetime(2024, 2, 29, 16, tzinfo=UTC)),
    ],
)
def test_a_question_has_until_the_end_of_the_next_business_day(
    moment: datetime, calendar: Calendar, due: datetime
) -> None:
    assert next_business_day(moment, calendar) == due


moments = st.none() | st.integers(0, 40_000)


@any_of(
    severity=st.sampled_from(["major", "ordinary", "question"]),
    acknowledged=moments,
    restored=moments,
    resolved=moments,
    now=st.integers(0, 50_000),
    later=st.integers(0, 50_000),
)
def test_missed_stays_missed(  # noqa: PLR0917  hypothesis gives them by name
    severity: Severity,
    acknowledged: int | None,
    restored: int | None,
    resolved: int | None,
    now: int,
    later: int,
) -> None:
    given = {"acknowledged_at": acknowledged, "restored_at": restored, "resolved_at": resolved}
    incident = at(severity, **{name: each for name, each in given.items() if each is not None})
    first, second = verdicts(incident, now), verdicts(incident, now + later)
    for name, verdict in first.items():
        if verdict != "running":
            assert second[name] == verdict


def test_the_account_of_many_clocks() -> None:
    def clock(seconds: int | None, verdict: str) -> Clock:
        return Clock(
            name="respond",
            starts_at=START,
            due_at=START + timedelta(minutes=15),
            stopped_at=None if seconds is None else START + timedelta(seconds=seconds),
            verdict=verdict,  # type: ignore[arg-type]  # one of the literals
        )

    found = kept(
        [clock(60, "met"), clock(600, "met"), clock(1000, "missed"), clock(None, "running")]
    )
    account = found[0]
    assert (account.met, account.missed, account.running) == (2, 1, 1)
    assert (account.median_s, account.slowest_s) == (600, 1000)
    assert found[1].median_s is None


def shift(start_h: int, end_h: int, who: str = "李") -> Shift:
    return Shift(
        starts_at=START + timedelta(hours=start_h),
        ends_at=START + timedelta(hours=end_h),
        who=who,
        contact="400-000-0001",
    )


def test_the_rota_says_who_is_on_call(company: Any) -> None:
    world = company.world
    world.do(SetOnCallRota(shifts=(shift(12, 24, "赵"), shift(0, 12))))
    world.do(SetOnCallRota(shifts=(shift(6, 8, "钱"),)))
    rota: OnCallRota = world.states[ids.ON_CALL_ROTA_ID]
    assert [
        each and each.who
        for each in (rota.at(START + timedelta(hours=h)) for h in (0, 6, 8, 12, 24))
    ] == ["李", "钱", "李", "赵", None]


@pytest.mark.parametrize(
    "shifts",
    [
        (),
        (shift(0, 0),),
        (shift(2, 1),),
        (shift(0, 2), shift(3, 4)),
        (shift(0, 2), shift(1, 4)),
        (Shift(starts_at=datetime(2025, 1, 1), ends_at=START, who="李", contact="1"),),  # noqa: DTZ001
    ],
)
def test_a_rota_has_no_holes(company: Any, shifts: tuple[Shift, ...]) -> None:
    company.world.refuses("bad-rota", SetOnCallRota(shifts=shifts))


def test_ids_of_incidents_follow_their_codes() -> None:
    assert ids.incident_id("INC-1") == ON != ids.incident_id("INC-2")
    assert isinstance(ON, UUID)
