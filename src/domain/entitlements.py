"""What a locked appraisal entitles to: its days, cut where pay, hours or cost centre change."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.calendar import ProrationBasis, Span, segments, working_days
from domain.checks import begun
from domain.cycle import Cycle
from domain.employment import Employment, Pay, assigned_on, pay_on
from domain.explanation import Given
from domain.kernel import Refused
from domain.organisation import JobFamily
from domain.pay import Entitlement, PayStructure
from domain.scheme_change import LockedPart
from domain.segments import Days
from domain.share_override import check_share_on

_DAY = timedelta(days=1)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Days with one pay structure, one full-time equivalent and one cost centre."""

    span: Span
    cost_centre: str
    entitlement: Entitlement


class Earned(msgspec.Struct, frozen=True, kw_only=True):
    """What was locked, and for which days."""

    days: Days
    family: JobFamily
    """Of the job that the appraisal is about: it decides the band of the performance share."""
    score: Decimal
    coefficient: Given
    proration: ProrationBasis = "calendar-days"
    forfeited_by: UUID | None = None
    """The event by which the days are worth nothing, if there is one."""


def earned_by_part(earned: Earned, parts: Sequence[LockedPart]) -> tuple[Earned, ...]:
    """What was locked, by scheme version where that changed within the days: each on its own."""
    if not parts:
        return (earned,)
    found = []
    for part in parts:
        span = Span(part.starts_on, part.ends_on).within(earned.days.span)
        if span is not None:
            found.append(
                msgspec.structs.replace(
                    earned,
                    days=msgspec.structs.replace(earned.days, span=span),
                    score=part.score,
                    coefficient=Given(part.coefficient, earned.coefficient.source),
                )
            )
    return tuple(found)


def entitlements(earned: Earned, employment: Employment, cycle: Cycle) -> tuple[Part, ...]:
    """The entitlements of one locked appraisal, in the order of their days, at least one.

    Unpaid leave takes its days away, each told with the event that recorded it.

    Raises:
        Refused: `pay-structure-missing`; `share-out-of-band`, where the share that is in force
            is outside the family's band without an approved exception.
    """
    whole = Span(cycle.starts_on, cycle.ends_on)
    parts: list[Part] = []
    for span in _cut(earned.days.span, employment):
        assigned = begun(assigned_on(employment, span.starts_on))
        pay = _pay(employment, earned.family, span)
        entitlement = Entitlement(
            pay=PayStructure(total=pay.total, share=pay.performance_share, source=pay.event_id),
            months=cycle.months,
            cycle_days=_counted(whole, earned, cycle),
            calendar=cycle.planned_by,
            days=_counted(span, earned, cycle),
            days_source=earned.days.source,
            absences=tuple(_absences(span, earned, employment, cycle)),
            fte=Given(assigned.assignment.fte, assigned.event_id),
            coefficient=earned.coefficient,
            forfeited_by=earned.forfeited_by,
            rank=(earned.score, employment.number),
        )
        parts.append(
            Part(span=span, cost_centre=assigned.assignment.cost_centre, entitlement=entitlement)
        )
    return tuple(parts)


def _cut(days: Span, employment: Employment) -> Iterator[Span]:
    """`days`, cut where something that decides about pay changes."""
    changes = [
        *(row.effective_from for row in employment.assignments),
        *(row.effective_from for row in employment.pay),
    ]
    kept: Span | None = None
    for span in segments(days, changes):
        if kept is not None and _deciding(employment, kept) == _deciding(employment, span):
            kept = Span(kept.starts_on, span.ends_on)
            continue
        if kept is not None:
            yield kept
        kept = span
    yield begun(kept)


def _deciding(employment: Employment, span: Span) -> tuple[UUID | None, Decimal, str]:
    pay = pay_on(employment, span.starts_on)
    work = begun(assigned_on(employment, span.starts_on)).assignment
    return (pay.event_id if pay else None, work.fte, work.cost_centre)


def _pay(employment: Employment, family: JobFamily, span: Span) -> Pay:
    pay = pay_on(employment, span.starts_on)
    if pay is None:
        raise Refused(
            "pay-structure-missing",
            f"Employment {employment.number} has no pay structure on {span.starts_on}.",
        )
    # An exception may end while the pay that it allowed goes on: each of its ends is asked about.
    ends = (each.effective_until for each in employment.overrides)
    following = (end + _DAY for end in ends if end is not None)
    for day in (span.starts_on, *(day for day in following if day in span)):
        check_share_on(employment.overrides, family, pay.performance_share, day)
    return pay


def _counted(span: Span, earned: Earned, cycle: Cycle) -> int:
    if earned.proration == "calendar-days":
        return span.days
    return working_days(span, holidays=cycle.holidays, made_up=cycle.made_up)


def _absences(span: Span, earned: Earned, employment: Employment, cycle: Cycle) -> Iterator[Given]:
    for leave in employment.leaves:
        away = leave.span.within(span) if leave.unpaid else None
        if away is not None:
            yield Given(Decimal(_counted(away, earned, cycle)), leave.event_id)
