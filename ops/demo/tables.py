"""Other people's CSV files, read as they are; what is wrong is named by file, row and column."""

import csv
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ops.demo.model import BadInput

NULL = "NULL"


class Row:
    """One line of a file; every reader method checks, and complains with the cell's address."""

    def __init__(self, file: str, line: int, cells: dict[str, str]) -> None:
        self._file = file
        self._line = line
        self._cells = cells

    def wrong(self, column: str, complaint: str) -> BadInput:
        """What is wrong with a cell, ready to be raised."""
        return BadInput(f"{self._file}, row {self._line}, column {column}: {complaint}")

    def text(self, column: str) -> str:
        """The cell, which must say something."""
        found = self._cells[column].strip()
        if found in ("", NULL):
            raise self.wrong(column, "is empty")
        return found

    def text_or_none(self, column: str) -> str | None:
        """The cell, None where it is empty or a literal NULL."""
        found = self._cells[column].strip()
        return None if found in ("", NULL) else found

    def whole(self, column: str) -> int:
        """A whole number."""
        found = self.text(column)
        if not found.isdecimal():
            raise self.wrong(column, f"{found!r} is not a whole number")
        return int(found)

    def number(self, column: str) -> Decimal:
        """A plain decimal number, exactly as it is written."""
        found = self.text(column)
        try:
            value = Decimal(found)
        except InvalidOperation:
            raise self.wrong(column, f"{found!r} is not a number") from None
        if not value.is_finite():
            raise self.wrong(column, f"{found!r} is not a number")
        return value

    def day(self, column: str) -> date:
        """A day, written dd-mm-yyyy."""
        found = self.text(column)
        try:
            day, month, year = (int(part) for part in found.split("-"))
            return date(year, month, day)
        except ValueError:
            raise self.wrong(column, f"{found!r} is not a day as dd-mm-yyyy") from None

    def day_or_none(self, column: str) -> date | None:
        """A day, None where it is empty or a literal NULL."""
        return None if self.text_or_none(column) is None else self.day(column)


def read(path: Path, columns: Sequence[str], *, encoding: str = "cp1252") -> list[Row]:
    """The rows of a CSV file that must have at least these columns.

    Raises:
        BadInput: no such file, not in that encoding, a missing column, a row of another width.
    """
    try:
        text = path.read_bytes().decode(encoding)
    except FileNotFoundError:
        raise BadInput(f"{path.name}: not found in {path.parent}") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise BadInput(f"{path.name}, row {line}: not in {encoding}") from None
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    header = next(lines, [])
    if missing := [column for column in columns if column not in header]:
        raise BadInput(f"{path.name}, row 1: column {missing[0]} is missing")
    rows = []
    try:
        for cells in lines:
            if len(cells) != len(header):
                raise BadInput(
                    f"{path.name}, row {lines.line_num}: {len(cells)} cells, not {len(header)}"
                )
            rows.append(Row(path.name, lines.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise BadInput(f"{path.name}, row {lines.line_num}: {error}") from None
    return rows
