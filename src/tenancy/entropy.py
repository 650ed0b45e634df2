"""Random bytes from the system, many at a time: one call for each would cost more than sealing."""

import os

_POOL_BYTES = 4096


class _Pool:
    __slots__ = ("at", "bytes")

    def __init__(self) -> None:
        self.empty()

    def empty(self) -> None:
        self.bytes = b""
        self.at = 0


_pool = _Pool()
# A child that went on with its parent's bytes would use the same nonces.
os.register_at_fork(after_in_child=_pool.empty)


def entropy(count: int) -> bytes:
    """`count` bytes that nobody can guess and that are given out once; for one thread."""
    at, end = _pool.at, _pool.at + count
    if end > len(_pool.bytes):
        _pool.bytes = os.urandom(max(_POOL_BYTES, count))
        at, end = 0, count
    _pool.at = end
    return _pool.bytes[at:end]
