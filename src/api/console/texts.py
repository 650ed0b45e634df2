"""Every English text of the console, read from its templates and code: what a catalogue needs."""

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from jinja2 import Environment, nodes

SAYERS = frozenset({"say", "_"})
_DONE = re.compile(r'[ (]done="([^"{]+)"')


def of_templates() -> Iterator[tuple[str, str]]:
    """(template, text) of every `_("...")` and every `done="..."` of a form."""
    for path in _below(files("api.console").joinpath("templates"), ".html"):
        source = path.read_text(encoding="utf-8")
        tree = Environment(autoescape=True).parse(source)
        for call in tree.find_all(nodes.Call):
            name = call.node.name if isinstance(call.node, nodes.Name) else ""
            if name in SAYERS and isinstance(call.args[0], nodes.Const):
                yield path.name, str(call.args[0].value)
        for text in _DONE.findall(source):
            yield path.name, text


def of_code() -> Iterator[tuple[str, str]]:
    """(module, text) of every `say("...")`, and of every title of a page."""
    for path in _below(files("api.console"), ".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in SAYERS and node.args and isinstance(node.args[0], ast.Constant):
                yield path.name, str(node.args[0].value)
            if name == "Page":
                for keyword in node.keywords:
                    if keyword.arg == "title" and isinstance(keyword.value, ast.Constant):
                        yield path.name, str(keyword.value.value)


def _below(folder: Traversable, ending: str) -> list[Traversable]:
    return sorted(
        (path for path in folder.iterdir() if path.name.endswith(ending)),
        key=lambda path: path.name,
    )
