"""Who is at a page: a session, else an access key; and what to do when there is neither."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response

from api.auth import Caller
from api.console.language import Language
from api.services import Services


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """Who is here."""

    caller: Caller
    name: str
    tenant: str
    csrf: str


class SignInNeeded(Exception):
    """There is no session, or it has ended."""

    def answer(
        self, request: Request[Any, Any, Any], language: Language, fields: object
    ) -> Response[bytes]:
        """The way to the sign-in page; what was written is kept."""
        raise NotImplementedError


async def present(request: Request[Any, Any, Any], now: datetime) -> Present:
    services: Services = request.app.state.services
    caller = await services.door.enter(request.headers.get("authorization"), now)
    return Present(caller=caller, name="", tenant="", csrf="")


def check(here: Present, fields: object) -> None:
    return
