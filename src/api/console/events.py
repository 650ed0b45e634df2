"""The events behind an explanation, in words: what each leaf was read from."""

from collections.abc import Iterable, Mapping
from typing import Any

from api.console.about import About
from api.console.visit import Visit


async def events_behind(visit: Visit, it: About) -> Mapping[str, str]:
    """What is known of events by their ids: of the appraisal, its goals and its data."""
    found: dict[str, str] = {}
    history = [each async for each in visit.each(f"{it.path}/history")]
    names = await visit.names([each["actor"] for each in history])
    for each in history:
        found[each["event_id"]] = visit.say(
            "{what} by {who}, {when}",
            what=visit.term("topic", each["topic"]),
            who=names(each["actor"]),
            when=visit.formats.moment(each["recorded_at"]),
        )
    goals = await visit.maybe(f"{it.path}/goals")
    for goal in (goals or {"targets": ()})["targets"]:
        found[goal["event_id"]] = visit.say("your goals as they were agreed")
    actuals = await visit.maybe(
        f"/cycles/{it.row['cycle_id']}/employments/{it.row['employment_id']}/actuals"
    )
    found |= _of_data(visit, it, (actuals or {"actuals": ()})["actuals"])
    return found


def _of_data(visit: Visit, it: About, actuals: Iterable[Any]) -> dict[str, str]:
    return {
        each["event_id"]: visit.say(
            "{label} of {day}, known since {when}",
            label=it.labels.get(each["indicator"], each["indicator"]),
            day=visit.formats.day(each["occurred_on"]),
            when=visit.formats.moment(each["known_since"]),
        )
        for each in actuals
    }
