"""docs/security.md is whole and true; secrets and weaknesses are found; what a glance can see."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from api.app import TABLE
from api.auth import ROLES
from tenancy.registry import new_key_text

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SOURCES = [path for folder in ("src", "ops") for path in sorted((ROOT / folder).rglob("*.py"))]

# Requirements of levels 1 and 2 in each section of ASVS 5.0.0, which stand first in it, but for
# those of level 3 in between.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5,
    "6.6": 3, "6.8": 4, "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2,
    "8.2": 3, "8.3": 1, "8.4": 1, "9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4,
    "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3, "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4,
    "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4, "13.1": 1, "13.2": 5, "13.3": 2,
    "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7, "16.1": 1,
    "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
LEVEL_2 = 253
OF_LEVEL_3 = {
    "1.2.10", "2.3.5", "8.2.4", "8.4.2", "11.2.4", "11.2.5", "11.3.4", "11.3.5", "13.3.3",
    "13.3.4", "14.2.6", "14.2.7", "14.2.8", "16.5.4",
}  # fmt: skip
ROW = re.compile(r"^\| (\d+\.\d+\.\d+)(?:-(\d+\.\d+\.\d+))? \| ([a-z ]+) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([a-z]+/test_\w+\.py)::(test_\w+)`")
ROWS = [
    (first, last or first, state, text)
    for first, last, state, text in ROW.findall(PAGE.partition("## OWASP ASVS")[2])
]
WITH_TEST = {"met"}
WITH_REASON = {"partly", "operator", "none of it", "not met"}
REASON_WORDS = 4


def audit() -> Any:
    spec = spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


AUDIT = audit()


def numbers(first: str, last: str) -> Iterator[str]:
    section, _, begin = first.rpartition(".")
    assert last.startswith(f"{section}."), last
    for number in range(int(begin), int(last.rpartition(".")[2]) + 1):
        yield f"{section}.{number}"


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


# -- the table


def test_the_list_is_that_of_the_standard() -> None:
    assert sum(SECTIONS.values()) == LEVEL_2


def test_every_requirement_has_one_row() -> None:
    told = [number for first, last, _, _ in ROWS for number in numbers(first, last)]
    wanted = {
        f"{section}.{number}"
        for section, count in SECTIONS.items()
        for number in range(1, count + 1)
    } | OF_LEVEL_3
    assert sorted(told) == sorted(set(told)), "a requirement is told twice"
    assert set(told) == wanted


@pytest.mark.parametrize(("first", "last", "state", "text"), ROWS, ids=[row[0] for row in ROWS])
def test_a_row_names_tests_that_exist_or_a_reason(
    first: str, last: str, state: str, text: str
) -> None:
    assert state in WITH_TEST | WITH_REASON, f"{first}-{last}"
    named = NAMED.findall(text)
    for path, test in named:
        assert test in functions_of(path), f"{first}: there is no {path}::{test}"
    if state in WITH_TEST:
        assert named, f"{first} is met, and no test sees it"
    else:
        reason = NAMED.sub("", text).strip(" ;,")
        assert len(reason.split()) >= REASON_WORDS, f"{first}: why?"


# -- roles


def test_the_matrix_of_roles_is_the_tables() -> None:
    page = (ROOT / "docs" / "reference" / "roles.md").read_text(encoding="utf-8")
    told = {}
    (head,) = re.findall(r"^\| Route \| (.*) \|$", page, re.MULTILINE)
    roles = head.split(" | ")
    assert set(roles) == ROLES
    for route, cells in re.findall(r"^\| `([A-Z]+ /\S*)` \| (.*) \|$", page, re.MULTILINE):
        marks = [cell.strip() for cell in cells.split("|")]
        told[route] = {role for role, mark in zip(roles, marks, strict=True) if mark}
    assert told == {f"{each.method} {each.path}": set(each.roles) for each in TABLE.routes}


# -- secrets and weaknesses

PLANTED = {
    "private key": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ" + "a" * 30,
    "access key of ours": new_key_text(),
    "session of ours": "mls_" + "Ab3_-" * 8 + "xyz",
    "cloud key": "AKIA" + "ABCDEFGHIJKLMNOP",
    "forge token": "ghp_" + "a1B2" * 9,
    "chat token": "xoxb-" + "123456789012",
    "signed token": "eyJ" + "hbGciOiJSUzI1NiJ9" + ".eyJ" + "zdWIiOiJhYmMifQ.c2lnbmF0dXJl",
    "private JWK": '{"kty": "OKP", "d": "' + "aB3-" * 11 + '"}',
    "password in an address": "postgresql://merit:" + "hunter22" + "@db/merit",
    "named secret": 'client_secret = "' + "q8Zr3vT0kLw9YpXe2NdB" + '"',
    "age key": "AGE-SECRET-KEY-1" + "QPZRY9X8GF" * 5 + "QPZRY9X8",
}


def test_every_shape_is_planted() -> None:
    assert PLANTED.keys() == AUDIT.SHAPES.keys()


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "settings.py").write_text(f"# nothing\n{PLANTED[kind]}\n", encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    monkeypatch.setattr(AUDIT, "ROOT", tmp_path)
    found = AUDIT.scan()
    assert (kind, "settings.py", 2) in {(each.kind, each.path, each.line) for each in found}
    assert all(PLANTED[kind] not in str(each) for each in found), "a finding is no second leak"
    allowed = tmp_path / "allowed.txt"
    allowed.write_text("".join(f"{each.mark} an example\n" for each in found), encoding="utf-8")
    monkeypatch.setattr(AUDIT, "ALLOWED", allowed)
    assert AUDIT.scan() == []


def test_no_secret_is_in_the_tree() -> None:
    assert AUDIT.scan() == []


def package(*weaknesses: str) -> dict[str, Any]:
    told = [{"id": each, "fix_versions": ["2"], "aliases": []} for each in weaknesses]
    return {"name": "thing", "version": "1", "vulns": told}


def test_a_weakness_is_found_and_may_be_lived_with() -> None:
    weak = {"dependencies": [package("PYSEC-1"), package()]}
    code, told = AUDIT.judged(weak, set())
    assert code == AUDIT.FOUND
    assert "PYSEC-1" in told[0]
    assert AUDIT.judged(weak, {"PYSEC-1"})[0] == AUDIT.CLEAN
    assert AUDIT.judged({"dependencies": [package()]}, set())[0] == AUDIT.CLEAN


def test_a_list_that_is_away_is_no_clean_bill() -> None:
    skipped = {"name": "thing", "skip_reason": "not found"}
    assert AUDIT.judged({"dependencies": [skipped]}, set())[0] == AUDIT.AWAY
    code, told = AUDIT.judged({"dependencies": [skipped, package()]}, set())
    assert code == AUDIT.FOUND
    assert "not audited" in told[0]


def test_what_is_lived_with_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tmp_path / "accepted.txt"
    rows.write_text("# why\nPYSEC-1 2026-01-31 not reached\nPYSEC-2 2026-03-01 mended soon\n")
    monkeypatch.setattr(AUDIT, "ACCEPTED", rows)
    assert AUDIT.accepted(date(2026, 2, 1)) == {"PYSEC-2"}


# -- what a glance at the source sees


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path, node


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


QUERIES = {"execute", "fetch", "fetchrow", "fetchval", "executemany", "cursor"}
UUID_ONLY = "src/tenancy/database.py"
"""Writes a UUID into BEGIN's statement, and nothing else."""


def test_statements_are_our_own_text() -> None:
    """No statement is put together where it is sent: what varies is a parameter."""
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in calls()
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in QUERIES
        and call.args
        and isinstance(call.args[0], ast.JoinedStr)
        and str(path.relative_to(ROOT)) != UUID_ONLY
        and path.parts[-3:-1] != ("ops", "failover")
        and path.is_relative_to(ROOT / "src" / "api")
    ]
    assert found == []


def test_no_shell_is_started() -> None:
    for path, call in calls():
        assert name_of(call) not in {"os.system", "os.popen"}, path
        assert "create_subprocess_shell" not in name_of(call), path
        for keyword in call.keywords:
            value = keyword.value
            if keyword.arg == "shell":
                assert isinstance(value, ast.Constant), path
                assert value.value is False, path


def test_patterns_are_our_own_text() -> None:
    for path, call in calls():
        if path.is_relative_to(ROOT / "src") and name_of(call) in {
            f"re.{verb}" for verb in ("compile", "match", "search", "fullmatch", "sub", "findall")
        }:
            pattern = ast.unparse(call.args[0])
            assert not re.search(r"\b(asked|given|request|body|query)\b", pattern), path


WEAK = {"md5", "sha1", "ECB", "ARC4", "TripleDES", "Blowfish", "PKCS1v15", "CBC"}
NAMES = ROOT / "src" / "domain" / "ids.py"
"""Ids are UUIDs of version 5, which are made by SHA-1: names that everybody may know."""


def test_cryptography_is_the_librarys() -> None:
    """Ciphers and signatures in few modules, and none of them weak."""
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute | ast.Name):
                word = node.attr if isinstance(node, ast.Attribute) else node.id
                assert word not in WEAK or path == NAMES, f"{path}: {word}"
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cryptography"):
                assert path.is_relative_to(ROOT / "src" / "tenancy"), path


def test_secrets_are_compared_in_constant_time() -> None:
    """A secret is found by its hash, or compared by hmac.compare_digest; never by ==."""
    secret = re.compile(r"\b(csrf|secret|token|browser_hash|key_hash|token_hash)\b")
    for path in SOURCES:
        if not path.is_relative_to(ROOT / "src" / "api"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
                told = ast.unparse(node)
                assert not secret.search(told), f"{path}:{node.lineno}: {told}"


def test_what_nobody_may_guess_is_random() -> None:
    for path, call in calls():
        if path.is_relative_to(ROOT / "src"):
            name = name_of(call)
            assert not name.startswith("random.") or name == "random.SystemRandom", path
    for made in ("secrets.token_urlsafe(SECRET_BYTES)", "secrets.token_urlsafe(TOKEN_BYTES)"):
        assert any(made in path.read_text(encoding="utf-8") for path in SOURCES), made
