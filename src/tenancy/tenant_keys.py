"""Keys in three tiers: the root key wraps tenants' keys, these wrap the subjects' keys.

Keys are remembered for a while and no longer: what was destroyed elsewhere is forgotten here too,
and without the root (its service may be away) reading goes on for `Trust.reading_s`, writing for
`Trust.writing_s`.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Self
from uuid import UUID, uuid4

import msgspec

from tenancy.cipher import ALGORITHM, KEY_BYTES, SEALS_MAX, Cipher, NoncesUsedUp
from tenancy.database import is_retryable
from tenancy.errors import KeysUnavailable, TenantErased, Unavailable
from tenancy.keystore import KeyStore, MemoryKeys, SubjectKey, TenantKey
from tenancy.master import MasterKey, RootKey, UnknownKey, binding, wrapped_by

SEALS_AT_ONCE = 2**20
"""Nonces that a process reserves of a tenant's key; 4,096 such shares are the whole of it."""
_SUBJECTS_CACHED_MAX = 100_000
_AGAIN_S = 5.0
"""After a look at the keys that failed, reading does not try again for so long."""


class KeysNotReady(LookupError):
    """A key was not loaded before it was used: `subjects` or `ready` was not awaited."""


class SubjectErased(Exception):
    """The subject's key was destroyed; nothing personal can be written about them any more."""

    def __init__(self, subject_id: UUID) -> None:
        super().__init__(f"the key of subject {subject_id} was destroyed")
        self.subject_id = subject_id


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """For how long keys are used since root and store last confirmed them."""

    reading_s: float = 300.0
    writing_s: float = 10.0


class _Withheld(dict[bytes, Cipher | None]):
    """Subject keys as a bundle brings them: one that it does not bring reads as erased."""

    def __missing__(self, key_id: bytes) -> None:
        return None


class TenantKeys:
    """The keys of one tenant. Sealing and opening are plain calls on keys loaded before.

    `await subjects(ids)` and `await ready(key ids)` load what is missing. What they loaded stays
    at hand until the caller's next `await` at least, and usually much longer.
    """

    def __init__(
        self, tenant_id: UUID, store: KeyStore, root: RootKey, trust: Trust | None = None
    ) -> None:
        self.tenant_id = tenant_id
        self._store = store
        self._root = root
        self._trust = trust or Trust()
        self._data: dict[bytes, Cipher] = {}
        self._current: Cipher | None = None
        # By key id; None is a destroyed key.
        self._personal: dict[bytes, Cipher | None] = {}
        self._of_subject: dict[UUID, bytes] = {}
        # When root and store last said that these are the keys; in monotonic seconds.
        self._confirmed = float("-inf")
        self._again = float("-inf")
        self._looking = asyncio.Lock()
        # Subjects whose keys are to be read next, and the reading that is under way.
        self._wanted: set[UUID] = set()
        self._loading: asyncio.Task[None] | None = None
        # Counts what was forgotten, so that what was read before is not remembered after.
        self._epoch = 0

    # -- the hot path

    @property
    def key_id(self) -> UUID:
        """The data key that seals now."""
        return self._sealing().key_id

    def seal(self, plaintext: bytes, bound: bytes) -> bytes:
        """Sealed under the tenant's data key; it opens only with the same `bound`."""
        return self._sealing().seal(plaintext, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """The plaintext.

        Raises:
            KeysNotReady: its key is not loaded.
            NotGenuine: the bytes were changed, or were bound to something else.
        """
        cipher = self._data.get(sealed[:16])
        if cipher is None:
            raise KeysNotReady(f"data key {sealed[:16].hex()} is not loaded")
        return cipher.open(sealed, bound)

    def decrypting(self, head: bytes) -> Callable[[bytes, bytes, bytes], bytes]:
        """Takes nonce, ciphertext and what they are bound to, of sealed bytes that begin so.

        Raises:
            KeysNotReady, NotGenuine: as `open`.
        """
        cipher = self._data.get(head[:16])
        if cipher is None:
            raise KeysNotReady(f"data key {head[:16].hex()} is not loaded")
        return cipher.decrypting(head)

    def seal_personal(self, subject_id: UUID, plaintext: bytes, bound: bytes) -> bytes:
        """Sealed under the subject's key.

        Raises:
            KeysNotReady: `subjects` was not awaited.
            SubjectErased: the key was destroyed.
        """
        key_id = self._of_subject.get(subject_id)
        if key_id is None or key_id not in self._personal:
            raise KeysNotReady(f"the key of subject {subject_id} is not loaded")
        cipher = self._personal[key_id]
        if cipher is None:
            raise SubjectErased(subject_id)
        return cipher.seal(plaintext, bound)

    def open_personal(self, sealed: bytes, bound: bytes) -> bytes | None:
        """The plaintext, or None where the subject's key was destroyed.

        Raises:
            KeysNotReady: `ready` was not awaited.
            NotGenuine: the bytes were changed, or were bound to something else.
        """
        try:
            cipher = self._personal[sealed[:16]]
        except KeyError as error:
            raise KeysNotReady(f"subject key {sealed[:16].hex()} is not loaded") from error
        return None if cipher is None else cipher.open(sealed, bound)

    def _sealing(self) -> Cipher:
        if self._current is None:
            raise KeysNotReady(f"the data key of tenant {self.tenant_id} is not loaded")
        return self._current

    # -- loading

    async def load(self) -> None:
        """Read all data keys of the tenant; make the first one where there is none.

        Raises:
            TenantErased: they were destroyed.
            KeysUnavailable: the root cannot be reached.
        """
        rows = await self._store.tenant_keys(self.tenant_id)
        made = not rows
        if made:
            rows = await self._store.add_tenant_key(self.tenant_id, await self._new_data_key(1))
        newest, data = rows[-1], {}
        if newest.wrapped is None:
            self.forget()
            raise TenantErased(self.tenant_id)
        for row in rows:
            cipher = self._data.get(row.key_id.bytes)
            # The root is asked for the newest one every time: else nobody knew that it is away.
            if row.wrapped is not None and (cipher is None or row is newest):
                context = binding("tenant-key", self.tenant_id, row.key_id)
                key = await self._root.unwrap(row.wrapped, context)
                cipher = cipher or Cipher(row.key_id, key, left=0)
            if cipher is not None and row.wrapped is not None:
                data[row.key_id.bytes] = cipher
        self._data, self._current = data, data[newest.key_id.bytes]
        self._confirmed = time.monotonic()
        if made:
            await self._reserve(SEALS_AT_ONCE)

    async def _new_data_key(self, generation: int) -> TenantKey:
        key_id = uuid4()
        context = binding("tenant-key", self.tenant_id, key_id)
        wrapped = await self._root.wrap(secrets.token_bytes(KEY_BYTES), context)
        return TenantKey(
            key_id=key_id,
            generation=generation,
            algorithm=ALGORITHM,
            wrapped=wrapped,
            wrapped_by=wrapped_by(wrapped),
        )

    def may_seal(self, count: int) -> bool:
        """Whether the newest data key is at hand, confirmed, and has `count` nonces left here."""
        current = self._current
        return (
            current is not None
            and current.left >= count
            and time.monotonic() < self._confirmed + self._trust.writing_s
        )

    async def sealing(self, count: int) -> None:
        """Have what `count` seals need.

        Raises:
            KeysUnavailable: the root cannot be reached.
            TenantErased: the keys were destroyed.
        """
        if self.may_seal(count):
            return
        async with self._looking:
            if time.monotonic() >= self._confirmed + self._trust.writing_s:
                await self.load()
            while self._sealing().left < count:
                await self._reserve(max(count, SEALS_AT_ONCE))

    async def _reserve(self, count: int) -> None:
        current = self._sealing()
        if count > SEALS_MAX:
            raise NoncesUsedUp(current.key_id)
        if await self._store.reserve_seals(self.tenant_id, current.key_id, count, SEALS_MAX):
            current.left += count
        else:
            await self._follow()

    async def _follow(self) -> None:
        """Let another data key follow on the newest."""
        rows = await self._store.tenant_keys(self.tenant_id)
        new = await self._new_data_key(rows[-1].generation + 1)
        await self._store.add_tenant_key(self.tenant_id, new)
        await self.load()

    async def rotate(self) -> UUID:
        """Let a new data key seal from now on; the old ones still open. Its id."""
        async with self._looking:
            await self._follow()
            await self._reserve(SEALS_AT_ONCE)
        return self.key_id

    async def rewrap(self, rows: Collection[SubjectKey]) -> int:
        """Wrap these subjects' keys under the newest data key; how many had another."""
        await self.sealing(len(rows))
        current, changed = self._sealing(), []
        for row in rows:
            if row.wrapped is not None and row.wrapped[:16] != current.key_id.bytes:
                context = binding("subject-key", self.tenant_id, row.subject_id, row.key_id)
                fresh = current.seal(self.open(row.wrapped, context), context)
                changed.append((row.subject_id, row.wrapped, fresh))
        return await self._store.rewrap_subject_keys(self.tenant_id, current.key_id, changed)

    async def subjects(self, subject_ids: Collection[UUID]) -> None:
        """Have these subjects' keys at hand; make those that there are not.

        What is wanted while keys are being read is read together next: of 64 ratings at once, each
        of another person, that is one question instead of twenty.
        """
        while not self.has(subject_ids):
            self._wanted.update(each for each in subject_ids if each not in self._of_subject)
            if self._loading is None:
                self._loading = asyncio.create_task(self._load_wanted())
            await asyncio.shield(self._loading)

    async def _load_wanted(self) -> None:
        wanted, self._wanted = self._wanted, set()
        try:
            await self._load_subjects(wanted)
        finally:
            self._loading = None

    async def _load_subjects(self, subject_ids: Collection[UUID]) -> None:
        self._make_room()
        taken = False
        while not taken:
            missing = {each for each in subject_ids if each not in self._of_subject}
            epoch = self._epoch
            found = await self._store.subject_keys(self.tenant_id, subjects=sorted(missing))
            missing.difference_update(row.subject_id for row in found)
            if missing:
                await self.sealing(len(missing))
                new = [self._new_subject_key(each) for each in sorted(missing)]
                found += await self._store.add_subject_keys(self.tenant_id, new)
            taken = await self._take(found, epoch)

    def _new_subject_key(self, subject_id: UUID) -> SubjectKey:
        key_id, wrapping = uuid4(), self._sealing()
        context = binding("subject-key", self.tenant_id, subject_id, key_id)
        return SubjectKey(
            subject_id=subject_id,
            key_id=key_id,
            algorithm=ALGORITHM,
            wrapped=wrapping.seal(secrets.token_bytes(KEY_BYTES), context),
            wrapped_by=wrapping.key_id,
        )

    def has(self, subject_ids: Collection[UUID]) -> bool:
        """Whether these subjects' keys, or that they were destroyed, are at hand."""
        return all(each in self._of_subject for each in subject_ids)

    def trusted(self) -> bool:
        """Whether reading may go on without an answer from the root."""
        return time.monotonic() < self._confirmed + self._trust.reading_s

    def due(self) -> bool:
        """Whether root and store are to be asked again whether these are the keys."""
        return time.monotonic() >= self._confirmed + self._trust.writing_s

    def lacks(self, sealed: bytes, personal: bytes | None) -> bool:
        """Whether a key that these sealed bytes name is not at hand yet."""
        return sealed[:16] not in self._data or (
            personal is not None and personal[:16] not in self._personal
        )

    async def ready(self, data: Iterable[bytes], personal: Iterable[bytes]) -> None:
        """Have the keys at hand that sealed bytes name by these ids of 16 bytes.

        Raises:
            UnknownKey: the tenant has no such key.
        """
        await self._confirm()
        if unknown := {each for each in data if each not in self._data}:
            await self.load()
            if unknown := unknown - self._data.keys():
                raise UnknownKey(f"tenant {self.tenant_id} has no data key {unknown.pop().hex()}")
        taken, wanted = False, set(personal)
        while not taken and (missing := {each for each in wanted if each not in self._personal}):
            self._make_room()
            epoch, ids = self._epoch, [UUID(bytes=each) for each in missing | wanted]
            rows = await self._store.subject_keys(self.tenant_id, key_ids=ids)
            taken = await self._take(rows, epoch)
            if taken and (missing := missing - self._personal.keys()):
                lost = missing.pop().hex()
                raise UnknownKey(f"tenant {self.tenant_id} has no subject key {lost}")

    async def _confirm(self) -> None:
        """See that these still are the keys; go on without an answer for as long as is trusted."""
        now = time.monotonic()
        until = self._confirmed + self._trust.reading_s
        if not self.due() or (now < until and (now < self._again or self._looking.locked())):
            return
        async with self._looking:
            if not self.due():
                return
            if time.monotonic() >= self._again:
                try:
                    await self.load()
                except Exception as error:
                    if not isinstance(error, Unavailable) and not is_retryable(error):
                        raise
                    self._again = time.monotonic() + _AGAIN_S
                else:
                    return
        if time.monotonic() >= self._confirmed + self._trust.reading_s:
            self.forget()
            raise KeysUnavailable("what keeps the keys has been away for too long")

    async def _take(self, rows: Iterable[SubjectKey], epoch: int) -> bool:
        """Remember these keys, unless some were destroyed while they were read."""
        rows = list(rows)
        if any(row.wrapped and row.wrapped[:16] not in self._data for row in rows):
            await self.load()
        if epoch != self._epoch:
            return False
        for row in rows:
            cipher = None
            if row.wrapped is not None:
                context = binding("subject-key", self.tenant_id, row.subject_id, row.key_id)
                cipher = Cipher(row.key_id, self.open(row.wrapped, context))
            self._personal[row.key_id.bytes] = cipher
            self._of_subject[row.subject_id] = row.key_id.bytes
        return True

    def _make_room(self) -> None:
        # Before loading and never after, so that what was asked for is there whatever its number.
        if len(self._personal) > _SUBJECTS_CACHED_MAX:
            self.forget_subjects()

    def forget_subjects(self) -> None:
        """Drop the subjects' keys from memory; they are read again when needed."""
        self._epoch += 1
        self._personal.clear()
        self._of_subject.clear()

    def doubt(self) -> None:
        """Keys may have been rotated or destroyed elsewhere: read them again before their use."""
        self.forget_subjects()
        self._confirmed = min(self._confirmed, time.monotonic() - self._trust.writing_s)
        self._again = float("-inf")

    def forget(self) -> None:
        """Drop all keys from memory."""
        self.forget_subjects()
        self._data, self._current, self._confirmed = {}, None, float("-inf")

    # -- for a bundle whose reader may see the content

    def data_keys(self) -> dict[UUID, bytes]:
        """All data keys in clear."""
        return {cipher.key_id: cipher.key for cipher in self._data.values()}

    async def subject_keys(self, rows: Iterable[SubjectKey]) -> dict[UUID, bytes | None]:
        """These rows' keys in clear by key id; None where destroyed."""
        rows = list(rows)
        while not await self._take(rows, self._epoch):
            pass
        found = ((row.key_id, self._personal[row.key_id.bytes]) for row in rows)
        return {key_id: cipher.key if cipher else None for key_id, cipher in found}

    @classmethod
    def from_clear(
        cls, tenant_id: UUID, data: Mapping[UUID, bytes], personal: Mapping[UUID, bytes | None]
    ) -> Self:
        """Keys as a bundle brings them: they open, offline, and make nothing new."""
        keys = cls(tenant_id, MemoryKeys(), MasterKey.generate())
        keys._confirmed = float("inf")  # by the bundle, for good
        keys._data = {each.bytes: Cipher(each, key) for each, key in data.items()}
        keys._personal = _Withheld(
            (each.bytes, None if key is None else Cipher(each, key))
            for each, key in personal.items()
        )
        return keys
