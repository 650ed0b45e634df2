"""All tenants' keys of a process, and what rings when they were rotated or destroyed elsewhere."""

from collections.abc import Callable
from typing import Self
from uuid import UUID

from tenancy.cipher import NotGenuine
from tenancy.keystore import KeyStore, MemoryKeys, PostgresKeys, Transactions
from tenancy.master import MasterKey, MasterKeyRefused, RootKey, UnknownKey, binding
from tenancy.tenant_keys import KeysNotReady, SubjectErased, TenantKeys, Trust

__all__ = [
    "KEY_CHANNEL",
    "Keyring",
    "KeysNotReady",
    "MasterKey",
    "MasterKeyRefused",
    "NotGenuine",
    "RootKey",
    "SubjectErased",
    "TenantKeys",
    "Trust",
    "UnknownKey",
    "binding",
]

KEY_CHANNEL = "merit_keys"
"""Rung when keys were rotated or destroyed; the payload is the tenant's id."""


class Keyring:
    """All tenants' keys of this process."""

    def __init__(self, store: KeyStore, root: RootKey, trust: Trust | None = None) -> None:
        self.store = store
        self.root = root
        self.trust = trust or Trust()
        self._tenants: dict[UUID, TenantKeys] = {}
        self._on_doubt: list[Callable[[UUID], None]] = []

    @classmethod
    def open(cls, db: Transactions, root: RootKey, trust: Trust | None = None) -> Self:
        """The keyring whose wrapped keys lie in this database."""
        return cls(PostgresKeys(db), root, trust)

    @classmethod
    def in_memory(cls) -> Self:
        """A keyring that is gone with the process."""
        return cls(MemoryKeys(), MasterKey.generate())

    async def of(self, tenant_id: UUID) -> TenantKeys:
        """The tenant's keys, its data key made on first demand.

        Raises:
            TenantErased: they were destroyed.
            KeysUnavailable: the root cannot be reached.
        """
        keys = self._tenants.get(tenant_id)
        if keys is None:
            keys = TenantKeys(tenant_id, self.store, self.root, self.trust)
            await keys.load()
            keys = self._tenants.setdefault(tenant_id, keys)
        return keys

    def trusted(self) -> bool:
        """Whether any tenant's keys may still be read with, were the root away."""
        return any(keys.trusted() for keys in self._tenants.values())

    def on_doubt(self, forget: Callable[[UUID], None]) -> None:
        """Have this called, too, when a tenant's keys were rotated or destroyed."""
        self._on_doubt.append(forget)

    def rung(self, payload: str) -> None:
        """What `KEY_CHANNEL` rings: a tenant's keys are not what they were; "" is all tenants."""
        for tenant_id in [UUID(payload)] if payload else list(self._tenants):
            if keys := self._tenants.get(tenant_id):
                keys.doubt()
            for forget in self._on_doubt:
                forget(tenant_id)

    async def close(self) -> None:
        """Let go of the root."""
        await self.root.close()
