"""A small company's whole quarter as events, and the machinery to project it."""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from domain.appeal import (
    AppealAccepted,
    AppealFiled,
    AppealRejected,
    AppealReviewerAssigned,
    EvidenceAdded,
)
from domain.appraisal import (
    AppraisalCreated,
    CalibrationApplied,
    InitialScoreCalculated,
    ResultPublished,
    ScoreLocked,
)
from domain.bonus_pool import PoolAllocated, PoolFunded, PoolShare, PoolSpent
from domain.calibration import (
    BandCount,
    CalibrationSessionClosed,
    CalibrationSessionOpened,
    DistributionChecked,
    RatingChangeDecided,
    RatingChangeProposed,
    TargetBand,
)
from domain.catalogue import EVENTS
from domain.clawback import ClawbackApplied, ClawbackScheduled
from domain.conduct import CalibrationSessionJoined
from domain.cycle import CycleOpened, CyclePlanned, SchemeBound, StageAdvanced
from domain.delegation import DelegationGiven, DelegationRevoked
from domain.erasure import ErasureDeclined, ErasureRequested
from domain.exchange_rate import ExchangeRateFixed
from domain.explanation import Node
from domain.facts import ActualCorrected
from domain.feeds import FeedReceived
from domain.go_live import ModulePlanned, ShadowStarted
from domain.goal_changes import GoalAligned
from domain.goals import GoalsAgreed, GoalSheetProposed
from domain.historical import HistoricalPayRecorded, HistoricalRatingRecorded, PaidPart
from domain.ids import (
    ON_CALL_ROTA_ID,
    appeal_id,
    appraisal_id,
    batch_id,
    calibration_session_id,
    clawback_id,
    cycle_id,
    delegation_id,
    employment_id,
    erasure_id,
    exchange_rate_id,
    fact_sheet_id,
    feed_id,
    goal_sheet_id,
    historical_record_id,
    import_id,
    import_trail_id,
    incident_id,
    indicator_definition_id,
    job_id,
    journal_id,
    ledger_account_id,
    module_id,
    objective_id,
    occurrence_sheet_id,
    onboarding_plan_id,
    org_unit_id,
    payout_id,
    peer_rating_id,
    person_id,
    pool_id,
    rater_panel_id,
    reward_budget_id,
    reward_id,
    scheme_id,
    time_request_id,
    work_calendar_id,
)
from domain.incident import IncidentAcknowledged, IncidentReported
from domain.indicator_library import IndicatorDefined
from domain.jobs import JobDefined
from domain.kernel import Event
from domain.migration import (
    CellFixed,
    FindingQuarantined,
    ImportStarted,
    Place,
    RowExcluded,
    SourceFile,
)
from domain.migration_trail import Cell, ChunkCommitted, Origin, Shape, Sheet
from domain.money import Money
from domain.objective import ObjectiveSet
from domain.occurrences import OccurrenceRecorded, VetoApplied, VetoProposed
from domain.on_call import OnCallRotaSet, Shift
from domain.onboarding_plan import OnboardingPlanned, PlannedTask, TaskCompleted
from domain.org_units import OrgUnitCreated
from domain.organisation import Assignment, EmployeeHired, PayStructureSet, PersonRegistered
from domain.payout import (
    BatchApproved,
    BatchLine,
    BatchPrepared,
    BatchSettled,
    PaymentSettled,
    PayoutApproved,
    PayoutCalculated,
)
from domain.peer_rating import PeerRatingSubmitted
from domain.rater_panel import RaterApproved, RaterDeclined, RaterNominated, RaterReplaced
from domain.ratings import (
    Deviation,
    DeviationExplained,
    DeviationFlagged,
    ManagerRatingSubmitted,
    Rating,
    SelfRatingSubmitted,
    TwoWayCompared,
)
from domain.reconciliation import BalanceAsserted, JournalExported
from domain.reward import (
    InstantRewardApproved,
    InstantRewardGranted,
    InstantRewardNominated,
    RewardShare,
)
from domain.reward_budget import PersonsShare, RewardBudgetCommitted, RewardBudgetSet
from domain.rules import Indicator, Linear, Manual, SchemeContent, Section
from domain.scheme import SchemeDrafted, SchemeSimulated, SchemeVersionPublished
from domain.scheme_change import NextCycle
from domain.time_request import (
    LeaveRequested,
    OvertimeRequested,
    PunchRequested,
    TimeRequestApproved,
    TimeRequestRejected,
    TimeRequestWithdrawn,
)
from domain.work_calendar import WorkCalendarSet
from projections.catalogue import PROJECTIONS
from projections.health import Stuck, lag
from projections.history import TenantLogs
from projections.kernel import Projection, install
from projections.questions import View
from projections.rebuild import Digest, digest
from projections.runner import Runner
from projections.views import Views
from tenancy.appending import Append
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.mapper import Mapper
from tenancy.recorder import Recorder
from tenancy.records import Metadata, Recorded

Line = tuple[UUID, Event]

CYCLE = cycle_id("2026-Q1")
SCHEME = scheme_id("MKT")
BATCH = batch_id("2026-Q1-1")
BOSS = person_id("P0")
FAMILIES = ("marketing", "function")
CONTENT = SchemeContent(
    name="营销",
    sections=(
        Section(
            code="duty",
            name="职责",
            weight_bp=10000,
            indicators=(Indicator(code="duty", name="职责", weight_bp=10000, rule=Manual()),),
        ),
    ),
    coefficient=Linear(),
)


def units() -> Iterator[Line]:
    """Two departments, a job in each, one scheme, one cycle, one feed."""
    for code, family in zip(("SALES", "FINANCE"), FAMILIES, strict=True):
        unit = OrgUnitCreated(code=code, name=f"{code} 部", valid_from=date(2020, 1, 1))
        yield org_unit_id(code), unit
        job = JobDefined(
            code=code,
            title=code.title(),
            family=family,  # type: ignore[arg-type]  # a literal, from a tuple of them
            level=3,
            coefficient_min=Decimal(0),
            coefficient_max=Decimal("1.20"),
        )
        yield job_id(code), job
    yield SCHEME, SchemeDrafted(code="MKT", version=1, content=CONTENT)
    yield SCHEME, SchemeVersionPublished(version=1)
    yield (
        SCHEME,
        SchemeSimulated(version=1, effect=NextCycle(), lines=(), totals_before=(), totals_after=()),
    )
    calls = IndicatorDefined(
        code="calls", version=1, name="客户拜访", nature="economic", rule=Manual()
    )
    yield indicator_definition_id("calls"), calls
    yield work_calendar_id(2026), WorkCalendarSet(year=2026, holidays=(date(2026, 1, 1),))
    yield (
        CYCLE,
        CyclePlanned(
            code="2026-Q1",
            name="一季度",
            starts_on=date(2026, 1, 1),
            ends_on=date(2026, 3, 31),
            months=3,
        ),
    )
    for family in FAMILIES:
        bound = SchemeBound(scheme_id=SCHEME, scheme_version=1, family=family)  # type: ignore[arg-type]
        yield CYCLE, bound
    yield CYCLE, CycleOpened()
    yield (
        feed_id("erp", "q1.csv"),
        FeedReceived(
            source="erp", name="q1.csv", checksum="sha256:00", rows=3, as_of=date(2026, 3, 31)
        ),
    )


def hired(n: int) -> Iterator[Line]:
    """Person n and their employment."""
    unit = ("SALES", "FINANCE")[n % 2]
    yield person_id(f"P{n}"), PersonRegistered(number=f"P{n:05}", name=f"王小明{n}")
    employment = employment_id(f"E{n}")
    yield (
        employment,
        EmployeeHired(
            number=f"E{n:05}",
            person_id=person_id(f"P{n}"),
            hired_on=date(2025, 1, 1),
            assignment=Assignment(
                org_unit_id=org_unit_id(unit),
                job_id=job_id(unit),
                cost_centre=f"CC-{unit}",
                manager_id=BOSS if n else None,
            ),
        ),
    )
    yield (
        employment,
        PayStructureSet(
            effective_from=date(2025, 1, 1),
            performance_share=Decimal("0.5"),
            total=Money(2_000_000, "CNY"),
            performance=Money(1_000_000, "CNY"),
            fixed=Money(1_000_000, "CNY"),
        ),
    )


def appraised(n: int, score: Decimal) -> Iterator[Line]:
    """Person n's appraisal, from creation to a locked score; every fifth one deviates."""
    unit = ("SALES", "FINANCE")[n % 2]
    person = person_id(f"P{n}")
    stream = appraisal_id(CYCLE, employment_id(f"E{n}"))
    yield (
        stream,
        AppraisalCreated(
            cycle_id=CYCLE,
            employment_id=employment_id(f"E{n}"),
            person_id=person,
            segment=1,
            org_unit_id=org_unit_id(unit),
            job_id=job_id(unit),
            family=FAMILIES[n % 2],  # type: ignore[arg-type]
            cost_centre=f"CC-{unit}",
            manager_id=BOSS,
            scheme_id=SCHEME,
            scheme_version=1,
            starts_on=date(2026, 1, 1),
            ends_on=date(2026, 3, 31),
        ),
    )
    yield (
        occurrence_sheet_id(CYCLE, employment_id(f"E{n}")),
        OccurrenceRecorded(
            cycle_id=CYCLE,
            employment_id=employment_id(f"E{n}"),
            person_id=person,
            item="late",
            kind="deduction",
            times=3,
            occurred_on=date(2026, 2, 1),
            reason="迟交三次",
        ),
    )
    yield goal_sheet_id(stream), GoalSheetProposed(appraisal_id=stream, targets=())
    yield goal_sheet_id(stream), GoalsAgreed()
    yield from asked_around(stream, person)
    yield stream, InitialScoreCalculated(score=score, points=())
    yield stream, SelfRatingSubmitted(person_id=person, ratings=(), comment="我尽力了")
    yield stream, ManagerRatingSubmitted(person_id=person, ratings=(), comment="很好")
    apart = Deviation(of="total", self_points=score + 13, manager_points=score)
    yield stream, TwoWayCompared(compared=(apart,))
    if n % 5 == 0:
        yield stream, DeviationFlagged(flagged=(apart,))
        yield stream, DeviationExplained(person_id=person, of="total", reason="超额完成")
    if n % 7 == 0:
        yield (
            stream,
            CalibrationApplied(
                person_id=person,
                adjustment=Decimal("0.50"),
                reason_code="peer",
                authorised_by=BOSS,
            ),
        )
    yield (
        stream,
        ScoreLocked(
            lock_version=1,
            score=score,
            coefficient=score / 100,
            explanation=Node(rule="weighted", value=str(score)),
        ),
    )
    yield stream, ResultPublished(lock_version=1)


def asked_around(appraisal: UUID, person: UUID) -> Iterator[Line]:
    """Three raters: one answers, one is replaced, one declined; and a session that is closed."""
    panel = rater_panel_id(appraisal)
    first, second, third, fourth = (person_id(f"R{n}") for n in range(4))
    for rater in (first, second, third):
        yield panel, RaterNominated(appraisal_id=appraisal, rater_id=rater, group="peer")
    yield panel, RaterApproved(rater_id=first)
    yield panel, RaterReplaced(rater_id=second, by_id=fourth, reason="调离")
    yield panel, RaterApproved(rater_id=fourth)
    yield panel, RaterDeclined(rater_id=third, reason="亲属")
    yield (
        peer_rating_id(appraisal, first),
        PeerRatingSubmitted(
            appraisal_id=appraisal,
            person_id=person,
            rater_id=first,
            group="peer",
            ratings=(Rating(indicator="360", points=Decimal(86)),),
            comment="合作愉快",
        ),
    )
    session = calibration_session_id(str(appraisal))
    yield (
        session,
        CalibrationSessionOpened(
            code=str(appraisal),
            name="校准会",
            cycle_id=CYCLE,
            appraisal_ids=(appraisal,),
            target=(TargetBand(code="all", from_score=Decimal(0), share=Decimal(100)),),
        ),
    )
    yield appraisal, CalibrationSessionJoined(session_id=session)
    for proposal in (1, 2):
        yield (
            session,
            RatingChangeProposed(
                proposal=proposal,
                appraisal_id=appraisal,
                person_id=person,
                adjustment=Decimal("1.00"),
                reason_code="peer",
                score_before=Decimal("84.50"),
                score_after=Decimal("85.50"),
                near_edge=Decimal(85),
                reason="对比",
            ),
        )
    yield (
        session,
        RatingChangeDecided(
            proposal=2,
            appraisal_id=appraisal,
            person_id=person,
            accepted=False,
            reason_code="no",
            authorised_by=BOSS,
            reason="证据不足",
        ),
    )
    count = BandCount(code="all", wanted=1, found=1)
    yield session, DistributionChecked(people=1, bands=(count,), fits=True)
    yield session, CalibrationSessionClosed()


def paid(amounts: list[Money], code: str = "2026-Q1-1") -> Iterator[Line]:
    """A batch over the first people's appraisals, from preparation to settlement."""
    batch = batch_id(code)
    lines = []
    for n, amount in enumerate(amounts):
        appraisal = appraisal_id(CYCLE, employment_id(f"E{n}"))
        lines.append((n, appraisal, payout_id(f"{code} {appraisal}", 1), amount))  # type: ignore[arg-type]
    totals = tuple(
        Money(sum(a.minor for a in amounts if a.currency == currency), currency)
        for currency in sorted({amount.currency for amount in amounts})
    )
    yield (
        batch,
        BatchPrepared(
            code=code,
            cycle_id=CYCLE,
            lines=tuple(BatchLine(payout_id=p, amount=a) for _, _, p, a in lines),
            totals=totals,
        ),
    )
    for n, appraisal, payout, amount in lines:
        yield (
            payout,
            PayoutCalculated(
                batch_id=batch,
                cycle_id=CYCLE,
                appraisal_id=appraisal,
                lock_version=1,
                employment_id=employment_id(f"E{n}"),
                person_id=person_id(f"P{n}"),
                cost_centre=f"CC-{n % 2}",
                base=Money(3_000_000, amount.currency),
                coefficient=Decimal("0.8976"),
                amount=amount,
                explanation=Node(rule="payout", value=str(amount.minor)),
            ),
        )
    yield batch, BatchApproved(totals=totals)
    for n, _, payout, amount in lines:
        yield (
            payout,
            PayoutApproved(
                batch_id=batch,
                employment_id=employment_id(f"E{n}"),
                cost_centre=f"CC-{n % 2}",
                amount=amount,
            ),
        )
    yield batch, BatchSettled(bank_account="ICBC-1", bank_reference="ref")
    for n, _, payout, amount in lines:
        if amount.minor < 0:
            continue  # a claim: given back by later payouts
        yield (
            payout,
            PaymentSettled(
                batch_id=batch,
                employment_id=employment_id(f"E{n}"),
                amount=amount,
                bank_account="ICBC-1",
            ),
        )


def reviewed() -> Iterator[Line]:
    """What comes with goals and after results: an objective served, an appeal, a correction."""
    employment = employment_id("E0")
    stream, person = appraisal_id(CYCLE, employment), person_id("P0")
    growth = objective_id(CYCLE, "growth")
    yield growth, ObjectiveSet(cycle_id=CYCLE, code="growth", name="增长")
    aligned = GoalAligned(indicator="duty", objective_id=growth, weight=10**8)
    yield goal_sheet_id(stream), aligned
    appeal = appeal_id(stream, 1, "duty")
    yield (
        appeal,
        AppealFiled(
            person_id=person,
            appraisal_id=stream,
            lock_version=1,
            indicator="duty",
            file_by=date(2026, 4, 30),
            statement="我尽力了",
        ),
    )
    yield appeal, AppealAccepted(decide_by=date(2026, 4, 30))
    yield appeal, AppealReviewerAssigned(reviewer_id=BOSS)
    yield appeal, EvidenceAdded(person_id=person, note="超额完成")
    rejected = AppealRejected(person_id=person, escalate_by=date(2026, 5, 1), reason="很好")
    yield appeal, rejected
    yield (
        fact_sheet_id(CYCLE, employment),
        ActualCorrected(
            cycle_id=CYCLE,
            employment_id=employment,
            indicator="duty",
            value=Decimal(1),
            occurred_on=date(2026, 3, 31),
            reason="late",
            pending=True,
        ),
    )


def compensated() -> Iterator[Line]:
    """A pool, a rate, a clawback, a statement of the bank, an exported journal."""
    pool, cny = pool_id("P"), Money(10_000_000, "CNY")
    share = PoolShare(
        employment_id=employment_id("E0"), weight="12000/7", score=Decimal("89.76"), amount=cny
    )
    funded = PoolFunded(
        code="P", pool_id=pool, cycle_id=CYCLE, amount=cny, cost_centre="CC-0", cap=Decimal("0.3")
    )
    yield pool, funded
    allocated = PoolAllocated(
        appraisal_ids=(appraisal_id(CYCLE, employment_id("E0")),), shares=(share,)
    )
    yield pool, allocated
    yield pool, PoolSpent(pool_id=pool, batch_id=batch_id("P"), amount=cny)
    rate = ExchangeRateFixed(
        cycle_id=CYCLE,
        from_currency="CNY",
        to_currency="JPY",
        rate=Decimal("20.4851"),
        source="央行",
    )
    yield exchange_rate_id(CYCLE, "CNY", "JPY"), rate
    owing, who = clawback_id(employment_id("E0")), employment_id("E0")
    for number, minor in enumerate((144_000, 60_000)):
        kind = (ClawbackScheduled, ClawbackApplied)[number]
        line = payout_id(appraisal_id(CYCLE, who), 2 + number)
        yield owing, kind(employment_id=who, payout_id=line, amount=Money(minor, "CNY"))
    account = f"budget:pool:{pool}"
    statement = BalanceAsserted(
        account=account, balance=Money(0, "CNY"), as_of=date(2099, 12, 31), source="总账"
    )
    yield ledger_account_id(account), statement
    exported = JournalExported(system="kingdee", number=1, first_position=1, last_position=9)
    yield journal_id("kingdee"), exported


def rewarded() -> Iterator[Line]:
    """A budget of rewards, and one reward granted out of it."""
    budget, reward, unit = reward_budget_id("R"), reward_id("R1"), org_unit_id("SALES")
    amount = Money(300_00, "CNY")
    yield (
        budget,
        RewardBudgetSet(
            code="R",
            org_unit_id=unit,
            cost_centre="CC-SALES",
            amount=Money(1000_00, "CNY"),
            change=Money(1000_00, "CNY"),
            starts_on=date(2026, 1, 1),
            ends_on=date(2026, 12, 31),
        ),
    )
    share = RewardShare(
        employment_id=employment_id("E0"), person_id=person_id("P0"), part=Decimal(1), amount=amount
    )
    yield (
        reward,
        InstantRewardNominated(
            code="R1",
            budget_id=budget,
            kind="innovation",
            title="新流程",
            reason="缩短回款周期",
            amount=amount,
            achieved_on=date(2026, 2, 1),
            shares=(share,),
        ),
    )
    yield reward, InstantRewardApproved()
    yield reward, InstantRewardGranted(cost_centre="CC-SALES")
    yield (
        budget,
        RewardBudgetCommitted(
            reward_id=reward,
            org_unit_id=unit,
            amount=amount,
            shares=(PersonsShare(person_id=person_id("P0"), amount=amount),),
        ),
    )


def requested() -> Iterator[Line]:
    """Leave that was approved, and overtime that was refused, asked for again and withdrawn."""
    who, person = employment_id("E0"), person_id("P0")
    leave = time_request_id(who, "leave", date(2026, 2, 2))
    yield (
        leave,
        LeaveRequested(
            employment_id=who,
            person_id=person,
            manager_id=person_id("P1"),
            starts_on=date(2026, 2, 2),
            ends_on=date(2026, 2, 3),
            unpaid=False,
            kind="annual",
            reason="回乡",
        ),
    )
    yield leave, TimeRequestApproved(person_id=person, comment="同意")
    punch = time_request_id(who, "punch-out", date(2026, 2, 6))
    yield (
        punch,
        PunchRequested(
            employment_id=who,
            person_id=person,
            manager_id=person_id("P1"),
            on=date(2026, 2, 6),
            at=datetime(2026, 2, 6, 10, tzinfo=UTC),
            direction="out",
            reason="忘记打卡",
        ),
    )
    overtime = time_request_id(who, "overtime", date(2026, 2, 7))
    for then in (TimeRequestRejected(person_id=person, reason="无需"), TimeRequestWithdrawn()):
        yield (
            overtime,
            OvertimeRequested(
                employment_id=who,
                person_id=person,
                manager_id=person_id("P1"),
                on=date(2026, 2, 7),
                minutes=90,
                reason="盘点",
            ),
        )
        yield overtime, then


def lent() -> Iterator[Line]:
    """Approvals that were delegated, taken back, and delegated again."""
    boss, hand = person_id("P0"), person_id("P1")
    stream = delegation_id(boss, hand, date(2026, 2, 2))
    for then in (DelegationRevoked(person_id=boss, reason="回来了"), None):
        yield (
            stream,
            DelegationGiven(
                person_id=boss,
                delegate_id=hand,
                kinds=("goals", "time"),
                starts_on=date(2026, 2, 2),
                ends_on=date(2026, 2, 13),
                reason="休假",
            ),
        )
        if then is not None:
            yield stream, then


def pending() -> Iterator[Line]:
    """What waits for a decision, and what was decided in the meantime."""
    # Of a cycle and an employment of their own: other tests count those of the company.
    cycle, who, person = cycle_id("2026-Q4"), employment_id("E-VETO"), person_id("P0")
    sheet = occurrence_sheet_id(cycle, who)
    for day in (date(2026, 2, 1), date(2026, 2, 2)):
        yield (
            sheet,
            VetoProposed(
                cycle_id=cycle,
                employment_id=who,
                person_id=person,
                item="fraud",
                occurred_on=day,
                reason="虚报业绩",
            ),
        )
    # Not one that was proposed here: what waits is not decided by it.
    yield sheet, VetoApplied(proposal=sheet, item="fraud", occurred_on=date(2026, 2, 1))
    erasure = erasure_id(person)
    yield (
        erasure,
        ErasureRequested(person_id=person, basis="subject-request", reference="T-1"),
    )
    yield erasure, ErasureDeclined(reason="在职")
    yield (
        erasure,
        ErasureRequested(person_id=person, basis="subject-request", reference="T-2"),
    )


def brought_over() -> Iterator[Line]:
    """What came from the old system, the plan that it came by, and a module on its way."""
    plan = onboarding_plan_id("2026")
    task = PlannedTask(
        code="kick-off",
        phase="requirements",
        title="Kick-off",
        title_zh="启动会",
        due_on=date(2026, 1, 9),
    )
    yield (
        plan,
        OnboardingPlanned(
            code="2026",
            template="standard-4-6-weeks",
            starts_on=date(2026, 1, 5),
            ends_on=date(2026, 2, 15),
            owner="王小明",
            tasks=(task,),
        ),
    )
    yield plan, TaskCompleted(task="kick-off")
    batch, cell = import_id("OLD"), Place(file=0, row=2)
    old = SourceFile(name="old.csv", sha256="0" * 64, size=99)
    yield (
        batch,
        ImportStarted(
            code="OLD", owner="王小明", mapping_digest="1" * 64, files=(old,), trace_days=92
        ),
    )
    found = FindingQuarantined(
        place=cell, column="name", rule="format", message="很好", value="王小明 "
    )
    yield batch, found
    yield batch, CellFixed(place=cell, column="name", rule="trim", old="王小明 ", new="王小明")
    yield batch, RowExcluded(place=Place(file=0, row=3), reason="twice")
    who = employment_id("E0")
    record = historical_record_id(who)
    total = Money(12_000_000, "CNY")
    year = (date(2025, 1, 1), date(2025, 12, 31))
    yield (
        record,
        HistoricalPayRecorded(
            subject_id=who,
            measure="gross-pay",
            period="2025",
            starts_on=year[0],
            ends_on=year[1],
            total=total,
            parts=(PaidPart(name="base", amount=total),),
        ),
    )
    yield (
        record,
        HistoricalRatingRecorded(
            subject_id=who,
            measure="rating",
            period="2025",
            starts_on=year[0],
            ends_on=year[1],
            rating=Decimal(4),
            scale_min=Decimal(1),
            scale_max=Decimal(5),
        ),
    )
    shape = Shape(sheets=(Sheet(0, ""),), cells=(Cell("total", 0, "pay"),))
    yield (
        import_trail_id(batch),
        ChunkCommitted(
            import_id=batch,
            number=1,
            rows=1,
            checked="2" * 64,
            upto=1,
            shapes=(shape,),
            origins=(Origin(0, (1,)), Origin(0, (1,))),
        ),
    )
    yield module_id("pay"), ModulePlanned(module="pay", live_on=date(2026, 4, 1))
    yield module_id("pay"), ShadowStarted(beside="Excel")


def watched() -> Iterator[Line]:
    """Who is on call, and an incident that was taken on."""
    shift = Shift(starts_at=NOW, ends_at=NOW + timedelta(days=7), who="SRE", contact="110")
    yield ON_CALL_ROTA_ID, OnCallRotaSet(shifts=(shift,))
    incident = incident_id("I1")
    yield (
        incident,
        IncidentReported(
            code="I1", title="slow", severity="ordinary", source="prober", began_at=NOW
        ),
    )
    yield incident, IncidentAcknowledged()


def quarter(people: int) -> list[Line]:
    """The whole quarter of `people` people."""
    luck = random.Random(4)
    scores = [Decimal(luck.randrange(6000, 12000)) / 100 for _ in range(people)]
    lines = [*units()]
    for n in range(people):
        lines += hired(n)
    lines.append((CYCLE, StageAdvanced(before="goal-setting", after="data-intake")))
    for n, score in enumerate(scores):
        lines += appraised(n, score)
    lines += reviewed()
    lines += paid([Money(int(score * 30_000), "CNY") for score in scores])
    lines += compensated()
    lines += rewarded()
    lines += requested()
    lines += lent()
    lines += pending()
    lines += brought_over()
    lines += watched()
    return lines


ACTOR = uuid4()
NOW = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


def recorded(lines: Iterable[Line]) -> list[Recorded]:
    """The same events with their envelopes, positions from 1 on."""
    versions: dict[UUID, int] = {}
    told = []
    for position, (stream_id, event) in enumerate(lines, start=1):
        versions[stream_id] = versions.get(stream_id, 0) + 1
        told.append(
            Recorded(
                event=event,
                stream_id=stream_id,
                version=versions[stream_id],
                position=position,
                topic=event.TOPIC,
                recorded_at=NOW,
                metadata=Metadata(event_id=uuid4(), actor=ACTOR),
            )
        )
    return told


@pytest.fixture(scope="session")
def story() -> SimpleNamespace:
    """What the tests of this folder tell of: test modules cannot import this file."""
    return SimpleNamespace(
        units=units,
        hired=hired,
        appraised=appraised,
        paid=paid,
        quarter=quarter,
        recorded=recorded,
        CYCLE=CYCLE,
        SCHEME=SCHEME,
        BATCH=BATCH,
        ACTOR=ACTOR,
    )


@pytest.fixture(scope="session")
def keyring(database: Database) -> Keyring:
    return Keyring.open(database, MasterKey.generate())


@pytest.fixture(scope="session")
def views_installed(owner_url: str) -> list[str]:
    """The names of the tables that were made."""
    return asyncio.run(install(owner_url, PROJECTIONS))


@pytest.fixture(scope="session")
def logs(database: Database, keyring: Keyring, views_installed: list[str]) -> TenantLogs:
    return TenantLogs(database, keyring, EVENTS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def views(database: Database, logs: TenantLogs) -> Views:
    return await Views.open(database, logs)


class Company:
    """One tenant's log and views, and what tests do to them."""

    def __init__(
        self, tenant_id: UUID, database: Database, keyring: Keyring, logs: TenantLogs, views: Views
    ) -> None:
        self.tenant_id = tenant_id
        self.database = database
        self.keyring = keyring
        self.logs = logs
        self.views = views
        self.runner = Runner(database, logs, PROJECTIONS)
        self._versions: dict[UUID, int] = {}

    async def write(self, lines: Iterable[Line]) -> int:
        """Seal events and append them to the log; the position of the last one."""
        lines = list(lines)
        expected = {stream_id: self._versions.get(stream_id, 0) for stream_id, _ in lines}
        mapper = Mapper(self.tenant_id, await self.keyring.of(self.tenant_id), EVENTS)
        await mapper.prepare(lines)
        rows = []
        for stream_id, event in lines:
            version = self._versions[stream_id] = self._versions.get(stream_id, 0) + 1
            metadata = Metadata(event_id=uuid4(), actor=ACTOR)
            rows.append(mapper.seal(stream_id, version, event, metadata, NOW))
        stream_id = lines[0][0]
        return await self.append(
            Append(
                stream_id=stream_id,
                version=self._versions[stream_id],
                expected=expected,
                events=tuple(rows),
            )
        )

    async def append(self, request: Append) -> int:
        """Append rows as they are, even if they do not open."""
        (outcome,) = await Recorder(self.database, self.tenant_id).append([request])
        assert outcome.kind == "written"
        return outcome.position

    async def tell(self, lines: Iterable[Line]) -> int:
        """Write, and have all views there."""
        position = await self.write(lines)
        await self.runner.catch_up(self.tenant_id)
        return position

    def view(self) -> AbstractAsyncContextManager[View]:
        return self.views.of(self.tenant_id)

    async def reached(self, names: Sequence[str], position: int, timeout_s: float = 0) -> bool:
        return await self.views.wait_for(self.tenant_id, names, position, timeout_s)

    async def digest(self, projection: Projection) -> Digest:
        return await digest(self.database, projection, self.tenant_id)

    async def execute(self, statement: str, *arguments: object) -> str:
        """Run a statement as the application, with this tenant as $1."""
        async with self.database.transaction(self.tenant_id) as connection:
            return await connection.execute(statement, self.tenant_id, *arguments)

    async def lag(self, projection: Projection) -> tuple[Stuck, ...]:
        """Where this tenant's view is stuck."""
        (found,) = await lag(self.database, self.logs, [projection])
        return tuple(each for each in found.stuck if each.tenant_id == self.tenant_id)


@pytest.fixture(scope="session")
def make_company(
    database: Database, keyring: Keyring, logs: TenantLogs, views: Views
) -> Callable[[UUID], Company]:
    return lambda tenant_id: Company(tenant_id, database, keyring, logs, views)


@pytest.fixture
def company(make_company: Callable[[UUID], Company], tenant_id: UUID) -> Company:
    return make_company(tenant_id)


@pytest.fixture
def other_company(make_company: Callable[[UUID], Company], other_tenant_id: UUID) -> Company:
    return make_company(other_tenant_id)
