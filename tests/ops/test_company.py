"""The invented company comes out the same each time, and has what the demo must show."""

from collections import Counter
from decimal import Decimal

from domain.ids import OrgUnitId, org_unit_id
from ops.demo.company import CASE_1, invent
from ops.demo.model import deviations
from ops.demo.schemes import MARKETING
from ops.demo.workplace import DEPARTMENTS

COMPANY = invent()
THRESHOLD = MARKETING.content.deviation_threshold


def test_the_same_seed_gives_the_same_company() -> None:
    assert invent() == COMPANY
    assert invent(seed=7) != COMPANY


def test_it_has_at_least_200_people_in_marketing_and_functions() -> None:
    assert len(COMPANY.members) >= 200
    people = Counter(member.unit_id for member in COMPANY.members)
    for department in DEPARTMENTS:
        assert people[org_unit_id(department.code)] == department.headcount


def test_numbers_are_unique_and_managers_come_before_those_whom_they_lead() -> None:
    seen = set()
    for member in COMPANY.members:
        assert member.manager_id is None or member.manager_id in seen
        assert member.person_id not in seen
        seen.add(member.person_id)


def test_names_are_chinese() -> None:
    for member in COMPANY.members:
        assert all("\u4e00" <= character <= "\u9fff" for character in member.person.name)


def test_performance_shares_lie_in_the_bands_of_their_families() -> None:
    family_of = {org_unit_id(each.code): each.family for each in DEPARTMENTS}
    bands = {
        "marketing": (Decimal("0.40"), Decimal("0.60")),
        "function": (Decimal("0.10"), Decimal("0.20")),
    }
    for member in COMPANY.members:
        if family := family_of.get(OrgUnitId(member.unit_id)):
            low, high = bands[family]
            assert low <= member.pay.performance_share <= high


def test_it_has_deviations_with_reasons_calibrations_joiners_leavers_and_part_timers() -> None:
    apart = [member for member in COMPANY.rated if deviations(member, THRESHOLD)]
    assert len(apart) >= 10
    assert all(member.reason for member in apart)
    assert sum(member.calibration is not None for member in COMPANY.members) >= 3
    assert any(member.termination for member in COMPANY.members)
    assert any(member.employment.hired_on > COMPANY.cycle.starts_on for member in COMPANY.members)
    assert any(member.employment.assignment.fte < 1 for member in COMPANY.members)
    assert any(member.changes for member in COMPANY.members)


def test_one_member_has_the_inputs_of_worked_case_1() -> None:
    (member,) = [each for each in COMPANY.members if each.employment.number == CASE_1]
    assert {target.indicator: target.target for target in member.targets} == {
        "contract": 1_200_000,
        "collection": 900_000,
        "output": 1_000_000,
    }
    actuals: Counter[str] = Counter()
    for fact in COMPANY.facts:
        if fact.number == CASE_1:
            actuals[fact.indicator] += int(fact.value)
    assert actuals == {"contract": 1_140_000, "collection": 702_000, "output": 1_050_000}
    assert [rating.points for rating in member.manager_ratings] == [88]
    assert member.pay.monthly_total.amount == Decimal("20000.00")
    assert COMPANY.known_payouts == {CASE_1: Decimal("26928.00")}


def test_the_people_who_run_the_quarter_are_different_ones() -> None:
    assert len({COMPANY.hr, COMPANY.preparer, COMPANY.approver, COMPANY.executive}) == 4


def test_a_small_company_has_every_department() -> None:
    small = invent(scale=Decimal("0.05"))
    assert {member.unit_id for member in small.members} >= {
        org_unit_id(department.code) for department in DEPARTMENTS
    }
    assert len(small.members) < 40
