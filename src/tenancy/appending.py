"""What a recorder is asked to write and what it answers; the same for PostgreSQL and memory."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from tenancy.idempotency import Remembered
from tenancy.records import Idempotency, Sealed


class Append(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One command's writing: all of it is written, or nothing."""

    stream_id: UUID
    """The command's own stream."""
    version: int
    """The version that its own stream has afterwards."""
    expected: Mapping[UUID, int]
    """The version of every stream that the decision read or that is written; 0 = not begun."""
    events: tuple[Sealed, ...] = ()
    """Per stream, versions follow on the expected one without a gap."""
    idempotency: Idempotency | None = None
    position: int = 0
    """Where there are no events: the position that the receipt shall name."""

    def check(self) -> None:
        """Assert what only a bug of ours can break: versions follow on what is expected.

        Raises:
            ValueError: they do not.
        """
        reached: dict[int, int] = {}
        for event in self.events:
            key = event.stream_id.int
            before = reached.get(key)
            if before is None:
                before = self.expected.get(event.stream_id, -1)
            if before + 1 != event.version:
                raise ValueError(
                    f"version {event.version} of stream {event.stream_id} does not follow on "
                    f"what is expected there"
                )
            reached[key] = event.version


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one `Append`.

    "written": its events have the positions `position - len(events) + 1` to `position`.
    "overtaken": an expected version was another; nothing was written.
    "repeated": the idempotency key had been used; nothing was written, `remembered` says by what.
    """

    kind: Literal["written", "overtaken", "repeated"]
    position: int = 0
    remembered: Remembered | None = None


OVERTAKEN = Outcome(kind="overtaken")


class Appender(Protocol):
    """Writes for any tenant, one call after the other. An error leaves the outcome unknown."""

    async def ready(self) -> None:
        """Have what the next append needs; an error here means that nothing was tried."""
        ...

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Outcome]:
        """Carry out `appends` as if one after the other, in this order.

        Raises:
            UnknownTenant: nothing was written.
        """
        ...

    async def written(self, tenant_id: UUID, appends: Sequence[Append]) -> list[int]:
        """For each, the position of its last event if exactly its events are in the log, else 0."""
        ...

    async def renew(self, error: Exception) -> None:
        """Let go of what this error may have broken; the next call starts afresh."""
        ...

    async def close(self) -> None: ...


def waves(appends: Sequence[Append]) -> list[range]:
    """Cut `appends` where one depends on another before it; one piece is the usual case.

    Within a piece no one expects a stream that another one before it writes, and no key occurs
    twice. Written piece by piece it is as if written one by one.
    """
    if len(appends) == 1:
        return [range(1)]
    pieces: list[range] = []
    begin = 0
    wrote: set[int] = set()
    keys: set[str] = set()
    for index, append in enumerate(appends):
        key = append.idempotency.key if append.idempotency is not None else None
        if key in keys or not wrote.isdisjoint([each.int for each in append.expected]):
            pieces.append(range(begin, index))
            begin = index
            wrote.clear()
            keys.clear()
        wrote.update([event.stream_id.int for event in append.events])
        if key is not None:
            keys.add(key)
    pieces.append(range(begin, len(appends)))
    return pieces
