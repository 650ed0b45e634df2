"""Cycles: planned, opened, advanced, closed; and work over all appraisals of one."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api import auth
from api.appraisals import AppraisalList, in_cycle
from api.asked import Asked
from api.commands import decode, from_path, idempotency, post
from api.queries import Listing, Parameters, found, wait
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.appraisal import CalculateInitialScore, CreateAppraisal, LockScore
from domain.appraisal_decisions import APPRAISAL
from domain.cycle import (
    CYCLE,
    AdvanceCycle,
    BindScheme,
    CloseCycle,
    OpenCycle,
    PlanCycle,
    Stage,
)
from domain.kernel import Command, Refused
from projections import planning, scores
from projections.questions import Page
from tenancy.errors import Overtaken
from tenancy.records import Idempotency, Receipt

VIEWS = (planning.NAME,)
WRITERS = writers(auth.HR, auth.ADMIN)
CREATORS = writers(auth.HR, auth.ADMIN, auth.INTEGRATION)
AT_ONCE = 64
"""Appraisals decided side by side; the committer writes them in few flushes."""


class Cycles(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    stage: Stage | None = None


UNNEEDED = frozenset({"already-scored"})
"""Refusals that say that everything is as the command would have it: the product scores by itself
as data come, so whoever asks for it may be late."""


class NotDone(msgspec.Struct, frozen=True, kw_only=True):
    """An appraisal for which the command was refused, and why."""

    id: UUID
    code: str
    detail: str


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command over all appraisals of a cycle."""

    done: int
    """Those for which nothing was left to do are among them."""
    refused: tuple[NotDone, ...]


async def _cycles(asked: Asked, given: Cycles) -> Page[planning.Cycle]:
    """Cycles by code."""
    async with asked.view() as view:
        return await planning.cycles(
            view, stage=given.stage, limit=given.limit, cursor=given.cursor
        )


async def _cycle(asked: Asked, _: Parameters) -> One:
    """A cycle with its stage and its bound schemes."""
    async with asked.view() as view:
        cycle = found(await planning.cycle(view, asked.one_id()))
    return One(value=cycle, version=cycle.version)


def _over_all(path: str, command: Command, summary: str) -> Route:
    async def serve(asked: Asked) -> Response[Any]:
        return await _each(asked, command)

    return Route(
        method="POST",
        path=path,
        tag="cycles",
        summary=summary,
        roles=WRITERS,
        serve=serve,
        body=type(command),
        result=Bulk,
        keyed=True,
        statuses=(409, 415, 422, 503),
    )


async def _each(asked: Asked, command: Command) -> Response[bytes]:
    key = idempotency(asked)
    decode(asked.body, type(command))
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(appraisal_id: UUID) -> Receipt | NotDone | None:
        # A key of its own for each, made from the request's: a repeat does what is left to do.
        name = hashlib.sha256(f"{key.key}\n{appraisal_id}".encode()).hexdigest()
        its_key = Idempotency(key=f"each-{name}", fingerprint=key.fingerprint)
        async with turns:
            try:
                return await store.execute(
                    APPRAISAL, appraisal_id, command, asked.stamp, idempotency=its_key
                )
            except Refused as no:
                if no.code in UNNEEDED:
                    return None
                return NotDone(id=appraisal_id, code=no.code, detail=no.detail)
            except Overtaken:
                return NotDone(id=appraisal_id, code="overtaken", detail="try again")

    store = await asked.store()
    every = await _appraisals(asked, await store.head())
    # All of them come to their end before the first failure is told: nothing goes on unseen.
    outcomes = await asyncio.gather(*map(one, every), return_exceptions=True)
    for failure in outcomes:
        if isinstance(failure, BaseException):
            raise failure
    receipts = [each for each in outcomes if isinstance(each, Receipt)]
    refused = tuple(each for each in outcomes if isinstance(each, NotDone))
    headers = {}
    if receipts:
        headers["Merit-Position"] = str(max(receipt.position for receipt in receipts))
        if all(receipt.replayed for receipt in receipts):
            headers["Idempotent-Replayed"] = "true"
    done = len(outcomes) - len(refused)
    told = msgspec.json.encode(Bulk(done=done, refused=refused))
    return Response(told, headers=headers, status_code=200, media_type="application/json")


async def _appraisals(asked: Asked, head: int) -> list[UUID]:
    await wait(asked, (planning.NAME, scores.NAME), head)
    async with asked.view() as view:
        found(await planning.cycle(view, asked.one_id()))
        return await scores.appraisal_ids(view, asked.one_id())


ROUTES: tuple[Route, ...] = (
    post(
        "/cycles",
        PlanCycle,
        CYCLE,
        roles=WRITERS,
        stream=lambda _, command: ids.cycle_id(command.code),
        creates="/cycles/{id}",
    ),
    get(
        "/cycles",
        _cycles,
        roles=auth.EVERYONE,
        result=planning.Cycle,
        projections=VIEWS,
        parameters=Cycles,
    ),
    get(
        "/cycles/{cycle_id}",
        _cycle,
        roles=auth.EVERYONE,
        result=planning.Cycle,
        projections=VIEWS,
    ),
    post(
        "/cycles/{cycle_id}/schemes",
        BindScheme,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/open",
        OpenCycle,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/advance",
        AdvanceCycle,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/close",
        CloseCycle,
        CYCLE,
        roles=WRITERS,
        stream=from_path("cycle_id"),
    ),
    post(
        "/cycles/{cycle_id}/appraisals",
        CreateAppraisal,
        APPRAISAL,
        roles=CREATORS,
        stream=lambda _, command: ids.appraisal_id(
            command.cycle_id, command.employment_id, command.segment
        ),
        creates="/appraisals/{id}",
    ),
    get(
        "/cycles/{cycle_id}/appraisals",
        in_cycle,
        roles=auth.EVERYONE - {auth.INTEGRATION},
        result=scores.Appraisal,
        projections=(planning.NAME, scores.NAME),
        parameters=AppraisalList,
    ),
    _over_all(
        "/cycles/{cycle_id}/score",
        CalculateInitialScore(),
        "Calculate the initial score of every appraisal of the cycle",
    ),
    _over_all("/cycles/{cycle_id}/lock", LockScore(), "Lock every appraisal of the cycle"),
)
