"""Business data: feeds as they came, and the actuals that they bring."""

from api import auth
from api.asked import Asked
from api.commands import post
from api.queries import Listing
from api.routes import Route, get, writers
from domain import ids
from domain.facts import FACT_SHEET, RecordActual
from domain.feeds import FEED, ReceiveFeed
from projections import planning
from projections.questions import Page

WRITERS = writers(auth.INTEGRATION, auth.HR, auth.FINANCE, auth.ADMIN)
READERS = WRITERS | {auth.EXECUTIVE, auth.AUDITOR}


class Feeds(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: str | None = None


async def _feeds(asked: Asked, given: Feeds) -> Page[planning.Feed]:
    """Feeds by source and name, as last received."""
    async with asked.view() as view:
        return await planning.feeds(
            view, source=given.source, limit=given.limit, cursor=given.cursor
        )


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
)
