"""Schemes: drafted, linted, published as immutable versions."""

from collections.abc import Iterator
from typing import Generic, TypeVar, assert_never
from uuid import UUID

import msgspec

from domain.checks import begun, checked_code, checked_text, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.rules import Indicator, Manual, MeasuredRule, SchemeContent, check_content

R = TypeVar("R")


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


class Weighted(msgspec.Struct, Generic[R], frozen=True, kw_only=True):
    """An indicator with its rule and its weight in the whole scheme."""

    code: str
    rule: R
    weight: int
    """Section's basis points times its own: those of a scheme sum to 10^8."""


def measured(content: SchemeContent) -> tuple[Weighted[MeasuredRule], ...]:
    """The indicators that data decides: they need a target and actuals."""
    return tuple(
        Weighted(code=indicator.code, rule=indicator.rule, weight=weight)
        for indicator, weight in _weighted(content)
        if isinstance(indicator.rule, MeasuredRule)
    )


def judged(content: SchemeContent) -> tuple[Weighted[Manual], ...]:
    """The indicators that the person and the manager both rate."""
    return tuple(
        Weighted(code=indicator.code, rule=indicator.rule, weight=weight)
        for indicator, weight in _weighted(content)
        if isinstance(indicator.rule, Manual)
    )


def _weighted(content: SchemeContent) -> Iterator[tuple[Indicator, int]]:
    for section in content.sections:
        for indicator in section.indicators:
            yield indicator, section.weight_bp * indicator.weight_bp


class SchemeVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version: its content never changes, it can only be published."""

    content: SchemeContent
    drafted_by: UUID
    """The event that wrote the content."""
    published: bool = False


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """A scheme with all its versions, the first of which is number 1."""

    code: str
    versions: tuple[SchemeVersion, ...]

    def version(self, number: int) -> SchemeVersion:
        """The version with this number, or `Refused("unknown-scheme-version")`."""
        if not 1 <= number <= len(self.versions):
            raise Refused("unknown-scheme-version", f"Scheme {self.code} has no version {number}.")
        return self.versions[number - 1]

    def published(self, number: int) -> SchemeVersion:
        """The version with this number, or `Refused` when there is none or it is a draft."""
        version = self.version(number)
        if not version.published:
            raise Refused(
                "scheme-not-published",
                f"Version {number} of scheme {self.code} is not published.",
            )
        return version


def _decide(
    state: Scheme | None, command: DraftScheme | PublishScheme, _context: Context
) -> tuple[Event, ...]:
    match command:
        case DraftScheme():
            check_content(command.content)
            version = 1 if state is None else len(state.versions) + 1
            return (
                SchemeDrafted(
                    code=checked_code(command.code), version=version, content=command.content
                ),
            )
        case PublishScheme():
            if known(state, "unknown-scheme", "such scheme").version(command.version).published:
                raise Refused("already-published", f"Version {command.version} is published.")
            reason = checked_text(command.reason, "reason")
            return (SchemeVersionPublished(version=command.version, reason=reason),)
        case _:
            assert_never(command)


def _evolve(
    state: Scheme | None, happened: Happened[SchemeDrafted | SchemeVersionPublished]
) -> Scheme:
    event = happened.event
    match event:
        case SchemeDrafted():
            before = () if state is None else state.versions
            drafted = SchemeVersion(content=event.content, drafted_by=happened.event_id)
            return Scheme(code=event.code, versions=(*before, drafted))
        case SchemeVersionPublished():
            scheme = begun(state)
            index = event.version - 1
            published = msgspec.structs.replace(scheme.versions[index], published=True)
            return msgspec.structs.replace(
                scheme,
                versions=(*scheme.versions[:index], published, *scheme.versions[index + 1 :]),
            )
        case _:
            assert_never(event)


SCHEME: Decider[Scheme | None] = Decider(
    kind="scheme", initial=None, decide=_decide, evolve=_evolve
)
