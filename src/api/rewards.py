"""Instant rewards: budgets, nomination to grant, the batch that pays them, the wall."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.commands import from_path, post
from api.problems import Said
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.explanation import Node
from domain.money import Money, add_up
from domain.payout_batch import PAYOUT_BATCH
from domain.reward import (
    REWARD,
    ApproveReward,
    GrantReward,
    InstantRewardGranted,
    NominateReward,
    RejectReward,
    RevokeReward,
    RewardKind,
    RewardShare,
    RewardState,
)
from domain.reward_budget import REWARD_BUDGET, SetRewardBudget
from domain.reward_paying import PrepareRewardBatch
from projections import rewards
from projections.questions import Page

VIEWS = (rewards.NAME,)
FUNDERS = writers(auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
NOMINATORS = writers(auth.MANAGER, auth.HR, auth.EXECUTIVE, auth.ADMIN)
APPROVERS = writers(auth.HR, auth.EXECUTIVE, auth.ADMIN)
PREPARERS = writers(auth.FINANCE, auth.HR, auth.ADMIN)
BUDGET_READERS = auth.WHOLE_COMPANY | {auth.MANAGER}


class Budgets(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    org_unit_id: UUID | None = None


class Rewards(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    budget_id: UUID | None = None
    state: RewardState | None = None


class RewardBudget(msgspec.Struct, frozen=True, kw_only=True):
    """即时奖励预算 and what is left of it."""

    budget_id: UUID
    code: str
    org_unit_id: UUID
    cost_centre: str
    amount: Money
    granted: Money
    left: Money
    personal_cap: Money | None
    starts_on: date
    ends_on: date
    version: int
    position: int


class Reward(msgspec.Struct, frozen=True, kw_only=True):
    """即时奖励; the shares of all of its team are what was granted, exactly."""

    reward_id: UUID
    code: str
    budget_id: UUID
    kind: RewardKind
    title: str | None
    """None once it was erased, as the reasons below."""
    reason: str | None
    amount: Money
    """Of these shares."""
    achieved_on: date
    shares: tuple[RewardShare, ...]
    """Of all, to those who see everyone and to who nominated; else one's own alone."""
    on_the_wall: bool
    state: RewardState
    nominated_by: UUID
    nominated_at: datetime
    approved_by: UUID | None
    decided_by: UUID | None
    decided_at: datetime | None
    decided_because: str | None
    version: int
    position: int


class RewardExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """How the team shares a granted reward, and why."""

    reward_id: UUID
    shares: tuple[RewardShare, ...]
    event_id: UUID
    recorded_at: datetime
    explanation: Node


class Recognition(msgspec.Struct, frozen=True, kw_only=True):
    """表彰: what a reward is for and whose it is; never how much."""

    reward_id: UUID
    kind: RewardKind
    title: str | None
    """None once it was erased."""
    achieved_on: date
    person_ids: tuple[UUID, ...]


def _budget_told(row: rewards.Budget) -> RewardBudget:
    return RewardBudget(
        budget_id=row.budget_id,
        code=row.code,
        org_unit_id=row.org_unit_id,
        cost_centre=row.cost_centre,
        amount=Money(row.minor, row.currency),
        granted=Money(row.granted_minor, row.currency),
        left=Money(row.minor - row.granted_minor, row.currency),
        personal_cap=row.personal_cap,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        version=row.version,
        position=row.position,
    )


def _told(row: rewards.Reward, texts: rewards.Texts, asked: Asked) -> Reward:
    whole = asked.caller.sees_everyone or row.nominated_by == asked.caller.actor
    own = tuple(each for each in row.shares if each.person_id == asked.caller.person_id)
    shares = row.shares if whole else own
    return Reward(
        reward_id=row.reward_id,
        code=row.code,
        budget_id=row.budget_id,
        kind=row.kind,
        title=texts.title,
        reason=texts.reason,
        # Of a team of two, the whole would tell one what the other gets.
        amount=add_up((each.amount for each in shares), row.currency),
        achieved_on=row.achieved_on,
        shares=shares,
        on_the_wall=row.on_the_wall,
        state=row.state,
        nominated_by=row.nominated_by,
        nominated_at=row.nominated_at,
        approved_by=row.approved_by,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decided_because=texts.decided_because,
        version=row.version,
        position=row.position,
    )


async def _budgets(asked: Asked, given: Budgets) -> Page[RewardBudget]:
    """Budgets of instant rewards in the order of their setting."""
    async with asked.view() as view:
        page = await rewards.budgets(
            view, org_unit_id=given.org_unit_id, limit=given.limit, cursor=given.cursor
        )
    return page.of([_budget_told(row) for row in page.items])


async def _budget(asked: Asked, _: Parameters) -> One:
    """A budget of instant rewards and what is left of it."""
    async with asked.view() as view:
        row = found(await rewards.budget(view, asked.one_id()))
    return One(value=_budget_told(row), version=row.version)


async def _rewards(asked: Asked, given: Rewards) -> Page[Reward]:
    """Instant rewards in the order of nomination; employees and managers see those of theirs."""
    everyone = asked.caller.sees_everyone
    async with asked.view() as view:
        page = await rewards.rewards(
            view,
            budget_id=given.budget_id,
            state=given.state,
            concerning=None if everyone else asked.caller.actor,
            limit=given.limit,
            cursor=given.cursor,
        )
        texts = await rewards.texts(view, page.items)
    return page.of([_told(row, texts[row.reward_id], asked) for row in page.items])


async def _reward(asked: Asked, _: Parameters) -> One:
    """An instant reward."""
    async with asked.view() as view:
        row: rewards.Reward = found(await rewards.reward(view, asked.one_id()))
        texts = await rewards.texts(view, [row])
    concerned = {row.nominated_by, *(each.person_id for each in row.shares)}
    found(row if asked.caller.sees_everyone or asked.caller.actor in concerned else None)
    return One(value=_told(row, texts[row.reward_id], asked), version=row.version)


async def _explanation(asked: Asked, _: Parameters) -> One:
    """Why the team's shares of a reward are what they are; not told to the team itself."""
    async with asked.view() as view:
        row: rewards.Reward = found(await rewards.reward(view, asked.one_id()))
    found(row if asked.caller.sees_everyone or row.nominated_by == asked.caller.actor else None)
    for recorded in await (await asked.store()).read(row.reward_id):
        event = recorded.event
        if isinstance(event, InstantRewardGranted) and event.explanation is not None:
            return One(
                value=RewardExplanation(
                    reward_id=row.reward_id,
                    shares=row.shares,
                    event_id=recorded.event_id,
                    recorded_at=recorded.recorded_at,
                    explanation=event.explanation,
                )
            )
    raise Said("not-found", "the reward has not been granted")


async def _wall(asked: Asked, given: Listing) -> Page[Recognition]:
    """Granted rewards that hang on the wall, for everybody to read; without amounts."""
    async with asked.view() as view:
        page = await rewards.rewards(
            view, state="granted", on_the_wall=True, limit=given.limit, cursor=given.cursor
        )
        texts = await rewards.texts(view, page.items)
    return page.of(
        [
            Recognition(
                reward_id=row.reward_id,
                kind=row.kind,
                title=texts[row.reward_id].title,
                achieved_on=row.achieved_on,
                person_ids=tuple(dict.fromkeys(each.person_id for each in row.shares)),
            )
            for row in page.items
        ]
    )


ROUTES: tuple[Route, ...] = (
    post(
        "/reward-budgets",
        SetRewardBudget,
        REWARD_BUDGET,
        roles=FUNDERS,
        stream=lambda _, command: ids.reward_budget_id(command.code),
        creates="/reward-budgets/{id}",
    ),
    get(
        "/reward-budgets",
        _budgets,
        roles=BUDGET_READERS,
        result=RewardBudget,
        projections=VIEWS,
        parameters=Budgets,
    ),
    get(
        "/reward-budgets/{budget_id}",
        _budget,
        roles=BUDGET_READERS,
        result=RewardBudget,
        projections=VIEWS,
    ),
    post(
        "/rewards",
        NominateReward,
        REWARD,
        roles=NOMINATORS,
        stream=lambda _, command: ids.reward_id(command.code),
        creates="/rewards/{id}",
    ),
    get(
        "/rewards",
        _rewards,
        roles=auth.EVERYONE,
        result=Reward,
        projections=VIEWS,
        parameters=Rewards,
    ),
    get("/rewards/{reward_id}", _reward, roles=auth.EVERYONE, result=Reward, projections=VIEWS),
    get(
        "/rewards/{reward_id}/explanation",
        _explanation,
        roles=auth.EVERYONE,
        result=RewardExplanation,
        projections=VIEWS,
    ),
    post(
        "/rewards/{reward_id}/approve",
        ApproveReward,
        REWARD,
        roles=APPROVERS,
        stream=from_path("reward_id"),
    ),
    post(
        "/rewards/{reward_id}/reject",
        RejectReward,
        REWARD,
        roles=APPROVERS,
        stream=from_path("reward_id"),
    ),
    post(
        "/rewards/{reward_id}/grant",
        GrantReward,
        REWARD,
        roles=FUNDERS,
        stream=from_path("reward_id"),
    ),
    post(
        "/rewards/{reward_id}/revoke",
        RevokeReward,
        REWARD,
        roles=FUNDERS,
        stream=from_path("reward_id"),
    ),
    post(
        "/reward-batches",
        PrepareRewardBatch,
        PAYOUT_BATCH,
        roles=PREPARERS,
        stream=lambda _, command: ids.batch_id(command.code),
        creates="/payout-batches/{id}",
    ),
    get(
        "/recognitions",
        _wall,
        roles=auth.EVERYONE,
        result=Recognition,
        projections=VIEWS,
        parameters=Listing,
    ),
)
