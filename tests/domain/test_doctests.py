"""The examples in the domain's docstrings are true."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import domain

NAMES = sorted(path.stem for path in Path(domain.__file__).parent.glob("*.py"))
WITH_EXAMPLES = {"calendar", "coefficient", "exact", "indicators", "money", "pay", "pool"}


@pytest.mark.parametrize("name", NAMES)
def test_examples(name: str) -> None:
    outcome = doctest.testmod(import_module(f"domain.{name}" if name != "__init__" else "domain"))
    assert outcome.failed == 0
    assert outcome.attempted > 0 or name not in WITH_EXAMPLES
