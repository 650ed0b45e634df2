"""Feeds and actuals: what was achieved, where it came from, until the cut-off."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from domain import ids
from domain.facts import ActualRecorded, RecordActual
from domain.feeds import (
    FEED,
    CutOffFeed,
    FeedCutOffReached,
    FeedReceived,
    FeedRejected,
    FeedValidated,
    ReceiveFeed,
    RejectFeed,
    ValidateFeed,
)
from domain.organisation import PersonRegistered

Given = Callable[..., Any]

RECEIVE = ReceiveFeed(
    source="crm",
    name="contracts-2025-03.csv",
    checksum="sha256:" + "0f" * 32,
    rows=120,
    as_of=date(2025, 3, 31),
)
RECEIVED = FeedReceived(
    source="crm",
    name="contracts-2025-03.csv",
    checksum="sha256:" + "0f" * 32,
    rows=120,
    as_of=date(2025, 3, 31),
)


def test_a_feed_is_received_once(given: Given) -> None:
    given(FEED).when(RECEIVE).then(RECEIVED)
    given(FEED, RECEIVED).when(RECEIVE).refused("already-exists")


@pytest.mark.parametrize(
    "checksum", ["", "0f" * 32, "sha256:0f", "sha256:" + "0F" * 32, "md5:" + "0f" * 32]
)
def test_a_feed_has_a_checksum(given: Given, checksum: str) -> None:
    given(FEED).when(msgspec.structs.replace(RECEIVE, checksum=checksum)).refused("bad-checksum")


def test_a_feed_says_where_it_is_from(given: Given) -> None:
    given(FEED).when(msgspec.structs.replace(RECEIVE, source="")).refused("bad-code")
    given(FEED).when(msgspec.structs.replace(RECEIVE, name="a\x1fb")).refused("bad-code")
    given(FEED).when(msgspec.structs.replace(RECEIVE, rows=-1)).refused("bad-number")


@pytest.fixture
def record(company: Any) -> RecordActual:
    company.case_1(until="agreed")
    return RecordActual(
        cycle_id=company.cycle,
        employment_id=company.employment,
        indicator="contract",
        value=Decimal("1140000.00"),
        occurred_on=date(2025, 3, 31),
    )


def test_an_actual_is_recorded(company: Any, record: RecordActual) -> None:
    assert company.world.do(record) == (
        ActualRecorded(
            cycle_id=record.cycle_id,
            employment_id=record.employment_id,
            indicator="contract",
            value=Decimal("1140000.00"),
            occurred_on=date(2025, 3, 31),
        ),
    )


def test_an_actual_names_its_feed(company: Any, record: RecordActual) -> None:
    feed = ids.feed_id("crm", RECEIVE.name)
    from_feed = msgspec.structs.replace(record, feed_id=feed)
    company.world.refuses("unknown-feed", from_feed)
    company.world.do(RECEIVE)
    (recorded,) = company.world.do(from_feed)
    assert recorded.feed_id == feed


def test_an_actual_may_take_back(company: Any, record: RecordActual) -> None:
    company.world.do(record)
    company.world.do(msgspec.structs.replace(record, value=Decimal(-40000)))


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "1E+20", "0.0000001", "0E-9"])
def test_an_actual_is_a_number(company: Any, record: RecordActual, value: str) -> None:
    impossible = msgspec.structs.replace(record, value=Decimal(value))
    company.world.refuses("bad-number", impossible)


def test_an_actual_is_of_an_appraisal_in_the_cycle(company: Any, record: RecordActual) -> None:
    company.world.refuses("unknown-cycle", msgspec.structs.replace(record, cycle_id=uuid4()))
    company.world.refuses(
        "unknown-appraisal", msgspec.structs.replace(record, employment_id=uuid4())
    )


@pytest.mark.parametrize("indicator", ["duty", "profit", ""])
def test_an_actual_is_of_a_measured_indicator(
    company: Any, record: RecordActual, indicator: str
) -> None:
    company.world.refuses("unknown-indicator", msgspec.structs.replace(record, indicator=indicator))


@pytest.mark.parametrize("day", [date(2024, 12, 31), date(2025, 4, 1)])
def test_an_actual_lies_in_the_cycle(company: Any, record: RecordActual, day: date) -> None:
    company.world.refuses("outside-cycle", msgspec.structs.replace(record, occurred_on=day))


def test_no_actual_after_the_cut_off(company: Any, record: RecordActual) -> None:
    company.advance("data-intake")
    company.world.do(record)
    company.advance("rating")
    company.world.refuses("data-cut-off-reached", record)


# -- feeds have an owner, who validates or rejects them

OWNER = ids.person_id("finance")
OWNED = msgspec.structs.replace(RECEIVED, owner_id=OWNER)
FOUND = ValidateFeed(checksum=RECEIVED.checksum, rows=RECEIVED.rows)
REGISTERED = PersonRegistered(number="finance", name="Finance")


def test_a_feed_names_its_owner(given: Any) -> None:
    receive = msgspec.structs.replace(RECEIVE, owner_id=OWNER)
    given(FEED).beside(OWNER, REGISTERED).when(receive).then(OWNED)
    given(FEED).when(receive).refused("unknown-person")


def test_its_owner_validates_what_was_received(given: Any) -> None:
    given(FEED, OWNED).when(FOUND, actor=OWNER).then(FeedValidated())
    given(FEED, OWNED).when(FOUND).refused("not-the-owner")
    given(FEED, RECEIVED).when(FOUND).then(FeedValidated())
    other = msgspec.structs.replace(FOUND, rows=FOUND.rows + 1)
    given(FEED, RECEIVED).when(other).refused("feed-differs")
    given(FEED, RECEIVED, FeedValidated()).when(FOUND).refused("feed-validated")
    given(FEED).when(FOUND).refused("unknown-feed")


def test_a_rejected_feed_is_received_again(given: Any) -> None:
    rejected = FeedRejected(reason="行数不符")
    given(FEED, OWNED).when(RejectFeed(reason="行数不符"), actor=OWNER).then(rejected)
    given(FEED, RECEIVED).when(RejectFeed(reason="")).refused("reason-missing")
    given(FEED, RECEIVED, rejected).when(FOUND).refused("feed-rejected")
    given(FEED, RECEIVED, rejected).when(RECEIVE).then(RECEIVED)


def test_a_complete_feed_takes_no_more(given: Any) -> None:
    given(FEED, RECEIVED, FeedValidated()).when(CutOffFeed()).then(FeedCutOffReached())
    given(FEED, RECEIVED, FeedCutOffReached()).when(CutOffFeed()).refused("feed-complete")


@pytest.mark.parametrize(
    ("event", "code"),
    [(FeedRejected(reason="x"), "feed-rejected"), (FeedCutOffReached(), "feed-complete")],
)
def test_no_actual_refers_to_a_feed_that_is_closed(company: Any, event: Any, code: str) -> None:
    company.case_1(until="agreed")
    company.world.do(RECEIVE)
    feed = ids.feed_id(RECEIVE.source, RECEIVE.name)
    company.world.append(feed, event)
    actual = RecordActual(
        cycle_id=company.cycle,
        employment_id=company.employment,
        indicator="contract",
        value=Decimal(1),
        occurred_on=date(2025, 3, 1),
        feed_id=feed,
    )
    company.world.refuses(code, actual)
