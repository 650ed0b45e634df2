"""A view can be thrown away: what is built again from the log is the same, to the last byte."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from projections import pay_ledger
from projections.catalogue import PROJECTIONS
from projections.directory import people
from projections.directory_folds import DIRECTORY
from projections.kernel import Projection
from projections.pay_ledger import PAY_LEDGER
from projections.rebuild import NothingToRebuild, RebuildFailed, Rebuilt, rebuild
from projections.scores import SCORES
from projections.tables import Build
from projections.trial_balance import trial_balance
from tenancy.records import Recorded

BUILDS = """
SELECT array_agg(build ORDER BY build) FROM merit.cursors WHERE tenant_id = $1 AND projection = $2
"""


async def rebuilt(company: Any, projection: Projection, **options: Any) -> Rebuilt:
    return await rebuild(company.database, company.logs, projection, company.tenant_id, **options)


async def builds(company: Any, projection: Projection) -> list[int]:
    async with company.database.transaction(company.tenant_id) as connection:
        found: list[int] = await connection.fetchval(BUILDS, company.tenant_id, projection.name)
        return found


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
async def test_rebuilt_is_what_was_live(
    story: SimpleNamespace, company: Any, projection: Projection
) -> None:
    events = story.quarter(10)
    for start in range(0, len(events), 37):
        await company.tell(events[start : start + 37])
    before = await company.digest(projection)
    report = await rebuilt(company, projection)
    assert (report.equal, report.switched, report.position) == (True, True, len(events))
    assert await company.digest(projection) == before
    # The old rows are gone, and the runner goes on with the new build.
    assert await builds(company, projection) == [2]
    position = await company.tell(story.hired(99))
    assert (await company.digest(projection)).position == position


async def test_questions_are_answered_from_the_new_build(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(4))
    async with company.view() as view:
        before = (await people(view), await pay_ledger.accounts(view), await trial_balance(view))
        for projection in PROJECTIONS:
            await rebuilt(company, projection)
        after = (await people(view), await pay_ledger.accounts(view), await trial_balance(view))
    assert before == after
    assert [person.name for person in after[0].items] == [f"王小明{n}" for n in range(4)]


async def test_a_damaged_view_is_found_and_kept_for_inquiry(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(4))
    await company.execute(
        f"UPDATE {pay_ledger.ACCOUNTS.name} SET credit = credit - 1"
        " WHERE tenant_id = $1 AND account LIKE 'clearing:%'"
    )
    async with company.view() as view:
        balance = await trial_balance(view)
        assert not balance.balanced
        assert [each.account for each in balance.disagreements] == ["clearing:bank:ICBC-1"]
        assert balance.by_balances[0].difference == 1
        assert balance.by_entries[0].difference == 0
    report = await rebuilt(company, PAY_LEDGER)
    assert (report.equal, report.switched) == (False, False)
    assert await builds(company, PAY_LEDGER) == [1]
    report = await rebuilt(company, PAY_LEDGER, on_difference="switch")
    assert (report.equal, report.switched) == (False, True)
    async with company.view() as view:
        assert (await trial_balance(view)).balanced


async def test_a_view_is_rebuilt_while_it_is_written(story: SimpleNamespace, company: Any) -> None:
    events = story.quarter(30)
    await company.tell(events[:200])

    async def write() -> None:
        for start in range(200, len(events), 7):
            await company.tell(events[start : start + 7])

    writing = asyncio.create_task(write())
    reports = []
    while not writing.done():
        reports.append(await rebuilt(company, SCORES))
    await writing
    assert len(reports) > 1
    assert all(report.equal and report.switched for report in reports)
    # The runner passes by a cursor that a rebuild holds; nobody holds it now.
    await company.runner.catch_up(company.tenant_id)
    final = await rebuilt(company, SCORES)
    assert (final.equal, final.position) == (True, len(events))


async def test_an_interrupted_rebuild_goes_on_where_it_stopped(
    story: SimpleNamespace, company: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.rebuild.BATCH_EVENTS_MAX", 20)
    monkeypatch.setattr("projections.ahead.ROWS_MAX", 0)
    events = story.quarter(10)
    await company.tell(events)
    batches = 0

    async def interrupted(build: Build, batch: Sequence[Recorded]) -> None:
        nonlocal batches
        batches += 1
        if batches > 1:
            raise ZeroDivisionError("a bug")
        await DIRECTORY.apply(build, batch)

    with pytest.raises(RebuildFailed, match="ZeroDivisionError"):
        await rebuilt(company, msgspec.structs.replace(DIRECTORY, apply=interrupted))
    assert await builds(company, DIRECTORY) == [1, 2]
    report = await rebuilt(company, DIRECTORY)
    assert report.equal
    assert 0 < report.events < len(events)
    assert await builds(company, DIRECTORY) == [2]


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda each: each.name)
@pytest.mark.parametrize("rows_max", [15, 100_000])
async def test_what_does_not_fit_in_memory_goes_on_in_the_database(
    story: SimpleNamespace,
    company: Any,
    monkeypatch: pytest.MonkeyPatch,
    projection: Projection,
    rows_max: int,
) -> None:
    monkeypatch.setattr("projections.ahead.BATCH_EVENTS_MAX", 20)
    monkeypatch.setattr("projections.ahead.ROWS_MAX", rows_max)
    events = story.quarter(10)
    await company.tell(events)

    report = await rebuilt(company, projection)

    assert (report.equal, report.switched, report.events) == (True, True, len(events))


async def test_an_event_that_cannot_be_applied_is_named(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(3))

    async def failing(build: Build, batch: Sequence[Recorded]) -> None:
        if any(recorded.position > 20 for recorded in batch):
            raise ZeroDivisionError("a bug")
        await DIRECTORY.apply(build, batch)

    with pytest.raises(RebuildFailed, match=r"at position \d+: ZeroDivisionError"):
        await rebuilt(company, msgspec.structs.replace(DIRECTORY, apply=failing))


async def test_nothing_can_be_rebuilt_before_it_was_built(company: Any) -> None:
    with pytest.raises(NothingToRebuild):
        await rebuilt(company, SCORES)
