"""The OpenAPI 3.1 document, made from the table of routes: it cannot say what is not so."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from api.acting import is_lent
from api.examples import EXAMPLES
from api.problems import MEANINGS, MEDIA_TYPE, Problem
from api.routes import BASE, Route
from api.wire import JSON, NDJSON

_REF = "#/components/schemas/{name}"
_PATH_ID = {"type": "string", "format": "uuid"}
_DECIMAL = {"type": "string", "format": "decimal", "pattern": r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$"}
_POSITION = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
_MONEY = {
    "title": "Money",
    "type": "object",
    "description": "A decimal amount in the currency's own places, and its ISO 4217 code.",
    "properties": {
        "amount": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
        "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    },
    "required": ["amount", "currency"],
    "additionalProperties": False,
    "examples": [{"amount": "26928.00", "currency": "CNY"}],
}
_DESCRIPTION = """\
Every command is a POST with an Idempotency-Key: repeat it as often as you like, it happens once.
Answers carry the stream's version as ETag (for If-Match) and the log position as Merit-Position
(for ?wait_for=, to read your own write). Errors are RFC 9457 problems; their type is a page.
With ?fields= an answer has only the fields named, of those that are documented here.
"""


def document(routes: Sequence[Route], *, version: str, server: str) -> dict[str, Any]:
    """The whole document."""
    wanted = [type_ for route in routes for type_ in _types(route)]
    schemas, components = msgspec.json.schema_components([*wanted, Problem], ref_template=_REF)
    named = dict(zip([*wanted, Problem], schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in routes:
        operation = _operation(route, named)
        paths.setdefault(BASE + route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Meritledger",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "security": [{"accessKey": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": {**_tidied(components), "Money": _MONEY},
            "securitySchemes": {
                "accessKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access key (mlk_...); the tenant follows from it.",
                }
            },
        },
    }


def _types(route: Route) -> Iterable[Any]:
    yield from (each for each in (route.body, route.result) if each is not None)


def _tidied(value: Any) -> Any:
    """Decimals with the pattern that we take; defaults as JSON has them."""
    if isinstance(value, dict):
        if value.get("format") == "decimal":
            return {**value, **_DECIMAL}
        return {name: _tidied(item) for name, item in value.items()}
    return [_tidied(item) for item in value] if isinstance(value, list | tuple) else value


def _operation(route: Route, named: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "tags": [route.tag],
        "summary": route.summary,
        "description": f"{route.description}\n\nRoles: {', '.join(sorted(route.roles))}.".strip(),
        "parameters": [*_path_parameters(route), *_header_parameters(route), *_query(route)],
        "responses": {str(route.status): _success(route, named), **_problems(route)},
    }
    if route.body is not None:
        content: dict[str, Any] = {"schema": named[route.body]}
        if route.body.__name__ in EXAMPLES:
            content["examples"] = {"example": {"value": EXAMPLES[route.body.__name__]}}
        required = any(field.required for field in msgspec.structs.fields(route.body))
        operation["requestBody"] = {
            "required": required and route.media_type == JSON,
            "content": {route.media_type: content},
        }
    return operation


def _operation_id(route: Route) -> str:
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"\{\w+\}", "one", route.path))
    return route.method.lower() + "".join(word.capitalize() for word in words)


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {**_POSITION, "minimum": 1} if name == "position" else _PATH_ID,
        }
        for name in route.ids
    ]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    told = [
        _header("X-Request-Id", {"type": "string"}, "A UUID of yours; it comes back as Request-Id.")
    ]
    if route.keyed:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"}
        why = "New for every new command; the same for every repetition."
        told.append({**_header("Idempotency-Key", key, why), "required": True})
    if is_lent(route):
        why = "A delegation to you: asked or done in the name of who gave it."
        told.append(_header("Merit-Acting-For", _PATH_ID, why))
    if route.act is not None:
        tag = {"type": "string", "pattern": '^(W/)?"[0-9]{1,18}"$'}
        told.append(_header("If-Match", tag, "Carried out only at this version, else 412."))
    return told


def _header(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "schema": schema, "description": description}


def _query(route: Route) -> list[dict[str, Any]]:
    if route.parameters is None:
        return []
    (_,), components = msgspec.json.schema_components([route.parameters], ref_template=_REF)
    schema = components[route.parameters.__name__]
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(told),
        }
        for name, told in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in schema.items() if name != "default" or value is not None}
    if "anyOf" in told:
        (only,) = [each for each in told.pop("anyOf") if each.get("type") != "null"]
        told |= only
    if "enum" in told:
        told["enum"] = [each for each in told["enum"] if each is not None]
    return told


def _success(route: Route, named: dict[Any, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"Request-Id": {"schema": _PATH_ID}}
    if route.act is not None:
        headers |= {
            "ETag": {"schema": {"type": "string"}},
            "Merit-Position": {"schema": {"type": "integer"}},
            "Idempotent-Replayed": {"schema": {"const": "true"}},
        }
    if route.produces != JSON:
        file = {route.produces: {"schema": {"type": "string", "format": "binary"}}}
        return {"description": route.summary, "headers": headers, "content": file}
    schema = named[route.result]
    content: dict[str, Any] = {JSON: {"schema": schema}}
    if route.media_type == NDJSON:
        content = {NDJSON: {}}
    elif route.listed:
        headers["Link"] = {"schema": {"type": "string"}, "description": 'rel="next"'}
        content = {JSON: {"schema": _page(schema)}, NDJSON: {}}
    return {"description": route.summary, "headers": headers, "content": content}


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": item},
            "next_cursor": {"type": ["string", "null"]},
            "has_more": {"type": "boolean"},
        },
        "required": ["data", "next_cursor", "has_more"],
        "additionalProperties": False,
    }


def _problems(route: Route) -> dict[str, Any]:
    statuses = {400, 401, 403, 503, *route.statuses}
    if route.ids or route.method == "POST":
        statuses.add(404)
    if route.method == "POST":
        statuses |= {413, 415}
    if route.method == "GET":
        statuses.add(404)
    return {
        str(status): {
            "description": _codes(status),
            "headers": {"Request-Id": {"schema": _PATH_ID}},
            "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
        }
        for status in sorted(statuses)
    }


def _codes(status: int) -> str:
    codes = [meaning.code for meaning in MEANINGS.values() if meaning.status == status]
    return ", ".join(sorted(codes))
