"""Where the events of a chunk come from, told compactly: columns once, rows for each event."""

from collections.abc import Iterator, Sequence

from domain.migration import Place
from domain.migration_trail import Cell, Origin, Shape, Sheet
from ops.onboarding.records import Record, RowRef


class Origins:
    """Collects the origins of one chunk."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[object, ...], int] = {}
        self.shapes: list[Shape] = []
        self.origins: list[Origin] = []

    def add(self, record: Record, events: int) -> None:
        """So many events, one behind the other, come from this record."""
        parts: dict[tuple[int, str], int] = {(record.row.file, record.row.sheet): 0}
        rows = [record.row.row]
        cells = []
        for field, value in record.fields.items():
            for ref in value.refs:
                sheet = (ref.file, ref.sheet)
                part = parts.get(sheet)
                if part is None or (rows[part] != ref.row and ref.row):
                    # Another row of the same sheet is a part of its own, such as the other row
                    # that a look-up has found.
                    part = self._part(parts, rows, ref.file, ref.sheet, ref.row)
                cells.append((field, part, ref.column))
        key = (record.entity, tuple(parts), tuple(cells))
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = len(self.shapes)
            self.shapes.append(
                Shape(
                    tuple(Sheet(file, sheet.partition("\x1f")[0]) for file, sheet in parts),
                    tuple(Cell(*cell) for cell in cells),
                )
            )
        self.origins += [Origin(shape, tuple(rows))] * events

    @staticmethod
    def _part(
        parts: dict[tuple[int, str], int], rows: list[int], file: int, sheet: str, row: int
    ) -> int:
        name, again = sheet, 0
        while (part := parts.get((file, name))) is not None:
            if rows[part] == row:
                return part
            again += 1
            name = f"{sheet}\x1f{again}"
        parts[file, name] = len(rows)
        rows.append(row)
        return len(rows) - 1


class RowSet:
    """A set of source rows: a bit for each, so that a million of them cost little."""

    def __init__(self) -> None:
        self._bits: dict[tuple[int, str], bytearray] = {}
        self.count = 0

    def add(self, row: RowRef) -> bool:
        """Whether it was not in the set before."""
        bits = self._bits.setdefault((row.file, row.sheet), bytearray())
        at, bit = divmod(row.row, 8)
        if at >= len(bits):
            bits.extend(bytes(max(at + 1, len(bits) * 2) - len(bits)))
        if bits[at] >> bit & 1:
            return False
        bits[at] |= 1 << bit
        self.count += 1
        return True

    def __contains__(self, row: RowRef) -> bool:
        bits = self._bits.get((row.file, row.sheet))
        at, bit = divmod(row.row, 8)
        return bits is not None and at < len(bits) and bool(bits[at] >> bit & 1)


def place_of(row: RowRef) -> Place:
    """The row as the domain names it."""
    return Place(file=row.file, sheet=row.sheet, row=row.row)


def rows_of(shapes: Sequence[Shape], origins: Sequence[Origin]) -> Iterator[RowRef]:
    """The row that made each event, once for each run of events."""
    before = None
    for origin in origins:
        if origin is not before and origin != before:
            first = shapes[origin.shape].sheets[0]
            yield RowRef(first.file, first.sheet, origin.rows[0])
        before = origin
