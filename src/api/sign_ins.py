"""Who may sign in with which roles, and the company's identity provider."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api.asked import Asked
from api.commands import carry_out, decode, from_path, post, told
from api.keys import READERS, WRITERS
from api.login import secret_bound
from api.problems import FieldError, Said
from api.queries import Plain, PlainListing
from api.routes import Act, Route, get
from api.wire import One
from domain import ids
from domain.kernel import Refused
from domain.signing_in import (
    IDENTITY_PROVIDER,
    SIGN_IN,
    GrantSignIn,
    RemoveIdentityProvider,
    RevokeSignIn,
    SetIdentityProvider,
    normal_login,
)
from projections.questions import Page
from tenancy.sign_ins import LoginTaken, Provider

SECRET_LENGTH_MAX = 1000


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """登录授权, as it is in force."""

    sign_in_id: UUID
    person_id: UUID
    login: str | None
    """As it is compared; None while it is being granted."""
    roles: tuple[str, ...]


class ProviderTold(msgspec.Struct, frozen=True, kw_only=True):
    """身份提供方, without its secret."""

    issuer: str
    client_id: str
    login_claim: str
    has_secret: bool
    sign_in_at: str
    """The page of ours that leads to it; bookmark it, or link to it."""


class ProviderGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The command, and the secret that no history keeps."""

    issuer: str
    client_id: str
    client_secret: str | None = None
    """Sealed under the tenant's key; told to the provider alone."""
    login_claim: str = "email"


async def _grant(asked: Asked) -> Response[Any]:
    tenant_id, table = asked.caller.tenant_id, asked.services.sign_ins
    wanted = decode(asked.body, GrantSignIn)
    there = await table.find(tenant_id, normal_login(wanted.login))
    if there is not None and there.person_id != wanted.person_id:
        raise Said("login-taken", "another person signs in with this login")
    receipt, command = await carry_out(GRANT_ACT, GrantSignIn, asked)
    # Allowed after the event, so that nobody comes in whom history does not know of. A repeated
    # request does it again: where we died in between, it is done then.
    try:
        await table.allow(
            tenant_id,
            receipt.stream_id,
            normal_login(command.login),
            command.person_id,
            command.roles,
        )
    except LoginTaken as error:
        raise Said("login-taken", "another person signs in with this login") from error
    return told(receipt, creates=GRANT_ACT.creates)


async def _revoke(asked: Asked) -> Response[Any]:
    table, tenant_id = asked.services.sign_ins, asked.caller.tenant_id
    try:
        receipt, _ = await carry_out(REVOKE_ACT, RevokeSignIn, asked)
    except Refused as refusal:
        if refusal.code == "sign-in-revoked":
            await table.forbid(tenant_id, asked.ids["sign_in_id"])
        raise
    await table.forbid(tenant_id, receipt.stream_id)
    return told(receipt, creates=None)


async def _list(asked: Asked, given: PlainListing) -> Page[SignIn]:
    """Who may sign in, by id."""
    rows = await asked.services.sign_ins.of(asked.caller.tenant_id)
    if given.cursor is not None:
        if given.cursor not in {str(row.sign_in_id) for row in rows}:
            why = FieldError(pointer="?cursor", detail="not one that we gave")
            raise Said("invalid-query", "cursor: not one that we gave", errors=[why])
        rows = [row for row in rows if str(row.sign_in_id) > given.cursor]
    shown, store = rows[: given.limit], await asked.store()
    states = [(row, (await store.load(SIGN_IN, row.sign_in_id))[0]) for row in shown]
    return Page(
        items=tuple(
            SignIn(
                sign_in_id=row.sign_in_id,
                person_id=row.person_id,
                login=None if state is None else state.login,
                roles=tuple(sorted(row.roles)),
            )
            for row, state in states
        ),
        next=str(shown[-1].sign_in_id) if len(rows) > given.limit else None,
    )


async def _set(asked: Asked) -> Response[Any]:
    given = decode(asked.body, ProviderGiven)
    if given.client_secret is not None and not 0 < len(given.client_secret) <= SECRET_LENGTH_MAX:
        why = FieldError(pointer="/client_secret", detail="1 to 1000 characters")
        raise Said("invalid-body", "/client_secret: 1 to 1000 characters", errors=[why])
    tenant_id, services = asked.caller.tenant_id, asked.services
    command = msgspec.structs.asdict(given)
    command.pop("client_secret")
    told_log = msgspec.structs.replace(asked, body=msgspec.json.encode(command))
    receipt, done = await carry_out(SET_ACT, SetIdentityProvider, told_log)
    sealed = None
    if given.client_secret is not None:
        keys = await services.keyring.of(tenant_id)
        await keys.sealing(1)
        sealed = keys.seal(given.client_secret.encode(), secret_bound(tenant_id))
    await services.sign_ins.provide(
        Provider(
            tenant_id=tenant_id,
            issuer=done.issuer,
            client_id=done.client_id,
            client_secret=sealed,
            login_claim=done.login_claim,
        )
    )
    return told(receipt, creates=None)


async def _remove(asked: Asked) -> Response[Any]:
    table, tenant_id = asked.services.sign_ins, asked.caller.tenant_id
    try:
        receipt, _ = await carry_out(REMOVE_ACT, RemoveIdentityProvider, asked)
    except Refused as refusal:
        if refusal.code == "no-identity-provider":
            await table.withdraw(tenant_id)
        raise
    await table.withdraw(tenant_id)
    return told(receipt, creates=None)


async def _provider(asked: Asked, _: Plain) -> One:
    """The company's identity provider, without its secret."""
    found = await asked.services.sign_ins.provider(asked.caller.tenant_id)
    if found is None:
        raise Said("not-found", "there is no identity provider")
    public = asked.services.settings.public_url.rstrip("/")
    return One(
        value=ProviderTold(
            issuer=found.issuer,
            client_id=found.client_id,
            login_claim=found.login_claim,
            has_secret=found.client_secret is not None,
            sign_in_at=f"{public}/login/{found.tenant_id}",
        )
    )


def _sign_in_of(_: object, command: GrantSignIn) -> UUID:
    return ids.sign_in_id(command.person_id)


def _the_provider(*_: object) -> UUID:
    return ids.identity_provider_id()


GRANT_ACT = Act(command=GrantSignIn, decider=SIGN_IN, stream=_sign_in_of, creates="/sign-ins/{id}")
REVOKE_ACT = Act(command=RevokeSignIn, decider=SIGN_IN, stream=from_path("sign_in_id"))
SET_ACT = Act(command=SetIdentityProvider, decider=IDENTITY_PROVIDER, stream=_the_provider)
REMOVE_ACT = Act(command=RemoveIdentityProvider, decider=IDENTITY_PROVIDER, stream=_the_provider)


def _written(path: str, act: Act, serve: Any, body: Any = None) -> Route:
    route = post(
        path, act.command, act.decider, roles=WRITERS, stream=act.stream, creates=act.creates
    )
    return msgspec.structs.replace(route, act=None, serve=serve, body=body or route.body)


ROUTES: tuple[Route, ...] = (
    _written("/sign-ins", GRANT_ACT, _grant),
    get("/sign-ins", _list, roles=READERS, result=SignIn, parameters=PlainListing),
    _written("/sign-ins/{sign_in_id}/revoke", REVOKE_ACT, _revoke),
    _written("/identity-provider", SET_ACT, _set, body=ProviderGiven),
    get("/identity-provider", _provider, roles=READERS, result=ProviderTold, parameters=Plain),
    _written("/identity-provider/remove", REMOVE_ACT, _remove),
)
