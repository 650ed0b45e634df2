"""Schemes: drafted, linted, published as immutable versions."""

from domain.kernel import Command, Event
from domain.rules import SchemeContent


class DraftScheme(Command, frozen=True, kw_only=True):
    """Begin a scheme, or its next version."""

    code: str
    content: SchemeContent


class SchemeDrafted(Event, frozen=True, kw_only=True):
    TOPIC = "scheme.drafted"
    code: str
    version: int
    content: SchemeContent


class PublishScheme(Command, frozen=True, kw_only=True):
    version: int
    reason: str = ""


class SchemeVersionPublished(Event, frozen=True, kw_only=True):
    TOPIC = "scheme.version-published"
    version: int
    reason: str = ""
