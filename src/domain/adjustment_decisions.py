"""What people may change on a score before its lock: typed, reasoned, agreed to by another."""

from collections.abc import Iterator
from decimal import Decimal

from domain.appraisal import Appraisal, CalibrateScore, CalibrationApplied
from domain.appraisal_setting import require_scores, setting
from domain.checks import checked_code, checked_number, checked_reason, known
from domain.conduct import (
    AdjustmentApproved,
    AdjustmentProposed,
    AdjustmentRejected,
    ApproveAdjustment,
    ProposeAdjustment,
    ProposedAdjustment,
    RejectAdjustment,
)
from domain.impartiality import require_impartial
from domain.kernel import Context, Event, Refused
from domain.organisation import PERSON
from domain.standing import standing

POINTS_MAX = Decimal(100)
CALIBRATION_DECIMALS = 2


def checked_adjustment(adjustment: Decimal) -> Decimal:
    """`adjustment`, if it is from -100 to 100 with at most 2 decimals."""
    return checked_number(
        adjustment,
        "adjustment",
        least=-POINTS_MAX,
        most=POINTS_MAX,
        decimals=CALIBRATION_DECIMALS,
    )


def calibrate(appraisal: Appraisal, command: CalibrateScore, context: Context) -> tuple[Event, ...]:
    """Apply an adjustment that another has authorised."""
    cycle, content = setting(appraisal, context)
    known(context.look(PERSON, command.authorised_by), "unknown-person", "such authoriser")
    if command.authorised_by == appraisal.person_id:
        raise Refused("own-result", "Nobody authorises a change of their own result.")
    if context.actor == command.authorised_by:
        raise Refused("same-actor", "Another than the calibrator authorises a calibration.")
    require_impartial(appraisal, context)
    cycle.require("calibration")
    require_scores(appraisal, content, context)
    return (
        CalibrationApplied(
            person_id=appraisal.person_id,
            adjustment=checked_adjustment(command.adjustment),
            reason_code=checked_code(command.reason_code, "reason code"),
            authorised_by=command.authorised_by,
            reason=checked_reason(command.reason),
        ),
    )


def adjust(
    appraisal: Appraisal,
    command: ProposeAdjustment | ApproveAdjustment | RejectAdjustment,
    context: Context,
) -> Iterator[Event]:
    """Propose an adjustment, or decide on the one that another has proposed."""
    cycle, content = setting(appraisal, context)
    cycle.require("calibration")
    if isinstance(command, ProposeAdjustment):
        require_scores(appraisal, content, context)
        yield _proposed(appraisal, command, context)
        return
    proposed = appraisal.conduct.proposed
    if proposed is None:
        raise Refused("no-adjustment-proposed", "No adjustment waits for a decision.")
    _require_other(appraisal, proposed, context)
    if isinstance(command, RejectAdjustment):
        reason = checked_reason(command.reason)
        yield AdjustmentRejected(person_id=appraisal.person_id, reason=reason)
        return
    yield AdjustmentApproved(
        adjustment=proposed.adjustment,
        reason_code=proposed.reason_code,
        proposed_by=proposed.proposed_by,
    )


def _proposed(
    appraisal: Appraisal, command: ProposeAdjustment, context: Context
) -> AdjustmentProposed:
    if appraisal.conduct.proposed is not None:
        raise Refused("adjustment-undecided", "An adjustment waits for a decision already.")
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody proposes a change of their own result.")
    adjustment = checked_adjustment(command.adjustment)
    before = standing(appraisal, context)
    after = standing(appraisal, context, adjustment)
    return AdjustmentProposed(
        person_id=appraisal.person_id,
        adjustment=adjustment,
        reason_code=checked_code(command.reason_code, "reason code"),
        score_before=before.score,
        score_after=after.score,
        near_edge=after.near_edge,
        reason=checked_reason(command.reason),
    )


def _require_other(appraisal: Appraisal, proposed: ProposedAdjustment, context: Context) -> None:
    if context.actor == proposed.proposed_by:
        raise Refused("same-actor", "Another than who proposed it decides on an adjustment.")
    require_impartial(appraisal, context)
