"""Workbooks (.xlsx, .xlsm, .xlsb, .ods and the legacy .xls), refused first where they are bombs."""

import datetime as dt
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import python_calamine

from ops.onboarding.formats.pieces import FileRefused, Piece, gathered

SIZE_MAX = 50 << 20
"""Packed bytes of a workbook."""
UNPACKED_MAX = 400 << 20
RATIO_MAX = 100
ENTRIES_MAX = 1000
HEAD = 1 << 16
END_OF_DIRECTORY = b"PK\x05\x06"
WHOLE_MAX = 10**15
"""Up to here a float tells all whole numbers apart."""


def refuse_bombs(path: Path) -> None:
    """Look at the directory of the archive only, and at the head of each XML part.

    Raises:
        FileRefused: it would unpack to much more than it seems, or somewhere else.
    """
    size = path.stat().st_size
    if size > SIZE_MAX:
        raise FileRefused("too-large", f"a workbook has at most {SIZE_MAX >> 20} MB")
    _refuse_crowds(path, size)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            for entry in entries:
                _refuse_entry(entry)
            if sum(entry.file_size for entry in entries) > UNPACKED_MAX:
                raise FileRefused("zip-bomb", f"unpacks to more than {UNPACKED_MAX >> 20} MB")
            if sum(entry.file_size for entry in entries) > RATIO_MAX * max(size, 1):
                raise FileRefused("zip-bomb", f"unpacks to more than {RATIO_MAX} times its size")
            for entry in entries:
                if entry.filename.endswith((".xml", ".rels")):
                    _refuse_declarations(archive, entry)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise FileRefused("broken-workbook", f"{path.name}: {error}") from None


def _refuse_crowds(path: Path, size: int) -> None:
    """Count the entries by the end record, before a directory of millions is read."""
    with path.open("rb") as file:
        file.seek(max(0, size - HEAD - 22))
        tail = file.read()
    found = tail.rfind(END_OF_DIRECTORY)
    if found < 0 or len(tail) < found + 22:
        raise FileRefused("broken-workbook", f"{path.name}: the archive has no directory")
    entries, directory = struct.unpack("<HL", tail[found + 10 : found + 16])
    # 46 bytes are the least that an entry takes; the number beside it could be a lie.
    if entries > ENTRIES_MAX or directory > ENTRIES_MAX * 1024:
        raise FileRefused("zip-bomb", f"more than {ENTRIES_MAX} files in one workbook")


def _refuse_entry(entry: zipfile.ZipInfo) -> None:
    parts = entry.filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or ":" in parts[0]:
        raise FileRefused("path-traversal", f"a part named {entry.filename!r}")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise FileRefused("path-traversal", f"a symbolic link named {entry.filename!r}")
    if entry.flag_bits & 1:
        raise FileRefused(
            "locked-workbook", "protected by a password", suggestion="save it without a password"
        )
    packed = max(entry.compress_size, 1)
    if entry.file_size > HEAD and entry.file_size > RATIO_MAX * packed:
        raise FileRefused(
            "zip-bomb", f"{entry.filename!r} unpacks to more than {RATIO_MAX} times its size"
        )


def _refuse_declarations(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """A document type can define entities that multiply; no spreadsheet program writes one."""
    with archive.open(entry) as part:
        head = part.read(HEAD)
    text = head.replace(b"\0", b"").upper()
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise FileRefused("xml-bomb", f"{entry.filename!r} declares entities")


def cell_text(cell: object) -> str:
    """A cell as text: days as they are in ISO, whole numbers without a point."""
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < WHOLE_MAX else repr(cell)
        case dt.datetime():
            at_midnight = cell.time() == dt.time()
            return cell.date().isoformat() if at_midnight else cell.isoformat(sep=" ")
        case dt.date() | dt.time():
            return cell.isoformat()
        case _:
            return str(cell)


def read(path: Path, sheet: str | None = None) -> Iterator[Piece]:
    """The sheets, one after the other, each from its cell A1.

    Raises:
        FileRefused: hostile or broken.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if zipped:
        refuse_bombs(path)
    elif path.stat().st_size > SIZE_MAX:
        raise FileRefused("too-large", f"a workbook has at most {SIZE_MAX >> 20} MB")
    try:
        book = python_calamine.load_workbook(str(path))
        for name in book.sheet_names:
            if sheet is None or sheet == name:
                yield from _sheet(book, name)
    except python_calamine.PasswordError:
        raise FileRefused(
            "locked-workbook", "protected by a password", suggestion="save it without a password"
        ) from None
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise FileRefused("broken-workbook", f"{path.name}: {error}") from None


def _sheet(book: python_calamine.CalamineWorkbook, name: str) -> Iterator[Piece]:
    try:
        page = book.get_sheet_by_name(name)
    except python_calamine.WorksheetNotFound:
        return
    # The rows come from the first of the sheet on, but the columns only from the first in use.
    blank = [""] * (page.start[1] if page.start else 0)
    rows = (blank + [cell_text(cell) for cell in row] for row in page.iter_rows())
    yield from gathered(name, rows)
