"""Instant rewards and their budgets: what is left, who gets what, what hangs on the wall."""

from datetime import date, datetime
from uuid import UUID

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
VERSION = 1


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
    title: str
    reason: str
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
    decided_because: str | None = None
    created_position: int
    version: int


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
            title=event.title,
            reason=event.reason,
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
            row.state, row.decided_because = "rejected", event.reason
        case InstantRewardRevoked():
            row.state, row.decided_because = "revoked", event.reason
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
