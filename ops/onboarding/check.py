"""The check of a folder against its mapping: every row read, judged and kept, none lost."""

import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from ops.onboarding.child import Found, Refusal, Request, Rows
from ops.onboarding.logic import Logic
from ops.onboarding.mapping import Loaded, Mapping
from ops.onboarding.ordering import make_ready
from ops.onboarding.records import Finding
from ops.onboarding.report import JSON_FILE, Report, write
from ops.onboarding.sheets import Corrections, Judge, SheetState
from ops.onboarding.sources import Folder, Reader, folder_of, matches
from ops.onboarding.tables import tables_of
from ops.onboarding.workspace import FILE, Workspace

Progress = Callable[[int], None]
"""Told how many bytes of files are done."""


def check(
    folder: Path,
    loaded: Loaded,
    out: Path,
    *,
    corrections: Corrections | None = None,
    progress: Progress = lambda _done: None,
) -> Workspace:
    """Check all files; what was found is in the workspace in `out`, replacing an older one.

    Raises:
        BadInput: no such folder, or a mapping that asks for what cannot be.
    """
    begun = time.monotonic()
    files = folder_of(folder)
    with Reader() as reader:
        work = _Work(
            files=files,
            loaded=loaded,
            out=out,
            corrections=corrections or Corrections(),
            reader=reader,
            progress=progress,
        )
        workspace = work.read()
    workspace.index()
    logic = Logic(workspace, loaded.mapping)
    logic.check()
    make_ready(workspace)
    workspace.set_about("seconds", f"{time.monotonic() - begun:.1f}")
    return workspace


def finished(workspace: Workspace, out: Path) -> Report:
    """Write the report, and put the workspace in its place."""
    report = write(workspace, out)
    digest = hashlib.sha256((out / JSON_FILE).read_bytes()).hexdigest()
    workspace.set_about("report_digest", digest)
    workspace.finish(out / FILE)
    return report


class _Work:
    """Reading: frames of files become records, findings and counts."""

    def __init__(
        self,
        *,
        files: Folder,
        loaded: Loaded,
        out: Path,
        corrections: Corrections,
        reader: Reader,
        progress: Progress,
    ) -> None:
        self._files, self._mapping = files, loaded.mapping
        self._corrections, self._reader, self._progress = corrections, reader, progress
        self._encodings: dict[int, str] = {}
        self._kept = Workspace.begin(out / f"{FILE}.partial")
        self._judge = Judge(self._mapping, self._kept, tables_of(self._mapping, files, reader))
        self._kept.set_about("mapping_digest", loaded.digest)
        self._kept.set_about("folder", str(files.path.absolute()))
        self._kept.set_about("mapping_name", self._mapping.name)
        self._kept.set_about("mapping_path", str(Path(loaded.path).absolute()))

    def read(self) -> Workspace:
        """All files, in the order of their names."""
        done = 0
        for number, file in enumerate(self._files.files):
            self._file(number, file.name)
            done += file.size
            self._progress(done)
        self._kept.add_findings(self._refused_files())
        self._kept.add_findings(self._unmatched())
        self._kept.set_about("fixes", msgspec.json.encode(self._judge.fixes()).decode())
        files = tuple(
            msgspec.structs.replace(file, encoding=self._encodings.get(number, ""))
            for number, file in enumerate(self._files.files)
        )
        self._kept.set_about("files", msgspec.json.encode(files).decode())
        return self._kept

    def _refused_files(self) -> Iterable[Finding]:
        for name, why in self._files.refused:
            yield _of_file("hostile-file", -1, f"{name}: {why}", "leave it out of the folder")

    def _unmatched(self) -> Iterable[Finding]:
        """Sources of the mapping that no file has, which is how a misspelt name shows."""
        for name, source in self._mapping.sources.items():
            if name not in self._judge.used:
                yield _of_file(
                    "missing-source", -1, f"no file or sheet is source {name!r} ({source.files})",
                    "correct the name in the mapping, or add the file",
                )  # fmt: skip

    def _file(self, number: int, name: str) -> None:
        sources = [
            key for key, source in self._mapping.sources.items() if matches(name, source.files)
        ]
        request = Request(
            path=str(self._files.at(number)),
            encoding=_said(self._mapping, sources, "encoding"),
            delimiter=_said(self._mapping, sources, "delimiter"),
        )
        sheets: dict[str, SheetState] = {}
        # A file that the mapping leaves out is read all the same: its rows are counted.
        for frame in self._reader.frames(request):
            if isinstance(frame, Found):
                self._encodings[number] = frame.encoding
            elif isinstance(frame, Refusal):
                self._kept.add_findings([_of_refusal(frame, number, left_out=not sources)])
            elif isinstance(frame, Rows):
                sheet = frame.piece.sheet
                if sheet not in sheets:
                    sheets[sheet] = self._judge.sheet(
                        number,
                        name,
                        sheet,
                        sources=sources,
                        corrections=self._corrections,
                        first=not sheets,
                    )
                sheets[sheet].take(frame.piece)
        for state in sheets.values():
            state.finish()


def _said(mapping: Mapping, sources: list[str], what: str) -> Any:
    for source in sources:
        if found := getattr(mapping.sources[source], what):
            return found
    return None


def _of_refusal(refusal: Refusal, file: int, *, left_out: bool) -> Finding:
    # A file that is not migrated may be whatever it is; it is said, and keeps nothing back.
    return Finding(
        code=refusal.code,
        check="format",
        severity="warning" if left_out else "error",
        file=file,
        sheet="",
        row=refusal.row,
        column="",
        value=None,
        rule=refusal.text,
        suggestion=refusal.suggestion or None,
    )


def _of_file(code: str, file: int, rule: str, suggestion: str) -> Finding:
    return Finding(
        code=code,
        check="format",
        severity="error",
        file=file,
        sheet="",
        row=0,
        column="",
        value=None,
        rule=rule,
        suggestion=suggestion,
    )
