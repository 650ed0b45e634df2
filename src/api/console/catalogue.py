"""Every page of the console, in the order of the navigation."""

from api.console import (
    appealing,
    appeals_desk,
    auditing,
    batches,
    calibrating,
    cockpit,
    importing,
    journal,
    operating,
    people,
    performance,
    progress,
    rating,
    reading,
    result,
    rewarding,
    rulebook,
    start,
)
from api.console.page import Page

PAGES: tuple[Page, ...] = (
    *start.PAGES,
    *progress.PAGES,
    *result.PAGES,
    *appealing.PAGES,
    *rewarding.PAGES,
    *rating.PAGES,
    *cockpit.PAGES,
    *batches.PAGES,
    *journal.PAGES,
    *rulebook.PAGES,
    *people.PAGES,
    *calibrating.PAGES,
    *appeals_desk.PAGES,
    *performance.PAGES,
    *auditing.PAGES,
    *reading.PAGES,
    *operating.PAGES,
    *importing.PAGES,
)
