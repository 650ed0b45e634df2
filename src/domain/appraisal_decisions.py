"""What may happen to an appraisal: score, rate, compare, explain, calibrate, lock, publish."""

from collections.abc import Iterable
from typing import assert_never

from domain.adjustment_decisions import adjust, calibrate
from domain.appraisal import (
    Appraisal,
    CalculateInitialScore,
    CalibrateScore,
    CreateAppraisal,
    InitialScoreCalculated,
    LockScore,
    PublishResult,
    RecalculateInitialScore,
    ResultPublished,
    evolve,
)
from domain.appraisal_creation import created
from domain.appraisal_scoring import calculated, locked
from domain.appraisal_setting import require_scores, setting
from domain.calibration import LOOK_AT_CALIBRATION_SESSION
from domain.checks import (
    begun,
    known,
)
from domain.conduct import ApproveAdjustment, ProposeAdjustment, RejectAdjustment
from domain.cycle import CYCLE, Cycle, Stage
from domain.go_live import require_live
from domain.kernel import Context, Decider, Elsewhere, Event, Refused
from domain.leavers import VoidAppraisal
from domain.leavers_decisions import forfeited, left_by, voided
from domain.rater_groups import groups_suppressed
from domain.rating_decisions import RatingCommand, rate
from domain.receipt import AcknowledgeResult, ResultAcknowledged, receipt_of
from domain.reopening import AcceptCorrection, RelockScore
from domain.reopening_decisions import accept, relock
from domain.scheme import judged
from domain.segments import current_days

LaterCommand = (
    CalculateInitialScore
    | RecalculateInitialScore
    | RatingCommand
    | CalibrateScore
    | ProposeAdjustment
    | ApproveAdjustment
    | RejectAdjustment
    | LockScore
    | VoidAppraisal
    | PublishResult
    | AcknowledgeResult
    | AcceptCorrection
    | RelockScore
)


def _decide(
    state: Appraisal | None, command: CreateAppraisal | LaterCommand, context: Context
) -> tuple[Event | Elsewhere, ...]:
    if isinstance(command, CreateAppraisal):
        return (created(state, command, context),)
    appraisal = known(state, "unknown-appraisal", "such appraisal")
    if appraisal.voided is not None:
        raise Refused("appraisal-void", "The appraisal was ended without a score.")
    if isinstance(command, PublishResult | AcknowledgeResult | AcceptCorrection | RelockScore):
        return tuple(_after_the_lock(appraisal, command, context))
    if appraisal.locked is not None:
        raise Refused("already-locked", f"The score is locked as v{appraisal.locked.version}.")
    if isinstance(command, RatingCommand):
        return tuple(rate(appraisal, command, context))
    match command:
        case CalculateInitialScore():
            return _calculate(appraisal, context)
        case RecalculateInitialScore():
            return _recalculate(appraisal, context)
        case CalibrateScore():
            return calibrate(appraisal, command, context)
        case ProposeAdjustment() | ApproveAdjustment() | RejectAdjustment():
            return tuple(adjust(appraisal, command, context))
        case LockScore():
            return _lock(appraisal, context)
        case VoidAppraisal():
            return (voided(appraisal, command, context),)
        case _:
            assert_never(command)


def _after_the_lock(
    appraisal: Appraisal,
    command: PublishResult | AcknowledgeResult | AcceptCorrection | RelockScore,
    context: Context,
) -> Iterable[Event | Elsewhere]:
    match command:
        case PublishResult():
            require_live("appraisal", context)
            return _publish(appraisal)
        case AcknowledgeResult():
            return _acknowledge(appraisal, context)
        case AcceptCorrection():
            return accept(appraisal, command, context)
        case RelockScore():
            return relock(appraisal, command, context)
        case _:
            assert_never(command)


# -- score from data


def _calculate(appraisal: Appraisal, context: Context) -> tuple[Event, ...]:
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    _require_cut_off(cycle)
    initial = calculated(appraisal, context, provisional=False)
    if not _differs(appraisal, initial):
        raise Refused("already-scored", "Nothing has changed since the initial score.")
    return (initial,)


def _recalculate(appraisal: Appraisal, context: Context) -> tuple[Event, ...]:
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    initial = calculated(appraisal, context, provisional=not cycle.cut_off_reached)
    return (initial,) if _differs(appraisal, initial) else ()


def _differs(appraisal: Appraisal, initial: InitialScoreCalculated) -> bool:
    before = appraisal.initial_score
    return before is None or (before.score, before.points, before.provisional) != (
        initial.score,
        initial.points,
        initial.provisional,
    )


def _require_cut_off(cycle: Cycle) -> None:
    if not cycle.cut_off_reached:
        raise Refused("cut-off-not-reached", f"Cycle {cycle.code} still takes actuals.")


# -- locking


def _lock(appraisal: Appraisal, context: Context) -> tuple[Event, ...]:
    cycle, content = setting(appraisal, context)
    _require_cut_off(cycle)
    require_scores(appraisal, content, context)
    current_days(appraisal, context)
    # Who has left neither rates any more nor waits for the others.
    gone = left_by(appraisal, context.today, context)
    deadline_passed = (
        gone or cycle.has_reached("calibration") or cycle.is_over("rating", context.today)
    )
    if judged(content) and appraisal.self_rating is None and not deadline_passed:
        raise Refused("self-rating-missing", "The person has not rated and still may.")
    if appraisal.unexplained:
        raise Refused(
            "deviation-unexplained",
            f"The manager has yet to explain: {', '.join(appraisal.unexplained)}.",
        )
    early: tuple[Stage, ...] = ("rating", "comparison") if gone else ()
    cycle.require(*early, "calibration", "locked")
    _require_calibrated(appraisal, context)
    score = locked(appraisal, context)
    return (
        *forfeited(appraisal, context),
        *groups_suppressed(appraisal, content, context),
        score,
        receipt_of(score),
    )


def _require_calibrated(appraisal: Appraisal, context: Context) -> None:
    if appraisal.conduct.proposed is not None:
        raise Refused("adjustment-undecided", "A proposed adjustment has not been decided.")
    sessions = context.look.all(LOOK_AT_CALIBRATION_SESSION, appraisal.conduct.sessions)
    if not all(begun(session).closed for session in sessions):
        raise Refused("calibration-session-open", "The score is in an open calibration session.")


def _publish(appraisal: Appraisal) -> tuple[Event, ...]:
    if appraisal.locked is None:
        raise Refused("not-locked", "A result is published after its score is locked.")
    if appraisal.published_version == appraisal.locked.version:
        raise Refused("already-published", "The result has been published.")
    return (ResultPublished(lock_version=appraisal.locked.version),)


def _acknowledge(appraisal: Appraisal, context: Context) -> tuple[Event, ...]:
    if context.actor != appraisal.person_id:
        raise Refused("not-the-ratee", "The person concerned acknowledges a result.")
    if not appraisal.published_version:
        raise Refused("result-not-published", "A result is acknowledged after it is published.")
    if appraisal.conduct.acknowledged_version == appraisal.published_version:
        raise Refused("already-acknowledged", "The result has been acknowledged.")
    return (ResultAcknowledged(lock_version=appraisal.published_version),)


APPRAISAL: Decider[Appraisal | None] = Decider(
    kind="appraisal", initial=None, decide=_decide, evolve=evolve
)
