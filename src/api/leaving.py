"""A company's own hand on its tenant: suspend and resume it, export all of it, have it erased."""

import base64
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

import msgspec
from litestar import Response
from litestar.response import Stream

from api import auth
from api.asked import Asked
from api.commands import carry_out, decode, idempotency, post, told
from api.ending import ender
from api.noting import read_by
from api.problems import Said
from api.queries import Plain, PlainListing, found
from api.routes import Act, Route, get, writers
from api.wire import JSON, One
from domain import ids
from domain.employment import EMPLOYMENT
from domain.erasure import RETENTION_POLICY
from domain.organisation import EmployeeHired, EmployeeRehired
from domain.tenant_life import (
    TENANT,
    CancelTenantErasure,
    ConfirmTenantErasure,
    RequestTenantErasure,
    RequestTenantExport,
    ResumeTenant,
    SuspendTenant,
    kept_until,
)
from projections.questions import Page
from tenancy.erasures import Certificate
from tenancy.store import Store
from tenancy.tenant_exports import Export, ExportState, TenantExports

SELF = "/tenants/self"
BUNDLE = f"{SELF}/exports/{{export_id}}/bundle"
TAR = "application/x-tar"
READERS = frozenset({auth.ADMIN, auth.AUDITOR})
ADMINS = writers(auth.ADMIN)
CONFIRMERS = writers(auth.ADMIN, auth.EXECUTIVE)
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class ExportAll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything: the whole history with its proofs, and the keys to its content."""


class EraseTenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the end; another person confirms it when the time of waiting is over."""

    name: Name
    """Of the tenant, so that it is the one that is meant."""
    reason: str
    export_id: UUID | None = None
    """A bundle made since the suspension; needed while the law asks for any of the records."""


class ConfirmErasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By another than who asked. It cannot be taken back."""

    name: Name
    """Of the tenant, once more."""


class ExportTold(msgspec.Struct, frozen=True, kw_only=True):
    """An export with its progress."""

    export_id: UUID
    state: ExportState
    """expired: asked for more than a week ago, and kept no longer."""
    requested_by: UUID
    requested_at: datetime
    ended_at: datetime | None
    done: int
    """Events written."""
    total: int
    size: int
    """Bytes of the bundle; 0 before its end."""
    sha256: str | None


class ExportAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Where to see how far it is: GET /tenants/self/exports/{export_id}."""

    export_id: UUID


class TenantErased(msgspec.Struct, frozen=True, kw_only=True):
    """It is done. Keep this: nobody with a key of this tenant is ever answered again."""

    tenant_id: UUID
    certificate: Certificate
    """Signed by the tenant's own key before that was destroyed too."""
    view_rows: int


def _the_tenant(*_: object) -> UUID:
    return ids.TENANT_ID


SUSPEND = Act(command=SuspendTenant, decider=TENANT, stream=_the_tenant)
RESUME = Act(command=ResumeTenant, decider=TENANT, stream=_the_tenant)
EXPORT = Act(command=RequestTenantExport, decider=TENANT, stream=_the_tenant)
ERASE = Act(command=RequestTenantErasure, decider=TENANT, stream=_the_tenant)
CONFIRM = Act(command=ConfirmTenantErasure, decider=TENANT, stream=_the_tenant)


async def _suspend(asked: Asked) -> Response[Any]:
    receipt, _ = await carry_out(SUSPEND, SuspendTenant, asked)
    await settled(asked)
    return told(receipt, creates=None)


async def _resume(asked: Asked) -> Response[Any]:
    receipt, _ = await carry_out(RESUME, ResumeTenant, asked)
    await settled(asked)
    return told(receipt, creates=None)


async def settled(asked: Asked) -> None:
    """Let the door do what history says; a repeated request does it again."""
    state, _ = await (await asked.store()).load(TENANT, ids.TENANT_ID)
    await asked.services.registry.let_write(asked.caller.tenant_id, may=not state.suspended)


# -- exports


def _exports(asked: Asked) -> TenantExports:
    services = asked.services
    return TenantExports(services.database, services.keyring, asked.caller.tenant_id)


def whole_keys_only(asked: Asked) -> None:
    """Refuse a key with scopes: what is done here reaches everything.

    Raises:
        Said: `out-of-scope`.
    """
    if asked.caller.scopes:
        raise Said("out-of-scope", "a key with scopes does not take everything along")


async def _export(asked: Asked) -> Response[Any]:
    whole_keys_only(asked)
    key = idempotency(asked)
    decode(asked.body, ExportAll)
    export_id = uuid5(asked.caller.tenant_id, f"export {key.key}")
    # Written down before any of it is read, as with every other answer.
    await _note(asked, f"{SELF}/export")
    command = msgspec.json.encode({"export_id": export_id})
    await carry_out(EXPORT, RequestTenantExport, msgspec.structs.replace(asked, body=command))
    await _exports(asked).ask(export_id, actor=asked.caller.actor, now=asked.stamp.now)
    return Response(
        msgspec.json.encode(ExportAsked(export_id=export_id)), status_code=202, media_type=JSON
    )


async def _note(asked: Asked, route: str) -> None:
    head = await (await asked.store()).head()
    read = read_by(
        asked.caller, asked.stamp, asked.method, route, fields=("content",), row_count=head
    )
    await asked.services.reads.note(asked.caller.tenant_id, read)


def _told(export: Export) -> ExportTold:
    return ExportTold(
        export_id=export.export_id,
        state=export.state,
        requested_by=export.requested_by,
        requested_at=export.requested_at,
        ended_at=export.ended_at,
        done=export.done,
        total=export.total,
        size=export.size,
        sha256=None if export.sha256 is None else export.sha256.hex(),
    )


async def _list(asked: Asked, _: PlainListing) -> Page[ExportTold]:
    """The exports that were asked for, the newest first."""
    return Page(items=tuple(map(_told, await _exports(asked).of())))


async def _one(asked: Asked, _: Plain) -> One:
    """How far an export is."""
    return One(value=_told(found(await _exports(asked).one(asked.one_id()))))


async def _bundle(asked: Asked) -> Any:
    whole_keys_only(asked)
    exports = _exports(asked)
    export = found(await exports.one(asked.one_id()))
    if export.state != "done" or export.sha256 is None:
        raise Said("export-not-ready", f"it is {export.state}")
    await _note(asked, BUNDLE)
    digest = base64.b64encode(export.sha256).decode()
    return Stream(
        _sent(exports, export),
        media_type=TAR,
        headers={
            "Content-Disposition": f'attachment; filename="{export.export_id}.tar"',
            "Content-Length": str(export.size),
            "Repr-Digest": f"sha-256=:{digest}:",
        },
    )


async def _sent(exports: TenantExports, export: Export) -> AsyncIterator[bytes]:
    async for part in exports.parts(export):
        yield part


# -- the end


async def _named(asked: Asked, name: str) -> None:
    record = await asked.services.registry.tenant(asked.caller.tenant_id)
    if name != record.name:
        raise Said("wrong-confirmation", "say the tenant's own name; this cannot be undone")


async def _erase(asked: Asked) -> Response[Any]:
    whole_keys_only(asked)
    given = decode(asked.body, EraseTenant)
    await _named(asked, given.name)
    asked.services.erasures.require()
    # Suspended, so nobody is hired or leaves between this look and the decision.
    until = await _kept_until(await asked.store())
    command = {"reason": given.reason, "export_id": given.export_id, "kept_until": until}
    stated = msgspec.structs.replace(asked, body=msgspec.json.encode(command))
    receipt, _ = await carry_out(ERASE, RequestTenantErasure, stated)
    return told(receipt, creates=None)


async def _kept_until(store: Store) -> date | None:
    hired = await store.log(topics=[EmployeeHired.TOPIC, EmployeeRehired.TOPIC])
    states = await store.recall_all([(EMPLOYMENT, each.stream_id) for each in hired])
    policy, _ = await store.load(RETENTION_POLICY, ids.RETENTION_POLICY_ID)
    # What an import took back is no employment any more.
    last_days = [state.last_day for state in states if state is not None]
    return kept_until(last_days, policy.months_after_employment)


async def _confirm(asked: Asked) -> Response[Any]:
    whole_keys_only(asked)
    services, tenant_id = asked.services, asked.caller.tenant_id
    await _named(asked, decode(asked.body, ConfirmErasure).name)
    services.erasures.require()
    await _known_before(asked)
    stated = msgspec.structs.replace(asked, body=b"{}")
    await carry_out(CONFIRM, ConfirmTenantErasure, stated)
    # Decided first: died in between, a worker finds it in the log and carries it out.
    ended = await ender(services).end(tenant_id)
    done = TenantErased(
        tenant_id=tenant_id, certificate=ended.certificate, view_rows=ended.view_rows
    )
    return Response(msgspec.json.encode(done), status_code=200, media_type=JSON)


async def _known_before(asked: Asked) -> None:
    """Refuse who was let in after the end was asked for: who asked may have let them in.

    Raises:
        Said: `new-credential`.
    """
    store, caller = await asked.store(), asked.caller
    ending = (await store.load(TENANT, ids.TENANT_ID))[0].ending
    if ending is None:
        return
    key_id, since = caller.key_id, None
    if caller.session_id is not None:
        sessions = await asked.services.sessions.table.of(caller.tenant_id)
        begun_with = next(each for each in sessions if each.session_id == caller.session_id)
        key_id = begun_with.key_id or caller.key_id
        if begun_with.sign_in_id is not None:
            # Other roles are a new sign-in, too.
            granted = await store.read(begun_with.sign_in_id, limit=1, desc=True)
            since = granted[0].recorded_at if granted else None
    for key in await asked.services.registry.keys(caller.tenant_id):
        if key.key_id == key_id:
            since = key.created_at
    if since is None or since >= ending.requested_at:
        raise Said("new-credential", "somebody confirms it who was let in before it was asked for")


def _served(path: str, act: Act, serve: Any, **changed: Any) -> Route:
    route = post(path, act.command, act.decider, roles=ADMINS, stream=act.stream)
    return msgspec.structs.replace(route, act=None, serve=serve, **changed)


ROUTES: tuple[Route, ...] = (
    _served(f"{SELF}/suspend", SUSPEND, _suspend),
    _served(f"{SELF}/resume", RESUME, _resume),
    _served(
        f"{SELF}/export",
        EXPORT,
        _export,
        summary="Export everything",
        description="A worker makes a bundle that proves itself; see its progress, and fetch it.",
        body=ExportAll,
        result=ExportAsked,
        status=202,
    ),
    get(f"{SELF}/exports", _list, roles=READERS, result=ExportTold, parameters=PlainListing),
    get(f"{SELF}/exports/{{export_id}}", _one, roles=READERS, result=ExportTold, parameters=Plain),
    Route(
        method="GET",
        path=BUNDLE,
        tag="tenants",
        summary="Fetch the bundle of an export",
        description="A tar of the folder that `merit verify` reads; kept for a week.",
        roles=READERS,
        serve=_bundle,
        produces=TAR,
        statuses=(409,),
    ),
    _served(
        f"{SELF}/erase",
        ERASE,
        _erase,
        summary="Ask for the tenant's end",
        description=EraseTenant.__doc__ or "",
        body=EraseTenant,
    ),
    post(
        f"{SELF}/erase/cancel",
        CancelTenantErasure,
        TENANT,
        roles=CONFIRMERS,
        stream=_the_tenant,
    ),
    _served(
        f"{SELF}/erase/confirm",
        CONFIRM,
        _confirm,
        summary="Confirm the tenant's end",
        description=ConfirmErasure.__doc__ or "",
        roles=CONFIRMERS,
        body=ConfirmErasure,
        result=TenantErased,
    ),
)
