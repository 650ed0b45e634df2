"""Rotation: new keys take over from old ones. Events stay as they are; wrapped keys are re-wrapped.

Everything here may run beside any number of readers and writers, may be cut short, and may be run
again: what is re-wrapped already is passed over.
"""

from collections.abc import Awaitable, Callable, Collection
from uuid import UUID

import msgspec

from tenancy.keyring import Keyring
from tenancy.keystore import Rewrapped, Rooted
from tenancy.master import binding

_AT_ONCE = 1_000

Progress = Callable[[int], None]
"""Is told how many more keys were looked at."""


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant's rotation did."""

    tenant_id: UUID
    key_id: UUID
    """The data key that seals from now on."""
    rewrapped: int
    """Subjects' keys that are under it now."""


class RootRotated(msgspec.Struct, frozen=True, kw_only=True):
    """What a rotation of the root did."""

    key_id: UUID
    """The root key that wraps from now on."""
    rewrapped: int
    """Tenants' data and signing keys that are under it now."""
    retired: tuple[UUID, ...]
    """Root keys that were destroyed."""


async def rotate_tenant(
    keyring: Keyring, tenant_id: UUID, on_progress: Progress | None = None
) -> Rotated:
    """Let a new data key follow in a tenant, and wrap its subjects' keys under it.

    The old data keys stay, for what they have sealed.

    Raises:
        TenantErased, KeysUnavailable: as they say.
    """
    keys = await keyring.of(tenant_id)
    key_id = await keys.rotate()
    await keyring.store.ring(tenant_id)
    rewrapped, after = 0, None
    while rows := await keyring.store.all_subject_keys(tenant_id, after, _AT_ONCE):
        rewrapped += await keys.rewrap(rows)
        after = rows[-1].subject_id
        if on_progress is not None:
            on_progress(len(rows))
    return Rotated(tenant_id=tenant_id, key_id=key_id, rewrapped=rewrapped)


async def rotate_root(
    keyring: Keyring,
    tenants: Callable[[], Awaitable[Collection[UUID]]],
    *,
    retire: bool = False,
    on_progress: Progress | None = None,
) -> RootRotated:
    """Make a new root key, and wrap what all of these tenants have under it.

    Args:
        keyring: its root is rotated.
        tenants: tells all of the installation; asked after the root is rotated, so that a tenant
            made meanwhile is among them or is under the new key already.
        retire: destroy the earlier root keys afterwards. Backups from before need them!
        on_progress: is told of every tenant.

    Raises:
        MasterKeyRefused: the root cannot make a key.
        KeysUnavailable: the root cannot be reached.
    """
    key_id, rewrapped = await keyring.root.rotate(), 0
    for tenant_id in await tenants():
        rewrapped += await _rewrap(keyring, tenant_id, key_id)
        if on_progress is not None:
            on_progress(1)
    retired = await keyring.root.retire() if retire else []
    return RootRotated(key_id=key_id, rewrapped=rewrapped, retired=tuple(retired))


async def _rewrap(keyring: Keyring, tenant_id: UUID, key_id: UUID) -> int:
    store = keyring.store
    done = 0
    purposes: tuple[tuple[Rooted, str, list[tuple[UUID, bytes | None]]], ...] = (
        (
            "tenant_keys",
            "tenant-key",
            [(each.key_id, each.wrapped) for each in await store.tenant_keys(tenant_id)],
        ),
        (
            "signing_keys",
            "signing-key",
            [(each.key_id, each.wrapped) for each in await store.signing_keys(tenant_id)],
        ),
    )
    for table, purpose, rows in purposes:
        changed: list[Rewrapped] = []
        for each, wrapped in rows:
            if wrapped is None or wrapped[:16] == key_id.bytes:
                continue
            context = binding(purpose, tenant_id, each)
            clear = await keyring.root.unwrap(wrapped, context)
            changed.append((each, wrapped, await keyring.root.wrap(clear, context)))
        done += await store.rewrap_root(tenant_id, table, key_id, changed)
    return done
