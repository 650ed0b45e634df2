"""The caller's own tenant, and who the caller is in it."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api import auth
from api.asked import Asked
from api.commands import decode
from api.queries import Plain
from api.routes import Route, get, writers
from api.wire import One, single
from tenancy.rotation import Rotated, rotate_tenant


class Self(msgspec.Struct, frozen=True, kw_only=True):
    """租户, as its callers may see it."""

    tenant_id: UUID
    name: str
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
            forked_from=tenant.forked_from,
            forked_at=tenant.forked_at,
            position=await store.head(),
            key_id=asked.caller.key_id,
            person_id=asked.caller.person_id,
            roles=tuple(sorted(asked.caller.roles)),
        )
    )


class RotateDataKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to say: the key is made here and leaves us never."""


async def _rotate(asked: Asked) -> Response[Any]:
    decode(asked.body, RotateDataKey)
    # A second time makes one more key and harms nobody, so that no key of idempotency is needed.
    done = await rotate_tenant(asked.services.keyring, asked.caller.tenant_id)
    return single(asked, One(value=done), None)


ROUTES: tuple[Route, ...] = (
    get("/tenants/self", _self, roles=auth.EVERYONE, result=Self, parameters=Plain),
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
