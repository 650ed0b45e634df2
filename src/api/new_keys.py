"""Access keys that are made for somebody, beside those that a tenant's administrator asks for."""

from uuid import UUID

import msgspec

from api.services import Services
from domain.access import ACCESS_KEY, IssueAccessKey
from domain.ids import access_key_id
from tenancy.records import Stamp
from tenancy.registry import key_prefix, new_key_text

ADMINISTRATOR = IssueAccessKey(name="administrator", roles=("admin",))


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key, shown this once."""

    tenant_id: UUID
    key_id: UUID
    name: str
    roles: tuple[str, ...]
    secret: str


async def issue_key(
    services: Services, tenant_id: UUID, command: IssueAccessKey, stamp: Stamp
) -> NewKey:
    """An access key; history knows of it before it opens anything.

    Raises:
        Refused: as the domain says.
        UnknownTenant: there is none.
    """
    text = new_key_text()
    key_id = access_key_id(key_prefix(text))
    store = await services.histories.of(tenant_id)
    await store.execute(ACCESS_KEY, key_id, command, stamp)
    await services.registry.issue_key(
        tenant_id,
        key_id,
        command.name,
        command.roles,
        person_id=command.person_id,
        expires_at=command.expires_at,
        text=text,
    )
    return NewKey(
        tenant_id=tenant_id, key_id=key_id, name=command.name, roles=command.roles, secret=text
    )
