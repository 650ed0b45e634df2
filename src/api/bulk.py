"""Bulk: commands one a line in, outcomes one a line out, in the same order."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
from litestar.response import Stream

from api import auth
from api.asked import Asked, uuid_of
from api.auth import permit
from api.commands import carry_out
from api.problems import Problem, Said
from api.refusing import problem_of
from api.routes import BASE, Route, Table, writers
from api.wire import NDJSON

LINE_BYTES_MAX = 1024 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024
WRITERS = writers(*(auth.ROLES - {auth.AUDITOR}))


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command as a line: what its own request would be."""

    path: str
    """Below the base path, as "/people"."""
    idempotency_key: str
    body: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    method: str = "POST"
    if_match: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a line: the answer or the problem that its own request would have had."""

    line: int
    """1, 2, 3 ..."""
    status: int
    id: UUID | None = None
    version: int | None = None
    position: int | None = None
    replayed: bool = False
    problem: Problem | None = None


def route(table: Table) -> Route:
    """The bulk route over the commands of `table`."""

    async def serve(asked: Asked) -> Any:
        return Stream(_outcomes(table, asked), media_type=NDJSON, status_code=200)

    return Route(
        method="POST",
        path="/bulk",
        tag="bulk",
        summary="Carry out commands, one a line, each on its own; outcomes in the same order",
        roles=WRITERS,
        serve=serve,
        body=Line,
        media_type=NDJSON,
        result=Outcome,
        statuses=(413, 415),
    )


async def _outcomes(table: Table, asked: Asked) -> AsyncIterator[bytes]:
    number = 0
    for raw in asked.body.split(b"\n"):
        if not raw.strip():
            continue
        number += 1
        yield msgspec.json.encode(await _outcome(table, asked, number, raw)) + b"\n"


async def _outcome(table: Table, asked: Asked, number: int, raw: bytes) -> Outcome:
    try:
        return await _carry_out(table, asked, number, raw)
    except Exception as error:  # noqa: BLE001  one line's failure is its outcome
        problem = problem_of(
            error,
            path=asked.path,
            request_id=str(asked.stamp.correlation_id),
            accept_language=asked.headers.get("accept-language", ""),
        )
        return Outcome(line=number, status=problem.status, problem=problem)


async def _carry_out(table: Table, asked: Asked, number: int, raw: bytes) -> Outcome:
    if len(raw) > LINE_BYTES_MAX:
        raise Said("body-too-large", f"a line has at most {LINE_BYTES_MAX} bytes")
    try:
        line = msgspec.json.decode(raw, type=Line)
    except msgspec.ValidationError as error:
        raise Said("invalid-body", str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Said("malformed-json", str(error)) from error
    found = table.find(line.method, line.path.removeprefix(BASE))
    act = found[0].act if found else None
    if found is None or act is None:
        raise Said("not-found", "there is no such command for bulk")
    matched, ids = found
    permit(asked.caller, matched.roles, matched.scope, while_suspended=matched.goes_on)
    headers = {"idempotency-key": line.idempotency_key}
    if line.if_match is not None:
        headers["if-match"] = line.if_match
    single = msgspec.structs.replace(
        asked,
        method=line.method,
        path=BASE + line.path.removeprefix(BASE),
        headers=headers,
        ids={name: uuid_of(text) for name, text in ids.items()},
        body=bytes(line.body),
    )
    receipt, _ = await carry_out(act, matched.body, single)
    return Outcome(
        line=number,
        status=matched.status,
        id=receipt.stream_id,
        version=receipt.version,
        position=receipt.position,
        replayed=receipt.replayed,
    )
