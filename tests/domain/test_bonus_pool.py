"""Bonus pools: shared out to the last cent, capped, resettled by policy, never below zero."""

from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import ids
from domain.bonus_pool import (
    AllocatePool,
    FundPool,
    PoolAllocated,
    PoolPolicy,
    PoolResettled,
    PoolUnallocated,
    ResettlePool,
    WithdrawFromPool,
)
from domain.bonus_pool_preview import pool_preview
from domain.explanation import sources
from domain.kernel import Context
from domain.money import Amount, Money
from domain.payout import ApproveBatch, PayoutCalculated, VoidBatch, VoidPayout

POOL = ids.pool_id("P")
FINANCE = ids.person_id("finance")
# (name, pay a month, score): base x coefficient of case 9 is 12,000 / 9,000 / 7,200 / 5,600 / 0.
CASE_9 = (
    ("A", "8000.00", "100"),
    ("B", "6000.00", "100"),
    ("C", "6000.00", "80"),
    ("D", "11200.00", "100"),  # a joiner: 30 of 90 days of 16,800.00
    ("E", "6000.00", "0"),
)


def fund(company: Any, text: str = "100000.00", cap: str | None = None) -> FundPool:
    return FundPool(
        code="P",
        cycle_id=company.cycle,
        amount=Amount(amount=Decimal(text), currency="CNY"),
        cost_centre="CC-POOL",
        cap=None if cap is None else Decimal(cap),
    )


@pytest.fixture
def five(payroll: Any) -> list[UUID]:
    found: list[UUID] = payroll.judged(CASE_9, joiners=("D",))
    return found


def shares(world: Any) -> dict[str, int]:
    names = {ids.employment_id(name): name for name in "ABCDE"}
    return {names[each.employment_id]: each.amount.minor for each in world.states[POOL].shares}


def test_case_9_the_parts_are_the_pool(company: Any, payroll: Any, five: list[UUID]) -> None:
    payroll.world.do(fund(company))
    (allocated,) = payroll.world.do(AllocatePool(appraisal_ids=tuple(five)), on=POOL)
    assert isinstance(allocated, PoolAllocated)
    weights = {each.weight for each in allocated.shares}
    assert weights == {"1200000", "900000", "720000", "560000", "0"}
    assert shares(payroll.world) == {
        "A": 3_550_296,
        "B": 2_662_722,
        "C": 2_130_177,
        "D": 1_656_805,
        "E": 0,
    }
    batch = payroll.approve(payroll.prepare(pool_id=POOL))
    assert payroll.totals(batch) == (Money(10_000_000, "CNY"),)
    assert payroll.balance(f"budget:pool:{POOL}") == 0
    assert payroll.balance(f"budget:spent:{POOL}") == 10_000_000
    assert payroll.balance("expense:performance_pay:CC-POOL") == 10_000_000
    payroll.settle(batch)
    payroll.world.refuses("already-paid", payroll.command(pool_id=POOL))
    assert payroll.balance("clearing:bank:ICBC-1") == -10_000_000


def test_case_9_with_a_cap_of_30_percent(company: Any, payroll: Any, five: list[UUID]) -> None:
    payroll.world.do(fund(company, cap="0.3"))
    (allocated,) = payroll.world.do(AllocatePool(appraisal_ids=tuple(five)), on=POOL)
    assert isinstance(allocated, PoolAllocated)
    assert allocated.capped == (ids.employment_id("A"),)
    assert shares(payroll.world) == {
        "A": 3_000_000,
        "B": 2_889_908,
        "C": 2_311_927,
        "D": 1_798_165,
        "E": 0,
    }


def test_a_pool_that_nobody_has_a_claim_to_is_not_shared_out(company: Any, payroll: Any) -> None:
    appraisals = payroll.judged([("A", "8000.00", "0"), ("B", "6000.00", "0")])
    payroll.world.do(fund(company))
    done = payroll.world.do(AllocatePool(appraisal_ids=tuple(appraisals)), on=POOL)
    assert done == (PoolUnallocated(appraisal_ids=tuple(appraisals)),)
    payroll.world.refuses("pool-not-allocated", payroll.command(pool_id=POOL))
    resettle = ResettlePool(policy="all", reason="x")
    payroll.world.refuses("pool-not-allocated", resettle, on=POOL)


def corrected(company: Any, payroll: Any) -> tuple[UUID, UUID]:
    """Two sellers share 100,000.00 two to one; the first one's score is locked anew, higher."""
    second = company.hire("other", manager_id=company.manager)
    company.pay()
    company.pay(second, monthly="10000.00")
    first = company.case_1(until="opened")
    other = company.create_appraisal(second)
    for appraisal in (first, other):
        company.agree_goals(appraisal, contract="1200000", collection="900000", output="1000000")
    for employment in (company.employment, second):
        company.record(employment, contract="1140000", collection="702000", output="1050000")
    company.advance("rating")
    for appraisal in (first, other):
        company.score(appraisal)
        company.rate_as_manager(appraisal, duty="88")
    company.advance("calibration")
    company.lock(first)
    company.lock(other)
    payroll.world.do(fund(company))
    payroll.world.do(AllocatePool(appraisal_ids=(first, other)), on=POOL)
    payroll.pay(pool_id=POOL)
    payroll.relock(first, "collection", "45000")
    return company.employment, second


@pytest.mark.parametrize(
    ("policy", "now", "drawn"),
    [
        # 2 x 91.36 to 89.76 of the pool; the other one gives back what he got too much.
        ("all", (6_705_813, 3_294_187), 0),
        # The same for the first, nothing taken away from the other: the reserve bears it.
        ("reserve", (6_705_813, 3_333_333), 39_146),
        # 100,000.00 x 2 x 91.36 / (3 x 89.76), floored: the old rate a unit of weight.
        ("affected", (6_785_502, 3_333_333), 118_835),
    ],
)
def test_after_a_correction_the_policy_says_who_bears_it(  # noqa: PLR0917  fixtures and a case
    company: Any,
    payroll: Any,
    evaluate: Any,
    policy: PoolPolicy,
    now: tuple[int, int],
    drawn: int,
) -> None:
    first, other = corrected(company, payroll)
    before = {each.employment_id: each.amount.minor for each in payroll.world.states[POOL].shares}
    assert before == {first: 6_666_667, other: 3_333_333}
    # Before a pool is resettled a batch finds nothing missing: the shares are what is due.
    payroll.world.refuses("already-paid", payroll.command(pool_id=POOL))
    context = Context(now=payroll.world.now, actor=FINANCE, look=payroll.world)
    shown = pool_preview(POOL, context)
    (done,) = payroll.world.do(ResettlePool(policy=policy, reason="更正"), on=POOL)
    assert isinstance(done, PoolResettled)
    assert done.affected == shown.affected == (first,)
    (outcome,) = (each for each in shown.outcomes if each.policy == policy)
    assert outcome.drawn == done.drawn
    assert {each.employment_id: each.after for each in outcome.changes}.items() <= {
        each.employment_id: each.amount for each in done.shares
    }.items()
    assert pool_preview(POOL, context).outcomes == ()  # nothing has changed since
    assert tuple(each.amount.minor for each in done.shares) == now
    told = done.explanation
    assert told is not None
    assert evaluate(told) == (sum(now) if policy == "affected" else 10_000_000)
    parts = [
        Fraction(part)
        for part in (
            [each.value for each in told.inputs]
            if policy == "affected"
            else told.params["parts"].split()
        )
    ]
    assert {each.employment_id: each.amount.minor for each in done.shares} == {
        each: part if policy != "reserve" or each in done.affected else before[each]
        for each, part in zip(before, parts, strict=True)
    }
    assert done.drawn.minor == drawn == sum(now) - 10_000_000
    batch = payroll.approve(payroll.prepare(pool_id=POOL))
    paid = {line.employment_id: line.amount.minor for line in payroll.lines(batch)}
    assert paid == {each.employment_id: each.difference.minor for each in outcome.changes}
    assert paid == {
        each: after - before[each]
        for each, after in zip((first, other), now, strict=True)
        if after != before[each]
    }
    assert payroll.balance(f"budget:pool:{POOL}") == 0
    again = ResettlePool(policy=policy, reason="x")
    payroll.world.refuses("nothing-to-resettle", again, on=POOL)
    payroll.world.refuses("already-paid", payroll.command(pool_id=POOL))


def test_a_pool_pays_the_better_off_only_with_what_the_others_give_back(
    company: Any, payroll: Any
) -> None:
    _, other = corrected(company, payroll)
    payroll.world.do(ResettlePool(policy="all", reason="更正"), on=POOL)
    batch = payroll.prepare(pool_id=POOL)
    (claim,) = (
        line_id
        for line_id, line in zip(payroll.line_ids(batch), payroll.lines(batch), strict=True)
        if line.employment_id == other
    )
    payroll.world.do(VoidPayout(reason="x"), on=claim)
    payroll.world.refuses("balance-below-zero", ApproveBatch(), on=batch, actor=FINANCE)
    again = payroll.approve(payroll.prepare(pool_id=POOL))  # the claim, anew
    assert payroll.totals(again) == (Money(-39_146, "CNY"),)
    payroll.approve(batch)
    assert payroll.balance(f"budget:pool:{POOL}") == 0
    (claim,) = payroll.line_ids(again)
    payroll.world.refuses("balance-below-zero", VoidPayout(reason="x"), on=claim)
    payroll.world.refuses("balance-below-zero", VoidBatch(reason="x"), on=again)
    payroll.world.do(VoidBatch(reason="x"), on=batch)
    payroll.world.do(VoidBatch(reason="x"), on=again)
    assert payroll.balance(f"budget:pool:{POOL}") == 0


def test_a_pool_in_payment_is_not_allocated_again(
    company: Any, payroll: Any, five: list[UUID]
) -> None:
    payroll.world.do(fund(company))
    payroll.world.do(AllocatePool(appraisal_ids=tuple(five[:2])), on=POOL)
    payroll.world.do(AllocatePool(appraisal_ids=tuple(five)), on=POOL)
    payroll.prepare(pool_id=POOL)
    again = AllocatePool(appraisal_ids=tuple(five))
    payroll.world.refuses("pool-in-payment", again, on=POOL)


def test_a_pool_never_gives_more_than_it_has(company: Any, payroll: Any, five: list[UUID]) -> None:
    payroll.world.do(fund(company))

    def take(text: str) -> WithdrawFromPool:
        amount = Amount(amount=Decimal(text), currency="CNY")
        return WithdrawFromPool(amount=amount, reason="预算调整")

    payroll.world.refuses("balance-below-zero", take("100000.01"), on=POOL)
    payroll.world.refuses("bad-pool", take("0"), on=POOL)
    payroll.world.do(take("90000.00"), on=POOL)
    assert payroll.balance(f"budget:pool:{POOL}") == 1_000_000
    payroll.world.do(AllocatePool(appraisal_ids=tuple(five)), on=POOL)
    assert sum(shares(payroll.world).values()) == 1_000_000
    payroll.world.refuses("balance-below-zero", take("0.01"), on=POOL)


def test_what_is_no_pool_is_refused(company: Any, payroll: Any, five: list[UUID]) -> None:
    good = fund(company)
    unknown = msgspec.structs.replace(good, cycle_id=UUID(int=9))
    for command, code in (
        (unknown, "unknown-cycle"),
        (fund(company, "0"), "bad-pool"),
        (fund(company, "-1"), "bad-pool"),
        (fund(company, cap="1.01"), "bad-cap"),
        (msgspec.structs.replace(good, code=""), "bad-code"),
    ):
        payroll.world.refuses(code, command)
    allocate = AllocatePool(appraisal_ids=tuple(five))
    payroll.world.refuses("unknown-pool", allocate, on=POOL)
    payroll.world.refuses("unknown-pool", payroll.command(pool_id=POOL))
    payroll.world.do(good)
    for named, code in (
        ((), "nothing-to-pay"),
        ((five[0], five[0]), "duplicate-appraisal"),
        ((UUID(int=3),), "unknown-appraisal"),
    ):
        payroll.world.refuses(code, AllocatePool(appraisal_ids=named), on=POOL)
    payroll.world.do(allocate, on=POOL)
    payroll.world.refuses("pool-names-its-own", payroll.command(five[0], pool_id=POOL))
    payroll.world.refuses("currency-mismatch", payroll.command(pool_id=POOL, currency="JPY"))


def test_every_share_is_explained_by_the_event_that_set_it(
    company: Any, payroll: Any, five: list[UUID], evaluate: Any
) -> None:
    payroll.world.do(fund(company))
    payroll.world.do(AllocatePool(appraisal_ids=tuple(five)), on=POOL)
    allocated = payroll.world.log[-1].event_id
    tree = payroll.world.log[-1].event.explanation
    assert evaluate(tree) == 10_000_000
    assert [int(part) for part in tree.params["parts"].split()] == list(
        shares(payroll.world).values()
    )
    assert [Fraction(weight.value) for weight in tree.inputs[1:]] == [
        Fraction(each.weight) for each in payroll.world.states[POOL].shares
    ]
    assert sources(tree) <= {each.event_id for each in payroll.world.log[:-1]}
    dearer = str(Fraction(tree.inputs[1].value) + 100)
    weight = msgspec.structs.replace(tree.inputs[1], value=dearer)
    changed = msgspec.structs.replace(tree, inputs=(tree.inputs[0], weight, *tree.inputs[2:]))
    with pytest.raises(Exception, match=", not "):
        evaluate(changed, seal=False)
    for line in payroll.lines(payroll.prepare(pool_id=POOL)):
        assert isinstance(line, PayoutCalculated)
        assert evaluate(line.explanation) == Fraction(line.amount.minor)
        assert line.explanation.inputs[0].source == allocated


@settings(max_examples=30, derandomize=True)
@given(
    scores=st.lists(st.integers(0, 10000), min_size=1, max_size=6),
    minor=st.integers(1, 10**9),
    order=st.randoms(use_true_random=False),
)
def test_any_pool_is_shared_out_whole_in_any_order(
    found_company: Any, payroll_of: Any, scores: list[int], minor: int, order: Any
) -> None:
    company = found_company()
    payroll = payroll_of(company)
    people = [(f"P{n}", str(5000 + n), str(Decimal(score) / 100)) for n, score in enumerate(scores)]
    appraisals = payroll.judged(people)
    order.shuffle(appraisals)
    payroll.world.do(fund(company, str(Decimal(minor) / 100)))
    payroll.world.do(AllocatePool(appraisal_ids=tuple(appraisals)), on=POOL)
    state = payroll.world.states[POOL]
    whole = sum(each.amount.minor for each in state.shares)
    assert whole == (minor if any(scores) else 0)
    assert all(each.amount.minor >= 0 for each in state.shares)
    if any(scores):
        payroll.approve(payroll.prepare(pool_id=POOL))
        assert payroll.balance(f"budget:pool:{POOL}") == 0
