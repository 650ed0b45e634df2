"""What is written about the project is true of it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.catalogue import EVENTS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT)
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.name != "cli.md"  # generated, with anchors of its own
)
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def test_the_reference_is_current() -> None:
    done = subprocess.run(
        [sys.executable, "tools/reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall((ROOT / page).read_text()):
        if "://" not in target:
            assert ((ROOT / page).parent / target).exists(), target


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text()
    decisions = sorted(path.name for path in folder.glob("0*.md"))
    assert decisions
    for name in decisions:
        assert f"]({name})" in index


def test_every_verb_of_the_makefile_is_explained_by_help() -> None:
    told = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for verb in ("setup", "demo", "up", "test", "test-fast", "lint", "types", "docs", "bench"):
        assert f"make {verb} " in told


def test_the_glossary_has_a_chinese_term_in_every_row() -> None:
    rows = [
        line
        for line in (ROOT / "docs" / "glossary.md").read_text().splitlines()
        if line.startswith("|") and not line.startswith(("| English", "|---"))
    ]
    assert len(rows) >= 40
    for row in rows:
        assert re.search(r"[\u4e00-\u9fff]", row), row


def chinese_terms() -> Iterator[tuple[str, str]]:
    """Terms and where: what docstrings of the code call things in Chinese."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                for term in re.findall(r"[\u4e00-\u9fff]+", node.value.value):
                    yield term, path.name


def test_the_glossary_has_every_chinese_term_of_the_code() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    missing = {term: where for term, where in chinese_terms() if term not in glossary}
    assert not missing


def test_the_reference_names_every_event() -> None:
    page = (ROOT / "docs" / "reference" / "events.md").read_text()
    for event in EVENTS:
        assert f"## `{event.TOPIC}`" in page
