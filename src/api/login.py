"""Signing in through a company's identity provider: there (code, PKCE, state, nonce) and back.

    GET /login/{tenant}      to the provider; `to` is the page to go on with
    GET /login/callback      back from it: a session, or a 401 that does not say why
    POST /logout             ends the session

Every sign-in comes back once, to the browser that began it, within ten minutes.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import structlog
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from api.asked import uuid_of
from api.auth import ROLES, Caller
from api.console import door
from api.limits import address_of
from api.oidc import BadToken, Expected, login_of
from api.outside import NotOutside
from api.problems import Said
from api.services import Services
from api.sessions import end_session, own_site, secured, start_session
from domain.signing_in import normal_login
from tenancy.sign_ins import ATTEMPT_LIVES, Attempt, Provider, hashed

LOG = structlog.get_logger("api.login")

CALLBACK: Final = "/login/callback"
HOME: Final = "/console"
COMPANY_KNOWN_S: Final = 365 * 24 * 3600
_COOKIE: Final = "merit_login"
_SECRET_BOUND: Final = b"merit identity-provider client-secret"
_PARAMETER_MAX: Final = 2048


def secret_bound(tenant_id: UUID) -> bytes:
    """What a client's secret is bound to when it is sealed."""
    return _SECRET_BOUND + tenant_id.bytes


def local_page(given: str) -> str:
    """A page of the console, whatever was asked for."""
    plain = given.startswith(HOME) and "\\" not in given and given.isprintable()
    return given if plain and len(given) <= _PARAMETER_MAX else HOME


@get("/login/{tenant:str}")
async def leave(request: Request[Any, Any, Any], tenant: FromPath[str]) -> Response[bytes]:
    """To the identity provider of a company."""
    services: Services = request.app.state.services
    await services.limits.may_try(address_of(request))
    provider = await _provider(services, uuid_of(tenant))
    try:
        addresses = await services.providers.addresses(provider.issuer)
    except (NotOutside, BadToken) as error:
        LOG.warning("provider-away", tenant=tenant, why=str(error))
        raise Said("provider-away", "the company's identity provider does not answer") from error
    state = f"{tenant}.{secrets.token_urlsafe(32)}"
    browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    attempt = Attempt(
        browser_hash=hashed(browser),
        nonce=nonce,
        verifier=verifier,
        go_to=local_page(request.query_params.get("to", "")),
    )
    await services.sign_ins.begin(provider.tenant_id, state, attempt)
    asked = {
        "response_type": "code",
        "scope": "openid email profile",
        "client_id": provider.client_id,
        "redirect_uri": _back(request),
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    glue = "&" if "?" in addresses.authorization_endpoint else "?"
    response = _redirect(f"{addresses.authorization_endpoint}{glue}{urlencode(asked)}")
    _keep(response, services, browser, int(ATTEMPT_LIVES.total_seconds()))
    response.set_cookie(
        key=door.COMPANY,
        value=tenant,
        max_age=COMPANY_KNOWN_S,
        path="/",
        httponly=True,
        samesite="lax",
        secure=secured(services.settings),
    )
    return response


@get(CALLBACK)
async def come_back(request: Request[Any, Any, Any]) -> Response[bytes]:
    """From the identity provider, with a code."""
    try:
        return await _came_back(request)
    except Said as no:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        request.scope["state"]["problem"] = no.code
        return door.refused(request, no)


async def _came_back(request: Request[Any, Any, Any]) -> Response[bytes]:
    services: Services = request.app.state.services
    await services.limits.may_try(address_of(request))
    given = request.query_params
    state, code = given.get("state", ""), given.get("code", "")
    try:
        caller, sign_in_id, go_to = await _let_in(request, state, code)
    except BadToken as error:
        await services.limits.failed(address_of(request))
        # Why is for whoever runs this; whoever tries tokens learns nothing.
        LOG.warning("sign-in-refused", tenant=state.partition(".")[0][:36], why=str(error))
        raise Said(
            "sign-in-refused", "begin again; if it stays so, ask your administrator"
        ) from error
    except NotOutside as error:
        LOG.warning("provider-away", tenant=state.partition(".")[0][:36], why=str(error))
        raise Said("provider-away", "the company's identity provider does not answer") from error
    response = _redirect(go_to)
    await start_session(request, response, caller, sign_in_id=sign_in_id)
    _keep(response, services, "", 0)
    return response


async def _let_in(
    request: Request[Any, Any, Any], state: str, code: str
) -> tuple[Caller, UUID, str]:
    """Who came back, by which sign-in, and where to go on.

    Raises:
        BadToken: nobody is let in.
        NotOutside: the provider cannot be asked.
    """
    services: Services = request.app.state.services
    if max(len(state), len(code)) > _PARAMETER_MAX:
        raise BadToken("longer than any that we send")
    try:
        tenant_id = UUID(state.partition(".")[0])
    except ValueError as error:
        raise BadToken("a state that we did not send") from error
    attempt = await services.sign_ins.come_back(tenant_id, state)
    provider = await services.sign_ins.provider(tenant_id)
    if attempt is None or provider is None:
        raise BadToken("not begun here, too long ago, or come back already")
    browser = request.cookies.get(_cookie(services), "")
    if not hmac.compare_digest(hashed(browser), attempt.browser_hash):
        raise BadToken("begun in another browser")
    if not code:
        raise BadToken(f"the provider says {request.query_params.get('error', 'nothing')[:50]}")
    if request.query_params.get("iss", provider.issuer) != provider.issuer:
        raise BadToken("the code is of another issuer")
    secret = await _secret(services, provider)
    tokens = await services.providers.exchange(
        provider.issuer, (provider.client_id, secret), code, attempt.verifier, _back(request)
    )
    claims = await services.providers.claims(
        tokens.id_token,
        Expected(issuer=provider.issuer, client_id=provider.client_id, nonce=attempt.nonce),
    )
    if provider.login_claim not in claims:
        claims = await services.providers.with_more(provider.issuer, tokens, claims)
    login = normal_login(login_of(claims, provider.login_claim))
    found = await services.sign_ins.find(tenant_id, login)
    if found is None:
        raise BadToken("the provider knows who it is, and nobody lets them in")
    caller = Caller(
        tenant_id=tenant_id,
        key_id=found.sign_in_id,
        roles=found.roles & ROLES,
        person_id=found.person_id,
    )
    return caller, found.sign_in_id, attempt.go_to


async def _provider(services: Services, tenant_id: UUID) -> Provider:
    provider = await services.sign_ins.provider(tenant_id)
    if provider is None:
        raise Said("not-found", "nobody signs in here")
    return provider


async def _secret(services: Services, provider: Provider) -> str | None:
    if provider.client_secret is None:
        return None
    keys = await services.keyring.of(provider.tenant_id)
    return keys.open(provider.client_secret, secret_bound(provider.tenant_id)).decode()


@post("/logout", status_code=303)
async def leave_for_good(request: Request[Any, Any, Any]) -> Response[bytes]:
    """End the session of this browser."""
    own_site(request)
    response = _redirect(f"{HOME}/sign-in")
    await end_session(request, response)
    return response


HANDLERS: tuple[HTTPRouteHandler, ...] = (leave, come_back, leave_for_good)


def _back(request: Request[Any, Any, Any]) -> str:
    """The address that the provider sends the browser back to."""
    public: str = request.app.state.services.settings.public_url
    if public:
        return f"{public.rstrip('/')}{CALLBACK}"
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}{CALLBACK}"


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _redirect(to: str) -> Response[bytes]:
    return Response(b"", status_code=303, headers={"Location": to})


def _cookie(services: Services) -> str:
    return f"__Host-{_COOKIE}" if secured(services.settings) else _COOKIE


def _keep(response: Response[Any], services: Services, browser: str, seconds: int) -> None:
    response.set_cookie(
        key=_cookie(services),
        value=browser,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="lax",  # it has to come along when the provider sends the browser back
        secure=secured(services.settings),
    )
