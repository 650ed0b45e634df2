"""Asking the domain a question about the present without writing anything."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from domain.kernel import Context, Decider
from tenancy.records import Stamp
from tenancy.store import Store

T = TypeVar("T")

ROUNDS_MAX = 1000


class _Unread(Exception):
    """A question looks at streams that are not at hand; they are read, then it is asked again."""

    def __init__(self, wanted: Sequence[tuple[Decider[Any], UUID]]) -> None:
        super().__init__(f"{len(wanted)} streams to read first")
        self.wanted = wanted


class _Known:
    """The states that were read so far, each once: a question sees one state of each stream."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, UUID], Any] = {}

    def __call__(self, decider: Decider[T], stream_id: UUID) -> T:
        return self.all(decider, [stream_id])[0]

    def all(self, decider: Decider[T], stream_ids: Sequence[UUID]) -> list[T]:
        keys = [(decider.kind, stream_id) for stream_id in stream_ids]
        unread = [key for key in dict.fromkeys(keys) if key not in self.states]
        if unread:
            raise _Unread([(decider, stream_id) for _, stream_id in unread])
        return [self.states[key] for key in keys]


async def consider(store: Store, stamp: Stamp, question: Callable[[Context], T]) -> T:
    """What `question`, a pure function of the tenant's streams, answers now.

    Raises:
        Refused: as the question does.
    """
    known = _Known()
    context = Context(now=stamp.now, actor=stamp.actor, look=known)
    for _ in range(ROUNDS_MAX):
        try:
            return question(context)
        except _Unread as unread:
            found = await asyncio.gather(
                *(store.load(decider, stream_id) for decider, stream_id in unread.wanted)
            )
            for (decider, stream_id), (state, _) in zip(unread.wanted, found, strict=True):
                known.states[decider.kind, stream_id] = state
    raise RuntimeError("the question looks at ever more streams")
