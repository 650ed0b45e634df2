"""Delegations of approvals: given, taken back, listed."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.queries import Listing, found
from api.routes import Route, get, writers
from domain import ids
from domain.delegation import DELEGATION, ApprovalKind, GiveDelegation, RevokeDelegation
from projections import delegations
from projections.questions import Page

PEOPLE = writers(auth.EMPLOYEE, auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
PERSONNEL = frozenset({auth.HR, auth.ADMIN})
"""Who sees all of them, and takes back for somebody who is away."""
GIVERS = frozenset({auth.ADMIN})
"""Who gives for somebody who is away: those alone who could let the delegate in with such roles."""
VIEWS = (delegations.NAME,)


class Delegations(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    person_id: UUID | None = None
    """In whose name."""
    delegate_id: UUID | None = None
    current: bool = False
    """Those alone that are not over."""


class Delegation(msgspec.Struct, frozen=True, kw_only=True):
    """审批委托"""

    delegation_id: UUID
    person_id: UUID
    delegate_id: UUID
    kinds: tuple[ApprovalKind, ...]
    starts_on: date
    ends_on: date
    in_force: bool
    """Today."""
    reason: str | None
    """None once it was erased."""
    given_by: UUID
    given_at: datetime
    revoked_by: UUID | None
    revoked_at: datetime | None
    version: int
    position: int


async def _may_give(asked: Asked) -> None:
    own = asked.caller.person_id == asked.ids["person_id"]
    found(True if own or asked.caller.has(GIVERS) else None)


async def _may_revoke(asked: Asked) -> None:
    store = await asked.store()
    lent = found((await store.load(DELEGATION, asked.ids["delegation_id"]))[0])
    own = asked.caller.person_id in {lent.person_id, lent.delegate_id}
    found(lent if own or asked.caller.has(PERSONNEL) else None)


async def _delegations(asked: Asked, given: Delegations) -> Page[Delegation]:
    """Delegations as they were given; one's own and those to one, of all for personnel."""
    everyone = asked.caller.has(PERSONNEL | {auth.AUDITOR})
    if not everyone and asked.caller.person_id is None:
        return Page(items=())
    today = asked.stamp.now.date()
    async with asked.view() as view:
        page = await delegations.delegations(
            view,
            person_id=given.person_id,
            delegate_id=given.delegate_id,
            concerning=None if everyone else asked.caller.person_id,
            until=today if given.current else None,
            limit=given.limit,
            cursor=given.cursor,
        )
        why = await delegations.reasons(view, page.items)
    return page.of([_told(row, why[row.delegation_id], today) for row in page.items])


def _told(row: delegations.Delegation, reason: str | None, today: date) -> Delegation:
    return Delegation(
        delegation_id=row.delegation_id,
        person_id=row.person_id,
        delegate_id=row.delegate_id,
        kinds=row.kinds,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        in_force=row.revoked_at is None and row.starts_on <= today <= row.ends_on,
        reason=reason,
        given_by=row.given_by,
        given_at=row.given_at,
        revoked_by=row.revoked_by,
        revoked_at=row.revoked_at,
        version=row.version,
        position=row.position,
    )


ROUTES: tuple[Route, ...] = (
    post(
        "/people/{person_id}/delegations",
        GiveDelegation,
        DELEGATION,
        roles=PEOPLE,
        stream=lambda path, command: ids.delegation_id(
            path["person_id"], command.delegate_id, command.starts_on
        ),
        creates="/delegations",
        guard=_may_give,
    ),
    post(
        "/delegations/{delegation_id}/revoke",
        RevokeDelegation,
        DELEGATION,
        roles=PEOPLE,
        stream=from_path("delegation_id"),
        guard=_may_revoke,
    ),
    get(
        "/delegations",
        _delegations,
        roles=auth.EVERYONE - {auth.INTEGRATION},
        result=Delegation,
        projections=VIEWS,
        parameters=Delegations,
    ),
)
