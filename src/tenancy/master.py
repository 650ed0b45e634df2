"""The root of all keys: 32 bytes in a file or in the environment, or a service that keeps them.

Whatever it is, wrapped bytes begin with the id of the root key that wrapped them: so several of
them can be in use while one takes over from another.
"""

import base64
import binascii
import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Protocol, Self
from uuid import UUID

from tenancy.cipher import KEY_BYTES, Cipher

_PREVIOUS = ".previous-"


class MasterKeyRefused(Exception):
    """The master key cannot be used as it is: its file's mode, its length, its text."""


class UnknownKey(Exception):
    """Sealed bytes name a key that is not there."""


class RootKey(Protocol):
    """What wraps the keys of tenants. All of it may raise `KeysUnavailable`."""

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wrapped under the newest root key, whose id of 16 bytes is at the front."""
        ...

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key again.

        Raises:
            UnknownKey: another root wrapped it.
            NotGenuine: it was changed, or belongs elsewhere.
        """
        ...

    async def current(self) -> UUID:
        """The id of the root key that wraps now."""
        ...

    async def rotate(self) -> UUID:
        """Make a new root key; the old ones still unwrap. Its id.

        Raises:
            MasterKeyRefused: this root is told its keys and cannot make one.
        """
        ...

    async def retire(self) -> list[UUID]:
        """Destroy all root keys but the newest, once nothing is wrapped by them; which."""
        ...

    async def close(self) -> None: ...


def binding(purpose: str, *ids: UUID) -> bytes:
    """The associated data of a wrapped key: what it is for, and every id that it belongs to."""
    return b"".join((purpose.encode(), b"\x00", *(each.bytes for each in ids)))


def wrapped_by(wrapped: bytes) -> UUID:
    """The id of the key that wrapped these bytes."""
    return UUID(bytes=wrapped[:16])


class MasterKey:
    """The root key in 32 bytes, from a file that only we may read, or from the environment.

    Args:
        key: wraps.
        previous: earlier ones, which still unwrap.
        path: the file that it was read from; it is looked at again when it may have changed.
    """

    def __init__(self, key: bytes, *previous: bytes, path: Path | None = None) -> None:
        self._path = path
        self._seen = _identity(path)
        self._take(key, previous)

    def _take(self, key: bytes, previous: tuple[bytes, ...]) -> None:
        self._cipher = _cipher(key)
        self._ciphers = {each.key_id.bytes: each for each in map(_cipher, previous)}
        self._ciphers[self._cipher.key_id.bytes] = self._cipher

    @property
    def key_id(self) -> UUID:
        """The key that wraps."""
        return self._cipher.key_id

    @classmethod
    def generate(cls) -> Self:
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """From 32 bytes in base64, as an environment variable holds them.

        Several may be given, parted by commas: the first one wraps, all of them unwrap.

        Raises:
            MasterKeyRefused: not base64, or not 32 bytes.
        """
        try:
            keys = [base64.b64decode(each.strip(), validate=True) for each in text.split(",")]
        except binascii.Error as error:
            raise MasterKeyRefused("the master key is not base64") from error
        return cls(*keys)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """From a file of 32 raw bytes, which is created with mode 0600 where there is none.

        Earlier keys lie beside it, their names ending in `.previous-` and their id.

        Raises:
            MasterKeyRefused: others may read a file, or it does not hold 32 bytes.
        """
        if not path.exists():
            _create(path, secrets.token_bytes(KEY_BYTES))
        return cls(_read(path), *map(_read, _previous(path)), path=path)

    async def wrap(self, key: bytes, context: bytes) -> bytes:
        self._look_again()
        return self._cipher.seal(key, context)

    async def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        if wrapped[:16] not in self._ciphers:
            self._look_again()
        cipher = self._ciphers.get(wrapped[:16])
        if cipher is None:
            raise UnknownKey(f"wrapped by another master key than {self.key_id}")
        return cipher.open(wrapped, context)

    async def current(self) -> UUID:
        self._look_again()
        return self.key_id

    async def rotate(self) -> UUID:
        if self._path is None:
            if len(self._ciphers) == 1:
                raise MasterKeyRefused(
                    "put the new key before the old one in MERIT_MASTER_KEY, parted by a comma, "
                    "start everything with it, and rotate then"
                )
            return self.key_id
        # The old key is safe under its other name before the new one takes its place.
        old = self._path.with_name(f"{self._path.name}{_PREVIOUS}{self.key_id.hex}")
        if not old.exists():
            _create(old, self._cipher.key)
        aside = self._path.with_name(f"{self._path.name}.next-{secrets.token_hex(4)}")
        _create(aside, secrets.token_bytes(KEY_BYTES))
        aside.replace(self._path)
        _sync(self._path.parent)
        self._look_again()
        return self.key_id

    async def retire(self) -> list[UUID]:
        if self._path is None:
            return []
        self._look_again()
        gone = []
        for path in _previous(self._path):
            gone.append(_cipher(_read(path)).key_id)
            _overwrite(path)
            path.unlink()
        _sync(self._path.parent)
        self._take(_read(self._path), ())
        return gone

    async def close(self) -> None:
        """Nothing is held open."""

    def _look_again(self) -> None:
        # Another process may have rotated the key; a look at the folder's entry is cheap, and
        # wrapping is rare.
        if self._path is not None and _identity(self._path) != self._seen:
            seen = _identity(self._path)
            self._take(_read(self._path), tuple(map(_read, _previous(self._path))))
            self._seen = seen


def _cipher(key: bytes) -> Cipher:
    if len(key) != KEY_BYTES:
        raise MasterKeyRefused(f"a master key has {KEY_BYTES} bytes, not {len(key)}")
    digest = hashlib.sha256(b"meritledger master key id\x00" + key).digest()
    return Cipher(UUID(bytes=digest[:16]), key)


def _identity(path: Path | None) -> tuple[int, int] | None:
    if path is None:
        return None
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def _previous(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}{_PREVIOUS}*"))


def _read(path: Path) -> bytes:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise MasterKeyRefused(
            f"{path} has mode {mode:04o}: others may reach the master key; chmod 600 it, "
            "and think about who has read it"
        )
    return path.read_bytes()


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
        _sync(path.parent)
    finally:
        Path(aside).unlink()


def _overwrite(path: Path) -> None:
    # No promise on copy-on-write disks; where it works, it is one trace less.
    with path.open("r+b") as file:
        file.write(bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
