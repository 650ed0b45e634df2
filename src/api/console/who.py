"""Who is at a page: the access key in the browser's session; and what to do when there is none.

A session is an access key that the browser keeps in a cookie which no script can read. So it ends
within seconds of the key's revocation, and opens exactly what the key opens. What a form carries
against forgery follows from the key, which only this browser and this site know.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Request, Response

from api.auth import Caller
from api.problems import Said
from api.services import Services
from projections import directory

COOKIE: Final = "merit_session"
SECONDS: Final = 12 * 3600
"""A working day; after it one signs in again, and what was written is kept."""


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """Who is here."""

    caller: Caller
    name: str
    """Empty for a key of a machine or of an auditor."""
    tenant: str
    csrf: str
    """Empty where the request came with a key of its own, which no other site can add."""


class SignInNeeded(Exception):
    """There is no session, or it has ended."""


async def present(request: Request[Any, Any, Any], now: datetime) -> Present:
    """Who asks.

    Raises:
        SignInNeeded: nobody who may.
        Said: `tenant-suspended`.
    """
    services: Services = request.app.state.services
    header, session = request.headers.get("authorization"), request.cookies.get(COOKIE, "")
    if header is None and not session:
        raise SignInNeeded
    try:
        caller = await services.door.enter(header or f"Bearer {session}", now)
    except Said as no:
        if no.code == "unauthenticated":
            raise SignInNeeded from no
        raise
    tenant = await services.registry.tenant(caller.tenant_id)
    return Present(
        caller=caller,
        name=await _name(services, caller.tenant_id, caller.person_id),
        tenant=tenant.name,
        csrf="" if header else token(session),
    )


async def _name(services: Services, tenant_id: UUID, person_id: UUID | None) -> str:
    if person_id is None:
        return ""
    async with services.views.of(tenant_id) as view:
        return (await directory.names(view, [person_id]))[person_id] or ""


def token(session: str) -> str:
    """What the forms of a session carry."""
    return hmac.new(session.encode(), b"console forms", hashlib.sha256).hexdigest()


def check(here: Present, fields: Sequence[tuple[str, str]]) -> None:
    """Let a form pass that this session's own page made.

    Raises:
        Said: `form-expired`.
    """
    given = dict(fields).get("_csrf", "")
    if here.csrf and not hmac.compare_digest(given.encode(), here.csrf.encode()):
        raise Said("form-expired", "the form is not of this session")


def own_site(request: Request[Any, Any, Any]) -> None:
    """Refuse what another site's page sent: there is no session yet that could tell.

    Raises:
        Said: `form-expired`.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Said("form-expired", "the form is of another site")


def begin(request: Request[Any, Any, Any], response: Response[Any], secret: str) -> None:
    """Let the browser keep the key."""
    response.set_cookie(
        key=COOKIE,
        value=secret,
        max_age=SECONDS,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_secure(request),
    )


def end(request: Request[Any, Any, Any], response: Response[Any]) -> None:
    """Let the browser forget it."""
    response.set_cookie(
        key=COOKIE,
        value="",
        max_age=0,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_secure(request),
    )


def _secure(request: Request[Any, Any, Any]) -> bool:
    services: Services = request.app.state.services
    return services.settings.public_url.startswith("https:")
