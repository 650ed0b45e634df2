"""Folding events into the states of their streams."""

from collections.abc import Sequence
from typing import Any

from tenancy.look import Decides
from tenancy.records import Recorded


def by_stream(events: list[Recorded]) -> dict[int, list[Recorded]]:
    """The events of each stream, which is named by the integer of its id."""
    if len(events) == 1:
        return {events[0].stream_id.int: events}
    grouped: dict[int, list[Recorded]] = {}
    for each in events:
        grouped.setdefault(each.stream_id.int, []).append(each)
    return grouped


def evolved(decider: Decides[Any], state: Any, events: Sequence[Recorded]) -> tuple[Any, int]:
    """The state after `events`, and the version reached.

    Topics begin with the kind of their aggregate. An id of another kind names nothing of this
    one: its events are passed over.
    """
    prefix = decider.kind + "."
    for recorded in events:
        if recorded.topic.startswith(prefix):
            state = decider.evolve(state, recorded)
    return state, events[-1].version
