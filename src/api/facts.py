"""Business data: feeds as they came, and the actuals that they bring."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.problems import Said
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.cycle import CYCLE
from domain.employment import EMPLOYMENT
from domain.facts import FACT_SHEET, CorrectActual, DeclineCorrection, RecordActual
from domain.feeds import FEED, CutOffFeed, ReceiveFeed, RejectFeed, ValidateFeed
from projections import planning
from projections.questions import Page

WRITERS = writers(auth.INTEGRATION, auth.HR, auth.FINANCE, auth.ADMIN)
DECLINERS = writers(auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
READERS = WRITERS | {auth.EXECUTIVE, auth.AUDITOR}


class AsOf(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    valid_at: date | None = None
    """Only what holds by then."""


class Actual(msgspec.Struct, frozen=True, kw_only=True):
    """An actual that counts, with its day, and the time since which it is known."""

    event_id: UUID
    """Name it where it turns out to be wrong."""
    indicator: str
    value: Decimal
    occurred_on: date
    known_since: datetime


class Achieved(msgspec.Struct, frozen=True, kw_only=True):
    """What an employment has achieved in a cycle, as it was known at a time."""

    cycle_id: UUID
    employment_id: UUID
    actuals: tuple[Actual, ...]
    sums: dict[str, Decimal]
    """By indicator."""


class Feeds(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: str | None = None


async def _feeds(asked: Asked, given: Feeds) -> Page[planning.Feed]:
    """Feeds by source and name, as last received."""
    async with asked.view() as view:
        return await planning.feeds(
            view, source=given.source, limit=given.limit, cursor=given.cursor
        )


async def _feed(asked: Asked, _: Parameters) -> One:
    """A feed, its owner, and whether it was validated."""
    async with asked.view() as view:
        feed = found(await planning.feed(view, asked.one_id()))
    return One(value=feed, version=feed.version)


async def _actuals(asked: Asked, given: AsOf) -> One:
    """What an employment has achieved in a cycle, as it was known and as it holds at a time."""
    cycle_id, employment_id = asked.ids["cycle_id"], asked.ids["employment_id"]
    await _known(asked, cycle_id, employment_id)
    store = await asked.store()
    sheet = FACT_SHEET.initial
    since: dict[UUID, datetime] = {}
    for recorded in await store.read(ids.fact_sheet_id(cycle_id, employment_id)):
        sheet = FACT_SHEET.evolve(sheet, recorded)
        counted = {fact.event_id for fact in sheet.facts} - since.keys()
        since.update(dict.fromkeys(counted, recorded.recorded_at))
    facts = [
        fact for fact in sheet.facts if given.valid_at is None or fact.occurred_on <= given.valid_at
    ]
    sums: dict[str, Decimal] = {}
    for fact in facts:
        sums[fact.indicator] = sums.get(fact.indicator, Decimal(0)) + fact.value
    actuals = tuple(
        Actual(
            event_id=fact.event_id,
            indicator=fact.indicator,
            value=fact.value,
            occurred_on=fact.occurred_on,
            known_since=since[fact.event_id],
        )
        for fact in facts
    )
    return One(
        value=Achieved(cycle_id=cycle_id, employment_id=employment_id, actuals=actuals, sums=sums)
    )


async def _known(asked: Asked, cycle_id: UUID, employment_id: UUID) -> None:
    """Let pass the person, their managers in the cycle, and who sees everyone or brings data."""
    store = await asked.store()
    cycle, _ = await store.load(CYCLE, cycle_id)
    employment, _ = await store.load(EMPLOYMENT, employment_id)
    if cycle is None or employment is None:
        raise Said("not-found", "there is nothing of this id")
    caller = asked.caller
    if caller.sees_everyone or caller.has(frozenset({auth.INTEGRATION})):
        return
    managers = {each.assignment.manager_id for each in employment.assignments}
    found(caller.actor == employment.person_id or caller.actor in managers or None)


_FEED = "/feeds/{feed_id}"

ROUTES: tuple[Route, ...] = (
    post(
        "/feeds",
        ReceiveFeed,
        FEED,
        roles=WRITERS,
        stream=lambda _, command: ids.feed_id(command.source, command.name),
        creates="/feeds/{id}",
    ),
    get(
        "/feeds",
        _feeds,
        roles=READERS,
        result=planning.Feed,
        projections=(planning.NAME,),
        parameters=Feeds,
    ),
    post(
        "/actuals",
        RecordActual,
        FACT_SHEET,
        roles=WRITERS,
        stream=lambda _, command: ids.fact_sheet_id(command.cycle_id, command.employment_id),
    ),
    post(
        "/actuals/corrections",
        CorrectActual,
        FACT_SHEET,
        roles=WRITERS,
        stream=lambda _, command: ids.fact_sheet_id(command.cycle_id, command.employment_id),
    ),
    post(
        "/cycles/{cycle_id}/employments/{employment_id}/decline-correction",
        DeclineCorrection,
        FACT_SHEET,
        roles=DECLINERS,
        stream=lambda path, _: ids.fact_sheet_id(path["cycle_id"], path["employment_id"]),
    ),
    get(
        "/cycles/{cycle_id}/employments/{employment_id}/actuals",
        _actuals,
        roles=auth.EVERYONE,
        result=Achieved,
        parameters=AsOf,
    ),
    *(
        post(f"{_FEED}/{name}", command, FEED, roles=WRITERS, stream=from_path("feed_id"))
        for name, command in (
            ("validate", ValidateFeed),
            ("reject", RejectFeed),
            ("cut-off", CutOffFeed),
        )
    ),
    get(
        _FEED,
        _feed,
        roles=READERS,
        result=planning.Feed,
        projections=(planning.NAME,),
    ),
)
