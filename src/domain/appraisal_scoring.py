"""From what an appraisal's streams hold to its scores: gathers the evidence, then calculates."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from domain.appraisal import (
    Appraisal,
    IndicatorPoints,
    InitialScoreCalculated,
    Scored,
    ScoreLocked,
)
from domain.by_version import Final, together
from domain.calendar import Span
from domain.checks import begun
from domain.coefficient import JobBand
from domain.cycle import CYCLE
from domain.employment import EMPLOYMENT
from domain.evidence import DaysOf, Evidence
from domain.explanation import Given
from domain.facts import FACT_SHEET
from domain.goals import GOAL_SHEET, GoalSheet
from domain.ids import appraisal_id, fact_sheet_id, goal_sheet_id, occurrence_sheet_id
from domain.jobs import JOB
from domain.kernel import Context, Refused
from domain.occurrences import OCCURRENCE_SHEET
from domain.rater_groups import responses_of
from domain.reopening import ScoreRelocked
from domain.rules import SchemeContent
from domain.scheme import LOOK_AT_SCHEME, SchemeVersion, Weighted, judged, measured
from domain.scheme_change import SchemeChange, Stretch, stretches
from domain.scoring import initial_score, scored_coefficient
from domain.segments import catchment, current_days

FIRST_VERSION = 1


def calculated(
    appraisal: Appraisal, context: Context, *, provisional: bool
) -> InitialScoreCalculated:
    """The score that data alone gives; `provisional` where more data may come.

    Raises:
        Refused: `goals-not-agreed`; `nothing-to-score` where the scheme measures nothing by data;
            those of `domain.scoring.initial_score`.
    """
    version = _scheme_version(appraisal, context)
    initial = initial_score(version.content, _evidence(appraisal, version, context))
    if initial is None:
        raise Refused("nothing-to-score", "The scheme measures nothing by data.")
    return InitialScoreCalculated(
        score=initial.value,
        points=tuple(
            IndicatorPoints(indicator=code, points=str(points))
            for code, points in initial.points
            if points is not None
        ),
        explanation=initial.explanation,
        provisional=provisional,
    )


def locked(appraisal: Appraisal, context: Context) -> ScoreLocked:
    """The final score and coefficient with their tree, as the appraisal's first locked version.

    Raises:
        Refused: `initial-score-stale`; `goals-not-agreed`; those of `domain.scoring.result`.
    """
    final = final_score(appraisal, context)
    _require_current(appraisal.initial_score, final)
    return ScoreLocked(
        lock_version=FIRST_VERSION,
        score=final.value,
        coefficient=final.coefficient,
        explanation=final.explanation,
        parts=final.parts,
    )


def relocked(appraisal: Appraisal, context: Context) -> ScoreRelocked:
    """As `locked`, with everything that was accepted since, as the version after the newest.

    Raises:
        Refused: as `locked`.
    """
    final = final_score(appraisal, context)
    return ScoreRelocked(
        lock_version=begun(appraisal.locked).version + 1,
        score=final.value,
        coefficient=final.coefficient,
        explanation=final.explanation,
        parts=final.parts,
    )


def final_score(appraisal: Appraisal, context: Context) -> Final:
    """Score and coefficient by what the appraisal's streams hold now.

    Raises:
        Refused: `goals-not-agreed`; those of `domain.scoring.result`.
    """
    return scored_by(in_force(appraisal, context), appraisal, context)


def in_force(
    appraisal: Appraisal, context: Context, *supposed: SchemeChange
) -> tuple[Stretch, ...]:
    """Which scheme versions count on which of the appraisal's days, ascending.

    `supposed` are changes of its cycle that nobody has made yet.
    """
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    days = current_days(appraisal, context).span
    return stretches(
        appraisal.scheme_id,
        appraisal.scheme_version,
        (days.starts_on, days.ends_on),
        (*cycle.changes, *supposed),
    )


def scored_by(
    parts: Sequence[Stretch],
    appraisal: Appraisal,
    context: Context,
    assumed: Mapping[str, Decimal] | None = None,
    prepared: Callable[[SchemeContent, Evidence], Evidence] | None = None,
) -> Final:
    """The score if these scheme versions, drafts too, counted for these days.

    Args:
        parts: ascending, at least one.
        appraisal: whose facts and ratings are taken.
        context: what looks.
        assumed: points of judged indicators that nobody has rated yet.
        prepared: what is made of the evidence before it is reckoned with.

    Raises:
        Refused: as `final_score`.
    """
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    job = begun(context.look(JOB, appraisal.job_id))
    grade = job.grade_on(appraisal.ends_on)
    band = JobBand(least=grade.coefficient_min, most=grade.coefficient_max, source=grade.set_by)
    found = []
    for part in parts:
        version = scheme.version(part.scheme_version)
        evidence = _evidence(appraisal, version, context)
        if assumed:
            guessed = {code: Given(each, version.drafted_by) for code, each in assumed.items()}
            evidence = msgspec.structs.replace(evidence, points={**guessed, **evidence.points})
        if prepared is not None:
            evidence = prepared(version.content, evidence)
        found.append((part, *scored_coefficient(version.content, evidence, band)))
    return together(found)


def _scheme_version(appraisal: Appraisal, context: Context) -> SchemeVersion:
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    return scheme.published(in_force(appraisal, context)[-1].scheme_version)


def _evidence(appraisal: Appraisal, version: SchemeVersion, context: Context) -> Evidence:
    own_id = appraisal_id(appraisal.cycle_id, appraisal.employment_id, appraisal.segment)
    sheet = context.look(GOAL_SHEET, goal_sheet_id(own_id))
    own = occurrence_sheet_id(appraisal.cycle_id, appraisal.employment_id)
    occurrences = context.look(OCCURRENCE_SHEET, own)
    facts = context.look(FACT_SHEET, fact_sheet_id(appraisal.cycle_id, appraisal.employment_id))
    actuals: dict[str, list[Given]] = {}
    caught, target_days = _window(appraisal, context)
    for fact in facts.facts:
        if fact.occurred_on not in caught:
            continue
        actuals.setdefault(fact.indicator, []).append(Given(fact.value, fact.event_id))
    return Evidence(
        scheme=version.drafted_by,
        targets=_targets(sheet) if measured(version.content) else {},
        excused={**_excused(sheet), **_waived(appraisal, version)},
        actuals=actuals,
        occurrences=occurrences.stated(caught.starts_on, caught.ends_on),
        target_days=target_days if sheet is not None and sheet.whole_cycle else None,
        points=_points(appraisal),
        responses=responses_of(own_id, version.content, context),
        calibrations=[Given(each.adjustment, each.event_id) for each in appraisal.calibrations],
    )


def _window(appraisal: Appraisal, context: Context) -> tuple[Span, DaysOf]:
    """The days whose data count, and which part of the cycle the appraisal is about."""
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    period = Span(cycle.starts_on, cycle.ends_on)
    days = current_days(appraisal, context)
    employment = begun(context.look(EMPLOYMENT, appraisal.employment_id))
    return (
        catchment(days, employment, period),
        DaysOf(days.span.days, period.days, days.source),
    )


def _targets(sheet: GoalSheet | None) -> Mapping[str, Given]:
    if sheet is None or not sheet.agreed:
        raise Refused("goals-not-agreed", "The goals have not been agreed.")
    return sheet.stated


def _excused(sheet: GoalSheet | None) -> Mapping[str, UUID]:
    return {} if sheet is None else {each.indicator: each.event_id for each in sheet.moves.excused}


def _waived(appraisal: Appraisal, version: SchemeVersion) -> Mapping[str, UUID]:
    # What nobody can judge does not count, as if it were excused.
    waived = appraisal.conduct.waived
    return {} if waived is None else {each.code: waived for each in judged(version.content)}


def excused_in(appraisal: Appraisal, context: Context) -> frozenset[str]:
    """The indicators that do not count for this person."""
    own_id = appraisal_id(appraisal.cycle_id, appraisal.employment_id, appraisal.segment)
    return frozenset(_excused(context.look(GOAL_SHEET, goal_sheet_id(own_id))))


def counts(indicators: Iterable[Weighted[Any]], excused: frozenset[str]) -> bool:
    """Whether any of `indicators` is left."""
    return any(each.code not in excused for each in indicators)


def _require_current(initial: Scored | None, final: Final) -> None:
    # Only what data decides: the initial score knows of nothing else.
    stated = {} if initial is None else {each.indicator: each.points for each in initial.points}
    now = {each.code: each.points for each in final.score.indicators if each.code in stated}
    # Where every one of them was excused since, there is no initial score to calculate any more.
    if any(points is not None for points in now.values()) and stated != {
        code: str(points) for code, points in now.items()
    }:
        raise Refused("initial-score-stale", "The data have changed since the initial score.")


def _points(appraisal: Appraisal) -> Mapping[str, Given]:
    rating = appraisal.manager_rating
    if rating is None:
        return {}
    given = {each.indicator: Given(each.points, rating.event_id) for each in rating.ratings}
    # What was decided after the lock stands in the place of what the manager gave.
    decided = {each.indicator: Given(each.points, each.event_id) for each in appraisal.adjustments}
    return {**given, **decided}
