"""Instant rewards: budgets, nomination to grant, teams, caps, payment, revocation; case 17."""

import ast
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given as over
from hypothesis import strategies as st

import domain
from domain import ids
from domain.clawback import CLAWBACK
from domain.explanation import Node, sources
from domain.kernel import Refused
from domain.ledger import Book, postings
from domain.money import Amount, Money
from domain.payout import (
    ApproveBatch,
    InstructPayment,
    PayoutCalculated,
    PrepareBatch,
    ReturnPayment,
    SettleBatch,
    VoidBatch,
)
from domain.reward import (
    ApproveReward,
    Contributor,
    GrantReward,
    InstantRewardGranted,
    InstantRewardNominated,
    NominateReward,
    RejectReward,
    RevokeReward,
)
from domain.reward_budget import (
    REWARD_BUDGET,
    RewardBudgetCommitted,
    RewardBudgetSet,
    SetRewardBudget,
)
from domain.reward_paying import PrepareRewardBatch
from domain.settlement import SETTLEMENT

BUDGET = ids.reward_budget_id("2025-SALES")


def cny(amount: str) -> Amount:
    return Amount(amount=Decimal(amount), currency="CNY")


class Rewards:
    """The company with a budget, and rewards taken through their steps."""

    def __init__(self, company: Any, amount: str = "20000.00", cap: str | None = None) -> None:
        self.company, self.world = company, company.world
        self.manager, self.boss, self.finance = company.manager, company.head, company.authoriser
        self.set_budget(amount, cap)

    def budget(self, of: str, cap: str | None = None, **changes: Any) -> SetRewardBudget:
        command = SetRewardBudget(
            code="2025-SALES",
            org_unit_id=self.company.unit,
            cost_centre="CC-SALES",
            amount=cny(of),
            personal_cap=None if cap is None else cny(cap),
            starts_on=date(2025, 1, 1),
            ends_on=date(2025, 12, 31),
        )
        return msgspec.structs.replace(command, **changes)

    def set_budget(self, amount: str, cap: str | None = None) -> None:
        self.world.do(self.budget(amount, cap))

    def nomination(self, code: str, of: str, **changes: Any) -> NominateReward:
        command = NominateReward(
            code=code,
            budget_id=BUDGET,
            kind="breakthrough",
            title="首个千万级合同",
            reason="签下区域首个千万级合同",
            amount=cny(of),
            achieved_on=date(2025, 3, 10),
            contributors=(Contributor(employment_id=self.company.employment),),
        )
        return msgspec.structs.replace(command, **changes)

    def approved(self, code: str, amount: str, **changes: Any) -> UUID:
        self.world.do(self.nomination(code, amount, **changes), actor=self.manager)
        reward = ids.reward_id(code)
        self.world.do(ApproveReward(comment="同意"), on=reward, actor=self.boss)
        return reward

    def granted(self, code: str, amount: str, **changes: Any) -> UUID:
        reward = self.approved(code, amount, **changes)
        self.world.do(GrantReward(), on=reward, actor=self.finance)
        return reward

    def prepare(self, code: str, *rewards: UUID) -> tuple[PayoutCalculated, ...]:
        events = self.world.do(PrepareRewardBatch(code=code, reward_ids=rewards))
        return tuple(each for each in events if isinstance(each, PayoutCalculated))

    def pay(self, code: str, *rewards: UUID) -> tuple[PayoutCalculated, ...]:
        lines = self.prepare(code, *rewards)
        batch = ids.batch_id(code)
        self.world.do(ApproveBatch(), on=batch, actor=self.finance)
        self.world.do(SettleBatch(bank_account="B1", bank_reference=f"BR-{code}"), on=batch)
        return lines

    @property
    def balances(self) -> dict[str, int]:
        book = Book()
        for happening in self.world.log:
            book.post(postings(happening.event))
        return {account: minor for (account, _), minor in book.balances.items() if minor}


@pytest.fixture
def rewards(company: Any) -> Rewards:
    return Rewards(company)


def test_case_17_a_budget_is_never_exceeded(rewards: Rewards) -> None:
    rewards.granted("R1", "8000.00")
    rewards.granted("R2", "7000.00")
    third = rewards.approved("R3", "6000.00")
    said = rewards.world.refuses("budget-exceeded", GrantReward(), on=third, actor=rewards.finance)
    assert said == "The budget has 5000.00 CNY left."
    rewards.granted("R4", "5000.00")
    assert rewards.world.state(REWARD_BUDGET, BUDGET).left == Money(0, "CNY")
    unit = rewards.company.unit
    assert rewards.balances == {
        f"budget:granted:{unit}": 2_000_000,
        "budget:funds:CC-SALES": -2_000_000,
    }


def test_case_17_leaves_score_base_and_performance_pay_as_they_were(
    company: Any, found_company: Callable[[], Any]
) -> None:
    paid = []
    for each, with_reward in ((company, True), (found_company(), False)):
        each.pay()
        if with_reward:
            rewards = Rewards(each)
            rewards.pay("B-R", rewards.granted("R1", "8000.00"))
        appraisal = each.case_1()
        named = PrepareBatch(code="B1", cycle_id=each.cycle, appraisal_ids=(appraisal,))
        (line,) = (e for e in each.world.do(named) if isinstance(e, PayoutCalculated))
        locked = each.world.states[appraisal].locked
        paid.append((locked.score, locked.coefficient, line.base, line.amount))
    assert paid[0] == paid[1]
    assert paid[0][0] == Decimal("89.76")
    assert paid[0][3] == Money(2_692_800, "CNY")


def test_nothing_that_reckons_scores_or_pay_knows_of_rewards() -> None:
    """Rewards cannot touch what does not import them."""
    folder = Path(str(domain.__file__)).parent
    rewarding = {"reward", "reward_budget", "reward_paying"}
    allowed = {"catalogue", "catalogue_pay", "ledger", "payout_batch", *rewarding}
    for path in folder.glob("*.py"):
        imported = {
            node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module
        }
        assert path.stem in allowed or not any("domain.reward" in name for name in imported), path


def test_the_steps_and_their_events(rewards: Rewards) -> None:
    world = rewards.world
    (nominated,) = world.do(rewards.nomination("R1", "800.00"), actor=rewards.manager)
    assert isinstance(nominated, InstantRewardNominated)
    assert [share.amount for share in nominated.shares] == [Money(80_000, "CNY")]
    reward = ids.reward_id("R1")
    world.refuses("wrong-reward-state", GrantReward(), on=reward, actor=rewards.finance)
    world.do(ApproveReward(), on=reward, actor=rewards.boss)
    granted, committed = world.do(GrantReward(), on=reward, actor=rewards.finance)
    assert isinstance(granted, InstantRewardGranted)
    assert granted.cost_centre == "CC-SALES"
    assert isinstance(committed, RewardBudgetCommitted)
    assert world.events(BUDGET)[-1] == committed
    world.refuses("wrong-reward-state", GrantReward(), on=reward, actor=rewards.finance)
    world.refuses("already-exists", rewards.nomination("R1", "1.00"), actor=rewards.manager)


def test_nobody_decides_on_their_own(rewards: Rewards) -> None:
    world, seller = rewards.world, rewards.company.seller
    world.refuses("own-reward", rewards.nomination("R1", "1.00"), actor=seller)
    world.do(rewards.nomination("R1", "1.00"), actor=rewards.manager)
    reward = ids.reward_id("R1")
    world.refuses("own-reward", ApproveReward(), on=reward, actor=seller)
    world.refuses("same-actor", ApproveReward(), on=reward, actor=rewards.manager)
    world.do(ApproveReward(), on=reward, actor=rewards.boss)
    world.refuses("own-reward", GrantReward(), on=reward, actor=seller)
    world.do(GrantReward(), on=reward, actor=rewards.boss)
    world.refuses("own-reward", RevokeReward(reason="x"), on=reward, actor=seller)


def test_a_rejected_reward_is_over(rewards: Rewards) -> None:
    reward = rewards.approved("R1", "1.00")
    rewards.world.refuses("reason-missing", RejectReward(reason=" "), on=reward)
    rewards.world.do(RejectReward(reason="并非本部门"), on=reward)
    for command in (GrantReward(), ApproveReward(), RejectReward(reason="x")):
        rewards.world.refuses("wrong-reward-state", command, on=reward, actor=rewards.boss)
    rewards.world.refuses("reward-not-granted", PrepareRewardBatch(code="B", reward_ids=(reward,)))


def test_a_person_gets_no_more_than_the_cap_over_all_rewards(company: Any) -> None:
    rewards = Rewards(company, cap="5000.00")
    second = company.hire("second", manager_id=company.manager)
    rewards.granted("R1", "3000.00")
    over_it = rewards.approved("R2", "2000.01")
    said = rewards.world.refuses(
        "personal-cap-exceeded", GrantReward(), on=over_it, actor=rewards.finance
    )
    assert "2000.00 CNY more" in said
    rewards.granted("R3", "2000.00")
    rewards.granted("R4", "5000.00", contributors=(Contributor(employment_id=second),))
    refused = rewards.budget("20000.00", "4999.99")
    rewards.world.refuses("below-granted", refused)


def test_a_team_shares_by_largest_remainder(rewards: Rewards) -> None:
    company = rewards.company
    team = [company.employment, *(company.hire(f"t{n}", manager_id=None) for n in range(2))]
    equal = tuple(Contributor(employment_id=each) for each in team)
    (nominated,) = rewards.world.do(
        rewards.nomination("R1", "100.00", contributors=equal), actor=rewards.manager
    )
    amounts = {share.employment_id: share.amount.minor for share in nominated.shares}
    # Equal remainders: the smaller employment id gets the cent, in whatever order they are named.
    assert sorted(amounts.values()) == [3333, 3333, 3334]
    assert amounts[min(team)] == 3334
    uneven = tuple(
        Contributor(employment_id=each, part=Decimal(part))
        for each, part in zip(team, ("0.5", "0.25", "0.25"), strict=True)
    )
    (nominated,) = rewards.world.do(
        rewards.nomination("R2", "0.05", contributors=uneven), actor=rewards.manager
    )
    assert sum(share.amount.minor for share in nominated.shares) == 5
    assert nominated.shares[0].amount.minor in {2, 3}


@over(
    minor=st.integers(1, 10**12),
    parts=st.lists(st.integers(1, 10**6), min_size=1, max_size=6),
    turned=st.randoms(use_true_random=False),
)
def test_shares_are_the_reward_exactly_and_their_order_decides_nothing(
    found_company: Callable[[], Any], minor: int, parts: list[int], turned: Any
) -> None:
    company = found_company()
    rewards = Rewards(company, amount="100000000000.00")
    team = [
        Contributor(
            employment_id=company.hire(f"t{n}", manager_id=None), part=Decimal(part).scaleb(-3)
        )
        for n, part in enumerate(parts)
    ]
    amount = f"{Decimal(minor).scaleb(-2):f}"
    (first,) = rewards.world.decide(
        rewards.nomination("R1", amount, contributors=tuple(team)), actor=rewards.manager
    )
    turned.shuffle(team)
    (again,) = rewards.world.decide(
        rewards.nomination("R1", amount, contributors=tuple(team)), actor=rewards.manager
    )
    shares = {each.employment_id: each.amount.minor for each in first[1].shares}
    assert sum(shares.values()) == minor
    assert shares == {each.employment_id: each.amount.minor for each in again[1].shares}


def test_a_teams_shares_are_explained(rewards: Rewards, evaluate: Callable[[Node], Any]) -> None:
    company, world = rewards.company, rewards.world
    team = [company.employment, *(company.hire(f"t{n}", manager_id=None) for n in range(2))]
    equal = tuple(Contributor(employment_id=each) for each in team)
    nomination = rewards.nomination("R1", "100.00", contributors=equal)
    (nominated,) = world.do(nomination, actor=rewards.manager)
    proposed = world.log[-1].event_id
    reward = ids.reward_id("R1")
    world.do(ApproveReward(), on=reward, actor=rewards.boss)
    granted, _ = world.do(GrantReward(), on=reward, actor=rewards.finance)
    tree = granted.explanation
    assert evaluate(tree) == 10_000
    told = [int(part) for part in tree.params["parts"].split()]
    assert told == [share.amount.minor for share in nominated.shares]
    assert sources(tree) == {proposed}
    told[0], told[1] = told[0] + 1, told[1] - 1
    params = {**tree.params, "parts": " ".join(map(str, told))}
    with pytest.raises(Exception, match="the shares are"):
        evaluate(msgspec.structs.replace(tree, params=params))


def test_a_granted_reward_is_paid_once(rewards: Rewards, evaluate: Callable[[Node], Any]) -> None:
    reward, world = rewards.granted("R1", "8000.00"), rewards.world
    (line,) = rewards.pay("B1", reward)
    assert line.amount == Money(800_000, "CNY")
    assert line.reward_id == reward
    assert line.appraisal_id is line.cycle_id is None
    assert evaluate(line.explanation) == 800_000
    balances = rewards.balances
    assert balances["expense:instant_reward:CC-SALES"] == 800_000
    assert balances["clearing:bank:B1"] == -800_000
    assert not any("performance_pay" in account for account in balances)
    assert not sum(balances.values())
    world.refuses("already-paid", PrepareRewardBatch(code="B2", reward_ids=(reward,)))


def test_a_line_lives_as_every_payout_line_does(rewards: Rewards) -> None:
    reward, world = rewards.granted("R1", "8000.00"), rewards.world
    rewards.pay("B1", reward)
    line = ids.payout_id(ids.settlement_id(reward, rewards.company.employment), 0)
    world.do(ReturnPayment(bank_reference="RT-1", reason="账号有误"), on=line)
    world.do(InstructPayment(bank_account="B1"), on=line)
    owed = f"liability:payroll_payable:{rewards.company.employment}"
    assert owed not in rewards.balances


def test_a_voided_line_can_be_posted_anew(rewards: Rewards) -> None:
    reward, world = rewards.granted("R1", "8000.00"), rewards.world
    (first,) = rewards.prepare("B1", reward)
    world.do(VoidBatch(reason="重做"), on=ids.batch_id("B1"))
    (again,) = rewards.pay("B2", reward)
    assert (first.amount, first.again, again.amount, again.again) == (
        again.amount,
        0,
        *(again.amount, 1),
    )
    assert rewards.balances["expense:instant_reward:CC-SALES"] == 800_000


def test_a_revoked_reward_frees_its_budget_and_claims_what_was_paid(rewards: Rewards) -> None:
    reward, world = rewards.granted("R1", "8000.00"), rewards.world
    rewards.pay("B1", reward)
    world.do(RevokeReward(reason="合同作废"), on=reward, actor=rewards.boss)
    assert world.state(REWARD_BUDGET, BUDGET).left == Money(2_000_000, "CNY")
    (claim,) = rewards.prepare("B2", reward)
    assert claim.amount == Money(-800_000, "CNY")
    world.do(ApproveBatch(), on=ids.batch_id("B2"), actor=rewards.finance)
    employment = rewards.company.employment
    assert world.state(CLAWBACK, ids.clawback_id(employment)).owes("CNY") == 800_000
    assert rewards.balances[f"asset:clawback_receivable:{employment}"] == 800_000
    assert "expense:instant_reward:CC-SALES" not in rewards.balances
    world.refuses("already-paid", PrepareRewardBatch(code="B3", reward_ids=(reward,)))
    # A reward reaches its person whole: claims are netted from performance pay alone.
    other = rewards.granted("R2", "1000.00")
    rewards.pay("B4", other)
    assert world.state(CLAWBACK, ids.clawback_id(employment)).owes("CNY") == 800_000


def test_a_reward_revoked_before_payment_pays_nothing(rewards: Rewards) -> None:
    reward = rewards.granted("R1", "8000.00")
    rewards.world.do(RevokeReward(reason="有误"), on=reward, actor=rewards.boss)
    rewards.world.refuses("already-paid", PrepareRewardBatch(code="B1", reward_ids=(reward,)))


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("unknown-reward-budget", {"budget_id": UUID(int=1)}),
        ("outside-budget-days", {"achieved_on": date(2026, 1, 1)}),
        ("bad-reward", {"amount": cny("0.00")}),
        ("bad-reward", {"contributors": ()}),
        ("currency-mismatch", {"amount": Amount(amount=Decimal(1), currency="JPY")}),
        ("reason-missing", {"reason": ""}),
        ("bad-name", {"title": ""}),
        ("unknown-employment", {"contributors": (Contributor(employment_id=UUID(int=1)),)}),
    ],
)
def test_what_cannot_be_nominated(rewards: Rewards, code: str, changes: dict[str, Any]) -> None:
    command = rewards.nomination("R1", "1.00", **changes)
    rewards.world.refuses(code, command, actor=rewards.manager)


def test_who_cannot_be_nominated(rewards: Rewards) -> None:
    company = rewards.company
    late = company.hire("late", hired_on=date(2025, 6, 1), manager_id=company.manager)
    for code, contributors in (
        ("not-employed-then", (Contributor(employment_id=late),)),
        ("duplicate-contributor", (Contributor(employment_id=company.employment),) * 2),
        ("bad-reward", (Contributor(employment_id=company.employment, part=Decimal(0)),)),
        ("bad-number", (Contributor(employment_id=company.employment, part=Decimal(-1)),)),
    ):
        command = rewards.nomination("R1", "1.00", contributors=contributors)
        rewards.world.refuses(code, command, actor=rewards.manager)


def test_a_budget_changes_by_its_difference_and_never_below_what_is_granted(
    rewards: Rewards,
) -> None:
    world = rewards.world
    rewards.granted("R1", "8000.00")
    (changed,) = world.do(rewards.budget("9000.00"))
    assert isinstance(changed, RewardBudgetSet)
    assert changed.change == Money(-1_100_000, "CNY")
    assert rewards.balances[f"budget:reward:{rewards.company.unit}"] == 100_000
    world.refuses("below-granted", rewards.budget("7999.99"))
    world.refuses("bad-reward-budget", rewards.budget("9000.00", cost_centre="CC-2"))
    world.refuses("bad-reward-budget", rewards.budget("0.00"))
    world.refuses("bad-date", rewards.budget("9000.00", ends_on=date(2024, 1, 1)))
    world.refuses("unknown-org-unit", rewards.budget("9000.00", org_unit_id=UUID(int=1)))
    yen = Amount(amount=Decimal(1), currency="JPY")
    world.refuses("currency-mismatch", rewards.budget("9000.00", amount=yen))
    world.refuses("currency-mismatch", rewards.budget("9000.00", personal_cap=yen))


def test_what_cannot_be_prepared(rewards: Rewards) -> None:
    world, reward = rewards.world, rewards.granted("R1", "8000.00")
    for code, named in (
        ("nothing-to-pay", ()),
        ("duplicate-reward", (reward, reward)),
        ("unknown-reward", (UUID(int=1),)),
    ):
        world.refuses(code, PrepareRewardBatch(code="B1", reward_ids=named))
    rewards.prepare("B1", reward)
    world.refuses("already-exists", PrepareRewardBatch(code="B1", reward_ids=(reward,)))
    world.refuses("unknown-reward", ApproveReward(), on=UUID(int=1))


def test_a_reward_is_in_the_books_of_its_budgets_currency(company: Any) -> None:
    """Other currencies have budgets of their own, to the last of their digits."""
    rewards = Rewards(company)
    dinars = Amount(amount=Decimal("1000.000"), currency="KWD")
    rewards.world.do(rewards.budget("1", code="KWD", amount=dinars))
    team = tuple(
        Contributor(employment_id=company.hire(f"k{n}", manager_id=None)) for n in range(3)
    )
    (nominated,) = rewards.world.do(
        rewards.nomination(
            "R1",
            "1",
            amount=dinars,
            budget_id=ids.reward_budget_id("KWD"),
            contributors=team,
        ),
        actor=rewards.manager,
    )
    assert sorted(each.amount.minor for each in nominated.shares) == [333_333, 333_333, 333_334]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["nominate", "approve", "reject", "grant", "revoke", "budget", "prepare", "pay", "void"]
        ),
        st.integers(0, 2),
        st.sampled_from(["0.01", "1000.00", "4999.99", "8000.00", "20000.00"]),
    ),
    max_size=40,
)


@over(steps=STEPS)
def test_whatever_is_tried_budgets_hold_and_rewards_are_paid_once(
    found_company: Callable[[], Any], steps: list[tuple[str, int, str]]
) -> None:
    """In whatever order: no budget below zero, each share posted once, the books at zero."""
    company = found_company()
    rewards = Rewards(company, cap="9000.00")
    team = (
        Contributor(employment_id=company.employment, part=Decimal(2)),
        Contributor(employment_id=company.hire("second", manager_id=None)),
    )
    for number, (what, which, amount) in enumerate(steps):
        with suppress(Refused):
            _tried(rewards, what, which, amount, f"B{number}", team)
        _require_laws(rewards)
    for number in range(3):
        if ids.reward_id(str(number)) in rewards.world.streams:
            with suppress(Refused):
                rewards.prepare(f"LAST-{number}", ids.reward_id(str(number)))
            _require_settled(rewards, ids.reward_id(str(number)))


def _tried(  # noqa: PLR0917  each is another part of one step
    rewards: Rewards,
    what: str,
    which: int,
    amount: str,
    batch: str,
    team: tuple[Contributor, ...],
) -> None:
    world, reward = rewards.world, ids.reward_id(str(which))
    match what:
        case "nominate":
            nomination = rewards.nomination(str(which), amount, contributors=team)
            world.do(nomination, actor=rewards.manager)
        case "approve":
            world.do(ApproveReward(), on=reward, actor=rewards.boss)
        case "reject":
            world.do(RejectReward(reason="x"), on=reward, actor=rewards.boss)
        case "grant":
            world.do(GrantReward(), on=reward, actor=rewards.finance)
        case "revoke":
            world.do(RevokeReward(reason="x"), on=reward, actor=rewards.boss)
        case "budget":
            rewards.set_budget(amount, "9000.00")
        case "prepare":
            rewards.prepare(batch, reward)
        case "pay":
            rewards.pay(batch, reward)
        case _:
            rewards.prepare(batch, reward)
            world.do(VoidBatch(reason="x"), on=ids.batch_id(batch))


def _require_laws(rewards: Rewards) -> None:
    world = rewards.world
    budget = world.state(REWARD_BUDGET, BUDGET)
    assert budget.left.minor >= 0
    assert budget.highest.minor <= 900_000
    granted = {each.reward_id for each in budget.commitments}
    found = (world.states.get(ids.reward_id(str(number))) for number in range(3))
    assert granted == {each.reward_id for each in found if each and each.state == "granted"}
    # `balances` refuses where an account that must not is below zero.
    balances = rewards.balances
    assert not sum(balances.values())
    assert balances.get(f"budget:reward:{rewards.company.unit}", 0) == budget.left.minor


def _require_settled(rewards: Rewards, reward_id: UUID) -> None:
    reward = rewards.world.states[reward_id]
    for share in reward.shares:
        stream = ids.settlement_id(reward_id, share.employment_id)
        settlement = rewards.world.state(SETTLEMENT, stream)
        posted = sum(each.amount.minor for each in settlement.lines) if settlement else 0
        assert posted == (share.amount.minor if reward.state == "granted" else 0)
