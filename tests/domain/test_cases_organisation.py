"""Worked cases 3, 4 and 13 through the deciders: joiner, leave, transfer, leaver, rehire."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain import ids
from domain.appraisal import Appraisal, CreateAppraisal
from domain.cycle import OpenCycle, PlanCycle
from domain.employment import Employment
from domain.entitlements import Earned, entitlements
from domain.explanation import Given
from domain.goals import AgreeGoals, ProposeGoals, Target
from domain.kernel import Refused
from domain.leave import RecordLeave
from domain.money import Money
from domain.organisation import (
    ChangeAssignment,
    LeaverClass,
    RehireEmployee,
    TerminateEmployment,
)
from domain.pay import Entitlement, payout
from domain.rules import Band, Banded, SchemeContent
from domain.segments import days_of

Evaluate = Callable[..., Fraction]


def plan(company: Any, starts_on: date, ends_on: date) -> None:
    company.starts_on, company.ends_on = starts_on, ends_on
    company.world.do(PlanCycle(code="2025Q1", name="周期", starts_on=starts_on, ends_on=ends_on))


def create(company: Any, employment: UUID, segment: int = 1) -> UUID:
    command = CreateAppraisal(cycle_id=company.cycle, employment_id=employment, segment=segment)
    company.world.do(command)
    return ids.appraisal_id(company.cycle, employment, segment)


def rate_and_lock(company: Any, scores: dict[UUID, str]) -> None:
    company.advance("rating")
    for appraisal, points in scores.items():
        company.rate_as_manager(appraisal, duty=points)
    company.advance("calibration")
    for appraisal in scores:
        company.lock(appraisal)


def earned(company: Any, *appraisals: UUID) -> list[tuple[str, Entitlement]]:
    """Cost centre and entitlement of every part that is to be paid."""
    states = company.world.states
    found = []
    for each in appraisals:
        appraisal: Appraisal = states[each]
        employment: Employment = states[appraisal.employment_id]
        days, locked = days_of(appraisal, employment), appraisal.locked
        assert days is not None
        assert locked is not None
        parts = entitlements(
            Earned(
                days=days,
                family=appraisal.family,
                score=locked.score,
                coefficient=Given(locked.coefficient, locked.event_id),
                proration=appraisal.proration,
                forfeited_by=appraisal.forfeited_by,
            ),
            employment,
            states[company.cycle],
        )
        found += [(part.cost_centre, part.entitlement) for part in parts]
    return found


def test_case_3_joiner_with_unpaid_leave_and_part_time(company: Any, evaluate: Evaluate) -> None:
    company.define_job("clerk", "function")
    clerk = company.hire(
        "clerk", hired_on=date(2025, 2, 11), job="clerk", manager_id=company.manager, fte="0.8"
    )
    company.pay(clerk, monthly="17777.00", share="0.15", effective_from=date(2025, 2, 11))
    scheme = company.publish(company.judged_scheme(duty=10000))
    plan(company, date(2025, 1, 1), date(2025, 3, 31))
    company.bind(scheme, "function")
    company.world.do(OpenCycle(), on=company.cycle)
    appraisal = create(company, clerk)
    rate_and_lock(company, {appraisal: "91.50"})
    # Two leaves of five working days in all, a third one that is paid, and one outside the cycle.
    for first, last, unpaid in (
        (date(2025, 3, 3), date(2025, 3, 5), True),
        (date(2025, 3, 10), date(2025, 3, 11), True),
        (date(2025, 3, 17), date(2025, 3, 28), False),
        (date(2025, 4, 1), date(2025, 4, 30), True),
    ):
        company.world.do(
            RecordLeave(starts_on=first, ends_on=last, kind="personal", unpaid=unpaid), on=clerk
        )
    ((_, entitlement),) = earned(company, appraisal)
    away = [int(each.value) for each in entitlement.absences]
    assert (entitlement.days, away, entitlement.cycle_days) == (49, [3, 2], 90)
    paid = payout([entitlement])
    assert paid.base == Money(799965, "CNY")
    assert paid.exact / 100 == Fraction("2862.80808")
    assert paid.amount == Money(286281, "CNY")
    assert paid.amount != Money(286297, "CNY")  # of a daily rate that was rounded first
    assert evaluate(paid.explanation) == 286281


def banded() -> Banded:
    return Banded(
        bands=tuple(
            Band(from_score=Decimal(score), coefficient=Decimal(coefficient))
            for score, coefficient in (
                ("0", "0"),
                ("60", "0.6"),
                ("70", "0.8"),
                ("85", "1.0"),
                ("95", "1.2"),
            )
        )
    )


def test_case_4_transfer_between_departments(company: Any, evaluate: Evaluate) -> None:
    company.pay(monthly="20000.00", share="0.5")
    company.define_job("analyst", "function")
    marketing = company.publish(company.judged_scheme(duty=10000))
    judged: SchemeContent = company.judged_scheme(duty=10000)
    function = company.publish(
        SchemeContent(name="FUN", sections=judged.sections, coefficient=banded()), code="FUN"
    )
    plan(company, date(2025, 4, 1), date(2025, 6, 30))
    company.bind(marketing, "marketing")
    company.bind(function, "function")
    company.world.do(OpenCycle(), on=company.cycle)
    first = create(company, company.employment)
    # The transfer becomes known when the first appraisal has begun.
    moved_on = date(2025, 5, 16)
    company.world.do(
        ChangeAssignment(
            effective_from=moved_on,
            assignment=company.assignment(
                job="analyst", manager_id=company.head, cost_centre="CC-FIN"
            ),
        ),
        on=company.employment,
    )
    second = create(company, company.employment, 2)
    rate_and_lock(company, {first: "76", second: "92"})
    with pytest.raises(Refused) as refused:
        earned(company, second)  # half of total pay depends on results in a function: not allowed
    assert refused.value.code == "share-out-of-band"
    company.pay(monthly="20000.00", share="0.15", effective_from=moved_on)

    parts = earned(company, first, second)
    assert [(centre, each.days, each.cycle_days) for centre, each in parts] == [
        ("CC-SALES", 45, 91),
        ("CC-FIN", 46, 91),
    ]
    paid = payout([entitlement for _, entitlement in parts])
    assert paid.amount == Money(1582418, "CNY")
    assert paid.parts == (Money(1127473, "CNY"), Money(454945, "CNY"))
    assert evaluate(paid.explanation) == 1582418


@pytest.mark.parametrize(("leaver", "amount"), [("good-leaver", 1573333), ("bad-leaver", 0)])
def test_case_13_leaver_and_rehire(
    company: Any, evaluate: Evaluate, leaver: LeaverClass, amount: int
) -> None:
    company.pay()
    scheme = company.publish(company.judged_scheme(duty=10000))
    plan(company, date(2025, 1, 1), date(2025, 3, 31))
    company.bind(scheme, "marketing")
    company.world.do(OpenCycle(), on=company.cycle)
    first = create(company, company.employment)
    company.world.do(
        TerminateEmployment(last_day=date(2025, 2, 28), leaver=leaver, reason="x"),
        on=company.employment,
    )
    company.world.do(
        RehireEmployee(
            number="seller-2",
            person_id=company.seller,
            hired_on=date(2025, 3, 17),
            assignment=company.assignment(manager_id=company.manager),
            previous_employment_id=company.employment,
        )
    )
    again = ids.employment_id("seller-2")
    company.pay(again, effective_from=date(2025, 3, 17))
    second = create(company, again)
    rate_and_lock(company, {first: "80", second: "90"})
    amounts = []
    for appraisal, days in ((first, 59), (second, 15)):
        ((_, entitlement),) = earned(company, appraisal)
        assert entitlement.days == days
        paid = payout([entitlement])
        assert evaluate(paid.explanation) == paid.amount.minor
        amounts.append(paid.amount)
    assert amounts == [Money(amount, "CNY"), Money(450000, "CNY")]


def test_case_13_targets_of_the_whole_cycle_are_prorated_exactly(company: Any) -> None:
    company.open()
    appraisal = company.create_appraisal()
    targets = {"contract": "1200000", "collection": "900000", "output": "1000000"}
    company.world.do(
        ProposeGoals(
            appraisal_id=appraisal,
            targets=tuple(
                Target(indicator=code, target=Decimal(each)) for code, each in targets.items()
            ),
            whole_cycle=True,
        ),
        actor=company.manager,
    )
    company.world.do(AgreeGoals(), on=ids.goal_sheet_id(appraisal), actor=company.seller)
    company.record(contract="590000", collection="1", output="1")
    company.world.do(
        TerminateEmployment(last_day=date(2025, 2, 28), leaver="good-leaver", reason="x"),
        on=company.employment,
    )
    company.advance("rating")
    company.score(appraisal)
    stated = {
        each.indicator: Fraction(each.points)
        for each in company.world.states[appraisal].initial_score.points
    }
    # 590,000 of 786,666 2/3, which is 1,200,000 x 59/90.
    assert stated["contract"] == Fraction(590_000 * 100 * 90, 1_200_000 * 59) == 75


def test_pay_hours_and_cost_centres_are_taken_as_of_their_days(company: Any) -> None:
    """A formula that reads an employee as he is now pays other days by today's contract."""
    company.pay(monthly="20000.00", share="0.5")
    scheme = company.publish(company.judged_scheme(duty=10000))
    plan(company, date(2025, 1, 1), date(2025, 3, 31))
    company.bind(scheme, "marketing")
    company.world.do(OpenCycle(), on=company.cycle)
    appraisal = create(company, company.employment)
    rate_and_lock(company, {appraisal: "100"})
    company.pay(monthly="30000.00", share="0.4", effective_from=date(2025, 2, 1))
    work = company.assignment(manager_id=company.manager, fte="0.5", cost_centre="CC-2")
    company.world.do(
        ChangeAssignment(effective_from=date(2025, 3, 1), assignment=work), on=company.employment
    )
    # Neither a change of the manager alone, nor one after the cycle, cuts anything.
    for day in (date(2025, 3, 11), date(2025, 4, 1)):
        other = company.assignment(manager_id=company.head, fte="0.5", cost_centre="CC-2")
        company.world.do(
            ChangeAssignment(effective_from=day, assignment=other), on=company.employment
        )
    parts = earned(company, appraisal)
    assert [(centre, each.days, each.fte.value, each.pay.share) for centre, each in parts] == [
        ("CC-SALES", 31, Decimal(1), Decimal("0.5")),
        ("CC-SALES", 28, Decimal(1), Decimal("0.4")),
        ("CC-2", 31, Decimal("0.5"), Decimal("0.4")),
    ]
    expected = 30_000 * Fraction(31, 90) + 36_000 * (Fraction(28, 90) + Fraction(31, 90) / 2)
    assert payout([each for _, each in parts]).exact == expected * 100


def test_days_are_counted_as_the_scheme_says(company: Any, evaluate: Evaluate) -> None:
    """Working days: no weekends, no holidays, but days that make up for them."""
    company.pay()
    judged: SchemeContent = company.judged_scheme(duty=10000)
    scheme = company.publish(msgspec.structs.replace(judged, proration="working-days"))
    holidays = tuple(date(2025, 1, day) for day in (1, 28, 29, 30, 31))
    plan_cycle = PlanCycle(
        code="2025Q1",
        name="周期",
        starts_on=date(2025, 1, 1),
        ends_on=date(2025, 3, 31),
        holidays=holidays,
        made_up=(date(2025, 1, 26),),
    )
    world = company.world
    outside = msgspec.structs.replace(plan_cycle, holidays=(date(2025, 4, 1),))
    world.refuses("outside-cycle", outside)
    world.refuses("bad-date", msgspec.structs.replace(plan_cycle, made_up=holidays[:1]))
    world.refuses("bad-date", msgspec.structs.replace(plan_cycle, holidays=holidays[:1] * 2))
    world.do(plan_cycle)
    company.bind(scheme, "marketing")
    world.do(OpenCycle(), on=company.cycle)
    appraisal = create(company, company.employment)
    rate_and_lock(company, {appraisal: "100"})
    # From Friday to Monday: two working days of unpaid leave, four of the calendar.
    world.do(
        RecordLeave(
            starts_on=date(2025, 3, 7), ends_on=date(2025, 3, 10), kind="personal", unpaid=True
        ),
        on=company.employment,
    )
    world.do(
        TerminateEmployment(last_day=date(2025, 3, 14), leaver="good-leaver", reason="x"),
        on=company.employment,
    )
    ((_, entitlement),) = earned(company, appraisal)
    # 64 weekdays of the quarter, less 5 holidays, and 1 that is made up.
    assert (entitlement.days, entitlement.cycle_days) == (49, 60)
    assert [each.value for each in entitlement.absences] == [2]
    paid = payout([entitlement])
    assert paid.exact == Fraction(3_000_000 * 47, 60)
    assert evaluate(paid.explanation) == 2_350_000
