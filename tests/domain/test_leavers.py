"""Who leaves before the lock: paid for the days worked, paid nothing, or not appraised at all."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain import ids
from domain.appraisal import CreateAppraisal, LockScore
from domain.cycle import OpenCycle, PlanCycle
from domain.leavers import AppraisalVoided, LeaverPolicy, PayForfeited, VoidAppraisal
from domain.organisation import ChangeAssignment, LeaverClass, TerminateEmployment

LAST_DAY = date(2025, 2, 28)
VOID = VoidAppraisal(reason="已离职")


@pytest.fixture
def opened(company: Any) -> Any:
    def opened(good: LeaverPolicy = "prorated", bad: LeaverPolicy = "forfeited") -> Any:
        scheme = company.publish(company.judged_scheme(duty=10000))
        company.world.do(
            PlanCycle(
                code="2025Q1",
                name="2025年一季度",
                starts_on=company.starts_on,
                ends_on=company.ends_on,
                good_leavers=good,
                bad_leavers=bad,
            )
        )
        company.bind(scheme, "marketing")
        company.world.do(OpenCycle(), on=company.cycle)
        return company

    return opened


def rated(company: Any) -> UUID:
    appraisal: UUID = company.create_appraisal()
    company.advance("rating")
    company.rate_as_manager(appraisal, duty="80")
    return appraisal


def leave(company: Any, leaver: LeaverClass, last_day: date = LAST_DAY) -> UUID:
    company.world.do(
        TerminateEmployment(last_day=last_day, leaver=leaver, reason="x"), on=company.employment
    )
    ended: UUID = company.world.states[company.employment].terminated_by
    return ended


def test_who_has_left_neither_rates_nor_waits_for_the_others(opened: Any) -> None:
    company = opened()
    appraisal = rated(company)
    company.world.refuses("self-rating-missing", LockScore(), on=appraisal)
    leave(company, "good-leaver")
    company.lock(appraisal)
    assert company.world.states[appraisal].locked.version == 1
    assert company.world.states[appraisal].forfeited_by is None


def test_who_will_leave_still_does(opened: Any) -> None:
    company = opened()
    appraisal = rated(company)
    leave(company, "good-leaver")
    company.world.now = datetime(2025, 2, 28, 20, tzinfo=UTC)
    company.world.refuses("self-rating-missing", LockScore(), on=appraisal)


def test_a_bad_leaver_forfeits(opened: Any) -> None:
    company = opened()
    appraisal = rated(company)
    ended = leave(company, "bad-leaver")
    events = company.lock(appraisal)
    assert events[0] == PayForfeited(terminated_by=ended)
    assert company.world.states[appraisal].forfeited_by == ended


def test_who_worked_to_the_end_is_no_leaver(opened: Any) -> None:
    company = opened()
    appraisal = rated(company)
    leave(company, "bad-leaver", company.ends_on)
    company.world.refuses("self-rating-missing", LockScore(), on=appraisal)
    company.advance("calibration")
    company.lock(appraisal)
    assert company.world.states[appraisal].forfeited_by is None


def test_who_leaves_after_the_lock_keeps_what_was_earned(opened: Any) -> None:
    company = opened()
    appraisal = rated(company)
    company.rate_self(appraisal, duty="80")
    company.advance("calibration")
    company.lock(appraisal)
    leave(company, "bad-leaver")
    assert company.world.states[appraisal].forfeited_by is None


def test_a_policy_may_void(opened: Any) -> None:
    company = opened(good="void")
    appraisal = rated(company)
    company.world.refuses("not-voidable", VOID, on=appraisal)
    leave(company, "good-leaver")
    company.world.refuses("void-by-policy", LockScore(), on=appraisal)
    company.world.refuses("reason-missing", msgspec.structs.replace(VOID, reason=""), on=appraisal)
    assert company.world.do(VOID, on=appraisal) == (AppraisalVoided(reason="已离职"),)
    for command in (VOID, LockScore()):
        company.world.refuses("appraisal-void", command, on=appraisal)


def test_an_appraisal_without_any_day_left_is_voided_and_its_days_get_another(
    opened: Any,
) -> None:
    company = opened()
    company.define_job("key-account", "marketing")
    appraisal = company.create_appraisal()
    company.advance("rating")
    company.rate_as_manager(appraisal, duty="80")
    company.advance("calibration")
    company.world.do(
        ChangeAssignment(
            effective_from=company.starts_on,
            assignment=company.assignment(job="key-account", manager_id=company.manager),
        ),
        on=company.employment,
    )
    company.world.refuses("segment-gone", LockScore(), on=appraisal)
    company.world.do(VOID, on=appraisal)
    again = CreateAppraisal(cycle_id=company.cycle, employment_id=company.employment, segment=2)
    (created,) = company.world.do(again)
    assert created.job_id == ids.job_id("key-account")
    assert (created.starts_on, created.ends_on) == (company.starts_on, company.ends_on)


def test_what_a_policy_voided_is_not_appraised_again(opened: Any) -> None:
    company = opened(good="void")
    appraisal = rated(company)
    leave(company, "good-leaver")
    company.world.do(VOID, on=appraisal)
    again = CreateAppraisal(cycle_id=company.cycle, employment_id=company.employment, segment=2)
    company.world.refuses("no-such-segment", again)
