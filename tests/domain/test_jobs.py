"""Jobs: level, coefficient band and duties as of a day; only the family stays for ever."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from domain import ids
from domain.appraisal import ScoreLocked
from domain.jobs import ChangeJobGrade, DefineJobDuties, ExceptSameWork, Job

SPRING = date(2025, 4, 1)
DAY = timedelta(days=1)
SELLER = ids.job_id("seller")


def grade(day: date = SPRING, level: int = 4, least: str = "0.5", most: str = "1.5") -> Any:
    return ChangeJobGrade(
        effective_from=day,
        level=level,
        coefficient_min=Decimal(least),
        coefficient_max=Decimal(most),
        reason="职级调整",
    )


def test_a_grade_holds_from_a_day_on(company: Any) -> None:
    company.world.do(grade(), on=SELLER)
    job: Job = company.world.states[SELLER]
    before, after = job.grade_on(SPRING - DAY), job.grade_on(SPRING)
    assert (before.level, before.coefficient_max) == (3, Decimal("1.20"))
    assert (after.level, after.coefficient_max) == (4, Decimal("1.5"))
    assert job.grade_on(date.min) == before


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"level": -1}, "bad-level"),
        ({"least": "1.2", "most": "1.1"}, "bad-coefficient-band"),
        ({"most": "10.01"}, "bad-coefficient-band"),
    ],
)
def test_a_grade_is_checked(company: Any, changes: dict[str, Any], code: str) -> None:
    company.world.refuses(code, grade(**changes), on=SELLER)


def test_one_grade_a_day(company: Any) -> None:
    company.world.do(grade(), on=SELLER)
    company.world.refuses("job-date-taken", grade(level=5), on=SELLER)
    company.world.refuses("unknown-job", grade(), on=ids.job_id("none"))


def test_duties_hold_from_a_day_on(company: Any) -> None:
    duties = DefineJobDuties(effective_from=SPRING, duties=("客户拜访", "合同评审"))
    company.world.do(duties, on=SELLER)
    job: Job = company.world.states[SELLER]
    assert job.duties_on(SPRING - DAY) == ()
    assert job.duties_on(SPRING) == ("客户拜访", "合同评审")
    company.world.refuses("job-date-taken", duties, on=SELLER)
    many = DefineJobDuties(effective_from=SPRING + DAY, duties=("x",) * 101)
    company.world.refuses("too-many-duties", many, on=SELLER)


def test_a_score_is_locked_within_the_band_of_the_last_day_of_its_segment(company: Any) -> None:
    company.world.do(grade(date(2025, 3, 31), level=3, most="0.85"), on=SELLER)
    company.world.do(grade(date(2025, 4, 1), level=3, most="0.70"), on=SELLER)
    appraisal = company.case_1()
    (locked,) = (
        event for event in company.world.events(appraisal) if isinstance(event, ScoreLocked)
    )
    assert (locked.score, locked.coefficient) == (Decimal("89.76"), Decimal("0.85"))


def test_same_work_may_be_treated_unlike_in_a_cycle_for_a_reason(company: Any) -> None:
    world, excepted = company.world, ExceptSameWork(cycle_id=company.cycle, reason="新区试点")
    world.refuses("reason-missing", msgspec.structs.replace(excepted, reason=""), on=SELLER)
    world.do(excepted, on=SELLER)
    assert world.states[SELLER].excepted == (company.cycle,)
    world.refuses("already-excepted", excepted, on=SELLER)
