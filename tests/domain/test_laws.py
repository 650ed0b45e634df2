"""Laws of all aggregates, under any sequence of commands with any content by anybody.

A refusal changes nothing and has a listed code; nothing else is ever raised; replaying the log
gives the same states; a locked score never moves; nothing is paid twice; the ledger adds up.
"""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from domain import ids
from domain.appraisal import (
    CalculateInitialScore,
    CalibrateScore,
    LockScore,
    PublishResult,
    ScoreLocked,
)
from domain.bonus_pool import AllocatePool, FundPool, ResettlePool
from domain.catalogue import AGGREGATES, DECIDERS, stream_of
from domain.cycle import STAGES, AdvanceCycle, CloseCycle
from domain.facts import RecordActual
from domain.goals import AgreeGoals, ProposeGoals, Target
from domain.kernel import Command, Refused
from domain.ledger import may_be_below_zero, postings
from domain.money import Amount
from domain.organisation import ChangeAssignment, SetPayStructure, TerminateEmployment
from domain.payout import (
    ApproveBatch,
    BatchPrepared,
    InstructBatch,
    InstructPayment,
    PaymentReturned,
    PaymentSettled,
    PayoutApproved,
    PayoutCalculated,
    PrepareBatch,
    ReturnPayment,
    SettleBatch,
    SettlePayment,
    VoidBatch,
    VoidPayout,
)
from domain.ratings import ExplainDeviation, Rating, SubmitManagerRating, SubmitSelfRating
from domain.refusals import REFUSALS
from domain.reopening import ScoreRelocked

COMMANDS = [command for aggregate in AGGREGATES for command in aggregate.commands]

SEARCH = settings(max_examples=150, derandomize=True)

PEOPLE = [ids.person_id(name) for name in ("seller", "manager", "head", "authoriser", "finance")]
CYCLE = ids.cycle_id("2025Q1")
SELLER = ids.employment_id("seller")
APPRAISAL = ids.appraisal_id(CYCLE, SELLER)
BATCH = ids.batch_id("B1")
POOL = ids.pool_id("P1")
FUND_POOL = FundPool(
    code="P1",
    cycle_id=CYCLE,
    amount=Amount(amount=Decimal("100.00"), currency="CNY"),
    cost_centre="CC",
)
STREAMS = [
    ids.org_unit_id("sales"),
    ids.job_id("seller"),
    ids.scheme_id("MKT"),
    CYCLE,
    SELLER,
    APPRAISAL,
    ids.goal_sheet_id(APPRAISAL),
    ids.fact_sheet_id(CYCLE, SELLER),
    ids.payout_id(APPRAISAL, 1),
    BATCH,
    POOL,
    ids.settlement_id(CYCLE, SELLER),
    ids.clawback_id(SELLER),
    *PEOPLE,
]
HAPPY_STEPS = (
    "opened",
    "agreed",
    "recorded",
    "rating",
    "scored",
    "rated",
    "calibration",
    "locked",
)
INDICATORS = ("contract", "collection", "output", "duty")

# -- anything at all: built from what a command says it holds

_STREAM_IDS = st.sampled_from(STREAMS) | st.uuids()
_NUMBERS = st.sampled_from(
    [Decimal(text) for text in ("0", "-1", "1", "0.5", "0.45", "88", "100", "1e15", "1e16", "-0")]
    + [Decimal(text) for text in ("NaN", "sNaN", "Infinity", "-Infinity", "0E+99", "1E-99")]
) | st.decimals(allow_nan=True, allow_infinity=True)
_TEXTS = (
    st.sampled_from(["", " ", "seller", "MKT", "2025Q1", "CNY", "JPY", "duty", "total", "a\x1fb"])
    | st.sampled_from(["sha256:" + "0f" * 32, "hr", "admin", "x" * 5000, "\ud800", "营销"])
    | st.text(max_size=20)
)
_DATES = st.sampled_from([date.min, date.max, date(2025, 1, 1), date(2025, 3, 31)]) | st.dates()
_TIMES = st.datetimes() | st.datetimes(timezones=st.just(UTC))
_WHOLE = st.integers() | st.sampled_from([0, 1, 3, 5000, 10000])


def anything(of: inspect.Type) -> st.SearchStrategy[Any]:
    """Values that msgspec would let through to a command as this type."""
    simple: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
        inspect.UUIDType: _STREAM_IDS,
        inspect.DecimalType: _NUMBERS,
        inspect.StrType: _TEXTS,
        inspect.DateType: _DATES,
        inspect.DateTimeType: _TIMES,
        inspect.IntType: _WHOLE,
        inspect.BoolType: st.booleans(),
        inspect.NoneType: st.none(),
    }
    match of:
        case inspect.Metadata():
            return anything(of.type)
        case inspect.LiteralType():
            return st.sampled_from(of.values)
        case inspect.UnionType():
            return st.one_of([anything(each) for each in of.types])
        case inspect.VarTupleType():
            return st.lists(anything(of.item_type), max_size=4).map(tuple)
        case inspect.StructType():
            fields = {field.name: anything(field.type) for field in of.fields}
            return st.fixed_dictionaries(fields).map(lambda values: of.cls(**values))
        case _:
            return simple[type(of)]


ANY_COMMAND = st.one_of([anything(inspect.type_info(command)) for command in COMMANDS])

# -- commands that make sense, so that sequences get somewhere

_POINTS = st.sampled_from([Decimal(points) for points in ("0", "70", "82", "92", "95", "100")])
_RATINGS = _POINTS.map(lambda points: (Rating(indicator="duty", points=points),))
_DAYS = st.dates(date(2024, 6, 1), date(2025, 6, 30))
_AMOUNTS = st.sampled_from([Decimal(value) for value in ("-40000", "0", "540000", "1140000")])
PLAUSIBLE = st.one_of(
    st.sampled_from(
        [
            AgreeGoals(),
            CalculateInitialScore(),
            LockScore(),
            PublishResult(),
            ApproveBatch(),
            CloseCycle(),
            SettleBatch(bank_account="ICBC", bank_reference="1"),
            InstructBatch(bank_account="ICBC"),
            VoidBatch(reason="算错"),
            InstructPayment(bank_account="ICBC"),
            SettlePayment(bank_reference="2"),
            ReturnPayment(bank_reference="3", reason="退票"),
            ReturnPayment(bank_reference="4", reason="退票"),
            VoidPayout(reason="算错"),
            FUND_POOL,
            AllocatePool(appraisal_ids=(APPRAISAL,)),
            ResettlePool(policy="all", reason="更正"),
            PrepareBatch(code="B3", cycle_id=CYCLE, pool_id=POOL),
            PrepareBatch(code="B1", cycle_id=CYCLE, appraisal_ids=(APPRAISAL,)),
            PrepareBatch(code="B2", cycle_id=CYCLE, appraisal_ids=(APPRAISAL,)),
        ]
    ),
    st.builds(AdvanceCycle, to=st.sampled_from(STAGES)),
    st.builds(SubmitSelfRating, ratings=_RATINGS),
    st.builds(SubmitManagerRating, ratings=_RATINGS),
    st.builds(ExplainDeviation, of=st.just("duty"), reason=st.just("迟交")),
    st.builds(
        CalibrateScore,
        adjustment=st.sampled_from([Decimal(points) for points in ("-100", "-0.01", "2.5")]),
        reason_code=st.just("market"),
        reason=st.just("市场"),
        authorised_by=st.sampled_from(PEOPLE),
    ),
    st.builds(
        RecordActual,
        cycle_id=st.just(CYCLE),
        employment_id=st.just(SELLER),
        indicator=st.sampled_from(INDICATORS),
        value=_AMOUNTS,
        occurred_on=_DAYS,
    ),
    st.builds(
        ProposeGoals,
        appraisal_id=st.just(APPRAISAL),
        targets=st.lists(
            st.builds(Target, indicator=st.sampled_from(INDICATORS), target=_AMOUNTS), max_size=4
        ).map(tuple),
    ),
    st.builds(
        SetPayStructure,
        effective_from=_DAYS,
        monthly_total=st.just(Amount(amount=Decimal(30000), currency="CNY")),
        performance_share=st.sampled_from([Decimal("0.4"), Decimal("0.6"), Decimal("0.15")]),
    ),
    st.builds(
        TerminateEmployment,
        last_day=_DAYS,
        leaver=st.sampled_from(["good-leaver", "bad-leaver"]),
        reason=st.just("moved"),
    ),
)
STREAM_FOR: dict[type[Command], UUID] = {
    AgreeGoals: ids.goal_sheet_id(APPRAISAL),
    AdvanceCycle: CYCLE,
    CloseCycle: CYCLE,
    ApproveBatch: BATCH,
    SettleBatch: BATCH,
    InstructBatch: BATCH,
    VoidBatch: BATCH,
    InstructPayment: ids.payout_id(APPRAISAL, 1),
    SettlePayment: ids.payout_id(APPRAISAL, 1),
    ReturnPayment: ids.payout_id(APPRAISAL, 1),
    VoidPayout: ids.payout_id(APPRAISAL, 1),
    AllocatePool: POOL,
    ResettlePool: POOL,
    SetPayStructure: SELLER,
    TerminateEmployment: SELLER,
    ChangeAssignment: SELLER,
}


def attempt(world: Any, command: Command, on: UUID | None, actor: UUID) -> None:
    """Carry it out, or see it refused with a listed code and nothing changed."""
    before = len(world.log), dict(world.states)
    refusal = None
    try:
        world.do(command, on=on, actor=actor)
    except Refused as refused:
        refusal = refused
    if refusal is not None:
        assert refusal.code in REFUSALS, refusal
        assert (len(world.log), world.states) == before


def check_history(world: Any) -> None:
    """What holds at the end of every history."""
    assert world.replayed().states == world.states
    locks: Counter[UUID] = Counter()
    lines: Counter[tuple[UUID, type]] = Counter()
    balances: Counter[str] = Counter()
    for happening in world.log:
        event = happening.event
        if isinstance(event, ScoreLocked | ScoreRelocked):
            locks[happening.stream_id] += isinstance(event, ScoreLocked)
            versions = world.states[happening.stream_id].versions
            assert versions[event.lock_version - 1].score == event.score
            assert versions[event.lock_version - 1].event_id == happening.event_id
        if isinstance(event, PayoutCalculated | PayoutApproved | PaymentSettled):
            lines[happening.stream_id, type(event)] += 1
        if isinstance(event, PaymentReturned):
            lines[happening.stream_id, PaymentSettled] -= event.settled
        if isinstance(event, BatchPrepared):
            assert sum(total.minor for total in event.totals) == sum(
                line.amount.minor for line in event.lines
            )
        for posting in postings(event):
            balances[posting.debit_account] += posting.amount.minor
            balances[posting.credit_account] -= posting.amount.minor
        assert sum(balances.values()) == 0
        assert all(minor >= 0 or may_be_below_zero(each) for each, minor in balances.items())
    assert all(times == 1 for times in locks.values())
    # Paid once: what was returned counts as not paid.
    assert all(0 <= times <= 1 for times in lines.values())


# -- the laws


@SEARCH
@given(data=st.data())
def test_any_command_is_carried_out_or_refused(
    found_company: Callable[[], Any], data: st.DataObject
) -> None:
    company = found_company()
    company.pay()
    company.case_1(until=data.draw(st.sampled_from(HAPPY_STEPS)))
    for _ in range(data.draw(st.integers(1, 8))):
        command = data.draw(ANY_COMMAND)
        on = stream_of(command) or data.draw(_STREAM_IDS)
        attempt(company.world, command, on, data.draw(st.sampled_from(PEOPLE) | st.uuids()))
    check_history(company.world)


@SEARCH
@given(data=st.data())
def test_whatever_is_done_a_locked_score_stays_and_pay_follows_it_once(
    found_company: Callable[[], Any], data: st.DataObject
) -> None:
    company = found_company()
    company.pay()
    company.case_1(until=data.draw(st.sampled_from(HAPPY_STEPS)))
    for _ in range(data.draw(st.integers(1, 25))):
        command = data.draw(PLAUSIBLE)
        on = stream_of(command) or STREAM_FOR.get(type(command), APPRAISAL)
        attempt(company.world, command, on, data.draw(st.sampled_from(PEOPLE)))
    check_history(company.world)


@SEARCH
@given(noise=st.lists(st.tuples(PLAUSIBLE, st.sampled_from(PEOPLE)), min_size=1, max_size=25))
def test_after_the_lock_no_sequence_leads_to_another_score(
    found_company: Callable[[], Any], noise: list[tuple[Command, UUID]]
) -> None:
    company = found_company()
    company.pay()
    appraisal = company.case_1()
    locked = company.world.states[appraisal].locked
    assert locked.score == Decimal("89.76")
    for command, actor in noise:
        on = stream_of(command) or STREAM_FOR.get(type(command), APPRAISAL)
        attempt(company.world, command, on, actor)
        assert company.world.states[appraisal].locked == locked
    for happening in company.world.log:
        if isinstance(happening.event, PayoutCalculated):
            assert happening.event.coefficient == locked.coefficient


def test_deciders_pass_over_events_of_other_kinds(found_company: Callable[[], Any]) -> None:
    """An id of something else finds the initial state, whatever asks for it."""
    company = found_company()
    company.pay()
    appraisal = company.case_1()
    company.world.do(PrepareBatch(code="B1", cycle_id=CYCLE, appraisal_ids=(appraisal,)))
    seen = set()
    for happening in company.world.log:
        kind = happening.event.TOPIC.partition(".")[0]
        seen.add(kind)
        for other in DECIDERS.values():
            if other.kind != kind:
                assert other.evolve(other.initial, happening) == other.initial
    assert len(seen) >= 10
