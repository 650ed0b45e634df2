"""Segments: the runs of days on which an employment has one unit and one job, and their pay days.

An appraisal is about one segment of an employment in a cycle. Assignments and ends of employments
become known late, so which days those are is read from the employment whenever it matters.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import msgspec

from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.calendar import Span, segments
from domain.checks import begun
from domain.employment import EMPLOYMENT, Assigned, Employment, assigned_on
from domain.exact import decimal_of, exact, round_half_away
from domain.ids import appraisal_id
from domain.kernel import Context, Refused

_DAY = timedelta(days=1)
SEGMENTS_MAX = 100


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A run of employed days with the same unit and job. 区段"""

    span: Span
    org_unit_id: UUID
    job_id: UUID


class Days(msgspec.Struct, frozen=True, kw_only=True):
    """The days that an appraisal is about, and the event that says so."""

    span: Span
    source: UUID


def segments_of(employment: Employment, period: Span) -> tuple[Segment, ...]:
    """All segments of an employment within a period, in the order of their days.

    They never overlap, and together they are exactly the employed days of the period.
    """
    employed = employment.days_within(period.starts_on, period.ends_on)
    if employed is None:
        return ()
    parts = segments(Span(*employed), (row.effective_from for row in employment.assignments))
    found: list[Segment] = []
    for part in parts:
        work = _assigned(employment, part.starts_on).assignment
        if found and (found[-1].org_unit_id, found[-1].job_id) == (work.org_unit_id, work.job_id):
            part = Span(found.pop().span.starts_on, part.ends_on)  # noqa: PLW2901  it goes on
        found.append(Segment(span=part, org_unit_id=work.org_unit_id, job_id=work.job_id))
    return tuple(found)


def days_of(appraisal: Appraisal, employment: Employment) -> Days | None:
    """The days that an appraisal is about, as its employment is known now; None for none.

    They begin where they began at its creation, and are never more than then: a transfer or an
    end that became known since takes days away, for ever. So no two appraisals share a day.
    """
    created = Span(appraisal.starts_on, appraisal.ends_on)
    parts = segments_of(employment, created)
    if not parts or not _kept(appraisal, employment):
        return None
    return Days(span=parts[0].span, source=_source(appraisal, employment, parts[0].span.ends_on))


def _kept(appraisal: Appraisal, employment: Employment) -> bool:
    """Whether the first day has been in that unit and job ever since the appraisal was created."""
    in_force: list[Assigned] = []
    for row in sorted(employment.assignments, key=lambda row: row.recorded):
        latest = in_force[-1].effective_from if in_force else date.min
        if latest <= row.effective_from <= appraisal.starts_on:
            in_force.append(row)
    # Appraisals that say nothing about it are older than transfers within a cycle.
    since = next(
        (at for at, row in enumerate(in_force) if row.event_id == appraisal.assigned_by), -1
    )
    works = {(row.assignment.org_unit_id, row.assignment.job_id) for row in in_force[since:]}
    return works == {(appraisal.org_unit_id, appraisal.job_id)}


def _source(appraisal: Appraisal, employment: Employment, last_day: date) -> UUID:
    if last_day == appraisal.ends_on:
        return appraisal.created_by
    if last_day == employment.last_day and employment.terminated_by is not None:
        return employment.terminated_by
    return _assigned(employment, last_day + _DAY).event_id


def uncovered(
    employment: Employment, period: Span, appraisals: Iterable[Appraisal]
) -> tuple[Segment, ...]:
    """The runs of days within a period that none of `appraisals` is about, each in one segment.

    One that a policy voided is still about its days: they are not to be appraised.
    """
    covered = [days.span for each in appraisals if (days := days_of(each, employment))]
    return tuple(
        msgspec.structs.replace(segment, span=span)
        for segment in segments_of(employment, period)
        for span in _without(segment.span, covered)
    )


def _without(span: Span, taken: Iterable[Span]) -> Iterator[Span]:
    begins = span.starts_on
    for each in sorted(taken, key=lambda each: each.starts_on):
        if each.within(span) is None:
            continue
        if begins < each.starts_on:
            yield Span(begins, each.starts_on - _DAY)
        begins = each.ends_on + _DAY
    if begins <= span.ends_on:
        yield Span(begins, span.ends_on)


def appraisals_of(
    cycle_id: UUID, employment_id: UUID, context: Context, *, before: int | None = None
) -> tuple[Appraisal, ...]:
    """The appraisals of an employment in a cycle, void ones too, by segment number.

    Args:
        cycle_id: Of the cycle.
        employment_id: Of the employment.
        context: What looks.
        before: Only those with a smaller segment number.
    """
    found: list[Appraisal] = []
    for number in range(1, before or SEGMENTS_MAX + 1):
        each = context.look(LOOK_AT_APPRAISAL, appraisal_id(cycle_id, employment_id, number))
        if each is None:
            break
        found.append(each)
    return tuple(found)


def catchment(days: Days, employment: Employment, cycle: Span) -> Span:
    """The days of the cycle whose business data count for an appraisal about `days`.

    Its own; and what occurs before the first day of work, or after the last, counts for the
    segment next to it. So every actual of a cycle counts once.
    """
    parts = segments_of(employment, cycle)
    first = days.span.starts_on == parts[0].span.starts_on
    last = days.span.ends_on == parts[-1].span.ends_on
    return Span(
        cycle.starts_on if first else days.span.starts_on,
        cycle.ends_on if last else days.span.ends_on,
    )


def appraisal_on(
    cycle_id: UUID, employment_id: UUID, day: date, cycle: Span, context: Context
) -> Appraisal | None:
    """The appraisal for which what occurs on `day` counts, or None."""
    for number in range(1, SEGMENTS_MAX + 1):
        each = context.look(LOOK_AT_APPRAISAL, appraisal_id(cycle_id, employment_id, number))
        if each is None:
            return None
        employment = begun(context.look(EMPLOYMENT, employment_id))
        days = None if each.voided else days_of(each, employment)
        if days is not None and day in catchment(days, employment, cycle):
            return each
    return None


def reporting_score(parts: Sequence[tuple[int, Decimal]]) -> Decimal:
    """The mean of (days, score), weighted by days, to 2 decimals; for reports, never for pay.

    >>> reporting_score([(45, Decimal("76.00")), (46, Decimal("92.00"))])
    Decimal('84.09')
    """
    days = sum(part for part, _ in parts)
    whole = sum((part * exact(score) for part, score in parts), Fraction(0))
    return decimal_of(round_half_away(whole * Fraction(100, days)), 2)


def current_days(appraisal: Appraisal, context: Context) -> Days:
    """The days that an appraisal is about now, or `Refused("segment-gone")`."""
    employment = begun(context.look(EMPLOYMENT, appraisal.employment_id))
    days = days_of(appraisal, employment)
    if days is None:
        raise Refused(
            "segment-gone",
            "The employment has no day left in that unit and job: void the appraisal.",
        )
    return days


def _assigned(employment: Employment, day: date) -> Assigned:
    return begun(assigned_on(employment, day))
