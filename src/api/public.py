"""What needs no key: health in one word each, problem pages, the API's own description."""

import asyncio
import os
from collections.abc import Sequence
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.condition import health, prometheus
from api.health import Probe, report
from api.openapi import document
from api.problems import TYPES, Said, page
from api.routes import Route
from api.services import Services
from tenancy.errors import KeysUnavailable
from tenancy.keyring import NotGenuine
from tenancy.migrate import MigrationRefused, pending
from tenancy.settings import Settings

DRAINING = "draining"
"""A file of this name in the data folder takes every worker out of service before it stops."""

_SAMPLE = bytes(32)
_ROOT_ANSWERS_S = 0.3
_COMPLETE = "migrations-complete"

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
_DOCS_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_DOCS = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Meritledger API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head>
<body><div id="docs"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/assets/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({ url: "/schema/openapi.json", dom_id: "#docs", deepLinking: true });
"""
_HTML_SECURITY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"


def handlers(routes: Sequence[Route], settings: Settings) -> list[HTTPRouteHandler]:
    """Handlers of all public paths; GET and HEAD alone."""
    told = msgspec.json.encode(
        document(routes, version=version("meritledger"), server=settings.public_url or "/")
    )

    @get("/schema/openapi.json", media_type="application/json")
    async def schema() -> Response[bytes]:
        return Response(told, media_type="application/json")

    return [live, ready, startup, health, prometheus, problem_page, docs, asset, schema]


@get("/health/live")
async def live() -> Response[bytes]:
    """Whether this process answers; it asks nobody else."""
    return _told("pass", 200)


@get("/health/ready")
async def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Whether this process can serve: the database, its schema, the keys, and not draining."""
    state = request.app.state
    found = await report(_probes(state.services, state.setdefault("probed", {})))
    return Response(
        msgspec.json.encode(found),
        status_code=200 if found.status == "pass" else 503,
        media_type="application/json",
    )


@get("/health/startup")
async def startup() -> Response[bytes]:
    """Whether everything that is opened at the start is open: only then are requests taken."""
    return _told("pass", 200)


def _told(status: str, code: int) -> Response[bytes]:
    return Response(
        msgspec.json.encode({"status": status}), status_code=code, media_type="application/json"
    )


def _probes(services: Services, probed: dict[str, Any]) -> list[Probe]:
    async def draining() -> str:
        if services.settings.data_dir and (services.settings.data_dir / DRAINING).exists():
            raise Draining
        if draining_mark(services.settings, os.getppid()).exists():
            raise Draining
        return "in service"

    async def database() -> str:
        # A standby that answers is enough: while there is no primary, questions are served.
        async with services.database.connection(read_only=True) as connection:
            await connection.fetchval("SELECT 1")
        return "answers"

    async def migrations() -> str:
        # Migrations only add: what was complete once stays so, also while there is no primary.
        if _COMPLETE not in probed:
            if missing := await pending(str(services.settings.database_url)):
                raise MigrationRefused(f"missing: {', '.join(missing)}")
            probed[_COMPLETE] = True
        return "as this program needs them"

    async def keys() -> str:
        root = services.keyring.root
        try:
            async with asyncio.timeout(_ROOT_ANSWERS_S):
                await root.current()
        except (KeysUnavailable, TimeoutError):
            # Out of service only when reading ends as well.
            if not services.keyring.trusted():
                raise
            return "remembered; what keeps them is away"
        if await root.unwrap(await root.wrap(_SAMPLE, _SAMPLE), _SAMPLE) != _SAMPLE:
            raise NotGenuine("a key does not unwrap to itself")
        return "wrap and unwrap"

    return [
        Probe(name="service", ask=draining),
        Probe(name="database", ask=database),
        Probe(name="migrations", ask=migrations, deadline_ms=3000),
        Probe(name="keys", ask=keys),
    ]


def draining_mark(settings: Settings, server: int) -> Path:
    """A file that is there while the server of this process id is about to end."""
    return settings.figures_dir / f"{DRAINING}-{server}"


class Draining(Exception):
    """This installation is being taken out of service."""


@get(TYPES + "/{code:str}", media_type="text/html")
async def problem_page(code: FromPath[str]) -> Response[str]:
    """What a problem means, in English and Chinese."""
    return Response(
        page(code), media_type="text/html", headers={"Content-Security-Policy": _HTML_SECURITY}
    )


@get("/docs", media_type="text/html")
async def docs() -> Response[str]:
    """The documentation, readable without a network."""
    return Response(
        _DOCS, media_type="text/html", headers={"Content-Security-Policy": _DOCS_SECURITY}
    )


@get("/docs/assets/{name:str}")
async def asset(name: FromPath[str]) -> Response[Any]:
    """A part of the documentation page."""
    if name == "start.js":
        return Response(_START, media_type="text/javascript")
    if name not in ASSETS:
        raise Said("not-found", "there is nothing here")
    content = files("litestar_offline_docs").joinpath("static", name).read_bytes()
    return Response(
        content, media_type=ASSETS[name], headers={"Cache-Control": "public, max-age=86400"}
    )
