"""The caller's own tenant, and who the caller is in it."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response

from api import auth
from api.asked import Asked
from api.commands import decode
from api.queries import Plain
from api.routes import Route, get, writers
from api.wire import One, single
from domain import ids
from domain.erasure import RETENTION_POLICY
from domain.tenant_life import TENANT
from projections.directory import EMPLOYMENTS, PEOPLE
from projections.questions import count
from tenancy.registry import Credential
from tenancy.rotation import Rotated, rotate_tenant
from tenancy.signing import Verifier


class Self(msgspec.Struct, frozen=True, kw_only=True):
    """租户, as its callers may see it."""

    tenant_id: UUID
    name: str
    state: Literal["active", "suspended"]
    """suspended: by its own word; it is read and not written."""
    suspended_since: datetime | None
    forked_from: UUID | None
    """The tenant that this one is a copy of; a copy pays nobody."""
    forked_at: int | None
    position: int
    """The head of the log."""
    key_id: UUID
    person_id: UUID | None
    roles: tuple[str, ...]


async def _self(asked: Asked, _: Plain) -> One:
    """The tenant of the access key, the head of its log, and the key's own roles."""
    tenant = await asked.services.registry.tenant(asked.caller.tenant_id)
    store = await asked.store()
    return One(
        value=Self(
            tenant_id=tenant.tenant_id,
            name=tenant.name,
            state="active" if tenant.read_only_since is None else "suspended",
            suspended_since=tenant.read_only_since,
            forked_from=tenant.forked_from,
            forked_at=tenant.forked_at,
            position=await store.head(),
            key_id=asked.caller.key_id,
            person_id=asked.caller.person_id,
            roles=tuple(sorted(asked.caller.roles)),
        )
    )


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is of it."""

    events: int
    people: int
    employments: int
    access_keys: int
    """That still open something."""
    sign_ins: int
    forks: int


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs checkpoints."""

    key_id: UUID
    verifier: str
    """What verifies it; pin it."""


class End(msgspec.Struct, frozen=True, kw_only=True):
    """The end that was asked for."""

    requested_by: UUID
    requested_at: datetime
    confirmed_from: datetime
    """Not before; by another than who asked."""


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What administrators and auditors may know of the tenant beside its name."""

    created_at: datetime
    counts: Counts
    data_key_ids: tuple[UUID, ...]
    """Of the keys that seal payloads, the oldest first."""
    signing_keys: tuple[Signed, ...]
    months_kept_after_employment: int
    requests_per_s: int
    end: End | None
    """Where somebody asked for it."""


async def _details(asked: Asked, _: Plain) -> One:
    """The tenant's settings, how much there is of it, and the ids of its keys."""
    services, tenant_id = asked.services, asked.caller.tenant_id
    tenant, store = await services.registry.tenant(tenant_id), await asked.store()
    retention, _version = await store.load(RETENTION_POLICY, ids.RETENTION_POLICY_ID)
    ending = (await store.load(TENANT, ids.TENANT_ID))[0].ending
    keys, signing = services.keyring.store, await services.keyring.store.signing_keys(tenant_id)
    async with asked.view() as view:
        people, employments = await count(view, PEOPLE), await count(view, EMPLOYMENTS)
    opening = [each for each in await services.registry.keys(tenant_id) if _opens(each, asked)]
    return One(
        value=Details(
            created_at=tenant.created_at,
            counts=Counts(
                events=await store.head(),
                people=people,
                employments=employments,
                access_keys=len(opening),
                sign_ins=len(await services.sign_ins.of(tenant_id)),
                forks=len(await services.registry.forks(tenant_id)),
            ),
            data_key_ids=tuple(row.key_id for row in await keys.tenant_keys(tenant_id)),
            signing_keys=tuple(
                Signed(key_id=row.key_id, verifier=str(Verifier(row.name, row.public)))
                for row in signing
            ),
            months_kept_after_employment=retention.months_after_employment,
            requests_per_s=services.settings.requests_per_s,
            end=None
            if ending is None
            else End(
                requested_by=ending.requested_by,
                requested_at=ending.requested_at,
                confirmed_from=ending.from_,
            ),
        )
    )


def _opens(key: Credential, asked: Asked) -> bool:
    return key.usable(asked.stamp.now)


class RotateDataKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to say: the key is made here and leaves us never."""


async def _rotate(asked: Asked) -> Response[Any]:
    decode(asked.body, RotateDataKey)
    # A second time makes one more key and harms nobody, so that no key of idempotency is needed.
    done = await rotate_tenant(asked.services.keyring, asked.caller.tenant_id)
    return single(asked, One(value=done), None)


ROUTES: tuple[Route, ...] = (
    get("/tenants/self", _self, roles=auth.EVERYONE, result=Self, parameters=Plain),
    get(
        "/tenants/self/details",
        _details,
        roles=frozenset({auth.ADMIN, auth.AUDITOR}),
        result=Details,
        parameters=Plain,
    ),
    Route(
        method="POST",
        path="/tenants/self/data-key/rotate",
        tag="tenants",
        summary="Rotate the tenant's data key",
        description="A new key seals from now on; what was sealed before stays readable.",
        roles=writers(auth.ADMIN),
        serve=_rotate,
        body=RotateDataKey,
        result=Rotated,
        statuses=(415,),
    ),
)
