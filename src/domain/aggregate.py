"""What the catalogue says of one aggregate."""

from typing import Any

import msgspec

from domain.kernel import Command, Decider, Event


class Aggregate(msgspec.Struct, frozen=True, kw_only=True):
    """A decider, the commands that it takes, and the events of its streams."""

    decider: Decider[Any]
    commands: tuple[type[Command], ...]
    events: tuple[type[Event], ...]
