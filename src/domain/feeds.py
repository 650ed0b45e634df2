"""Feeds of business data: received from a source, owned by somebody, validated or rejected."""

import re
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import begun, checked_code, checked_number, checked_reason, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.organisation import PERSON

ROWS_MAX = 10**9
CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")


class ReceiveFeed(Command, frozen=True, kw_only=True):
    """Announce a file or message of business data; again where it was rejected."""

    source: str
    name: str
    checksum: str
    """sha256:<hex> of the file or message as received."""
    rows: int
    as_of: date
    owner_id: UUID | None = None
    """Who answers for it, and validates it."""


class FeedReceived(Event, frozen=True, kw_only=True):
    TOPIC = "feed.received"
    source: str
    name: str
    checksum: str
    rows: int
    as_of: date
    owner_id: UUID | None = None


class ValidateFeed(Command, frozen=True, kw_only=True):
    """By its owner, where it has one: what came is what the source sent."""

    checksum: str
    """As the owner finds it; another one than was received is refused."""
    rows: int


class FeedValidated(Event, frozen=True, kw_only=True):
    TOPIC = "feed.validated"


class RejectFeed(Command, frozen=True, kw_only=True):
    """By its owner, where it has one: no actual refers to it any more."""

    reason: str


class FeedRejected(Event, frozen=True, kw_only=True):
    TOPIC = "feed.rejected"
    reason: str


class CutOffFeed(Command, frozen=True, kw_only=True):
    """It is complete: no further actual refers to it."""


class FeedCutOffReached(Event, frozen=True, kw_only=True):
    """数据截止"""

    TOPIC = "feed.cut-off-reached"


FeedStatus = Literal["received", "validated", "rejected", "complete"]


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed as it is now. 业务数据批次"""

    source: str
    name: str
    checksum: str = ""
    rows: int = 0
    owner_id: UUID | None = None
    status: FeedStatus = "received"

    def require_open(self) -> None:
        """Refuse `feed-rejected` or `feed-complete` unless actuals may refer to it."""
        if self.status == "rejected":
            raise Refused("feed-rejected", f"Feed {self.name} was rejected.")
        if self.status == "complete":
            raise Refused("feed-complete", f"Feed {self.name} takes no more actuals.")


FeedCommand = ReceiveFeed | ValidateFeed | RejectFeed | CutOffFeed
FeedEvent = FeedReceived | FeedValidated | FeedRejected | FeedCutOffReached


def checked_checksum(checksum: str) -> str:
    """`checksum`, if it is one."""
    if not CHECKSUM.fullmatch(checksum):
        raise Refused("bad-checksum", "A checksum reads sha256: and 64 hexadecimal digits.")
    return checksum


def _decide(state: Feed | None, command: FeedCommand, context: Context) -> tuple[Event, ...]:
    if isinstance(command, ReceiveFeed):
        return (_receive(state, command, context),)
    feed = known(state, "unknown-feed", "such feed")
    if feed.owner_id is not None and context.actor != feed.owner_id:
        raise Refused("not-the-owner", "This is for the owner of the feed.")
    match command:
        case ValidateFeed():
            _require(feed, "received")
            if (command.checksum, command.rows) != (feed.checksum, feed.rows):
                raise Refused("feed-differs", "What is validated is not what was received.")
            return (FeedValidated(),)
        case RejectFeed():
            _require(feed, "received", "validated")
            return (FeedRejected(reason=checked_reason(command.reason)),)
        case CutOffFeed():
            _require(feed, "received", "validated")
            return (FeedCutOffReached(),)
        case _:
            assert_never(command)


def _require(feed: Feed, *statuses: FeedStatus) -> None:
    feed.require_open()
    if feed.status not in statuses:
        raise Refused("feed-validated", f"Feed {feed.name} has been validated.")


def _receive(state: Feed | None, command: ReceiveFeed, context: Context) -> Event:
    if state is not None and state.status != "rejected":
        raise Refused("already-exists", "There is a feed with this key already.")
    checked_checksum(command.checksum)
    checked_number(
        Decimal(command.rows), "count of rows", least=Decimal(0), most=Decimal(ROWS_MAX), decimals=0
    )
    if command.owner_id is not None:
        known(context.look(PERSON, command.owner_id), "unknown-person", "such owner")
    return FeedReceived(
        source=checked_code(command.source, "source"),
        name=checked_code(command.name, "name"),
        checksum=command.checksum,
        rows=command.rows,
        as_of=command.as_of,
        owner_id=command.owner_id,
    )


def _evolve(state: Feed | None, happened: Happened[FeedEvent]) -> Feed:
    event = happened.event
    match event:
        case FeedReceived():
            return Feed(
                source=event.source,
                name=event.name,
                checksum=event.checksum,
                rows=event.rows,
                owner_id=event.owner_id,
            )
        case FeedValidated():
            return msgspec.structs.replace(begun(state), status="validated")
        case FeedRejected():
            return msgspec.structs.replace(begun(state), status="rejected")
        case FeedCutOffReached():
            return msgspec.structs.replace(begun(state), status="complete")
        case _:
            assert_never(event)


FEED: Decider[Feed | None] = Decider(kind="feed", initial=None, decide=_decide, evolve=_evolve)
