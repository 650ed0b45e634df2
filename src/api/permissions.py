"""Who could see or change a score at a time, and who did: from grants and relations as of then."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from api.asked import Asked
from api.audit import READERS
from api.auth import Caller
from api.queries import Plain, as_of, found
from api.routes import Route, Table, get
from api.sealing import relation
from api.wire import One
from domain.access import AccessKeyIssued, AccessKeyReplaced, AccessKeyRevoked
from domain.ids import goal_sheet_id
from domain.signing_in import SignInGranted, SignInRevoked
from projections import appeals, audit_trail, rating, scores
from projections.questions import LIMIT_MAX, View
from tenancy.read_audit import NotedRead
from tenancy.read_chain import Filter, reads
from tenancy.records import Recorded

OF_APPRAISALS = "/appraisals/{appraisal_id}"
KEY_TOPICS = (
    AccessKeyIssued.TOPIC,
    AccessKeyReplaced.TOPIC,
    AccessKeyRevoked.TOPIC,
    SignInGranted.TOPIC,
    SignInRevoked.TOPIC,
)

Standing = Literal["ratee", "manager", "company", "rater", "reviewer"]


class Asking(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    subject: UUID
    """The appraisal."""
    on: Annotated[datetime, msgspec.Meta(tz=True)]
    """The time; what was recorded later is not looked at."""


class Permitted(msgspec.Struct, frozen=True, kw_only=True):
    """An access key, or a sign-in, that opened something of the appraisal then."""

    key_id: UUID
    name: str | None
    """Of a key; None for a sign-in, and for the key of somebody who was erased."""
    person_id: UUID | None
    roles: tuple[str, ...]
    granted_at: datetime
    granted_by: UUID
    expires_at: datetime | None
    stands: tuple[Standing, ...]
    """The person concerned, the manager, everybody's appraisals by role, one of a panel, or the
    reviewer of an appeal."""
    sees_score: bool
    """The person concerned sees it once it was published; those of a panel never do."""
    may_read: tuple[str, ...]
    """Paths that its roles open; what was still sealed then was told to nobody."""
    may_change: tuple[str, ...]
    """Commands that its roles open; the rules of the appraisal still decide."""


class Did(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody changed something."""

    position: int
    topic: str
    actor: UUID
    on_behalf_of: UUID | None
    recorded_at: datetime


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """Who could, and who did, up to a time."""

    appraisal_id: UUID
    person_id: UUID
    manager_id: UUID | None
    """Then."""
    position: int
    """Of the log, then."""
    could: tuple[Permitted, ...]
    changed: tuple[Did, ...]
    """Events of the appraisal and of its goals, the newest first; at most a page."""
    read: tuple[NotedRead, ...]
    """Answers that told something of it, the newest first; at most a page."""


class _Grant(msgspec.Struct, frozen=True, kw_only=True):
    key_id: UUID
    issued: Recorded
    expires_at: datetime | None = None

    def caller(self, tenant_id: UUID) -> Caller:
        """As the door would have let it in."""
        event: AccessKeyIssued | SignInGranted = self.issued.event
        return Caller(
            tenant_id=tenant_id,
            key_id=self.key_id,
            roles=frozenset(event.roles),
            person_id=event.person_id,
            expires_at=self.expires_at,
            scopes=frozenset(event.scopes if isinstance(event, AccessKeyIssued) else ()),
        )


def granted(events: Iterable[Recorded], at: datetime) -> list[_Grant]:
    """The access keys and sign-ins that opened something at a time."""
    known: dict[UUID, _Grant] = {}
    for recorded in events:
        event, stream_id = recorded.event, recorded.stream_id
        match event:
            case AccessKeyRevoked() | SignInRevoked():
                known.pop(stream_id, None)
            case AccessKeyReplaced():
                if stream_id in known:
                    known[stream_id] = msgspec.structs.replace(
                        known[stream_id], expires_at=event.expires_at
                    )
            case AccessKeyIssued():
                known[stream_id] = _Grant(
                    key_id=stream_id, issued=recorded, expires_at=event.expires_at
                )
            case _:
                known[stream_id] = _Grant(key_id=stream_id, issued=recorded)
    return [each for each in known.values() if each.expires_at is None or each.expires_at > at]


def routes(commands: Table) -> tuple[Route, ...]:
    """The question; `commands` has the routes of appraisals."""
    of_appraisals = [route for route in commands.routes if route.path.startswith(OF_APPRAISALS)]

    async def ask(asked: Asked, given: Asking) -> One:
        """Who could see or change an appraisal's score at a time, and who had done so by then."""
        past = await as_of(asked, given.on, None)
        async with past.view() as view:
            row = found(await scores.appraisal(view, given.subject))
            others = await _others(view, row.appraisal_id)
            changed = await _changes(view, row)
        store = await past.store()
        grants = granted(await store.log(topics=KEY_TOPICS), given.on)
        entries = await reads(
            asked.services.database,
            asked.caller.tenant_id,
            Filter(subject=row.appraisal_id, until=given.on),
            limit=LIMIT_MAX,
            descending=True,
        )
        told = (
            _permitted(each, row, asked.caller.tenant_id, others, of_appraisals) for each in grants
        )
        return One(
            value=Permissions(
                appraisal_id=row.appraisal_id,
                person_id=row.person_id,
                manager_id=row.manager_id,
                position=past.then.position if past.then else 0,
                could=tuple(each for each in told if each is not None),
                changed=changed,
                read=tuple(entries),
            )
        )

    return (get("/audit/permissions", ask, roles=READERS, result=Permissions, parameters=Asking),)


async def _others(view: View, appraisal_id: UUID) -> tuple[set[UUID], set[UUID]]:
    """Who was asked to rate on a panel, and who reviews an appeal."""
    raters = {each.rater_id for each in await rating.raters_of(view, appraisal_id)}
    page = await appeals.appeals(view, appraisal_id=appraisal_id, limit=LIMIT_MAX)
    return raters, {each.reviewer_id for each in page.items if each.reviewer_id is not None}


async def _changes(view: View, row: scores.Appraisal) -> tuple[Did, ...]:
    events = [
        event
        for stream_id in (row.appraisal_id, goal_sheet_id(row.appraisal_id))
        for event in (
            await audit_trail.audit_events(
                view, stream_id=stream_id, descending=True, limit=LIMIT_MAX
            )
        ).items
    ]
    newest = sorted(events, key=lambda each: each.position, reverse=True)[:LIMIT_MAX]
    return tuple(
        Did(
            position=each.position,
            topic=each.topic,
            actor=each.actor,
            on_behalf_of=each.on_behalf_of,
            recorded_at=each.recorded_at,
        )
        for each in newest
    )


def _permitted(
    grant: _Grant,
    row: scores.Appraisal,
    tenant_id: UUID,
    others: tuple[set[UUID], set[UUID]],
    of_appraisals: Sequence[Route],
) -> Permitted | None:
    caller = grant.caller(tenant_id)
    stands: list[Standing] = []
    if (own := relation(caller, row.person_id, row.manager_id)) is not None:
        stands.append(own)
    raters, reviewers = others
    if caller.person_id in raters:
        stands.append("rater")
    if caller.person_id in reviewers:
        stands.append("reviewer")
    if not stands:
        return None
    mine = [
        route for route in of_appraisals if caller.has(route.roles) and caller.reaches(route.scope)
    ]
    event: AccessKeyIssued | SignInGranted = grant.issued.event
    published = own != "ratee" or row.published_version > 0
    return Permitted(
        key_id=grant.key_id,
        name=event.name if isinstance(event, AccessKeyIssued) else None,
        person_id=caller.person_id,
        roles=tuple(sorted(caller.roles)),
        granted_at=grant.issued.recorded_at,
        granted_by=grant.issued.actor,
        expires_at=caller.expires_at,
        stands=tuple(stands),
        sees_score=row.lock_version > 0 and published and stands != ["rater"],
        may_read=tuple(sorted(route.path for route in mine if route.method == "GET")),
        may_change=tuple(sorted(route.path for route in mine if route.method == "POST")),
    )
