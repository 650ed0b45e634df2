"""An invented company of the founding brief: hard targets in marketing, generous scores elsewhere.

华岭机电 has five marketing departments whose quarter was difficult and eight functional ones that
rate each other kindly: the imbalance of requirement R8. The same seed gives the same company.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from random import Random
from uuid import UUID

import msgspec

from domain.cycle import PlanCycle
from domain.goals import Target
from domain.ids import job_id, org_unit_id, person_id
from domain.money import Amount
from domain.organisation import (
    Assignment,
    ChangeAssignment,
    HireEmployee,
    JobFamily,
    RegisterPerson,
    SetPayStructure,
    TerminateEmployment,
)
from domain.ratings import Rating
from ops.demo.model import Calibration, Company, Fact, Member
from ops.demo.names import full_name
from ops.demo.schemes import FUNCTION, MARKETING
from ops.demo.workplace import (
    DEPARTMENTS,
    FOUNDED,
    MANUAL,
    REASONS,
    Department,
    bindings,
    jobs,
    units,
)

PROMOTED = date(2024, 7, 1)
SENIOR = 2
"""The level up to which people join, leave and are promoted in this story."""
QUARTER = PlanCycle(
    code="2025Q1", name="2025年第一季度", starts_on=date(2025, 1, 1), ends_on=date(2025, 3, 31)
)
MONTH_ENDS = (date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 31))
FEEDS = {
    "contract": "合同台账",
    "collection": "回款台账",
    "output": "产值台账",
    "compliance": "合规检查",
    "response": "服务台账",
    "cooperation": "协作评议",
}

CASE_1 = "E0007"
"""The employment that reproduces worked case 1: score 89.76, payout 26,928.00."""


def invent(seed: int = 20250331, *, scale: Decimal = Decimal(1)) -> Company:
    """The company, at `scale` of its full size of 223 people (at least two a department)."""
    return _Invention(seed, scale).company()


class _Invention:
    """One run of the dice; members are made in the order in which they may be hired."""

    def __init__(self, seed: int, scale: Decimal) -> None:
        self._dice = Random(seed)  # noqa: S311 - invented people, and they must come out the same
        self._scale = scale
        self._made = 0
        self._members: list[Member] = []
        self._facts: list[Fact] = []

    def company(self) -> Company:
        head = self._add(unit="HQ", family="general", level=3, manager=None, total=60000)
        deputies = {
            unit: self._add(unit=unit, family="general", level=2, manager=head, total=45000)
            for unit in ("MKT", "FUN")
        }
        heads: dict[str, UUID] = {}
        for department in DEPARTMENTS:
            heads[department.code] = self._staff(department, deputies[department.parent])
        by_unit: dict[UUID, list[Member]] = {}
        for member in self._members:
            by_unit.setdefault(member.unit_id, []).append(member)
        preparer = by_unit[org_unit_id("FIN")][1].person_id
        roles = {
            head: ("employee", "manager", "executive"),
            heads["HRD"]: ("employee", "manager", "hr"),
            heads["FIN"]: ("employee", "manager", "finance"),
            preparer: ("employee", "finance"),
        }
        leads = {member.manager_id for member in self._members}
        # Nobody calibrates themselves, those whom they rated, or whoever rated them.
        head_of_personnel = heads["HRD"]
        members = tuple(
            msgspec.structs.replace(
                member,
                calibration=None
                if head_of_personnel in (member.person_id, member.manager_id)
                or member.person_id in deputies.values()
                else member.calibration,
                roles=roles.get(
                    member.person_id,
                    ("employee", "manager") if member.person_id in leads else ("employee",),
                ),
            )
            for member in self._members
        )
        return Company(
            name="华岭机电股份有限公司",
            currency="CNY",
            units=units(),
            jobs=jobs(),
            schemes=(MARKETING, FUNCTION),
            bindings=bindings(),
            cycle=QUARTER,
            members=members,
            facts=tuple(self._facts),
            hr=heads["HRD"],
            preparer=preparer,
            approver=heads["FIN"],
            executive=head,
            known_payouts={CASE_1: Decimal("26928.00")},
        )

    def _staff(self, department: Department, deputy: UUID) -> UUID:
        """Hire a department, its head first; the head's person id."""
        marketing = department.family == "marketing"
        head = self._add(
            unit=department.code,
            family=department.family,
            level=4,
            manager=deputy,
            total=32000 if marketing else 26000,
        )
        for place in range(1, max(2, int(department.headcount * self._scale))):
            level = 3 if place % 8 == 1 else 2 if place % 3 == 0 else 1
            total = (9000, 12500, 18000)[level - 1] + self._dice.randrange(0, 3000, 100)
            self._add(
                unit=department.code,
                family=department.family,
                level=level,
                manager=head,
                total=total if marketing else total - 1500,
            )
        return head

    def _add(
        self, *, unit: str, family: JobFamily, level: int, manager: UUID | None, total: int
    ) -> UUID:
        """Hire somebody; the person id."""
        self._made += 1
        number = f"E{self._made:04}"
        person = RegisterPerson(number=f"P{self._made:04}", name=full_name(self._dice))
        hired_on = date(2015 + self._dice.randrange(10), 1 + self._dice.randrange(12), 15)
        assignment = Assignment(
            org_unit_id=org_unit_id(unit),
            job_id=job_id(f"{family}-{level}"),
            cost_centre=f"CC-{unit}",
            manager_id=manager,
        )
        share = self._share(family, level)
        member = Member(
            person=person,
            employment=HireEmployee(
                number=number,
                person_id=person_id(person.number),
                hired_on=max(hired_on, FOUNDED),
                assignment=assignment,
            ),
            pay=SetPayStructure(
                effective_from=max(hired_on, FOUNDED),
                monthly_total=Amount(amount=Decimal(total), currency="CNY"),
                performance_share=share,
            ),
        )
        if manager is not None:
            member = self._with_quarter(member, family)
        member = self._with_history(member, family, level)
        self._members.append(_case_1(member) if number == CASE_1 else member)
        return member.person_id

    def _share(self, family: JobFamily, level: int) -> Decimal:
        """Of total pay: marketing 40-60 %, function 10-20 %, general has no band."""
        if family == "marketing":
            return Decimal(40 + 5 * level) / 100
        if family == "function":
            return Decimal((10, 12, 15, 20)[level - 1]) / 100
        return Decimal("0.30")

    def _with_quarter(self, member: Member, family: JobFamily) -> Member:
        """Targets, actuals and ratings of the quarter."""
        number = member.employment.number
        marketing = family == "marketing"
        goals = dict(self._marketing_goals() if marketing else self._function_goals())
        if number == CASE_1:
            goals = {
                "contract": (1_200_000, 1_140_000),
                "collection": (900_000, 702_000),
                "output": (1_000_000, 1_050_000),
            }
        for indicator, (_, achieved) in goals.items():
            self._facts.extend(_monthly(number, indicator, achieved, monthly=marketing))
        manager, own = self._ratings(family, even=number == CASE_1)
        return msgspec.structs.replace(
            member,
            targets=tuple(
                Target(indicator=indicator, target=Decimal(target))
                for indicator, (target, _) in goals.items()
            ),
            manager_ratings=manager,
            self_ratings=own,
            reason=self._dice.choice(REASONS),
            calibration=None if number == CASE_1 else self._calibration(family),
        )

    def _marketing_goals(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Indicator, (target, achieved): most reach 50 to 95 percent, a few more."""
        contract = self._dice.randrange(600_000, 1_500_001, 20_000)
        for indicator, percent_of_contract in (
            ("contract", 100),
            ("collection", 75),
            ("output", 85),
        ):
            target = contract * percent_of_contract // 100
            percent = 48 + self._dice.randrange(25) + self._dice.randrange(26)
            if self._dice.randrange(12) == 0:
                percent += 25
            yield indicator, (target, target * percent // 100 + self._dice.randrange(1000))

    def _function_goals(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """Indicator, (target, achieved): nearly everybody reaches nearly everything."""
        yield "compliance", (100, 95 + self._dice.randrange(6))
        yield "response", (95, 93 + self._dice.randrange(7))
        yield "cooperation", (90, 84 + self._dice.randrange(9))

    def _ratings(
        self, family: JobFamily, *, even: bool
    ) -> tuple[tuple[Rating, ...], tuple[Rating, ...]]:
        """(manager's, own) points; about one in ten lies more than ten points apart."""
        lowest = 76 if family == "marketing" else 86
        by_manager, own = [], []
        for indicator in MANUAL[family]:
            points = 88 if even else lowest + self._dice.randrange(12)
            apart = 0 if even else self._dice.randrange(5)
            if not even and self._dice.randrange(14) == 0:
                apart = 11 + self._dice.randrange(4)
                points -= apart // 2
            by_manager.append(Rating(indicator=indicator, points=Decimal(points)))
            own.append(Rating(indicator=indicator, points=Decimal(min(100, points + apart))))
        return tuple(by_manager), tuple(own)

    def _calibration(self, family: JobFamily) -> Calibration | None:
        if self._dice.randrange(25):
            return None
        if family == "marketing":
            return Calibration(
                adjustment=Decimal("1.50"),
                reason_code="market-conditions",
                reason="区域市场整体下滑,同区域横向比较后上调。",
            )
        return Calibration(
            adjustment=Decimal("-2.00"),
            reason_code="leniency",
            reason="与其他部门同岗位横向比较,评分偏宽,下调。",
        )

    def _with_history(self, member: Member, family: JobFamily, level: int) -> Member:
        """Joiners, leavers, part-timers and earlier promotions, as in any company."""
        if level > SENIOR or member.employment.number == CASE_1:
            return member
        lot = self._dice.randrange(40)
        hire = member.employment
        if lot == 0:
            joined = date(2025, 2, 11)
            return msgspec.structs.replace(
                member,
                employment=msgspec.structs.replace(hire, hired_on=joined),
                pay=msgspec.structs.replace(member.pay, effective_from=joined),
            )
        if lot == 1:
            return msgspec.structs.replace(
                member,
                termination=TerminateEmployment(
                    last_day=date(2025, 3, 14), leaver="good-leaver", reason="个人发展"
                ),
            )
        if lot in (2, 3):
            part = msgspec.structs.replace(hire.assignment, fte=Decimal("0.8"))
            return msgspec.structs.replace(
                member, employment=msgspec.structs.replace(hire, assignment=part)
            )
        if lot in (4, 5) and level == SENIOR and hire.hired_on < PROMOTED:
            junior = msgspec.structs.replace(hire.assignment, job_id=job_id(f"{family}-1"))
            return msgspec.structs.replace(
                member,
                employment=msgspec.structs.replace(hire, assignment=junior),
                changes=(ChangeAssignment(effective_from=PROMOTED, assignment=hire.assignment),),
            )
        return member


def _case_1(member: Member) -> Member:
    """Worked case 1: 20,000.00 a month, half of it performance, the whole quarter, full time."""
    return msgspec.structs.replace(
        member,
        pay=msgspec.structs.replace(
            member.pay,
            monthly_total=Amount(amount=Decimal("20000.00"), currency="CNY"),
            performance_share=Decimal("0.50"),
        ),
    )


def _monthly(number: str, indicator: str, achieved: int, *, monthly: bool) -> Iterator[Fact]:
    """The quarter's actual as it arrives: by month in marketing, once elsewhere."""
    if not monthly:
        yield Fact(
            feed=FEEDS[indicator],
            number=number,
            indicator=indicator,
            value=Decimal(achieved),
            occurred_on=MONTH_ENDS[-1],
        )
        return
    third = achieved // 3
    for day, value in zip(MONTH_ENDS, (third, third, achieved - 2 * third), strict=True):
        yield Fact(
            feed=FEEDS[indicator],
            number=number,
            indicator=indicator,
            value=Decimal(value),
            occurred_on=day,
        )
