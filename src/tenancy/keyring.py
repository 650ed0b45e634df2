"""Keys in three tiers: the master key wraps tenants' keys, these wrap the subjects' keys.

Sealed bytes are `key id (16) | algorithm (1) | nonce (12) | ciphertext and tag`. The algorithm is
1, AES-256-GCM; its nonces are random, so a key may seal 2^32 times.
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Protocol, Self
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenancy.entropy import entropy
from tenancy.keystore import KeyStore, MemoryKeys, PostgresKeys, SubjectKey, TenantKey, Transactions

KEY_BYTES = 32
ALGORITHM = "AES-256-GCM"
_ALGORITHM_BYTE = b"\x01"
_NONCE_AT = 17
_TEXT_AT = 29
_SEALED_BYTES_MIN = _TEXT_AT + 16
_SUBJECTS_CACHED_MAX = 100_000


class MasterKeyRefused(Exception):
    """The master key cannot be used as it is: its file's mode, its length, its text."""


class NotGenuine(Exception):
    """Sealed bytes do not open: they, or the place that they are bound to, were changed."""


class UnknownKey(Exception):
    """Sealed bytes name a key that this tenant does not have."""


class KeysNotReady(LookupError):
    """A key was not loaded before it was used: `subjects` or `ready` was not awaited."""


class SubjectErased(Exception):
    """The subject's key was destroyed; nothing personal can be written about them any more."""

    def __init__(self, subject_id: UUID) -> None:
        super().__init__(f"the key of subject {subject_id} was destroyed")
        self.subject_id = subject_id


class RootKey(Protocol):
    """What wraps the keys of tenants: a key in a file, or a service that keeps one."""

    @property
    def key_id(self) -> UUID: ...
    async def wrap(self, key: bytes, context: bytes) -> bytes: ...
    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes: ...


def binding(purpose: str, *ids: UUID) -> bytes:
    """The associated data of a wrapped key: what it is for, and every id that it belongs to."""
    return b"".join((purpose.encode(), b"\x00", *(each.bytes for each in ids)))


class MasterKey:
    """The root key in 32 bytes, from a file that only we may read, or from the environment."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise MasterKeyRefused(f"a master key has {KEY_BYTES} bytes, not {len(key)}")
        digest = hashlib.sha256(b"meritledger master key id\x00" + key).digest()
        self.key_id = UUID(bytes=digest[:16])
        self._cipher = _Cipher(self.key_id, key)

    @classmethod
    def generate(cls) -> Self:
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """From 32 bytes in base64, as an environment variable holds them.

        Raises:
            MasterKeyRefused: not base64, or not 32 bytes.
        """
        try:
            return cls(base64.b64decode(text.strip(), validate=True))
        except binascii.Error as error:
            raise MasterKeyRefused("the master key is not base64") from error

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """From a file of 32 raw bytes, which is created with mode 0600 where there is none.

        Raises:
            MasterKeyRefused: others may read the file, or it does not hold 32 bytes.
        """
        if not path.exists():
            _create(path, secrets.token_bytes(KEY_BYTES))
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise MasterKeyRefused(
                f"{path} has mode {mode:04o}: others may reach the master key; chmod 600 it, "
                "and think about who has read it"
            )
        return cls(path.read_bytes())

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        return self._cipher.seal(key, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key again.

        Raises:
            UnknownKey: another master key wrapped it.
            NotGenuine: it was changed, or belongs elsewhere.
        """
        if wrapped[:16] != self.key_id.bytes:
            raise UnknownKey(f"wrapped by another master key than {self.key_id}")
        return self._cipher.open(wrapped, context)


def _create(path: Path, content: bytes) -> None:
    # Written aside and linked into place: of two first starts one wins, and no one ever reads
    # half a key. mkstemp makes the file 0600 from the beginning.
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, aside = tempfile.mkstemp(prefix=path.name, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            return
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    finally:
        Path(aside).unlink()


class _Cipher:
    """One key, ready to use; building an AESGCM costs more than sealing with it."""

    __slots__ = ("_aead", "_head", "key", "key_id")

    def __init__(self, key_id: UUID, key: bytes) -> None:
        self.key_id = key_id
        self.key = key
        self._head = key_id.bytes + _ALGORITHM_BYTE
        self._aead = AESGCM(key)

    def seal(self, plaintext: bytes, bound: bytes) -> bytes:
        nonce = entropy(12)
        return self._head + nonce + self._aead.encrypt(nonce, plaintext, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        if sealed[16:17] != _ALGORITHM_BYTE or len(sealed) < _SEALED_BYTES_MIN:
            raise NotGenuine("the sealed bytes name no algorithm that we have, or are cut short")
        try:
            return self._aead.decrypt(sealed[_NONCE_AT:_TEXT_AT], sealed[_TEXT_AT:], bound)
        except InvalidTag as error:
            raise NotGenuine("the sealed bytes or their place were changed") from error


class _Withheld(dict[bytes, _Cipher | None]):
    """Subject keys as a bundle brings them: one that it does not bring reads as erased."""

    def __missing__(self, key_id: bytes) -> None:
        return None


class TenantKeys:
    """The keys of one tenant. Sealing and opening are plain calls on keys loaded before.

    `await subjects(ids)` and `await ready(key ids)` load what is missing. What they loaded stays
    at hand until the caller's next `await` at least, and usually much longer.
    """

    def __init__(self, tenant_id: UUID, store: KeyStore, root: RootKey) -> None:
        self.tenant_id = tenant_id
        self._store = store
        self._root = root
        self._data: dict[bytes, _Cipher] = {}
        self._current: _Cipher | None = None
        # By key id; None is a destroyed key.
        self._personal: dict[bytes, _Cipher | None] = {}
        self._of_subject: dict[UUID, bytes] = {}

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

    def _sealing(self) -> _Cipher:
        if self._current is None:
            raise KeysNotReady(f"the data key of tenant {self.tenant_id} is not loaded")
        return self._current

    # -- loading

    async def load(self) -> None:
        """Read all data keys of the tenant; make the first one where there is none."""
        rows = await self._store.tenant_keys(self.tenant_id)
        if not rows:
            rows = await self._store.add_tenant_key(self.tenant_id, await self._new_data_key(1))
        for row in rows:
            if row.wrapped is not None and row.key_id.bytes not in self._data:
                context = binding("tenant-key", self.tenant_id, row.key_id)
                key = await self._root.unwrap(row.wrapped, context)
                self._data[row.key_id.bytes] = _Cipher(row.key_id, key)
        self._current = self._data.get(rows[-1].key_id.bytes)

    async def _new_data_key(self, generation: int) -> TenantKey:
        key_id = uuid4()
        context = binding("tenant-key", self.tenant_id, key_id)
        return TenantKey(
            key_id=key_id,
            generation=generation,
            algorithm=ALGORITHM,
            wrapped=await self._root.wrap(secrets.token_bytes(KEY_BYTES), context),
            wrapped_by=self._root.key_id,
        )

    async def subjects(self, subject_ids: Collection[UUID]) -> None:
        """Have these subjects' keys at hand; make those that there are not."""
        missing = {each for each in subject_ids if each not in self._of_subject}
        if not missing:
            return
        self._make_room()
        found = await self._store.subject_keys(self.tenant_id, subjects=sorted(missing))
        missing.difference_update(row.subject_id for row in found)
        if missing:
            new = [self._new_subject_key(each) for each in sorted(missing)]
            found += await self._store.add_subject_keys(self.tenant_id, new)
        await self._take(found)

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
        if unknown := {each for each in data if each not in self._data}:
            await self.load()
            if unknown := unknown - self._data.keys():
                raise UnknownKey(f"tenant {self.tenant_id} has no data key {unknown.pop().hex()}")
        missing = {each for each in personal if each not in self._personal}
        if not missing:
            return
        self._make_room()
        ids = [UUID(bytes=each) for each in missing]
        await self._take(await self._store.subject_keys(self.tenant_id, key_ids=ids))
        if missing := missing - self._personal.keys():
            raise UnknownKey(f"tenant {self.tenant_id} has no subject key {missing.pop().hex()}")

    async def _take(self, rows: Iterable[SubjectKey]) -> None:
        for row in rows:
            cipher = None
            if row.wrapped is not None:
                if row.wrapped[:16] not in self._data:
                    await self.load()
                context = binding("subject-key", self.tenant_id, row.subject_id, row.key_id)
                cipher = _Cipher(row.key_id, self.open(row.wrapped, context))
            self._personal[row.key_id.bytes] = cipher
            self._of_subject[row.subject_id] = row.key_id.bytes

    def _make_room(self) -> None:
        # Before loading and never after, so that what was asked for is there whatever its number.
        if len(self._personal) > _SUBJECTS_CACHED_MAX:
            self.forget_subjects()

    def forget_subjects(self) -> None:
        """Drop the subjects' keys from memory; they are read again when needed."""
        self._personal.clear()
        self._of_subject.clear()

    # -- for a bundle whose reader may see the content

    def data_keys(self) -> dict[UUID, bytes]:
        """All data keys in clear."""
        return {cipher.key_id: cipher.key for cipher in self._data.values()}

    async def subject_keys(self, rows: Iterable[SubjectKey]) -> dict[UUID, bytes | None]:
        """These rows' keys in clear by key id; None where destroyed."""
        await self._take(rows := list(rows))
        found = ((row.key_id, self._personal[row.key_id.bytes]) for row in rows)
        return {key_id: cipher.key if cipher else None for key_id, cipher in found}

    @classmethod
    def from_clear(
        cls, tenant_id: UUID, data: Mapping[UUID, bytes], personal: Mapping[UUID, bytes | None]
    ) -> Self:
        """Keys as a bundle brings them: they open, offline, and make nothing new."""
        keys = cls(tenant_id, MemoryKeys(), MasterKey.generate())
        keys._data = {each.bytes: _Cipher(each, key) for each, key in data.items()}
        keys._personal = _Withheld(
            (each.bytes, None if key is None else _Cipher(each, key))
            for each, key in personal.items()
        )
        return keys


class Keyring:
    """All tenants' keys of this process."""

    def __init__(self, store: KeyStore, root: RootKey) -> None:
        self.store = store
        self.root = root
        self._tenants: dict[UUID, TenantKeys] = {}

    @classmethod
    def open(cls, db: Transactions, root: RootKey) -> Self:
        """The keyring whose wrapped keys lie in this database."""
        return cls(PostgresKeys(db), root)

    @classmethod
    def in_memory(cls) -> Self:
        """A keyring that is gone with the process."""
        return cls(MemoryKeys(), MasterKey.generate())

    async def of(self, tenant_id: UUID) -> TenantKeys:
        """The tenant's keys, its data key made on first demand."""
        keys = self._tenants.get(tenant_id)
        if keys is None:
            keys = TenantKeys(tenant_id, self.store, self.root)
            await keys.load()
            keys = self._tenants.setdefault(tenant_id, keys)
        return keys
