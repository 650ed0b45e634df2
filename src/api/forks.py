"""A tenant's administrator copies its history into a tenant for trying things out."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID, uuid5

import msgspec
from litestar import Response

from api import auth
from api.asked import Asked
from api.commands import decode, idempotency
from api.forking import CannotFork, ForkUnderWay, fork, is_whole
from api.noting import read_by
from api.problems import Said
from api.queries import Plain
from api.routes import Route, get, writers
from api.wire import JSON, One
from tenancy.errors import IdempotencyConflict
from tenancy.registry import TenantRecord, UnknownEntry

PATH: Final = "/tenants/self/forks"
FORKS_MAX: Final = 10
"""At a time; about that many, where several are asked for at once."""

EVENTS_MAX: Final = 20_000
"""What one request copies; `merit tenant fork` copies any history."""


class ForkTenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Copy the history up to an event into a tenant of its own, which never pays anybody."""

    at: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    """The position of the last event that is copied."""
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """Of the copy; else it is called after the original and the position."""


class ForkShown(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of the caller's tenant."""

    tenant_id: UUID
    name: str
    status: str
    """active; suspended as long as it is not whole."""
    forked_at: int
    created_at: datetime


class Forked(ForkShown, frozen=True, kw_only=True):
    """A new copy. The key of its administrator is in this one answer and nowhere else, ever."""

    masked: int | None
    """Personal fields that were masked; None when the same request had been answered before."""
    secret: str | None
    """None when the same request had been answered before."""


def _shown(record: TenantRecord) -> ForkShown:
    return ForkShown(
        tenant_id=record.tenant_id,
        name=record.name,
        status=record.status,
        forked_at=record.forked_at or 0,
        created_at=record.created_at,
    )


class Forks(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest first, without those that were erased."""

    forks: tuple[ForkShown, ...]


async def _forks(asked: Asked, _: Plain) -> One:
    """The copies of the caller's tenant."""
    found = await asked.services.registry.forks(asked.caller.tenant_id)
    return One(value=Forks(forks=tuple(map(_shown, found))))


async def _fork(asked: Asked) -> Response[Any]:
    """The copy, whole and marked; the same request again finds it there."""
    key = idempotency(asked)
    given = decode(asked.body, ForkTenant)
    if asked.caller.scopes:
        # The key of the copy opens everything there, and the amounts there are those of here.
        raise Said("out-of-scope", "a key with scopes copies nothing")
    services, tenant_id = asked.services, asked.caller.tenant_id
    fork_id = uuid5(tenant_id, f"fork {key.key}")
    there = await _there(asked, fork_id, given)
    if there is not None and await is_whole(services.registry, fork_id):
        return _told(there, masked=None, secret=None)
    # What was cut short is gone on with, as the same request; nobody has a key to it yet.
    if there is None and len(await services.registry.forks(tenant_id)) >= FORKS_MAX:
        raise Said("too-many-forks", f"there are {FORKS_MAX}; have one erased first")
    if given.at > EVENTS_MAX:
        raise Said("cannot-fork", f"more than {EVENTS_MAX} events: ask the operator")
    # Whoever copies may read it all, and it is written down before any of it is read.
    read = read_by(
        asked.caller, asked.stamp, asked.method, PATH, row_count=given.at, position=given.at
    )
    await services.reads.note(tenant_id, read)
    try:
        made = await fork(
            services,
            tenant_id,
            at=given.at,
            stamp=asked.stamp,
            name=given.name.strip() or None,
            fork_id=fork_id,
        )
    except CannotFork as error:
        raise Said("cannot-fork", str(error)) from error
    except ForkUnderWay:
        raise Said("overtaken", "the same copy is being made; look at the list") from None
    return _told(made.tenant, masked=made.masked, secret=made.administrator.secret)


async def _there(asked: Asked, fork_id: UUID, given: ForkTenant) -> TenantRecord | None:
    try:
        record = await asked.services.registry.tenant(fork_id)
    except UnknownEntry:
        return None
    if record.forked_at != given.at or given.name.strip() not in {"", record.name}:
        raise IdempotencyConflict(f"fork {fork_id}")
    return record


def _told(record: TenantRecord, *, masked: int | None, secret: str | None) -> Response[bytes]:
    shown = msgspec.structs.asdict(_shown(record))
    answer = Forked(**shown, masked=masked, secret=secret)
    return Response(msgspec.json.encode(answer), status_code=201, media_type=JSON)


ROUTES: tuple[Route, ...] = (
    get(
        PATH,
        _forks,
        roles=frozenset({auth.ADMIN, auth.AUDITOR}),
        result=Forks,
        parameters=Plain,
    ),
    Route(
        method="POST",
        path=PATH,
        tag="tenants",
        summary="Fork the tenant at an event",
        description=(
            "Copies the history up to the event at this position into a tenant of its own, with"
            " personal data masked and keys of its own. No money ever leaves the copy."
        ),
        roles=writers(auth.ADMIN),
        serve=_fork,
        body=ForkTenant,
        result=Forked,
        status=201,
        keyed=True,
        statuses=(409, 415, 422),
    ),
)
