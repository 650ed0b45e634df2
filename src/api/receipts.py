"""The receipt of a locked score, and the employee's acknowledgement."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from api import auth
from api.appraisals import known, shown_to_ratee
from api.asked import Asked
from api.auth import EVERYONE, INTEGRATION
from api.commands import from_path, post
from api.problems import RETRY_AFTER_S, Said
from api.queries import Plain
from api.routes import Route, get, writers
from api.wire import One
from domain.appraisal_decisions import APPRAISAL
from domain.receipt import AcknowledgeResult, ReceiptIssued
from projections import scores
from tenancy.receipts import NotSealed, Receipts, SignedReceipt
from tenancy.signing import Signers

READERS = EVERYONE - {INTEGRATION}
PEOPLE = writers(auth.EMPLOYEE, auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)


class ScoreReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A locked score with everything that proves it offline, years later."""

    appraisal_id: UUID
    person_id: UUID
    lock_version: int
    score: Decimal
    coefficient: Decimal
    explanation_digest: str
    """SHA-256 of the explanation's canonical JSON: keys sorted, no spaces, UTF-8."""
    event_id: UUID
    """The event that issued it."""
    position: int
    recorded_at: datetime
    proof: SignedReceipt
    """To be kept, and to be verified by `tenancy.receipts.verify_receipt`."""


class OfLock(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: int | None = None
    """Of the lock; the newest where it is not given."""


async def _receipt(asked: Asked, given: OfLock) -> One:
    """The receipt of a locked score: signed, with the proof that the log contains it."""
    row = await shown_to_ratee(asked, asked.one_id())
    ratee = asked.caller.person_id == row.person_id
    store = await asked.store()
    for recorded in reversed(await store.read(row.appraisal_id)):
        event = recorded.event
        if not isinstance(event, ReceiptIssued):
            continue
        if given.version not in {None, event.lock_version}:
            continue
        if ratee and event.lock_version > row.published_version:
            continue
        said = {
            "appraisal_id": str(row.appraisal_id),
            "person_id": str(row.person_id),
            "lock_version": str(event.lock_version),
            "score": format(event.score, "f"),
            "coefficient": format(event.coefficient, "f"),
            "explanation_digest": event.explanation_digest,
            "event_id": str(recorded.event_id),
            "recorded_at": recorded.recorded_at.isoformat(),
        }
        return One(
            value=ScoreReceipt(
                appraisal_id=row.appraisal_id,
                person_id=row.person_id,
                lock_version=event.lock_version,
                score=event.score,
                coefficient=event.coefficient,
                explanation_digest=event.explanation_digest,
                event_id=recorded.event_id,
                position=recorded.position,
                recorded_at=recorded.recorded_at,
                proof=await _proof(asked, recorded.position, said),
            )
        )
    raise Said("not-found", "the score has not been locked")


async def _proof(asked: Asked, position: int, said: dict[str, str]) -> SignedReceipt:
    services = asked.services
    receipts = Receipts(services.database, Signers(services.keyring))
    try:
        return await receipts.of(asked.caller.tenant_id, position, said)
    except NotSealed as error:
        raise Said(
            "view-behind",
            f"no signed checkpoint covers it yet: {error}",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        ) from error


ROUTES: tuple[Route, ...] = (
    get(
        "/appraisals/{appraisal_id}/receipt",
        _receipt,
        roles=READERS,
        result=ScoreReceipt,
        projections=(scores.NAME,),
        parameters=OfLock,
    ),
    post(
        "/appraisals/{appraisal_id}/acknowledge",
        AcknowledgeResult,
        APPRAISAL,
        roles=PEOPLE,
        stream=from_path("appraisal_id"),
        guard=known,
    ),
)
