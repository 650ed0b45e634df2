"""The worksheet of a sample: two people write down, each for themselves, what the source says.

A workbook with one sheet for each of them. The verdict is theirs; beside each migrated value stands
where to look. Texts that look like formulas stay texts.
"""

from pathlib import Path
from typing import Any

import msgspec
import python_calamine
import xlsxwriter

from ops.demo.model import BadInput
from ops.onboarding.records import Checked
from ops.onboarding.sampling import Sample, records_of

PEOPLE = ("First person", "Second person")
HEADS = (
    "No.", "Record", "Key", "Field", "Migrated value", "File", "Sheet", "Row", "Column",
    "The source says", "Same? (yes/no)", "Remark",
)  # fmt: skip
VERDICT = HEADS.index("Same? (yes/no)")
WIDTHS = (6, 14, 24, 16, 26, 34, 14, 8, 20, 26, 14, 24)
YES, NO = ("yes", "y", "是", "一致", "true", "1"), ("no", "n", "否", "不一致", "false", "0")


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """What one person found: records, not cells; one wrong cell makes a wrong record."""

    matched: int
    mismatched: int
    open: int
    mismatches: tuple[str, ...]
    """Addresses of what differs."""


def write(checked: Checked, sample: Sample, path: Path) -> None:
    """Write the workbook, and the sample as JSON beside it."""
    lines = list(_lines(checked, sample))
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(
        str(path), {"strings_to_formulas": False, "strings_to_urls": False, "in_memory": True}
    ) as book:
        head = book.add_format({"bold": True, "bg_color": "#dde5ee"})
        answer = book.add_format({"bg_color": "#fff8dc"})
        for person in PEOPLE:
            sheet = book.add_worksheet(person)
            sheet.freeze_panes(1, 0)
            for column, (title, width) in enumerate(zip(HEADS, WIDTHS, strict=True)):
                sheet.set_column(column, column, width)
                sheet.write_string(0, column, title, head)
            for place, line in enumerate(lines, start=1):
                for column, text in enumerate(line):
                    sheet.write_string(place, column, text)
                for column in range(len(line), len(HEADS)):
                    sheet.write_blank(place, column, None, answer)
            sheet.data_validation(
                1, VERDICT, len(lines), VERDICT, {"validate": "list", "source": ["yes", "no"]}
            )
    path.with_suffix(".json").write_bytes(msgspec.json.encode(sample) + b"\n")


def _lines(checked: Checked, sample: Sample) -> list[tuple[str, ...]]:
    files = checked.files
    found: list[tuple[str, ...]] = []
    for place, (_, record) in enumerate(records_of(checked, sample), start=1):
        for name, value in record.fields.items():
            # What the mapping says for all rows is agreed with the mapping, not row by row.
            own = [ref for ref in value.refs if ref.row]
            if not own:
                continue
            ref = own[-1]
            found.append(
                (
                    str(place), record.entity, record.key, name, value.text or "",
                    files[ref.file].name, ref.sheet, str(ref.row), ref.column,
                )
            )  # fmt: skip
    return found


def read(path: Path, person: int) -> Verdicts:
    """What the first (0) or second (1) person has filled in.

    Raises:
        BadInput: no such worksheet, or an answer that is neither yes nor no.
    """
    try:
        book = python_calamine.load_workbook(str(path))
        rows = book.get_sheet_by_name(PEOPLE[person]).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, OSError) as error:
        raise BadInput(f"{path}: {error}") from None
    state: dict[str, str] = {}
    mismatches = []
    for place, row in enumerate(rows[1:], start=2):
        answer = _answer(row, path, place)
        number = str(row[0])
        if answer == "no":
            state[number] = "no"
            mismatches.append(f"{row[5]}, {row[6]}, row {row[7]}, {row[8]}: {row[9]}")
        elif answer == "" and state.get(number) != "no":
            state[number] = "open"
        else:
            state.setdefault(number, answer)
    values = list(state.values())
    return Verdicts(
        matched=values.count("yes"),
        mismatched=values.count("no"),
        open=values.count("open"),
        mismatches=tuple(mismatches),
    )


def _answer(row: list[Any], path: Path, place: int) -> str:
    said = str(row[VERDICT]).strip().lower() if len(row) > VERDICT else ""
    if said in YES or said == "1.0":
        return "yes"
    if said in NO or said == "0.0":
        return "no"
    if said:
        raise BadInput(f"{path.name}, row {place}: {said!r} is neither yes nor no")
    return ""
