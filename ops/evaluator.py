"""Recomputes a number from its explanation alone; offline, and without the code that explained it.

The rules are those of the table in the documentation of `domain.explanation`. Nothing is imported
from there: a mistake in one of the two implementations shows as a difference.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

Tree = Mapping[str, Any]
Params = Mapping[str, str]
Rule = Callable[[Sequence[Fraction], Params], Fraction]

BLANKS = frozenset({"excused", "not-applicable", "suppressed"})
NODES_MAX = 1_000_000
DEPTH_MAX = 200
DIGITS_MAX = 4_000
"""Of a number in a tree: it comes from a file that somebody sent."""


class DoesNotFollow(ValueError):
    """A tree does not say what it claims; the message names the node."""


def evaluated(tree: Tree) -> Fraction:
    """What a sealed tree gives, every step computed again.

    Raises:
        DoesNotFollow: a step gives another value than it says, or the leaves were exchanged.
    """
    told = [[leaf["value"], leaf.get("source")] for leaf in _leaves(tree)]
    seal = hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()
    if tree.get("params", {}).get("leaves") != seal:
        raise DoesNotFollow("the leaves are not those that were sealed")
    return _value(tree, 0)


def _leaves(root: Tree) -> Iterator[Tree]:
    waiting, seen = [root], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > NODES_MAX:
            raise DoesNotFollow(f"more than {NODES_MAX} steps")
        below = node.get("inputs") or ()
        waiting.extend(reversed(below))
        if not below:
            yield node


def _value(node: Tree, depth: int) -> Fraction:
    if depth > DEPTH_MAX:
        raise DoesNotFollow(f"more than {DEPTH_MAX} steps below one another")
    name, below, params = node["rule"], node.get("inputs") or (), node.get("params") or {}
    try:
        if name in LEAVES:
            found = _leaf(node)
        elif name == "weighted-mean":
            found = _weighted(below, params, depth)
        else:
            found = RULES[name]([_value(each, depth + 1) for each in below], params)
        claimed = _number(node["value"])
    except DoesNotFollow:
        raise
    except (ArithmeticError, IndexError, KeyError, ValueError) as error:
        raise DoesNotFollow(f"{name} {node.get('label', '')}: {error!r}") from error
    if found != claimed:
        raise DoesNotFollow(f"{name} {node.get('label', '')} gives {found}, not {claimed}")
    return found


def _leaf(node: Tree) -> Fraction:
    if node.get("inputs") or "source" not in node:
        raise DoesNotFollow(f"{node['rule']} is a leaf that names its event")
    return LEAVES[node["rule"]](node["value"])


def _number(text: str) -> Fraction:
    if len(text) > DIGITS_MAX or "e" in text.lower():
        raise ValueError("not a number as it is written here")
    return Fraction(text)


def _weighted(below: Sequence[Tree], params: Params, depth: int) -> Fraction:
    weights = [int(each) for each in params["weights"].split()]
    above = Fraction()
    for weight, each in zip(weights, below, strict=True):
        if weight < 0 or (each["rule"] in BLANKS and (weight or each["value"] != "n/a")):
            raise DoesNotFollow(f"{each['rule']} has the weight {weight}")
        if each["rule"] not in BLANKS:
            above += weight * _value(each, depth + 1)
    return above / sum(weights)


def _pairs(text: str) -> list[tuple[Fraction, Fraction]]:
    return sorted(
        (_number(bound), _number(earned))
        for bound, _, earned in (pair.partition(":") for pair in text.split())
    )


def _step(inputs: Sequence[Fraction], table: str) -> Fraction:
    (reached,) = inputs
    earned = Fraction()
    for bound, points in _pairs(table):
        if bound <= reached:
            earned = points
    return earned


def _slope(inputs: Sequence[Fraction], params: Params) -> Fraction:
    (reached,) = inputs
    steps = _pairs(params["levels"])
    for (bound, points), (end, more) in pairwise(steps):
        if bound <= reached < end:
            return points + (more - points) * (reached - bound) / (end - bound)
    return _step(inputs, params["levels"])


def _clamp(inputs: Sequence[Fraction], params: Params) -> Fraction:
    (value,) = inputs
    if "max" in params:
        value = min(value, _number(params["max"]))
    if "min" in params:
        value = max(value, _number(params["min"]))
    return value


def _product(inputs: Sequence[Fraction], _: Params) -> Fraction:
    result = Fraction(1)
    for each in inputs:
        result *= each
    return result


def _nothing(inputs: Sequence[Fraction], _: Params) -> Fraction:
    if len(inputs) < 2:  # noqa: PLR2004 - what it would have been, and by what it is nothing
        raise DoesNotFollow("nothing says why it is zero")
    return Fraction()


def _inverse(inputs: Sequence[Fraction], params: Params) -> Fraction:
    actual, target = inputs
    return _number(params["at_zero"]) if actual <= 0 else target / actual * 100


def _grade(inputs: Sequence[Fraction], params: Params) -> Fraction:
    (which,) = inputs
    if which.denominator != 1 or which < 1:
        raise DoesNotFollow(f"there is no grade {which}")
    return _number(params["grades"].split()[which.numerator - 1])


def _whole(value: Fraction) -> Fraction:
    """The nearest integer, halves away from zero."""
    twice = 2 * abs(value.numerator) + value.denominator
    nearest = twice // (2 * value.denominator)
    return Fraction(nearest if value >= 0 else -nearest)


def _one(inputs: Sequence[Fraction]) -> Fraction:
    (only,) = inputs
    return only


def _two(inputs: Sequence[Fraction]) -> Fraction:
    first, second = inputs
    return first / second


def _shown(inputs: Sequence[Fraction], params: Params) -> Fraction:
    scale: int = 10 ** int(params["digits"])
    return _whole(_one(inputs) * scale) / scale


def _floor(inputs: Sequence[Fraction], params: Params) -> Fraction:
    units = Fraction(_one(inputs).__floor__())
    return min(units, _number(params["at_most"])) if "at_most" in params else units


def _split(inputs: Sequence[Fraction], params: Params) -> Fraction:
    """By largest remainder; whoever would have more than the cap has the cap."""
    whole, *weights = inputs
    places = [int(each) - 1 for each in params["order"].split()]
    told = [int(each) for each in params["parts"].split()]
    if sorted(places) != list(range(len(weights))) or len(told) != len(weights):
        raise DoesNotFollow("the shares are not those of the weights")
    if whole.denominator != 1 or any(each < 0 for each in weights):
        raise DoesNotFollow("only whole units are shared out, and by no weight below zero")
    most = (whole * _number(params["cap"])).__floor__() if "cap" in params else None
    found = _held(int(whole), weights, most)
    units = {index: share.__floor__() for index, share in found.items()}
    spare = int(whole) - sum(units.values())
    # Whoever is held at the cap has no remainder, and takes no unit that is left.
    takers = sorted(
        (index for index, share in found.items() if share.denominator != 1),
        key=lambda index: (units[index] - found[index], places.index(index)),
    )
    for index in takers[:spare]:
        units[index] += 1
    if [units[index] for index in range(len(weights))] != told:
        raise DoesNotFollow(f"the shares are not {told}")
    return Fraction(sum(told))


def _held(whole: int, weights: Sequence[Fraction], most: int | None) -> dict[int, Fraction]:
    """Exact shares by index, none above `most`."""
    shares: dict[int, Fraction] = {}
    while True:
        rest = [index for index in range(len(weights)) if index not in shares]
        left = whole - sum(shares.values())
        below = sum((weights[index] for index in rest), Fraction())
        exactly = {index: left * weights[index] / below if below else Fraction() for index in rest}
        above = [index for index in rest if most is not None and exactly[index] > most]
        if not above:
            return {**shares, **exactly}
        shares |= {index: Fraction(most or 0) for index in above}


LEAVES: Mapping[str, Callable[[str], Fraction]] = {
    "given": _number,
    "missing-is-zero": lambda _: Fraction(),
}

RULES: Mapping[str, Rule] = {
    "sum": lambda inputs, _: sum(inputs, Fraction()),
    "product": _product,
    "quotient": lambda inputs, _: _two(inputs),
    "percent": lambda inputs, _: _two(inputs) * 100,
    "inverse-percent": _inverse,
    "clamp": _clamp,
    "level": lambda inputs, params: _step(inputs, params["levels"]),
    "level-linear": _slope,
    "grade": _grade,
    "mean": lambda inputs, _: sum(inputs, Fraction()) / len(inputs),
    "veto": _nothing,
    "forfeit": _nothing,
    "round-score": lambda inputs, _: _whole(_one(inputs) * 100) / 100,
    "score-percent": lambda inputs, _: _one(inputs) / 100,
    "band": lambda inputs, params: _step(inputs, params["bands"]),
    "round-base": lambda inputs, _: _whole(_one(inputs)),
    "exchange": lambda inputs, params: (
        inputs[0]
        * inputs[1]
        * Fraction(10) ** (int(params["to_digits"]) - int(params["from_digits"]))
    ),
    "round-payout": lambda inputs, _: _whole(_one(inputs)),
    "shown": _shown,
    "floor": _floor,
    "split": _split,
}
