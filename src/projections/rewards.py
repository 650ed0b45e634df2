"""Instant rewards and their budgets: what is left, who gets what, what hangs on the wall.

What a reward is for is not copied here: it is opened from the log when asked for, and is gone there
once the keys of somebody whom it is for were destroyed.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.money import Money
from domain.reward import (
    InstantRewardApproved,
    InstantRewardGranted,
    InstantRewardNominated,
    InstantRewardRejected,
    InstantRewardRevoked,
    RewardKind,
    RewardShare,
    RewardState,
)
from domain.reward_budget import RewardBudgetCommitted, RewardBudgetReleased, RewardBudgetSet
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Holds, Page, View, get, page
from projections.tables import Row, Table, begun
from tenancy.records import Recorded

NAME = "rewards"
VERSION = 2


class Budget(Row, kw_only=True):
    """即时奖励预算; amounts in minor units of `currency`."""

    budget_id: UUID
    code: str
    org_unit_id: UUID
    cost_centre: str
    minor: int
    granted_minor: int = 0
    currency: str
    personal_cap: Money | None
    starts_on: date
    ends_on: date
    created_position: int
    version: int


class Reward(Row, kw_only=True):
    """即时奖励; amounts in minor units of `currency`."""

    reward_id: UUID
    code: str
    budget_id: UUID
    kind: RewardKind
    minor: int
    currency: str
    achieved_on: date
    shares: tuple[RewardShare, ...]
    on_the_wall: bool
    state: RewardState
    nominated_by: UUID
    nominated_at: datetime
    approved_by: UUID | None = None
    decided_by: UUID | None = None
    """Who granted, rejected or revoked it, the last of them."""
    decided_at: datetime | None = None
    decision: int | None = None
    """The log position of the rejection or the revocation, which holds its reason."""
    created_position: int
    version: int


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """What people wrote about a reward; None once it was erased."""

    title: str | None
    reason: str | None
    decided_because: str | None
    """Of a rejection or a revocation."""


BUDGETS = Table(
    "reward_budgets",
    Budget,
    projection=NAME,
    version=VERSION,
    key=("budget_id",),
    indexes=(("created_position",),),
)
REWARDS = Table(
    "rewards",
    Reward,
    projection=NAME,
    version=VERSION,
    key=("reward_id",),
    indexes=(("created_position",), ("budget_id", "created_position")),
)


def budget_step(row: Budget | None, recorded: Recorded) -> Budget:
    """The budget's next state; pure."""
    event = recorded.event
    if isinstance(event, RewardBudgetSet):
        return Budget(
            budget_id=recorded.stream_id,
            code=event.code,
            org_unit_id=event.org_unit_id,
            cost_centre=event.cost_centre,
            minor=event.amount.minor,
            granted_minor=0 if row is None else row.granted_minor,
            currency=event.amount.currency,
            personal_cap=event.personal_cap,
            starts_on=event.starts_on,
            ends_on=event.ends_on,
            created_position=recorded.position if row is None else row.created_position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case RewardBudgetCommitted():
            row.granted_minor += event.amount.minor
        case RewardBudgetReleased():
            row.granted_minor -= event.amount.minor
    return row


def reward_step(row: Reward | None, recorded: Recorded) -> Reward:
    """The reward's next state; pure."""
    event = recorded.event
    if isinstance(event, InstantRewardNominated):
        return Reward(
            reward_id=recorded.stream_id,
            code=event.code,
            budget_id=event.budget_id,
            kind=event.kind,
            minor=event.amount.minor,
            currency=event.amount.currency,
            achieved_on=event.achieved_on,
            shares=event.shares,
            on_the_wall=event.on_the_wall,
            state="nominated",
            nominated_by=recorded.actor,
            nominated_at=recorded.recorded_at,
            created_position=recorded.position,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    if isinstance(event, InstantRewardApproved):
        row.state, row.approved_by = "approved", recorded.actor
        return row
    row.decided_by, row.decided_at = recorded.actor, recorded.recorded_at
    match event:
        case InstantRewardGranted():
            row.state = "granted"
        case InstantRewardRejected():
            row.state, row.decision = "rejected", recorded.position
        case InstantRewardRevoked():
            row.state, row.decision = "revoked", recorded.position
    return row


REWARDS_VIEW = by_stream(
    NAME,
    VERSION,
    (
        (BUDGETS, budget_step, (RewardBudgetSet, RewardBudgetCommitted, RewardBudgetReleased)),
        (
            REWARDS,
            reward_step,
            (
                InstantRewardNominated,
                InstantRewardApproved,
                InstantRewardRejected,
                InstantRewardGranted,
                InstantRewardRevoked,
            ),
        ),
    ),
)


async def budgets(
    view: View,
    *,
    org_unit_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Budget]:
    """Budgets in the order of their setting."""
    order, where = ("created_position",), {"org_unit_id": org_unit_id}
    return await page(view, BUDGETS, order=order, where=where, limit=limit, cursor=cursor)


async def budget(view: View, budget_id: UUID) -> Budget | None:
    """The budget with this id."""
    return await get(view, BUDGETS, budget_id)


OF_PERSON = (
    "(nominated_by::text = {}::text"
    " OR shares @> jsonb_build_array(jsonb_build_object('person_id', {}::text)))"
)


async def rewards(
    view: View,
    *,
    budget_id: UUID | None = None,
    state: RewardState | None = None,
    concerning: UUID | None = None,
    on_the_wall: bool | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Reward]:
    """Rewards in the order of their nomination.

    Args:
        view: what to ask.
        budget_id: of this budget.
        state: in this state.
        concerning: for or nominated by this person.
        on_the_wall: to be shown to everybody, or not.
        limit: 1..500 rows.
        cursor: the `next` of the page before.
    """
    return await page(
        view,
        REWARDS,
        order=("created_position",),
        where={"budget_id": budget_id, "state": state, "on_the_wall": on_the_wall},
        holding=[] if concerning is None else [Holds(OF_PERSON, str(concerning))],
        limit=limit,
        cursor=cursor,
    )


async def reward(view: View, reward_id: UUID) -> Reward | None:
    """The reward with this id."""
    return await get(view, REWARDS, reward_id)


async def texts(view: View, rows: Sequence[Reward]) -> dict[UUID, Texts]:
    """What people wrote about these rewards, at most 500 of them, opened from the log."""
    decisions = [row.decision for row in rows if row.decision is not None]
    opened = await view.reopen([*(row.created_position for row in rows), *decisions])
    return {
        row.reward_id: Texts(
            title=opened[row.created_position].event.title,
            reason=opened[row.created_position].event.reason,
            decided_because=None if row.decision is None else opened[row.decision].event.reason,
        )
        for row in rows
    }
