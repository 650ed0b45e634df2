"""Schemes: what happened to their versions, and what they are now. Decided in scheme_decisions."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Generic, TypeVar, assert_never
from uuid import UUID

import msgspec

from domain.checks import begun
from domain.kernel import Command, Decider, Event, Happened, Refused, looking
from domain.lint import Finding
from domain.money import Money
from domain.rules import Indicator, Manual, MeasuredRule, SchemeContent
from domain.scheme_change import EffectChoice, NextCycle
from domain.scheme_diff import Change

R = TypeVar("R")


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The version of a scheme that another one was copied from."""

    scheme_id: UUID
    version: int


class DraftScheme(Command, frozen=True, kw_only=True):
    """Begin a scheme, or its next version."""

    code: str
    content: SchemeContent


class CloneScheme(Command, frozen=True, kw_only=True):
    """Begin a scheme, or its next version, as a copy of a version of another one."""

    code: str
    origin: Origin
    name: str


class DraftFromTemplate(Command, frozen=True, kw_only=True):
    """Begin a scheme, or its next version, from a template of the library that we ship."""

    code: str
    template: str
    name: str = ""
    """That of the template where empty."""


class SchemeDrafted(Event, frozen=True, kw_only=True):
    TOPIC = "scheme.drafted"
    code: str
    version: int
    content: SchemeContent
    origin: Origin | None = None
    template: str = ""


class LintScheme(Command, frozen=True, kw_only=True):
    """Check up a version, and record what was found."""

    version: int


class SchemeLinted(Event, frozen=True, kw_only=True):
    TOPIC = "scheme.linted"
    version: int
    findings: tuple[Finding, ...]


class Assumed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Points that a simulation takes for granted where nobody has rated yet."""

    indicator: str
    points: Decimal


class SimulateScheme(Command, frozen=True, kw_only=True):
    """Calculate appraisals as they are and as the version would make them, before approval."""

    version: int
    effect: EffectChoice
    appraisal_ids: tuple[UUID, ...]
    assumed: tuple[Assumed, ...] = ()


class SimulatedLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One appraisal as it is and as it would be; `obstacle` where it cannot be calculated."""

    appraisal_id: UUID
    score_before: Decimal | None = None
    score_after: Decimal | None = None
    amount_before: Money | None = None
    """None where the employment has no pay structure."""
    amount_after: Money | None = None
    obstacle: str = ""
    """Code of the refusal."""


class SchemeSimulated(Event, frozen=True, kw_only=True):
    TOPIC = "scheme.simulated"
    version: int
    effect: EffectChoice
    lines: tuple[SimulatedLine, ...]
    totals_before: tuple[Money, ...]
    totals_after: tuple[Money, ...]
    assumed: tuple[Assumed, ...] = ()


class ApproveScheme(Command, frozen=True, kw_only=True):
    """Agree to a version and to when it takes effect, by another than who drafted it."""

    version: int
    effect: EffectChoice = NextCycle()
    accepted_faults: tuple[str, ...] = ()
    """Codes of the faults of its check-up that are accepted, with the reason below."""
    reason: str = ""


class SchemeApproved(Event, frozen=True, kw_only=True):
    TOPIC = "scheme.approved"
    version: int
    effect: EffectChoice
    accepted_faults: tuple[str, ...] = ()
    reason: str = ""


class PublishScheme(Command, frozen=True, kw_only=True):
    """Put an approved version into effect, as it was approved."""

    version: int
    effect: EffectChoice = NextCycle()
    reason: str = ""
    """Needed where weights are changed or thresholds lowered."""


class SchemeVersionPublished(Event, frozen=True, kw_only=True):
    TOPIC = "scheme.version-published"
    version: int
    reason: str = ""
    effect: EffectChoice = NextCycle()


class WeightsChanged(Event, frozen=True, kw_only=True):
    """The published version weighs otherwise than the one before it. 权重调整"""

    TOPIC = "scheme.weights-changed"
    version: int
    before: int
    changes: tuple[Change, ...]
    reason: str


class ThresholdsLowered(Event, frozen=True, kw_only=True):
    """Levels of the published version are reached with less than before. 阈值调整"""

    TOPIC = "scheme.thresholds-lowered"
    version: int
    before: int
    changes: tuple[Change, ...]
    reason: str


class RetireScheme(Command, frozen=True, kw_only=True):
    """No cycle can be bound to the version any more; those that are go on."""

    version: int
    reason: str


class SchemeRetired(Event, frozen=True, kw_only=True):
    TOPIC = "scheme.retired"
    version: int
    reason: str


# -- what is measured and judged


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


# -- what a scheme is now


class SchemeVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version: its content never changes, only its standing does."""

    content: SchemeContent
    drafted_by: UUID
    """The event that wrote the content."""
    author: UUID
    """The actor who drafted: somebody else approves."""
    simulated: tuple[EffectChoice, ...] = ()
    approved: EffectChoice | None = None
    published: bool = False
    retired: bool = False


class Scheme(msgspec.Struct, frozen=True, kw_only=True):
    """A scheme with all its versions, the first of which is number 1."""

    code: str
    versions: tuple[SchemeVersion, ...]
    published_order: tuple[int, ...] = ()
    """Versions in the order in which they were published."""

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

    def bindable(self, number: int) -> SchemeVersion:
        """The published version with this number, or `Refused` also when it was retired."""
        version = self.published(number)
        if version.retired:
            raise Refused("scheme-retired", f"Version {number} of scheme {self.code} was retired.")
        return version


SchemeEvent = (
    SchemeDrafted
    | SchemeLinted
    | SchemeSimulated
    | SchemeApproved
    | SchemeVersionPublished
    | WeightsChanged
    | ThresholdsLowered
    | SchemeRetired
)


def evolve(state: Scheme | None, happened: Happened[SchemeEvent]) -> Scheme:
    """The scheme after one more event."""
    event = happened.event
    match event:
        case SchemeDrafted():
            drafted = SchemeVersion(
                content=event.content, drafted_by=happened.event_id, author=happened.actor
            )
            if state is None:
                return Scheme(code=event.code, versions=(drafted,))
            return msgspec.structs.replace(state, versions=(*state.versions, drafted))
        case SchemeSimulated():
            before = begun(state).versions[event.version - 1].simulated
            return _changed(begun(state), event.version, simulated=(*before, event.effect))
        case SchemeApproved():
            return _changed(begun(state), event.version, approved=event.effect)
        case SchemeVersionPublished():
            scheme = _changed(begun(state), event.version, published=True)
            order = (*scheme.published_order, event.version)
            return msgspec.structs.replace(scheme, published_order=order)
        case SchemeRetired():
            return _changed(begun(state), event.version, retired=True)
        case SchemeLinted() | WeightsChanged() | ThresholdsLowered():
            return begun(state)
        case _:
            assert_never(event)


def _changed(scheme: Scheme, number: int, **fields: object) -> Scheme:
    index = number - 1
    changed = msgspec.structs.replace(scheme.versions[index], **fields)
    versions = (*scheme.versions[:index], changed, *scheme.versions[index + 1 :])
    return msgspec.structs.replace(scheme, versions=versions)


LOOK_AT_SCHEME: Decider[Scheme | None] = looking("scheme", None, evolve)
"""For cycles, appraisals and their facts, at which a scheme's own decisions look in turn."""
