"""What may happen to an appeal: filed, accepted or returned, reviewed, decided, escalated once."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import assert_never
from uuid import UUID

import msgspec

from domain.appeal import (
    DECIDE_WITHIN_DAYS,
    ESCALATE_WITHIN_DAYS,
    FILE_WITHIN_DAYS,
    UNDECIDED,
    WHOLE,
    AcceptAppeal,
    AddEvidence,
    Appeal,
    AppealAccepted,
    AppealCommand,
    AppealEscalated,
    AppealEvent,
    AppealExpired,
    AppealFiled,
    AppealPartlyUpheld,
    AppealRejected,
    AppealReturned,
    AppealReviewerAssigned,
    AppealUpheld,
    AppealWithdrawn,
    AssignReviewer,
    DecideAppeal,
    EscalateAppeal,
    EvidenceAdded,
    ExpireAppeal,
    FileAppeal,
    Proof,
    ReturnAppeal,
    Status,
    WithdrawAppeal,
)
from domain.appeal_outcome import adjusted
from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.calibration import LOOK_AT_CALIBRATION_SESSION, CalibrationSession
from domain.checks import begun, checked_name, checked_reason, known
from domain.cycle import CYCLE
from domain.feeds import checked_checksum
from domain.go_live import require_live
from domain.ids import rater_panel_id
from domain.kernel import Context, Decider, Elsewhere, Event, Happened, Refused
from domain.organisation import PERSON
from domain.rater_panel import LOOK_AT_RATER_PANEL, RaterPanel
from domain.scheme import LOOK_AT_SCHEME
from domain.work_calendar import window

PROOFS_MAX = 20


def _decide(
    state: Appeal | None, command: AppealCommand, context: Context
) -> tuple[Event | Elsewhere, ...]:
    if isinstance(command, FileAppeal):
        return (_file(state, command, context),)
    appeal = known(state, "unknown-appeal", "such appeal")
    match command:
        case AcceptAppeal():
            _require(appeal, "filed")
            _require_other(appeal, context)
            decide_by = _window(appeal, DECIDE_WITHIN_DAYS, context)
            return (AppealAccepted(decide_by=decide_by),)
        case ReturnAppeal():
            _require(appeal, "filed")
            _require_other(appeal, context)
            reason = checked_reason(command.reason)
            return (AppealReturned(person_id=appeal.person_id, reason=reason),)
        case AssignReviewer():
            return (_assign(appeal, command, context),)
        case AddEvidence():
            return (_add(appeal, command, context),)
        case DecideAppeal():
            return tuple(_conclude(appeal, command, context))
        case EscalateAppeal():
            return (_escalate(appeal, command, context),)
        case WithdrawAppeal():
            _require_own(appeal.person_id, context)
            _require(appeal, *UNDECIDED)
            return (AppealWithdrawn(),)
        case ExpireAppeal():
            return (_expire(appeal, context),)
        case _:
            assert_never(command)


# -- filing


def _file(state: Appeal | None, command: FileAppeal, context: Context) -> Event:
    appraisal = known(
        context.look(LOOK_AT_APPRAISAL, command.appraisal_id),
        "unknown-appraisal",
        "such appraisal",
    )
    _require_own(appraisal.person_id, context)
    require_live("appeals", context)
    if state is not None and state.status != "returned":
        raise Refused("already-exists", "There is an appeal against this score already.")
    published = appraisal.published_on
    if published is None or appraisal.published_version != command.lock_version:
        raise Refused(
            "result-not-published",
            f"Version {command.lock_version} is not the one that was shown to you last.",
        )
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    file_by = window(published, FILE_WITHIN_DAYS, cycle, context)
    if context.today > file_by:
        raise Refused("appeal-window-closed", f"Appeals could be filed until {file_by}.")
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    content = scheme.published(appraisal.scheme_version).content
    codes = {each.code for section in content.sections for each in section.indicators}
    if command.indicator != WHOLE and command.indicator not in codes:
        raise Refused("unknown-indicator", f"The scheme has no {command.indicator!r}.")
    return AppealFiled(
        person_id=appraisal.person_id,
        appraisal_id=command.appraisal_id,
        lock_version=command.lock_version,
        indicator=command.indicator,
        file_by=file_by,
        statement=checked_reason(command.statement, "statement"),
        proofs=_checked_proofs(command.proofs),
    )


def _checked_proofs(proofs: tuple[Proof, ...]) -> tuple[Proof, ...]:
    if len(proofs) > PROOFS_MAX:
        raise Refused("too-many-proofs", f"At most {PROOFS_MAX} documents at a time.")
    for proof in proofs:
        checked_name(proof.name, "document's name")
        checked_checksum(proof.checksum)
    return proofs


def _add(appeal: Appeal, command: AddEvidence, context: Context) -> Event:
    _require(appeal, *UNDECIDED)
    if context.actor not in {appeal.person_id, appeal.reviewer_id}:
        raise Refused(
            "not-a-party", "Evidence is added by the person concerned or by the reviewer."
        )
    return EvidenceAdded(
        person_id=appeal.person_id,
        note=checked_reason(command.note, "note"),
        proofs=_checked_proofs(command.proofs),
    )


# -- reviewing and deciding


def _assign(appeal: Appeal, command: AssignReviewer, context: Context) -> Event:
    _require(appeal, "accepted", "under-review", "escalated")
    _require_other(appeal, context)
    known(context.look(PERSON, command.reviewer_id), "unknown-person", "such reviewer")
    appraisal = begun(context.look(LOOK_AT_APPRAISAL, appeal.appraisal_id))
    panel = context.look(LOOK_AT_RATER_PANEL, rater_panel_id(appeal.appraisal_id))
    sessions = context.look.all(LOOK_AT_CALIBRATION_SESSION, appraisal.conduct.sessions)
    hands = involved(appeal.appraisal_id, appraisal, panel, map(begun, sessions))
    if command.reviewer_id in hands | set(appeal.reviewers):
        raise Refused(
            "reviewer-not-independent",
            "The reviewer is neither the person concerned nor had a hand in the score.",
        )
    return AppealReviewerAssigned(reviewer_id=command.reviewer_id)


def involved(
    appraisal_id: UUID,
    appraisal: Appraisal,
    panel: RaterPanel | None,
    sessions: Iterable[CalibrationSession],
) -> set[UUID | None]:
    """The person concerned, and whoever rated, calibrated, authorised, or moved a session to."""
    raters = () if panel is None else panel.approved
    rated = appraisal.manager_rating
    moved = [
        change
        for session in sessions
        for change in session.changes
        if change.appraisal_id == appraisal_id
    ]
    return {
        appraisal.person_id,
        appraisal.manager_id,
        None if rated is None else rated.by,
        *(each.rater_id for each in raters),
        *(each.by for each in appraisal.calibrations),
        *(each.authorised_by for each in appraisal.calibrations),
        *(each.proposed_by for each in moved),
        *(each.decided_by for each in moved),
    }


def _conclude(
    appeal: Appeal, command: DecideAppeal, context: Context
) -> Iterator[Event | Elsewhere]:
    _require(appeal, "under-review")
    if context.actor != appeal.reviewer_id:
        raise Refused("not-the-reviewer", "An appeal is decided by its reviewer.")
    reason = checked_reason(command.reason)
    escalate_by = _window(appeal, ESCALATE_WITHIN_DAYS, context)
    if (command.outcome == "rejected") is bool(command.adjusting):
        raise Refused(
            "bad-adjustment", "What is upheld establishes a fact; what is rejected does not."
        )
    following = tuple(adjusted(appeal, command, context)) if command.adjusting else ()
    match command.outcome:
        case "upheld":
            yield AppealUpheld(
                person_id=appeal.person_id,
                adjusting=command.adjusting,
                escalate_by=escalate_by,
                reason=reason,
            )
        case "partly-upheld":
            yield AppealPartlyUpheld(
                person_id=appeal.person_id,
                adjusting=command.adjusting,
                escalate_by=escalate_by,
                reason=reason,
            )
        case "rejected":
            yield AppealRejected(person_id=appeal.person_id, escalate_by=escalate_by, reason=reason)
        case _:
            assert_never(command.outcome)
    yield from following


def _escalate(appeal: Appeal, command: EscalateAppeal, context: Context) -> Event:
    _require_own(appeal.person_id, context)
    if appeal.escalated:
        raise Refused("already-escalated", "An appeal is escalated once; this decision is final.")
    _require(appeal, "partly-upheld", "rejected", "expired")
    if appeal.escalate_by is None or context.today > appeal.escalate_by:
        raise Refused("appeal-window-closed", "The time to escalate this appeal is over.")
    return AppealEscalated(
        person_id=appeal.person_id,
        decide_by=_window(appeal, DECIDE_WITHIN_DAYS, context),
        reason=checked_reason(command.reason),
    )


def _expire(appeal: Appeal, context: Context) -> Event:
    _require(appeal, "returned", "accepted", "under-review", "escalated")
    last_day = appeal.file_by if appeal.decide_by is None else appeal.decide_by
    if context.today <= last_day:
        raise Refused("appeal-not-overdue", f"There is time until {last_day}.")
    if appeal.status == "returned":
        return AppealExpired()
    return AppealExpired(escalate_by=_window(appeal, ESCALATE_WITHIN_DAYS, context))


# -- who and when


def _window(appeal: Appeal, count: int, context: Context) -> date:
    """The last of so many working days after today."""
    appraisal = begun(context.look(LOOK_AT_APPRAISAL, appeal.appraisal_id))
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    return window(context.today, count, cycle, context)


def _require(appeal: Appeal, *statuses: Status) -> None:
    if appeal.status not in statuses:
        raise Refused(
            "wrong-appeal-status",
            f"The appeal is {appeal.status}; this is for {' or '.join(statuses)}.",
        )


def _require_own(person_id: UUID, context: Context) -> None:
    if context.actor != person_id:
        raise Refused("not-the-ratee", "Appeals are the person's own.")


def _require_other(appeal: Appeal, context: Context) -> None:
    if context.actor == appeal.person_id:
        raise Refused("own-result", "Nobody decides on their own appeal.")


# -- what an appeal is now


def _evolve(state: Appeal | None, happened: Happened[AppealEvent]) -> Appeal:
    event = happened.event
    if isinstance(event, AppealFiled):
        return Appeal(
            person_id=event.person_id,
            appraisal_id=event.appraisal_id,
            lock_version=event.lock_version,
            indicator=event.indicator,
            file_by=event.file_by,
        )
    return msgspec.structs.replace(begun(state), **_changed(begun(state), event))


def _changed(appeal: Appeal, event: AppealEvent) -> dict[str, object]:
    match event:
        case AppealFiled() | EvidenceAdded():
            return {}
        case AppealAccepted():
            return {"status": "accepted", "decide_by": event.decide_by}
        case AppealReturned():
            return {"status": "returned"}
        case AppealReviewerAssigned():
            return {
                "status": "under-review",
                "reviewer_id": event.reviewer_id,
                "reviewers": (*appeal.reviewers, event.reviewer_id),
            }
        case AppealUpheld():
            return {"status": "upheld", "escalate_by": event.escalate_by}
        case AppealPartlyUpheld():
            return {"status": "partly-upheld", "escalate_by": event.escalate_by}
        case AppealRejected():
            return {"status": "rejected", "escalate_by": event.escalate_by}
        case AppealEscalated():
            return {
                "status": "escalated",
                "reviewer_id": None,
                "decide_by": event.decide_by,
                "escalated": True,
            }
        case AppealWithdrawn():
            return {"status": "withdrawn"}
        case AppealExpired():
            return {"status": "expired", "escalate_by": event.escalate_by}
        case _:
            assert_never(event)


APPEAL: Decider[Appeal | None] = Decider(
    kind="appeal", initial=None, decide=_decide, evolve=_evolve
)
