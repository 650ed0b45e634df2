"""An import is decided by the domain: resumed after a kill, once, counted, traced, taken back."""

import asyncio
import importlib.util
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import PIPE
from types import ModuleType
from typing import Any
from uuid import UUID

import msgspec
import pytest
import pytest_asyncio

from domain.catalogue import EVENTS
from domain.employment import EMPLOYMENT
from domain.ids import employment_id, import_id, import_trail_id, org_unit_id, person_id
from domain.kernel import Refused
from domain.migration import CellFix, FinishCommit, FixCells, Place
from domain.migration_decisions import IMPORT
from domain.organisation import PERSON, ChangeAssignment, RegisterPerson
from ops.onboarding import batches, committing, reconciling, withdrawing
from ops.onboarding.records import Finding
from projections import imports
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.kernel import install
from projections.past import Moment, canonical
from projections.runner import Runner
from projections.tracing import trace
from projections.views import Views
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.store import Histories, Store

BATCH = import_id("M1")
PROGRAM = Path(__file__).with_name("made_records.py")


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("made_records", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["made_records"] = module
    spec.loader.exec_module(module)
    return module


made: Any = _loaded()


class Company:
    """A tenant with its history and its views."""

    def __init__(self, database: Database, tenant_id: UUID, key_file: Path) -> None:
        self.database, self.tenant_id, self.key_file = database, tenant_id, key_file
        self.keyring = Keyring.open(database, MasterKey.from_file(key_file))
        self.logs = TenantLogs(database, self.keyring, EVENTS)
        self.committer = Committer.of(database)
        self.store: Store
        self.views: Views

    async def open(self) -> None:
        histories = Histories(self.database, self.keyring, EVENTS, self.committer)
        self.store = await histories.of(self.tenant_id)
        self.views = await Views.open(self.database, self.logs)

    async def catch_up(self) -> None:
        await Runner(self.database, self.logs, PROJECTIONS).catch_up(self.tenant_id)

    async def rows(self) -> dict[str, list[bytes]]:
        """All rows of all views but those that tell of the import itself, without positions."""
        moment = Moment(position=await self.store.head(), recorded_at=None)
        log = await self.logs.of(self.tenant_id)
        found = {}
        for projection in PROJECTIONS:
            if projection.name in {"imports", "audit-trail", "audit_trail"}:
                continue
            twin = await self.views.twins.of(log, projection, self.tenant_id, moment.position)
            for table, rows in twin.held.items():
                told = [msgspec.to_builtins(row) for row in rows.values()]
                for row in told:
                    for name in ("position", "version"):
                        row.pop(name, None)
                found[table] = sorted(canonical(row) for row in told)
        return {table: rows for table, rows in found.items() if rows}


@pytest_asyncio.fixture(loop_scope="session")
async def company(
    database: Database, owner_url: str, tenant_id: UUID, tmp_path: Path
) -> AsyncIterator[Company]:
    await install(owner_url, PROJECTIONS)
    opened = Company(database, tenant_id, tmp_path / "master.key")
    await opened.open()
    yield opened
    await opened.committer.close()


async def commit(company: Company, checked: Any, code: str = "M1") -> committing.Committed:
    batch = await made.ready(company.store, checked, code)
    return await committing.commit(company.store, batch, checked, made.stamp)


async def test_a_company_comes_in_and_every_row_is_counted(company: Company) -> None:
    checked = made.company(50)
    done = await commit(company, checked)
    assert (done.rows, done.committed, done.quarantined, done.excluded) == (52, 52, 0, 0)
    # A unit, a job; of each person registered, hired, employment begun, paid.
    assert done.events == 2 + 50 * 4
    person, version = await company.store.load(PERSON, person_id("E000003"))
    assert person is not None
    assert (person.number, version) == ("E000003", 2)
    await company.catch_up()
    async with company.views.of(company.tenant_id) as view:
        batch = await batches.batch_of(company.store, "M1")
        same = await reconciling.reconcile(company.store, view, batch, checked)
        row = await imports.import_(view, BATCH)
    assert same.differing == 0
    assert same.source_digest == same.views_digest
    assert same.source_sums == same.view_sums
    total = same.source_sums["pay_history 应发 CNY"]
    assert (total.count, str(total.total)) == (
        50,
        str(sum(1000 + n for n in range(3, 53)) + 25) + ".00",
    )
    assert row is not None
    assert (row.stage, row.rows, row.committed, row.events) == ("committed", 52, 52, done.events)


async def test_a_dry_run_shows_the_exact_events_and_writes_none(company: Company) -> None:
    checked = made.company(20)
    batch = await made.ready(company.store, checked)
    head = await company.store.head()
    shown: list[committing.WouldHappen] = []
    rehearsed = await committing.rehearse(
        company.store, batch, checked, made.stamp(), see=shown.append
    )
    assert await company.store.head() == head
    assert rehearsed.refused == ()
    done = await committing.commit(company.store, batch, checked, made.stamp)
    assert rehearsed.events == done.events == len(shown)
    written = [
        each for each in await company.store.log(after=head) if not each.topic.startswith("import")
    ]
    assert [(each.stream_id, each.topic) for each in written] == [
        (each.stream_id, each.topic) for each in shown
    ]
    assert [msgspec.json.encode(each.event) for each in written] == [
        bytes(each.event) for each in shown
    ]


async def test_twice_is_once(company: Company) -> None:
    checked = made.company(30)
    batch = await made.ready(company.store, checked)
    await committing.commit(company.store, batch, checked, made.stamp)
    before = await company.rows()
    # The same program again, which still believes that the commit is under way.
    with pytest.raises(Refused, match="wrong-import-stage"):
        await committing.commit(company.store, batch, checked, made.stamp)
    assert await company.rows() == before
    counted = Counter(each.topic for each in await company.store.log())
    assert counted["person.registered"] == 30
    assert counted["import-trail.chunk-committed"] == 1


@pytest.mark.parametrize("portions", [1, 3])
async def test_killed_in_the_middle_it_goes_on(
    company: Company, database_url: str, portions: int
) -> None:
    count = 1500
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(PROGRAM),
        database_url,
        str(company.tenant_id),
        str(company.key_file),
        str(count),
        stdout=PIPE,
    )
    assert child.stdout is not None
    for _ in range(portions):
        assert await child.stdout.readline()
    child.kill()
    await child.wait()
    batch = await batches.batch_of(company.store, "M1")
    assert batch.state.stage == "committing", "it was not over yet"
    there = Counter(each.topic for each in await company.store.log())
    assert there["import-trail.chunk-committed"] >= portions
    done = await committing.commit(company.store, batch, made.company(count), made.stamp)
    assert (done.committed, done.events) == (count + 2, 2 + count * 4)
    counted = Counter(each.topic for each in await company.store.log())
    for topic in ("person.registered", "employment.hired", "historical-record.pay-recorded"):
        assert counted[topic] == count


async def test_two_at_once_write_each_record_once(company: Company) -> None:
    checked = made.company(900)
    batch = await made.ready(company.store, checked)
    both = await asyncio.gather(
        committing.commit(company.store, batch, checked, made.stamp),
        committing.commit(company.store, batch, checked, made.stamp),
        return_exceptions=True,
    )
    assert any(isinstance(each, committing.Committed) for each in both) or all(
        isinstance(each, Exception) for each in both
    )
    state = await batches.batch_of(company.store, "M1")
    if state.state.stage == "committing":
        await committing.commit(company.store, state, checked, made.stamp)
    counted = Counter(each.topic for each in await company.store.log())
    assert counted["person.registered"] == counted["employment.hired"] == 900


def finding(row: int) -> Finding:
    return Finding(
        code="bad-date",
        check="format",
        severity="error",
        file=0,
        sheet="",
        row=row,
        column="入职日期",
        value="31/02/2020",
        rule="employment.hired_on is a day",
        replacement="2020-02-29",
    )


async def test_rows_in_quarantine_are_mended_in_another_round(company: Company) -> None:
    whole = made.company(5)
    held = made.Made(whole.all, findings=(finding(4), finding(5)))
    first = await commit(company, held)
    assert (first.rows, first.committed, first.quarantined) == (7, 5, 2)
    fix = CellFix(
        place=Place(file=0, row=4),
        column="入职日期",
        old="31/02/2020",
        new="2020-03-01",
        rule="bad-date",
    )
    await company.store.execute(IMPORT, BATCH, FixCells(fixes=(fix,)), made.stamp())
    told = batches.amendments(await batches.events_of(company.store, BATCH))
    assert [each.new for each in told.cells.values()] == ["2020-03-01"]
    # Checked again, row 4 is right, and row 5 still is not.
    again = made.Made(whole.all, findings=(finding(5),), report="cd" * 32)
    second = await commit(company, again)
    assert (second.rows, second.committed, second.quarantined) == (7, 6, 1)
    counted = Counter(each.topic for each in await company.store.log())
    assert counted["person.registered"] == 4, "no row went in twice"
    await company.catch_up()
    events = await company.store.read(employment_id("E000004"))
    async with company.views.of(company.tenant_id) as view:
        (traced,) = await trace(view, events, "hired_on")
    assert (traced.row, traced.column, traced.file) == (4, "入职日期", "people.csv")
    assert [(each.old, each.new) for each in traced.fixes] == [("31/02/2020", "2020-03-01")]


async def test_what_the_domain_refuses_goes_into_quarantine(company: Company) -> None:
    register = RegisterPerson(number="E000004", name="已在")
    await company.store.execute(PERSON, person_id("E000004"), register, made.stamp())
    checked = made.company(4)
    batch = await made.ready(company.store, checked)
    rehearsed = await committing.rehearse(company.store, batch, checked, made.stamp())
    assert [(each.code, each.row.row) for each in rehearsed.refused] == [("already-exists", 4)]
    done = await committing.commit(company.store, batch, checked, made.stamp)
    assert (done.rows, done.committed, done.quarantined) == (6, 5, 1)
    assert [each.code for each in done.refused] == ["already-exists"]
    with pytest.raises(Refused):
        await company.store.execute(IMPORT, BATCH, FinishCommit(committed=6), made.stamp())


async def test_every_imported_value_can_be_traced(company: Company) -> None:
    checked = made.company(3)
    await commit(company, checked)
    await company.catch_up()
    async with company.views.of(company.tenant_id) as view:
        for record in checked.all:
            if record.entity != "person":
                continue
            number = record.text("number")
            events = await company.store.read(person_id(number))
            traced = await trace(view, events)
            assert {(each.field, each.value, each.row, each.column) for each in traced} == {
                ("number", number, record.row.row, "工号"),
                ("name", f"员工{number}", record.row.row, "姓名"),
            }
        (unit,) = await trace(
            view, await company.store.read(employment_id("E000003")), "org_unit_id"
        )
        assert (unit.value, unit.column) == (str(org_unit_id("D1")), "部门")
        assert await trace(view, await company.store.read(import_trail_id(BATCH))) == []


async def test_taken_back_nothing_is_left(company: Company) -> None:
    # Somebody was there before: of theirs, only what the batch has added goes.
    await commit(company, made.company(3), "M0")
    before = await company.rows()
    added = [
        made.made("org_unit", 1, code="D9", name="新部", valid_from="2000-01-01"),
        made.made("assignment", 2, employment="E000003", effective_from="2021-01-01",
                  org_unit="D9", job="J1", fte="0.5"),
        made.made("pay_structure", 3, employment="E000003", effective_from="2021-01-01",
                  monthly_total="9000.00", currency="CNY", performance_share="0"),
        made.made("termination", 4, employment="E000004", last_day="2021-06-30",
                  leaver="good-leaver", reason="left"),
        *made.person(5, "N1", org_unit="D9"),
    ]  # fmt: skip
    await commit(company, made.Made(added), "M1")
    assert await company.rows() != before
    log = await company.logs.of(company.tenant_id)
    batch = await batches.batch_of(company.store, "M1")
    assert await withdrawing.residual_of(company.store, log, BATCH) == 6
    await withdrawing.withdraw(company.store, log, batch, "wrong year", new_stamp=made.stamp)
    residual = await withdrawing.residual_of(company.store, log, BATCH)
    assert residual == 0
    await withdrawing.finish(company.store, batch, residual, made.stamp())
    assert await company.rows() == before
    # What was taken back can come again.
    await commit(company, made.Made(added), "M2")
    person, _ = await company.store.load(PERSON, person_id("N1"))
    assert person is not None


async def test_what_rests_on_a_batch_keeps_it(company: Company) -> None:
    await commit(company, made.company(3))
    employment, _ = await company.store.load(EMPLOYMENT, employment_id("E000003"))
    assert employment is not None
    change = ChangeAssignment(
        effective_from=employment.hired_on.replace(year=2022),
        assignment=employment.assignments[0].assignment,
    )
    await company.store.execute(EMPLOYMENT, employment_id("E000003"), change, made.stamp())
    log = await company.logs.of(company.tenant_id)
    batch = await batches.batch_of(company.store, "M1")
    with pytest.raises(withdrawing.RestsOnIt) as refused:
        await withdrawing.withdraw(company.store, log, batch, "x", new_stamp=made.stamp)
    (dependent,) = refused.value.dependents
    assert dependent.topic == "employment.assignment-changed"
    assert dependent.on == employment_id("E000003")
    still = await batches.batch_of(company.store, "M1")
    assert still.state.stage == "committed"


async def test_other_files_are_another_batch(company: Company) -> None:
    checked = made.company(1)
    await batches.bring_in(company.store, checked, "M1", "张三", made.stamp())
    checked.mapping_digest = "cd" * 32
    with pytest.raises(batches.FilesChanged, match="mapping"):
        await batches.bring_in(company.store, checked, "M1", "张三", made.stamp())
