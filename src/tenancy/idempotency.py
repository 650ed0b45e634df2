"""A command with a key happens once: the key, what it was first used for, and what came of it."""

import hashlib
from uuid import UUID

import msgspec

from tenancy.errors import IdempotencyConflict
from tenancy.records import Idempotency, Receipt


class Remembered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the log keeps of a command that had a key."""

    fingerprint: bytes
    stream_id: UUID
    version: int
    position: int


def fingerprint(*parts: str | bytes) -> bytes:
    """SHA-256 over the parts of a request; the length of each is hashed with it.

    So ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.digest()


def replay(asked: Idempotency, found: Remembered) -> Receipt:
    """The receipt of the first time.

    Raises:
        IdempotencyConflict: the first time was another request.
    """
    if asked.fingerprint != found.fingerprint:
        raise IdempotencyConflict(asked.key)
    return Receipt(
        stream_id=found.stream_id, version=found.version, position=found.position, replayed=True
    )
