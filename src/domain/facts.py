"""Business data: feeds with their source and checksum, and the actuals that they bring."""

import re
from datetime import date
from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.appraisal import LOOK_AT_APPRAISAL
from domain.checks import absent, begun, checked_code, checked_number, known
from domain.cycle import CYCLE
from domain.ids import appraisal_id
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.scheme import SCHEME, measured


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


# -- feeds 业务数据批次

ROWS_MAX = 10**9
CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed as it was received."""

    source: str
    name: str


def _decide_feed(state: Feed | None, command: ReceiveFeed, _context: Context) -> tuple[Event, ...]:
    absent(state, "a feed")
    if not CHECKSUM.fullmatch(command.checksum):
        raise Refused("bad-checksum", "A checksum reads sha256: and 64 hexadecimal digits.")
    checked_number(
        Decimal(command.rows), "count of rows", least=Decimal(0), most=Decimal(ROWS_MAX), decimals=0
    )
    return (
        FeedReceived(
            source=checked_code(command.source, "source"),
            name=checked_code(command.name, "name"),
            checksum=command.checksum,
            rows=command.rows,
            as_of=command.as_of,
        ),
    )


def _evolve_feed(_state: Feed | None, happened: Happened[FeedReceived]) -> Feed:
    event = happened.event
    match event:
        case FeedReceived():
            return Feed(source=event.source, name=event.name)
        case _:
            assert_never(event)


FEED: Decider[Feed | None] = Decider(
    kind="feed", initial=None, decide=_decide_feed, evolve=_evolve_feed
)


# -- fact sheets 实绩


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One actual, with the event that says so."""

    indicator: str
    value: Decimal
    occurred_on: date
    event_id: UUID


class FactSheet(msgspec.Struct, frozen=True, kw_only=True):
    """All actuals of an employment in a cycle, in the order in which they came."""

    facts: tuple[Fact, ...] = ()


def _decide_facts(_state: FactSheet, command: RecordActual, context: Context) -> tuple[Event, ...]:
    cycle = known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    if cycle.cut_off_reached:
        raise Refused("data-cut-off-reached", f"Cycle {cycle.code} takes no more actuals.")
    appraisal = known(
        context.look(LOOK_AT_APPRAISAL, appraisal_id(command.cycle_id, command.employment_id)),
        "unknown-appraisal",
        "appraisal of this employment in this cycle",
    )
    scheme = begun(context.look(SCHEME, appraisal.scheme_id))
    content = scheme.published(appraisal.scheme_version).content
    if command.indicator not in {weighted.code for weighted in measured(content)}:
        raise Refused(
            "unknown-indicator", f"The scheme does not measure {command.indicator!r} by data."
        )
    if not cycle.starts_on <= command.occurred_on <= cycle.ends_on:
        raise Refused(
            "outside-cycle",
            f"{command.occurred_on} is not within {cycle.starts_on} to {cycle.ends_on}.",
        )
    if command.feed_id is not None:
        known(context.look(FEED, command.feed_id), "unknown-feed", "such feed")
    return (
        ActualRecorded(
            cycle_id=command.cycle_id,
            employment_id=command.employment_id,
            indicator=command.indicator,
            value=checked_number(command.value, "value"),
            occurred_on=command.occurred_on,
            feed_id=command.feed_id,
        ),
    )


def _evolve_facts(state: FactSheet, happened: Happened[ActualRecorded]) -> FactSheet:
    event = happened.event
    match event:
        case ActualRecorded():
            fact = Fact(
                indicator=event.indicator,
                value=event.value,
                occurred_on=event.occurred_on,
                event_id=happened.event_id,
            )
            return FactSheet(facts=(*state.facts, fact))
        case _:
            assert_never(event)


FACT_SHEET: Decider[FactSheet] = Decider(
    kind="fact-sheet", initial=FactSheet(), decide=_decide_facts, evolve=_evolve_facts
)
