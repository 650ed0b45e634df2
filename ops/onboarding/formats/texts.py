"""CSV and its relatives, read as a stream: any encoding, delimiter, line ending, size."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ops.onboarding.formats.encodings import SAMPLE, delimiter_of, encoding_of
from ops.onboarding.formats.pieces import CELL_LENGTH_MAX, COLUMNS_MAX, FileRefused, Piece, gathered


def _checked(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    count = 0
    try:
        for count, row in enumerate(reader, start=1):  # told in errors
            if len(row) > COLUMNS_MAX:
                raise FileRefused("too-wide", f"more than {COLUMNS_MAX} cells", row=count)
            yield row
    except csv.Error as error:
        raise FileRefused(
            "broken-quotes",
            f"{path.name}: {error}",
            row=count + 1,
            suggestion="a quotation mark is opened in this row and never closed",
        ) from None


def read(
    path: Path, encoding: str | None, delimiter: str | None
) -> Iterator[Piece | tuple[str, str]]:
    """First (encoding, delimiter) as found, then the rows. Bytes that decode to nothing are U+FFFD.

    Raises:
        FileRefused: not a text file of cells.
    """
    encoding = encoding or encoding_of(path)
    csv.field_size_limit(CELL_LENGTH_MAX)
    try:
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            sample = file.read(SAMPLE)
            if sample.lstrip()[:1] == "<":
                raise FileRefused(
                    "web-page",
                    f"{path.name} is a page or XML, not a table of cells",
                    suggestion="open it in the spreadsheet program and save it as .xlsx or .csv",
                )
            file.seek(0)
            first = sample[:6].lower()
            if first.startswith("sep=") and sample[5:6] in ("\r", "\n"):
                delimiter = delimiter or sample[4]
            delimiter = delimiter or delimiter_of(sample)
            yield encoding, delimiter
            reader = csv.reader(file, delimiter=delimiter)
            yield from gathered("", _checked(reader, path))
    except LookupError:
        raise FileRefused("bad-encoding", f"no encoding is called {encoding!r}") from None
    except UnicodeError as error:
        raise FileRefused("bad-encoding", f"{path.name}: not {encoding}: {error}") from None
