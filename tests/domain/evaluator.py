"""Recomputes a number from its explanation alone: a second implementation, on purpose.

It knows JSON and the table of rules in the documentation of `domain.explanation`, and imports
nothing of the product. Whatever a node claims is compared with what its rule gives for its inputs.
"""

import json
from fractions import Fraction
from hashlib import sha256
from math import floor
from typing import Any

BLANK = {"excused", "not-applicable", "suppressed"}
Tree = dict[str, Any]


class Wrong(Exception):
    """The tree does not say what it claims; the message names the first such node."""


def evaluate(tree: str | bytes, *, seal: bool = True) -> Fraction:
    """The value of a tree, recomputed leaf by leaf.

    Raises:
        Wrong: a node's value does not follow, or (with `seal`) the leaves were exchanged.
    """
    root: Tree = json.loads(tree)
    if seal:
        told = json.dumps([[leaf["value"], leaf.get("source")] for leaf in _leaves(root)])
        if sha256(told.replace(", ", ",").encode()).hexdigest() != root["params"]["leaves"]:
            raise Wrong("the leaves are not those that were sealed")
    return _value(root)


def _leaves(node: Tree) -> list[Tree]:
    below = node.get("inputs", [])
    return [leaf for part in below for leaf in _leaves(part)] if below else [node]


def _value(node: Tree) -> Fraction:
    rule, inputs, params = node["rule"], node.get("inputs", []), node.get("params", {})
    if rule == "weighted-mean":
        found = _weighted_mean(inputs, params)
    elif rule in {"given", "missing-is-zero"}:
        if inputs or "source" not in node:
            raise Wrong(f"{rule} is a leaf with a source")
        found = Fraction(node["value"]) if rule == "given" else Fraction(0)
    else:
        found = _apply(rule, [_value(part) for part in inputs], params)
    if found != Fraction(node["value"]):
        raise Wrong(f"{rule} {node.get('label', '')}: {found}, not {node['value']}")
    return found


def _weighted_mean(inputs: list[Tree], params: dict[str, str]) -> Fraction:
    weights = [int(weight) for weight in params["weights"].split()]
    if len(weights) != len(inputs) or min(weights) < 0:
        raise Wrong("weights do not fit")
    above = Fraction(0)
    for weight, part in zip(weights, inputs, strict=True):
        if part["rule"] in BLANK:
            if weight or part["value"] != "n/a":
                raise Wrong("a blank has weight")
        else:
            above += _value(part) * weight
    return above / sum(weights)


def _apply(rule: str, inputs: list[Fraction], params: dict[str, str]) -> Fraction:
    first = inputs[0]
    match rule:
        case "sum":
            return sum(inputs, Fraction(0))
        case "product":
            result = Fraction(1)
            for each in inputs:
                result = result * each
            return result
        case "mean":
            return sum(inputs, Fraction(0)) / len(inputs)
        case "quotient":
            return first / inputs[1]
        case "percent":
            return 100 * first / inputs[1]
        case "inverse-percent":
            return 100 * inputs[1] / first if first > 0 else Fraction(params["at_zero"])
        case "clamp":
            upper = Fraction(params["max"]) if "max" in params else first
            lower = Fraction(params["min"]) if "min" in params else min(first, upper)
            return sorted([lower, min(first, upper)])[1]
        case "veto" | "forfeit":
            if len(inputs) < 2:
                raise Wrong(f"{rule} by nothing")
            return Fraction(0)
        case "score-percent":
            return first / 100
        case "grade":
            if first.denominator != 1 or first < 1:
                raise Wrong("no such grade")
            return Fraction(params["grades"].split()[int(first) - 1])
        case "exchange":
            shift = int(params["to_digits"]) - int(params["from_digits"])
            return first * inputs[1] * Fraction(10) ** shift
        case "round-score":
            return _nearest(first * 100) / Fraction(100)
        case "round-base" | "round-payout":
            return Fraction(_nearest(first))
        case "shown":
            scale = 10 ** int(params["digits"])
            return Fraction(_nearest(first * scale), scale)
        case "floor":
            units = Fraction(floor(first))
            return min(units, Fraction(params["at_most"])) if "at_most" in params else units
        case "split":
            return _shared_out(first, inputs[1:], params)
        case "level" | "level-linear" | "band":
            return _stepped(rule, first, params["bands" if rule == "band" else "levels"])
        case _:
            raise Wrong(f"there is no rule {rule}")


def _shared_out(whole: Fraction, weights: list[Fraction], params: dict[str, str]) -> Fraction:
    """The sum of the shares; `Wrong` unless they are those that the node names."""
    turn = {int(place) - 1: at for at, place in enumerate(params["order"].split())}
    if sorted(turn) != list(range(len(weights))) or whole.denominator != 1 or min(weights) < 0:
        raise Wrong("this cannot be shared out")
    most = Fraction(floor(whole * Fraction(params["cap"]))) if "cap" in params else None
    held: list[int] = []
    while True:
        free = [at for at in range(len(weights)) if at not in held]
        left = whole - (most or 0) * len(held)
        weight = sum(weights[at] for at in free)
        exact = {at: left * weights[at] / weight if weight else Fraction(0) for at in free}
        above = [at for at in free if most is not None and exact[at] > most]
        if not above:
            break
        held += above
    shares = {at: floor(exact[at]) for at in free}
    spare = int(left) - sum(shares.values())
    for at in sorted(free, key=lambda at: (shares[at] - exact[at], turn[at]))[:spare]:
        shares[at] += 1
    found = [int(most or 0) if at in held else shares[at] for at in range(len(weights))]
    if found != [int(part) for part in params["parts"].split()]:
        raise Wrong(f"the shares are {found}")
    return Fraction(sum(found))


def _nearest(value: Fraction) -> int:
    away = floor(abs(value) + Fraction(1, 2))
    return -away if value < 0 else away


def _stepped(rule: str, at: Fraction, table: str) -> Fraction:
    steps = sorted(tuple(map(Fraction, pair.split(":"))) for pair in table.split())
    below = [step for step in steps if step[0] <= at]
    if not below:
        return Fraction(0)
    start, points = below[-1]
    if rule == "level-linear" and len(below) < len(steps):
        end, more = steps[len(below)]
        return points + (more - points) * (at - start) / (end - start)
    return points
