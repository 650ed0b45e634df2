"""Ratings: given by both, compared, explained, replied to, revised; by a stand-in, or waived."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import assert_never

from domain.appraisal import Appraisal
from domain.appraisal_setting import setting
from domain.checks import (
    checked_indicators,
    checked_number,
    checked_reason,
    checked_text,
    known,
)
from domain.comparison import compare
from domain.conduct import (
    ApproveWaiver,
    DeviationReplied,
    RaterReassigned,
    RatingWaived,
    ReassignRater,
    ReplyToDeviation,
    RequestWaiver,
    WaiverRequested,
)
from domain.indicators import check_points
from domain.kernel import Context, Event, Refused
from domain.organisation import PERSON
from domain.ratings import (
    DeviationExplained,
    ExplainDeviation,
    ManagerRatingRevised,
    ManagerRatingSubmitted,
    Rating,
    ReviseManagerRating,
    SelfRatingSubmitted,
    SubmitManagerRating,
    SubmitSelfRating,
)
from domain.rules import SchemeContent
from domain.scheme import judged

POINTS_MAX = Decimal(100)

RatingCommand = (
    SubmitSelfRating
    | SubmitManagerRating
    | ReviseManagerRating
    | ExplainDeviation
    | ReplyToDeviation
    | ReassignRater
    | RequestWaiver
    | ApproveWaiver
)
RATING_COMMANDS = (
    SubmitSelfRating,
    SubmitManagerRating,
    ReviseManagerRating,
    ExplainDeviation,
    ReplyToDeviation,
    ReassignRater,
    RequestWaiver,
    ApproveWaiver,
)


def rate(appraisal: Appraisal, command: RatingCommand, context: Context) -> Iterator[Event]:
    """Whatever a command about ratings leads to."""
    match command:
        case SubmitSelfRating():
            return _rate_self(appraisal, command, context)
        case SubmitManagerRating():
            return _rate_as_manager(appraisal, command, context)
        case ReviseManagerRating():
            return _revise(appraisal, command, context)
        case ExplainDeviation():
            return _explain(appraisal, command, context)
        case ReplyToDeviation():
            return _reply(appraisal, command, context)
        case ReassignRater():
            return _reassign(appraisal, command, context)
        case RequestWaiver() | ApproveWaiver():
            return _waive(appraisal, command, context)
        case _:
            assert_never(command)


# -- ratings


def _rate_self(
    appraisal: Appraisal, command: SubmitSelfRating, context: Context
) -> Iterator[Event]:
    cycle, content = setting(appraisal, context)
    cycle.require("rating", "comparison", "calibration")
    if context.actor != appraisal.person_id:
        raise Refused("not-the-ratee", "A self rating is given by the person concerned.")
    if appraisal.self_rating is not None:
        raise Refused("already-rated", "The self rating has been submitted.")
    if cycle.is_over("rating", context.today):
        raise Refused("deadline-passed", "Self ratings are not taken any more.")
    ratings = _checked_ratings(command.ratings, content)
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
    content = _rated_by(appraisal, context)
    _require_manager(appraisal, context)
    if appraisal.manager_rating is not None:
        raise Refused("already-rated", "The manager's rating has been submitted.")
    if appraisal.conduct.waived is not None:
        raise Refused("rating-waived", "The manager's rating has been waived.")
    ratings = _checked_ratings(command.ratings, content)
    yield ManagerRatingSubmitted(
        person_id=appraisal.person_id,
        ratings=ratings,
        comment=checked_text(command.comment, "comment"),
    )
    if appraisal.self_rating is not None:
        yield from compare(content, appraisal.self_rating.ratings, ratings)


def _revise(
    appraisal: Appraisal, command: ReviseManagerRating, context: Context
) -> Iterator[Event]:
    content = _rated_by(appraisal, context)
    _require_manager(appraisal, context)
    # Before both are in, there is nothing that a manager could have learnt; and once others have
    # calibrated, they have done so on this rating.
    if appraisal.manager_rating is None or appraisal.self_rating is None:
        raise Refused("not-compared", "A rating is revised after both have been compared.")
    if appraisal.calibrations:
        raise Refused("already-calibrated", "The score has been calibrated on this rating.")
    ratings = _checked_ratings(command.ratings, content)
    yield ManagerRatingRevised(
        person_id=appraisal.person_id, ratings=ratings, reason=checked_reason(command.reason)
    )
    yield from compare(content, appraisal.self_rating.ratings, ratings)


def _rated_by(appraisal: Appraisal, context: Context) -> SchemeContent:
    cycle, content = setting(appraisal, context)
    cycle.require("rating", "comparison", "calibration")
    return content


def _require_manager(appraisal: Appraisal, context: Context) -> None:
    # Also where someone was entered as their own manager: a rater is never the ratee.
    if context.actor != appraisal.manager_id or context.actor == appraisal.person_id:
        raise Refused("not-the-manager", "This is for the manager of the person concerned.")


def _checked_ratings(ratings: tuple[Rating, ...], content: SchemeContent) -> tuple[Rating, ...]:
    indicators = judged(content)
    checked_indicators(
        (rating.indicator for rating in ratings),
        (weighted.code for weighted in indicators),
        "ratings",
    )
    rules = {weighted.code: weighted.rule for weighted in indicators}
    for rating in ratings:
        points = checked_number(
            rating.points,
            f"points of {rating.indicator}",
            least=Decimal(0),
            most=POINTS_MAX,
            code="points-out-of-range",
        )
        check_points(rules[rating.indicator], Fraction(points))
    return ratings


# -- deviations


def _explain(appraisal: Appraisal, command: ExplainDeviation, context: Context) -> Iterator[Event]:
    _require_manager(appraisal, context)
    _require_flagged(appraisal, command.of)
    if command.of in appraisal.explained:
        raise Refused("already-explained", f"The deviation of {command.of} has been explained.")
    reason = checked_reason(command.reason)
    yield DeviationExplained(person_id=appraisal.person_id, of=command.of, reason=reason)


def _reply(appraisal: Appraisal, command: ReplyToDeviation, context: Context) -> Iterator[Event]:
    if context.actor != appraisal.person_id:
        raise Refused("not-the-ratee", "The person concerned replies.")
    _require_flagged(appraisal, command.of)
    if command.of in appraisal.conduct.replied:
        raise Refused("already-replied", f"The person has replied on {command.of}.")
    reply = checked_reason(command.reply, "reply")
    yield DeviationReplied(person_id=appraisal.person_id, of=command.of, reply=reply)


def _require_flagged(appraisal: Appraisal, of: str) -> None:
    if of not in appraisal.flagged:
        raise Refused("not-flagged", "No deviation was flagged there.")


# -- who rates instead, or that nobody does


def _reassign(appraisal: Appraisal, command: ReassignRater, context: Context) -> Iterator[Event]:
    _require_unrated(appraisal, context)
    known(context.look(PERSON, command.rater_id), "unknown-person", "such rater")
    if command.rater_id == appraisal.person_id:
        raise Refused("rater-is-ratee", "Nobody rates themselves in their manager's place.")
    if command.rater_id == appraisal.manager_id:
        raise Refused("already-the-rater", "This person rates already.")
    if context.actor == command.rater_id:
        raise Refused("same-actor", "Nobody makes themselves another's rater.")
    yield RaterReassigned(
        person_id=appraisal.person_id,
        before=appraisal.manager_id,
        rater_id=command.rater_id,
        reason=checked_reason(command.reason),
    )


def _waive(
    appraisal: Appraisal, command: RequestWaiver | ApproveWaiver, context: Context
) -> Iterator[Event]:
    content = _require_unrated(appraisal, context)
    if not judged(content):
        raise Refused("nothing-to-waive", "The scheme asks for no manager's rating.")
    requested_by = appraisal.conduct.waiver_requested_by
    if isinstance(command, RequestWaiver):
        if requested_by is not None:
            raise Refused("waiver-requested", "A waiver waits for approval already.")
        reason = checked_reason(command.reason)
        yield WaiverRequested(person_id=appraisal.person_id, reason=reason)
        return
    if requested_by is None:
        raise Refused("no-waiver-requested", "Nobody has asked for a waiver.")
    if context.actor == requested_by:
        raise Refused("same-actor", "A waiver is approved by another than who asked for it.")
    yield RatingWaived(requested_by=requested_by)


def _require_unrated(appraisal: Appraisal, context: Context) -> SchemeContent:
    cycle, content = setting(appraisal, context)
    cycle.require("goal-setting", "data-intake", "rating", "comparison", "calibration")
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody decides who rates them.")
    if appraisal.manager_rating is not None:
        raise Refused("already-rated", "The manager's rating has been submitted.")
    if appraisal.conduct.waived is not None:
        raise Refused("rating-waived", "The manager's rating has been waived.")
    return content
