"""Reads the AdventureWorks company (290 people, 17 sellers) from its CSV files as they are.

The files are cp1252 with CRLF, days are dd-mm-yyyy, absent values are a literal NULL, and some
day columns were destroyed to "00:00.0" by whoever exported them. What had to be decided because
of that is said in `ASSUMPTIONS` and printed before the drive.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from uuid import UUID

import msgspec

from domain.cycle import BindScheme, PlanCycle
from domain.goals import Target
from domain.ids import job_id, org_unit_id, person_id, scheme_id
from domain.jobs import DefineJob
from domain.money import Amount
from domain.org_units import CreateOrgUnit
from domain.organisation import (
    Assignment,
    ChangeAssignment,
    HireEmployee,
    JobFamily,
    RegisterPerson,
    SetPayStructure,
)
from domain.ratings import Rating
from ops.demo.adventureworks_files import (
    DEPARTMENTS,
    EMPLOYEES,
    QUARTERS_A_YEAR,
    QUOTAS,
    SALES,
    TERRITORIES,
    Employee,
    Files,
)
from ops.demo.model import BadInput, Company, Fact, Member
from ops.demo.schemes import OTHERS, SELLERS
from ops.demo.tables import Row

QUARTER = PlanCycle(
    code="2014Q1", name="First quarter 2014", starts_on=date(2014, 1, 1), ends_on=date(2014, 3, 31)
)
DEEPEST_LEVEL = 5
CENTS = 100
MONTHLY_HOURS = Fraction(40 * 52, 12)

ASSUMPTIONS = (
    (
        "QuotaDate was destroyed (00:00.0): a seller's quota rows are quarters in file order, "
        "the last one being the first quarter of 2014."
    ),
    (
        "SalesYTD is taken as the sales of the last four quota quarters: target = sum of the last "
        "four quotas, actual = SalesYTD (which lies at 79 to 96 percent for every seller)."
    ),
    (
        "A seller's second indicator is growth of the territory (SalesYTD against SalesLastYear); "
        "sales managers without one answer for the territories of those whom they lead."
    ),
    (
        "RateChangeDate was destroyed: the last row of a person is the current hourly rate, "
        "effective from the day of hire."
    ),
    (
        "Monthly pay in USD is Rate x 2,080 hours / 12, PayFrequency 1 (monthly) or 2 (biweekly): "
        "it says how often, not how much; rounded half up to the cent."
    ),
    "Performance share: 50 % for the sellers, 15 % for all others (the files do not say).",
    (
        "Managers come from OrganizationNode; the root (NULL) is the chief executive, whom nobody "
        "rates: employed, not appraised."
    ),
    "Names are those of LoginID without domain and digits.",
    (
        "The files hold no ratings: points 0..100 come from fixed dice; a self rating lies more "
        "than ten points above the manager's for about one in fifteen."
    ),
)

REASONS = (
    "Rated the effort of the quarter; the manager rated its outcome. Talked through on the review.",
    "Covered for an open position; not part of this job's duties.",
    "A delivered project was accepted only after the quarter's end.",
)


def recognises(folder: Path) -> bool:
    """Whether a folder looks like this company's."""
    return (folder / EMPLOYEES).is_file()


def read_company(folder: Path) -> Company:
    """The company in `folder`.

    Raises:
        BadInput: naming file, row and column.
    """
    return _Reading(folder).company()


class _Reading:
    """What the files mean, as commands."""

    def __init__(self, folder: Path) -> None:
        self._files = Files(folder)
        self._dice = Random(2014)  # noqa: S311 - ratings that the files lack, the same every time

    def company(self) -> Company:
        facts: list[Fact] = []
        members = [self._member(employee, facts) for employee in self._files.employees]
        executive = members[0].person_id
        hr = self._leading("Human Resources", 1)[0]
        approver, preparer = self._leading("Finance", 2)
        roles = {hr: "hr", preparer: "finance", approver: "finance", executive: "executive"}
        leads = {member.manager_id for member in members}
        return Company(
            name="Adventure Works Cycles",
            currency="USD",
            units=self._units(),
            jobs=self._jobs(),
            schemes=(SELLERS, OTHERS),
            bindings=(
                BindScheme(scheme_id=scheme_id("SALES"), scheme_version=1, family="marketing"),
                BindScheme(scheme_id=scheme_id("STAFF"), scheme_version=1, family="function"),
            ),
            cycle=QUARTER,
            members=tuple(
                msgspec.structs.replace(
                    member,
                    roles=(
                        "employee",
                        *(("manager",) if member.person_id in leads else ()),
                        *((roles[member.person_id],) if member.person_id in roles else ()),
                    ),
                )
                for member in members
            ),
            facts=tuple(facts),
            hr=hr,
            preparer=preparer,
            approver=approver,
            executive=executive,
            assumptions=ASSUMPTIONS,
        )

    def _member(self, employee: Employee, facts: list[Fact]) -> Member:
        """The person with the quarter; business data is added to `facts`."""
        number = f"AW{employee.number:03}"
        manager = self._files.by_path[employee.path[:-1]] if employee.path else None
        seller = self._files.sellers.get(employee.number)
        postings = [
            (
                since,
                Assignment(
                    org_unit_id=org_unit_id(f"D{department}"),
                    job_id=job_id(_job_code(employee, self._family(employee))),
                    cost_centre=f"D{department}",
                    manager_id=None if manager is None else person_id(f"AW{manager.number:03}"),
                ),
            )
            for since, department in self._files.postings[employee.number]
        ]
        monthly = _cents(self._files.rates[employee.number] * MONTHLY_HOURS)
        member = Member(
            person=RegisterPerson(number=number, name=employee.name),
            employment=HireEmployee(
                number=number,
                person_id=person_id(number),
                hired_on=employee.hired_on,
                assignment=postings[0][1],
            ),
            changes=tuple(
                ChangeAssignment(effective_from=since, assignment=assignment)
                for since, assignment in postings[1:]
            ),
            pay=SetPayStructure(
                effective_from=employee.hired_on,
                monthly_total=Amount(amount=monthly, currency="USD"),
                performance_share=Decimal("0.50") if seller else Decimal("0.15"),
            ),
        )
        if manager is None:
            return member
        targets: tuple[Target, ...] = ()
        if seller is not None:
            results = self._sales_results(employee, seller)
            targets = tuple(
                Target(indicator=indicator, target=target) for indicator, target, _ in results
            )
            facts.extend(
                Fact(
                    feed=f"{SALES}:{indicator}",
                    number=number,
                    indicator=indicator,
                    value=actual,
                    occurred_on=QUARTER.ends_on,
                )
                for indicator, _, actual in results
            )
        by_manager, own = self._ratings(("duty",) if seller else ("quality", "reliability"))
        return msgspec.structs.replace(
            member,
            targets=targets,
            manager_ratings=by_manager,
            self_ratings=own,
            reason=self._dice.choice(REASONS),
        )

    def _sales_results(
        self, employee: Employee, row: Row
    ) -> tuple[tuple[str, Decimal, Decimal], ...]:
        """(indicator, target, actual) of a seller."""
        quota = sum(self._files.quotas[employee.number][-QUARTERS_A_YEAR:], Decimal(0))
        if quota <= 0:
            raise row.wrong("BusinessEntityID", f"the last four quotas in {QUOTAS} are nothing")
        territories = {
            self._territory(found)
            for number, found in self._files.sellers.items()
            if self._files.by_number[number].path[: len(employee.path)] == employee.path
            and found.text_or_none("TerritoryID") is not None
        }
        if not territories:
            raise row.wrong("TerritoryID", "neither a territory nor people who have one")
        rows = [self._files.territories[number] for number in sorted(territories)]
        before = sum((found.number("SalesLastYear") for found in rows), Decimal(0))
        now = sum((found.number("SalesYTD") for found in rows), Decimal(0))
        return (("sales", quota, row.number("SalesYTD")), ("territory", before, now))

    def _territory(self, row: Row) -> int:
        number = row.whole("TerritoryID")
        if number not in self._files.territories:
            raise row.wrong("TerritoryID", f"{number} is not in {TERRITORIES}")
        return number

    def _ratings(self, indicators: tuple[str, ...]) -> tuple[tuple[Rating, ...], ...]:
        """(manager's, own) points."""
        by_manager, own = [], []
        for indicator in indicators:
            points = 70 + self._dice.randrange(15)
            apart = 11 + self._dice.randrange(4) if self._dice.randrange(25) == 0 else 3
            by_manager.append(Rating(indicator=indicator, points=Decimal(points)))
            own.append(Rating(indicator=indicator, points=Decimal(points + apart)))
        return tuple(by_manager), tuple(own)

    def _family(self, employee: Employee) -> JobFamily:
        return "marketing" if employee.number in self._files.sellers else "function"

    def _leading(self, department: str, count: int) -> list[UUID]:
        """The `count` people highest in the hierarchy of a department."""
        numbers = {
            number
            for number, row in self._files.departments.items()
            if row.text("Name") == department
        }
        found = [
            employee
            for employee in self._files.employees
            if self._files.postings[employee.number][-1][1] in numbers
        ]
        if len(found) < count:
            raise BadInput(f"{DEPARTMENTS}: nobody of {department} can run the quarter")
        return [person_id(f"AW{employee.number:03}") for employee in found[:count]]

    def _units(self) -> tuple[CreateOrgUnit, ...]:
        founded = min(employee.hired_on for employee in self._files.employees)
        groups = sorted({row.text("GroupName") for row in self._files.departments.values()})
        codes = {group: f"G{place}" for place, group in enumerate(groups, start=1)}
        return (
            CreateOrgUnit(code="AW", name="Adventure Works Cycles", valid_from=founded),
            *(
                CreateOrgUnit(
                    code=code, name=group, valid_from=founded, parent_id=org_unit_id("AW")
                )
                for group, code in codes.items()
            ),
            *(
                CreateOrgUnit(
                    code=f"D{number}",
                    name=row.text("Name"),
                    valid_from=founded,
                    parent_id=org_unit_id(codes[row.text("GroupName")]),
                )
                for number, row in self._files.departments.items()
            ),
        )

    def _jobs(self) -> tuple[DefineJob, ...]:
        jobs: dict[str, DefineJob] = {}
        for employee in self._files.employees:
            family = self._family(employee)
            code = _job_code(employee, family)
            jobs[code] = DefineJob(
                code=code,
                title=employee.title,
                family=family,
                level=max(1, DEEPEST_LEVEL - len(employee.path)),
                coefficient_min=Decimal(0),
                coefficient_max=Decimal("1.20"),
            )
        return tuple(jobs.values())


def _job_code(employee: Employee, family: JobFamily) -> str:
    """A title is one job a family and level."""
    return f"{employee.title} / {family} {max(1, DEEPEST_LEVEL - len(employee.path))}"


def _cents(exact: Fraction) -> Decimal:
    """Half up to the cent."""
    return Decimal((exact * CENTS + Fraction(1, 2)).__floor__()).scaleb(-2)
