"""Look-ups between files: the tables that recipes ask, read before anything is judged."""

from fnmatch import fnmatchcase
from typing import Any

from ops.demo.model import BadInput
from ops.onboarding.child import Request, Rows
from ops.onboarding.formats.pieces import Piece
from ops.onboarding.headers import columns_of, header_row
from ops.onboarding.mapping import Lookup, Mapping, Source
from ops.onboarding.recipes import Tables, rule_of
from ops.onboarding.sources import Folder, Reader, matches

ENTRIES_MAX = 2_000_000


def tables_of(mapping: Mapping, folder: Folder, reader: Reader) -> Tables:
    """For each (source, key column, value column): key: (value, cell).

    Raises:
        BadInput: a look-up asks for a column that is not there, or is too large.
    """
    wanted: dict[str, list[Lookup]] = {}
    for recipe in mapping.records:
        for given in recipe.fields.values():
            lookup = rule_of(given).lookup
            if lookup is not None and lookup not in wanted.setdefault(lookup.source, []):
                wanted[lookup.source].append(lookup)
    tables: Tables = {}
    for name, lookups in wanted.items():
        made: dict[tuple[str, str, str], dict[str, tuple[str, list[Any]]]] = {
            (name, lookup.key, lookup.value): {} for lookup in lookups
        }
        for number, file in enumerate(folder.files):
            if matches(file.name, mapping.sources[name].files):
                _read((name, mapping.sources[name]), number, folder, reader, made)
        tables.update(made)
    return tables


def _read(
    named: tuple[str, Source],
    number: int,
    folder: Folder,
    reader: Reader,
    made: dict[tuple[str, str, str], dict[str, tuple[str, list[Any]]]],
) -> None:
    _, source = named
    request = Request(
        path=str(folder.at(number)), encoding=source.encoding, delimiter=source.delimiter
    )
    shapes: dict[str, tuple[str, ...]] = {}
    for frame in reader.frames(request):
        if not isinstance(frame, Rows):
            continue
        piece = frame.piece
        if source.sheet is None:
            if shapes and piece.sheet not in shapes:
                continue
        elif not fnmatchcase(piece.sheet, source.sheet):
            continue
        begin = 0
        if piece.columns is not None:
            shapes[piece.sheet] = tuple(piece.columns)
        elif piece.sheet not in shapes:
            shapes[piece.sheet], begin = _shape(source, piece)
        for asked, table in made.items():
            _fill(asked, shapes[piece.sheet], piece, begin=begin, file=number, table=table)


def _shape(source: Source, piece: Piece) -> tuple[tuple[str, ...], int]:
    row = source.header if isinstance(source.header, int) else None
    if source.header == "auto":
        row = header_row(piece.rows)
    if row is None:
        width = max((len(each) for each in piece.rows), default=0)
        named = source.columns or [f"#{place}" for place in range(1, width + 1)]
        return tuple(named), 0
    return tuple(source.columns or columns_of(piece.rows[row - 1])), row


def _fill(
    asked: tuple[str, str, str],
    columns: tuple[str, ...],
    piece: Piece,
    *,
    begin: int,
    file: int,
    table: dict[str, tuple[str, list[Any]]],
) -> None:
    name, key, value = asked
    for column in (key, value):
        if column not in columns:
            raise BadInput(f"look-up in {name}: there is no column {column!r}, only {columns}")
    at, to = columns.index(key), columns.index(value)
    for place, cells in enumerate(piece.rows[begin:], start=piece.first_row + begin):
        if len(cells) > max(at, to) and cells[at].strip():
            # The first row that tells of a key counts; a second one is found by its own check.
            table.setdefault(cells[at].strip(), (cells[to], [file, piece.sheet, place, value]))
    if len(table) > ENTRIES_MAX:
        raise BadInput(f"look-up in {name}: more than {ENTRIES_MAX} entries")
