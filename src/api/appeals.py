"""Appeals: filed by the person concerned, handled by others, each step with its clock."""

from typing import Any
from uuid import UUID

import msgspec

from api import auth
from api.appraisals import PEOPLE
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.appeal import (
    AcceptAppeal,
    AddEvidence,
    AppealEvent,
    AssignReviewer,
    DecideAppeal,
    EscalateAppeal,
    ExpireAppeal,
    FileAppeal,
    ReturnAppeal,
    Status,
    WithdrawAppeal,
)
from domain.appeal_decisions import APPEAL
from projections import appeals
from projections.questions import Page
from tenancy.records import Recorded

VIEWS = (appeals.NAME,)
READERS = auth.EVERYONE - {auth.INTEGRATION}
HANDLERS = writers(auth.HR, auth.ADMIN)


class Appeals(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: Status | None = None
    appraisal_id: UUID | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an appeal, and what was said."""

    topic: str
    recorded_at: Any
    actor: UUID
    event_id: UUID
    content: Any


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal with everything that happened to it."""

    appeal: appeals.Appeal
    steps: tuple[Step, ...]


async def _appeals(asked: Asked, given: Appeals) -> Page[appeals.Appeal]:
    """Appeals as they came; for those who do not see everyone, their own and those they review."""
    caller = asked.caller
    async with asked.view() as view:
        return await appeals.appeals(
            view,
            status=given.status,
            appraisal_id=given.appraisal_id,
            of=None if caller.sees_everyone else caller.actor,
            limit=given.limit,
            cursor=given.cursor,
        )


async def _appeal(asked: Asked, _: Parameters) -> One:
    """An appeal with its statement, its evidence and its outcome."""
    await _known(asked)
    async with asked.view() as view:
        row = found(await appeals.appeal(view, asked.one_id()))
    store = await asked.store()
    steps = tuple(
        _step(each)
        for each in await store.read(row.appeal_id)
        if isinstance(each.event, AppealEvent)
    )
    return One(value=Told(appeal=row, steps=steps), version=row.version)


def _step(recorded: Recorded) -> Step:
    return Step(
        topic=recorded.topic,
        recorded_at=recorded.recorded_at,
        actor=recorded.actor,
        event_id=recorded.event_id,
        content=recorded.event,
    )


async def _known(asked: Asked) -> None:
    """Let pass who may know of the appeal: the person, the reviewer, and who sees everyone.

    Raises:
        Said: `not-found`.
    """
    store = await asked.store()
    state, _ = await store.load(APPEAL, asked.ids["appeal_id"])
    caller = asked.caller
    parties = () if state is None else (state.person_id, *state.reviewers)
    found(state if caller.sees_everyone or caller.actor in parties else None)


_APPEAL = "/appeals/{appeal_id}"

ROUTES: tuple[Route, ...] = (
    post(
        "/appeals",
        FileAppeal,
        APPEAL,
        roles=PEOPLE,
        stream=lambda _, command: ids.appeal_id(
            command.appraisal_id, command.lock_version, command.indicator
        ),
        creates="/appeals/{id}",
    ),
    get(
        "/appeals",
        _appeals,
        roles=READERS,
        result=appeals.Appeal,
        projections=VIEWS,
        parameters=Appeals,
    ),
    get(_APPEAL, _appeal, roles=READERS, result=Told, projections=VIEWS),
    *(
        post(
            f"{_APPEAL}/{name}",
            command,
            APPEAL,
            roles=roles,
            stream=from_path("appeal_id"),
            guard=_known,
        )
        for name, command, roles in (
            ("accept", AcceptAppeal, HANDLERS),
            ("return", ReturnAppeal, HANDLERS),
            ("reviewer", AssignReviewer, HANDLERS),
            ("evidence", AddEvidence, PEOPLE),
            # Who decides is the reviewer, whatever else they are.
            ("decision", DecideAppeal, PEOPLE),
            ("escalate", EscalateAppeal, PEOPLE),
            ("withdraw", WithdrawAppeal, PEOPLE),
            ("expire", ExpireAppeal, HANDLERS),
        )
    ),
)
