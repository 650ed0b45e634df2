"""Where results go: build/bench/NAME.json, and between the marks of docs/performance.md."""

from pathlib import Path

import msgspec

from loadtests.bench.server import BUILD

DOCUMENT = Path("docs/performance.md")


def write(name: str, result: bytes) -> Path:
    """Keep the result for machines; the file."""
    path = BUILD / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(result, indent=2) + b"\n")
    return path


def update(name: str, section: str, document: Path = DOCUMENT) -> None:
    """Put `section` between this benchmark's marks.

    Raises:
        SystemExit: the document has no such marks.
    """
    begin, end = f"<!-- bench:{name} -->\n", f"<!-- /bench:{name} -->"
    text = document.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{document} has no place for {name}: {begin.strip()} ... {end}")
    document.write_text(f"{before}{begin}{section}\n{end}{after}", encoding="utf-8")
