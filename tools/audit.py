"""Known weaknesses of what is installed, and secrets in the tree: `make audit`.

Exit codes: 0 is clean; 1 is a finding; 3 is that the list of advisories could not be asked, which
is no finding and no clean bill either. `--unless-away` (as `make test` runs it) tells so and goes
on, so that a machine without the internet can test; what builds a release runs `make audit`.
"""

import hashlib
import json
import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LOCK = "requirements.lock"
ACCEPTED = Path(__file__).with_name("advisories-accepted.txt")
ALLOWED = Path(__file__).with_name("secrets-allowed.txt")
AUDIT_S_MAX = 300
FILE_BYTES_MAX = 2_000_000
ENTROPY_MIN = 3.5
"""Bits a character: words have fewer, random letters and digits more."""

CLEAN, FOUND, AWAY = 0, 1, 3

SHAPES = {
    "private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/=]{20}"),
    "age key": re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    "access key of ours": re.compile(r"mlk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}"),
    "session of ours": re.compile(r"mls_[A-Za-z0-9_-]{43}"),
    "cloud key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "forge token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|glpat-[A-Za-z0-9_-]{20,})"),
    "chat token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[\w-]{10,}"),
    "private JWK": re.compile(r"\"?\bd\"?\s*[:=]\s*[\"'][A-Za-z0-9_-]{43,}[\"']"),
    "password in an address": re.compile(r"[a-z][a-z0-9+]*://[^\s:/@\"']+:([^\s@\"'{}$<]{6,})@"),
    "named secret": re.compile(
        r"(?i)(?:secret|token|passw(?:or)?d|api_?key|private_?key)[\"']?\s*[:=]\s*"
        r"[\"']([A-Za-z0-9+/=_-]{20,})[\"']"
    ),
}


class Finding(NamedTuple):
    """Something that looks like a secret."""

    path: str
    line: int
    kind: str
    mark: str
    """By which it is allowed: of the path and of what was found, which is not repeated here."""


def tree() -> list[Path]:
    """Every file that git keeps, or would keep."""
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return [ROOT / name.decode() for name in told.split(b"\0") if name]


def entropy(text: str) -> float:
    """Bits a character."""
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)


def secrets_in(path: str, text: str) -> Iterator[Finding]:
    """What looks like a secret in a file."""
    for kind, shape in SHAPES.items():
        for match in shape.finditer(text):
            found = match[match.lastindex or 0]
            if kind == "named secret" and entropy(found) < ENTROPY_MIN:
                continue
            line = text.count("\n", 0, match.start()) + 1
            mark = hashlib.sha256(f"{path}\n{found}".encode()).hexdigest()[:16]
            yield Finding(path, line, kind, mark)


def scan() -> list[Finding]:
    """What looks like a secret in the tree and is not allowed."""
    allowed = {line.split()[0] for line in _lines(ALLOWED)}
    found = []
    for path in tree():
        if not path.is_file() or path.stat().st_size > FILE_BYTES_MAX:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        name = path.relative_to(ROOT).as_posix()
        found += [each for each in secrets_in(name, text) if each.mark not in allowed]
    return found


def _lines(path: Path) -> list[str]:
    told = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in told if line.strip() and not line.startswith("#")]


def accepted(today: date) -> set[str]:
    """Advisories that somebody looked at and lives with: `id until reason`."""
    rows = (line.split(maxsplit=2) for line in _lines(ACCEPTED))
    return {row[0] for row in rows if date.fromisoformat(row[1]) >= today}


def judged(told: dict[str, Any], living_with: set[str]) -> tuple[int, list[str]]:
    """The exit code for what pip-audit says, and what to tell people."""
    packages = told["dependencies"]
    # A service that knows no package at all is not there: its silence is no clean bill.
    if not any("vulns" in each for each in packages):
        return AWAY, ["not audited: the list of advisories knows none of the packages, or is away"]
    skipped = [each["name"] for each in packages if "vulns" not in each]
    found = [
        f"{each['name']} {each['version']}: {weakness['id']}"
        f" (mended in {', '.join(weakness['fix_versions']) or 'no version yet'})"
        for each in packages
        for weakness in each.get("vulns", ())
        if living_with.isdisjoint({weakness["id"], *weakness.get("aliases", ())})
    ]
    if skipped:
        found.append(f"not audited: {', '.join(skipped)}")
    return (FOUND if found else CLEAN), found or [f"{len(packages)} packages without advisories"]


def advisories() -> tuple[int, list[str]]:
    """The exit code, and what to tell people, of the packages of the lock."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", LOCK, "--require-hashes",
        "--disable-pip", "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, check=False, timeout=AUDIT_S_MAX
        )
        told = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return AWAY, ["not audited: the list of advisories does not answer"]
    return judged(told, accepted(datetime.now(UTC).date()))


def main(arguments: list[str]) -> int:
    """Look for both, and tell."""
    found = scan()
    for each in found:
        print(f"audit: {each.path}:{each.line}: {each.kind}, mark {each.mark}", file=sys.stderr)
    if found:
        print(f"audit: no secret? Write mark and reason to {ALLOWED.name}", file=sys.stderr)
    code, told = advisories()
    for line in told:
        print(f"audit: {line}", file=sys.stderr)
    if found:
        return FOUND
    return CLEAN if code == AWAY and "--unless-away" in arguments else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
