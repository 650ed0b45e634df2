"""A thing to do, as the start page shows it."""

import msgspec


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do, in the visitor's language."""

    what: str
    why: str
    href: str
    action: str
    """What the button says."""
    urgent: bool = False
