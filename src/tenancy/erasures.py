"""What was erased for good: destroyed keys, signed orders, and the list that outlives the database.

An erasure is ordered first and carried out second. The order, signed by the tenant's own key, is
one line of a file that is kept beside the database and with its backups: a copy that was restored
from before an erasure carries out the orders again before it serves anybody.
"""

import fcntl
import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from tenancy.database import Database
from tenancy.errors import Unavailable
from tenancy.keyring import Keyring
from tenancy.signing import NoteRefused, Signers

TITLE = "meritledger erasure\n"
_JSON = msgspec.json.Encoder(order="deterministic")

# The topic as a literal, so that the partial index of it is used.
DECIDED = """
SELECT position FROM merit.events
WHERE tenant_id = $1 AND topic = 'erasure.subject-erased' ORDER BY position
"""


class ErasureListDamaged(Exception):
    """A line of the list is not what a tenant has signed; nobody is served until that is mended."""


class ErasureListMissing(Unavailable):
    """Nothing is erased where no list can be kept: a restored backup would bring it back."""

    def __init__(self) -> None:
        super().__init__("set MERIT_ERASURE_LIST to a file that is kept with the backups")


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """These keys are to be destroyed, wherever a copy of them is found."""

    tenant_id: UUID
    scope: Literal["subjects", "tenant"]
    subjects: tuple[UUID, ...] = ()
    """Of a person: themselves, and the texts that are about them and others. No tenant's order."""
    key_ids: tuple[UUID, ...]
    """As they were when it was ordered."""
    ordered_at: datetime


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """That keys were destroyed: without them nothing that they sealed can be read."""

    tenant_id: UUID
    scope: Literal["subjects", "tenant"]
    subjects: tuple[UUID, ...]
    key_ids: tuple[UUID, ...]
    """Of the keys that were destroyed."""
    ordered_at: datetime
    note: str
    """The order as a signed note (C2SP), which the tenant's verifier key opens."""
    verifier: str
    digest: str
    """SHA-256 of the note."""


class ErasureList:
    """The file of orders, a line each: a JSON text that holds a signed note.

    Args:
        path: of the file; None where there is none, and nothing can be erased.
        keyring: whose keys are destroyed.
        signers: who signs.
    """

    def __init__(self, path: Path | None, keyring: Keyring, signers: Signers) -> None:
        self._path = path
        self._keyring = keyring
        self._signers = signers

    def require(self) -> Path:
        """The file.

        Raises:
            ErasureListMissing: the settings name none.
        """
        if self._path is None:
            raise ErasureListMissing
        return self._path

    async def erase_subjects(self, tenant_id: UUID, subjects: Sequence[UUID]) -> Certificate:
        """Order and carry out the erasure of these subjects; again it only certifies.

        Raises:
            ErasureListMissing: no order can be kept.
        """
        path, wanted = self.require(), tuple(sorted(subjects))
        found = self._ordered(tenant_id, wanted)
        if found is None:
            rows = await self._keyring.store.subject_keys(tenant_id, subjects=wanted)
            order = Order(
                tenant_id=tenant_id,
                scope="subjects",
                subjects=wanted,
                key_ids=tuple(sorted(row.key_id for row in rows)),
                ordered_at=datetime.now(UTC),
            )
            found = await self._keep(path, order)
        left = await self._keyring.store.destroy_subjects(tenant_id, wanted)
        self._keyring.rung(str(tenant_id))
        order, note = found
        destroyed = tuple(sorted(row.key_id for row in left))
        return await self._certificate(order, note, destroyed)

    async def erase_tenant(self, tenant_id: UUID) -> Certificate:
        """Order and carry out the destruction of every key of a tenant.

        Raises:
            ErasureListMissing: no order can be kept.
        """
        path, store = self.require(), self._keyring.store
        found = self._ordered(tenant_id, None)
        if found is None:
            # Its first key signs, so there is one to check the order by in any copy.
            await self._signers.of(tenant_id)
            key_ids = [row.key_id for row in await store.tenant_keys(tenant_id)]
            key_ids += [row.key_id for row in await store.signing_keys(tenant_id)]
            after: UUID | None = None
            while rows := await store.all_subject_keys(tenant_id, after, 5_000):
                key_ids += [row.key_id for row in rows]
                after = rows[-1].subject_id
            order = Order(
                tenant_id=tenant_id,
                scope="tenant",
                key_ids=tuple(sorted(key_ids)),
                ordered_at=datetime.now(UTC),
            )
            found = await self._keep(path, order)
        await store.destroy_all(tenant_id)
        self._keyring.rung(str(tenant_id))
        order, note = found
        return await self._certificate(order, note, order.key_ids)

    async def _keep(self, path: Path, order: Order) -> tuple[Order, str]:
        signer = await self._signers.of(order.tenant_id)
        note = signer.sign(TITLE + _JSON.encode(order).decode() + "\n")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            # One writer at a time, and on the disk before any key is gone.
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.write(handle, _JSON.encode(note) + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
        return order, note

    async def _certificate(self, order: Order, note: str, key_ids: tuple[UUID, ...]) -> Certificate:
        newest = (await self._signers.verifiers(order.tenant_id))[-1]
        return Certificate(
            tenant_id=order.tenant_id,
            scope=order.scope,
            subjects=order.subjects,
            key_ids=key_ids,
            ordered_at=order.ordered_at,
            note=note,
            verifier=str(newest),
            digest=hashlib.sha256(note.encode()).hexdigest(),
        )

    async def certified(self, tenant_id: UUID, subject_id: UUID) -> Certificate | None:
        """The certificate of the first erasure of a subject; None where there was none yet."""
        for order, note in self.orders():
            if order.tenant_id == tenant_id and subject_id in order.subjects:
                rows = await self._keyring.store.subject_keys(tenant_id, subjects=order.subjects)
                if all(row.wrapped is None for row in rows):
                    key_ids = tuple(sorted(row.key_id for row in rows))
                    return await self._certificate(order, note, key_ids)
        return None

    # -- reading

    def notes(self) -> list[str]:
        """All lines.

        Raises:
            ErasureListDamaged: a line is not a JSON text.
        """
        if self._path is None or not self._path.exists():
            return []
        found = []
        # A last line without its end was cut short before its key was destroyed.
        for number, line in enumerate(self._path.read_bytes().split(b"\n")[:-1], 1):
            try:
                found.append(msgspec.json.decode(line, type=str))
            except msgspec.MsgspecError as error:
                raise ErasureListDamaged(f"line {number} of {self._path} cannot be read") from error
        return found

    def orders(self) -> list[tuple[Order, str]]:
        """All orders with their notes, unverified.

        Raises:
            ErasureListDamaged: a line is not an order.
        """
        return [(self._read(note), note) for note in self.notes()]

    def _read(self, note: str) -> Order:
        title, _, rest = note.partition("\n")
        try:
            if f"{title}\n" != TITLE:
                raise ErasureListDamaged(f"{self._path}: {title!r} is not an order")
            return msgspec.json.decode(rest.partition("\n")[0], type=Order)
        except msgspec.MsgspecError as error:
            raise ErasureListDamaged(f"{self._path}: an order cannot be read") from error

    def _ordered(
        self, tenant_id: UUID, subjects: tuple[UUID, ...] | None
    ) -> tuple[Order, str] | None:
        scope = "tenant" if subjects is None else "subjects"
        for order, note in self.orders():
            if (order.tenant_id, order.scope) == (tenant_id, scope) and (
                subjects is None or order.subjects == subjects
            ):
                return order, note
        return None

    # -- carrying out again

    async def carry_out(self) -> list[Order]:
        """Carry out again what this database does not know of; which orders that were.

        For before anybody is served: the database may be a copy from before the erasures.

        Raises:
            ErasureListDamaged: an order is not signed by the tenant that it is about.
        """
        done = []
        for order, note in self.orders():
            rows = await self._keyring.store.tenant_keys(order.tenant_id)
            if not rows:
                continue  # another installation's, or a tenant that this copy does not have
            await self._verify(order, note)
            if order.scope == "tenant":
                if await self._keyring.store.destroy_all(order.tenant_id):
                    done.append(order)
            elif rows[-1].wrapped is not None and await self._readable(order):
                await self._keyring.store.destroy_subjects(order.tenant_id, order.subjects)
                done.append(order)
        return done

    async def _readable(self, order: Order) -> bool:
        rows = await self._keyring.store.subject_keys(order.tenant_id, subjects=order.subjects)
        gone = {row.subject_id for row in rows if row.wrapped is None}
        return not gone.issuperset(order.subjects)

    async def _verify(self, order: Order, note: str) -> None:
        for verifier in await self._signers.verifiers(order.tenant_id):
            try:
                verifier.open(note)
            except NoteRefused:
                continue
            return
        raise ErasureListDamaged(
            f"{self._path}: an order about tenant {order.tenant_id} is not signed by it"
        )


async def decided(database: Database, tenant_id: UUID) -> list[int]:
    """Positions of the decisions to erase in a tenant's log; a partial index holds them."""
    async with database.transaction(tenant_id, read_only=True) as connection:
        return [row["position"] for row in await connection.fetch(DECIDED, tenant_id)]
