"""360 ratings: who is asked, what they say, what groups say together; and stand-ins and waivers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from api import auth
from api.appraisals import known, seen
from api.asked import Asked
from api.commands import from_path, post
from api.considering import consider
from api.problems import Said
from api.queries import Listing, Parameters
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.appraisal import LOOK_AT_APPRAISAL
from domain.appraisal_decisions import APPRAISAL
from domain.appraisal_setting import setting
from domain.checks import begun
from domain.conduct import ApproveWaiver, ReassignRater, ReplyToDeviation, RequestWaiver
from domain.kernel import Context
from domain.peer_rating import PEER_RATING, SubmitPeerRating
from domain.rater_groups import GroupResult, group_results, panel_of, responses_of
from domain.rater_panel import (
    LOOK_AT_RATER_PANEL,
    ApproveRater,
    DeclineRater,
    NominateRater,
    ReplaceRater,
    multi_rated,
)
from domain.rater_panel_decisions import RATER_PANEL
from domain.ratings import ReviseManagerRating
from domain.scheme import LOOK_AT_SCHEME
from projections import rating, scores
from projections.questions import Page

READERS = auth.EVERYONE - {auth.INTEGRATION}
PEOPLE = writers(auth.EMPLOYEE, auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
RATERS = writers(auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
DECIDERS = auth.WHOLE_COMPANY | {auth.MANAGER}
"""Who may approve raters, and who sees that they wait."""
OPERATORS = writers(auth.HR, auth.ADMIN)
APPROVERS = writers(auth.HR, auth.EXECUTIVE, auth.ADMIN)
WHO_ANSWERED = frozenset({auth.HR, auth.AUDITOR, auth.ADMIN})
"""Who may know which raters have answered, so that the others can be reminded."""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """One rater of a panel."""

    rater_id: UUID
    group: str
    approved: bool
    submitted: bool | None
    """None where the reader may not know."""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Everyone who was named to rate in an appraisal."""

    appraisal_id: UUID
    raters: tuple[Named, ...]


class Groups(msgspec.Struct, frozen=True, kw_only=True):
    """What the rater groups of an appraisal say together."""

    appraisal_id: UUID
    groups: tuple[GroupResult, ...]


async def on_the_panel(asked: Asked) -> None:
    """Let pass the raters of an appraisal, and who may know of it.

    Raises:
        Said: `not-found`.
    """
    store = await asked.store()
    appraisal_id = asked.ids["appraisal_id"]
    panel, _ = await store.load(LOOK_AT_RATER_PANEL, ids.rater_panel_id(appraisal_id))
    named = panel.panelist(asked.caller.actor) if panel else None
    if named is None or not named.approved:
        await known(asked)


async def _panel(asked: Asked, _: Parameters) -> One:
    """Who was named to rate a person, and by which group."""
    reader, row = await seen(asked, asked.one_id())
    told = reader == "company" and asked.caller.has(WHO_ANSWERED)

    def question(context: Context) -> Panel:
        panel, submitted = panel_of(row.appraisal_id, context)
        answered = {each.rater_id for each in submitted}
        return Panel(
            appraisal_id=row.appraisal_id,
            raters=tuple(
                Named(
                    rater_id=each.rater_id,
                    group=each.group,
                    approved=each.approved,
                    submitted=each.rater_id in answered if told else None,
                )
                for each in (panel.raters if panel else ())
            ),
        )

    return One(value=await consider(await asked.store(), asked.stamp, question))


async def _groups(asked: Asked, _: Parameters) -> One:
    """What each rater group says, where enough of it have answered to be shown."""
    reader, row = await seen(asked, asked.one_id())
    if reader == "ratee" and not row.published_version:
        raise Said("not-published", "the result has not been shown to you yet")
    if reader == "manager" and not (row.manager_submitted or row.lock_version):
        raise Said("not-allowed", "rate first: what others say would lead you")

    def question(context: Context) -> Groups:
        appraisal = begun(context.look(LOOK_AT_APPRAISAL, row.appraisal_id))
        _, content = setting(appraisal, context)
        panel, _ = panel_of(row.appraisal_id, context)
        responses = responses_of(row.appraisal_id, content, context)
        return Groups(
            appraisal_id=row.appraisal_id, groups=group_results(content, panel, responses)
        )

    return One(value=await consider(await asked.store(), asked.stamp, question))


class ToRate(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator that asks the rater's group for points from 0 to 100."""

    code: str
    name: str


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A rating that the caller was asked for."""

    appraisal_id: UUID
    cycle_id: UUID
    person_id: UUID
    """Whom it is about."""
    group: str
    state: rating.RaterState
    indicators: tuple[ToRate, ...]


class Tasks(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller was asked for last, at most a page of it; the newest first."""

    ratings: tuple[Task, ...]


async def _tasks(asked: Asked, _: Parameters) -> One:
    """The 360 ratings that the caller was asked for, given or not."""
    async with asked.view() as view:
        asked_for = await rating.tasks(view, rater_id=asked.caller.actor)
        appraisals = await scores.appraisals_of(view, [each.appraisal_id for each in asked_for])
    about, store = {row.appraisal_id: row for row in appraisals}, await asked.store()
    schemes = {
        row.scheme_id: begun(await store.recall(LOOK_AT_SCHEME, row.scheme_id))
        for row in appraisals
    }

    def wanted(row: scores.Appraisal, group: str) -> tuple[ToRate, ...]:
        content = schemes[row.scheme_id].published(row.scheme_version).content
        return tuple(
            ToRate(code=indicator.code, name=indicator.name)
            for indicator, rule in multi_rated(content)
            if any(each.code == group for each in rule.groups)
        )

    ratings = tuple(
        Task(
            appraisal_id=row.appraisal_id,
            cycle_id=row.cycle_id,
            person_id=row.person_id,
            group=each.group_code,
            state=each.state,
            indicators=wanted(row, each.group_code),
        )
        for each in asked_for
        if (row := about.get(each.appraisal_id)) is not None
    )
    return One(value=Tasks(ratings=ratings))


class Nomination(msgspec.Struct, frozen=True, kw_only=True):
    """A rater who was named, and whom another person has to approve."""

    appraisal_id: UUID
    cycle_id: UUID
    person_id: UUID
    """Whom it is about."""
    rater_id: UUID
    group: str
    asked_by: UUID
    asked_at: datetime
    position: int


async def _nominations(asked: Asked, given: Listing) -> Page[Nomination]:
    """Raters who wait for approval, the oldest first, but for one's own appraisal.

    A manager is told of those whom they rate.
    """
    caller = asked.caller
    async with asked.view() as view:
        page = await rating.nominated(view, limit=given.limit, cursor=given.cursor)
        rows = await scores.appraisals_of(view, [each.appraisal_id for each in page.items])
    about = {
        row.appraisal_id: row
        for row in rows
        if row.person_id != caller.person_id
        and (caller.sees_everyone or row.manager_id == caller.person_id)
    }
    return page.of(
        [
            Nomination(
                appraisal_id=row.appraisal_id,
                cycle_id=row.cycle_id,
                person_id=row.person_id,
                rater_id=each.rater_id,
                group=each.group_code,
                asked_by=each.asked_by,
                asked_at=each.asked_at,
                position=each.asked_position,
            )
            for each in page.items
            if (row := about.get(each.appraisal_id)) is not None
        ]
    )


def _panel_stream(path_ids: Mapping[str, UUID], _: Any) -> UUID:
    return ids.rater_panel_id(path_ids["appraisal_id"])


def _rating_stream(path_ids: Mapping[str, UUID], command: Any) -> UUID:
    return ids.peer_rating_id(path_ids["appraisal_id"], command.rater_id)


_APPRAISAL = "/appraisals/{appraisal_id}"
_SELF = from_path("appraisal_id")

ROUTES: tuple[Route, ...] = (
    get(
        "/peer-ratings",
        _tasks,
        roles=READERS,
        result=Tasks,
        projections=(rating.NAME, scores.NAME),
    ),
    get(
        "/rater-nominations",
        _nominations,
        roles=DECIDERS,
        result=Nomination,
        projections=(rating.NAME, scores.NAME),
        parameters=Listing,
    ),
    get(
        f"{_APPRAISAL}/raters",
        _panel,
        roles=READERS,
        result=Panel,
        projections=(scores.NAME,),
    ),
    get(
        f"{_APPRAISAL}/rater-groups",
        _groups,
        roles=READERS,
        result=Groups,
        projections=(scores.NAME,),
    ),
    post(
        f"{_APPRAISAL}/peer-ratings",
        SubmitPeerRating,
        PEER_RATING,
        roles=PEOPLE,
        stream=_rating_stream,
        guard=on_the_panel,
    ),
    *(
        post(
            f"{_APPRAISAL}/{name}",
            command,
            decider,
            roles=roles,
            stream=stream,
            guard=known,
        )
        for name, command, decider, roles, stream in (
            ("raters", NominateRater, RATER_PANEL, PEOPLE, _panel_stream),
            ("raters/approve", ApproveRater, RATER_PANEL, RATERS, _panel_stream),
            ("raters/decline", DeclineRater, RATER_PANEL, RATERS, _panel_stream),
            ("raters/replace", ReplaceRater, RATER_PANEL, RATERS, _panel_stream),
            ("manager-rating/revise", ReviseManagerRating, APPRAISAL, RATERS, _SELF),
            ("deviation/reply", ReplyToDeviation, APPRAISAL, PEOPLE, _SELF),
            ("rater", ReassignRater, APPRAISAL, OPERATORS, _SELF),
            ("waiver", RequestWaiver, APPRAISAL, RATERS, _SELF),
            ("waiver/approve", ApproveWaiver, APPRAISAL, APPROVERS, _SELF),
        )
    ),
)
