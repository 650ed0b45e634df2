"""The composition root: routes, middleware, problems, and what a worker opens."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.types import Method

from api import (
    acting,
    analytics,
    appeals,
    appraisals,
    attendance,
    audit,
    bulk,
    calibration,
    compensation,
    cycle_progress,
    cycles,
    decisions,
    delegations,
    directory,
    employments,
    erasing,
    facts,
    forks,
    import_jobs,
    imports,
    incidents,
    keys,
    leave_one_out,
    leaving,
    ledger,
    login,
    objectives,
    occurrences,
    onboarding,
    organisation,
    participants,
    payout_preview,
    payouts,
    permissions,
    public,
    raters,
    receipts,
    reopening,
    replay,
    reports,
    resolution,
    rewards,
    schemes,
    sign_ins,
    tenants,
    time_requests,
    webhooks,
    who_read,
    worth,
)
from api.asked import Asked, ids_of
from api.auth import permit
from api.console import serving as console
from api.edge import Edge
from api.problems import MEDIA_TYPE, Said, problem
from api.reading import watched
from api.refusing import said_of
from api.routes import BASE, Route, Table
from api.scim import serving as scim
from api.services import Services, opened
from api.sessions import admitted
from api.stamp import arrival, stamp
from tenancy.import_files import FILE_BYTES_MAX
from tenancy.metrics import figures_of
from tenancy.settings import Settings
from tenancy.telemetry import configure

BODY_BYTES_MAX = 1024 * 1024
METHODS: tuple[Method, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

COMMANDS = Table(
    (
        *organisation.ROUTES,
        *employments.ROUTES,
        *attendance.ROUTES,
        *time_requests.ROUTES,
        *delegations.ROUTES,
        *decisions.ROUTES,
        *schemes.ROUTES,
        *resolution.ROUTES,
        *occurrences.ROUTES,
        *cycles.ROUTES,
        *participants.ROUTES,
        *appraisals.ROUTES,
        *raters.ROUTES,
        *calibration.ROUTES,
        *receipts.ROUTES,
        *facts.ROUTES,
        *objectives.ROUTES,
        *reopening.ROUTES,
        *appeals.ROUTES,
        *payouts.ROUTES,
        *compensation.ROUTES,
        *rewards.ROUTES,
        *incidents.ROUTES,
        *imports.ROUTES,
        *onboarding.ROUTES,
        *reports.ROUTES,
    )
)
TABLE = Table(
    tuple(
        watched(route)
        for route in (
            *COMMANDS.routes,
            *leave_one_out.ROUTES,
            *worth.ROUTES,
            *ledger.ROUTES,
            *audit.ROUTES,
            *replay.ROUTES,
            *who_read.ROUTES,
            *permissions.routes(COMMANDS),
            *analytics.ROUTES,
            *cycle_progress.ROUTES,
            *payout_preview.ROUTES,
            *keys.ROUTES,
            *sign_ins.ROUTES,
            *webhooks.ROUTES,
            *tenants.ROUTES,
            *forks.ROUTES,
            *leaving.ROUTES,
            *directory.ROUTES,
            *erasing.ROUTES,
            *import_jobs.ROUTES,
            bulk.route(COMMANDS),
        )
    )
)
"""Everything that callers may ask for; each route with the roles that may."""


def create_app(settings: Settings | None = None) -> Litestar:
    """The application; each worker opens its own database, keys and histories.

    Args:
        settings: as read from the environment when not given.
    """
    known = settings or Settings.read()
    if settings is None:
        configure(known, service="api")

    @asynccontextmanager
    async def lifespan(starting: Litestar) -> AsyncIterator[None]:
        async with opened(known) as services:
            starting.state.services = services
            if settings is not None:
                yield
                return
            stop = asyncio.Event()
            telling = asyncio.create_task(figures_of(known.figures_dir, "api").keep_writing(stop))
            yield
            stop.set()
            await telling

    app = Litestar(
        route_handlers=[
            *(_handler(path, methods) for path, methods in TABLE.by_path.items()),
            *public.handlers(TABLE.routes, known),
            *login.HANDLERS,
            *scim.handlers(),
            *console.handlers(TABLE),
        ],
        lifespan=[lifespan],
        exception_handlers={Exception: answer_problem},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=BODY_BYTES_MAX,
    )
    # Around everything, also what never reaches a route.
    app.asgi_handler = Edge(app.asgi_handler)
    return app


def _handler(path: str, methods: Mapping[str, Route]) -> HTTPRouteHandler:
    allowed = ", ".join(sorted({*methods, "OPTIONS", *({"HEAD"} if "GET" in methods else ())}))
    bytes_max = max(_bytes_max(route) for route in methods.values())

    async def serve(request: Request[Any, Any, Any]) -> Response[Any]:
        state: dict[str, Any] = request.scope["state"]
        state["template"] = path
        services: Services = request.app.state.services
        now = arrival()
        caller = await admitted(request, now)
        state["caller"] = caller
        authorization = request.headers.get("authorization", "")
        state["limits"] = await services.limits.admit(caller, authorization)
        if request.method == "OPTIONS":
            return Response(b"", status_code=204, headers={"Allow": allowed})
        route = methods.get(request.method)
        if route is None:
            raise Said("method-not-allowed", f"allowed: {allowed}", headers={"Allow": allowed})
        name = request.headers.get(acting.HEADER)
        if name is None:
            permit(caller, route.roles, route.scope, while_suspended=route.goes_on)
        ids, position = ids_of(request.path_params)
        asked = Asked(
            services=services,
            caller=caller,
            stamp=stamp(now, caller.actor, state["request_id"]),
            method=request.method,
            path=request.scope["path"],
            headers=request.headers,
            query=tuple(request.query_params.multi_items()),
            ids=ids,
            position=position,
            body=await _body(request, route) if request.method == "POST" else b"",
            stream=request.stream() if route.streamed else None,
        )
        return await route.serve(
            asked if name is None else await acting.stand_in(asked, route, name)
        )

    return HTTPRouteHandler(
        BASE + path.replace("}", ":str}"),
        http_method=METHODS,
        status_code=200,  # of answers that do not say theirs
        request_max_body_size=bytes_max,
    )(serve)


def _bytes_max(route: Route) -> int:
    if route.streamed:
        return FILE_BYTES_MAX
    return bulk.BODY_BYTES_MAX if route.path == "/bulk" else BODY_BYTES_MAX


async def _body(request: Request[Any, Any, Any], route: Route) -> bytes:
    given, _ = request.content_type
    body = b"" if route.streamed else await request.body()
    if (body or given or route.streamed) and given != route.media_type:
        raise Said("unsupported-media-type", f"send {route.media_type}")
    return body


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Whatever was raised, as problem details."""
    said = said_of(error)
    state: dict[str, Any] = request.scope["state"]
    state["problem"] = said.code
    told = problem(
        said,
        path=request.scope["path"],
        request_id=str(state["request_id"]),
        accept_language=request.headers.get("accept-language", ""),
    )
    headers = {"Vary": "Accept-Language", **said.headers}
    if said.code == "method-not-allowed":
        # The router's own, of the public paths: those are only read.
        headers.setdefault("Allow", "GET, HEAD")
    return Response(
        msgspec.json.encode(told), status_code=told.status, headers=headers, media_type=MEDIA_TYPE
    )
