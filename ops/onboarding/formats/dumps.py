"""The INSERT statements of an SQL dump, read as a stream; nothing of it is ever executed."""

import re
from collections.abc import Iterator
from pathlib import Path

from ops.onboarding.formats.encodings import CHUNK, encoding_of
from ops.onboarding.formats.pieces import ROWS_PER_PIECE, FileRefused, Piece

STATEMENT_LENGTH_MAX = 16 << 20
INSERT = re.compile(
    r"""insert\s+into\s+(?P<table>[`"\[\]\w.]+)\s*(?P<columns>\([^)]*\))?\s*values\s*""",
    re.IGNORECASE,
)
CREATE = re.compile(
    r"""create\s+table\s+(?:if\s+not\s+exists\s+)?(?P<table>[`"\[\]\w.]+)\s*\((?P<body>.*?)\n\s*\)""",
    re.IGNORECASE | re.DOTALL,
)
VALUE = re.compile(
    r"""\s*(?:'(?P<text>(?:[^'\\]|''|\\.)*)'|(?P<bare>[^,()';\s][^,()';]*))\s*(?P<after>[,)])""",
    re.DOTALL,
)
COLUMN = re.compile(r"""^\s*[`"\[]?(?P<name>\w+)[`"\]]?\s+\w""")
NOT_COLUMNS = frozenset({"primary", "key", "unique", "constraint", "foreign", "index", "check"})
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


def _name(quoted: str) -> str:
    return re.sub(r'[`"\[\]]', "", quoted).rpartition(".")[2]


def _unescaped(text: str) -> str:
    return re.sub(
        r"''|\\(.)",
        lambda found: "'" if found[1] is None else ESCAPES.get(found[1], found[1]),
        text,
        flags=re.DOTALL,
    )


def _columns_of(body: str) -> list[str]:
    found = []
    for line in body.splitlines():
        match = COLUMN.match(line)
        if match and match["name"].lower() not in NOT_COLUMNS:
            found.append(match["name"])
    return found


class _Dump:
    """A window that moves over the text."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._file = path.open(encoding=encoding, errors="replace")
        self.text = ""
        self.declared: dict[str, list[str]] = {}
        self.ended = False

    def close(self) -> None:
        self._file.close()

    def more(self) -> bool:
        chunk = self._file.read(CHUNK)
        self.text += chunk
        self.ended = not chunk
        return bool(chunk)

    def inserts(self) -> Iterator[tuple[str, list[str] | None, list[str]]]:
        """(table, columns, cells) of each row."""
        self.more()
        while True:
            found = INSERT.search(self.text)
            if found is None:
                self._declare(self.text)
                # Half an INSERT or CREATE may stand at the end of the window.
                self.text = self.text[-CHUNK:]
                if not self.more():
                    return
                continue
            self._declare(self.text[: found.start()])
            table = _name(found["table"])
            named = found["columns"]
            columns = (
                [_name(each.strip()) for each in named[1:-1].split(",")]
                if named
                else self.declared.get(table)
            )
            self.text = self.text[found.end() :]
            for cells in self._tuples():
                yield table, columns, cells

    def _declare(self, text: str) -> None:
        for found in CREATE.finditer(text):
            self.declared[_name(found["table"])] = _columns_of(found["body"])

    def _tuples(self) -> Iterator[list[str]]:
        at = 0
        while True:
            if len(self.text) - at < CHUNK // 2 and not self.ended:
                self.text, at = self.text[at:], 0
                self.more()
            while at < len(self.text) and self.text[at] in " \t\r\n,":
                at += 1
            if at >= len(self.text) or self.text[at] != "(":
                self.text = self.text[at:]
                return
            at, cells = self._cells(at + 1)
            yield cells

    def _cells(self, at: int) -> tuple[int, list[str]]:
        cells: list[str] = []
        while True:
            found = VALUE.match(self.text, at)
            if found is None:
                if len(self.text) - at < STATEMENT_LENGTH_MAX and self.more():
                    continue
                raise FileRefused("broken-dump", f"a value of {len(cells)} others is not closed")
            text = found["text"]
            cells.append(found["bare"].strip() if text is None else _unescaped(text))
            at = found.end()
            if found["after"] == ")":
                return at, cells


def read(
    path: Path, encoding: str | None, sheet: str | None = None
) -> Iterator[Piece | tuple[str, str]]:
    """Rows by table; the row number is the row's place among those of its table.

    Raises:
        FileRefused: a value that never ends.
    """
    encoding = encoding or encoding_of(path)
    yield encoding, ""
    dump = _Dump(path, encoding)
    count: dict[str, int] = {}
    held: list[list[str]] = []
    table, columns = "", None
    try:
        for name, named, cells in dump.inserts():
            if sheet is not None and sheet != name:
                continue
            if held and ((name, named) != (table, columns) or len(held) == ROWS_PER_PIECE):
                yield _piece(table, columns, held, count)
                held = []
            table, columns = name, named
            held.append(cells)
        if held:
            yield _piece(table, columns, held, count)
    finally:
        dump.close()


def _piece(
    table: str, columns: list[str] | None, rows: list[list[str]], count: dict[str, int]
) -> Piece:
    first = count.get(table, 0) + 1
    count[table] = first + len(rows) - 1
    width = max(len(row) for row in rows)
    return Piece(table, first, rows, columns or [f"#{place}" for place in range(1, width + 1)])
