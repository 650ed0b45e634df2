"""What a decision has read: folded states and their versions; and a memory of folded states."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec

from tenancy.errors import StaleVersion

S = TypeVar("S")

STATES_MAX = 50_000


class Decides(Protocol[S]):
    """What the store asks of a decider. Deciders of one kind fold a stream to the same state."""

    @property
    def kind(self) -> str: ...
    @property
    def initial(self) -> S: ...
    @property
    def evolve(self) -> Callable[[S, Any], S]: ...
    def carry_out(
        self, stream_id: UUID, state: S, command: object, context: Any
    ) -> tuple[tuple[UUID, Any], ...]: ...


class Folded(NamedTuple):
    """A stream's state, and where it stands; immutable all through."""

    state: Any
    version: int
    position: int
    """Of its last event; 0 before its first."""


class Context(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a decision may know beside its own state: who, when, and other streams."""

    now: datetime
    actor: UUID
    look: "Look"

    @property
    def today(self) -> date:
        """The business date of the decision (UTC)."""
        return self.now.date()


class Wanted(NamedTuple):
    """A stream to be read and folded."""

    decider: Decides[Any]
    stream_id: UUID


class Unread(Exception):
    """Stops a decision that looks at what is not at hand; it is read, then taken again."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        super().__init__(f"{len(wanted)} streams to read first")
        self.wanted = wanted


Key = tuple[int, str, int]
"""Owner, kind, stream: as integers, because comparing UUIDs is slow."""


class States:
    """The folded states that were used last, of all tenants; bounded.

    What it holds may be old: who decides on it expects its version, and so learns.
    """

    def __init__(self, states_max: int = STATES_MAX) -> None:
        # Two halves instead of an order: when the young half is full it becomes the old one, and
        # what is used again comes back. That is as good, and half the work.
        self._half = max(1, states_max // 2)
        self._young: dict[Key, Folded] = {}
        self._old: dict[Key, Folded] = {}

    def get(self, key: Key) -> Folded | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self._keep(key, found)
        return found

    def put(self, key: Key, folded: Folded) -> None:
        """Remember it, unless something newer is remembered."""
        known = self._young.get(key) or self._old.get(key)
        if known is None or known.version < folded.version:
            self._keep(key, folded)

    def forget(self, owner: int) -> None:
        """Drop an owner's states, as after an erasure."""
        for half in (self._young, self._old):
            for key in [key for key in half if key[0] == owner]:
                del half[key]

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def _keep(self, key: Key, folded: Folded) -> None:
        if len(self._young) >= self._half:
            self._old = self._young
            self._young = {}
        self._young[key] = folded


class Used(NamedTuple):
    """A state that a decision has looked at."""

    decider: Decides[Any]
    stream_id: UUID
    folded: Folded


class Look:
    """One command's reading. Calling it is what the domain does; the rest is the store's."""

    __slots__ = ("_owner", "_read", "_states", "remembered", "used")

    def __init__(self, states: States, owner: int) -> None:
        self._states = states
        self._owner = owner
        self._read: dict[Key, Folded] = {}
        self.used: dict[Key, Used] = {}
        """What this round of the decision has looked at."""
        self.remembered = False
        """Whether something used was not read for this command, so may be old."""

    def __call__(self, decider: Decides[S], stream_id: UUID) -> S:
        state: S = self.take(decider, stream_id).state
        return state

    def all(self, decider: Decides[S], stream_ids: Iterable[UUID]) -> list[S]:
        """The states of many streams, read together."""
        found: list[S] = []
        unread: list[Wanted] = []
        for stream_id in stream_ids:
            try:
                found.append(self(decider, stream_id))
            except Unread as one:
                unread.extend(one.wanted)
        if unread:
            raise Unread(unread)
        return found

    def take(self, decider: Decides[Any], stream_id: UUID) -> Folded:
        """Use this stream's state, so expect its version.

        Raises:
            Unread: it is not at hand.
        """
        key = (self._owner, decider.kind, stream_id.int)
        used = self.used.get(key)
        if used is not None:
            return used.folded
        folded = self._read.get(key)
        if folded is None:
            folded = self._states.get(key)
            if folded is None:
                raise Unread([Wanted(decider, stream_id)])
            self.remembered = True
        self.used[key] = Used(decider, stream_id, folded)
        return folded

    def take_at(self, decider: Decides[Any], stream_id: UUID, expected: int | None) -> Folded:
        """As `take`, where the caller says which version it has seen.

        Raises:
            StaleVersion: it is another one.
        """
        folded = self.take(decider, stream_id)
        if expected is not None and folded.version != expected:
            raise StaleVersion(stream_id, expected, folded.version)
        return folded

    def expected(self) -> dict[UUID, int]:
        """The version of each stream that this round has looked at.

        Raises:
            Unread: one was seen as two kinds, at two versions; it must be read once for both.
        """
        expected: dict[UUID, int] = {}
        for _, stream_id, folded in self.used.values():
            if expected.setdefault(stream_id, folded.version) != folded.version:
                raise Unread([each for each in self.in_use() if each.stream_id == stream_id])
        return expected

    def again(self) -> None:
        """Begin another round."""
        self.used = {}
        self.remembered = False

    def in_use(self) -> list[Wanted]:
        """Everything that this round has looked at."""
        return [Wanted(decider, stream_id) for decider, stream_id, _ in self.used.values()]

    def has(self, wanted: Wanted) -> bool:
        """Whether its state is at hand."""
        key = self._key(wanted)
        return key in self._read or self._states.get(key) is not None

    def known(self, wanted: Wanted) -> Folded:
        """The newest state at hand; the initial one where there is none."""
        key = self._key(wanted)
        read = self._read.get(key)
        remembered = self._states.get(key)
        if read is None or (remembered is not None and remembered.version > read.version):
            read = remembered
        return read or Folded(wanted.decider.initial, 0, 0)

    def learn(self, wanted: Wanted, folded: Folded) -> None:
        """Have what was just read at hand, for this command and those to come."""
        key = self._key(wanted)
        self._read[key] = folded
        self._states.put(key, folded)

    def keep(self, key: Key, folded: Folded) -> None:
        """Remember what was just written."""
        self._states.put(key, folded)

    def _key(self, wanted: Wanted) -> Key:
        return self._owner, wanted.decider.kind, wanted.stream_id.int
