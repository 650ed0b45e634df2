"""Whatever an old system writes is read as text with its address; what is hostile is refused."""

import json
import struct
import time
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from ops.demo.model import BadInput
from ops.onboarding.child import Found, Refusal, Request, Rows
from ops.onboarding.formats.books import cell_text
from ops.onboarding.headers import header_row
from ops.onboarding.sources import Reader, folder_of, matches

STAFF = '工号,姓名,部门,备注\r\n007,张三,研发部,"第一行\n第二行"\r\n008,李四,市场部,\r\n'
LATIN = "Number;Name;City\n1;François;Besançon\n2;Zoë;Köln\n"


def read(
    path: Path, encoding: str | None = None
) -> tuple[Found | None, dict[str, list[list[str]]], Refusal | None]:
    found, refused = None, None
    sheets: dict[str, list[list[str]]] = {}
    with Reader() as reader:
        for frame in reader.frames(Request(path=str(path), encoding=encoding)):
            match frame:
                case Found():
                    found = frame
                case Rows():
                    rows = sheets.setdefault(frame.piece.sheet, [])
                    rows += frame.piece.rows
                case Refusal():
                    refused = frame
    return found, sheets, refused


@pytest.mark.parametrize(
    ("text", "written", "read_as"),
    [
        (STAFF, "utf-8", "utf-8"),
        (STAFF, "utf-8-sig", "utf-8-sig"),
        (STAFF, "gb18030", "gb18030"),
        ("工号,应发\n" + "1,¥2\n" * 50, "gb18030", "gb18030"),
        (STAFF, "utf-16", "utf-16"),
        (STAFF.replace("张三", "A") * 3, "utf-16-le", "utf-16-le"),
        (LATIN, "cp1252", "cp1252"),
        (LATIN, "utf-8", "utf-8"),
        ("a,b\n" + "1,2\n" * 20_000 + "3,é\n", "cp1252", "cp1252"),
    ],
)
def test_an_encoding_is_found_by_all_bytes(
    tmp_path: Path, text: str, written: str, read_as: str
) -> None:
    path = tmp_path / "staff.csv"
    path.write_bytes(text.encode(written))
    found, sheets, refused = read(path)
    assert refused is None
    assert found is not None
    assert found.encoding == read_as
    cells = [cell for row in sheets[""] for cell in row]
    assert "\ufffd" not in "".join(cells)
    for word in ("李四", "François", "é"):
        assert (word in text) == (word in cells)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_delimiter_is_what_makes_rows_equally_wide(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "pay.txt"
    path.write_text("\n".join(delimiter.join((f"{n}", '"a,b;c"', "1,5")) for n in range(9)))
    found, sheets, _ = read(path)
    assert found is not None
    if delimiter != ",":
        assert found.delimiter == delimiter
        assert sheets[""][3] == ["3", "a,b;c", "1,5"]


def test_a_quoted_line_break_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "staff.csv"
    path.write_bytes(STAFF.encode())
    _, sheets, _ = read(path)
    assert len(sheets[""]) == 3
    assert sheets[""][1] == ["007", "张三", "研发部", "第一行\n第二行"]


def test_a_quote_that_is_never_closed_names_its_row(tmp_path: Path) -> None:
    path = tmp_path / "staff.csv"
    path.write_text('a,b\n1,2\n3,"4\n' + "5,6\n" * 400_000)
    _, _, refused = read(path)
    assert refused is not None
    assert (refused.code, refused.row) == ("broken-quotes", 3)


def test_workbooks_keep_every_sheet_and_address(tmp_path: Path) -> None:
    path = tmp_path / "staff.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        first = book.add_worksheet("一月")
        first.write("B3", "x")
        first.write("C4", 2.0)
        first.write("D4", 0.1)
        first.write_formula("B5", "=1+1", None, 2)
        first.write_datetime("C5", __import__("datetime").datetime(2024, 2, 29), book.add_format(
            {"num_format": "yyyy-mm-dd"}))  # fmt: skip
        first.write_boolean("D5", True)  # noqa: FBT003  # the cell's value
        book.add_worksheet("空")
    _, sheets, refused = read(path)
    assert refused is None
    assert sheets["一月"][2] == ["", "x", "", ""]
    assert sheets["一月"][3] == ["", "", "2", "0.1"]
    assert sheets["一月"][4] == ["", "2", "2024-02-29", "true"]
    assert sheets["空"] == []


def test_numbers_of_workbooks_are_texts_as_they_are_shown() -> None:
    assert [cell_text(x) for x in (3.0, 1e16, 0.1, -2.5, 7)] == ["3", "1e+16", "0.1", "-2.5", "7"]


def test_fixtures_lists_lines_and_objects_of_lists(tmp_path: Path) -> None:
    rows = [
        {"model": "a.b", "pk": 1, "fields": {"n": 1.10, "s": None, "ok": True}},
        {"model": "a.c", "pk": 9, "fields": {"x": "y"}},
        {"model": "a.b", "pk": 2, "fields": {"n": 12345678901234567890.5, "t": [1, 2]}},
    ]
    text = (
        json.dumps(rows)
        .replace("1.1,", "1.10,")
        .replace("1.2345678901234567e+19", "12345678901234567890.5")
    )
    (tmp_path / "a.json").write_text(text)
    _, sheets, _ = read(tmp_path / "a.json")
    assert sheets["a.b"][0] == ["1", "1.10", "null", "true"]
    assert sheets["a.b"][1][1] == "12345678901234567890.5"
    assert sheets["a.c"] == [["9", "y"]]
    (tmp_path / "b.ndjson").write_text('{"a": 1}\n{"a": 2}\n')
    assert read(tmp_path / "b.ndjson")[1][""] == [["1"], ["2"]]
    (tmp_path / "c.json").write_text('{"staff": [{"a": {"b": 1}}], "version": 3}')
    assert read(tmp_path / "c.json")[1]["staff"] == [["1"]]
    (tmp_path / "d.json").write_text('[{"a": 1}, {"a": }]')
    refused = read(tmp_path / "d.json")[2]
    assert refused is not None
    assert (refused.code, refused.row) == ("broken-json", 2)


def test_inserts_of_a_dump_are_read_and_nothing_is_executed(tmp_path: Path) -> None:
    (tmp_path / "d.sql").write_text(
        "CREATE TABLE `staff` (\n  `no` int NOT NULL,\n  `name` varchar(9),\n"
        "  PRIMARY KEY (`no`)\n);\n"
        "INSERT INTO `staff` VALUES (1,'O''Brien'),(2,'a\\'b, (c)'),\n(3,NULL);\n"
        "insert into pay (no, amount) values (1, 12.50);\n"
    )
    _, sheets, _ = read(tmp_path / "d.sql")
    assert sheets["staff"] == [["1", "O'Brien"], ["2", "a'b, (c)"], ["3", "NULL"]]
    assert sheets["pay"] == [["1", "12.50"]]


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([["工号", "姓名"], ["1", "张三"]], 1),
        ([["d001", "Marketing"], ["d002", "Finance"], ["d003", "HR Office"]], None),
        ([["10001", "60117"], ["10002", "65828"]], None),
        ([["2024 payroll", ""], ["emp_no", "salary"], ["1", "2"]], 2),
        ([["title_id", "title"], ["s0001", "Staff"], ["s0002", "Senior"]], 1),
    ],
)
def test_a_header_names_what_is_unlike_it(rows: list[list[str]], header: int | None) -> None:
    assert header_row(rows) == header


# -- hostile files


def bomb(path: Path, entries: dict[str, bytes], *, links: bool = False) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if links:
                info.external_attr = 0o120777 << 16
            archive.writestr(info, data)
    return path


XML_BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("code", "entries", "links"),
    [
        ("zip-bomb", {"xl/worksheets/sheet1.xml": b"0" * 40_000_000}, False),
        ("zip-bomb", {f"part{n}.xml": b"<a/>" for n in range(1001)}, False),
        ("xml-bomb", {"xl/workbook.xml": XML_BOMB}, False),
        ("path-traversal", {"../../etc/passwd": b"x"}, False),
        ("path-traversal", {"/etc/passwd": b"x"}, False),
        ("path-traversal", {"xl/workbook.xml": b"/etc/passwd"}, True),
        ("broken-workbook", {"xl/workbook.xml": b"<a/>"}, False),
    ],
)
def test_bombs_are_refused_before_they_unpack(
    tmp_path: Path, code: str, entries: dict[str, bytes], links: bool
) -> None:
    path = bomb(tmp_path / "b.xlsx", entries, links=links)
    small = tmp_path / "small.csv"
    small.write_text("a,b\n1,2\n")
    with Reader() as reader:
        list(reader.frames(Request(path=str(small))))
        begun = time.process_time(), time.monotonic()
        frames = list(reader.frames(Request(path=str(path))))
        assert time.monotonic() - begun[1] < 3, "on a busy machine; a second on a quiet one"
        refused = [frame for frame in frames if isinstance(frame, Refusal)]
        assert [each.code for each in refused] == [code]
        assert any(isinstance(f, Rows) for f in reader.frames(Request(path=str(small))))


def test_a_directory_that_lies_about_its_entries_is_refused(tmp_path: Path) -> None:
    path = bomb(tmp_path / "b.xlsx", {f"p{n}.xml": b"<a/>" for n in range(1500)})
    data = bytearray(path.read_bytes())
    end = data.rfind(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", 3, 3)
    path.write_bytes(bytes(data))
    refused = read(path)[2]
    assert refused is not None
    assert refused.code in ("zip-bomb", "broken-workbook")


def test_what_takes_too_much_memory_loses_only_itself(tmp_path: Path) -> None:
    """One cell in the last corner makes a sheet of 17 billion cells."""
    path = tmp_path / "far.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "z")
    good = tmp_path / "good.csv"
    good.write_text("a\n1\n")
    with Reader() as reader:
        frames = list(reader.frames(Request(path=str(path))))
        assert [f.code for f in frames if isinstance(f, Refusal)] == ["too-much-memory"]
        assert [f.piece.rows for f in reader.frames(Request(path=str(good))) if isinstance(f, Rows)]


def test_links_and_devices_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    (tmp_path / "in" / "link.csv").symlink_to(tmp_path / "secret.csv")
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    __import__("os").mkfifo(tmp_path / "in" / "pipe.csv")
    (tmp_path / "in" / "good.csv").write_text("a\n1\n")
    folder = folder_of(tmp_path / "in")
    assert [file.name for file in folder.files] == ["good.csv"]
    assert {name for name, _ in folder.refused} == {"link.csv", "folder", "pipe.csv"}


def test_a_folder_that_is_none_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        folder_of(tmp_path / "nowhere")


def test_a_pattern_without_a_slash_speaks_of_the_top_only() -> None:
    assert matches("a.csv", "*.csv")
    assert not matches("old/a.csv", "*.csv")
    assert matches("old/a.csv", ["x.csv", "old/*.csv"])
    assert matches("old/2020/a.csv", "**.csv")
