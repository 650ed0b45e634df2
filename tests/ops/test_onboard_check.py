"""The triple check of a small company in which everything is wrong once."""

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.cli import main
from ops.demo.model import BadInput
from ops.onboarding.check import check, finished
from ops.onboarding.mapping import Loaded, parse
from ops.onboarding.records import Finding
from ops.onboarding.report import Report
from ops.onboarding.sheets import Correction, Corrections
from ops.onboarding.workspace import Workspace

MAPPING = """\
version: 1
name: small
currency: CNY
opening: "2020-01-01"
dates: [YYYY-MM-DD]
sources:
  units: {files: 部门.csv}
  staff:
    files: 员工.csv
    exclude:
      - when: {column: 姓名, among: [合计]}
        reason: a line of totals
  pay:
    files: 工资*.csv
    facts: '工资(?P<year>\\d{4})-(?P<month>\\d{2})'
records:
  - entity: org_unit
    from: units
    fields: {code: 编号, name: 名称, parent: 上级}
  - entity: job
    from: staff
    merge: same
    fields: {code: 职位, title: 职位}
  - entity: person
    from: staff
    fields: {number: 工号, name: 姓名}
  - entity: employment
    from: staff
    fields:
      number: 工号
      person: 工号
      hired_on: 入职
      org_unit: 部门
      job: 职位
      manager: {column: 上级, none_if_equals: 工号}
  - entity: termination
    from: staff
    when: {column: 离职, empty: false}
    fields: {employment: 工号, last_day: 离职}
  - entity: pay_history
    from: pay
    fields:
      employment: 工号
      measure: {constant: 应发}
      period: {template: "{@year}-{@month}"}
      starts_on: {template: "{@year}-{@month}-01"}
      ends_on: {template: "{@year}-{@month}-01", end_of: month}
      total: 应发
      "part:基本": 基本
      "part:奖金": 奖金
rules:
  - source: pay
    name: 应发 is the sum of its parts
    sum: {total: 应发, parts: [基本, 奖金, -扣款]}
  - source: pay
    name: nobody is paid twice a month
    unique: [工号]
"""
UNITS = "编号,名称,上级\nA,总部,\nB,研发部,A\nC,市场部,A\n"
STAFF = """\
工号,姓名,部门,职位,入职,离职,上级
1,赵一,A,总经理,2019-01-01,,1
2,钱二,B,工程师,2020-02-30,,1
3,孙三,D,工程师,2020-03-01,,1
4,李四,B,工程师,2020-03-01,,2
5,周五,C,销售,2021-05-01,2020-01-01,6
6,吴六,C,销售,2021-05-01,,5
7,郑七,C,销售,2021-05-01,,1
7,王八,C,销售,2021-06-01,,1
8,冯九,C,销售,2021-06-01,,1
8,冯九,C,销售,2021-06-01,,1
9,,C,销售,2021-06-01,,1
合计,合计,,,,,

10,"陈,十",C,销售,2021-06-01,,1,多余
"""
PAY = """\
工号,基本,奖金,扣款,应发
1,"10,000.00","¥2,000.00",500,"11,500.00"
8,100,0,0,101
77,1,0,0,1
7,1,0,0,1
"""


def folder(tmp_path: Path, **more: str) -> Path:
    made = tmp_path / "in"
    made.mkdir(exist_ok=True)
    files = {"部门": UNITS, "员工": STAFF, "工资2024-02": PAY, **more}
    for name, text in files.items():
        (made / f"{name}.csv").write_text(text, encoding="gb18030")
    return made


def loaded(text: str = MAPPING) -> Loaded:
    return Loaded(mapping=parse(text), digest="ab" * 32, path="m.yaml")


def checked(tmp_path: Path, mapping: str = MAPPING, **more: str) -> tuple[Workspace, Report]:
    out = tmp_path / "out"
    workspace = check(folder(tmp_path, **more), loaded(mapping), out)
    report = finished(workspace, out)
    return workspace, report


def found(workspace: Workspace) -> dict[tuple[str, int], list[str]]:
    rows: dict[tuple[str, int], list[str]] = {}
    for finding in workspace.findings():
        name = workspace.files[finding.file].name
        rows.setdefault((name, finding.row), []).append(finding.code)
    return rows


def test_every_mistake_is_found_at_its_address(tmp_path: Path) -> None:
    workspace, _ = checked(tmp_path)
    rows = found(workspace)
    assert rows == {
        ("员工.csv", 3): ["bad-date"],
        ("员工.csv", 4): ["unknown-reference"],
        ("员工.csv", 5): ["rests-on-quarantine"],
        ("员工.csv", 6): ["reporting-loop", "before-hire"],
        ("员工.csv", 7): ["reporting-loop"],
        ("员工.csv", 8): ["duplicate-key", "duplicate-key"],
        ("员工.csv", 9): ["duplicate-key", "duplicate-key"],
        ("员工.csv", 11): ["duplicate-row", "duplicate-row"],
        ("员工.csv", 12): ["missing"],
        ("员工.csv", 15): ["ragged-row"],
        ("工资2024-02.csv", 3): ["sum-differs"],
        ("工资2024-02.csv", 4): ["unknown-reference"],
        ("工资2024-02.csv", 5): ["rests-on-quarantine"],
    }


def test_a_finding_says_what_would_mend_it(tmp_path: Path) -> None:
    workspace, _ = checked(tmp_path)
    by_code: dict[str, Finding] = {finding.code: finding for finding in workspace.findings()}
    bad = by_code["bad-date"]
    assert (bad.column, bad.value, bad.check, bad.severity) == (
        "入职", "2020-02-30", "format", "error",
    )  # fmt: skip
    assert bad.suggestion == "that month has 29 days"
    total = by_code["sum-differs"]
    assert (total.check, total.value, total.replacement) == ("logic", "101", "100")


def test_no_row_vanishes(tmp_path: Path) -> None:
    workspace, report = checked(tmp_path)
    counts = workspace.counts()
    assert counts.balanced
    assert (counts.rows, counts.ok, counts.quarantined, counts.excluded) == (20, 6, 13, 1)
    assert [each.reason for each in workspace.exclusions()] == ["a line of totals"]
    for state, number in (("ok", 6), ("quarantined", 13), ("excluded", 1)):
        assert len(list(workspace.rows(state))) == number  # type: ignore[arg-type]  # a row state
    assert report.balanced


def test_sound_records_come_in_an_order_that_can_be_carried_out(tmp_path: Path) -> None:
    workspace, _ = checked(tmp_path)
    records = [record for _, record in workspace.records()]
    assert [(record.entity, record.key) for record in records] == [
        ("org_unit", "A"), ("org_unit", "B"), ("org_unit", "C"),
        ("job", "总经理"), ("job", "销售"),
        ("person", "1"), ("person", "8"), ("employment", "1"), ("employment", "8"),
        ("pay_history", "1 · 应发 · 2024-02"),
    ]  # fmt: skip
    pay = records[-1]
    assert pay.text("total") == "11500"
    assert pay.text("ends_on") == "2024-02-29"
    total = pay.fields["total"]
    assert (total.raw, total.fixes) == ("11,500.00", ("number-text",))
    assert [(ref.row, ref.column) for ref in total.refs] == [(2, "应发")]
    assert pay.fields["part:奖金"].text == "2000"
    assert pay.fields["period"].refs[0].row == 0, "a fact of the file's name"


def test_numbers_of_records_are_the_same_on_every_pass(tmp_path: Path) -> None:
    workspace, _ = checked(tmp_path)
    every = list(workspace.records())
    assert list(workspace.records(after=every[3][0])) == every[4:]
    assert [record.entity for _, record in workspace.records("person")] == ["person", "person"]
    again = Workspace.open(tmp_path / "out")
    assert list(again.records()) == every


def test_corrections_mend_rows_and_originals_are_kept(tmp_path: Path) -> None:
    staff = next(n for n, f in enumerate(checked(tmp_path)[0].files) if f.name == "员工.csv")
    corrections = Corrections(
        cells={(staff, "", 3): {"入职": Correction(text="2020-02-29", rule="customer said so")}},
        excluded={(staff, "", 9): "left before", (staff, "", 12): "nobody"},
    )
    out = tmp_path / "again"
    workspace = check(folder(tmp_path), loaded(), out, corrections=corrections)
    finished(workspace, out)
    hired = next(r for _, r in workspace.records("employment") if r.key == "2").fields["hired_on"]
    assert (hired.raw, hired.text) == ("2020-02-30", "2020-02-29")
    assert hired.fixes == ("corrected: customer said so",)
    # Whoever rested on the mended row is sound by itself, and the twin is no twin any more.
    assert {r.key for _, r in workspace.records("employment")} == {"1", "2", "4", "7", "8"}
    assert workspace.counts().excluded == 3


def test_reports_are_pages_without_scripts_and_files_for_machines(tmp_path: Path) -> None:
    evil = STAFF.replace("赵一", "<script>alert(1)</script>")
    workspace, report = checked(tmp_path, 员工=evil.replace("9,,", "9,=cmd|' /C calc'!A0,"))
    out = tmp_path / "out"
    for language, word in (("en", "in quarantine"), ("zh", "隔离")):
        page = (out / f"report.{language}.html").read_text()
        assert "<script" not in page
        assert "<svg" in page
        assert word in page
        assert "default-src 'none'" in page
    told = msgspec.json.decode((out / "report.json").read_bytes(), type=Report)
    assert told == report
    lines = (out / "findings.ndjson").read_text().splitlines()
    assert len(lines) == report.errors + report.warnings
    codes = Counter(json.loads(line)["code"] for line in lines)
    assert codes["formula-text"] == 1
    assert told.fixes["pay_history.total: number-text"] == 1
    assert workspace.report_digest
    assert (out / "workspace.sqlite").stat().st_mode & 0o077 == 0


def test_a_missing_column_keeps_the_whole_sheet_out(tmp_path: Path) -> None:
    workspace, _ = checked(tmp_path, 部门=UNITS.replace("编号", "号码"))
    rows = found(workspace)
    assert rows["部门.csv", 0] == ["missing-column"]
    assert workspace.counts().balanced
    assert not list(workspace.records("org_unit", "employment"))


def test_a_source_without_files_is_an_error(tmp_path: Path) -> None:
    _, report = checked(tmp_path, MAPPING.replace("files: 工资*.csv", "files: 薪资*.csv"))
    assert "missing-source" in {kind.code for kind in report.kinds}
    assert report.counts.balanced


def test_files_that_nobody_mapped_are_counted_as_left_out(tmp_path: Path) -> None:
    workspace, report = checked(tmp_path, 别的="a,b\n1,2\n3,4\n")
    assert report.counts.balanced
    reasons = {workspace.files[e.file].name: (e.reason, e.rows) for e in workspace.exclusions()}
    assert reasons["别的.csv"] == ("not in the mapping", 2)


MERGED = """\
version: 1
name: years
opening: "2020-01-01"
dates: [YYYY-MM-DD]
sources:
  years: {files: "y*.csv"}
records:
  - entity: org_unit
    from: years
    merge: last
    fields: {code: unit, name: unit_name}
  - entity: job
    from: years
    merge: first
    fields: {code: {constant: any}, title: {constant: any}}
  - entity: person
    from: years
    merge: last
    match: {rule: name and day of hire, within: year}
    fields: {number: {template: "{name} {hired}", tidy: name}, name: name}
  - entity: employment
    from: years
    merge: first
    match: {rule: as above, near_same: [hired_on, org_unit], near_like: name}
    fields:
      number: {template: "{name} {hired}", tidy: name}
      person: {template: "{name} {hired}", tidy: name}
      hired_on: hired
      org_unit: unit
      job: {constant: any}
  - entity: assignment
    from: years
    merge: changes
    fields:
      employment: {template: "{name} {hired}", tidy: name}
      effective_from: {template: "{year}-12-31"}
      org_unit: unit
      job: {constant: any}
  - entity: pay_structure
    from: years
    merge: changes
    fields:
      employment: {template: "{name} {hired}", tidy: name}
      effective_from: {template: "{year}-12-31"}
      monthly_total: pay
"""


def test_years_without_numbers_are_merged_by_the_stated_rule(tmp_path: Path) -> None:
    made = tmp_path / "in"
    made.mkdir()
    head = "year,name,hired,unit,unit_name,pay\n"
    (made / "y1.csv").write_text(
        head + "2020,Ann B,2019-01-01,U,Unit (1),10\n2020,Bob C,2019-01-01,U,Unit (1),10\n"
        "2020,Cy D,2018-01-01,V,V,10\n2020,Cy D,2018-01-01,U,Unit,11\n"
    )
    (made / "y2.csv").write_text(
        head + '2021,"Ann  B",2019-01-01,V,V,10\n2021,Bob CC,2019-01-01,U,Unit,12\n'
    )
    (made / "y3.csv").write_text(head + "2022,Ann B,2019-01-01,V,V,12\n")
    workspace = check(made, loaded(MERGED), tmp_path / "out")
    finished(workspace, tmp_path / "out")
    records = {(r.entity, r.key): r for _, r in workspace.records()}
    codes = Counter((f.code, f.severity) for f in workspace.findings())
    assert codes == {("doubtful-match", "error"): 2, ("maybe-the-same", "warning"): 1}
    ann = records["person", "Ann B 2019-01-01"]
    assert len(ann.more_rows) == 2
    assert records["employment", "Ann B 2019-01-01"].text("org_unit") == "U"
    assert ("assignment", "Ann B 2019-01-01 · 2021-12-31") in records
    assert ("assignment", "Ann B 2019-01-01 · 2022-12-31") not in records
    pays = [key for entity, key in records if entity == "pay_structure" and key.startswith("Ann")]
    assert pays == ["Ann B 2019-01-01 · 2020-12-31", "Ann B 2019-01-01 · 2022-12-31"]
    assert records["org_unit", "U"].text("name") == "Unit"
    assert workspace.counts().balanced


CELLS = st.text(
    alphabet=st.sampled_from('01289-/.,"=\n\r\t ABé李\ufeff;|$()'), max_size=8
) | st.sampled_from(["1", "2020-01-01", "A", "合计", "NULL", ""])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=1, max_size=9), max_size=12))
def test_in_is_sound_and_quarantined_and_left_out_whatever_comes(
    tmp_path: Path, rows: list[list[str]]
) -> None:
    text = STAFF + "\n".join(",".join(row) for row in rows)
    workspace, report = checked(tmp_path, 员工=text)
    counts = workspace.counts()
    assert counts.balanced
    assert min(counts.ok, counts.quarantined, counts.excluded) >= 0
    for state in ("ok", "quarantined", "excluded"):
        number = len(list(workspace.rows(state)))
        assert number == getattr(counts, state)
    quarantined = set(workspace.rows("quarantined"))
    assert all(record.row not in quarantined for _, record in workspace.records())
    assert report.errors or not quarantined


def test_the_command_says_the_books_and_exits_by_them(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source, work = folder(tmp_path), tmp_path / "work"
    (tmp_path / "m.yaml").write_text(MAPPING)
    options = ["onboard", "check", str(source), "-m", str(tmp_path / "m.yaml"), "-o", str(work)]
    assert main(options) == 1
    assert "20 rows = 6 sound + 13 in quarantine + 1 left out" in capfd.readouterr().out
    assert main([*options, "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["balanced"] is True
    for name, text in (("员工", STAFF.splitlines()[:2]), ("工资2024-02", PAY.splitlines()[:2])):
        (source / f"{name}.csv").write_text("\n".join(text), encoding="gb18030")
    assert main(options) == 0
    assert main(["onboard", "check", str(tmp_path / "no"), *options[3:]]) == 2
    (tmp_path / "m.yaml").write_text(MAPPING.replace("fields:", "field:", 1))
    assert main(options) == 2
    assert "line" in capfd.readouterr().err


def test_there_is_nothing_to_open_where_nothing_was_checked(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="run merit onboard check first"):
        Workspace.open(tmp_path)
