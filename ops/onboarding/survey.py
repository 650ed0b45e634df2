"""A first look at a folder: its tables, and for each column what it is called and looks like."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec

from ops.onboarding.child import Refusal, Request, Rows
from ops.onboarding.formats.pieces import Piece
from ops.onboarding.headers import columns_of, header_row, meaning, normal
from ops.onboarding.shapes import day_forms, outline, shape_of
from ops.onboarding.sources import Folder, Reader

ROWS_TO_LOOK_AT = 4000
UNIQUE_SHARE = 0.98
PATTERN_CHARACTERS = re.compile(r"([*?\[])")


class Column(msgspec.Struct, kw_only=True):
    """A column, and what it seems to be."""

    name: str
    texts: list[str]
    shape: str
    forms: list[str]
    concept: str | None
    surety: int
    """Of the concept: 3 by its whole header, 2 without its owner, 1 by a part, 0 by its values."""
    unique: bool
    filled: int

    def values(self) -> set[str]:
        """Its different texts."""
        return {text for text in self.texts if text}


class Table(msgspec.Struct, kw_only=True):
    """Files (or sheets of one) with the same columns."""

    name: str
    files: list[str]
    sheet: str | None
    header: bool
    columns: list[Column]
    rows: int
    """That were looked at."""
    facts: dict[str, str] = {}
    """What the files' names tell: group, regular expression of all."""

    def first(self, *concepts: str, surely: int = 0) -> Column | None:
        """The best column of the first of these concepts that there is."""
        for concept in concepts:
            found = [c for c in self.columns if c.concept == concept and c.surety >= surely]
            if found:
                return max(found, key=lambda column: (column.surety, column.filled))
        return None

    def says(self, *words: str) -> bool:
        """Whether its file or sheet is called so."""
        told = normal(f"{PurePosixPath(self.files[0]).stem} {self.sheet or ''}")
        compact = told.replace(" ", "")
        return any(word in compact for word in words)


class Surveyed(msgspec.Struct, kw_only=True):
    """All tables of a folder, and what is none."""

    tables: list[Table]
    left: list[str]


def survey(folder: Folder) -> Surveyed:
    """Look at the beginning of every file."""
    tables: list[Table] = []
    left = [f"{name}: {why}" for name, why in folder.refused]
    with Reader() as reader:
        for number, file in enumerate(folder.files):
            request = Request(path=str(folder.at(number)), rows_max=ROWS_TO_LOOK_AT)
            sheets: dict[str, list[Piece]] = {}
            for frame in reader.frames(request):
                if isinstance(frame, Rows):
                    pieces = sheets.setdefault(frame.piece.sheet, [])
                    if sum(len(piece.rows) for piece in pieces) < ROWS_TO_LOOK_AT:
                        pieces.append(frame.piece)
                elif isinstance(frame, Refusal):
                    left.append(f"{file.name}: {frame.text}")
            for sheet, pieces in sheets.items():
                table = _table(file.name, sheet, pieces)
                if table is None:
                    left.append(f"{file.name} {sheet}".strip() + ": no rows")
                else:
                    tables.append(table)
    return Surveyed(tables=_grouped(tables), left=left)


def _table(file: str, sheet: str, pieces: list[Piece]) -> Table | None:
    first = pieces[0]
    if first.columns is not None:
        names: tuple[str, ...] = tuple(dict.fromkeys(n for p in pieces for n in p.columns or ()))
        rows = [dict(zip(p.columns or (), row, strict=False)) for p in pieces for row in p.rows]
        cells = [[row.get(name, "") for name in names] for row in rows]
        header = True
    else:
        every = [row for piece in pieces for row in piece.rows]
        row = header_row(every)
        header = row is not None
        width = max((len(each) for each in every), default=0)
        names = columns_of(every[row - 1]) if row else tuple(f"#{n + 1}" for n in range(width))
        cells = [each for each in every[row or 0 :] if any(cell.strip() for cell in each)]
    if not cells or not names:
        return None
    columns = [
        _column(name, [_cell(row, place) for row in cells]) for place, name in enumerate(names)
    ]
    return Table(
        name=_identifier(file, sheet),
        files=[file],
        sheet=sheet or None,
        header=header,
        columns=columns,
        rows=len(cells),
    )


def _cell(row: Sequence[str], place: int) -> str:
    text = row[place].strip() if place < len(row) else ""
    return "" if text in ("NULL", "null", "None") else text


def _column(name: str, texts: list[str]) -> Column:
    filled = [text for text in texts if text]
    found = meaning(name) if not name.startswith("#") else None
    return Column(
        name=name,
        texts=texts,
        shape=shape_of(filled[:500]),
        forms=day_forms(filled[:2000]),
        concept=found[0] if found else None,
        surety=found[1] if found else 0,
        unique=len(filled) == len(texts) and len(set(filled)) >= UNIQUE_SHARE * len(filled),
        filled=len(filled),
    )


def _identifier(file: str, sheet: str) -> str:
    stem = PurePosixPath(file).stem
    said = f"{stem} {sheet}" if sheet and sheet.lower() not in ("sheet1", "工作表1") else stem
    return re.sub(r"[^\w\u4e00-\u9fff]+", "_", said).strip("_").lower() or "table"


def _grouped(tables: list[Table]) -> list[Table]:
    """Tables of one folder with the same columns are one source."""
    groups: dict[tuple[object, ...], Table] = {}
    for table in tables:
        path = PurePosixPath(table.files[0])
        names = tuple(column.name for column in table.columns)
        shape = (path.parent, path.suffix, outline(path.stem), table.sheet, names)
        if shape in groups and table.header:
            _join(groups[shape], table)
        else:
            groups.setdefault((*shape, table.files[0]) if shape in groups else shape, table)
    made = list(groups.values())
    for table in made:
        if len(table.files) > 1:
            table.facts = facts_of(table.files)
            stem = common_beginning([PurePosixPath(name).stem for name in table.files])
            table.name = _identifier(stem or PurePosixPath(table.files[0]).stem, table.sheet or "")
    return made


def _join(group: Table, table: Table) -> None:
    group.files += table.files
    group.rows += table.rows
    for column, more in zip(group.columns, table.columns, strict=True):
        texts = (column.texts + more.texts)[: 4 * ROWS_TO_LOOK_AT]
        concept, surety = column.concept, column.surety
        joined = _column(column.name, texts)
        joined.concept, joined.surety = concept, surety
        for field in ("texts", "shape", "forms", "unique", "filled"):
            setattr(column, field, getattr(joined, field))


def common_beginning(texts: Sequence[str]) -> str:
    """The characters with which all of them begin."""
    least, most = min(texts), max(texts)
    same = 0
    while same < min(len(least), len(most)) and least[same] == most[same]:
        same += 1
    return least[:same]


def pattern_of(files: list[str]) -> str:
    """A pattern that all of the files have, with a * where they differ."""
    if len(files) == 1:
        return PATTERN_CHARACTERS.sub(r"[\1]", files[0])
    begin = common_beginning(files)
    rest = [name[len(begin) :] for name in files]
    end = common_beginning([name[::-1] for name in rest])[::-1]
    return f"{begin}*{end}"


def facts_of(files: list[str]) -> dict[str, str]:
    """Days or years in the files' names, as a regular expression with named groups."""
    for pattern in (
        r"(?P<year>\d{4})[-_.年]?(?P<month>\d{1,2})[-_.月](?P<day>\d{1,2})",
        r"(?P<year>(?:19|20)\d{2})[-_.年]?(?P<month>0[1-9]|1[0-2])(?!\d)",
        r"(?P<year>(?:19|20)\d{2})(?!\d)",
    ):
        if all(re.search(pattern, name) for name in files):
            return dict.fromkeys(re.compile(pattern).groupindex, pattern)
    return {}
