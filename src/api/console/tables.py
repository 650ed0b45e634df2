"""A table once: shown on a page, as cards on a phone, and exported as CSV or XLSX."""

import csv
import io
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import msgspec
import xlsxwriter

from api.console.visit import Visit

Kind = Literal["text", "number", "money", "day", "moment", "mark", "progress"]
Value = Callable[[Any], Any]

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Spreadsheets take a text that begins so for a formula."""
WIDTH_MAX = 60
CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column: where its value comes from, and how it is written."""

    label: str
    """In the visitor's language."""
    value: Value
    """Of a row; money as {"amount", "currency"}, progress as (done, of how many)."""
    kind: Kind = "text"
    href: Value | None = None
    """Where the cell leads; None for nowhere."""
    tone: Value | None = None
    """Of a mark: "good", "warn", "bad" or ""."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Rows and their columns."""

    name: str
    """In addresses and file names."""
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Any]
    next: str | None = None
    """Cursor of the next page."""
    empty: str = ""
    """What to say where there are no rows, and what to do about it."""
    exported: bool = True

    def text(self, column: Column, row: Any, visit: Visit) -> str:
        """A cell as it is read."""
        value, write = column.value(row), visit.formats
        match column.kind:
            case "money":
                return write.money(value)
            case "number":
                return write.number(value)
            case "day":
                return write.day(value)
            case "moment":
                return write.moment(value)
            case "progress":
                done, whole = value
                return f"{done} / {whole}"
            case _:
                return "" if value is None else str(value)


def as_csv(table: Table, visit: Visit) -> bytes:
    """The table as CSV in UTF-8, which spreadsheets recognise by its mark; no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([harmless(column.label) for column in table.columns])
    for row in table.rows:
        writer.writerow([_plain(table, column, row, visit) for column in table.columns])
    return out.getvalue().encode("utf-8-sig")


def _plain(table: Table, column: Column, row: Any, visit: Visit) -> str:
    value = column.value(row)
    if column.kind == "money":
        # Both parts: an amount without its currency is no money.
        return "" if value is None else f"{_number(value['amount'])} {value['currency']}"
    if column.kind == "number":
        return "" if value in (None, "") else str(_number(value))
    return harmless(table.text(column, row, visit))


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _number(value: Any) -> Decimal | str:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return harmless(str(value))


def as_xlsx(table: Table, visit: Visit) -> bytes:
    """The table as a workbook; texts are written as texts, whatever they begin with."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    bold = book.add_format({"bold": True, "bottom": 1})
    sheet = book.add_worksheet(_sheet_name(table.caption))
    sheet.freeze_panes(1, 0)
    place = 0
    for column in table.columns:
        sheet.write_string(0, place, column.label, bold)
        widest = len(column.label)
        for line, row in enumerate(table.rows, start=1):
            width = _write(sheet, (line, place), column, row, table.text(column, row, visit))
            widest = max(widest, width)
            if column.kind == "money" and (value := column.value(row)) is not None:
                sheet.write_string(line, place + 1, value["currency"])
        sheet.set_column(place, place, min(WIDTH_MAX, widest + 2))
        # A currency has a column of its own, so that amounts can be added up.
        place += 2 if column.kind == "money" else 1
    book.close()
    return out.getvalue()


def _write(sheet: Any, cell: tuple[int, int], column: Column, row: Any, text: str) -> int:
    """Write one cell; how wide it is."""
    value = column.value(row)
    if column.kind in {"number", "money"} and value not in (None, ""):
        told = _number(value["amount"] if column.kind == "money" else value)
        if isinstance(told, Decimal):
            sheet.write_number(*cell, told)
            return len(str(told))
    sheet.write_string(*cell, text)
    # Chinese characters are twice as wide.
    return sum(1 if character.isascii() else 2 for character in text)


def _sheet_name(caption: str) -> str:
    kept = "".join(character for character in caption if character not in "[]:*?/\\'")
    return kept[:31] or "Sheet"
