"""Delegations: in whose name, by whom, of what, from when until when.

Reasons are not copied here: they are opened from the log when asked for.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from domain.delegation import ApprovalKind, DelegationGiven, DelegationRevoked
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Holds, Page, View, page
from projections.tables import Row, Table, begun
from tenancy.records import Recorded

NAME = "delegations"
VERSION = 1


class Delegation(Row, kw_only=True):
    """审批委托"""

    delegation_id: UUID
    person_id: UUID
    delegate_id: UUID
    kinds: tuple[ApprovalKind, ...]
    starts_on: date
    ends_on: date
    given_by: UUID
    given_at: datetime
    revoked_by: UUID | None = None
    revoked_at: datetime | None = None
    given_position: int
    """The newest: it may be given again."""
    version: int


DELEGATIONS: Table[Delegation] = Table(
    "delegations",
    Delegation,
    projection=NAME,
    version=VERSION,
    key=("delegation_id",),
    indexes=(
        ("given_position",),
        ("person_id", "given_position"),
        ("delegate_id", "given_position"),
    ),
)


def step(row: Delegation | None, recorded: Recorded) -> Delegation:
    """The delegation's next state; pure."""
    event = recorded.event
    if isinstance(event, DelegationGiven):
        return Delegation(
            delegation_id=recorded.stream_id,
            person_id=event.person_id,
            delegate_id=event.delegate_id,
            kinds=event.kinds,
            starts_on=event.starts_on,
            ends_on=event.ends_on,
            given_by=recorded.actor,
            given_at=recorded.recorded_at,
            given_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    row.revoked_by, row.revoked_at = recorded.actor, recorded.recorded_at
    return row


DELEGATIONS_VIEW = by_stream(
    NAME, VERSION, ((DELEGATIONS, step, (DelegationGiven, DelegationRevoked)),)
)


async def delegations(
    view: View,
    *,
    person_id: UUID | None = None,
    delegate_id: UUID | None = None,
    concerning: UUID | None = None,
    until: date | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Delegation]:
    """Delegations in the order of their giving.

    Args:
        view: what to ask.
        person_id: in this person's name.
        delegate_id: to this person.
        concerning: in this person's name or to them.
        until: those alone that are not over on this day.
        limit: 1..500 rows.
        cursor: the `next` of the page before.
    """
    open_ones = [] if until is None else [Holds("revoked_at IS NULL AND ends_on >= {}", until)]
    return await page(
        view,
        DELEGATIONS,
        order=("given_position",),
        where={"person_id": person_id, "delegate_id": delegate_id},
        holding=open_ones,
        either=None if concerning is None else (("person_id", "delegate_id"), concerning),
        limit=limit,
        cursor=cursor,
    )


async def reasons(view: View, rows: Sequence[Delegation]) -> dict[UUID, str | None]:
    """Why, by delegation, of at most 500 of them; None once it was erased."""
    opened = await view.reopen([row.given_position for row in rows])
    return {row.delegation_id: opened[row.given_position].event.reason for row in rows}
