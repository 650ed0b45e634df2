"""What may happen in a calibration session; its accepted changes are written to the appraisals."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from domain.adjustment_decisions import checked_adjustment
from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal, CalibrationApplied
from domain.appraisal_setting import require_scores, setting
from domain.calibration import (
    LOOK_AT_CALIBRATION_SESSION,
    AddToCalibrationSession,
    AppraisalsAdded,
    BandCount,
    CalibrationSession,
    CalibrationSessionClosed,
    CalibrationSessionOpened,
    CheckDistribution,
    CloseCalibrationSession,
    DecideRatingChange,
    DistributionChecked,
    OpenCalibrationSession,
    ProposeRatingChange,
    RatingChangeDecided,
    RatingChangeProposed,
    TargetBand,
    evolve,
)
from domain.checks import (
    absent,
    begun,
    checked_code,
    checked_name,
    checked_number,
    checked_reason,
    checked_text,
    known,
)
from domain.conduct import CalibrationSessionJoined
from domain.cycle import CYCLE
from domain.facts import FACT_SHEET
from domain.goals import GOAL_SHEET
from domain.ids import calibration_session_id, fact_sheet_id, goal_sheet_id, rater_panel_id
from domain.impartiality import require_impartial
from domain.jobs import JOB
from domain.kernel import Context, Decider, Elsewhere, Event, Refused
from domain.pool import forced_distribution
from domain.rater_panel import LOOK_AT_RATER_PANEL
from domain.standing import standing

_ZERO = Decimal(0)
APPRAISALS_MAX = 1000
BANDS_MAX = 20

LaterCommand = (
    AddToCalibrationSession
    | ProposeRatingChange
    | DecideRatingChange
    | CheckDistribution
    | CloseCalibrationSession
)


def _decide(
    state: CalibrationSession | None,
    command: OpenCalibrationSession | LaterCommand,
    context: Context,
) -> tuple[Event | Elsewhere, ...]:
    if isinstance(command, OpenCalibrationSession):
        return tuple(_open(state, command, context))
    session = known(state, "unknown-calibration-session", "such calibration session")
    if session.closed:
        raise Refused("session-closed", f"Calibration session {session.code} is closed.")
    match command:
        case AddToCalibrationSession():
            return tuple(_add(session, command, context))
        case ProposeRatingChange():
            return (_propose(session, command, context),)
        case DecideRatingChange():
            return tuple(_decide_change(session, command, context))
        case CheckDistribution():
            return (_check(session, context),)
        case CloseCalibrationSession():
            return (_close(session, command),)
        case _:
            assert_never(command)


# -- who is in it


def _open(
    state: CalibrationSession | None, command: OpenCalibrationSession, context: Context
) -> Iterator[Event | Elsewhere]:
    absent(state, "a calibration session")
    known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    code = checked_code(command.code)
    _check_target(command.target)
    joined = _joined(code, command.cycle_id, (), command.appraisal_ids, context)
    yield CalibrationSessionOpened(
        code=code,
        name=checked_name(command.name),
        cycle_id=command.cycle_id,
        appraisal_ids=command.appraisal_ids,
        target=command.target,
    )
    yield from joined


def _add(
    session: CalibrationSession, command: AddToCalibrationSession, context: Context
) -> Iterator[Event | Elsewhere]:
    joined = _joined(
        session.code, session.cycle_id, session.appraisal_ids, command.appraisal_ids, context
    )
    yield AppraisalsAdded(appraisal_ids=command.appraisal_ids)
    yield from joined


def _joined(
    code: str,
    cycle_id: UUID,
    already: Sequence[UUID],
    appraisal_ids: Sequence[UUID],
    context: Context,
) -> list[Elsewhere]:
    everyone = (*already, *appraisal_ids)
    if not appraisal_ids:
        raise Refused("nothing-to-calibrate", "A session takes at least one appraisal.")
    if len(everyone) > APPRAISALS_MAX:
        raise Refused("session-too-large", f"A session takes at most {APPRAISALS_MAX} appraisals.")
    if len(set(everyone)) != len(everyone):
        raise Refused("duplicate-appraisal", "An appraisal is in the session already.")
    begun(context.look(CYCLE, cycle_id)).require("comparison", "calibration")
    appraisals = [
        known(each, "unknown-appraisal", "such appraisal")
        for each in context.look.all(LOOK_AT_APPRAISAL, appraisal_ids)
    ]
    for appraisal in appraisals:
        if appraisal.cycle_id != cycle_id:
            raise Refused("wrong-cycle", "An appraisal belongs to another cycle.")
        if appraisal.locked is not None:
            raise Refused("already-locked", "A locked score is not calibrated.")
    others = [each for appraisal in appraisals for each in appraisal.conduct.sessions]
    for session in context.look.all(LOOK_AT_CALIBRATION_SESSION, others):
        if not begun(session).closed:
            raise Refused("calibration-session-open", "An appraisal is in another open session.")
    event = CalibrationSessionJoined(session_id=calibration_session_id(code))
    return [Elsewhere(appraisal_id, event) for appraisal_id in appraisal_ids]


def _check_target(target: Sequence[TargetBand]) -> None:
    if not target:
        return
    for band in target:
        checked_code(band.code, "band's code")
        checked_number(band.from_score, "band's score", least=_ZERO, code="bad-distribution")
        checked_number(band.share, "band's share", least=_ZERO, code="bad-distribution")
    edges = [band.from_score for band in target]
    codes = {band.code for band in target}
    if (
        not len(set(edges)) == len(codes) == len(target) <= BANDS_MAX
        or sorted(edges, reverse=True) != edges
        or edges[-1] != 0
    ):
        raise Refused(
            "bad-distribution", f"Up to {BANDS_MAX} bands, from the highest down to one from 0."
        )
    forced_distribution(1, [band.share for band in target])


# -- changes


def _propose(
    session: CalibrationSession, command: ProposeRatingChange, context: Context
) -> RatingChangeProposed:
    appraisal = _taken(session, command.appraisal_id, context)
    cycle, content = setting(appraisal, context)
    cycle.require("calibration")
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody proposes a change of their own result.")
    require_scores(appraisal, content, context)
    adjustment = checked_adjustment(command.adjustment)
    after = standing(appraisal, context, adjustment)
    return RatingChangeProposed(
        proposal=len(session.changes) + 1,
        appraisal_id=command.appraisal_id,
        person_id=appraisal.person_id,
        adjustment=adjustment,
        reason_code=checked_code(command.reason_code, "reason code"),
        score_before=standing(appraisal, context).score,
        score_after=after.score,
        near_edge=after.near_edge,
        reason=checked_reason(command.reason),
    )


def _decide_change(
    session: CalibrationSession, command: DecideRatingChange, context: Context
) -> Iterator[Event | Elsewhere]:
    if not 1 <= command.proposal <= len(session.changes):
        raise Refused("unknown-proposal", f"The session has no proposal {command.proposal}.")
    change = session.changes[command.proposal - 1]
    if change.accepted is not None:
        raise Refused("already-decided", f"Proposal {command.proposal} has been decided.")
    appraisal = _taken(session, change.appraisal_id, context)
    if context.actor == change.proposed_by:
        raise Refused("same-actor", "Another than who proposed it decides on a change.")
    require_impartial(appraisal, context)
    reason_code = checked_code(command.reason_code, "reason code")
    reason = checked_reason(command.reason)
    yield RatingChangeDecided(
        proposal=command.proposal,
        appraisal_id=change.appraisal_id,
        person_id=appraisal.person_id,
        accepted=command.accepted,
        reason_code=reason_code,
        authorised_by=context.actor,
        reason=reason,
    )
    if command.accepted:
        applied = CalibrationApplied(
            person_id=appraisal.person_id,
            adjustment=change.adjustment,
            reason_code=reason_code,
            authorised_by=context.actor,
            reason=reason,
        )
        yield Elsewhere(change.appraisal_id, applied)


def _taken(session: CalibrationSession, appraisal_id: UUID, context: Context) -> Appraisal:
    if appraisal_id not in session.appraisal_ids:
        raise Refused("not-in-session", "The session has not taken this appraisal.")
    return begun(context.look(LOOK_AT_APPRAISAL, appraisal_id))


# -- the distribution, and the end


def _check(session: CalibrationSession, context: Context) -> DistributionChecked:
    if not session.target:
        raise Refused("no-target", "The session aims at no distribution.")
    scores = [standing(appraisal, context).score for appraisal in _everyone(session, context)]
    wanted = forced_distribution(len(scores), [band.share for band in session.target])
    found = dict.fromkeys((band.code for band in session.target), 0)
    for score in scores:
        found[next(band.code for band in session.target if band.from_score <= score)] += 1
    bands = tuple(
        BandCount(code=band.code, wanted=number, found=found[band.code])
        for band, number in zip(session.target, wanted, strict=True)
    )
    fits = all(band.wanted == band.found for band in bands)
    return DistributionChecked(people=len(scores), bands=bands, fits=fits)


def _everyone(session: CalibrationSession, context: Context) -> list[Appraisal]:
    look, taken = context.look, session.appraisal_ids
    appraisals = [begun(each) for each in look.all(LOOK_AT_APPRAISAL, taken)]
    # Looked at together here, so that they are read together; scoring then finds them at hand.
    look.all(GOAL_SHEET, [goal_sheet_id(each) for each in taken])
    look.all(LOOK_AT_RATER_PANEL, [rater_panel_id(each) for each in taken])
    look.all(FACT_SHEET, [fact_sheet_id(each.cycle_id, each.employment_id) for each in appraisals])
    look.all(JOB, sorted({each.job_id for each in appraisals}))
    return appraisals


def _close(
    session: CalibrationSession, command: CloseCalibrationSession
) -> CalibrationSessionClosed:
    if any(change.accepted is None for change in session.changes):
        raise Refused("proposals-undecided", "A proposal of the session has not been decided.")
    if session.target and session.checked is None:
        raise Refused("distribution-unchecked", "The distribution has not been checked since.")
    if session.checked is not None and not session.checked.fits and not command.reason.strip():
        raise Refused("distribution-off-target", "Say why the distribution may be another.")
    return CalibrationSessionClosed(reason=checked_text(command.reason, "reason"))


CALIBRATION_SESSION: Decider[CalibrationSession | None] = Decider(
    kind="calibration-session", initial=None, decide=_decide, evolve=evolve
)
