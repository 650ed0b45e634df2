"""What may happen to a score after its lock: a correction is accepted, the next version locked."""

from collections.abc import Iterator

from domain.appraisal import Appraisal
from domain.appraisal_scoring import relocked
from domain.calendar import Span
from domain.checks import begun, checked_reason
from domain.cycle import CYCLE
from domain.facts import FACT_SHEET, CorrectionAccepted
from domain.ids import fact_sheet_id
from domain.kernel import Context, Elsewhere, Event, Refused
from domain.receipt import receipt_of
from domain.reopening import (
    AcceptCorrection,
    AdjustingFactAccepted,
    AppraisalReopened,
    RelockScore,
)
from domain.segments import appraisal_on


def accept(
    appraisal: Appraisal, command: AcceptCorrection, context: Context
) -> Iterator[Event | Elsewhere]:
    """Reopen a locked appraisal for a correction of its business data."""
    _require_locked(appraisal)
    _require_other_than_ratee(appraisal, context)
    sheet_id = fact_sheet_id(appraisal.cycle_id, appraisal.employment_id)
    sheet = context.look(FACT_SHEET, sheet_id)
    correction = sheet.pending_correction(command.correction)
    sheet.require_actual(correction.indicator, correction.supersedes)
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    about = appraisal_on(
        appraisal.cycle_id,
        appraisal.employment_id,
        correction.occurred_on,
        Span(cycle.starts_on, cycle.ends_on),
        context,
    )
    if about is None or about.segment != appraisal.segment:
        raise Refused("unknown-correction", "The correction is about another segment.")
    if context.actor == correction.corrected_by:
        raise Refused("same-actor", "A correction is accepted by another than who entered it.")
    reason = checked_reason(command.reason)
    if appraisal.reopened is None:
        yield AppraisalReopened(
            person_id=appraisal.person_id,
            lock_version=begun(appraisal.locked).version,
            cause="correction",
            cause_id=command.correction,
            reason=reason,
        )
    yield AdjustingFactAccepted(
        cause="correction",
        cause_id=command.correction,
        kind="actual",
        indicator=correction.indicator,
        value=correction.value,
        occurred_on=correction.occurred_on,
        supersedes=correction.supersedes,
    )
    yield Elsewhere(sheet_id, CorrectionAccepted(correction=command.correction))


def relock(appraisal: Appraisal, _command: RelockScore, context: Context) -> Iterator[Event]:
    """Lock a reopened appraisal's score as its next version."""
    _require_locked(appraisal)
    _require_other_than_ratee(appraisal, context)
    if appraisal.reopened is None or not appraisal.reopened.adjusted:
        raise Refused(
            "not-reopened", f"Nothing was accepted since v{begun(appraisal.locked).version}."
        )
    score = relocked(appraisal, context)
    yield score
    yield receipt_of(score)


def _require_locked(appraisal: Appraisal) -> None:
    if appraisal.locked is None:
        raise Refused("not-locked", "Before its lock a score needs no reopening.")


def _require_other_than_ratee(appraisal: Appraisal, context: Context) -> None:
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody decides on their own result.")
