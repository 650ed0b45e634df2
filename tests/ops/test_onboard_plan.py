"""A mapping proposed from data that nobody has seen: it says why, and can be checked at once."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from ops.cli import main
from ops.onboarding.check import check, finished
from ops.onboarding.mapping import Loaded, parse
from ops.onboarding.planning import Proposal, propose
from ops.onboarding.report import Report

TODAY = date(2026, 3, 1)


def tried(tmp_path: Path, encoding: str = "utf-8", **files: str) -> tuple[Proposal, Report]:
    """The proposal for these files, and what a check against it comes to."""
    made = tmp_path / "in"
    made.mkdir(exist_ok=True)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (made / f"{stem}.{suffix}").write_text(text, encoding=encoding)
    return proposed(made, tmp_path / "out")


def proposed(made: Path, out: Path) -> tuple[Proposal, Report]:
    proposal = propose(made, TODAY)
    loaded = Loaded(mapping=parse(proposal.text), digest="ab" * 32, path="m.yaml")
    return proposal, finished(check(made, loaded, out), out)


ATTRITION = "Age,Attrition,Department,EmployeeNumber,JobRole,MonthlyIncome,PerformanceRating\n" + (
    "".join(f"{20 + n % 40},{'Yes' if n % 7 else 'No'},{('Sales', 'R&D')[n % 2]},{n * 3 + 1},"
            f"{('Manager', 'Scientist')[n % 2]},{2000 + n * 13},{3 + n % 2}\n" for n in range(60))
)  # fmt: skip


def test_a_table_with_ratings_and_incomes(tmp_path: Path) -> None:
    _, report = tried(tmp_path, attrition_csv=ATTRITION)
    assert report.errors == 0
    assert report.records == {
        "org_unit": 2, "job": 2, "person": 60, "employment": 60, "pay_structure": 60,
        "score_history": 60,
    }  # fmt: skip


CORE = (
    "Employee_Name,EmpID,Salary,Position,DateofHire,DateofTermination,TermReason,Department,"
    "ManagerName,ManagerID,Zip,Sex,DOB\n"
    '"Adinolfi, Wilson  K",10026,62506,Production Technician I,7/5/2011,,N/A-StillEmployed,'
    "Production       ,Michael Albert,10084,01960,M,07/10/83\n"
    '"Ait Sidi, Karthikeyan   ",10084,104437,Sr. DBA,3/30/2015,6/16/2016,career change,'
    "IT/IS,Simon Roup,10196,02148,M,05/05/75\n"
    '"Akinkuolie, Sarah",10196,64955,Production Technician II,7/5/2011,9/24/2012,hours,'
    "Production       ,Kissy Sullivan,10196,01810,F,09/19/88\n"
)


def test_a_table_with_names_managers_and_leavers(tmp_path: Path) -> None:
    proposal, report = tried(tmp_path, core_csv=CORE)
    assert report.errors == 0
    assert report.records == {
        "org_unit": 2, "job": 3, "person": 3, "employment": 3, "pay_structure": 3, "termination": 2,
    }  # fmt: skip
    assert "manager: {column: ManagerID, none_if_equals: EmpID}" in proposal.text
    assert "M/D/YYYY" in proposal.text
    assert any("years of two digits" in reason for reason in proposal.reasons)
    assert any("DOB" in each and "birth" in each for each in proposal.left)


UNITS, JOBS = ("研发部", "市场部"), ("工程师", "销售")
ROSTER = "工号,姓名,部门,岗位,入职日期,直属上级,基本工资\n" + "".join(
    f"{n:04d},员工{n},{UNITS[n % 2]},{JOBS[n % 2]},2020年{n % 12 + 1}月3日,0001,{8000 + n}\n"
    for n in range(1, 40)
)


def test_a_chinese_roster_in_gb18030_with_monthly_wages(tmp_path: Path) -> None:
    wages = {
        f"工资表2024-0{month}_csv": "工号,基本工资,奖金,应发工资\n"
        + "".join(f'{n:04d},8000,500,"¥{8500 + n:,}.00"\n' for n in range(1, 40))
        for month in (1, 2, 3)
    }
    proposal, report = tried(tmp_path, "gb18030", 花名册_csv=ROSTER, **wages)
    assert report.errors == 0, proposal.text
    assert report.records["employment"] == 39
    assert report.records["pay_history"] == 3 * 39
    assert "YYYY年M月D日" in proposal.text
    assert "currency: CNY" in proposal.text


def test_a_workbook_of_several_sheets_that_refer_to_one_another(tmp_path: Path) -> None:
    made = tmp_path / "in"
    made.mkdir()
    tables: dict[str, list[list[Any]]] = {
        "Departments": [["DeptID", "DeptName"], ["D1", "Sales"], ["D2", "IT"]],
        "Employees": [["Staff list 2024"], ["ID", "First Name", "Last Name", "DeptID", "Title",
                                            "Start Date"]]
        + [[n, f"F{n}", f"L{n}", f"D{n % 2 + 1}", "Clerk", "2021-01-04"] for n in range(100, 130)],
        "Notes": [["ask Mary"]],
    }  # fmt: skip
    with xlsxwriter.Workbook(str(made / "export.xlsx")) as book:
        for name, rows in tables.items():
            sheet = book.add_worksheet(name)
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
    proposal, report = proposed(made, tmp_path / "out")
    assert report.errors == 0, proposal.text
    assert report.records["org_unit"] == 2
    assert report.records["person"] == report.records["employment"] == 30
    assert 'template: "{First Name} {Last Name}"' in proposal.text


def test_files_without_headers_hang_together_by_their_values(tmp_path: Path) -> None:
    salaries = "".join(f"{n},{40_000 + n * 7}\n" for n in range(10_001, 10_100))
    posts = "emp_no,dept_no\n" + "".join(f"{n},d00{n % 3 + 1}\n" for n in range(10_001, 10_100))
    departments = "d001,Marketing\nd002,Finance\nd003,Human Resources\n"
    proposal, report = tried(
        tmp_path, salaries_csv=salaries, dept_emp_csv=posts, departments_csv=departments
    )
    assert report.errors == 0, proposal.text
    assert report.records["org_unit"] == 3
    assert report.records["pay_structure"] == 99
    assert 'scale: "1/12"' in proposal.text


def test_people_without_numbers_get_a_stated_rule(tmp_path: Path) -> None:
    year = "Name,JobTitle,Agency,HireDate,AnnualSalary\n"
    rows = "".join(
        f'"Lee,Ann {n}",CLERK,City,10/{n + 1}/99,"${30_000 + n:,}.00 "\n' for n in range(25)
    )
    proposal, report = tried(tmp_path, pay_FY2014_csv=year + rows, pay_FY2015_csv=year + rows)
    assert report.errors == 0, proposal.text
    assert report.records["person"] == 25, "one person, two years"
    assert "one person is one name with what stands beside it" in proposal.text
    assert "pivot: 2015" in proposal.text


@pytest.mark.parametrize("text", ["", "\n\n", "just a sentence\n", "1\n2\n3\n"])
def test_what_is_no_company_is_said_and_is_no_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    proposal = propose(tmp_path, TODAY)
    assert any("no table of people" in reason for reason in proposal.reasons)
    assert parse(proposal.text).records == []


def test_the_command_writes_it_and_says_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "attrition.csv").write_text(ATTRITION)
    out = tmp_path / "m.yaml"
    assert main(["onboard", "plan", str(tmp_path / "in"), "-o", str(out)]) == 0
    said = capfd.readouterr().out
    assert "people are in attrition.csv: column 'EmployeeNumber' tells them apart" in said
    assert "not placed: attrition.csv column 'Age'" in said
    work = str(tmp_path / "work")
    assert main(["onboard", "check", str(tmp_path / "in"), "-m", str(out), "-o", work]) == 0
    capfd.readouterr()
    assert main(["onboard", "plan", str(tmp_path / "in"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["text"].startswith("# Proposed")
