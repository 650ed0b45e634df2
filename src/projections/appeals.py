"""Appeals with their clocks, and corrections of actuals that wait or were decided."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from domain.appeal import (
    AppealAccepted,
    AppealEscalated,
    AppealExpired,
    AppealFiled,
    AppealPartlyUpheld,
    AppealRejected,
    AppealReturned,
    AppealReviewerAssigned,
    AppealUpheld,
    AppealWithdrawn,
    EvidenceAdded,
    Status,
)
from domain.facts import ActualCorrected, CorrectionAccepted, CorrectionDeclined
from projections.kernel import Projection
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import Build, Row, Table, begun
from tenancy.records import Recorded

NAME = "appeals"
VERSION = 2

CorrectionState = Literal["counted", "pending", "accepted", "declined"]
"""Before the lock a correction counts at once; after it, it waits until somebody decides."""


class Appeal(Row, kw_only=True):
    """异议复核; what was written in it stays in the log, under the person's key."""

    appeal_id: UUID
    appraisal_id: UUID
    person_id: UUID
    lock_version: int
    indicator: str
    status: Status
    filed_at: datetime
    file_by: date
    reviewer_id: UUID | None = None
    decide_by: date | None = None
    decided_at: datetime | None = None
    escalate_by: date | None = None
    escalated: bool = False
    evidence: int = 0
    """How many times something was added."""
    created_position: int
    version: int


class Correction(Row, kw_only=True):
    """实绩更正"""

    correction_id: UUID
    """The event."""
    cycle_id: UUID
    employment_id: UUID
    indicator: str
    value: Decimal
    occurred_on: date
    supersedes: UUID | None
    state: CorrectionState
    corrected_at: datetime
    corrected_by: UUID
    decided_by: UUID | None = None
    created_position: int


APPEALS = Table(
    "appeals",
    Appeal,
    projection=NAME,
    version=VERSION,
    key=("appeal_id",),
    indexes=(("person_id", "created_position"), ("reviewer_id", "created_position")),
)
CORRECTIONS = Table(
    "corrections",
    Correction,
    projection=NAME,
    version=VERSION,
    key=("correction_id",),
    indexes=(("state", "created_position"), ("employment_id", "created_position")),
)


def appeal_step(row: Appeal | None, recorded: Recorded) -> Appeal:
    """The row's next state; pure."""
    event = recorded.event
    if isinstance(event, AppealFiled):
        return Appeal(
            appeal_id=recorded.stream_id,
            appraisal_id=event.appraisal_id,
            person_id=event.person_id,
            lock_version=event.lock_version,
            indicator=event.indicator,
            status="filed",
            filed_at=recorded.recorded_at,
            file_by=event.file_by,
            created_position=recorded.position if row is None else row.created_position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case AppealAccepted():
            row.status, row.decide_by = "accepted", event.decide_by
        case AppealReturned():
            row.status = "returned"
        case AppealReviewerAssigned():
            row.status, row.reviewer_id = "under-review", event.reviewer_id
        case EvidenceAdded():
            row.evidence += 1
        case AppealUpheld() | AppealPartlyUpheld() | AppealRejected():
            row.status = OUTCOMES[type(event)]
            row.escalate_by, row.decided_at = event.escalate_by, recorded.recorded_at
        case AppealEscalated():
            row.status, row.decide_by = "escalated", event.decide_by
            row.escalated, row.reviewer_id, row.decided_at = True, None, None
        case AppealWithdrawn():
            row.status = "withdrawn"
        case AppealExpired():
            row.status, row.escalate_by = "expired", event.escalate_by
    return row


OUTCOMES: dict[type, Status] = {
    AppealUpheld: "upheld",
    AppealPartlyUpheld: "partly-upheld",
    AppealRejected: "rejected",
}


def correction_step(row: Correction | None, recorded: Recorded) -> Correction:
    """The row's next state; pure."""
    event = recorded.event
    if isinstance(event, ActualCorrected):
        return Correction(
            correction_id=recorded.event_id,
            cycle_id=event.cycle_id,
            employment_id=event.employment_id,
            indicator=event.indicator,
            value=event.value,
            occurred_on=event.occurred_on,
            supersedes=event.supersedes,
            state="pending" if event.pending else "counted",
            corrected_at=recorded.recorded_at,
            corrected_by=recorded.actor,
            created_position=recorded.position,
        )
    row = begun(row, recorded)
    row.state = "accepted" if isinstance(event, CorrectionAccepted) else "declined"
    row.decided_by = recorded.actor
    return row


OF_APPEALS = frozenset(
    event.TOPIC
    for event in (
        AppealFiled,
        AppealAccepted,
        AppealReturned,
        AppealReviewerAssigned,
        EvidenceAdded,
        AppealUpheld,
        AppealPartlyUpheld,
        AppealRejected,
        AppealEscalated,
        AppealWithdrawn,
        AppealExpired,
    )
)
OF_CORRECTIONS = frozenset(
    event.TOPIC for event in (ActualCorrected, CorrectionAccepted, CorrectionDeclined)
)


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    of_appeals = [each for each in batch if each.topic in OF_APPEALS]
    rows = await APPEALS.load(build, (each.stream_id for each in of_appeals))
    for recorded in of_appeals:
        rows.fold(recorded.stream_id, recorded, appeal_step)
    await rows.save()
    keyed = [(_correction(each), each) for each in batch if each.topic in OF_CORRECTIONS]
    corrections = await CORRECTIONS.load(build, (key for key, _ in keyed))
    for key, recorded in keyed:
        corrections.fold(key, recorded, correction_step)
    await corrections.save()


def _correction(recorded: Recorded) -> UUID:
    event = recorded.event
    return recorded.event_id if isinstance(event, ActualCorrected) else event.correction


APPEALS_VIEW = Projection(
    name=NAME,
    version=VERSION,
    topics=OF_APPEALS | OF_CORRECTIONS,
    tables=(APPEALS, CORRECTIONS),
    apply=_apply,
)


async def appeals(
    view: View,
    *,
    status: Status | None = None,
    appraisal_id: UUID | None = None,
    of: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Appeal]:
    """Appeals in the order in which they came; `of` one who filed or reviews them."""
    return await page(
        view,
        APPEALS,
        order=("created_position",),
        where={"status": status, "appraisal_id": appraisal_id},
        either=None if of is None else (("person_id", "reviewer_id"), of),
        limit=limit,
        cursor=cursor,
    )


async def appeal(view: View, appeal_id: UUID) -> Appeal | None:
    """The appeal with this id."""
    return await get(view, APPEALS, appeal_id)


async def corrections(
    view: View,
    *,
    state: CorrectionState | None = None,
    cycle_id: UUID | None = None,
    employment_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Correction]:
    """Corrections in the order in which they came."""
    where = {"state": state, "cycle_id": cycle_id, "employment_id": employment_id}
    return await page(
        view, CORRECTIONS, order=("created_position",), where=where, limit=limit, cursor=cursor
    )


async def correction(view: View, correction_id: UUID) -> Correction | None:
    """The correction of this event."""
    return await get(view, CORRECTIONS, correction_id)


async def correction_reasons(view: View, rows: Sequence[Correction]) -> dict[UUID, str | None]:
    """Why these actuals were corrected, opened from the log; None once erased."""
    opened = await view.reopen([row.created_position for row in rows])
    return {row.correction_id: opened[row.created_position].event.reason for row in rows}
