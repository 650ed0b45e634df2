"""What all readers give: runs of rows of text cells, and a refusal that names the row."""

from collections.abc import Iterator

import msgspec

ROWS_PER_PIECE = 2000
CELL_LENGTH_MAX = 1 << 20
COLUMNS_MAX = 16_384


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Some rows of a sheet, one after the other."""

    sheet: str
    first_row: int
    """Of `rows[0]`, from 1, as a spreadsheet counts."""
    rows: list[list[str]]
    columns: list[str] | None = None
    """Where the format itself names them; None: a header row may be among the rows."""


class FileRefused(Exception):
    """The file cannot be read, or must not be; `row` tells where, 0 as a whole."""

    def __init__(self, code: str, text: str, *, row: int = 0, suggestion: str = "") -> None:
        super().__init__(text)
        self.code, self.text, self.row, self.suggestion = code, text, row, suggestion


def gathered(
    sheet: str, rows: Iterator[list[str]], columns: list[str] | None = None
) -> Iterator[Piece]:
    """The rows of one sheet in pieces."""
    held: list[list[str]] = []
    first = 1
    for row in rows:
        held.append(row)
        if len(held) == ROWS_PER_PIECE:
            yield Piece(sheet, first, held, columns)
            first += len(held)
            held = []
    if held or first == 1:
        yield Piece(sheet, first, held, columns)
