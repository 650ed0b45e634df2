"""Every page of the console, in the order of the navigation."""

from api.console import appealing, cockpit, performance, progress, rating, result, start
from api.console.page import Page

PAGES: tuple[Page, ...] = (
    *start.PAGES,
    *progress.PAGES,
    *result.PAGES,
    *appealing.PAGES,
    *rating.PAGES,
    *cockpit.PAGES,
    *performance.PAGES,
)
