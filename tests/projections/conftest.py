"""A small company's whole quarter as events, and the machinery to project it."""

import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.appraisal import (
    AppraisalCreated,
    CalibrationApplied,
    Deviation,
    DeviationExplained,
    DeviationFlagged,
    InitialScoreCalculated,
    ManagerRatingSubmitted,
    ResultPublished,
    ScoreLocked,
    SelfRatingSubmitted,
    TwoWayCompared,
)
from domain.cycle import CycleOpened, CyclePlanned, SchemeBound, StageAdvanced
from domain.explanation import Node
from domain.facts import FeedReceived
from domain.goals import GoalsAgreed, GoalSheetProposed
from domain.ids import (
    appraisal_id,
    batch_id,
    cycle_id,
    employment_id,
    feed_id,
    goal_sheet_id,
    job_id,
    org_unit_id,
    payout_id,
    person_id,
    scheme_id,
)
from domain.kernel import Event
from domain.money import Money
from domain.organisation import (
    Assignment,
    EmployeeHired,
    JobDefined,
    OrgUnitCreated,
    PayStructureSet,
    PersonRegistered,
)
from domain.payout import (
    BatchApproved,
    BatchLine,
    BatchPrepared,
    BatchSettled,
    PaymentSettled,
    PayoutApproved,
    PayoutCalculated,
)
from domain.rules import Indicator, Linear, Manual, SchemeContent, Section
from domain.scheme import SchemeDrafted, SchemeVersionPublished

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
    yield goal_sheet_id(stream), GoalSheetProposed(appraisal_id=stream, targets=())
    yield goal_sheet_id(stream), GoalsAgreed()
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
        yield (
            payout,
            PaymentSettled(
                batch_id=batch,
                employment_id=employment_id(f"E{n}"),
                amount=amount,
                bank_account="ICBC-1",
            ),
        )


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
    lines += paid([Money(int(score * 30_000), "CNY") for score in scores])
    return lines
