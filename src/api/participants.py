"""Who takes part in a cycle (人员圈定): an appraisal for every segment of every employment."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api.asked import Asked
from api.closing import AT_ONCE, Bulk, NotDone
from api.commands import decode, idempotency
from api.cycles import CREATORS
from api.queries import found, wait
from api.routes import Route
from domain import ids
from domain.appraisal import CreateAppraisal
from domain.appraisal_decisions import APPRAISAL
from domain.calendar import Span
from domain.cycle import CYCLE, NoteParticipants
from domain.employment import EMPLOYMENT
from domain.kernel import Refused
from domain.segments import SEGMENTS_MAX, uncovered
from projections import directory
from tenancy.errors import Overtaken
from tenancy.records import Idempotency, Receipt
from tenancy.store import Store


class ResolveParticipants(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Create the appraisals that are missing; again whenever people came, moved or went."""


async def _resolve(asked: Asked) -> Response[bytes]:
    key = idempotency(asked)
    decode(asked.body, ResolveParticipants)
    store = await asked.store()
    cycle = found((await store.load(CYCLE, asked.one_id()))[0])
    period = Span(cycle.starts_on, cycle.ends_on)
    await wait(asked, (directory.NAME,), await store.head())
    async with asked.view() as view:
        employments = await directory.employed_within(view, cycle.starts_on, cycle.ends_on)
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(employment_id: UUID) -> list[Receipt | NotDone]:
        told: list[Receipt | NotDone] = []
        async with turns:
            for command in await _missing(store, asked.one_id(), employment_id, period):
                appraisal_id = ids.appraisal_id(
                    command.cycle_id, command.employment_id, command.segment
                )
                name = hashlib.sha256(f"{key.key}\n{appraisal_id}".encode()).hexdigest()
                its_key = Idempotency(key=f"each-{name}", fingerprint=key.fingerprint)
                try:
                    receipt = await store.execute(
                        APPRAISAL, appraisal_id, command, asked.stamp, idempotency=its_key
                    )
                except Refused as no:
                    told.append(NotDone(id=employment_id, code=no.code, detail=no.detail))
                    break
                except Overtaken:
                    told.append(NotDone(id=employment_id, code="overtaken", detail="try again"))
                    break
                told.append(receipt)
        return told

    # All of them come to their end before the first failure is told: nothing goes on unseen.
    outcomes = await asyncio.gather(*map(one, employments), return_exceptions=True)
    every: list[Receipt | NotDone] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
        every += outcome
    receipts = [each for each in every if isinstance(each, Receipt)]
    refused = tuple(each for each in every if isinstance(each, NotDone))
    noted = await store.execute(
        CYCLE,
        asked.one_id(),
        NoteParticipants(
            employments=len(employments),
            created=len(receipts),
            refused=len({each.id for each in refused}),
        ),
        asked.stamp,
        idempotency=key,
    )
    headers = {"Merit-Position": str(noted.position)}
    told = msgspec.json.encode(Bulk(done=len(receipts), refused=refused))
    return Response(told, headers=headers, status_code=200, media_type="application/json")


async def _missing(
    store: Store, cycle_id: UUID, employment_id: UUID, period: Span
) -> list[CreateAppraisal]:
    employment, _ = await store.load(EMPLOYMENT, employment_id)
    appraisals: list[Any] = []
    for number in range(1, SEGMENTS_MAX + 1):
        state, _ = await store.load(APPRAISAL, ids.appraisal_id(cycle_id, employment_id, number))
        if state is None:
            break
        appraisals.append(state)
    if employment is None:
        return []
    return [
        CreateAppraisal(
            cycle_id=cycle_id, employment_id=employment_id, segment=len(appraisals) + more
        )
        for more, _ in enumerate(uncovered(employment, period, appraisals), start=1)
    ]


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/cycles/{cycle_id}/participants",
        tag="cycles",
        summary="Create the appraisals that are missing, one for each segment of each employment",
        roles=CREATORS,
        serve=_resolve,
        body=ResolveParticipants,
        result=Bulk,
        keyed=True,
        statuses=(409, 415, 422, 503),
    ),
)
