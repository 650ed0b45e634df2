"""Writes docs/reference from the code; --check says whether it is current."""

import ast
import importlib
import inspect
import pkgutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

import domain
from api.app import TABLE
from api.auth import ROLES
from domain.catalogue import EVENTS
from domain.kernel import Command, Event
from domain.refusals import REFUSALS
from ops.cli import app
from projections.catalogue import PROJECTIONS
from tenancy.settings import Settings

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the code; edit the code, not this page. -->\n"


def events() -> str:
    """Every fact that can be in a log."""
    parts = ["# Events\n", "What the log can hold. Topics never change once written.\n"]
    for event in sorted(EVENTS, key=lambda each: each.TOPIC):
        parts.append(f"## `{event.TOPIC}`\n\n`{event.__module__}.{event.__name__}`")
        if event.class_version > 1:
            parts[-1] += f", version {event.class_version}"
        parts.append("")
        parts.extend(_described(event))
    return "\n".join(parts)


def commands() -> str:
    """Every wish; each is the body of a POST."""
    parts = ["# Commands\n", "A command is the body of its POST, without what the path says.\n"]
    found = {each for module in _domain_modules() for each in _classes(module, Command)}
    for command in sorted(found, key=lambda each: (each.__module__, each.__name__)):
        parts.append(f"## `{command.__name__}`\n\n`{command.__module__}`\n")
        parts.extend(_described(command))
    return "\n".join(parts)


def roles() -> str:
    """Who may ask what."""
    named = sorted(ROLES)
    parts = [
        "# Routes and roles\n",
        "Whoever has another role is refused (403), and a test tries each. Within a role the rules",
        "of the domain go on: nobody approves what they prepared, people see themselves and their",
        "team, and a key with [scopes](../how-to/api-keys.md) reaches less.\n",
        f"| Route | {' | '.join(named)} |",
        f"|---|{'---|' * len(named)}",
    ]
    for route in sorted(TABLE.routes, key=lambda each: (each.path, each.method)):
        marks = ("x" if role in route.roles else " " for role in named)
        parts.append(f"| `{route.method} {route.path}` | {' | '.join(marks)} |")
    return "\n".join(parts)


def refusals() -> str:
    """Every reason to say no, in English and Chinese."""
    rows = [
        f"| `{refusal.code}` | {refusal.kind} | {refusal.english} | {refusal.chinese} |"
        for refusal in REFUSALS.values()
    ]
    head = "# Refusals\n\nThe code of a problem document, stable and public.\n"
    return "\n".join([head, "| code | kind | English | 中文 |", "|---|---|---|---|", *rows, ""])


def routes() -> str:
    """Every route with its roles."""
    parts = ["# HTTP\n", "Below `/api/v1`; full shapes in `/schema/openapi.json`.\n"]
    parts += ["| method | path | what | roles |", "|---|---|---|---|"]
    parts += [
        f"| {route.method} | `{route.path}` | {route.summary} | {', '.join(sorted(route.roles))} |"
        for route in sorted(TABLE.routes, key=lambda each: (each.path, each.method))
    ]
    return "\n".join([*parts, ""])


def views() -> str:
    """Every view with its tables, as an analyst with read access finds them."""
    parts = [
        "# Views\n",
        "Derived from the log and never migrated: another meaning is another version beside it.",
        "Every table has `tenant_id` and `build` before its key; amounts are in minor units.\n",
    ]
    for projection in sorted(PROJECTIONS, key=lambda each: each.name):
        module = importlib.import_module(f"projections.{projection.name}")
        said = (module.__doc__ or "").strip().splitlines()[0]
        parts += [f"## {projection.name}, version {projection.version}\n", said, ""]
        topics = sorted(projection.topics) if projection.topics is not None else []
        told = ", ".join(f"`{topic}`" for topic in topics) or "every event"
        parts += [f"Folds {told}.", ""]
        for table in projection.tables:
            parts.append(f"### `{table.name}`\n")
            if own := table.row.__dict__.get("__doc__"):
                parts += [inspect.cleandoc(own), ""]
            parts += [f"Key: {', '.join(f'`{name}`' for name in table.key)}.\n"]
            parts += ["| column | type | meaning |", "|---|---|---|"]
            said_of = _attribute_docs(table.row)
            parts += [
                f"| `{column.name}` | {column.sql_type}{', may be null' if column.nullable else ''}"
                f" | {said_of.get(column.name, '')} |"
                for column in table.columns
            ]
            parts.append("")
    return "\n".join(parts)


def settings() -> str:
    """Every MERIT_* setting."""
    rows = [
        f"| `{each.name}` | {each.value or 'none'} | {each.meaning} |"
        for each in Settings().explained()
    ]
    head = "# Settings\n\nRead once from the environment; unknown `MERIT_*` names are refused.\n"
    return "\n".join([head, "| name | default | meaning |", "|---|---|---|", *rows, ""])


def cli() -> str:
    """The merit command."""
    return str(app.generate_docs())


PAGES: dict[str, Callable[[], str]] = {
    "events.md": events,
    "commands.md": commands,
    "refusals.md": refusals,
    "roles.md": roles,
    "views.md": views,
    "http.md": routes,
    "settings.md": settings,
    "cli.md": cli,
}


def _domain_modules() -> Iterator[Any]:
    for found in pkgutil.iter_modules(domain.__path__):
        yield importlib.import_module(f"domain.{found.name}")


def _classes(module: Any, base: type[Command]) -> Iterator[type[Command]]:
    for value in vars(module).values():
        if (
            inspect.isclass(value)
            and issubclass(value, base)
            and value is not base
            and value.__module__ == module.__name__
        ):
            yield value


def _described(kind: type[Event] | type[Command]) -> list[str]:
    """The class's sentence, and its fields as a table."""
    parts = []
    if own := kind.__dict__.get("__doc__"):
        parts += [inspect.cleandoc(own), ""]
    said = _attribute_docs(kind)
    fields = msgspec.structs.fields(kind)
    if fields:
        parts += ["| field | type | meaning |", "|---|---|---|"]
        for field in fields:
            optional = "" if field.required else f" (default {_default(field)})"
            meaning = said.get(field.name, "")
            if _is_personal(field.type):
                meaning = f"personal: sealed under the subject's own key. {meaning}".strip()
            parts.append(f"| `{field.name}` | {_type(field.type)}{optional} | {meaning} |")
    return [*parts, ""]


def _is_personal(kind: Any) -> bool:
    return any(
        isinstance(each, msgspec.Meta) and (each.extra or {}).get("personal")
        for each in getattr(kind, "__metadata__", ())
    )


def _type(kind: Any) -> str:
    """A type as one reads it."""
    if _is_personal(kind) or hasattr(kind, "__metadata__"):
        return _type(get_args(kind)[0])
    if kind is type(None):
        return "null"
    if get_origin(kind) is tuple:
        return f"list of {_type(get_args(kind)[0])}"
    if arguments := get_args(kind):
        if all(isinstance(each, str) for each in arguments):
            return " / ".join(f"`{each}`" for each in arguments)
        return " or ".join(_type(each) for each in arguments)
    return str(getattr(kind, "__name__", kind))


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    if field.default is not msgspec.NODEFAULT:
        return f"`{msgspec.to_builtins(field.default)!r}`"
    return "empty"


def _attribute_docs(kind: type) -> dict[str, str]:
    """The strings written below fields, by field name."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)  # noqa: S101 - a class's source is a class
    said: dict[str, str] = {}
    for before, after in zip(tree.body, tree.body[1:], strict=False):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            said[before.target.id] = " ".join(after.value.value.split())
    return said


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    check = arguments == ["--check"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, write in PAGES.items():
        text = NOTE + "\n" + write().rstrip() + "\n"
        page = FOLDER / name
        if check:
            if not page.exists() or page.read_text() != text:
                stale.append(name)
        else:
            page.write_text(text)
    extra = [page.name for page in FOLDER.iterdir() if page.name not in PAGES]
    if stale or extra:
        print(f"docs/reference is not current: {', '.join(stale + extra)}; run `make docs`")
        return 1
    print(f"docs/reference: {len(PAGES)} pages {'are current' if check else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
