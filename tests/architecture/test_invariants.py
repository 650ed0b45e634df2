"""docs/invariants.md: every row names tests, and every test that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "invariants.md").read_text()
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)
NAMED = re.compile(r"`([^`]+)`")
ROWS_OF = {
    "Invariants": 18,
    "Faults found in existing products": 16,
    "Promises of the pay ledger": 12,
    "Worked cases": 20,
    "Laws": 7,
}
PARTS = [part.split("\n", 1) for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]]
ROWS = [
    (f"{title} {number}", what.strip(), tests)
    for title, part in PARTS
    for number, what, tests in ROW.findall(part)
]


def test_every_table_is_whole() -> None:
    for title, count in ROWS_OF.items():
        numbers = [name.rpartition(" ")[2] for name, _, _ in ROWS if name.startswith(f"{title} ")]
        assert numbers == [str(number) for number in range(1, count + 1)], title
    assert len(ROWS) == sum(ROWS_OF.values())


@pytest.mark.parametrize(("name", "what", "tests"), ROWS, ids=[name for name, _, _ in ROWS])
def test_every_row_names_tests_that_exist(name: str, what: str, tests: str) -> None:
    named = NAMED.findall(tests)
    assert what, name
    assert named, f"{name}: {what} has no test"
    missing = [each for each in named if each.partition("::")[2] not in collected(each)]
    assert not missing, f"{name}: {missing}"


def collected(test_id: str) -> frozenset[str]:
    return names_in(ROOT / test_id.partition("::")[0])


@cache
def names_in(path: Path) -> frozenset[str]:
    """What pytest collects of a file: its test functions, and those of its test classes."""
    if not path.exists():
        return frozenset()
    tree = ast.parse(path.read_text())
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
    found = {each.name for each in tree.body if isinstance(each, functions)}
    for name, each in classes.items():
        for base in (
            each,
            *(classes[b.id] for b in each.bases if isinstance(b, ast.Name) and b.id in classes),
        ):
            found |= {f"{name}::{f.name}" for f in base.body if isinstance(f, functions)}
    return frozenset(each for each in found if each.rpartition("::")[2].startswith("test_"))
