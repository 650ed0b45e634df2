"""One command over all appraisals of a cycle, at once or a portion after the other.

Killed at any moment, it is simply asked for again: what is done is found done, and nothing is done
twice, because each appraisal decides by itself whether there is something to do.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response

from api import auth
from api.asked import Asked
from api.commands import decode, idempotency
from api.queries import Plain, found, invalid, read, wait
from api.routes import Route, writers
from domain.appraisal_decisions import APPRAISAL
from domain.cycle import CYCLE
from domain.employment import EMPLOYMENT
from domain.facts import FACT_SHEET
from domain.goals import GOAL_SHEET
from domain.ids import fact_sheet_id, goal_sheet_id, occurrence_sheet_id
from domain.jobs import JOB
from domain.kernel import Command, Decider, Refused
from domain.occurrences import OCCURRENCE_SHEET
from domain.scheme import LOOK_AT_SCHEME
from projections import planning, scores
from tenancy.errors import Overtaken
from tenancy.records import Idempotency, Receipt
from tenancy.store import Store

WRITERS = writers(auth.HR, auth.ADMIN)
AT_ONCE = 256
"""Appraisals decided side by side; the committer writes them in few flushes."""
READ_AT_ONCE = 1_000
"""Appraisals whose streams are read in one question: one by one each would ask five times."""
PORTION_MAX = 5_000
UNNEEDED = frozenset({"already-scored", "already-published"})
"""Refusals that say that everything is as the command would have it: the product scores by itself
as data come, so whoever asks for it may be late."""


class Portion(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of a cycle's appraisals; all of them where no limit is given."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=PORTION_MAX)] | None = None
    """At most so many, in the order of their creation."""
    cursor: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,18}$")] | None = None
    """`next_cursor` of the portion before."""


class NotDone(msgspec.Struct, frozen=True, kw_only=True):
    """An appraisal for which the command was refused, and why."""

    id: UUID
    code: str
    detail: str


class Bulk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a command over the appraisals of a cycle."""

    done: int
    """Those for which nothing was left to do are among them."""
    refused: tuple[NotDone, ...]
    next_cursor: str | None = None
    """Where a portion was asked for and there are more: asks for the next one."""
    total: int | None = None
    """Appraisals of the whole cycle, where a portion was asked for."""


def over_all(path: str, command: Command, summary: str) -> Route:
    """A command over all appraisals of the cycle in the path."""

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
        parameters=Portion,
        result=Bulk,
        keyed=True,
        statuses=(409, 415, 422, 503),
    )


async def _each(asked: Asked, command: Command) -> Response[bytes]:
    key = idempotency(asked)
    portion = read(asked, Portion)
    decode(asked.body, type(command))
    if portion.cursor is not None and portion.limit is None:
        raise invalid("cursor", "goes with a limit")
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
    part = await _part(asked, portion, await store.head())
    outcomes: list[Receipt | NotDone | BaseException | None] = []
    for begin in range(0, len(part.ids), READ_AT_ONCE):
        some = part.ids[begin : begin + READ_AT_ONCE]
        await _read(store, some)
        # All of them come to their end before the first failure is told: nothing goes on unseen.
        outcomes += await asyncio.gather(*map(one, some), return_exceptions=True)
        for failure in outcomes:
            if isinstance(failure, BaseException):
                raise failure
    return _told(outcomes, part)


def _told(outcomes: Sequence[Any], part: scores.Part) -> Response[bytes]:
    receipts = [each for each in outcomes if isinstance(each, Receipt)]
    refused = tuple(each for each in outcomes if isinstance(each, NotDone))
    headers = {}
    if receipts:
        headers["Merit-Position"] = str(max(receipt.position for receipt in receipts))
        if all(receipt.replayed for receipt in receipts):
            headers["Idempotent-Replayed"] = "true"
    told = Bulk(
        done=len(outcomes) - len(refused),
        refused=refused,
        next_cursor=None if part.last is None else str(part.last),
        total=part.total,
    )
    return Response(
        msgspec.json.encode(told), headers=headers, status_code=200, media_type="application/json"
    )


async def _part(asked: Asked, portion: Portion, head: int) -> scores.Part:
    cycle_id = asked.one_id()
    # A later portion has waited for the first one's views already, and wrote nothing since that
    # changes who is in the cycle.
    if portion.cursor is None:
        await wait(asked, (planning.NAME, scores.NAME), head)
    async with asked.view() as view:
        found(await planning.cycle(view, cycle_id))
        return await scores.part(
            view, cycle_id, after=int(portion.cursor or 0), limit=portion.limit
        )


async def _read(store: Store, appraisal_ids: Sequence[UUID]) -> None:
    """Have at hand what the decisions on these appraisals look at."""
    states = await store.recall_all([(APPRAISAL, each) for each in appraisal_ids])
    wanted: list[tuple[Decider[Any], UUID]] = []
    shared: dict[UUID, tuple[Decider[Any], UUID]] = {}
    for appraisal_id, state in zip(appraisal_ids, states, strict=True):
        if state is not None:
            cycle, employment = state.cycle_id, state.employment_id
            wanted += [
                (EMPLOYMENT, employment),
                (GOAL_SHEET, goal_sheet_id(appraisal_id)),
                (FACT_SHEET, fact_sheet_id(cycle, employment)),
                (OCCURRENCE_SHEET, occurrence_sheet_id(cycle, employment)),
            ]
            # The same few for everybody.
            common = ((CYCLE, cycle), (LOOK_AT_SCHEME, state.scheme_id), (JOB, state.job_id))
            shared.update({stream_id: (decider, stream_id) for decider, stream_id in common})
    await store.recall_all([*wanted, *shared.values()])
