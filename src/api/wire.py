"""How answers look: money as text, pages, fields, entity tags, one line an item where asked."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response

from api.asked import Asked
from api.problems import FieldError, Said
from domain.explanation import Node
from domain.money import Money, text_of
from projections.past import canonical
from projections.questions import Page

NDJSON = "application/x-ndjson"
JSON = "application/json"
_TAG = re.compile('(?:W/)?"([0-9]{1,18})"')


class One(msgspec.Struct, frozen=True, kw_only=True):
    """A single resource, and the version of its stream, which is its entity tag."""

    value: Any
    version: int | None = None


def shown(value: Any) -> Any:
    """A struct of ours as JSON values: money and decimals are text, never binary floats."""
    match value:
        case None | bool() | int() | str():
            return value
        case Money():
            return {"amount": text_of(value), "currency": value.currency}
        case Decimal():
            return format(value, "f")
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Node():
            return msgspec.to_builtins(value)  # Deep, and long enough without its defaults.
        case msgspec.Struct():
            return _struct(value)
        case Mapping():
            return {key: shown(item) for key, item in value.items()}
        case _:
            return [shown(item) for item in value]


def _struct(value: msgspec.Struct) -> dict[str, Any]:
    config = value.__struct_config__
    told = {config.tag_field: config.tag} if config.tag_field else {}
    fields = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
    return told | {name: shown(getattr(value, field)) for field, name in fields}


def single(asked: Asked, one: One, fields: str | None) -> Response[bytes]:
    """One resource: 304 when the client has it already."""
    told = _chosen([shown(one.value)], fields)[0]
    headers = _then(asked, told)
    if one.version is not None and fields is None:
        headers["ETag"] = entity_tag(one.version)
        if matches(asked.headers.get("if-none-match"), one.version):
            return Response(b"", status_code=304, headers=headers, media_type=JSON)
    return Response(msgspec.json.encode(told), headers=headers, media_type=JSON)


def many(asked: Asked, page: Page[Any], fields: str | None) -> Response[bytes]:
    """A page of resources, as JSON or one a line."""
    items = _chosen([shown(item) for item in page.items], fields)
    told = {"data": items, "next_cursor": page.next, "has_more": page.next is not None}
    headers = {"Vary": "Accept", **_then(asked, told)}
    if page.next is not None:
        query = [(name, value) for name, value in asked.query if name != "cursor"]
        target = f"{asked.path}?{urlencode([*query, ('cursor', page.next)])}"
        headers["Link"] = f'<{target}>; rel="next"'
    if NDJSON in asked.headers.get("accept", ""):
        return Response(
            msgspec.json.Encoder().encode_lines(items), headers=headers, media_type=NDJSON
        )
    return Response(msgspec.json.encode(told), headers=headers, media_type=JSON)


def _then(asked: Asked, told: Any) -> dict[str, str]:
    """Of an answer about the past: of which moment it is, and the digest that all will get."""
    if asked.then is None:
        return {}
    digest = hashlib.sha256(canonical(told)).hexdigest()
    return {"Merit-Position": str(asked.then.position), "Merit-Digest": f"sha-256={digest}"}


def _chosen(items: Sequence[dict[str, Any]], fields: str | None) -> Sequence[dict[str, Any]]:
    if fields is None:
        return items
    names = [name.strip() for name in fields.split(",")]
    for item in items:
        for name in names:
            if name not in item:
                raise Said(
                    "invalid-query",
                    f"there is no field {name!r}",
                    errors=[FieldError(pointer="?fields", detail="names of fields, by comma")],
                )
    return [{name: item[name] for name in names} for item in items]


def entity_tag(version: int) -> str:
    """The entity tag of a stream's version."""
    return f'"{version}"'


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]


def matches(if_none_match: str | None, version: int) -> bool:
    """True when an If-None-Match header names this version."""
    return if_none_match is not None and (
        if_none_match.strip() == "*" or str(version) in _tags(if_none_match)
    )


def expected_version(if_match: str | None) -> int | None:
    """The version in an If-Match header; None without one.

    Raises:
        Said: `invalid-header`.
    """
    if if_match is None:
        return None
    tag = _TAG.fullmatch(if_match.strip())
    if tag is None:
        raise Said("invalid-header", 'If-Match takes one entity tag of ours, as in "3"')
    return int(tag[1])
