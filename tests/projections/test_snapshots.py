"""Snapshots: folded as far as the log was then, opened only as they were kept, and worth it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from domain.catalogue import EVENTS
from projections import scores
from projections.catalogue import PROJECTIONS
from projections.ending import empty_views
from projections.history import TenantLogs
from projections.keeping import Keeping
from projections.past import PastView, Twin, Twins, canonical, folded
from projections.questions import Between, View, page
from projections.scores import SCORES
from projections.snapshots import Snapshots
from projections.views import Views
from tenancy.database import Database
from tenancy.keyring import Keyring

NOW = datetime(2026, 4, 1, tzinfo=UTC)
EVERY = 60


@pytest.fixture
def snapshots(database: Database, keyring: Keyring) -> Snapshots:
    return Snapshots(database, keyring)


@pytest.fixture
def keeping(logs: TenantLogs, snapshots: Snapshots) -> Keeping:
    return Keeping(logs, snapshots, PROJECTIONS, every=EVERY)


class Counted:
    """A log that knows after which position it was read first."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.first: int | None = None

    async def between(
        self, after: int, upto: int, limit: int, topics: Sequence[str] | None
    ) -> list[Any]:
        self.first = after if self.first is None else self.first
        found: list[Any] = await self._log.between(after, upto, limit, topics)
        return found

    async def of_streams(self, streams: Sequence[UUID], upto: int) -> list[Any]:
        raise NotImplementedError


def filled(twin: Twin) -> tuple[int, dict[str, Any]]:
    """Its position and its tables, without those that are empty."""
    return twin.position, {name: rows for name, rows in twin.held.items() if rows}


async def told(story: SimpleNamespace, company: Any, keeping: Keeping, stops: int) -> int:
    """A quarter, with a look of the worker's now and then; where the log ends."""
    lines, begun, head = story.quarter(3), 0, 0
    for n in range(1, stops + 1):
        upto = len(lines) * n // stops
        head = await company.tell(lines[begun:upto])
        begun = upto
        await keeping.advance(company.tenant_id)
    return head


async def test_what_is_kept_is_what_the_log_says(
    story: SimpleNamespace, company: Any, keeping: Keeping, snapshots: Snapshots
) -> None:
    head = await told(story, company, keeping, 4)
    log = await company.logs.of(company.tenant_id)
    kept = 0
    for projection in PROJECTIONS:
        upto = head
        while twin := await snapshots.nearest(company.tenant_id, projection, after=0, upto=upto):
            same = await folded(log, projection, company.tenant_id, twin.position)
            assert filled(twin) == filled(same), (projection.key, twin.position)
            assert twin.position % EVERY == 0
            upto, kept = twin.position - 1, kept + 1
    assert kept > len(PROJECTIONS), "of most views there are several"


async def test_a_question_goes_on_from_the_nearest(
    story: SimpleNamespace,
    company: Any,
    keeping: Keeping,
    snapshots: Snapshots,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("projections.past.WORTH_LOADING_EVENTS", 0)
    head = await told(story, company, keeping, 4)
    log = Counted(await company.logs.of(company.tenant_id))
    twin = await Twins(snapshots).of(log, SCORES, company.tenant_id, head)
    last = (await snapshots.last(company.tenant_id))[SCORES.key]
    assert log.first == last.position > 0
    assert filled(twin) == filled(await folded(log, SCORES, company.tenant_id, head))
    # Not worth the loading: what is left of the log is as short.
    monkeypatch.setattr("projections.past.WORTH_LOADING_EVENTS", head)
    log.first = None
    await Twins(snapshots).of(log, SCORES, company.tenant_id, head)
    assert log.first == 0


async def test_what_was_changed_is_not_believed(
    story: SimpleNamespace, company: Any, keeping: Keeping, snapshots: Snapshots, database: Database
) -> None:
    """A byte, a part left out, a snapshot of another moment: the question folds the log again."""
    head = await told(story, company, keeping, 3)
    last = (await snapshots.last(company.tenant_id))[SCORES.key].position

    async def nearest() -> int | None:
        twin = await snapshots.nearest(company.tenant_id, SCORES, after=0, upto=head)
        return None if twin is None else twin.position

    async def spoil(statement: str) -> int | None:
        """What is nearest after `statement`, which is taken back."""
        async with database.transaction(company.tenant_id) as connection:
            where = "WHERE tenant_id = $1 AND projection = 'scores' AND position = $2"
            await connection.execute(f"{statement} {where}", company.tenant_id, last)
        return await nearest()

    assert await nearest() == last
    assert await spoil("UPDATE merit.view_snapshots SET parts = parts + 1") is None
    assert await spoil("UPDATE merit.view_snapshots SET parts = parts - 2") is None
    assert await spoil("UPDATE merit.view_snapshots SET parts = parts + 1") == last
    moved = "UPDATE merit.view_snapshots SET position = position + 1"
    async with database.transaction(company.tenant_id) as connection:
        await connection.execute(
            f"{moved} WHERE tenant_id = $1 AND projection = 'scores' AND position = $2",
            company.tenant_id,
            last,
        )
    assert await nearest() is None, "its parts are of another position"
    log = await company.logs.of(company.tenant_id)
    twin = await Twins(snapshots).of(log, SCORES, company.tenant_id, head)
    assert filled(twin) == filled(await folded(log, SCORES, company.tenant_id, head))


async def test_a_worker_that_has_sealed_nothing_yet_makes_them(
    story: SimpleNamespace, company: Any, database: Database, keyring: Keyring
) -> None:
    """As one that has just been started: it has no share of the key's nonces."""
    await company.tell(story.quarter(2))
    fresh = Keyring.open(database, keyring.root)
    snapshots = Snapshots(database, fresh)
    worker = Keeping(TenantLogs(database, fresh, EVENTS), snapshots, PROJECTIONS, every=EVERY)
    assert await worker.advance(company.tenant_id) > 0
    assert (await snapshots.last(company.tenant_id))[SCORES.key].parts > 0


async def test_each_is_made_once_and_taken_over_from_the_dead(
    story: SimpleNamespace, company: Any, logs: TenantLogs, snapshots: Snapshots
) -> None:
    await company.tell(story.quarter(2))
    first, second = (Keeping(logs, snapshots, PROJECTIONS, every=EVERY) for _ in range(2))
    assert await first.advance(company.tenant_id) > 0
    assert await second.advance(company.tenant_id) == 0
    assert await first.advance(company.tenant_id) == 0, "not before the next is due"
    assert await snapshots.take(company.tenant_id, SCORES, 7, NOW)
    assert not await snapshots.take(company.tenant_id, SCORES, 7, NOW + timedelta(minutes=14))
    assert await snapshots.take(company.tenant_id, SCORES, 7, NOW + timedelta(minutes=16))
    there = (await snapshots.last(company.tenant_id))[SCORES.key].position
    assert not await snapshots.take(company.tenant_id, SCORES, there, NOW), "it is there"


async def test_a_view_with_as_many_rows_as_events_is_passed_over(
    story: SimpleNamespace, company: Any, keeping: Keeping, snapshots: Snapshots
) -> None:
    head = await told(story, company, keeping, 2)
    last = await snapshots.last(company.tenant_id)
    trail = next(each for each in PROJECTIONS if each.name == "audit_trail")
    assert last[trail.key].parts == 0
    assert await snapshots.nearest(company.tenant_id, trail, after=0, upto=head) is None
    assert last[SCORES.key].parts > 0


async def test_they_end_with_their_view_and_with_their_tenant(
    story: SimpleNamespace,
    company: Any,
    other_company: Any,
    keeping: Keeping,
    snapshots: Snapshots,
) -> None:
    database = company.database
    await told(story, company, keeping, 1)
    await told(story, other_company, keeping, 1)
    await snapshots.forget_others(company.tenant_id, [SCORES.key])
    assert set(await snapshots.last(company.tenant_id)) == {SCORES.key}
    await empty_views(database, company.tenant_id)
    assert await snapshots.last(company.tenant_id) == {}
    assert len(await snapshots.last(other_company.tenant_id)) > 1
    async with database.transaction(company.tenant_id) as connection:
        left = "SELECT count(*) FROM merit.view_snapshot_parts WHERE tenant_id = $1"
        assert await connection.fetchval(left, company.tenant_id) == 0


async def test_a_replay_folds_every_event(
    story: SimpleNamespace, company: Any, database: Database, logs: TenantLogs
) -> None:
    class Never:
        async def nearest(self, *_: Any, **__: Any) -> None:
            raise AssertionError("a replay asked for what was kept")

    await company.tell(story.quarter(1))
    views = Views(database, logs, Never())
    moment = await views.moment(company.tenant_id)
    assert len(await views.replayed(company.tenant_id, moment)) == len(PROJECTIONS)


async def test_every_page_of_the_past_is_one_of_the_present(
    story: SimpleNamespace, company: Any
) -> None:
    """All lists, in both orders, filtered by each value there is: cut in memory or not."""
    await company.tell(story.quarter(3))
    moment = await company.views.moment(company.tenant_id)
    compared = 0
    async with (
        company.view() as live,
        company.views.then(company.tenant_id, moment) as then,
    ):
        for projection in PROJECTIONS:
            for table in projection.tables:
                filters: list[dict[str, Any]] = [{}]
                for row in (await page(live, table, order=table.key)).items[::7]:
                    for column in table.columns:
                        value = getattr(row, column.name)
                        if column.encode is None and value is not None:
                            filters.append({column.name: value})
                            if not isinstance(value, bool | UUID):
                                filters.append({column.name: Between(value, None)})
                                filters.append({column.name: Between(None, value)})
                for where in filters:
                    for descending in (False, True):
                        given = {"order": table.key, "where": where, "descending": descending}
                        assert await _walked(then, table, given) == await _walked(
                            live, table, given
                        ), (table.name, where, descending)
                        compared += 1
    assert compared > 500


async def _walked(view: View | PastView, table: Any, given: dict[str, Any]) -> list[bytes]:
    """The first pages, three rows each."""
    cursor: str | None = None
    told: list[bytes] = []
    for _ in range(3):
        found = await page(view, table, limit=3, cursor=cursor, **given)
        told.extend(canonical(row) for row in found.items)
        cursor = found.next
        if cursor is None:
            break
    return told


async def test_rows_by_key_and_either_column(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(3))
    moment = await company.views.moment(company.tenant_id)
    async with (
        company.view() as live,
        company.views.then(company.tenant_id, moment) as then,
    ):
        ids = await scores.appraisal_ids(live, story.CYCLE)
        some = [*ids[:2], ids[0], UUID(int=5)]
        one, other = [
            sorted([canonical(row) for row in await scores.appraisals_of(view, some)])
            for view in (live, then)
        ]
        assert one == other
        assert len(one) == 2
        first = (await scores.appraisals_of(live, ids[:1]))[0]
        either = (("person_id", "manager_id"), first.person_id)
        pages = [
            await page(view, scores.APPRAISALS, order=("created_position",), either=either, limit=5)
            for view in (live, then)
        ]
        assert pages[0] == pages[1]
        assert pages[0].items
        # An id that was given as text is the same id.
        as_text = {"person_id": str(first.person_id)}
        pages = [
            await page(view, scores.APPRAISALS, order=("created_position",), where=as_text)
            for view in (live, then)
        ]
        assert pages[0] == pages[1]
        assert pages[0].items
