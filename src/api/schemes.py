"""Schemes: drafted, published, read with all their versions."""

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.scheme import ApproveScheme, DraftScheme, PublishScheme
from domain.scheme_decisions import SCHEME
from projections import planning
from projections.questions import Page

VIEWS = (planning.NAME,)
WRITERS = writers(auth.HR, auth.ADMIN)
APPROVERS = writers(auth.HR, auth.ADMIN, auth.EXECUTIVE)


async def _schemes(asked: Asked, given: Listing) -> Page[planning.Scheme]:
    """Schemes by code, with all their versions."""
    async with asked.view() as view:
        return await planning.schemes(view, limit=given.limit, cursor=given.cursor)


async def _scheme(asked: Asked, _: Parameters) -> One:
    """A scheme with all its versions."""
    async with asked.view() as view:
        scheme = found(await planning.scheme(view, asked.one_id()))
    return One(value=scheme, version=scheme.version)


ROUTES: tuple[Route, ...] = (
    post(
        "/schemes",
        DraftScheme,
        SCHEME,
        roles=WRITERS,
        stream=lambda _, command: ids.scheme_id(command.code),
        creates="/schemes/{id}",
    ),
    get(
        "/schemes",
        _schemes,
        roles=auth.EVERYONE,
        result=planning.Scheme,
        projections=VIEWS,
        parameters=Listing,
    ),
    get(
        "/schemes/{scheme_id}",
        _scheme,
        roles=auth.EVERYONE,
        result=planning.Scheme,
        projections=VIEWS,
    ),
    post(
        "/schemes/{scheme_id}/approve",
        ApproveScheme,
        SCHEME,
        roles=APPROVERS,
        stream=from_path("scheme_id"),
    ),
    post(
        "/schemes/{scheme_id}/publish",
        PublishScheme,
        SCHEME,
        roles=WRITERS,
        stream=from_path("scheme_id"),
    ),
)
