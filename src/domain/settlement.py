"""What was posted for one employment in one cycle, so that later only differences are posted.

Its events are written with the payout lines that they tell of: whoever prepares a batch expects
this stream as it was read, so of two batches for the same people one is overtaken and finds,
deciding again, that there is nothing left to post. 结算
"""

from collections import Counter
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun
from domain.explanation import Given
from domain.kernel import Decider, Event, Happened, looking
from domain.money import Money
from domain.pay import Exchange

PartKey = tuple[UUID | None, str]
"""(appraisal, cost centre); no appraisal where a pool pays."""


class PostedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one appraisal's locked version put on one cost centre."""

    appraisal_id: UUID | None = None
    lock_version: int = 0
    cost_centre: str
    amount: Money


class FixedExchange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rate that was used, and the event that fixed it; every later difference uses it too."""

    currency: str
    rate: Given

    @property
    def exchange(self) -> Exchange:
        """As the arithmetic takes it."""
        return Exchange(currency=self.currency, rate=self.rate)


class SettlementPosted(Event, frozen=True, kw_only=True):
    """The first line for an employment in a cycle or out of a pool."""

    TOPIC = "settlement.posted"
    of: UUID
    """The cycle or the pool."""
    employment_id: UUID
    payout_id: UUID
    amount: Money
    parts: tuple[PostedPart, ...]
    exchange: FixedExchange | None = None


class DeltaPayoutPosted(Event, frozen=True, kw_only=True):
    """What had been posted was no longer what the facts give: the difference, either way. 差额"""

    TOPIC = "settlement.delta-posted"
    of: UUID
    employment_id: UUID
    payout_id: UUID
    amount: Money
    parts: tuple[PostedPart, ...]
    corrects: UUID
    """The line that was posted first."""


class SettlementReleased(Event, frozen=True, kw_only=True):
    """A line was voided: what it posted is to be posted anew."""

    TOPIC = "settlement.released"
    payout_id: UUID


class PostedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that stands, and the event that says so."""

    payout_id: UUID
    amount: Money
    parts: tuple[PostedPart, ...]
    event_id: UUID


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of an employment in a cycle, or out of a pool."""

    lines: tuple[PostedLine, ...] = ()
    """Those that stand, in the order of their posting."""
    ever: tuple[UUID, ...] = ()
    """Those too that were voided."""
    exchange: FixedExchange | None = None

    @property
    def posted(self) -> dict[PartKey, int]:
        """Minor units by appraisal and cost centre."""
        sums: Counter[PartKey] = Counter()
        for line in self.lines:
            for part in line.parts:
                sums[part.appraisal_id, part.cost_centre] += part.amount.minor
        return dict(sums)

    @property
    def appraisals(self) -> tuple[UUID, ...]:
        """Those that something was posted for, each once."""
        named = (part.appraisal_id for line in self.lines for part in line.parts)
        return tuple(dict.fromkeys(each for each in named if each is not None))

    @property
    def versions(self) -> frozenset[tuple[UUID | None, int]]:
        """Locked versions that something was posted for."""
        return frozenset(
            (part.appraisal_id, part.lock_version) for line in self.lines for part in line.parts
        )

    @property
    def currency(self) -> str | None:
        """Of every line; None before the first."""
        return self.lines[0].amount.currency if self.lines else None


SettlementEvent = SettlementPosted | DeltaPayoutPosted | SettlementReleased


def _evolve(state: Settlement | None, happened: Happened[SettlementEvent]) -> Settlement:
    event = happened.event
    match event:
        case SettlementPosted() | DeltaPayoutPosted():
            before = state or Settlement()
            line = PostedLine(
                payout_id=event.payout_id,
                amount=event.amount,
                parts=event.parts,
                event_id=happened.event_id,
            )
            if isinstance(event, SettlementPosted):
                before = msgspec.structs.replace(before, exchange=event.exchange)
            return msgspec.structs.replace(
                before, lines=(*before.lines, line), ever=(*before.ever, event.payout_id)
            )
        case SettlementReleased():
            before = begun(state)
            kept = tuple(line for line in before.lines if line.payout_id != event.payout_id)
            return msgspec.structs.replace(before, lines=kept)
        case _:
            assert_never(event)


SETTLEMENT: Decider[Settlement | None] = looking("settlement", None, _evolve)
"""Takes no commands of its own: its events are written with the lines that they tell of."""
