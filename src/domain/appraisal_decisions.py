"""What may happen to an appraisal: score, rate, compare, explain, calibrate, lock, publish."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import assert_never
from uuid import UUID

from domain.appraisal import (
    Appraisal,
    AppraisalCreated,
    CalculateInitialScore,
    CalibrateScore,
    CalibrationApplied,
    CreateAppraisal,
    DeviationExplained,
    ExplainDeviation,
    LockScore,
    ManagerRatingSubmitted,
    PublishResult,
    Rating,
    ResultPublished,
    SelfRatingSubmitted,
    SubmitManagerRating,
    SubmitSelfRating,
    evolve,
)
from domain.appraisal_scoring import calculated, counts, excused_in, locked
from domain.binding import units_above
from domain.checks import (
    absent,
    begun,
    checked_code,
    checked_indicators,
    checked_number,
    checked_reason,
    checked_text,
    known,
)
from domain.comparison import compare
from domain.cycle import CYCLE, Cycle
from domain.employment import EMPLOYMENT, assignment_on
from domain.indicators import check_points
from domain.jobs import JOB
from domain.kernel import Context, Decider, Elsewhere, Event, Refused
from domain.organisation import PERSON
from domain.reopening import AcceptCorrection, RelockScore
from domain.reopening_decisions import accept, relock
from domain.rules import SchemeContent
from domain.scheme import LOOK_AT_SCHEME, judged, measured

POINTS_MAX = Decimal(100)
CALIBRATION_DECIMALS = 2

RatingCommand = SubmitSelfRating | SubmitManagerRating
LaterCommand = (
    CalculateInitialScore
    | RatingCommand
    | ExplainDeviation
    | CalibrateScore
    | LockScore
    | PublishResult
    | AcceptCorrection
    | RelockScore
)


def _decide(
    state: Appraisal | None, command: CreateAppraisal | LaterCommand, context: Context
) -> tuple[Event | Elsewhere, ...]:
    if isinstance(command, CreateAppraisal):
        return _create(state, command, context)
    appraisal = known(state, "unknown-appraisal", "such appraisal")
    if isinstance(command, PublishResult | AcceptCorrection | RelockScore):
        return tuple(_after_the_lock(appraisal, command, context))
    if appraisal.locked is not None:
        raise Refused("already-locked", f"The score is locked as v{appraisal.locked.version}.")
    match command:
        case CalculateInitialScore():
            return _calculate(appraisal, context)
        case SubmitSelfRating():
            return tuple(_rate_self(appraisal, command, context))
        case SubmitManagerRating():
            return tuple(_rate_as_manager(appraisal, command, context))
        case ExplainDeviation():
            return _explain(appraisal, command, context)
        case CalibrateScore():
            return _calibrate(appraisal, command, context)
        case LockScore():
            return _lock(appraisal, context)
        case _:
            assert_never(command)


def _after_the_lock(
    appraisal: Appraisal,
    command: PublishResult | AcceptCorrection | RelockScore,
    context: Context,
) -> Iterable[Event | Elsewhere]:
    match command:
        case PublishResult():
            return _publish(appraisal)
        case AcceptCorrection():
            return accept(appraisal, command, context)
        case RelockScore():
            return relock(appraisal, command, context)
        case _:
            assert_never(command)


# -- creation


def _create(
    state: Appraisal | None, command: CreateAppraisal, context: Context
) -> tuple[Event, ...]:
    absent(state, "an appraisal")
    cycle = known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    employment = known(
        context.look(EMPLOYMENT, command.employment_id), "unknown-employment", "such employment"
    )
    cycle.require("goal-setting", "data-intake", "rating", "comparison", "calibration")
    employed = employment.days_within(cycle.starts_on, cycle.ends_on)
    if employed is None:
        raise Refused("not-employed-in-cycle", f"No day of cycle {cycle.code} was worked.")
    starts_on, ends_on = employed
    assignment = begun(assignment_on(employment, ends_on))
    job = begun(context.look(JOB, assignment.job_id))
    level = job.grade_on(ends_on).level
    units = units_above(assignment.org_unit_id, ends_on, context)
    binding = cycle.resolve(job.family, level, units).chosen
    if binding is None:
        raise Refused(
            "no-scheme-for-job",
            f"Cycle {cycle.code} has no scheme for {job.family} jobs of level {level}.",
        )
    content = _content(binding.scheme_id, binding.scheme_version, context)
    if cycle.cut_off_reached and measured(content):
        raise Refused(
            "data-cut-off-reached",
            "The scheme measures by data, and neither goals nor actuals can be given any more.",
        )
    return (
        AppraisalCreated(
            cycle_id=command.cycle_id,
            employment_id=command.employment_id,
            person_id=employment.person_id,
            segment=1,
            org_unit_id=assignment.org_unit_id,
            job_id=assignment.job_id,
            family=job.family,
            cost_centre=assignment.cost_centre,
            manager_id=assignment.manager_id,
            scheme_id=binding.scheme_id,
            scheme_version=binding.scheme_version,
            starts_on=starts_on,
            ends_on=ends_on,
        ),
    )


def _content(scheme_id: UUID, version: int, context: Context) -> SchemeContent:
    return begun(context.look(LOOK_AT_SCHEME, scheme_id)).published(version).content


def _setting(appraisal: Appraisal, context: Context) -> tuple[Cycle, SchemeContent]:
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    return cycle, _content(appraisal.scheme_id, appraisal.scheme_version, context)


# -- score from data


def _calculate(appraisal: Appraisal, context: Context) -> tuple[Event, ...]:
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    _require_cut_off(cycle)
    initial, before = calculated(appraisal, context), appraisal.initial_score
    if before is not None and (before.score, before.points) == (initial.score, initial.points):
        raise Refused("already-scored", "Nothing has changed since the initial score.")
    return (initial,)


def _require_cut_off(cycle: Cycle) -> None:
    if not cycle.cut_off_reached:
        raise Refused("cut-off-not-reached", f"Cycle {cycle.code} still takes actuals.")


# -- ratings


def _rate_self(
    appraisal: Appraisal, command: SubmitSelfRating, context: Context
) -> Iterator[Event]:
    _, content = _rating_setting(appraisal, context)
    if context.actor != appraisal.person_id:
        raise Refused("not-the-ratee", "A self rating is given by the person concerned.")
    if appraisal.self_rating is not None:
        raise Refused("already-rated", "The self rating has been submitted.")
    ratings = _checked_ratings(command, content)
    yield SelfRatingSubmitted(
        person_id=appraisal.person_id,
        ratings=ratings,
        comment=checked_text(command.comment, "comment"),
    )
    if appraisal.manager_rating is not None:
        yield from compare(content, ratings, appraisal.manager_rating.ratings)


def _rate_as_manager(
    appraisal: Appraisal, command: SubmitManagerRating, context: Context
) -> Iterator[Event]:
    _, content = _rating_setting(appraisal, context)
    _require_manager(appraisal, context)
    if appraisal.manager_rating is not None:
        raise Refused("already-rated", "The manager's rating has been submitted.")
    ratings = _checked_ratings(command, content)
    yield ManagerRatingSubmitted(
        person_id=appraisal.person_id,
        ratings=ratings,
        comment=checked_text(command.comment, "comment"),
    )
    if appraisal.self_rating is not None:
        yield from compare(content, appraisal.self_rating.ratings, ratings)


def _rating_setting(appraisal: Appraisal, context: Context) -> tuple[Cycle, SchemeContent]:
    cycle, content = _setting(appraisal, context)
    cycle.require("rating", "comparison", "calibration")
    return cycle, content


def _require_manager(appraisal: Appraisal, context: Context) -> None:
    # Also where someone was entered as their own manager: a rater is never the ratee.
    if context.actor != appraisal.manager_id or context.actor == appraisal.person_id:
        raise Refused("not-the-manager", "This is for the manager of the person concerned.")


def _checked_ratings(command: RatingCommand, content: SchemeContent) -> tuple[Rating, ...]:
    indicators = judged(content)
    checked_indicators(
        (rating.indicator for rating in command.ratings),
        (weighted.code for weighted in indicators),
        "ratings",
    )
    rules = {weighted.code: weighted.rule for weighted in indicators}
    for rating in command.ratings:
        points = checked_number(
            rating.points,
            f"points of {rating.indicator}",
            least=Decimal(0),
            most=POINTS_MAX,
            code="points-out-of-range",
        )
        check_points(rules[rating.indicator], Fraction(points))
    return command.ratings


def _explain(
    appraisal: Appraisal, command: ExplainDeviation, context: Context
) -> tuple[Event, ...]:
    _require_manager(appraisal, context)
    if command.of not in appraisal.flagged:
        raise Refused("not-flagged", "No deviation was flagged there.")
    if command.of in appraisal.explained:
        raise Refused("already-explained", f"The deviation of {command.of} has been explained.")
    return (
        DeviationExplained(
            person_id=appraisal.person_id, of=command.of, reason=checked_reason(command.reason)
        ),
    )


# -- calibration


def _calibrate(
    appraisal: Appraisal, command: CalibrateScore, context: Context
) -> tuple[Event, ...]:
    cycle, content = _setting(appraisal, context)
    _require_unbiased(appraisal, command, context)
    cycle.require("calibration")
    _require_scores(appraisal, content, context)
    adjustment = checked_number(
        command.adjustment,
        "adjustment",
        least=-POINTS_MAX,
        most=POINTS_MAX,
        decimals=CALIBRATION_DECIMALS,
    )
    return (
        CalibrationApplied(
            person_id=appraisal.person_id,
            adjustment=adjustment,
            reason_code=checked_code(command.reason_code, "reason code"),
            authorised_by=command.authorised_by,
            reason=checked_reason(command.reason),
        ),
    )


def _require_unbiased(appraisal: Appraisal, command: CalibrateScore, context: Context) -> None:
    known(context.look(PERSON, command.authorised_by), "unknown-person", "such authoriser")
    if appraisal.person_id in {context.actor, command.authorised_by}:
        raise Refused("own-result", "Nobody calibrates or authorises their own result.")
    if context.actor == command.authorised_by:
        raise Refused("same-actor", "Another than the calibrator authorises a calibration.")
    if context.actor == appraisal.manager_id:
        raise Refused("calibrator-is-rater", "Whoever rated a person does not calibrate them.")
    if appraisal.person_id in _managers_of(context.actor, appraisal, context):
        raise Refused("own-managers-result", "Nobody calibrates their own manager's result.")


def _managers_of(person_id: UUID, appraisal: Appraisal, context: Context) -> set[UUID | None]:
    person = context.look(PERSON, person_id)
    if person is None:  # an access key that stands for nobody has no manager
        return set()
    managers: set[UUID | None] = set()
    for employment in map(begun, context.look.all(EMPLOYMENT, person.employments)):
        employed = employment.days_within(appraisal.starts_on, appraisal.ends_on)
        if employed is not None:
            managers.add(begun(assignment_on(employment, employed[1])).manager_id)
    return managers


# -- locking


def _lock(appraisal: Appraisal, context: Context) -> tuple[Event, ...]:
    cycle, content = _setting(appraisal, context)
    _require_cut_off(cycle)
    _require_scores(appraisal, content, context)
    deadline_passed = cycle.has_reached("calibration")
    if judged(content) and appraisal.self_rating is None and not deadline_passed:
        raise Refused("self-rating-missing", "The person has not rated and still may.")
    if appraisal.unexplained:
        raise Refused(
            "deviation-unexplained",
            f"The manager has yet to explain: {', '.join(appraisal.unexplained)}.",
        )
    cycle.require("calibration", "locked")
    return (locked(appraisal, context),)


def _require_scores(appraisal: Appraisal, content: SchemeContent, context: Context) -> None:
    # A scheme without measured (judged) indicators has no initial score (manager's rating) to
    # wait for; that nothing is missing is then true from the start. Nor where all are excused.
    excused = excused_in(appraisal, context)
    if counts(measured(content), excused) and appraisal.initial_score is None:
        raise Refused("initial-score-missing", "The initial score has not been calculated.")
    if counts(judged(content), excused) and appraisal.manager_rating is None:
        raise Refused("manager-rating-missing", "The manager has not rated.")


def _publish(appraisal: Appraisal) -> tuple[Event, ...]:
    if appraisal.locked is None:
        raise Refused("not-locked", "A result is published after its score is locked.")
    if appraisal.published_version == appraisal.locked.version:
        raise Refused("already-published", "The result has been published.")
    return (ResultPublished(lock_version=appraisal.locked.version),)


APPRAISAL: Decider[Appraisal | None] = Decider(
    kind="appraisal", initial=None, decide=_decide, evolve=evolve
)
