"""Who is at a page: somebody's session, else an access key; and when there is neither."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request

from api.auth import Caller
from api.problems import Said
from api.services import Services
from api.sessions import Session, check_forgery, current_session
from projections import directory


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """Who is here."""

    caller: Caller
    session: Session | None
    """None where the request came with an access key, which no other site can add."""
    name: str
    """Empty for a key of a machine or of an auditor."""
    tenant: str

    @property
    def csrf(self) -> str:
        """What the forms of this session carry."""
        return "" if self.session is None else self.session.csrf


class SignInNeeded(Exception):
    """There is no session, or it has ended."""


async def present(request: Request[Any, Any, Any], now: datetime) -> Present:
    """Who asks.

    Raises:
        SignInNeeded: nobody who may.
        Said: `tenant-suspended`, `tenant-erased`.
    """
    services: Services = request.app.state.services
    header = request.headers.get("authorization")
    session = None if header else await current_session(request, now)
    if session is None:
        try:
            caller = await services.door.enter(header, now)
        except Said as no:
            if no.code == "unauthenticated":
                raise SignInNeeded from no
            raise
    else:
        caller = session.caller
    await services.limits.admit(caller)
    tenant = await services.registry.tenant(caller.tenant_id)
    return Present(
        caller=caller,
        session=session,
        name=await _name(services, caller.tenant_id, caller.person_id),
        tenant=tenant.name,
    )


async def _name(services: Services, tenant_id: UUID, person_id: UUID | None) -> str:
    if person_id is None:
        return ""
    async with services.views.of(tenant_id) as view:
        return (await directory.names(view, [person_id]))[person_id] or ""


def check(
    request: Request[Any, Any, Any], here: Present, fields: Sequence[tuple[str, str]]
) -> None:
    """Let a form pass that this session's own page made.

    Raises:
        Said: `form-expired`.
    """
    if here.session is not None:
        check_forgery(request, here.session, dict(fields).get("_csrf", ""))
