"""The examples in docstrings of ops are true."""

import doctest
import importlib
import pkgutil

import pytest

import ops

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(ops.__path__, "ops.")
    if not found.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    tried = sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES)
    assert tried >= 3
