"""The directory as of a day: every day keeps its own tree, its own grades, its own assignments."""

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from domain.ids import employment_id, job_id, org_unit_id, person_id
from domain.jobs import JobDutiesDefined, JobGradeChanged
from domain.leave import LeaveCancelled, LeaveRecorded
from domain.org_units import OrgUnitClosed, OrgUnitCreated, OrgUnitMoved, OrgUnitRenamed
from domain.organisation import (
    Assignment,
    AssignmentChanged,
    EmployeeRehired,
    EmploymentTerminated,
)
from domain.share_override import (
    PerformanceShareOverrideApproved,
    PerformanceShareOverrideRejected,
    PerformanceShareOverrideRequested,
)
from projections import directory
from projections.questions import BadQuestion

DAY = timedelta(days=1)
SPRING, SUMMER = date(2026, 4, 1), date(2026, 7, 1)
SALES, FINANCE, EAST = org_unit_id("SALES"), org_unit_id("FINANCE"), org_unit_id("EAST")


@pytest.fixture
async def reorganised(story: SimpleNamespace, company: Any) -> Any:
    """A quarter, and after it: a unit below sales that moves to finance, and people who move."""
    await company.tell(story.quarter(4))
    selling = Assignment(
        org_unit_id=EAST, job_id=job_id("SALES"), cost_centre="CC-9", manager_id=person_id("P1")
    )
    who = employment_id("E0")
    await company.tell(
        [
            (
                EAST,
                OrgUnitCreated(
                    code="EAST", name="华东区", valid_from=date(2026, 1, 1), parent_id=SALES
                ),
            ),
            (EAST, OrgUnitMoved(effective_from=SUMMER, parent_id=FINANCE, reason="重组")),
            (EAST, OrgUnitRenamed(effective_from=SPRING, name="华东大区")),
            (
                job_id("SALES"),
                JobGradeChanged(
                    effective_from=SPRING,
                    level=4,
                    coefficient_min=Decimal("0.5"),
                    coefficient_max=Decimal("1.5"),
                    reason="职级调整",
                ),
            ),
            (job_id("SALES"), JobDutiesDefined(effective_from=SPRING, duties=("签约",))),
            (who, AssignmentChanged(effective_from=SPRING, assignment=selling)),
        ]
    )
    return company


async def test_the_tree_is_as_of_a_day(reorganised: Any) -> None:
    async with reorganised.view() as view:
        for day, below_sales, below_finance, name in (
            (SPRING - DAY, ["EAST"], [], "华东区"),
            (SPRING, ["EAST"], [], "华东大区"),
            (SUMMER, [], ["EAST"], "华东大区"),
        ):
            for parent, codes in ((SALES, below_sales), (FINANCE, below_finance)):
                found = await directory.org_units(view, parent_id=parent, on=day)
                assert [each.code for each in found.items] == codes, day
            east = await directory.org_unit(view, EAST, day)
            assert east is not None
            assert (east.name, east.parent_id) == (name, FINANCE if below_finance else SALES)
        assert await directory.org_unit(view, EAST, date(2025, 12, 31)) is None
        listed = await directory.org_units(view, on=date(2025, 12, 31))
        assert [each.code for each in listed.items] == ["FINANCE", "SALES"]
        first = await directory.org_units(view, on=SUMMER, limit=1)
        rest = await directory.org_units(view, on=SUMMER, cursor=first.next)
        assert [each.code for each in (*first.items, *rest.items)] == ["EAST", "FINANCE", "SALES"]
        newest = await directory.org_unit(view, EAST)
        assert newest is not None
        assert (newest.parent_id, len(newest.parents), len(newest.names)) == (FINANCE, 2, 2)


async def test_a_closed_unit_is_there_until_its_last_day(reorganised: Any) -> None:
    await reorganised.tell([(EAST, OrgUnitClosed(last_day=SUMMER, reason="撤销"))])
    async with reorganised.view() as view:
        for day, there in ((SUMMER, True), (SUMMER + DAY, False)):
            assert (await directory.org_unit(view, EAST, day) is not None) is there
            codes = [each.code for each in (await directory.org_units(view, on=day)).items]
            assert ("EAST" in codes) is there


async def test_a_job_is_as_of_a_day(reorganised: Any) -> None:
    async with reorganised.view() as view:
        for day, level, most, duties in (
            (SPRING - DAY, 3, "1.20", ()),
            (SPRING, 4, "1.5", ("签约",)),
        ):
            found = await directory.job(view, job_id("SALES"), day)
            (listed,) = (await directory.jobs(view, family="marketing", on=day)).items
            assert found == listed
            assert (found.level, found.coefficient_max, found.duties) == (
                level,
                Decimal(most),
                duties,
            )


async def test_an_employment_is_as_of_a_day(reorganised: Any) -> None:
    async with reorganised.view() as view:

        async def numbers(**where: Any) -> list[str]:
            found = await directory.employments(view, **where)
            return [each.number for each in found.items]

        assert await numbers(org_unit_id=EAST) == ["E00000"]
        assert await numbers(org_unit_id=EAST, on=SPRING) == ["E00000"]
        assert await numbers(org_unit_id=EAST, on=SPRING - DAY) == []
        assert await numbers(org_unit_id=SALES, on=SPRING - DAY) == ["E00000", "E00002"]
        assert await numbers(manager_id=person_id("P1"), on=SPRING) == ["E00000"]
        assert await numbers(job_id=job_id("FINANCE"), on=SPRING, limit=1) == ["E00001"]
        assert await numbers(on=date(2024, 12, 31)) == []
        before = await directory.employment(view, employment_id("E0"), SPRING - DAY)
        assert before is not None
        assert (before.org_unit_id, before.manager_id) == (SALES, None)
        assert await directory.employment(view, employment_id("E0"), date(2024, 12, 31)) is None
        with pytest.raises(BadQuestion):
            await directory.employments(view, on=SPRING, limit=0)


async def test_leave_exceptions_and_rehires_are_told(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(4))
    who, again = employment_id("E0"), employment_id("E0-2")
    work = Assignment(org_unit_id=SALES, job_id=job_id("SALES"), cost_centre="CC-9")
    asked = PerformanceShareOverrideRequested(
        effective_from=SPRING, performance_share=Decimal("0.65"), reason="项目"
    )
    first, second = date(2026, 2, 2), date(2026, 3, 2)
    leave = [
        LeaveRecorded(
            person_id=person_id("P0"),
            starts_on=day,
            ends_on=day + 4 * DAY,
            unpaid=True,
            kind="sick",
            reason="手术",
        )
        for day in (second, first)
    ]
    await company.tell(
        [
            *((who, each) for each in leave),
            (who, LeaveCancelled(starts_on=second, reason="未休")),
            (who, asked),
            (who, PerformanceShareOverrideRejected(effective_from=SPRING, reason="理由不足")),
            (who, asked),
            (who, PerformanceShareOverrideApproved(effective_from=SPRING, reason="同意")),
            (who, EmploymentTerminated(last_day=SUMMER, leaver="good-leaver", reason="x")),
            (
                again,
                EmployeeRehired(
                    number="E0-2",
                    person_id=person_id("P0"),
                    hired_on=SUMMER + 9 * DAY,
                    assignment=work,
                    previous_employment_id=who,
                ),
            ),
        ]
    )
    async with company.view() as view:
        row = await directory.employment(view, who)
        assert row is not None
        assert row.leaves == (
            directory.Away(effective_from=first, ends_on=first + 4 * DAY, unpaid=True),
        )
        assert [each.state for each in row.share_overrides] == ["rejected", "approved"]
        both = (await directory.employments(view, person_id=person_id("P0"))).items
        assert [each.previous_employment_id for each in both] == [who, None]
        for day, number in ((SUMMER, "E00000"), (SUMMER + 9 * DAY, "E0-2")):
            (found,) = (await directory.employments(view, person_id=person_id("P0"), on=day)).items
            assert found.number == number
        gap = await directory.employments(view, person_id=person_id("P0"), on=SUMMER + DAY)
        assert gap.items == ()
