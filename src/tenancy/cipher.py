"""One key, ready to seal and to open, that knows how often it may still seal.

Sealed bytes are `key id (16) | algorithm (1) | nonce (12) | ciphertext and tag`. The algorithm is
1, AES-256-GCM. Its nonces are random, so one key may seal 2^32 times and not once more: whoever
makes a cipher says how many of them are its share.
"""

from collections.abc import Callable
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tenancy.entropy import entropy

KEY_BYTES = 32
ALGORITHM = "AES-256-GCM"
SEALS_MAX = 2**32
"""Of one key in all its life, in all processes together."""
SEALS_IN_A_PROCESS_MAX = 2**20
"""Of keys that nobody counts for: with four thousand processes one is still below `SEALS_MAX`."""

_ALGORITHM_BYTE = b"\x01"
_NONCE_AT = 17
_TEXT_AT = 29
_SEALED_BYTES_MIN = _TEXT_AT + 16


class NotGenuine(Exception):
    """Sealed bytes do not open: they, or the place that they are bound to, were changed."""


class NoncesUsedUp(Exception):
    """The key has sealed as often as it may; another one has to follow it."""

    def __init__(self, key_id: UUID) -> None:
        super().__init__(f"key {key_id} has sealed as often as it may")
        self.key_id = key_id


class Cipher:
    """One key, ready to use; building an AESGCM costs more than sealing with it."""

    __slots__ = ("_aead", "_head", "key", "key_id", "left")

    def __init__(self, key_id: UUID, key: bytes, left: int = SEALS_IN_A_PROCESS_MAX) -> None:
        self.key_id = key_id
        self.key = key
        self.left = left
        """How often it may still seal here."""
        self._head = key_id.bytes + _ALGORITHM_BYTE
        self._aead = AESGCM(key)

    def seal(self, plaintext: bytes, bound: bytes) -> bytes:
        """Sealed; it opens only with the same `bound`.

        Raises:
            NoncesUsedUp: its share is used up.
        """
        if self.left <= 0:
            raise NoncesUsedUp(self.key_id)
        self.left -= 1
        nonce = entropy(12)
        return self._head + nonce + self._aead.encrypt(nonce, plaintext, bound)

    def decrypting(self, head: bytes) -> Callable[[bytes, bytes, bytes], bytes]:
        """What opens many sealed bytes that all begin with `head`: its errors say nothing.

        Raises:
            NotGenuine: the head names no algorithm that we have.
        """
        if head != self._head:
            raise NotGenuine("the sealed bytes name no algorithm that we have, or are cut short")
        return self._aead.decrypt

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """The plaintext.

        Raises:
            NotGenuine: the bytes were changed, or were bound to something else.
        """
        if sealed[16:17] != _ALGORITHM_BYTE or len(sealed) < _SEALED_BYTES_MIN:
            raise NotGenuine("the sealed bytes name no algorithm that we have, or are cut short")
        try:
            return self._aead.decrypt(sealed[_NONCE_AT:_TEXT_AT], sealed[_TEXT_AT:], bound)
        except InvalidTag as error:
            raise NotGenuine("the sealed bytes or their place were changed") from error
