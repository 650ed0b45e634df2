"""How far a cycle is, what holds it up, and what locking all of it would do before one does it."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.considering import consider
from api.queries import Parameters, Plain, found
from api.routes import Route, get
from api.wire import One
from domain.appraisal import LockScore
from domain.appraisal_decisions import APPRAISAL
from domain.kernel import Context, Refused
from projections import planning, scores
from projections.cycle_progress import (
    CycleProgress,
    ExceptionKind,
    HeldUps,
    cycle_progress,
    held_up,
)
from tenancy.store import Store

READERS = frozenset({auth.HR, auth.EXECUTIVE, auth.FINANCE, auth.AUDITOR, auth.ADMIN})
LOCKERS = frozenset({auth.HR, auth.AUDITOR, auth.ADMIN})
VIEWS = (planning.NAME, scores.NAME)
AT_ONCE = 32
DONE_BEFORE = frozenset({"already-locked", "appraisal-void"})


class HeldUpBy(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: ExceptionKind


class WouldRefuse(msgspec.Struct, frozen=True, kw_only=True):
    """An appraisal that would not be locked, and why."""

    appraisal_id: UUID
    person_id: UUID
    code: str
    detail: str


class LockPreview(msgspec.Struct, frozen=True, kw_only=True):
    """What locking every appraisal of a cycle would do now; nothing was written."""

    appraisals: int
    done_before: int
    """Locked already, or ended without a score: nothing would be done about them."""
    would_lock: int
    refused: tuple[WouldRefuse, ...]


async def _progress(asked: Asked, _: Parameters) -> One:
    """How far a cycle is: appraisals by stage and unit, and how many what holds up"""
    async with asked.view() as view:
        found(await planning.cycle(view, asked.one_id()))
        return One(value=await cycle_progress(view, asked.one_id()))


async def _held_up(asked: Asked, given: HeldUpBy) -> One:
    """The appraisals of a cycle that one thing holds up, at most 200"""
    async with asked.view() as view:
        found(await planning.cycle(view, asked.one_id()))
        return One(value=await held_up(view, asked.one_id(), given.kind))


async def _preview(asked: Asked, _: Plain) -> One:
    """What locking every appraisal of a cycle would do: who would be refused and why"""
    async with asked.view() as view:
        found(await planning.cycle(view, asked.one_id()))
        every = await scores.appraisal_ids(view, asked.one_id())
    store, turns = await asked.store(), asyncio.Semaphore(AT_ONCE)

    async def one(appraisal_id: UUID) -> WouldRefuse | None:
        async with turns:
            return await _would(store, asked, appraisal_id)

    outcomes = await asyncio.gather(*map(one, every))
    left = [each for each in outcomes if each is not None]
    refused = tuple(each for each in left if each.code not in DONE_BEFORE)
    return One(
        value=LockPreview(
            appraisals=len(every),
            done_before=len(left) - len(refused),
            would_lock=len(every) - len(left),
            refused=refused,
        )
    )


async def _would(store: Store, asked: Asked, appraisal_id: UUID) -> WouldRefuse | None:
    def decided(context: Context) -> Any:
        appraisal = context.look(APPRAISAL, appraisal_id)
        try:
            # The same decision that locks; its events are counted and thrown away.
            tuple(APPRAISAL.decide(appraisal, LockScore(), context))
        except Refused as no:
            return appraisal, no
        return appraisal, None

    appraisal, no = await consider(store, asked.stamp, decided)
    if no is None:
        return None
    return WouldRefuse(
        appraisal_id=appraisal_id,
        person_id=appraisal.person_id,
        code=no.code,
        detail=no.detail,
    )


ROUTES: tuple[Route, ...] = (
    get(
        "/cycles/{cycle_id}/progress",
        _progress,
        roles=READERS,
        result=CycleProgress,
        projections=VIEWS,
    ),
    get(
        "/cycles/{cycle_id}/exceptions",
        _held_up,
        roles=READERS,
        result=HeldUps,
        projections=VIEWS,
        parameters=HeldUpBy,
    ),
    get(
        "/cycles/{cycle_id}/lock-preview",
        _preview,
        roles=LOCKERS,
        result=LockPreview,
        projections=VIEWS,
        parameters=Plain,
    ),
)
