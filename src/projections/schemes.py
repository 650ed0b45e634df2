"""Schemes with the standing of each version, their simulations, and the indicator library."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from domain.indicator_library import (
    IndicatorDefined,
    IndicatorNature,
    IndicatorRetired,
    JobValueLink,
    Period,
)
from domain.lint import Finding
from domain.money import Money
from domain.rules import IndicatorRule, SchemeContent
from domain.scheme import (
    Assumed,
    Origin,
    SchemeApproved,
    SchemeDrafted,
    SchemeLinted,
    SchemeRetired,
    SchemeSimulated,
    SchemeVersionPublished,
    SimulatedLine,
    ThresholdsLowered,
    WeightsChanged,
)
from domain.scheme_change import EffectChoice
from domain.scheme_diff import Change
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import R, Row, Table, begun
from tenancy.records import Recorded

NAME = "schemes"
VERSION = 1

Standing = Literal["draft", "approved", "published", "retired"]


class SchemeVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a scheme: its content never changes, its standing does."""

    version: int
    standing: Standing
    published: bool
    content: SchemeContent
    drafted_by: UUID
    """The actor; so are those below."""
    drafted_at: datetime
    origin: Origin | None = None
    template: str = ""
    findings: tuple[Finding, ...] = ()
    """Of its last check-up."""
    accepted_faults: tuple[str, ...] = ()
    approved_by: UUID | None = None
    approved_at: datetime | None = None
    effect: EffectChoice | None = None
    """As approved."""
    published_by: UUID | None = None
    published_at: datetime | None = None
    reason: str = ""
    """Of its publication."""
    weights_changed: tuple[Change, ...] = ()
    thresholds_lowered: tuple[Change, ...] = ()


class Scheme(Row, kw_only=True):
    """考核方案"""

    scheme_id: UUID
    code: str
    name: str
    """Of the newest version."""
    versions: tuple[SchemeVersion, ...]
    version: int


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """What a version would have done, as it was told."""

    version: int
    effect: EffectChoice
    simulated_at: datetime
    lines: tuple[SimulatedLine, ...]
    totals_before: tuple[Money, ...]
    totals_after: tuple[Money, ...]
    assumed: tuple[Assumed, ...]


class Simulations(Row, kw_only=True):
    """The newest simulations of a scheme, newest first."""

    scheme_id: UUID
    newest: tuple[Simulation, ...]
    version: int


class IndicatorVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a definition."""

    version: int
    name: str
    nature: IndicatorNature
    rule: IndicatorRule
    formula: str
    unit: str
    period: Period
    evidence_required: bool
    job_value: tuple[JobValueLink, ...]


class IndicatorDefinition(Row, kw_only=True):
    """指标库"""

    definition_id: UUID
    code: str
    name: str
    """Of the newest version; so is the nature."""
    nature: IndicatorNature
    retired: bool
    versions: tuple[IndicatorVersion, ...]
    version: int


SIMULATIONS_KEPT = 20
"""The history keeps all of them."""


def _table(name: str, row: type[R], key: str, *indexes: tuple[str, ...]) -> Table[R]:
    return Table(name, row, projection=NAME, version=VERSION, key=(key,), indexes=indexes)


SCHEMES = _table("scheme_versions", Scheme, "scheme_id", ("code",))
SIMULATIONS = _table("scheme_simulations", Simulations, "scheme_id")
INDICATORS = _table("indicator_definitions", IndicatorDefinition, "definition_id", ("code",))

SCHEME_EVENTS = (
    SchemeDrafted,
    SchemeLinted,
    SchemeApproved,
    SchemeVersionPublished,
    WeightsChanged,
    ThresholdsLowered,
    SchemeRetired,
)


def _scheme(row: Scheme | None, recorded: Recorded) -> Scheme:
    event = recorded.event
    if row is None and isinstance(event, SchemeDrafted):
        row = Scheme(scheme_id=recorded.stream_id, code=event.code, name="", versions=(), version=0)
    row = begun(row, recorded)
    row.version = recorded.version
    if isinstance(event, SchemeDrafted):
        drafted = SchemeVersion(
            version=event.version,
            standing="draft",
            published=False,
            content=event.content,
            drafted_by=recorded.actor,
            drafted_at=recorded.recorded_at,
            origin=event.origin,
            template=event.template,
        )
        kept = [each for each in row.versions if each.version != event.version]
        row.versions = (*kept, drafted)
        row.name = event.content.name
    else:
        row.versions = tuple(
            msgspec.structs.replace(each, **_changed(recorded))
            if each.version == event.version
            else each
            for each in row.versions
        )
    return row


def _changed(recorded: Recorded) -> dict[str, object]:
    event = recorded.event
    match event:
        case SchemeLinted():
            return {"findings": event.findings}
        case SchemeApproved():
            return {
                "standing": "approved",
                "effect": event.effect,
                "accepted_faults": event.accepted_faults,
                "approved_by": recorded.actor,
                "approved_at": recorded.recorded_at,
            }
        case SchemeVersionPublished():
            return {
                "standing": "published",
                "published": True,
                "reason": event.reason,
                "published_by": recorded.actor,
                "published_at": recorded.recorded_at,
            }
        case WeightsChanged():
            return {"weights_changed": event.changes}
        case ThresholdsLowered():
            return {"thresholds_lowered": event.changes}
        case SchemeRetired():
            return {"standing": "retired"}
        case _:
            raise TypeError(f"{recorded.topic} is not folded here")


def _simulated(row: Simulations | None, recorded: Recorded) -> Simulations:
    event: SchemeSimulated = recorded.event
    told = Simulation(
        version=event.version,
        effect=event.effect,
        simulated_at=recorded.recorded_at,
        lines=event.lines,
        totals_before=event.totals_before,
        totals_after=event.totals_after,
        assumed=event.assumed,
    )
    older = () if row is None else row.newest
    return Simulations(
        scheme_id=recorded.stream_id,
        newest=(told, *older)[:SIMULATIONS_KEPT],
        version=recorded.version,
    )


def _indicator(row: IndicatorDefinition | None, recorded: Recorded) -> IndicatorDefinition:
    event = recorded.event
    if isinstance(event, IndicatorRetired):
        row = begun(row, recorded)
        row.retired, row.version = True, recorded.version
        return row
    defined: IndicatorDefined = event
    told = IndicatorVersion(
        version=defined.version,
        name=defined.name,
        nature=defined.nature,
        rule=defined.rule,
        formula=defined.formula,
        unit=defined.unit,
        period=defined.period,
        evidence_required=defined.evidence_required,
        job_value=defined.job_value,
    )
    older = () if row is None else row.versions
    return IndicatorDefinition(
        definition_id=recorded.stream_id,
        code=defined.code,
        name=defined.name,
        nature=defined.nature,
        retired=False,
        versions=(*(each for each in older if each.version != told.version), told),
        version=recorded.version,
    )


SCHEME_LIBRARY = by_stream(
    NAME,
    VERSION,
    (
        (SCHEMES, _scheme, SCHEME_EVENTS),
        (SIMULATIONS, _simulated, (SchemeSimulated,)),
        (INDICATORS, _indicator, (IndicatorDefined, IndicatorRetired)),
    ),
)


async def schemes(
    view: View, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[Scheme]:
    """Schemes by code, with all their versions."""
    return await page(view, SCHEMES, order=("code",), limit=limit, cursor=cursor)


async def scheme(view: View, scheme_id: UUID) -> Scheme | None:
    """The scheme with this id, all its versions."""
    return await get(view, SCHEMES, scheme_id)


async def simulations(view: View, scheme_id: UUID) -> Simulations | None:
    """The newest simulations of a scheme."""
    return await get(view, SIMULATIONS, scheme_id)


async def indicators(
    view: View,
    *,
    nature: IndicatorNature | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[IndicatorDefinition]:
    """The library by code."""
    where = {"nature": nature}
    return await page(view, INDICATORS, order=("code",), where=where, limit=limit, cursor=cursor)


async def indicator(view: View, definition_id: UUID) -> IndicatorDefinition | None:
    """The definition with this id."""
    return await get(view, INDICATORS, definition_id)
