"""The runner applies every event exactly once, whatever happens to it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from domain.catalogue import EVENTS
from domain.ids import person_id
from domain.ledger import postings
from domain.organisation import PersonRegistered
from projections import directory, directory_folds, pay_ledger
from projections.audit_trail import AUDIT_TRAIL, audit_events
from projections.catalogue import NAMES, PROJECTIONS
from projections.ending import empty_views
from projections.history import TenantLogs
from projections.kernel import Projection
from projections.pay_ledger import PAY_LEDGER
from projections.rebuild import rebuild
from projections.runner import Runner
from projections.scores import SCORES, appraisals
from projections.tables import Build
from projections.trial_balance import trial_balance
from tenancy.appending import Append
from tenancy.database import Database
from tenancy.mapper import Mapper
from tenancy.records import Metadata, Recorded

RETRY_NOW = "UPDATE merit.cursors SET retry_at = updated_at WHERE tenant_id = $1"
RETRY_LATER = """
UPDATE merit.cursors SET retry_at = retry_at + interval '1 minute' WHERE tenant_id = $1
"""
AN_HOUR_AHEAD = """
UPDATE merit.cursors SET retry_at = retry_at + interval '1 hour' WHERE tenant_id = $1
"""
RETRY_AT = "SELECT retry_at FROM merit.cursors WHERE tenant_id = $1"


def crashing(projection: Projection, crash_at: int) -> Projection:
    """As `projection`, but its process dies after its `crash_at`th batch, before the commit."""
    batches = 0

    async def apply(build: Build, batch: Sequence[Recorded]) -> None:
        nonlocal batches
        batches += 1
        await projection.apply(build, batch)
        if batches == crash_at:
            build.connection.terminate()

    return msgspec.structs.replace(projection, apply=apply)


async def bug_in_python(_: Build) -> None:
    raise ZeroDivisionError("a bug")


async def bug_in_sql(build: Build) -> None:
    await build.connection.execute("SELECT 1 / 0")


def poisoned(
    projection: Projection, topic: str, bug: Callable[[Build], Awaitable[None]] = bug_in_python
) -> Projection:
    """As `projection`, with a bug in what it does about `topic`."""

    async def apply(build: Build, batch: Sequence[Recorded]) -> None:
        await projection.apply(build, batch)
        if any(recorded.topic == topic for recorded in batch):
            await bug(build)

    return msgspec.structs.replace(projection, apply=apply)


async def test_a_crash_between_apply_and_commit_leaves_nothing_half_done(
    story: SimpleNamespace, company: Any
) -> None:
    events = story.quarter(10)
    await company.write(events)
    dying = Runner(company.database, company.logs, [crashing(PAY_LEDGER, 2)], batch_events_max=40)
    with pytest.raises(Exception, match=r"closed|terminated|released"):
        await dying.catch_up(company.tenant_id)
    at_crash = await company.digest(PAY_LEDGER)
    assert 0 < at_crash.position < len(events)
    await company.runner.catch_up(company.tenant_id)
    async with company.view() as view:
        balance = await trial_balance(view)
        assert balance.balanced
        entries = await pay_ledger.entries(view)
    assert balance.position == len(events)
    posted = [posting.amount for _, event in events for posting in postings(event)]
    assert len(entries.items) == len(posted) > 20
    assert balance.by_entries[0].debit == sum(amount.minor for amount in posted)


async def test_runners_share_a_tenant_without_doing_anything_twice(
    story: SimpleNamespace, company: Any
) -> None:
    runners = [
        Runner(company.database, company.logs, PROJECTIONS, batch_events_max=17) for _ in range(3)
    ]
    events = story.quarter(10)
    done = asyncio.Event()
    moves: list[int] = []

    async def work(runner: Runner) -> None:
        while not done.is_set():
            moves.append(await runner.advance(company.tenant_id))
            await asyncio.sleep(0)

    async def feed() -> None:
        for start in range(0, len(events), 30):
            await company.write(events[start : start + 30])
        assert await company.reached(NAMES, len(events), 30)
        done.set()

    async with asyncio.timeout(60):
        await asyncio.gather(feed(), *(work(runner) for runner in runners))
    async with company.view() as view:
        assert (await trial_balance(view)).balanced
        assert len((await pay_ledger.entries(view)).items) == sum(
            len(postings(event)) for _, event in events
        )
        trail = await audit_events(view, limit=500)
    assert [event.position for event in trail.items] == list(range(1, len(events) + 1))


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
async def test_an_event_applied_again_changes_nothing(
    story: SimpleNamespace, company: Any, projection: Projection
) -> None:
    await company.write(story.quarter(8))
    await company.runner.catch_up(company.tenant_id)
    before = await company.digest(projection)
    history = await (await company.logs.of(company.tenant_id)).after(0, 1000)
    wanted = [
        each for each in history if projection.topics is None or each.topic in projection.topics
    ]
    assert wanted
    # Not in the batches of the first time: one row may be old and its neighbour new.
    for size in (7, 1000):
        for start in range(0, len(wanted), size):
            async with company.database.transaction(company.tenant_id) as connection:
                build = Build(
                    connection=connection,
                    tenant_id=company.tenant_id,
                    projection=projection.name,
                    version=projection.version,
                    number=1,
                )
                await projection.apply(build, wanted[start : start + size])
    assert await company.digest(projection) == before


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
async def test_a_batch_of_old_and_new_events_counts_the_new_ones(
    story: SimpleNamespace, company: Any, projection: Projection
) -> None:
    events = story.quarter(8)
    await company.tell(events[: len(events) - 12])
    last = await company.write(events[len(events) - 12 :])
    history = await (await company.logs.of(company.tenant_id)).after(0, 1000)
    build: Any = {"projection": projection.name, "version": projection.version, "number": 1}
    async with company.database.transaction(company.tenant_id) as connection:
        await projection.apply(
            Build(connection=connection, tenant_id=company.tenant_id, **build),
            [e for e in history if projection.topics is None or e.topic in projection.topics],
        )
    await company.execute("UPDATE merit.cursors SET position = $2 WHERE tenant_id = $1", last)
    report = await rebuild(company.database, company.logs, projection, company.tenant_id)
    assert (report.equal, report.position) == (True, last)


async def test_the_size_of_a_batch_does_not_matter(
    story: SimpleNamespace, company: Any, other_company: Any
) -> None:
    told = []
    for each, size in ((company, 1), (other_company, 1000)):
        await each.write(story.quarter(5))
        runner = Runner(each.database, each.logs, PROJECTIONS, batch_events_max=size)
        await runner.catch_up(each.tenant_id)
        async with each.view() as view:
            accounts = await pay_ledger.accounts(view)
            people = await directory.people(view)
            # Event ids are each log's own.
            scores = [
                msgspec.structs.replace(
                    row,
                    locked_event_id=None,
                    versions=tuple((each.version, each.score) for each in row.versions),
                )
                for row in (await appraisals(view)).items
            ]
        told.append((accounts, people, scores))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("bug", "error"),
    [
        (bug_in_python, "ZeroDivisionError: a bug"),
        (bug_in_sql, "DivisionByZeroError: division by zero"),
    ],
)
async def test_a_bug_in_one_view_stops_neither_views_nor_tenants(
    story: SimpleNamespace,
    company: Any,
    other_company: Any,
    bug: Callable[[Build], Awaitable[None]],
    error: str,
) -> None:
    events = story.quarter(3)
    first = next(
        n for n, (_, e) in enumerate(events, start=1) if e.TOPIC == "appraisal.score-locked"
    )
    bad = poisoned(SCORES, "appraisal.score-locked", bug)
    buggy = Runner(
        company.database, company.logs, [bad, *(p for p in PROJECTIONS if p is not SCORES)]
    )
    await company.write(events)
    await other_company.write(story.units())
    await buggy.catch_up(company.tenant_id)
    await buggy.catch_up(other_company.tenant_id)

    others = [name for name in NAMES if name != "scores"]
    assert await company.reached(others, len(events))
    assert not await company.reached(NAMES, len(events))
    assert await other_company.reached(NAMES, 5)
    # Everything before the poison is there, and health names the poison.
    assert await company.reached(["scores"], first - 1)
    (stuck,) = await company.lag(SCORES)
    assert stuck.position == first - 1
    assert stuck.error == f"appraisal.score-locked at position {first}: {error}"
    # What the failing batch had written is gone.
    async with company.view() as view:
        assert [row.score for row in (await appraisals(view)).items] == [None]
    # It is left alone until its next attempt is due ...
    await company.execute(RETRY_LATER)
    assert await buggy.advance(company.tenant_id) == 0
    # ... which succeeds once the bug is mended.
    await company.execute(RETRY_NOW)
    await company.runner.catch_up(company.tenant_id)
    assert await company.reached(NAMES, len(events))
    assert await company.lag(SCORES) == ()


async def test_a_clock_that_is_set_back_does_not_put_off_the_next_attempt(
    story: SimpleNamespace, company: Any
) -> None:
    await company.write(story.hired(1))
    buggy = Runner(
        company.database, company.logs, [poisoned(directory_folds.DIRECTORY, "person.registered")]
    )
    await buggy.advance(company.tenant_id)
    # As the row looks when it was written by a clock that was an hour ahead.
    await company.execute(AN_HOUR_AHEAD)
    await buggy.advance(company.tenant_id)
    async with company.database.transaction(company.tenant_id) as connection:
        due = await connection.fetchval(RETRY_AT, company.tenant_id)
    assert due < datetime.now(UTC) + timedelta(seconds=10)


async def test_each_failure_waits_longer(story: SimpleNamespace, company: Any) -> None:
    await company.write(story.hired(1))
    buggy = Runner(
        company.database, company.logs, [poisoned(directory_folds.DIRECTORY, "person.registered")]
    )
    for wait_s in (1, 2, 4):
        earliest = datetime.now(UTC) + timedelta(seconds=wait_s)
        await buggy.advance(company.tenant_id)
        latest = datetime.now(UTC) + timedelta(seconds=wait_s)
        async with company.database.transaction(company.tenant_id) as connection:
            due = await connection.fetchval(RETRY_AT, company.tenant_id)
        assert earliest <= due <= latest
        await company.execute(RETRY_NOW)


async def test_an_event_that_does_not_open_stops_its_tenant_there_and_is_named(
    story: SimpleNamespace, company: Any
) -> None:
    last = await company.write(story.units())
    mapper = Mapper(company.tenant_id, await company.keyring.of(company.tenant_id), EVENTS)
    stream = person_id("forged")
    metadata = Metadata(event_id=uuid4(), actor=uuid4())
    event = PersonRegistered(number="1")
    sealed = mapper.seal(stream, 1, event, metadata, story.recorded(story.units())[0].recorded_at)
    flipped = sealed.payload[:-1] + bytes([sealed.payload[-1] ^ 1])
    forged = msgspec.structs.replace(sealed, payload=flipped)
    request = Append(stream_id=stream, version=1, expected={stream: 0}, events=(forged,))
    await company.append(request)
    await company.runner.catch_up(company.tenant_id)
    assert await company.reached(NAMES, last)
    assert not await company.reached(["directory"], last + 1)
    (stuck,) = await company.lag(AUDIT_TRAIL)
    assert f"position {last + 1} does not open: NotGenuine" in stuck.error


async def test_a_wake_up_is_enough(story: SimpleNamespace, company: Any) -> None:
    stop = asyncio.Event()
    daemon = asyncio.create_task(
        Runner(company.database, company.logs, PROJECTIONS, poll_s=600).run(stop)
    )
    try:
        assert not await company.reached(NAMES, 1, 0.3)
        position = await company.write(story.units())
        assert await company.reached(NAMES, position, 10)
    finally:
        stop.set()
        await daemon


async def test_a_missed_wake_up_is_made_up_for_by_polling(
    story: SimpleNamespace, company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = Runner(company.database, company.logs, PROJECTIONS, poll_s=0.05)
    monkeypatch.setattr(deaf._turns, "_rung", lambda _: None)
    stop = asyncio.Event()
    daemon = asyncio.create_task(deaf.run(stop))
    try:
        await asyncio.sleep(0.1)
        position = await company.write(story.units())
        assert await company.reached(NAMES, position, 10)
    finally:
        stop.set()
        await daemon


async def test_a_view_that_comes_later_does_not_hold_up_the_others(
    story: SimpleNamespace, company: Any
) -> None:
    events = story.quarter(5)
    await company.write(events[:-1])
    older = [each for each in PROJECTIONS if each is not AUDIT_TRAIL]
    await Runner(company.database, company.logs, older).catch_up(company.tenant_id)
    await company.write(events[-1:])
    # One round: the newcomer is far from the head, the others reach it.
    await Runner(company.database, company.logs, PROJECTIONS, batch_events_max=10).advance(
        company.tenant_id
    )
    assert await company.reached([each.name for each in older], len(events))
    assert not await company.reached(["audit_trail"], len(events))
    assert await company.reached(["audit_trail"], 10)


async def test_what_others_have_moved_is_found_again(
    story: SimpleNamespace, company: Any, database: Database, logs: TenantLogs
) -> None:
    """Where views stand is known from having moved them: not for ever, nor against the facts."""
    lines = story.quarter(3)
    runner = Runner(database, logs, PROJECTIONS)
    await company.write(lines[:40])
    assert await runner.catch_up(company.tenant_id) == 40
    # Another one goes on, twice, and this one has not heard of it.
    await company.tell(lines[40:80])
    head = await company.write(lines[80:])
    assert await runner.catch_up(company.tenant_id) == head - 80
    assert await company.views.reached(company.tenant_id) == head
    # All of it is taken away: that is seen at the next look, even if nothing more happens.
    await empty_views(database, company.tenant_id)
    assert await runner.catch_up(company.tenant_id) == 0
    runner._looked.clear()
    assert await runner.catch_up(company.tenant_id) == head
