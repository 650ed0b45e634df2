"""What each view says after a quarter, and the pure steps behind it."""

from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from domain.ratings import Deviation, DeviationExplained, DeviationFlagged, TwoWayCompared
from projections import (
    audit_trail,
    directory,
    pay_ledger,
    performance_map,
    planning,
    schemes,
    scores,
)
from projections.performance_map import distribution, map_of, shown
from projections.scores import Appraisal, appraisal_step
from projections.tables import OutOfOrder
from projections.trial_balance import trial_balance

PEOPLE = 12


async def test_the_directory_tells_who_works_where(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(PEOPLE))
    async with company.view() as view:
        units = await directory.org_units(view)
        assert [unit.code for unit in units.items] == ["FINANCE", "SALES"]
        jobs = await directory.jobs(view, family="marketing")
        assert [job.code for job in jobs.items] == ["SALES"]
        people = await directory.people(view, limit=3)
        assert [person.name for person in people.items] == ["王小明0", "王小明1", "王小明2"]
        assert people.next is not None
        sales = await directory.employments(view, org_unit_id=units.items[1].org_unit_id)
        assert len(sales.items) == PEOPLE // 2
        first = sales.items[0]
        assert first == await directory.employment(view, first.employment_id)
        assert first.pay_structures[0].performance.minor == 1_000_000
        assert first.assignment_on(first.hired_on) == first.assignments[0].assignment
        assert first.assignment_on(first.hired_on.replace(year=2024)) is None
        assert await directory.person(view, uuid4()) is None
        names = await directory.names(view, [people.items[0].person_id, first.employment_id])
        assert list(names.values()) == ["王小明0", None]


async def test_planning_tells_schemes_cycles_and_feeds(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(PEOPLE))
    async with company.view() as view:
        (scheme,) = (await schemes.schemes(view)).items
        assert [(each.version, each.published) for each in scheme.versions] == [(1, True)]
        cycle = await planning.cycle(view, story.CYCLE)
        assert cycle is not None
        assert (cycle.stage, cycle.months, len(cycle.schemes)) == ("data-intake", 3, 2)
        assert [feed.name for feed in (await planning.feeds(view, source="erp")).items] == [
            "q1.csv"
        ]


async def test_scores_tell_every_appraisal(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(PEOPLE))
    async with company.view() as view:
        page = await scores.appraisals(view, cycle_id=story.CYCLE, stage="paid")
        assert len(page.items) == PEOPLE
        assert all(row.paid_versions == (row.published_version,) for row in page.items)
        assert all(row.goals_agreed and row.score == row.initial_score for row in page.items)
        flagged = [row for row in page.items if any(each.flagged for each in row.compared)]
        assert len(flagged) == 3  # persons 0, 5 and 10
        assert all(each.explained for row in flagged for each in row.compared)
        assert [row.calibration for row in page.items if row.calibration] == [Decimal("0.50")] * 2
        assert await scores.appraisal_ids(view, story.CYCLE) == [
            row.appraisal_id for row in page.items
        ]
        marketing = await scores.appraisals(view, family="marketing", stage="locked")
        assert marketing.items == ()


async def test_the_ledger_balances_and_tells_each_line(
    story: SimpleNamespace, company: Any
) -> None:
    await company.tell(story.quarter(PEOPLE))
    async with company.view() as view:
        balance = await trial_balance(view)
        assert balance.balanced
        assert [total.difference for total in balance.by_entries] == [0]
        batch = await pay_ledger.batch(view, story.BATCH)
        assert batch is not None
        assert (batch.state, batch.lines, batch.bank_account) == ("settled", PEOPLE, "ICBC-1")
        lines = await pay_ledger.payouts(view, batch_id=story.BATCH)
        assert sum(line.minor for line in lines.items) == batch.totals[0].minor
        assert {line.state for line in lines.items} == {"settled"}
        bank = "clearing:bank:ICBC-1"
        entries = await pay_ledger.entries(view, account=bank)
        assert sum(entry.minor for entry in entries.items) == batch.totals[0].minor
        (account,) = [a for a in (await pay_ledger.accounts(view)).items if a.account == bank]
        assert (account.balance, account.entries) == (-batch.totals[0].minor, PEOPLE)
        owed = f"liability:payroll_payable:{lines.items[0].employment_id}"
        both_sides = await pay_ledger.entries(view, account=owed)
        assert [entry.debit == owed for entry in both_sides.items] == [False, True]


async def test_the_audit_trail_tells_every_event_once(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(PEOPLE))
    async with company.view() as view:
        seen = []
        cursor = None
        while True:
            page = await audit_trail.audit_events(view, limit=50, cursor=cursor)
            seen += [event.position for event in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert seen == list(range(1, len(story.quarter(PEOPLE)) + 1))
        locked = await audit_trail.audit_events(
            view, topic="appraisal.score-locked", actor=story.ACTOR, descending=True
        )
        positions = [event.position for event in locked.items]
        assert len(positions) == PEOPLE
        assert positions == sorted(positions, reverse=True)
        when = locked.items[0].recorded_at
        assert (await audit_trail.audit_events(view, until=when)).items == ()
        assert len((await audit_trail.audit_events(view, since=when, limit=7)).items) == 7


async def test_the_performance_map_is_exact(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(PEOPLE))
    async with company.view() as view:
        found = await performance_map.performance_map(view, cycle_id=story.CYCLE)
        rows = (await scores.appraisals(view)).items
    for cell in found.cells:
        mine = [row.score for row in rows if row.org_unit_id == cell.org_unit_id and row.score]
        assert cell.scores.n == len(mine)
        exact = sum(map(Fraction, mine), Fraction(0)) / len(mine)
        assert abs(Fraction(cell.scores.mean) - exact) <= Fraction(1, 200)
        assert (cell.scores.min, cell.scores.max) == (min(mine), max(mine))


def test_the_gap_between_families_is_rounded_once() -> None:
    marketing = [Decimal("80.00"), Decimal("80.01"), Decimal("80.01")]
    function = [Decimal("90.00"), Decimal("90.00"), Decimal("90.01")]
    found = map_of([(uuid4(), "marketing", marketing), (uuid4(), "function", function)])
    # 90.00333... - 80.00666... = 9.99666..., where rounded means would differ by 9.99.
    assert [(gap.higher, gap.points) for gap in found.gaps] == [("function", Decimal("10.00"))]


@pytest.mark.parametrize(
    ("scores_of_three", "median"),
    [(["1.00", "2.00", "9.00"], "2.00"), (["1.00", "2.00", "2.01", "9.00"], "2.01")],
)
def test_the_median_is_the_middle_or_the_mean_of_both(
    scores_of_three: list[str], median: str
) -> None:
    assert distribution([Decimal(each) for each in scores_of_three]).median == Decimal(median)


@pytest.mark.parametrize(
    ("exact", "text"), [("1/200", "0.01"), ("-1/200", "-0.01"), ("1/201", "0.00"), ("7", "7.00")]
)
def test_display_rounds_half_away_from_zero(exact: str, text: str) -> None:
    assert str(shown(Fraction(exact))) == text


def test_a_deviation_flagged_again_must_be_explained_again(story: SimpleNamespace) -> None:
    lines = list(story.appraised(1, Decimal(80)))
    stream = lines[0][0]
    apart = Deviation(of="total", self_points=Decimal(95), manager_points=Decimal(80))
    lines = [
        *lines[:1],
        (stream, TwoWayCompared(compared=(apart,))),
        (stream, DeviationFlagged(flagged=(apart,))),
        (stream, DeviationExplained(person_id=uuid4(), of="total", reason=None)),
        (stream, TwoWayCompared(compared=(apart,))),
        (stream, DeviationFlagged(flagged=(apart,))),
    ]
    row: Appraisal | None = None
    stages = []
    for each in story.recorded(lines):
        row = appraisal_step(row, each)
        stages.append(row.stage)
    assert stages == [
        "created",
        "reconciled",
        "deviation-pending",
        "reconciled",
        "reconciled",
        "deviation-pending",
    ]


def test_a_step_leaves_the_row_before_it_as_it_was(story: SimpleNamespace) -> None:
    row: Appraisal | None = None
    for each in story.recorded(story.appraised(5, Decimal(80))):
        if each.topic.startswith("goal-sheet"):
            continue
        before = None if row is None else (row, row.stage, row.version, row.compared)
        after = appraisal_step(row, each)
        if before:
            assert before == (row, row.stage, row.version, row.compared)  # type: ignore[union-attr]
            assert after is not row
        row = after


def test_an_event_without_its_beginning_is_named(story: SimpleNamespace) -> None:
    lock = story.recorded(story.appraised(1, Decimal(80)))[-2]
    with pytest.raises(OutOfOrder, match=r"appraisal\.score-locked at position"):
        appraisal_step(None, lock)
