"""Every statement that runs names its tenant: else it could not go to one shard."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenancy.lint import WITHOUT_TENANT

ROOT = Path(__file__).parents[2]
FOLDERS = ("src/tenancy", "src/projections", "src/api", "ops")
STATEMENT = re.compile(r"\s*(WITH|SELECT|INSERT INTO|UPDATE|DELETE FROM)\b")
TABLE = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(merit(?:_views)?\.\w+)(?!\s*\(|\w)", re.IGNORECASE
)
CALL = re.compile(r"\bmerit\.\w+\s*\(\s*(?:\$1|'\{\}')")
"""A function of ours, whose first argument is the tenant (lint, rule S14)."""

RETIRE = "DELETE FROM merit.cursors WHERE projection || '_v' || version <> ALL ($1)"
OTHERWISE = {
    RETIRE: "the owner retires a version for all tenants, beside a migration, never in service",
    "SELECT {} FROM {} WHERE {}": "its first condition is always the tenant, see page()",
    "SELECT row FROM {} WHERE row BETWEEN ? AND ?": "SQLite, a file of its own for one import",
}
"""Statements that do not say so themselves, and why that is right."""


def statements(path: Path) -> Iterator[tuple[int, str]]:
    """The SQL of a module, with {} where an f-string puts something in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) in inside:
                continue
            text = node.value
        else:
            continue
        if STATEMENT.match(text):
            yield node.lineno, text


def found() -> list[tuple[str, str]]:
    """All statements over tables of tenants, each with where it is."""
    return [
        (f"{path.relative_to(ROOT)}:{line}", text)
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, text in statements(path)
        if set(TABLE.findall(text)) - set(WITHOUT_TENANT)
        or re.search(r"\b(FROM|INTO|UPDATE)\s+\{\}", text)
    ]


def test_the_statements_are_found() -> None:
    assert len(found()) > 100


@pytest.mark.parametrize(("where", "text"), found(), ids=[where for where, _ in found()])
def test_a_statement_names_its_tenant(where: str, text: str) -> None:
    told = " ".join(text.split())
    assert "tenant_id" in text or CALL.search(text) or told in OTHERWISE, f"{where}: {told}"


def test_the_exceptions_are_still_there() -> None:
    assert {" ".join(text.split()) for _, text in found()} >= OTHERWISE.keys()
