"""Sessions of browsers: a cookie that no script can read, and what stands against forgery.

For pages and other handlers:

    session = await current_session(request)         # None: nobody, or it has ended
    session.caller                                   # as for an access key: tenant, roles, person
    session.csrf                                     # goes into forms as the field `_csrf`, or
                                                     # from scripts as the header X-CSRF-Token
    check_forgery(request, session, field_value)     # before anything that changes something
    await start_session(request, response, caller)   # after one has shown who one is
    await end_session(request, response)             # sign-out

Routes of /api/v1 take the cookie where there is no Authorization header, see `admitted`; a POST
with the cookie then needs X-CSRF-Token. A session ends by sign-out, an hour of rest, after twelve
hours, and within seconds of its access key being revoked, its person's sign-in being changed, or
its tenant being suspended.

The token is 256 random bits of which the database keeps a hash. The cookie is
`__Host-merit_session` (Secure, for this host alone); only where the product is reached over http
on this very machine it is `merit_session`, since browsers keep no Secure cookie there.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog
from litestar import Request, Response

from api.auth import CACHED_FOR, CACHED_MAX, ROLES, Caller, raise_closed
from api.limits import address_of
from api.problems import Said
from api.stamp import arrival
from tenancy.registry import KEY_SHAPE, key_prefix
from tenancy.sessions import ABSOLUTE, SessionRow, SessionTable
from tenancy.settings import Settings

LOG = structlog.get_logger("api.sessions")

COOKIE: Final = "__Host-merit_session"
COOKIE_HERE: Final = "merit_session"
"""Over http on this very machine."""
CSRF_HEADER: Final = "x-csrf-token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's browser."""

    session_id: UUID
    caller: Caller
    csrf: str
    """What forms of this session carry; no other site can know it."""
    began_at: datetime
    expires_at: datetime


class Sessions:
    """The sessions of an installation, each remembered for `CACHED_FOR`."""

    def __init__(self, table: SessionTable) -> None:
        self.table = table
        self._known: dict[bytes, tuple[datetime, SessionRow]] = {}

    async def find(self, token: str, now: datetime) -> Session | None:
        """The session of a cookie; None when there is none any more.

        Raises:
            Said: `tenant-suspended` or `tenant-erased`.
        """
        digest = hashlib.sha256(token.encode()).digest()
        since, row = self._known.get(digest, (now, None))
        if row is None or abs(now - since) >= CACHED_FOR or now >= row.expires_at:
            self._known.pop(digest, None)
            row = await self.table.find(token)
            if row is None:
                raise_closed(await self.table.closed(token))
                return None
            if now >= row.expires_at:
                return None
            if len(self._known) >= CACHED_MAX:
                self._known.clear()
            self._known[digest] = (now, row)
        return Session(
            session_id=row.session_id,
            caller=Caller(
                tenant_id=row.tenant_id,
                key_id=row.key_id or row.session_id,
                roles=row.roles & ROLES,
                person_id=row.person_id,
                expires_at=row.expires_at,
                session_id=row.session_id,
                read_only=row.read_only,
            ),
            csrf=csrf_of(token),
            began_at=row.created_at,
            expires_at=row.expires_at,
        )

    def forget(self, token: str) -> None:
        """Look at the table again when this token comes the next time."""
        self._known.pop(hashlib.sha256(token.encode()).digest(), None)

    def rung(self, payload: str) -> None:
        """What `ACCESS_CHANNEL` rings: sessions of this tenant may be over; "" is all tenants."""
        self._known = {
            digest: kept
            for digest, kept in self._known.items()
            if payload and str(kept[1].tenant_id) != payload
        }


def csrf_of(token: str) -> str:
    """What the forms of a session carry: derived from what only this browser and we know."""
    return hmac.new(token.encode(), b"meritledger forms", hashlib.sha256).hexdigest()


def secured(settings: Settings) -> bool:
    """Whether cookies are Secure: everywhere but over http on this very machine."""
    address = urlsplit(settings.public_url)
    host = address.hostname or settings.host
    return address.scheme == "https" or host not in _LOOPBACK


def cookie_name(settings: Settings) -> str:
    """What the cookie of sessions is called here."""
    return COOKIE if secured(settings) else COOKIE_HERE


def token_of(request: Request[Any, Any, Any]) -> str:
    """The token that the browser sent; empty where it sent none."""
    return request.cookies.get(cookie_name(request.app.state.services.settings), "")


async def current_session(request: Request[Any, Any, Any], now: datetime) -> Session | None:
    """Whose browser this is; None for nobody's, and when the session has ended."""
    token = token_of(request)
    return await request.app.state.services.sessions.find(token, now) if token else None


async def start_session(
    request: Request[Any, Any, Any],
    response: Response[Any],
    caller: Caller,
    *,
    sign_in_id: UUID | None = None,
) -> None:
    """Begin a session, and let the browser keep its token; what it had before ends.

    Args:
        request: the one that showed who is there.
        response: its answer.
        caller: who is there; begun with the caller's access key unless
        sign_in_id: says that it was a sign-in.

    Raises:
        Said: `out-of-scope`: pages show all that roles open.
    """
    if caller.scopes:
        raise Said("out-of-scope", "an access key with scopes is for machines")
    services = request.app.state.services
    if before := token_of(request):
        # A token from before the sign-in is never good after it.
        await services.sessions.table.end(before, "signed in anew")
        services.sessions.forget(before)
    token = await services.sessions.table.begin(
        caller.tenant_id,
        caller.roles,
        key_id=None if sign_in_id else caller.key_id,
        sign_in_id=sign_in_id,
        person_id=caller.person_id,
        expires_at=caller.expires_at,
    )
    _give(response, services.settings, token, ABSOLUTE)
    LOG.info(
        "signed-in",
        tenant=str(caller.tenant_id),
        actor=str(caller.actor),
        by="provider" if sign_in_id else "access key",
    )


async def end_session(request: Request[Any, Any, Any], response: Response[Any]) -> None:
    """End the session of this browser, on all workers, and let the browser forget it."""
    services = request.app.state.services
    if token := token_of(request):
        await services.sessions.table.end(token, "signed out")
        services.sessions.forget(token)
        LOG.info("signed-out")
    _give(response, services.settings, "", timedelta(0))


def _give(response: Response[Any], settings: Settings, token: str, life: timedelta) -> None:
    response.set_cookie(
        key=cookie_name(settings),
        value=token,
        max_age=int(life.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=secured(settings),
    )


async def enter_slowly(request: Request[Any, Any, Any], secret: str) -> Caller:
    """Who signs in with an access key; who fails too often waits.

    Raises:
        Said: `unauthenticated`, `tenant-suspended`, `tenant-erased` or `too-many-requests`.
    """
    services = request.app.state.services
    address = address_of(request)
    prefix = key_prefix(secret) if KEY_SHAPE.fullmatch(secret) else ""
    await services.limits.may_try(address, prefix)
    try:
        caller: Caller = await services.door.enter(f"Bearer {secret}", arrival())
    except Said as no:
        if no.code == "unauthenticated":
            LOG.warning("sign-in-refused", prefix=prefix)
            await services.limits.failed(address, prefix)
        raise
    return caller


async def admitted(request: Request[Any, Any, Any], now: datetime) -> Caller:
    """Who calls a route of the API: by an access key, or in a browser's session.

    Raises:
        Said: `unauthenticated`, `tenant-suspended`, `tenant-erased`; `form-expired` where another
            site may have made the browser send this.
    """
    authorization = request.headers.get("authorization")
    session = None if authorization else await current_session(request, now)
    if session is None:
        caller: Caller = await request.app.state.services.door.enter(authorization, now)
        return caller
    if request.method not in SAFE:
        check_forgery(request, session)
    return session.caller


def check_forgery(
    request: Request[Any, Any, Any], session: Session, given: str | None = None
) -> None:
    """Let what this session's own page sent pass.

    Args:
        request: what was sent.
        session: of the browser that sent it.
        given: the form's field `_csrf`; where there is no form, the header X-CSRF-Token.

    Raises:
        Said: `form-expired`.
    """
    own_site(request)
    said = request.headers.get(CSRF_HEADER, "") if given is None else given
    if not hmac.compare_digest(said.encode(), session.csrf.encode()):
        raise Said("form-expired", "the form is not of this session")


def own_site(request: Request[Any, Any, Any]) -> None:
    """Refuse what another site's page made a browser send.

    Raises:
        Said: `form-expired`.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Said("form-expired", "another site sent this")
    origin = request.headers.get("origin")
    # Clients that are no browser send none; browsers send it with everything that is not a GET.
    if origin is not None and origin not in _origins(request):
        raise Said("form-expired", "another site sent this")


def _origins(request: Request[Any, Any, Any]) -> frozenset[str]:
    public = urlsplit(request.app.state.services.settings.public_url)
    host = request.headers.get("host", "")
    return frozenset({f"{public.scheme}://{public.netloc}", f"{request.scope['scheme']}://{host}"})
