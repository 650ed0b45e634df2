"""Explanations for people: an exact tree as the steps of a waterfall, and as a tree to unfold.

The steps add up to the number exactly; they are made of the tree alone, as its rules say.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from api.console.charts import Chart, Drop
from api.console.tables import Column, Table
from api.console.visit import Visit
from domain.currencies import digits_of
from domain.explanation import NOT_APPLICABLE, Node

Labels = Mapping[str, str]
"""What a tenant's own codes (indicators, sections) are called."""

_DEPTH_MAX = 60


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step on the way to a number."""

    label: str
    delta: Fraction


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """A node as a page shows it."""

    label: str
    rule: str
    value: str
    exact: str
    how: str
    """What the rule does, in words."""
    params: tuple[tuple[str, str], ...]
    source: str
    below: tuple["Branch", ...]


def tree_of(told: Any) -> Node:
    """The node that the API's answer holds."""
    return msgspec.convert(told, Node)


def score_in(node: Node) -> Node:
    """The score below a coefficient; the node itself where it is none."""
    waiting = [node]
    while waiting:
        found = waiting.pop(0)
        if found.label == "score" and found.rule in {"round-score", "clamp"}:
            return found
        waiting.extend(found.inputs)
    return node


# -- steps


def steps(node: Node) -> list[Step]:
    """What adds up to the node's value, in the order of the tree.

    >>> leaf = Node(rule="given", value="3", label="a")
    >>> half = Node(rule="given", value="1/2", label="b")
    >>> for step in steps(Node(rule="product", value="3/2", inputs=(leaf, half))):
    ...     print(step.label, step.delta)
    a 3
    b -3/2
    """
    return [step for step in _steps(node, 0) if step.delta]


def _steps(node: Node, depth: int) -> Iterator[Step]:
    inputs = node.inputs
    if depth > _DEPTH_MAX or not inputs or node.value == NOT_APPLICABLE:
        yield from _one(node)
        return
    match node.rule:
        case "round-score" | "round-base" | "round-payout" | "clamp" if len(inputs) == 1:
            if node.label == "score" or node.rule != "clamp" or _opens(inputs[0]):
                yield from _steps(inputs[0], depth + 1)
                name = "limit" if node.rule == "clamp" else "rounding"
                yield Step(label=name, delta=_value(node) - _value(inputs[0]))
            else:
                yield from _one(node)
        case "sum":
            for part in inputs:
                yield from _steps(part, depth + 1) if _opens(part) else _one(part)
        case "weighted-mean":
            yield from _shares(node, depth)
        case "product":
            yield from _factors(node, depth)
        case "veto" | "forfeit":
            yield from _steps(inputs[0], depth + 1)
            yield Step(label=node.rule, delta=-_value(inputs[0]))
        case _:
            yield from _one(node)


def _opens(node: Node) -> bool:
    """Whether a part is told by its own parts: a mean, a product of pay, what was rounded."""
    return node.rule in {"weighted-mean", "product", "sum", "veto", "forfeit"} and bool(node.inputs)


def _one(node: Node) -> Iterator[Step]:
    if node.value != NOT_APPLICABLE:
        yield Step(label=node.label or node.rule, delta=_value(node))


def _shares(node: Node, depth: int) -> Iterator[Step]:
    weights = [int(each) for each in node.params["weights"].split()]
    whole = sum(weights)
    for weight, part in zip(weights, node.inputs, strict=True):
        if not weight or part.value == NOT_APPLICABLE:
            continue
        share = Fraction(weight, whole)
        below = list(_shares(part, depth + 1)) if _is_section(part) else list(_one(part))
        for step in below:
            yield Step(label=step.label, delta=step.delta * share)


def _is_section(part: Node) -> bool:
    # A 360 indicator is a mean too; its groups are told in the tree, not as steps.
    return part.rule == "weighted-mean" and not any(
        each.rule in {"mean", "suppressed", "missing-is-zero"} for each in part.inputs
    )


def _factors(node: Node, depth: int) -> Iterator[Step]:
    first, *rest = node.inputs
    yield from _steps(first, depth + 1) if first.rule == "product" else _one(first)
    running = _value(first)
    for factor in rest:
        after = running * _value(factor)
        yield Step(label=factor.label or factor.rule, delta=after - running)
        running = after


def _value(node: Node) -> Fraction:
    return Fraction(node.value)


def waterfall(
    name: str,
    title: str,
    node: Node,
    visit: Visit,
    labels: Labels,
    *,
    digits: int = 2,
    scale: int = 1,
    unit: str = "",
) -> Chart:
    """A waterfall of the node's steps, and the same as a table.

    Args:
        name: in addresses.
        title: of the figure, in the visitor's language.
        node: what is explained.
        visit: whose language and formats.
        labels: what a tenant's own codes are called.
        digits: decimals that are shown; the steps themselves are exact.
        scale: 100 where the tree counts in minor units of 100.
        unit: a currency, or empty for points.
    """
    running = Fraction(0)
    drops: list[Drop] = []
    for step in steps(node):
        after = running + step.delta / scale
        drops.append(
            Drop(
                label=named(step.label, visit, labels),
                since=_decimal(running, digits),
                until=_decimal(after, digits),
                delta=_decimal(step.delta / scale, digits),
            )
        )
        running = after
    total = visit.say("Total")
    drops.append(
        Drop(
            label=total,
            since="0",
            until=_decimal(running, digits),
            delta=_decimal(running, digits),
            total=True,
        )
    )
    write = visit.formats.number
    table = Table(
        name=name,
        caption=title,
        rows=drops,
        columns=(
            Column(label=visit.say("Step"), value=lambda each: each.label),
            Column(label=visit.say("Change"), value=lambda each: each.delta, kind="number"),
            Column(label=visit.say("Sum so far"), value=lambda each: each.until, kind="number"),
        ),
    )
    summary = visit.say(
        "{count} steps, in sum {total}",
        count=len(drops) - 1,
        total=f"{write(drops[-1].until)} {unit}",
    )
    return Chart(
        name=name,
        title=title,
        kind="waterfall",
        data={"drops": drops, "unit": unit},
        summary=summary.strip(),
        table=table,
    )


def _decimal(value: Fraction, digits: int) -> str:
    scale = 10**digits
    whole = (abs(value) * scale * 2 + 1) // 2
    sign = "-" if value < 0 and whole else ""
    above, below = divmod(whole, scale)
    return f"{sign}{above}.{below:0{digits}}" if digits else f"{sign}{above}"


# -- the tree


def branch(node: Node, visit: Visit, labels: Labels, currency: str = "", depth: int = 0) -> Branch:
    """The tree as a page unfolds it; `currency` where it is about money."""
    told, scale = node.value, 1
    if currency and _is_money(node):
        scale = 10 ** digits_of(currency)
    if told != NOT_APPLICABLE:
        told = visit.formats.short(str(Fraction(told) / scale), 4)
    shown = told if scale == 1 else f"{told} {currency}"
    return Branch(
        label=named(node.label, visit, labels) if node.label else visit.term("rule", node.rule),
        rule=visit.term("rule", node.rule),
        value=visit.say("does not count") if node.value == NOT_APPLICABLE else shown,
        exact=node.value,
        how=visit.term("rule-how", node.rule),
        params=tuple(
            (visit.term("param", name), value)
            for name, value in node.params.items()
            if name != "leaves"
        ),
        source=str(node.source or ""),
        below=tuple(branch(each, visit, labels, currency, depth + 1) for each in node.inputs)
        if depth < _DEPTH_MAX
        else (),
    )


MONEY = frozenset({"monthly total", "amount", "entitled", "posted"})
"""Leaves that count in minor units."""


def _is_money(node: Node) -> bool:
    """Whether a node of a payout's tree counts in minor units."""
    if not node.inputs:
        return node.label in MONEY or node.label.startswith("posted")
    if node.rule in {"quotient", "percent"}:
        return False
    return any(_is_money(each) for each in node.inputs)


def named(label: str, visit: Visit, labels: Labels) -> str:
    """A node's label: a tenant's own name for its code, else ours."""
    return labels.get(label) or visit.term("node", label)


def names_of(content: Any) -> dict[str, str]:
    """What a scheme's content (as the API tells it) calls its sections and indicators."""
    found: dict[str, str] = {}
    for section in content["sections"]:
        found[section["code"]] = section["name"]
        for indicator in section["indicators"]:
            found[indicator["code"]] = indicator["name"]
    for kind in ("deductions", "bonuses", "vetoes"):
        for item in content.get(kind, ()):
            found[item["code"]] = item["name"]
    return found


def content_of(scheme: Any, version: int) -> Any:
    """The content of one version of a scheme, as the API tells it."""
    versions: Sequence[Any] = scheme["versions"]
    return next(each["content"] for each in versions if each["version"] == version)
