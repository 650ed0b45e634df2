"""Schemes: drafted, linted, published as immutable versions."""

from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun, checked_code, checked_name, checked_text, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.rules import Indicator, Manual, SchemeContent


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


class Weighted(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator with its weight in the whole scheme."""

    indicator: Indicator
    weight: int
    """Section's basis points times its own: those of a scheme sum to 10^8."""

    @property
    def code(self) -> str:
        return self.indicator.code


def measured(content: SchemeContent) -> tuple[Weighted, ...]:
    """The indicators that data decides: they need a target and actuals."""
    return tuple(each for each in _weighted(content) if not _is_manual(each.indicator))


def judged(content: SchemeContent) -> tuple[Weighted, ...]:
    """The indicators that raters decide."""
    return tuple(each for each in _weighted(content) if _is_manual(each.indicator))


def _weighted(content: SchemeContent) -> tuple[Weighted, ...]:
    return tuple(
        Weighted(indicator=indicator, weight=section.weight_bp * indicator.weight_bp)
        for section in content.sections
        for indicator in section.indicators
    )


def _is_manual(indicator: Indicator) -> bool:
    return isinstance(indicator.rule, Manual)


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
            checked_name(command.content.name)
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
