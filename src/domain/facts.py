"""Business data: feeds with their source and checksum, and the actuals that they bring."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from domain.kernel import Command, Event


class ReceiveFeed(Command, frozen=True, kw_only=True):
    source: str
    name: str
    checksum: str
    """sha256:<hex> of the file or message as received."""
    rows: int
    as_of: date


class FeedReceived(Event, frozen=True, kw_only=True):
    TOPIC = "feed.received"
    source: str
    name: str
    checksum: str
    rows: int
    as_of: date


class RecordActual(Command, frozen=True, kw_only=True):
    """Add to what was achieved on an indicator; an actual is the sum of its records."""

    cycle_id: UUID
    employment_id: UUID
    indicator: str
    value: Decimal
    occurred_on: date
    feed_id: UUID | None = None


class ActualRecorded(Event, frozen=True, kw_only=True):
    TOPIC = "fact-sheet.actual-recorded"
    cycle_id: UUID
    employment_id: UUID
    indicator: str
    value: Decimal
    occurred_on: date
    feed_id: UUID | None = None
