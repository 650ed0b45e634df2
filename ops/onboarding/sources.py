"""The files of a folder, read through the limited process; none is believed.

Symbolic links, devices and what lies outside the folder are refused before anything is opened.
"""

import contextlib
import hashlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Self

import msgspec

from ops.demo.model import BadInput
from ops.onboarding.child import LENGTH_BYTES, Done, Found, Frame, Refusal, Request, Rows
from ops.onboarding.records import SourceFile

FILES_MAX = 10_000
SIZE_MAX = 8 << 30
DEPTH_MAX = 8
END_S = 2.0
TEXT_ABOUT = ("SOURCE.txt", "LICENSE", "README*", "*.md", "*.html", "*.pdf", ".*")
"""What lies beside data and is none."""
KINDS = (
    "csv",
    "tsv",
    "txt",
    "xlsx",
    "xlsm",
    "xlsb",
    "xls",
    "ods",
    "json",
    "jsonl",
    "ndjson",
    "sql",
)

FRAMES = msgspec.msgpack.Decoder(Found | Rows | Refusal | Done)


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """The files in a folder, with those that must not be opened."""

    path: Path
    files: tuple[SourceFile, ...]
    refused: tuple[tuple[str, str], ...]
    """(name, why)."""

    def at(self, file: int) -> Path:
        """Where the file with this number is."""
        return self.path / self.files[file].name


def _digest(path: Path) -> tuple[str, int]:
    made = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            made.update(chunk)
            size += len(chunk)
    return made.hexdigest(), size


def _walk(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top, followlinks=False):
        folders.sort()
        if len(Path(folder).relative_to(top).parts) >= DEPTH_MAX:
            folders.clear()
        yield from (Path(folder) / name for name in sorted([*files, *folders]))


def folder_of(path: Path) -> Folder:
    """What is in the folder, in the order of the names.

    Raises:
        BadInput: no such folder, or too many files.
    """
    if not path.is_dir():
        raise BadInput(f"{path}: no such folder")
    files: list[SourceFile] = []
    refused: list[tuple[str, str]] = []
    for each in _walk(path):
        name = each.relative_to(path).as_posix()
        status = each.lstat()
        if stat.S_ISDIR(status.st_mode) or any(
            fnmatchcase(each.name, pattern) for pattern in TEXT_ABOUT
        ):
            continue
        if not stat.S_ISREG(status.st_mode):
            refused.append((name, "not a regular file: links and devices are not followed"))
        elif not name.isprintable() or len(name) > 1000:  # noqa: PLR2004  # a path of any system
            refused.append((ascii(name), "its name has control characters"))
        elif status.st_size > SIZE_MAX:
            refused.append((name, f"larger than {SIZE_MAX >> 30} GiB"))
        else:
            digest, size = _digest(each)
            files.append(SourceFile(name=name, sha256=digest, size=size))
        if len(files) > FILES_MAX:
            raise BadInput(f"{path}: more than {FILES_MAX} files")
    return Folder(path=path, files=tuple(files), refused=tuple(refused))


def matches(name: str, patterns: str | list[str]) -> bool:
    """Whether a file's name below the folder is one of the patterns."""
    given = [patterns] if isinstance(patterns, str) else patterns
    # Without a slash a pattern speaks of the top only, so that a copy in a subfolder is not
    # taken in by accident.
    return any(
        fnmatchcase(name, pattern) and ("**" in pattern or name.count("/") == pattern.count("/"))
        for pattern in given
    )


DEATHS = {
    signal.SIGXCPU: ("took-too-long", "took more processor time than a file of its size may"),
    signal.SIGKILL: ("too-much-memory", "was ended by the operating system"),
    signal.SIGABRT: ("too-much-memory", "needs more memory than a file may"),
    signal.SIGSEGV: ("too-much-memory", "needs more memory than a file may"),
}


class Reader:
    """The limited process, begun anew after each death; use it in a `with`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _stop(self) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        # One that has died by itself is at its end in a moment, and has its own reason.
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.close()
        if process.stdout is not None:
            process.stdout.close()
        try:
            return process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            # No variable of the environment goes along: the child needs no secret.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _BOOT, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            )
        return self._process

    def frames(self, request: Request) -> Iterator[Frame]:
        """All frames of a file; a child that dies of it leaves a `Refusal`."""
        process = self._started()
        if process.stdin is None or process.stdout is None:
            raise AssertionError("pipes were asked for")
        finished = False
        try:
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            process.stdin.flush()
            while True:
                head = process.stdout.read(LENGTH_BYTES)
                length = int.from_bytes(head, "big")
                data = process.stdout.read(length) if len(head) == LENGTH_BYTES else b""
                if not data or len(data) < length:
                    break
                frame = FRAMES.decode(data)
                if isinstance(frame, Done):
                    finished = True
                    return
                yield frame
        except BrokenPipeError:
            pass
        finally:
            # Whoever stops half-way, or a child that died, must not leave frames for the next file.
            if not finished:
                code = self._stop()
        died = signal.Signals(-code) if code < 0 else None
        reason, text = (
            DEATHS.get(died, ("unreadable", "could not be read"))
            if died
            else ("unreadable", f"the reading process ended with {code}")
        )
        yield Refusal(reason, text, 0, "")


_BOOT = "import sys; sys.path[:] = sys.argv[1:]; from ops.onboarding.child import main; main()"
