"""What reviewers should never have to say twice about a module."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES_PER_MODULE_MAX = 440
"""About 400, that is: a few lines more are for reviewers to notice, not for a test to forbid."""
LINES_PER_FUNCTION_MAX = 70
FOLDERS = ("src", "ops", "tools", "loadtests")
MODULES = sorted(
    path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")
)


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 50, MODULES


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_fits_in_the_head(path: Path) -> None:
    """It opens with what it is for, and is short enough to be read in one sitting."""
    source = (ROOT / path).read_text()
    assert ast.get_docstring(ast.parse(source)), "open with what this module is for"
    assert source.count("\n") <= LINES_PER_MODULE_MAX


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= LINES_PER_FUNCTION_MAX, f"{node.name} at line {node.lineno}"


def test_the_largest_modules_are_known(record_property: pytest.FixtureRequest) -> None:
    """A report to look at, in the test report: the ten largest modules."""
    sizes = {str(path): (ROOT / path).read_text().count("\n") for path in MODULES}
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:10]
    record_property("largest_modules", largest)  # type: ignore[operator]  # a callable fixture
    assert largest[0][1] <= LINES_PER_MODULE_MAX, largest


def test_no_package_below_tests() -> None:
    """`tests/domain/__init__.py` would shadow our `domain`."""
    assert not list((ROOT / "tests").rglob("__init__.py"))
