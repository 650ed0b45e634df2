"""The vocabulary of every aggregate: facts, wishes, refusals, and the decider between them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import wraps
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar
from uuid import UUID

import msgspec

T = TypeVar("T")
S = TypeVar("S")
E_co = TypeVar("E_co", covariant=True)

Personal = Annotated[T, msgspec.Meta(extra={"personal": True})]
"""A field sealed under its data subject's own key; it reads as None once that key is destroyed."""


class Event(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
):
    """A fact, in the past tense: payload only. Ids, times and actor live in the envelope."""

    TOPIC: ClassVar[str]
    """"noun.what-happened"; never changed once an event was written with it."""

    class_version: ClassVar[int] = 1

    SUBJECT: ClassVar[str | None] = None
    """The field that names whose `Personal[...]` fields these are; None means the stream itself."""


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish, in the imperative: no id, no tenant, no clock. It *is* the HTTP body."""


class Refused(Exception):
    """The domain says no. `code` is public, stable, kebab-case and listed in `domain.refusals`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Happened(Protocol[E_co]):
    """An event with the part of its envelope that decisions may lean on."""

    @property
    def event(self) -> E_co: ...
    @property
    def event_id(self) -> UUID: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def actor(self) -> UUID: ...


class Look(Protocol):
    """Reads other streams' states. What was looked at is part of what the append will expect.

    Pure by replay: where a state is not at hand the store stops the decision, reads, and takes
    it again from the start; so look early, and look with `all` when there are many.
    """

    def __call__(self, decider: "Decider[S]", stream_id: UUID) -> S: ...
    def all(self, decider: "Decider[S]", stream_ids: Sequence[UUID]) -> list[S]: ...


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision may know beside its own state: who, when, and other streams."""

    now: datetime
    """UTC."""
    actor: UUID
    """The person that the credential stands for, else the credential itself."""
    look: Look

    @property
    def today(self) -> date:
        """The business date of the decision (UTC)."""
        return self.now.date()


class Elsewhere(msgspec.Struct, frozen=True):
    """An event for another stream than the command's own: looked at before, or not yet begun."""

    stream_id: UUID
    event: Event


class Decider(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """One aggregate: `decide(state, command, context)` and `evolve(state, happened)`, both pure."""

    kind: str
    """The noun of its topics."""
    initial: S
    decide: Callable[[S, Any, Context], Iterable[Event | Elsewhere]]
    evolve: Callable[[S, Any], S]
    """Passes over events of another kind: an id that names something else names nothing here, so
    whoever looks at a person as if it were a job finds the initial state."""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "evolve", _own_events_only(self.kind, self.evolve))

    def carry_out(
        self, stream_id: UUID, state: S, command: object, context: Context
    ) -> tuple[tuple[UUID, Event], ...]:
        """Decide, and address each event to its stream.

        Raises:
            Refused: the command may not be carried out in this state.
        """
        return tuple(
            (done.stream_id, done.event) if isinstance(done, Elsewhere) else (stream_id, done)
            for done in self.decide(state, command, context)
        )


def _own_events_only(kind: str, evolve: Callable[[S, Any], S]) -> Callable[[S, Any], S]:
    prefix = f"{kind}."

    @wraps(evolve)
    def guarded(state: S, happened: Happened[Event]) -> S:
        return evolve(state, happened) if happened.event.TOPIC.startswith(prefix) else state

    return guarded


def looking(kind: str, initial: S, evolve: Callable[[S, Any], S]) -> Decider[S]:
    """A decider to look with and never to decide with.

    Where two aggregates look at each other, the one that is defined first looks through this.
    """

    def decide(_state: S, command: object, _context: Context) -> Iterable[Event | Elsewhere]:
        raise TypeError(f"{type(command).__name__} is not for a look at {kind}")

    return Decider(kind=kind, initial=initial, decide=decide, evolve=evolve)
