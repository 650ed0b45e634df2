"""From a form's fields to the body of a command: names are paths, types are the command's.

`ratings.0.points=85` is {"ratings": [{"points": "85"}]}. Fields that are left empty are left out,
and so are rows of a list whose every field is empty: a form may offer more rows than are needed.
What cannot be what the command wants stays text, and the API says what is wrong with it and where.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec
from msgspec import inspect

FIELDS_MAX = 2000
OWN = "_"
"""Names that begin so are the form's own and no part of the command."""
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_LOCAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
"""As a browser's field of day and time has it."""
_YES = frozenset({"on", "true", "1"})


def body_of(
    fields: Iterable[tuple[str, str]], body: type[msgspec.Struct], zone: tzinfo = UTC
) -> bytes:
    """The JSON body of a command from a form's fields, the last of each name.

    Args:
        fields: as the browser sent them.
        body: of the command.
        zone: in which moments are meant that are written without one.
    """
    given = {name: value for name, value in fields if not name.startswith(OWN)}
    tree = _tree(given)
    return msgspec.json.encode(_typed(tree, inspect.type_info(body), zone))


def _tree(given: Mapping[str, str]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for name, value in list(given.items())[:FIELDS_MAX]:
        at = root
        *way, last = name.split(".")
        for step in way:
            below = at.setdefault(step, {})
            at = below if isinstance(below, dict) else {}
        at[last] = value.replace("\r\n", "\n").strip()
    return root


def _typed(value: Any, wanted: inspect.Type, zone: tzinfo) -> Any:
    if isinstance(wanted, inspect.UnionType):
        kinds = [each for each in wanted.types if not isinstance(each, inspect.NoneType)]
        structs = [each for each in kinds if isinstance(each, inspect.StructType)]
        return _typed(value, _tagged(value, structs) or kinds[0], zone)
    if isinstance(value, dict):
        return _several(value, wanted, zone)
    match wanted:
        case inspect.IntType() if _INTEGER.fullmatch(value):
            return int(value)
        case inspect.BoolType():
            return value.lower() in _YES
        case inspect.DateTimeType() if _LOCAL.fullmatch(value):
            return _moment(value, zone)
        case _:
            return value


def _moment(value: str, zone: tzinfo) -> str:
    try:
        return datetime.fromisoformat(value).replace(tzinfo=zone).isoformat()
    except ValueError:  # a day that there is not: the API says so
        return value


def _tagged(value: Any, structs: list[inspect.StructType]) -> inspect.StructType | None:
    for each in structs:
        if isinstance(value, dict) and value.get(each.tag_field or "") == each.tag:
            return each
    return structs[0] if isinstance(value, dict) and structs else None


def _several(value: dict[str, Any], wanted: inspect.Type, zone: tzinfo) -> Any:
    match wanted:
        case inspect.StructType():
            types = {field.encode_name: field.type for field in wanted.fields}
            return {
                name: _typed(each, types.get(name, inspect.AnyType()), zone)
                for name, each in value.items()
                if not _empty(each)
            }
        case inspect.VarTupleType() | inspect.ListType():
            rows = sorted(value.items(), key=lambda row: row[0].zfill(9))
            return [_typed(each, wanted.item_type, zone) for _, each in rows if not _empty(each)]
        case inspect.DictType():
            return {name: _typed(each, wanted.value_type, zone) for name, each in value.items()}
        case _:
            return value


def _empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_empty(each) for each in value.values())
    return bool(value == "")


def local(path: str, home: str) -> str:
    """`path` if it is one of this console, else `home`: nobody is sent elsewhere from here."""
    inside = path == home or path.startswith((f"{home}/", f"{home}?"))
    plain = not any(character in path for character in "\\\r\n\t") and ".." not in path
    return path if inside and plain and not path.startswith("//") else home
