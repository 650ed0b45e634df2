"""Faults that other products have and this one cannot have, because of how it is written."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from api.app import TABLE
from domain.money import Amount, Money

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "ops").rglob("*.py")])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_that_a_customer_writes_is_run(path: Path) -> None:
    """Rules are data: there is no exec, no eval, no compile, and no unpickling."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Name(id="exec" | "eval" | "compile" | "__import__")):
                pytest.fail(f"{path}:{node.lineno}: code that is made from text")
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                module = getattr(node, "module", None)
                for name in {module, *(each.name for each in names)}:
                    assert name not in {"pickle", "marshal", "shelve", "dill"}, (path, node.lineno)
            case _:
                pass


WITNESS = """
import importlib, pkgutil, sys
import api, domain, projections, tenancy

seen = []
WRITING = ("w", "a", "x", "+")


def hook(event, arguments):
    if event == "open" and any(sign in str(arguments[1] or "") for sign in WRITING):
        if not str(arguments[0]).endswith(".pyc") and "__pycache__" not in str(arguments[0]):
            seen.append((event, str(arguments[0])))
    if event in {"socket.connect", "subprocess.Popen", "os.remove", "os.rename", "shutil.rmtree"}:
        if "__pycache__" not in str(arguments[0]):
            seen.append((event, str(arguments[0])))


names = [
    each.name
    for package in (api, domain, projections, tenancy)
    for each in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
]
sys.addaudithook(hook)
for name in names:
    importlib.import_module(name)
print(len(names), seen)
"""


def test_importing_a_module_changes_nothing() -> None:
    """No file is written, nobody is called, nothing is started, by what merely begins to run."""
    told = subprocess.run(
        [sys.executable, "-P", "-c", WITNESS], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    number, _, seen = told.partition(" ")
    assert int(number) > 200
    assert seen.strip() == "[]"


AMOUNTS_ARE_DECIDED_BY_PEOPLE = {
    "SetPayStructure": "what a month pays, as agreed in a contract",
    "FundPool": "what is set aside",
    "WithdrawFromPool": "what is given back of it",
    "SetRewardBudget": "what may be granted",
    "NominateReward": "what a reward is worth",
    "AssertBalance": "what a statement of the bank says; nothing is posted by it",
    "RecordHistoricalPay": "what the old system paid; nothing is posted by it",
}
"""Commands that take an amount of money, and whose it is to say. It grows with a reason alone."""


def test_no_amount_that_is_paid_comes_from_a_client() -> None:
    """Scores, shares, payouts and claims are reckoned here; nobody sends one in."""
    taking = {
        name
        for route in TABLE.routes
        if route.method == "POST" and isinstance(route.body, type)
        for name in [route.body.__name__]
        if any(holds_money(route.body, set()))
    }
    assert taking == AMOUNTS_ARE_DECIDED_BY_PEOPLE.keys()


def holds_money(of: Any, seen: set[Any]) -> Iterator[bool]:
    if of in seen:
        return
    seen.add(of)
    if of in {Amount, Money}:
        yield True
    elif isinstance(of, type) and issubclass(of, msgspec.Struct):
        for each in get_type_hints(of).values():
            yield from holds_money(each, seen)
    else:
        for each in get_args(of):
            yield from holds_money(each, seen)
