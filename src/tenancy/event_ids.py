"""Ids of events: UUID version 7, so that they sort by the time of their stamp."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, SafeUUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
ENTROPY_BYTES = 10

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_LOW_12 = (1 << 12) - 1
_LOW_62 = (1 << 62) - 1
# An enumeration looks its members up each time: 0.3 us.
_UNKNOWN = SafeUUID.unknown
_new = object.__new__
_set = object.__setattr__


def milliseconds(now: datetime) -> int:
    """Of Unix time."""
    return (now - _EPOCH) // _MILLISECOND


def event_id(unix_ms: int, entropy: bytes) -> UUID:
    """The UUIDv7 of this millisecond and these 10 random bytes, of which 74 bits are used.

    >>> event_id(1645557742000, bytes(10))
    UUID('017f22e2-79b0-7000-8000-000000000000')
    """
    random = int.from_bytes(entropy, "big")
    number = unix_ms << 80 | _VERSION | (random >> 62 & _LOW_12) << 64 | _VARIANT | random & _LOW_62
    # As UUID(int=number), without its checks of what is known to be right: 0.4 us instead of 1.
    made = _new(UUID)
    _set(made, "int", number)
    _set(made, "is_safe", _UNKNOWN)
    return made
