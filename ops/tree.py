"""An explanation tree on the screen: each number under the number that it explains."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from rich.tree import Tree

DIGITS = 6


def drawn(node: Mapping[str, Any], title: str) -> Tree:
    """The tree of an explanation as the API tells it."""
    tree = Tree(f"{title} = [bold]{shown(node['value'])}[/]", highlight=False)
    _branch(tree, node)
    return tree


def _branch(tree: Tree, node: Mapping[str, Any]) -> None:
    for part in node.get("inputs", ()):
        label = part.get("label") or part["rule"]
        text = f"{label} = [bold]{shown(part['value'])}[/]"
        if part["rule"] not in ("given", label):
            text += f" [dim]{part['rule']}{_params(part)}[/]"
        if part.get("source"):
            text += f" [cyan]event {part['source']}[/]"
        _branch(tree.add(text, highlight=False), part)


def _params(node: Mapping[str, Any]) -> str:
    told = {name: value for name, value in node.get("params", {}).items() if name != "leaves"}
    return f" ({', '.join(f'{name} {value}' for name, value in told.items())})" if told else ""


def shown(value: str) -> str:
    """A fraction as people read it; cut short only where it does not end.

    >>> shown("2244/25"), shown("30"), shown("1/3"), shown("n/a")
    ('89.76', '30', '0.333333...', 'n/a')
    """
    try:
        exact = Fraction(value)
    except ValueError:
        return value
    scaled = exact * 10**DIGITS
    if scaled.denominator == 1:
        text = f"{abs(int(scaled)):0{DIGITS + 1}}"
        whole, digits = text[:-DIGITS], text[-DIGITS:].rstrip("0")
        return ("-" if exact < 0 else "") + whole + (f".{digits}" if digits else "")
    cut = abs(scaled.numerator) // scaled.denominator
    text = f"{cut:0{DIGITS + 1}}"
    return ("-" if exact < 0 else "") + f"{text[:-DIGITS]}.{text[-DIGITS:]}..."
