"""Views as they were: the same as the live views were then, row by row and question by question."""

import hashlib
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from domain.ids import employment_id
from projections import audit_trail, directory, org_tree, past, pay_ledger, planning, rating, scores
from projections.anomalies import anomalies
from projections.catalogue import PROJECTIONS
from projections.directory_folds import DIRECTORY
from projections.ledger_balances import balances_then
from projections.past import NOTHING, NotWritten, TooFar, Twin, Twins, canonical, digested, folded
from projections.performance_map import PerformanceMap, performance_map
from projections.questions import View
from projections.reward_gap import reward_gaps
from projections.score_patterns import job_map, score_distribution, trends
from projections.trial_balance import trial_balance

DAY = date(2026, 3, 1)


async def _every_row(company: Any) -> dict[str, list[bytes]]:
    """The live rows of every table, each as canonical JSON."""
    told = {}
    async with company.view() as view:
        for projection in PROJECTIONS:
            for table in projection.tables:
                records = await view.fetch(
                    f"SELECT {table.selected} FROM {table.name}"
                    f" WHERE tenant_id = $1 AND build = {table.live}"
                )
                told[table.name] = sorted(canonical(table.read(record)) for record in records)
    return told


def _rows_of(twin: Twin, names: list[str]) -> dict[str, list[bytes]]:
    return {
        name: sorted(canonical(row) for row in twin.held.get(name, {}).values()) for name in names
    }


QUESTIONS: tuple[Callable[[View, SimpleNamespace], Awaitable[Any]], ...] = (
    lambda view, _: trial_balance(view),
    lambda view, _: org_tree.tree(view, DAY),
    lambda view, _: org_tree.findings(view, DAY),
    lambda view, story: org_tree.same_work(view, story.CYCLE),
    lambda view, _: performance_map(view),
    lambda view, _: job_map(view),
    lambda view, _: score_distribution(view),
    lambda view, _: trends(view),
    lambda view, story: anomalies(view, story.CYCLE),
    lambda view, story: reward_gaps(view, story.CYCLE),
    lambda view, story: scores.appraisals(view, cycle_id=story.CYCLE, limit=3),
    lambda view, story: scores.appraisal_ids(view, story.CYCLE),
    lambda view, _: directory.employments(view, on=DAY, limit=3),
    lambda view, _: directory.employment(view, employment_id("E00001")),
    lambda view, _: directory.people(view),
    lambda view, _: directory.employed_within(view, date(2026, 1, 1), date(2026, 3, 31)),
    lambda view, _: pay_ledger.entries(view, account="liability:payable", limit=4),
    lambda view, _: pay_ledger.accounts(view),
    lambda view, _: balances_then(view, position=None, effective_until=DAY),
    lambda view, story: planning.cycle(view, story.CYCLE),
    lambda view, story: rating.tasks(view, rater_id=story.ACTOR),
    lambda view, _: audit_trail.audit_events(view, descending=True, limit=5),
)


async def _answers(view: View, story: SimpleNamespace) -> list[bytes]:
    return [canonical(await ask(view, story)) for ask in QUESTIONS]


async def test_the_past_is_what_the_present_was(story: SimpleNamespace, company: Any) -> None:
    lines = story.quarter(3)
    luck = random.Random(11)
    stops = sorted({*luck.sample(range(1, len(lines)), 5), len(lines)})
    rows, answers, begun = {}, {}, 0
    for stop in stops:
        position = await company.tell(lines[begun:stop])
        begun = stop
        rows[position] = await _every_row(company)
        async with company.view() as view:
            answers[position] = await _answers(view, story)

    log = await company.logs.of(company.tenant_id)
    for position in luck.sample(sorted(rows), len(rows)):
        for projection in PROJECTIONS:
            twin = await folded(log, projection, company.tenant_id, position)
            names = [table.name for table in projection.tables]
            assert _rows_of(twin, names) == {name: rows[position][name] for name in names}
        moment = await company.views.moment(company.tenant_id, position=position)
        async with company.views.then(company.tenant_id, moment) as view:
            assert await _answers(view, story) == answers[position], position
    nothing = await company.views.moment(company.tenant_id, position=0)
    assert nothing == past.Moment(position=0, recorded_at=None)
    async with company.views.then(company.tenant_id, nothing) as view:
        assert (await directory.people(view)).items == ()
        assert await performance_map(view) == PerformanceMap(cells=(), families=(), gaps=())


async def test_one_row_of_the_past_is_folded_from_its_own_streams(
    story: SimpleNamespace, company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every position, the row is the one that the whole log says; and the log is not read."""
    head = await company.tell(story.quarter(2))
    log = await company.logs.of(company.tenant_id)
    compared = 0
    for projection in PROJECTIONS:
        if projection.streams is None:
            continue
        last = await folded(log, projection, company.tenant_id, head)
        twin = NOTHING
        for position in range(1, head + 1, 3):
            twin = await folded(log, projection, company.tenant_id, position, twin)
            moment = await company.views.moment(company.tenant_id, position=position)
            async with company.views.then(company.tenant_id, moment) as view:
                for table in projection.tables:
                    for key in last.held.get(table.name, {}):
                        if await projection.streams(view, table, key) is not None:
                            said = twin.held.get(table.name, {}).get(key)
                            assert await view.row(table, key) == said, (position, table.name)
                            compared += said is not None
    assert compared > 500

    async def whole(*_: Any) -> Twin:
        raise AssertionError("it reads the whole log")

    there = await folded(log, DIRECTORY, company.tenant_id, head - 1)
    employment = next(iter(there.held[directory.EMPLOYMENTS.name]))
    monkeypatch.setattr(company.views.twins, "of", whole)
    moment = await company.views.moment(company.tenant_id, position=head - 1)
    async with company.views.then(company.tenant_id, moment) as view:
        assert await directory.employment(view, employment) is not None


async def test_what_the_live_view_has_not_reached_is_folded_from_the_log(
    story: SimpleNamespace, company: Any
) -> None:
    head = await company.write(story.quarter(1))  # and no runner
    log = await company.logs.of(company.tenant_id)
    there = await folded(log, DIRECTORY, company.tenant_id, head)
    employment = next(iter(there.held[directory.EMPLOYMENTS.name]))
    moment = await company.views.moment(company.tenant_id, position=head)
    async with company.views.then(company.tenant_id, moment) as view:
        assert await directory.employment(view, employment) is not None


async def test_a_digest_does_not_depend_on_how_it_was_folded(
    story: SimpleNamespace, company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In batches of any size, in one go or going on from a twin, here or in another database."""
    head = await company.write(story.quarter(2))
    log = await company.logs.of(company.tenant_id)
    for projection in PROJECTIONS:
        whole = digested(projection, await folded(log, projection, company.tenant_id, head))
        for size in (1, 7):
            monkeypatch.setattr(past, "BATCH_EVENTS_MAX", size)
            twin = NOTHING
            for position in (head // 3, head // 2, head):
                twin = await folded(log, projection, company.tenant_id, position, twin)
            assert digested(projection, twin) == whole
        monkeypatch.undo()


def test_the_digest_can_be_written_down_in_words() -> None:
    """As the documentation says it, so that others can compute it."""
    (projection,) = (each for each in PROJECTIONS if each.name == "audit_trail")
    table = projection.tables[0]
    rows = {
        position: audit_trail.AuditEvent(
            position=position,
            event_id=employment_id("e"),
            stream_id=employment_id("s"),
            version=1,
            topic="t",
            recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
            actor=employment_id("a"),
            on_behalf_of=None,
            command_id=None,
            correlation_id=None,
            causation_id=None,
        )
        for position in (2, 1)
    }
    told = digested(projection, Twin(position=2, held={table.name: rows}))
    lines = [canonical(table.name), canonical(rows[1]), canonical(rows[2])]
    assert told.digest == hashlib.sha256(b"\n".join(lines) + b"\n").hexdigest()
    assert lines[1].startswith(b'{"actor":"')
    assert b" " not in lines[1]


async def test_later_questions_go_on_from_earlier_ones(
    story: SimpleNamespace, company: Any
) -> None:
    """What is remembered is never changed by going on, and forgotten when it is too much."""
    head = await company.write(story.quarter(2))
    log = await company.logs.of(company.tenant_id)
    read: list[int] = []

    class Counted:
        async def between(self, after: int, *rest: Any) -> Any:
            read.append(after)
            return await log.between(after, *rest)

        async def of_streams(self, *_: Any) -> Any:
            raise AssertionError("a twin takes the whole log")

    (projection,) = (each for each in PROJECTIONS if each.name == scores.NAME)
    twins = Twins(rows_max=10_000)
    half = await twins.of(Counted(), projection, company.tenant_id, head // 2)
    before = digested(projection, half)
    await twins.of(Counted(), projection, company.tenant_id, head)
    assert min(read[1:]) >= 0
    assert head // 2 in read, "the second went on where the first had stopped"
    assert digested(projection, half) == before
    read.clear()
    assert await twins.of(Counted(), projection, company.tenant_id, head // 2) is half
    assert read == []

    small = Twins(rows_max=1)
    await small.of(Counted(), projection, company.tenant_id, head - 1)
    await small.of(Counted(), projection, company.tenant_id, head)
    read.clear()
    await small.of(Counted(), projection, company.tenant_id, head - 1)
    assert read, "it had been forgotten"


async def test_one_question_costs_no_more_than_allowed(
    story: SimpleNamespace, company: Any
) -> None:
    head = await company.write(story.quarter(1))
    log = await company.logs.of(company.tenant_id)
    twins = Twins(events_max=head - 1)
    with pytest.raises(TooFar):
        await twins.of(log, PROJECTIONS[0], company.tenant_id, head)
    await twins.of(log, PROJECTIONS[0], company.tenant_id, head - 1)
    await twins.of(log, PROJECTIONS[0], company.tenant_id, head)
    with pytest.raises(NotWritten):
        await company.views.moment(company.tenant_id, position=head + 1)


async def test_what_was_known_is_all_before_the_first_that_came_later(
    story: SimpleNamespace, company: Any
) -> None:
    """Times are of arrival: an event may lie before one that arrived earlier."""
    await company.write(story.quarter(1)[:5])
    log = await company.logs.of(company.tenant_id)
    at = await log.recorded_at(5)
    assert at is not None
    assert await log.known(at) == 5
    assert await log.known(at - timedelta(microseconds=1)) == 0
    assert await log.recorded_at(6) is None
    moment = await company.views.moment(company.tenant_id, known_at=at, position=3)
    assert moment.position == 3
