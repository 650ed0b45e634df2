"""An appraisal with what every page about one needs: its cycle, its scheme, names of codes."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from api.console.explaining import content_of, names_of
from api.console.visit import Visit


class About(msgspec.Struct, frozen=True, kw_only=True):
    """An appraisal as the API tells it to this visitor."""

    row: Mapping[str, Any]
    cycle: Mapping[str, Any]
    content: Mapping[str, Any]
    """Of its scheme version."""
    labels: Mapping[str, str]
    """What the scheme calls its sections and indicators."""
    own: bool
    """It is the visitor's."""
    manages: bool
    """The visitor rates in it."""

    @property
    def id(self) -> str:
        return str(self.row["appraisal_id"])

    @property
    def path(self) -> str:
        """Of the API."""
        return f"/appraisals/{self.id}"

    def indicators(self, *kinds: str) -> list[Mapping[str, Any]]:
        """Indicators whose rule is of one of these kinds, with their weight in the whole."""
        return [
            {
                **indicator,
                "section": section["name"],
                "share": section["weight_bp"] * indicator["weight_bp"] / 1_000_000,
            }
            for section in self.content["sections"]
            for indicator in section["indicators"]
            if not kinds or indicator["rule"]["kind"] in kinds
        ]


async def about(visit: Visit, appraisal_id: str) -> About:
    """The appraisal of a page.

    Raises:
        Said: `not-found`, where the visitor may not know of it.
    """
    return await told(visit, await visit.ask(f"/appraisals/{appraisal_id}"))


async def told(visit: Visit, row: Mapping[str, Any]) -> About:
    """An appraisal of a list, with the rest."""
    cycle, scheme = await asyncio.gather(
        visit.ask(f"/cycles/{row['cycle_id']}"), visit.ask(f"/schemes/{row['scheme_id']}")
    )
    content = content_of(scheme, row["scheme_version"])
    me = str(visit.me or "")
    return About(
        row=row,
        cycle=cycle,
        content=content,
        labels={**names_of(content), "total": visit.say("Weighted total")},
        own=me == row["person_id"],
        manages=bool(me) and me == row["manager_id"] and me != row["person_id"],
    )


MEASURED = ("ratio", "inverse", "tiered", "tiered-linear")
JUDGED = ("manual",)
EARLY = frozenset({"draft", "goal-setting", "data-intake"})


def running(row: Mapping[str, Any]) -> bool:
    """Whether an appraisal is still on its way to a result."""
    return row["stage"] not in {"locked", "published", "paid", "void", "reopened"}


def has_result(row: Mapping[str, Any]) -> bool:
    """Whether the person concerned was shown a result."""
    return bool(row["published_version"])
