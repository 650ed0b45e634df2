"""What a decision has read: folded states and their versions; and a memory of folded states."""

from collections import OrderedDict
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

    @property
    def key(self) -> tuple[str, UUID]:
        return self.decider.kind, self.stream_id


class Unread(Exception):
    """Stops a decision that looks at what is not at hand; it is read, then taken again."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        super().__init__(f"{len(wanted)} streams to read first")
        self.wanted = wanted


class States:
    """The folded states that were used last, of all tenants; bounded.

    What it holds may be old: who decides on it expects its version, and so learns.
    """

    def __init__(self, states_max: int = STATES_MAX) -> None:
        self._states_max = states_max
        self._states: OrderedDict[tuple[int, str, UUID], Folded] = OrderedDict()

    def get(self, owner: int, kind: str, stream_id: UUID) -> Folded | None:
        key = (owner, kind, stream_id)
        found = self._states.get(key)
        if found is not None:
            self._states.move_to_end(key)
        return found

    def put(self, owner: int, kind: str, stream_id: UUID, folded: Folded) -> None:
        """Remember it, unless something newer is remembered."""
        key = (owner, kind, stream_id)
        known = self._states.get(key)
        if known is None or known.version < folded.version:
            self._states[key] = folded
        self._states.move_to_end(key)
        if len(self._states) > self._states_max:
            self._states.popitem(last=False)

    def forget(self, owner: int) -> None:
        """Drop an owner's states, as after an erasure."""
        for key in [key for key in self._states if key[0] == owner]:
            del self._states[key]

    def __len__(self) -> int:
        return len(self._states)


class Look:
    """One command's reading. Calling it is what the domain does; the rest is the store's."""

    __slots__ = ("_owner", "_read", "_states", "expected", "remembered", "used")

    def __init__(self, states: States, owner: int) -> None:
        self._states = states
        self._owner = owner
        self._read: dict[tuple[str, UUID], Folded] = {}
        self.used: dict[tuple[str, UUID], tuple[Decides[Any], Folded]] = {}
        """What this round of the decision has looked at."""
        self.expected: dict[UUID, int] = {}
        self.remembered = False
        """Whether something used was not read for this command, so may be old."""

    def __call__(self, decider: Decides[S], stream_id: UUID) -> S:
        used = self.used.get((decider.kind, stream_id))
        folded = self.take(decider, stream_id) if used is None else used[1]
        state: S = folded.state
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
        key = (decider.kind, stream_id)
        folded = self._read.get(key)
        if folded is None:
            folded = self._states.get(self._owner, decider.kind, stream_id)
            if folded is None:
                raise Unread([Wanted(decider, stream_id)])
            self.remembered = True
        if self.expected.setdefault(stream_id, folded.version) != folded.version:
            # Seen as two kinds, at two versions: read it once more, for both.
            raise Unread(
                [Wanted(decider, stream_id)]
                + [Wanted(other, each) for (_, each), (other, _) in self.used.items()
                   if each == stream_id]
            )  # fmt: skip
        self.used[key] = (decider, folded)
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

    def again(self) -> None:
        """Begin another round."""
        self.used = {}
        self.expected = {}
        self.remembered = False

    def in_use(self) -> list[Wanted]:
        """Everything that this round has looked at."""
        return [Wanted(decider, stream_id) for (_, stream_id), (decider, _) in self.used.items()]

    def known(self, wanted: Wanted) -> Folded:
        """The newest state at hand; the initial one where there is none."""
        read = self._read.get(wanted.key)
        remembered = self._states.get(self._owner, wanted.decider.kind, wanted.stream_id)
        if read is None or (remembered is not None and remembered.version > read.version):
            read = remembered
        return read or Folded(wanted.decider.initial, 0, 0)

    def learn(self, wanted: Wanted, folded: Folded) -> None:
        """Have what was just read at hand, for this command and those to come."""
        self._read[wanted.key] = folded
        self._states.put(self._owner, wanted.decider.kind, wanted.stream_id, folded)
