"""JSON as other systems export it: fixtures of models, lists of objects, an object of lists.

Read as a stream of objects, so that its size does not matter; numbers keep the text they have.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ops.onboarding.formats.encodings import CHUNK, encoding_of
from ops.onboarding.formats.pieces import ROWS_PER_PIECE, FileRefused, Piece

OBJECT_LENGTH_MAX = 16 << 20
SPACE = " \t\r\n\ufeff"


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return json.dumps(value, ensure_ascii=False)


class _Window:
    """The part of the text that is being looked at."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._file = path.open(encoding=encoding, errors="replace")
        self.text, self.at, self.count = "", 0, 0
        self._decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)

    def close(self) -> None:
        self._file.close()

    def more(self) -> bool:
        """Read on; whether there was anything."""
        self.text = self.text[self.at :]
        self.at = 0
        chunk = self._file.read(CHUNK)
        self.text += chunk
        return bool(chunk)

    def peek(self, skipped: str = SPACE) -> str:
        """The next character that is not skipped; empty at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in skipped:
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def value(self) -> Any:
        """The next whole value."""
        while True:
            try:
                found, end = self._decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                if len(self.text) - self.at < OBJECT_LENGTH_MAX and self.more():
                    continue
                raise FileRefused(
                    "broken-json", f"object {self.count + 1}: {error.msg}", row=self.count + 1
                ) from None
            except RecursionError:
                raise FileRefused("json-bomb", "nested too deeply", row=self.count + 1) from None
            # A number at the edge of the window may go on behind it.
            if end == len(self.text) and self.more():
                continue
            self.at = end
            self.count += 1
            return found


def _items(window: _Window, closing: str) -> Iterator[Any]:
    """The values of a list whose bracket is open, or of lines of objects."""
    while (mark := window.peek(SPACE + ",")) not in (closing, ""):
        yield window.value()
        if mark == "":
            return


def _objects(window: _Window) -> Iterator[tuple[str, Any]]:
    """(sheet, object) of a list, of lines of objects, or of an object of lists."""
    first = window.peek()
    if first == "[":
        window.at += 1
        for item in _items(window, "]"):
            yield "", item
        return
    if first != "{":
        raise FileRefused("broken-json", "neither a list nor an object")
    for item in _items(window, ""):
        lists = (
            [
                (name, part)
                for name, part in item.items()
                if isinstance(part, list) and part and isinstance(part[0], dict)
            ]
            if isinstance(item, dict) and "model" not in item
            else []
        )
        if lists:
            for name, part in lists:
                for each in part:
                    yield name, each
        else:
            yield "", item


def _flat(sheet: str, item: Any) -> tuple[str, dict[str, str]]:
    if not isinstance(item, dict):
        return sheet, {"value": _text(item)}
    fields = item.get("fields")
    if isinstance(item.get("model"), str) and isinstance(fields, dict):
        cells = {
            "pk": _text(item.get("pk")),
            **{name: _text(each) for name, each in fields.items()},
        }
        return item["model"], cells
    cells = {}
    for name, value in item.items():
        if isinstance(value, dict):
            cells.update({f"{name}.{inner}": _text(each) for inner, each in value.items()})
        else:
            cells[name] = _text(value)
    return sheet, cells


def read(
    path: Path, encoding: str | None, sheet: str | None = None
) -> Iterator[Piece | tuple[str, str]]:
    """Rows by model; the row number is the object's place among those of its model.

    Raises:
        FileRefused: no JSON, or nested too deeply.
    """
    encoding = encoding or encoding_of(path)
    yield encoding, ""
    window = _Window(path, encoding)
    held: dict[tuple[str, tuple[str, ...]], list[list[str]]] = {}
    begun: dict[str, int] = {}
    seen: dict[str, tuple[str, ...]] = {}
    try:
        for place, item in _objects(window):
            name, cells = _flat(place, item)
            if sheet is not None and name != sheet:
                continue
            columns = tuple(cells)
            rows = held.setdefault((name, columns), [])
            # Rows stay in order: what another shape of the same model holds goes first.
            former = seen.get(name)
            if former is not None and former != columns and held.get((name, former)):
                yield _piece(name, former, held, begun)
            seen[name] = columns
            rows.append(list(cells.values()))
            if len(rows) == ROWS_PER_PIECE:
                yield _piece(name, columns, held, begun)
        for name, columns in list(held):
            if held[name, columns]:
                yield _piece(name, columns, held, begun)
    finally:
        window.close()


def _piece(
    name: str,
    columns: tuple[str, ...],
    held: dict[tuple[str, tuple[str, ...]], list[list[str]]],
    begun: dict[str, int],
) -> Piece:
    rows = held.pop((name, columns))
    first = begun.get(name, 1)
    begun[name] = first + len(rows)
    return Piece(name, first, rows, list(columns))
