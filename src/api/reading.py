"""Reads of what is sensitive are written down before their answer leaves: who, what about, why.

Deny by default: a question is audited unless it is named as open here, and whatever an auditor asks
is. Names of fields and ids of people are kept, values never.
"""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api.asked import Asked
from api.auth import AUDITOR
from api.noting import read_by
from api.problems import Said
from api.routes import Route
from api.wire import JSON, NDJSON
from tenancy.read_audit import Read

OPEN = frozenset(
    {
        "/cycles",
        "/cycles/{cycle_id}",
        "/feeds",
        "/feeds/{feed_id}",
        "/imports/{import_id}/files",
        "/imports/{import_id}/jobs",
        "/indicators",
        "/indicators/{definition_id}",
        "/jobs",
        "/jobs/{job_id}",
        "/modules",
        "/modules/{module_id}",
        "/objectives",
        "/objectives/{objective_id}",
        "/onboarding-plans",
        "/onboarding-plans/{plan_id}",
        "/org-units",
        "/org-units/{org_unit_id}",
        "/org-units/{org_unit_id}/fence",
        "/scheme-policy",
        "/scheme-templates",
        "/schemes",
        "/schemes/{scheme_id}",
        "/schemes/{scheme_id}/diff",
        "/schemes/{scheme_id}/lint",
        "/tenants/self",
    }
)
"""Answers about structures and rules, and not about people."""

_ABOUT = ("person_id", "employment_id", "appraisal_id")
_PURPOSE = re.compile(r"[\x20-\x7e\u00a1-\U0010ffff]{0,200}")


def is_question(route: Route) -> bool:
    """Whether a route tells something and changes nothing."""
    return route.method == "GET" or (route.act is None and not route.keyed)


def watched(route: Route) -> Route:
    """The same route; what it tells is written down first."""
    if not is_question(route) or route.path == "/bulk" or route.produces != JSON:
        return route
    is_open = route.path in OPEN

    async def serve(asked: Asked) -> Response[Any]:
        if is_open and not asked.caller.has(frozenset({AUDITOR})):
            return await route.serve(asked)
        purpose = _purpose(asked)
        response = await route.serve(asked)
        entry = _entry(asked, route, response, purpose)
        await asked.services.reads.note(asked.caller.tenant_id, entry)
        return response

    return msgspec.structs.replace(route, serve=serve)


def _purpose(asked: Asked) -> str:
    raw = asked.headers.get("merit-purpose", "")
    try:
        # Headers are bytes that are read as Latin-1; people write UTF-8.
        told = raw.encode("latin-1").decode()
    except UnicodeError as error:
        raise Said("invalid-header", "Merit-Purpose is UTF-8") from error
    if not _PURPOSE.fullmatch(told):
        raise Said("invalid-header", "Merit-Purpose has at most 200 visible characters")
    return told


def _entry(asked: Asked, route: Route, response: Response[Any], purpose: str) -> Read:
    rows = _rows(response)
    past = "Merit-Digest" in response.headers
    subjects = dict.fromkeys([*asked.ids.values(), *_subjects(rows)])
    return read_by(
        asked.caller,
        asked.stamp,
        asked.method,
        route.path,
        purpose=purpose,
        subjects=subjects,
        fields=tuple(sorted({name for row in rows[:1] for name in row})),
        row_count=len(rows),
        position=int(response.headers["Merit-Position"]) if past else None,
    )


def _rows(response: Response[Any]) -> list[dict[str, Any]]:
    content = response.content
    if not content:
        return []  # Not modified: it tells no more than that.
    if response.media_type == NDJSON:
        return msgspec.json.Decoder().decode_lines(content)
    told = msgspec.json.decode(content)
    is_list = isinstance(told, dict) and told.keys() == {"data", "next_cursor", "has_more"}
    rows: list[dict[str, Any]] = told["data"] if is_list else [told]
    return rows


def _subjects(rows: list[dict[str, Any]]) -> Iterator[UUID]:
    """Ids of people in rows, and in the lists that a row has."""
    for row in rows:
        for name, value in row.items():
            if name in _ABOUT and isinstance(value, str):
                yield UUID(value)
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, dict):
                        yield from (
                            UUID(item[each]) for each in _ABOUT if isinstance(item.get(each), str)
                        )
