"""The evaluator of `merit verify` and the tests' own one, which know nothing of each other."""

import hashlib
import importlib.util
import json
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from domain import explanation
from domain.kernel import Refused
from domain.money import Money
from domain.pool import Claim, allocate
from ops.evaluator import BLANKS, DEPTH_MAX, LEAVES, RULES, DoesNotFollow, evaluated

Tree = dict[str, Any]

numbers = st.fractions(min_value=-200, max_value=200, max_denominator=100)
tables = st.lists(
    st.tuples(numbers, numbers), min_size=1, max_size=4, unique_by=lambda each: each[0]
)


@pytest.fixture(scope="session")
def oracle() -> Callable[[str], Fraction]:
    path = Path(__file__).parents[1] / "domain" / "evaluator.py"
    spec = importlib.util.spec_from_file_location("oracle", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[[str], Fraction] = module.evaluate
    return found


def test_every_rule_of_the_documentation_is_known() -> None:
    text = (Path(__file__).parents[2] / "src" / "domain" / "explanation.py").read_text()
    _, _, table, _ = re.split(r"^=+  =+  =+$", text, flags=re.MULTILINE)
    named = {line.split()[0] for line in table.splitlines() if line}
    assert named == RULES.keys() | LEAVES.keys() | BLANKS | {"weighted-mean"}


def _paired(table: list[tuple[Fraction, Fraction]]) -> str:
    return " ".join(f"{bound}:{earned}" for bound, earned in table)


@st.composite
def steps(draw: st.DrawFn, depth: int = 0) -> Tree:
    """A tree whose values follow, with any rule anywhere."""
    if depth > 3 or draw(st.booleans()):
        source = str(draw(st.uuids()))
        if draw(st.integers(0, 5)) == 0:
            return {"rule": "missing-is-zero", "value": "0", "source": source}
        return {"rule": "given", "value": str(draw(numbers)), "source": source}
    # What is shared out are whole units, as nothing else is: see `shared`.
    rule = draw(st.sampled_from(sorted({*RULES, "weighted-mean"} - {"split"})))
    count = draw(st.integers(2, 3)) if rule in MANY else 2 if rule in TWO else 1
    inputs = [draw(steps(depth=depth + 1)) for _ in range(count)]
    params: dict[str, str] = {}
    if rule in {"level", "level-linear"}:
        params["levels"] = _paired(draw(tables))
    elif rule == "band":
        params["bands"] = _paired(draw(tables))
    elif rule == "clamp":
        params = {
            name: str(draw(numbers)) for name in draw(st.sets(st.sampled_from(["min", "max"])))
        }
    elif rule == "shown":
        params["digits"] = str(draw(st.integers(0, 4)))
    elif rule == "floor" and draw(st.booleans()):
        params["at_most"] = str(draw(st.integers(-200, 200)))
    elif rule == "inverse-percent":
        params["at_zero"] = str(draw(numbers))
    elif rule == "exchange":
        params = {name: str(draw(st.integers(0, 3))) for name in ("from_digits", "to_digits")}
    elif rule == "grade":
        inputs = [{"rule": "given", "value": "2", "source": str(draw(st.uuids()))}]
        params["grades"] = "1 3/2 2"
    elif rule == "weighted-mean":
        weights = [draw(st.integers(1, 9)) for _ in inputs]
        inputs.append({"rule": "excused", "value": "n/a", "source": str(draw(st.uuids()))})
        params["weights"] = " ".join(map(str, [*weights, 0]))
    values = [Fraction(each["value"]) for each in inputs if each["value"] != "n/a"]
    try:
        if rule == "weighted-mean":
            value = sum((w * v for w, v in zip(weights, values, strict=True)), Fraction()) / sum(
                weights
            )
        else:
            value = RULES[rule](values, params)
    except ZeroDivisionError:
        return inputs[0]
    return {"rule": rule, "value": str(value), "params": params, "inputs": inputs}


TWO = {"quotient", "percent", "inverse-percent", "exchange", "veto", "forfeit"}
MANY = {"sum", "product", "mean", "weighted-mean"}


def _leaves(node: Tree) -> list[Tree]:
    below = node.get("inputs") or []
    return [leaf for each in below for leaf in _leaves(each)] if below else [node]


def sealed(tree: Tree) -> Tree:
    told = [[leaf["value"], leaf.get("source")] for leaf in _leaves(tree)]
    seal = hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()
    return {**tree, "params": {**tree.get("params", {}), "leaves": seal}}


@given(tree=steps())
def test_both_agree(oracle: Callable[[str], Fraction], tree: Tree) -> None:
    whole = sealed(tree)
    assert evaluated(whole) == oracle(json.dumps(whole)) == Fraction(tree["value"])


@st.composite
def shared(draw: st.DrawFn) -> Tree:
    """A sum shared out by the product itself, with ties, caps and weights of nothing."""
    units = draw(st.integers(0, 10_000))
    drawn = draw(st.lists(st.fractions(0, 9, max_denominator=7), min_size=1, max_size=6))
    claims = [
        Claim(employment_id=UUID(int=draw(st.integers(0, 2**32)) * 8 + at), weight=weight)
        for at, weight in enumerate(drawn)
    ]
    cap = draw(st.none() | st.sampled_from(["0.1", "0.3", "0.5", "1"]))
    try:
        parts = allocate(Money(units, "CNY"), claims, None if cap is None else Decimal(cap)).parts
    except Refused:
        reject()
    stated = [explanation.given_exact("weight", each.weight, UUID(int=1)) for each in claims]
    told = explanation.split(
        explanation.given_exact("pool", units, UUID(int=2)),
        stated,
        [each.precedence for each in claims],
        [part.minor for part in parts],
        None if cap is None else Fraction(cap),
    )
    tree: Tree = msgspec.to_builtins(explanation.sealed(told))
    return tree


@given(tree=shared(), data=st.data())
def test_both_share_out_as_the_product_does(
    oracle: Callable[[str], Fraction], tree: Tree, data: st.DataObject
) -> None:
    assert evaluated(tree) == oracle(json.dumps(tree)) == Fraction(tree["inputs"][0]["value"])
    parts = [int(each) for each in tree["params"]["parts"].split()]
    taker = data.draw(st.integers(0, len(parts) - 1))
    giver = data.draw(st.integers(0, len(parts) - 1))
    if taker == giver:
        return
    parts[taker], parts[giver] = parts[taker] + 1, parts[giver] - 1
    tree["params"]["parts"] = " ".join(map(str, parts))
    with pytest.raises(DoesNotFollow, match="the shares are not"):
        evaluated(tree)
    with pytest.raises(Exception, match="the shares are"):
        oracle(json.dumps(tree))


def _nodes(node: Tree) -> list[Tree]:
    return [node, *(below for each in node.get("inputs") or [] for below in _nodes(each))]


@given(tree=steps(), data=st.data())
def test_both_notice_a_changed_step(
    oracle: Callable[[str], Fraction], tree: Tree, data: st.DataObject
) -> None:
    changed: Tree = json.loads(json.dumps(tree))
    above = [each for each in _nodes(changed) if each.get("inputs")]
    if not above:
        return
    node = data.draw(st.sampled_from(above))
    node["value"] = str(Fraction(node["value"]) + 1)
    whole = sealed(changed)
    with pytest.raises(DoesNotFollow):
        evaluated(whole)
    with pytest.raises(Exception, match=", not "):
        oracle(json.dumps(whole))


@given(tree=steps(), data=st.data())
def test_no_leaf_can_be_exchanged(tree: Tree, data: st.DataObject) -> None:
    whole = sealed(tree)
    changed: Tree = json.loads(json.dumps(whole))
    leaf = data.draw(st.sampled_from(_leaves(changed)))
    leaf["source"] = str(UUID(int=0))
    if changed == whole:
        return
    with pytest.raises(DoesNotFollow, match="the leaves are not those"):
        evaluated(changed)


LEAF = {"rule": "given", "value": "1", "source": str(UUID(int=1))}


@pytest.mark.parametrize(
    "tree",
    [
        {"rule": "given", "value": "1"},
        {"rule": "given", "value": "x", "source": "s"},
        {"rule": "given", "value": "1e9999999", "source": "s"},
        {"rule": "given", "value": "1" * 5000, "source": "s"},
        {"rule": "as-agreed", "value": "1", "inputs": [LEAF]},
        {"rule": "percent", "value": "1", "inputs": [LEAF]},
        {"rule": "percent", "value": "1", "inputs": [LEAF, {**LEAF, "value": "0"}]},
        {"rule": "veto", "value": "0", "inputs": [LEAF]},
        {"rule": "grade", "value": "1", "inputs": [LEAF], "params": {}},
        {
            "rule": "grade",
            "value": "1",
            "inputs": [{**LEAF, "value": "0"}],
            "params": {"grades": "1"},
        },
        {"rule": "weighted-mean", "value": "1", "inputs": [LEAF], "params": {"weights": "-1"}},
        {"rule": "weighted-mean", "value": "1", "inputs": [LEAF], "params": {"weights": "1 1"}},
        {"rule": "split", "value": "1", "inputs": [LEAF, LEAF], "params": {"order": "1"}},
        {
            "rule": "split",
            "value": "1",
            "inputs": [LEAF, LEAF],
            "params": {"order": "2", "parts": "1"},
        },
        {
            "rule": "split",
            "value": "1",
            "inputs": [{**LEAF, "value": "1/2"}, LEAF],
            "params": {"order": "1", "parts": "1"},
        },
        {
            "rule": "weighted-mean",
            "value": "1",
            "inputs": [LEAF, {"rule": "excused", "value": "n/a", "source": "s"}],
            "params": {"weights": "1 1"},
        },
    ],
)
def test_what_is_not_a_tree_of_reasons_is_refused(tree: Tree) -> None:
    with pytest.raises(DoesNotFollow):
        evaluated(sealed(tree))


def test_a_tree_has_an_end() -> None:
    tree: Tree = dict(LEAF)
    for _ in range(DEPTH_MAX + 1):
        tree = {"rule": "sum", "value": "1", "inputs": [tree]}
    told = [[LEAF["value"], LEAF["source"]]]
    seal = hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()
    with pytest.raises(DoesNotFollow, match="below one another"):
        evaluated({**tree, "params": {"leaves": seal}})
