"""Signing in and out: by an access key, or as somebody of the demo company."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from api.console.formats import formats
from api.console.forms import local
from api.console.language import Language, spoken
from api.console.page import HOME
from api.console.problems import failed_of
from api.console.rendering import HTML, SECURITY, render, theme_of
from api.console.visit import Failed
from api.problems import Said
from api.refusing import said_of
from api.services import Services
from api.sessions import end_session, enter_slowly, own_site, start_session

DEMO_LOGINS: Final = "demo-logins.json"
"""In the data folder, written by `merit up --demo`."""
COMPANY: Final = "merit_company"
"""Kept by the browser: whose provider it went to last; no secret."""
_COMPANY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PENDING_MAX = 64 * 1024
"""Characters of a form that are kept over a sign-in."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody of the demo company."""

    role: str
    name: str
    roles: tuple[str, ...]
    secret: str


class Logins(msgspec.Struct, frozen=True, kw_only=True):
    """As `merit up --demo` writes them."""

    people: tuple[Person, ...] = ()


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A form that met an ended session; the browser sends it again once somebody is back."""

    path: str
    fields: Sequence[tuple[str, str]]
    who: str
    """The person whose form it was: nobody else's session may send it."""


def demo_people(services: Services) -> tuple[Person, ...]:
    """Whom one may sign in as without a secret; nobody but in a demo."""
    settings = services.settings
    if not settings.demo or settings.data_dir is None:
        return ()
    kept: Path = settings.data_dir / DEMO_LOGINS
    if not kept.exists():
        return ()
    return msgspec.json.decode(kept.read_bytes(), type=Logins).people


@get(f"{HOME}/sign-in")
async def sign_in_page(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Who are you?"""
    return _page(request)


@post(f"{HOME}/sign-in", status_code=303)
async def sign_in(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Begin a session."""
    given = {name: str(value) for name, value in (await request.form()).items()}
    services: Services = request.app.state.services
    try:
        own_site(request)
        secret = _secret(services, given)
        caller = await enter_slowly(request, secret)
    except Said as no:
        return _page(request, failed=failed_of(no, _language(request)), to=given.get("to", ""))
    response: Response[bytes] = Response(
        b"", status_code=303, headers={"Location": local(given.get("to", ""), HOME)}
    )
    await start_session(request, response, caller)
    return response


def _secret(services: Services, given: dict[str, str]) -> str:
    if "demo" in given:
        for person in demo_people(services):
            if person.role == given["demo"]:
                return person.secret
        raise Said("unauthenticated", "there is no such person in a demo here")
    return given.get("key", "").strip()


@post(f"{HOME}/sign-out", status_code=303)
async def sign_out(request: Request[Any, Any, Any]) -> Response[bytes]:
    """End the session of this browser."""
    own_site(request)
    response: Response[bytes] = Response(
        b"", status_code=303, headers={"Location": f"{HOME}/sign-in"}
    )
    await end_session(request, response)
    return response


HANDLERS: tuple[HTTPRouteHandler, ...] = (sign_in_page, sign_in, sign_out)


def led_there(
    request: Request[Any, Any, Any], fields: Sequence[tuple[str, str]]
) -> Response[bytes]:
    """The way to the sign-in page; what was written in a form is kept by the browser."""
    path = request.scope["path"]
    if request.method == "GET":
        asked = list(request.query_params.items())
        to = path + (f"?{urlencode(asked)}" if asked else "")
        address = f"{HOME}/sign-in?{urlencode({'to': to})}"
        return Response(b"", status_code=303, headers={"Location": address})
    pending = None
    if sum(len(value) for _, value in fields) <= _PENDING_MAX:
        who = dict(fields).get("_who", "")
        pending = Pending(path=path, fields=fields, who=who)
    failed = failed_of(Said("unauthenticated", ""), _language(request))
    return _page(request, failed=failed, to=path, pending=pending)


def refused(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What is wrong with whoever is here, told on the sign-in page."""
    return _page(request, failed=failed_of(said_of(error), _language(request)))


def _language(request: Request[Any, Any, Any]) -> Language:
    return spoken(request.cookies, request.headers.get("accept-language", ""))


def _company(request: Request[Any, Any, Any]) -> str:
    """The company that this browser signed in to last, or that a link names; empty for none."""
    given = request.query_params.get("company") or request.cookies.get(COMPANY, "")
    return given if _COMPANY.fullmatch(given) else ""


def _page(
    request: Request[Any, Any, Any],
    *,
    failed: Failed | None = None,
    to: str = "",
    pending: Pending | None = None,
) -> Response[bytes]:
    language = _language(request)
    to = local(to or request.query_params.get("to", ""), HOME)
    content = render(
        "sign_in.html",
        language=language,
        write=formats(language, request.cookies),
        theme=theme_of(request.cookies),
        values={
            "failed": failed,
            "people": demo_people(request.app.state.services),
            "to": to,
            "company": _company(request),
            "pending": pending,
            "back": f"{HOME}/sign-in?{urlencode({'to': to})}",
            "request_id": str(request.scope["state"]["request_id"]),
        },
    )
    return Response(
        content,
        status_code=failed.status if failed else 200,
        media_type=HTML,
        headers=dict(SECURITY),
    )
