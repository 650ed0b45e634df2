"""AdventureWorks' files are read as they are, and what is wrong in them is named."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from ops.demo.adventureworks import read_company, recognises
from ops.demo.hierarchyid import path_of
from ops.demo.model import BadInput, Company

FILES = Path(__file__).parents[2].parent / "shared" / "data" / "adventureworks-sales"


@pytest.fixture(scope="module")
def company() -> Company:
    assert FILES.is_dir(), f"the customer's files are missing: {FILES}"
    return read_company(FILES)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    assert FILES.is_dir(), f"the customer's files are missing: {FILES}"
    for file in FILES.glob("*.csv"):
        shutil.copyfile(file, tmp_path / file.name)
    return tmp_path


def test_all_290_people_and_17_sellers(company: Company) -> None:
    assert len(company.members) == 290
    assert len(company.rated) == 289
    sellers = [member for member in company.members if member.targets]
    assert len(sellers) == 17
    assert {target.indicator for target in sellers[0].targets} == {"sales", "territory"}
    assert len(company.units) == 1 + 6 + 16
    assert company.currency == "USD"


def test_reading_twice_gives_the_same_company(company: Company) -> None:
    assert read_company(FILES) == company


def test_cp1252_names_survive(company: Company) -> None:
    assert "François" in {member.person.name for member in company.members}


def test_the_last_four_quotas_are_the_target_and_year_to_date_the_actual(company: Company) -> None:
    (member,) = [each for each in company.members if each.person.number == "AW275"]
    assert member.targets[0].target == 1_575_000 + 1_218_000 + 849_000 + 869_000
    facts = {fact.indicator: fact.value for fact in company.facts if fact.number == "AW275"}
    assert facts == {"sales": Decimal("3763178.179"), "territory": Decimal("2402176.848")}
    for seller in company.members:
        for target in seller.targets:
            assert target.target > 0


def test_monthly_pay_is_2080_hours_over_twelve_of_the_last_rate(company: Company) -> None:
    pay = {member.person.number: member.pay.monthly_total.amount for member in company.members}
    assert pay["AW001"] == Decimal("21753.33")  # 125.5 an hour
    assert pay["AW004"] == Decimal("5173.34")  # the last of three rates, 29.8462


def test_the_hierarchy_gives_the_managers(company: Company) -> None:
    manager = {member.person.number: member.manager_id for member in company.members}
    by_id = {member.person_id: member.person.number for member in company.members}
    assert manager["AW001"] is None
    assert by_id[manager["AW003"]] == "AW002"  # type: ignore[index]  # /1/1/ is led by /1/
    assert by_id[manager["AW280"]] == "AW274"  # type: ignore[index]  # a northwestern seller


def test_moves_between_departments_are_dated_assignments(company: Company) -> None:
    moved = {member.person.number: len(member.changes) for member in company.members}
    assert moved["AW250"] == 2
    assert sum(moved.values()) == 6


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        (
            "HumanResources.Employee.csv",
            "31-01-2008",
            "31-13-2008",
            "HumanResources.Employee.csv, row 3, column HireDate: '31-13-2008' is not a day",
        ),
        (
            "HumanResources.Employee.csv",
            "0x5AC0",
            "0xZZ",
            "HumanResources.Employee.csv, row 4, column OrganizationNode:",
        ),
        (
            "HumanResources.EmployeePayHistory.csv",
            "63.4615",
            "sixty",
            "HumanResources.EmployeePayHistory.csv, row 3, column Rate: 'sixty' is not a number",
        ),
        (
            "HumanResources.EmployeePayHistory.csv",
            "RateChangeDate,Rate,",
            "RateChangeDate,Rates,",
            "HumanResources.EmployeePayHistory.csv, row 1: column Rate is missing",
        ),
        (
            "Sales.SalesPerson.csv",
            "\n275,2,",
            "\n975,2,",
            "Sales.SalesPerson.csv, row 3, column BusinessEntityID: 975 is not in",
        ),
        (
            "Sales.SalesPersonQuotaHistory.csv",
            ",28000,",
            ",28000,extra,",
            "Sales.SalesPersonQuotaHistory.csv, row 2: 6 cells, not 5",
        ),
        (
            "HumanResources.EmployeeDepartmentHistory.csv",
            "\n2,1,1,",
            "\n2,99,1,",
            "HumanResources.EmployeeDepartmentHistory.csv, row 3, column DepartmentID: 99 is not",
        ),
    ],
)
def test_bad_rows_are_named_by_file_row_and_column(
    copy: Path, file: str, old: str, new: str, complaint: str
) -> None:
    path = copy / file
    text = path.read_bytes().decode("cp1252")
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode("cp1252"))
    with pytest.raises(BadInput) as raised:
        read_company(copy)
    assert str(raised.value).startswith(complaint)


def test_bytes_outside_the_encoding_are_named(copy: Path) -> None:
    path = copy / "HumanResources.Department.csv"
    path.write_bytes(path.read_bytes().replace(b"Engineering", b"Engin\x81ering", 1))
    with pytest.raises(BadInput, match=r"Department.csv, row 2: not in cp1252"):
        read_company(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "Sales.SalesTerritory.csv").unlink()
    with pytest.raises(BadInput, match=r"Sales.SalesTerritory.csv: not found"):
        read_company(copy)


def test_other_folders_are_not_taken_for_it(tmp_path: Path) -> None:
    assert not recognises(tmp_path)
    assert recognises(FILES)


@pytest.mark.parametrize("text", ["5AD6", "0x00FF", "0x5", "0xF8"])
def test_what_is_not_a_hierarchyid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"hierarchyid|label|hexadecimal"):
        path_of(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0x", ()),
        ("0x58", (1,)),
        ("0x5AD6", (1, 1, 1)),
        ("0x957080", (6, 1, 4)),
        ("0x8E70", (5, 7)),
    ],
)
def test_hierarchyids_of_the_files(text: str, path: tuple[int, ...]) -> None:
    assert path_of(text) == path
