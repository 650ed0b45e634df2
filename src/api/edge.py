"""The outermost layer: request ids, HEAD, headers of every answer, one log line a request."""

from time import perf_counter
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, HTTPScope, Message, Receive, Scope, Send
from opentelemetry import propagate, trace

from api.limits import Limits
from api.problems import MEDIA_TYPE, Said, problem
from tenancy.failover import noting_reads
from tenancy.metrics import REQUEST_SECONDS

LIMITED: Final = "/api/"
"""Where limits are told as problem details; a directory and a browser have forms of their own."""

TRACER = trace.get_tracer("meritledger.api")
LOG = structlog.get_logger("api.access")

SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000; includeSubDomains"),
)
CONTENT_SECURITY: Final = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


class Edge:
    """Wraps the application; everything that leaves it carries the same headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            await self._serve(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        headers = dict(scope["headers"])
        state: dict[str, Any] = scope["state"]
        request_id = state["request_id"] = _request_id(headers.get(b"x-request-id", b""))
        method = scope["method"]
        if said := _refusal(scope, headers):
            status = await _refuse(said, scope, headers, request_id, send)
            _measure(method, "-", status, perf_counter() - began)
            return
        if method == "HEAD":
            scope["method"] = "GET"  # The same answer, whose body is left out below.
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = _completed(list(message["headers"]), request_id)
                if reads.as_of is not None:
                    # There is no primary now: a standby said this, as it knew things then.
                    answered.append((b"x-data-as-of", reads.as_of.isoformat().encode()))
                for name, value in state.get("limits", {}).items():
                    answered.append((name.lower().encode(), value.encode()))
                message["headers"] = answered
            elif method == "HEAD" and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        carrier = {
            name: headers[name.encode()].decode("latin-1")
            for name in ("traceparent", "tracestate")
            if name.encode() in headers
        }
        # Most requests are not part of somebody else's trace.
        outer = propagate.extract(carrier) if carrier else None
        with (
            noting_reads() as reads,
            TRACER.start_as_current_span(
                "request", context=outer, kind=trace.SpanKind.SERVER
            ) as span,
        ):
            try:
                await self._app(scope, receive, sending)
            finally:
                route, took_s = state.get("template", "-"), perf_counter() - began
                span.update_name(f"{method} {route}")
                span.set_attribute("http.response.status_code", status)
                _measure(method, route, status, took_s)
                _note(state, method=method, status=status, took_s=took_s)


def _refusal(scope: HTTPScope, headers: dict[bytes, bytes]) -> Said | None:
    """What somebody is told who was told it a moment ago, before anything is spent on them."""
    authorization = headers.get(b"authorization")
    if authorization is None or not scope["path"].startswith(LIMITED):
        return None
    limits: Limits = scope["litestar_app"].state.services.limits
    return limits.refusal(authorization)


async def _refuse(
    said: Said, scope: HTTPScope, headers: dict[bytes, bytes], request_id: UUID, send: Send
) -> int:
    """Answer with a problem here; its status. The log has one line for all of them (`Limits`)."""
    told = problem(
        said,
        path=scope["path"],
        request_id=str(request_id),
        accept_language=headers.get(b"accept-language", b"").decode("latin-1"),
    )
    body = msgspec.json.encode(told)
    given = {
        "Vary": "Accept-Language",
        **said.headers,
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": told.status,
        "headers": _completed(pairs, request_id),
    }
    await send(start)
    body = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": body, "more_body": False})
    return told.status


def _measure(method: str, route: str, status: int, took_s: float) -> None:
    REQUEST_SECONDS.record(
        took_s,
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        },
    )


def _note(state: dict[str, Any], *, method: str, status: int, took_s: float) -> None:
    # The template and not the path, ids and not names, and never a body or a query.
    caller = state.get("caller")
    LOG.info(
        "request",
        method=method,
        route=state.get("template", "-"),
        status=status,
        took_ms=round(took_s * 1000, 3),
        request_id=str(state["request_id"]),
        tenant=str(caller.tenant_id) if caller else None,
        actor=str(caller.actor) if caller else None,
        problem=state.get("problem"),
    )


def _request_id(given: bytes) -> UUID:
    try:
        return UUID(given.decode("ascii"))
    except ValueError:
        return uuid4()


def _completed(headers: list[tuple[bytes, bytes]], request_id: UUID) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in headers}
    headers.append((b"request-id", str(request_id).encode()))
    headers.extend(pair for pair in SECURITY_HEADERS if pair[0] not in names)
    if b"content-security-policy" not in names:
        headers.append((b"content-security-policy", CONTENT_SECURITY))
    if b"cache-control" not in names:
        headers.append((b"cache-control", b"no-store"))
    return headers
