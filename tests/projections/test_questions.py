"""Pages are stable, cursors are checked, and nobody sees another tenant's rows."""

import base64
import json
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from projections import audit_trail, directory, pay_ledger, planning, schemes, scores
from projections.catalogue import NAMES, PROJECTIONS
from projections.kernel import install, retire
from projections.performance_map import performance_map
from projections.questions import BadQuestion
from projections.tables import Table
from projections.trial_balance import trial_balance
from tenancy.migrate import migrate

TABLES = [table.name for projection in PROJECTIONS for table in projection.tables]


async def test_rows_written_between_pages_shift_nothing(
    story: SimpleNamespace, company: Any
) -> None:
    for n in (10, 20, 30, 40, 50):
        await company.tell(story.hired(n))
    async with company.view() as view:
        first = await directory.people(view, limit=2)
        # One before what was read, one after.
        await company.tell([*story.hired(5), *story.hired(35)])
        second = await directory.people(view, limit=2, cursor=first.next)
        third = await directory.people(view, limit=2, cursor=second.next)
    numbers = [person.number for page in (first, second, third) for person in page.items]
    assert numbers == ["P00010", "P00020", "P00030", "P00035", "P00040", "P00050"]
    assert third.next is None


async def test_the_pages_of_an_account_show_every_entry_once(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(9))
    async with company.view() as view:
        whole = await pay_ledger.entries(view)
        for account in {side for entry in whole.items for side in (entry.debit, entry.credit)}:
            wanted = [e for e in whole.items if account in (e.debit, e.credit)]
            found: list[pay_ledger.Entry] = []
            cursor = None
            while True:
                page = await pay_ledger.entries(view, account=account, limit=2, cursor=cursor)
                found += page.items
                cursor = page.next
                if cursor is None:
                    break
            assert found == wanted


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def mark_of(cursor: str | None) -> str:
    """What tells the lists apart."""
    assert cursor is not None
    return str(json.loads(base64.urlsafe_b64decode(cursor + "=="))[0])


async def test_a_cursor_of_another_list_is_refused(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(3))
    async with company.view() as view:
        people = await directory.people(view, limit=1)
        mark = mark_of(people.next)
        for cursor in (
            (await directory.jobs(view, limit=1)).next,
            "",
            "not base64!",
            "AAAA",
            forged(),
            forged(mark),
            forged(mark, "a", "b"),
            forged(mark, {"a": 1}),
            forged(mark, "\x00"),
            forged("00000000", "P00000"),
        ):
            with pytest.raises(BadQuestion):
                await directory.people(view, cursor=cursor)
        mark = mark_of((await audit_trail.audit_events(view, limit=1)).next)
        with pytest.raises(BadQuestion):
            await audit_trail.audit_events(view, cursor=forged(mark, 2**70))


async def test_a_filter_that_no_row_can_hold_is_refused(company: Any) -> None:
    async with company.view() as view:
        with pytest.raises(BadQuestion, match="no topic is like that"):
            await audit_trail.audit_events(view, topic="a\x00b")


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_limit_out_of_range_is_refused(company: Any, limit: int) -> None:
    async with company.view() as view:
        with pytest.raises(BadQuestion, match="1 to 500"):
            await directory.people(view, limit=limit)


async def test_a_tenant_without_history_has_empty_views(company: Any) -> None:
    async with company.view() as view:
        assert (await directory.people(view)).items == ()
        assert (await trial_balance(view)).balanced
        assert (await performance_map(view)).cells == ()
        assert await directory.names(view, []) == {}
    assert await company.reached(NAMES, 0)


async def test_another_tenants_views_are_empty(
    story: SimpleNamespace, company: Any, other_company: Any
) -> None:
    await company.tell(story.quarter(4))
    await other_company.tell(story.units())
    async with company.view() as own, other_company.view() as foreign:
        employment = (await directory.employments(own)).items[0]
        appraisal = (await scores.appraisals(own)).items[0]
        payout = (await pay_ledger.payouts(own)).items[0]
        assert await directory.employment(foreign, employment.employment_id) is None
        assert await directory.person(foreign, employment.person_id) is None
        assert await scores.appraisal(foreign, appraisal.appraisal_id) is None
        assert await scores.appraisal_ids(foreign, story.CYCLE) == []
        assert await pay_ledger.payout(foreign, payout.payout_id) is None
        assert (await pay_ledger.entries(foreign)).items == ()
        assert (await trial_balance(foreign)).by_entries == ()
        assert (await performance_map(foreign)).cells == ()
        assert len((await planning.cycles(foreign)).items) == 1


@pytest.mark.parametrize("table", TABLES)
async def test_the_database_itself_keeps_tenants_apart(
    story: SimpleNamespace, company: Any, other_company: Any, table: str
) -> None:
    await company.tell(story.quarter(2))
    unfiltered = f"SELECT count(*) FROM {table}"
    async with company.database.transaction(company.tenant_id) as connection:
        assert await connection.fetchval(unfiltered) > 0
    async with company.database.transaction(other_company.tenant_id) as connection:
        assert await connection.fetchval(unfiltered) == 0
        assert await connection.execute(f"DELETE FROM {table}") == "DELETE 0"
    async with company.database.connection() as connection:
        assert await connection.fetchval(unfiltered) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await other_company.execute(
            f"INSERT INTO {table} (tenant_id, build) VALUES ($2, 1), ($1, 1)", company.tenant_id
        )


KEYS_WITHOUT_TENANT_FIRST = """
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'merit_views'::regnamespace AND i.indkey[0] <> (
    SELECT attnum FROM pg_attribute WHERE attrelid = c.oid AND attname = 'tenant_id')
"""
UNPROTECTED = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'merit_views'::regnamespace
AND c.relkind = 'r' AND NOT (c.relrowsecurity AND EXISTS (
    SELECT FROM pg_policy p WHERE p.polrelid = c.oid))
"""


async def test_every_view_table_is_ready_to_be_sharded_by_tenant(
    company: Any, owner_url: str
) -> None:
    connection = await asyncpg.connect(owner_url)
    try:
        assert await connection.fetch(KEYS_WITHOUT_TENANT_FIRST) == []
        assert await connection.fetch(UNPROTECTED) == []
        tables = await connection.fetchval(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'merit_views'"
        )
    finally:
        await connection.close()
    assert tables == len(TABLES)


async def test_versions_live_side_by_side_until_the_old_one_is_retired(new_database: Any) -> None:
    addresses = await new_database()
    await migrate(addresses.owner)
    assert await install(addresses.owner, PROJECTIONS) == TABLES
    now, then = planning.VERSION, planning.VERSION + 1
    feeds = Table("feeds", planning.Feed, projection="planning", version=then, key=("feed_id",))
    newer = msgspec.structs.replace(planning.PLANNING, version=then, tables=(feeds,))
    assert await install(addresses.owner, [newer]) == [f"merit_views.feeds_v{then}"]
    kept = [newer, *(each for each in PROJECTIONS if each is not planning.PLANNING)]
    assert await retire(addresses.owner, kept) == [
        f"merit_views.cycles_v{now}",
        f"merit_views.feeds_v{now}",
        f"merit_views.work_calendars_v{now}",
    ]


async def test_installing_again_makes_nothing(company: Any, owner_url: str) -> None:
    assert await install(owner_url, PROJECTIONS) == []


async def test_erased_names_are_gone_from_the_directory_at_once(
    story: SimpleNamespace, company: Any, owner_url: str
) -> None:
    await company.tell(story.hired(1))
    async with company.view() as view:
        (person,) = (await directory.people(view)).items
        assert person.name == "王小明1"
        connection = await asyncpg.connect(owner_url)
        try:
            await connection.execute(
                "UPDATE merit.subject_keys SET wrapped = NULL, destroyed_at = now()"
                " WHERE tenant_id = $1 AND subject_id = $2",
                company.tenant_id,
                person.person_id,
            )
        finally:
            await connection.close()
        (await company.keyring.of(company.tenant_id)).forget_subjects()
        (erased,) = (await directory.people(view)).items
    assert (erased.name, erased.number) == (None, "P00001")


async def test_no_view_holds_anything_personal(
    story: SimpleNamespace, company: Any, owner_url: str
) -> None:
    await company.tell(story.quarter(5))
    connection = await asyncpg.connect(owner_url)
    try:
        for table in TABLES:
            rows = await connection.fetch(
                f"SELECT t::text FROM {table} t WHERE tenant_id = $1", company.tenant_id
            )
            assert rows
            for row in rows:
                for personal in (
                    *("王小明", "我尽力了", "很好", "超额完成", "迟交三次"),
                    *("合作愉快", "亲属", "证据不足"),
                ):
                    assert personal not in row["t"]
    finally:
        await connection.close()


async def test_no_such_row(company: Any) -> None:
    async with company.view() as view:
        assert await schemes.scheme(view, uuid4()) is None
        assert await audit_trail.audit_event(view, 1) is None
