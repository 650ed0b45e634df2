"""The process in which files are parsed: little memory, little time, no way to harm the others.

It reads requests from standard input and writes frames to standard output. What it parses may be
hostile; when it dies, only the file at hand is lost.
"""

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from ops.onboarding.formats import books, dumps, fixtures, texts
from ops.onboarding.formats.pieces import FileRefused, Piece

MEMORY_MAX = 512 << 20
"""Bytes of address space."""
SECONDS = 30
BYTES_PER_SECOND = 2 << 20
"""Text may take another second for each of these; it is read as a stream."""
MAGIC_BOOK = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
MAGIC_LENGTH = 8


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Read this file."""

    path: str
    sheet: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    rows_max: int | None = None
    """Enough of each sheet to look at."""


class Found(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """How a text file is written."""

    encoding: str
    delimiter: str


class Rows(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Rows of a sheet."""

    piece: Piece


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The file, or the rest of it, cannot be read."""

    code: str
    text: str
    row: int
    suggestion: str


class Done(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Nothing more of this file."""


Frame = Found | Rows | Refusal | Done
LENGTH_BYTES = 4
NICE = 5


def kind_of(path: Path) -> str:
    """What is in the file, by what it says and not by what it is called."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:MAGIC_LENGTH].startswith(MAGIC_BOOK):
        return "book"
    if path.suffix.lower() == ".sql":
        return "dump"
    if path.suffix.lower() in (".json", ".jsonl", ".ndjson"):
        return "fixture"
    # A table of cells may begin with a bracket; a file that is called otherwise must say JSON.
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if path.suffix.lower() not in (".csv", ".tsv", ".txt") and start[:1] in (b"{", b"["):
        return "fixture"
    return "text"


def _limit(path: Path, kind: str) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + SECONDS
    if kind != "book":
        seconds += path.stat().st_size // BYTES_PER_SECOND
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _send(out: BinaryIO, frame: Frame) -> None:
    data = msgspec.msgpack.encode(frame)
    out.write(len(data).to_bytes(LENGTH_BYTES, "big"))
    out.write(data)


def _pieces(path: Path, kind: str, request: Request) -> Iterator[Piece | tuple[str, str]]:
    match kind:
        case "book":
            yield from books.read(path, request.sheet)
        case "dump":
            yield from dumps.read(path, request.encoding, request.sheet)
        case "fixture":
            yield from fixtures.read(path, request.encoding, request.sheet)
        case _:
            yield from texts.read(path, request.encoding, request.delimiter)


def serve(request: Request, out: BinaryIO) -> None:
    """Read one file, and write what is in it."""
    path = Path(request.path)
    kind = kind_of(path)
    _limit(path, kind)
    try:
        for piece in _pieces(path, kind, request):
            if not isinstance(piece, Piece):
                _send(out, Found(*piece))
            elif request.rows_max is None or piece.first_row <= request.rows_max:
                _send(out, Rows(piece))
            elif kind == "text":
                break
    except FileRefused as refused:
        _send(out, Refusal(refused.code, refused.text, refused.row, refused.suggestion))
    except MemoryError:
        text = f"needs more than {MEMORY_MAX >> 20} MiB to be read"
        _send(out, Refusal("too-much-memory", text, 0, ""))
    _send(out, Done())


def main() -> None:
    """Serve requests, one a line, until there are no more."""
    # Whoever waits for a page comes before whoever waits for an import.
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        serve(msgspec.json.decode(line, type=Request), out)
        out.flush()


if __name__ == "__main__":
    main()
