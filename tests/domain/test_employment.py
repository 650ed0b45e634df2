"""Employments: rows dated from a day on, looked up as of a day."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain import ids
from domain.employment import EMPLOYMENT, assignment_on, pay_on
from domain.jobs import JobDefined
from domain.kernel import Elsewhere
from domain.money import Amount, Money
from domain.org_units import OrgUnitCreated
from domain.organisation import (
    Assignment,
    AssignmentChanged,
    ChangeAssignment,
    EmployeeHired,
    EmploymentBegun,
    EmploymentTerminated,
    HireEmployee,
    JobFamily,
    PayStructureSet,
    PersonRegistered,
    SetPayStructure,
    TerminateEmployment,
)

Given = Callable[..., Any]

UNIT, SELLER, CLERK, ANALYST = uuid4(), uuid4(), uuid4(), uuid4()
ANN, BOSS = uuid4(), uuid4()
HIRED_ON = date(2024, 3, 1)
ASSIGNMENT = Assignment(org_unit_id=UNIT, job_id=SELLER, cost_centre="CC-1", manager_id=BOSS)
HIRE = HireEmployee(number="E1", person_id=ANN, hired_on=HIRED_ON, assignment=ASSIGNMENT)
HIRED = EmployeeHired(number="E1", person_id=ANN, hired_on=HIRED_ON, assignment=ASSIGNMENT)
TO_CLERK = AssignmentChanged(
    effective_from=date(2025, 5, 16),
    assignment=msgspec.structs.replace(ASSIGNMENT, job_id=CLERK, cost_centre="CC-2"),
)
TERMINATED = EmploymentTerminated(
    last_day=date(2025, 2, 28), leaver="good-leaver", reason="relocation"
)


def job(code: str, family: JobFamily) -> JobDefined:
    return JobDefined(
        code=code,
        title=code,
        family=family,
        level=1,
        coefficient_min=Decimal(0),
        coefficient_max=Decimal(1),
    )


@pytest.fixture
def ann(given: Given) -> Given:
    """An employment's history, with the unit, the jobs and the people that it refers to."""

    def begin(*events: Any) -> Any:
        return (
            given(EMPLOYMENT, *events)
            .beside(UNIT, OrgUnitCreated(code="u", name="u", valid_from=date(2020, 1, 1)))
            .beside(SELLER, job("seller", "marketing"))
            .beside(CLERK, job("clerk", "function"))
            .beside(ANALYST, job("analyst", "general"))
            .beside(ANN, PersonRegistered(number="1", name="Ann"))
            .beside(BOSS, PersonRegistered(number="2", name="Boss"))
        )

    return begin


def pay(share: str, total: str = "20000.00", day: date = HIRED_ON) -> SetPayStructure:
    return SetPayStructure(
        effective_from=day,
        monthly_total=Amount(amount=Decimal(total), currency="CNY"),
        performance_share=Decimal(share),
    )


def test_hiring_tells_the_person_too(ann: Given) -> None:
    begun = EmploymentBegun(employment_id=ids.employment_id("E1"))
    ann().when(HIRE).then(HIRED, Elsewhere(ANN, begun))
    ann(HIRED).when(HIRE).refused("already-exists")


def test_nobody_is_hired_into_the_void(ann: Given) -> None:
    def with_assignment(**changes: Any) -> HireEmployee:
        changed = msgspec.structs.replace(ASSIGNMENT, **changes)
        return msgspec.structs.replace(HIRE, assignment=changed)

    ann().when(msgspec.structs.replace(HIRE, person_id=uuid4())).refused("unknown-person")
    ann().when(with_assignment(org_unit_id=uuid4())).refused("unknown-org-unit")
    ann().when(with_assignment(job_id=uuid4())).refused("unknown-job")
    ann().when(with_assignment(manager_id=uuid4())).refused("unknown-person")
    ann().when(with_assignment(manager_id=ANN)).refused("own-manager")
    ann().when(with_assignment(cost_centre="")).refused("bad-code")
    ann().when(msgspec.structs.replace(HIRE, number="")).refused("bad-code")


@pytest.mark.parametrize("fte", ["0", "-0.5", "1.01", "NaN", "0.12345"])
def test_fte_is_a_part_of_one(ann: Given, fte: str) -> None:
    assignment = msgspec.structs.replace(ASSIGNMENT, fte=Decimal(fte))
    ann().when(msgspec.structs.replace(HIRE, assignment=assignment)).refused("bad-fte")


def test_a_transfer_holds_from_its_day_on(ann: Given) -> None:
    transferred = ann(HIRED)
    change = ChangeAssignment(
        effective_from=TO_CLERK.effective_from, assignment=TO_CLERK.assignment
    )
    transferred.when(change).then(TO_CLERK)
    employment = transferred.world.state(EMPLOYMENT, transferred.stream_id)
    assert assignment_on(employment, date(2024, 2, 29)) is None
    assert assignment_on(employment, HIRED_ON) == ASSIGNMENT
    assert assignment_on(employment, date(2025, 5, 15)) == ASSIGNMENT
    assert assignment_on(employment, date(2025, 5, 16)) == TO_CLERK.assignment


def test_one_assignment_a_day(ann: Given) -> None:
    def change(day: date) -> ChangeAssignment:
        return ChangeAssignment(effective_from=day, assignment=ASSIGNMENT)

    ann(HIRED).when(change(HIRED_ON)).refused("assignment-date-taken")
    ann(HIRED, TO_CLERK).when(change(date(2025, 5, 16))).refused("assignment-date-taken")
    ann(HIRED).when(change(date(2024, 2, 29))).refused("before-hire")
    ann().when(change(HIRED_ON)).refused("unknown-employment")


def test_an_assignment_may_be_put_in_before_a_later_one(ann: Given) -> None:
    between = AssignmentChanged(
        effective_from=date(2025, 1, 1),
        assignment=msgspec.structs.replace(ASSIGNMENT, cost_centre="CC-9"),
    )
    story = ann(HIRED, TO_CLERK)
    story.when(
        ChangeAssignment(effective_from=between.effective_from, assignment=between.assignment)
    ).then(between)
    employment = story.world.state(EMPLOYMENT, story.stream_id)
    assert assignment_on(employment, date(2025, 1, 1)) == between.assignment
    assert assignment_on(employment, date(2025, 5, 16)) == TO_CLERK.assignment


def test_case_18_fixed_and_performance_pay_add_up(ann: Given) -> None:
    """15,000.01 x 45 % = 6,750.0045: performance 6,750.00, fixed 8,250.01."""
    story = ann(HIRED)
    story.when(pay("0.45", "15000.01")).then(
        PayStructureSet(
            effective_from=HIRED_ON,
            performance_share=Decimal("0.45"),
            total=Money(1_500_001, "CNY"),
            performance=Money(675_000, "CNY"),
            fixed=Money(825_001, "CNY"),
        )
    )
    employment = story.world.state(EMPLOYMENT, story.stream_id)
    in_force = pay_on(employment, date(2025, 1, 1))
    assert in_force is not None
    assert in_force.performance == Money(675_000, "CNY")
    assert pay_on(employment, date(2024, 2, 29)) is None


@pytest.mark.parametrize(
    ("job_id", "inside", "outside"),
    [
        (SELLER, ("0.40", "0.60"), ("0.39999", "0.600001", "0", "1")),
        (CLERK, ("0.10", "0.20"), ("0.0999", "0.2001", "0.45")),
        (ANALYST, ("0", "0.9999", "1"), ("-0.01", "1.01")),
    ],
    ids=["marketing", "function", "general"],
)
def test_the_share_lies_in_the_band_of_the_family(
    ann: Given, job_id: UUID, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    assignment = msgspec.structs.replace(ASSIGNMENT, job_id=job_id)
    hired = msgspec.structs.replace(HIRED, assignment=assignment)
    for share in inside:
        story = ann(hired)
        story.world.do(pay(share), on=story.stream_id)
    for share in outside:
        ann(hired).when(pay(share)).refused("share-out-of-band")


def test_the_family_is_that_of_the_day_on_which_the_pay_begins(ann: Given) -> None:
    ann(HIRED, TO_CLERK).when(pay("0.15", day=date(2025, 5, 15))).refused("share-out-of-band")
    story = ann(HIRED, TO_CLERK)
    story.world.do(pay("0.15", day=date(2025, 5, 16)), on=story.stream_id)


def test_one_pay_structure_a_day(ann: Given) -> None:
    story = ann(HIRED)
    story.world.do(pay("0.5"), on=story.stream_id)
    story.when(pay("0.4")).refused("pay-date-taken")
    ann(HIRED).when(pay("0.5", day=date(2024, 2, 29))).refused("before-hire")


@pytest.mark.parametrize(
    ("total", "currency", "code"),
    [
        ("20000.001", "CNY", "too-precise"),
        ("-1", "CNY", "bad-pay"),
        ("NaN", "CNY", "not-a-number"),
        ("1e30", "CNY", "too-large"),
        ("100.5", "JPY", "too-precise"),
        ("100", "XXX", "unknown-currency"),
    ],
)
def test_pay_is_an_amount_of_money(ann: Given, total: str, currency: str, code: str) -> None:
    command = msgspec.structs.replace(
        pay("0.5"), monthly_total=Amount(amount=Decimal(total), currency=currency)
    )
    ann(HIRED).when(command).refused(code)


def test_nothing_follows_the_last_day(ann: Given) -> None:
    terminate = TerminateEmployment(
        last_day=TERMINATED.last_day, leaver="good-leaver", reason="relocation"
    )
    ann(HIRED).when(terminate).then(TERMINATED)
    ann(HIRED, TERMINATED).when(terminate).refused("employment-terminated")
    ann(HIRED, TERMINATED).when(pay("0.5")).refused("employment-terminated")
    ann(HIRED, TERMINATED).when(
        ChangeAssignment(effective_from=date(2025, 1, 1), assignment=ASSIGNMENT)
    ).refused("employment-terminated")


def test_leaving_has_a_reason_and_comes_after_the_hire(ann: Given) -> None:
    early = TerminateEmployment(last_day=date(2024, 2, 29), leaver="bad-leaver", reason="x")
    ann(HIRED).when(early).refused("before-hire")
    ann(HIRED).when(
        TerminateEmployment(last_day=date(2025, 2, 28), leaver="bad-leaver", reason=" ")
    ).refused("reason-missing")


def test_the_days_within_a_period(ann: Given) -> None:
    story = ann(HIRED, TERMINATED)
    employment = story.world.state(EMPLOYMENT, story.stream_id)
    quarter = date(2025, 1, 1), date(2025, 3, 31)
    assert employment.days_within(*quarter) == (date(2025, 1, 1), date(2025, 2, 28))
    assert employment.days_within(date(2024, 1, 1), date(2024, 12, 31)) == (
        HIRED_ON,
        date(2024, 12, 31),
    )
    assert employment.days_within(date(2025, 3, 1), date(2025, 3, 31)) is None
