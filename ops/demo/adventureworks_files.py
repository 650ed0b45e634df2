"""The files of the AdventureWorks company, side by side, each checked against the others."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec

from ops.demo.hierarchyid import path_of
from ops.demo.tables import Row, read

EMPLOYEES = "HumanResources.Employee.csv"
DEPARTMENTS = "HumanResources.Department.csv"
POSTINGS = "HumanResources.EmployeeDepartmentHistory.csv"
PAY = "HumanResources.EmployeePayHistory.csv"
SALES = "Sales.SalesPerson.csv"
QUOTAS = "Sales.SalesPersonQuotaHistory.csv"
TERRITORIES = "Sales.SalesTerritory.csv"
QUARTERS_A_YEAR = 4


class Employee(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the employee file, checked."""

    row: Row
    number: int
    name: str
    path: tuple[int, ...]
    title: str
    hired_on: date


class Files:
    """What the files say: whom they name, where they work, what they earn and sell.

    Raises:
        BadInput: naming file, row and column.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.employees = self._read_employees()
        self.by_number = {employee.number: employee for employee in self.employees}
        self.by_path = {employee.path: employee for employee in self.employees}
        self.departments = {
            row.whole("DepartmentID"): row
            for row in self._read(DEPARTMENTS, "DepartmentID", "Name", "GroupName")
        }
        self.postings = self._read_postings()
        self.rates = self._read_rates()
        self.sellers = {
            self._known(row).number: row
            for row in self._read(SALES, "BusinessEntityID", "TerritoryID", "SalesYTD")
        }
        self.quotas = self._read_quotas()
        self.territories = {
            row.whole("TerritoryID"): row
            for row in self._read(TERRITORIES, "TerritoryID", "SalesYTD", "SalesLastYear")
        }

    def _read(self, file: str, *columns: str) -> list[Row]:
        return read(self._folder / file, columns)

    def _known(self, row: Row) -> Employee:
        number = row.whole("BusinessEntityID")
        if number not in self.by_number:
            raise row.wrong("BusinessEntityID", f"{number} is not in {EMPLOYEES}")
        return self.by_number[number]

    def _read_employees(self) -> list[Employee]:
        """Everybody, the head first, managers before those whom they lead."""
        found: dict[tuple[int, ...], Employee] = {}
        numbers: set[int] = set()
        for row in self._read(
            EMPLOYEES, "BusinessEntityID", "LoginID", "OrganizationNode", "JobTitle", "HireDate"
        ):
            node = row.text_or_none("OrganizationNode")
            try:
                path = () if node is None else path_of(node)
            except ValueError as error:
                raise row.wrong("OrganizationNode", f"{node!r}: {error}") from None
            if path in found:
                raise row.wrong("OrganizationNode", "two people in one place of the hierarchy")
            employee = Employee(
                row=row,
                number=row.whole("BusinessEntityID"),
                name=_name(row),
                path=path,
                title=row.text("JobTitle"),
                hired_on=row.day("HireDate"),
            )
            if employee.number in numbers:
                raise row.wrong("BusinessEntityID", f"{employee.number} occurs twice")
            numbers.add(employee.number)
            found[path] = employee
        for path, employee in found.items():
            if path and path[:-1] not in found:
                raise employee.row.wrong("OrganizationNode", "nobody holds the place above")
        return sorted(found.values(), key=lambda employee: (len(employee.path), employee.number))

    def _read_postings(self) -> dict[int, list[tuple[date, int]]]:
        """Per person (since when, department), in order; the last one has no end."""
        postings: dict[int, list[tuple[date, int]]] = defaultdict(list)
        open_ended: dict[int, Row] = {}
        for row in self._read(POSTINGS, "BusinessEntityID", "DepartmentID", "StartDate", "EndDate"):
            number = self._known(row).number
            department = row.whole("DepartmentID")
            if department not in self.departments:
                raise row.wrong("DepartmentID", f"{department} is not in {DEPARTMENTS}")
            if row.day_or_none("EndDate") is None:
                if number in open_ended:
                    raise row.wrong("EndDate", f"{number} already has an open-ended posting")
                open_ended[number] = row
            postings[number].append((row.day("StartDate"), department))
        for employee in self.employees:
            if employee.number not in open_ended:
                raise employee.row.wrong("BusinessEntityID", f"no current posting in {POSTINGS}")
            postings[employee.number].sort()
            if postings[employee.number][0][0] != employee.hired_on:
                raise employee.row.wrong("HireDate", f"{POSTINGS} begins on another day")
        return postings

    def _read_rates(self) -> dict[int, Fraction]:
        """The current hourly rate of everybody."""
        rates: dict[int, Fraction] = {}
        for row in self._read(PAY, "BusinessEntityID", "Rate", "PayFrequency"):
            rate = row.number("Rate")
            if rate <= 0:
                raise row.wrong("Rate", f"{rate} is not a rate of pay")
            if row.whole("PayFrequency") not in (1, 2):
                raise row.wrong("PayFrequency", "neither 1 (monthly) nor 2 (biweekly)")
            rates[self._known(row).number] = Fraction(rate)
        for employee in self.employees:
            if employee.number not in rates:
                raise employee.row.wrong("BusinessEntityID", f"no rate in {PAY}")
        return rates

    def _read_quotas(self) -> dict[int, list[Decimal]]:
        quotas: dict[int, list[Decimal]] = defaultdict(list)
        for row in self._read(QUOTAS, "BusinessEntityID", "SalesQuota"):
            number = self._known(row).number
            if number not in self.sellers:
                raise row.wrong("BusinessEntityID", f"{number} is not in {SALES}")
            quotas[number].append(row.number("SalesQuota"))
        for number, row in self.sellers.items():
            if len(quotas[number]) < QUARTERS_A_YEAR:
                raise row.wrong("BusinessEntityID", f"fewer than four quarters in {QUOTAS}")
        return quotas


def _name(row: Row) -> str:
    r"""The name inside a LoginID such as `adventure-works\fran\xe7ois1`."""
    return row.text("LoginID").rpartition("\\")[2].rstrip("0123456789").capitalize()
