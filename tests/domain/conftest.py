"""Given, when, then for one decider; and a world in memory for several of them together."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain import ids
from domain.appraisal import CalculateInitialScore, CalibrateScore, CreateAppraisal, LockScore
from domain.catalogue import DECIDERS, decider_of, stream_of
from domain.cycle import AdvanceCycle, BindScheme, OpenCycle, PlanCycle, Stage
from domain.explanation import Node
from domain.facts import RecordActual
from domain.goals import AgreeGoals, ProposeGoals, Target
from domain.jobs import DefineJob
from domain.kernel import Command, Context, Decider, Elsewhere, Event, Refused
from domain.money import Amount
from domain.org_units import CreateOrgUnit
from domain.organisation import Assignment, HireEmployee, JobFamily, RegisterPerson, SetPayStructure
from domain.ratings import Rating, SubmitManagerRating, SubmitSelfRating
from domain.rules import Indicator, Linear, Manual, Ratio, SchemeContent, Section
from domain.scheme import ApproveScheme, DraftScheme, PublishScheme

HR = ids.person_id("hr")
START = datetime(2025, 4, 1, 8, tzinfo=UTC)


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its envelope, as the history of a tenant would give it."""

    event: Event
    stream_id: UUID
    version: int
    position: int
    event_id: UUID
    recorded_at: datetime
    actor: UUID


class World:
    """All streams of one tenant in memory: decides and folds as the store does, and nothing more.

    A stream is folded once as it is written, by the decider of its kind; whoever looks at it with
    another one has it folded by that one from the start, as a store would.
    """

    def __init__(self) -> None:
        self.log: list[Happening] = []
        self.streams: dict[UUID, list[Happening]] = {}
        self.states: dict[UUID, Any] = {}
        self.now = START
        self.look: Any = self

    # -- reading

    def state(self, decider: Decider[Any], stream_id: UUID) -> Any:
        history = self.streams.get(stream_id, [])
        if history and kind_of(history[0].event) == decider.kind:
            return self.states[stream_id]
        state = decider.initial
        for happening in history:
            state = decider.evolve(state, happening)
        return state

    def __call__(self, decider: Decider[Any], stream_id: UUID) -> Any:
        return self.state(decider, stream_id)

    def all(self, decider: Decider[Any], stream_ids: Sequence[UUID]) -> list[Any]:
        return [self.state(decider, stream_id) for stream_id in stream_ids]

    def events(self, stream_id: UUID) -> list[Event]:
        return [happening.event for happening in self.streams.get(stream_id, [])]

    def replayed(self) -> "World":
        """Another world that has been told the same history."""
        other = World()
        for happening in self.log:
            other.fold(happening)
        return other

    # -- writing

    def append(self, stream_id: UUID, event: Event, actor: UUID = HR) -> None:
        self.fold(
            Happening(
                event=event,
                stream_id=stream_id,
                version=len(self.streams.get(stream_id, [])) + 1,
                position=len(self.log) + 1,
                event_id=UUID(int=len(self.log) + 1, version=4),
                recorded_at=self.now,
                actor=actor,
            )
        )

    def fold(self, happening: Happening) -> None:
        decider = DECIDERS[kind_of(happening.event)]
        before = self.state(decider, happening.stream_id)
        self.states[happening.stream_id] = decider.evolve(before, happening)
        self.streams.setdefault(happening.stream_id, []).append(happening)
        self.log.append(happening)

    def decide(
        self, command: Command, *, on: UUID | None = None, actor: UUID = HR
    ) -> tuple[tuple[UUID, Event], ...]:
        decider = decider_of(command)
        stream_id = on or stream_of(command)
        assert stream_id is not None, f"{type(command).__name__} names no stream: say which"
        context = Context(now=self.now, actor=actor, look=self.look)
        state = self.state(decider, stream_id)
        return decider.carry_out(stream_id, state, command, context)

    def do(
        self, command: Command, *, on: UUID | None = None, actor: UUID = HR
    ) -> tuple[Event, ...]:
        decided = self.decide(command, on=on, actor=actor)
        assert decided, "a command that is carried out says what happened"
        for stream_id, event in decided:
            # What is written is what can be read back.
            assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event
            self.append(stream_id, event, actor)
        self.now += timedelta(seconds=1)
        return tuple(event for _, event in decided)

    def refuses(
        self, code: str, command: Command, *, on: UUID | None = None, actor: UUID = HR
    ) -> str:
        with pytest.raises(Refused) as refused:
            self.decide(command, on=on, actor=actor)
        assert refused.value.code == code, refused.value
        return refused.value.detail


def kind_of(event: Event) -> str:
    return event.TOPIC.partition(".")[0]


class Given:
    """`given(DECIDER, *events).when(command).then(*events)`, or `.refused(code)`."""

    def __init__(self, decider: Decider[Any], events: Iterable[Event]) -> None:
        self.decider = decider
        self.stream_id = uuid4()
        self.world = World()
        for event in events:
            self.world.append(self.stream_id, event)
        self.command: Command | None = None
        self.actor: UUID = HR

    def beside(self, stream_id: UUID, *events: Event, by: UUID = HR) -> "Given":
        for event in events:
            self.world.append(stream_id, event, by)
        return self

    def when(self, command: Command, *, actor: UUID = HR) -> "Given":
        assert decider_of(command) is self.decider
        self.command, self.actor = command, actor
        return self

    def then(self, *expected: Event | Elsewhere) -> None:
        assert self.command is not None
        decided = self.world.decide(self.command, on=self.stream_id, actor=self.actor)
        assert decided == tuple(
            (each.stream_id, each.event) if isinstance(each, Elsewhere) else (self.stream_id, each)
            for each in expected
        )
        for stream_id, event in decided:
            self.world.append(stream_id, event, self.actor)

    def refused(self, code: str) -> None:
        assert self.command is not None
        self.world.refuses(code, self.command, on=self.stream_id, actor=self.actor)


@pytest.fixture
def given() -> Callable[..., Given]:
    def begin(decider: Decider[Any], *events: Event) -> Given:
        return Given(decider, events)

    return begin


@pytest.fixture
def world() -> World:
    return World()


# -- a company: what appraisals and payouts need around them


def marketing_scheme() -> SchemeContent:
    """MKT-v1 of the worked cases: economic 80 % (contract, collection, output), duty 20 %."""
    return SchemeContent(
        name="MKT-v1",
        sections=(
            Section(
                code="economic",
                name="经济指标考核",
                weight_bp=8000,
                indicators=(
                    Indicator(code="contract", name="合同完成率", weight_bp=4000, rule=Ratio()),
                    Indicator(code="collection", name="回款完成率", weight_bp=4000, rule=Ratio()),
                    Indicator(code="output", name="产值完成率", weight_bp=2000, rule=Ratio()),
                ),
            ),
            Section(
                code="duty",
                name="岗位责任考核",
                weight_bp=2000,
                indicators=(
                    Indicator(code="duty", name="岗位责任", weight_bp=10000, rule=Manual()),
                ),
            ),
        ),
        coefficient=Linear(),
    )


STAGES_IN_ORDER: tuple[Stage, ...] = (
    "data-intake",
    "rating",
    "comparison",
    "calibration",
    "locked",
    "paying",
)


class Company:
    """A seller with a manager in one marketing unit, and one quarter; steps taken on demand."""

    marketing_scheme = staticmethod(marketing_scheme)
    unit = ids.org_unit_id("sales")
    seller = ids.person_id("seller")
    manager = ids.person_id("manager")
    head = ids.person_id("head")
    authoriser = ids.person_id("authoriser")
    cycle = ids.cycle_id("2025Q1")
    scheme = ids.scheme_id("MKT")
    job = ids.job_id("seller")
    starts_on = date(2025, 1, 1)
    ends_on = date(2025, 3, 31)

    def __init__(self, world: World) -> None:
        self.world = world
        world.do(CreateOrgUnit(code="sales", name="营销部", valid_from=date(2020, 1, 1)))
        for number in ("head", "manager", "hr", "authoriser", "finance"):
            world.do(RegisterPerson(number=number, name=number.title()))
        self.define_job("seller", "marketing")
        self.employment = self.hire("seller", manager_id=self.manager)

    def define_job(
        self,
        code: str,
        family: JobFamily,
        level: int = 3,
        band: tuple[str, str] = ("0", "1.20"),
    ) -> UUID:
        self.world.do(
            DefineJob(
                code=code,
                title=code.title(),
                family=family,
                level=level,
                coefficient_min=Decimal(band[0]),
                coefficient_max=Decimal(band[1]),
            )
        )
        return ids.job_id(code)

    def assignment(
        self,
        job: str = "seller",
        manager_id: UUID | None = None,
        fte: str = "1",
        cost_centre: str = "CC-SALES",
    ) -> Assignment:
        return Assignment(
            org_unit_id=self.unit,
            job_id=ids.job_id(job),
            cost_centre=cost_centre,
            manager_id=manager_id,
            fte=Decimal(fte),
        )

    def hire(
        self,
        number: str,
        *,
        hired_on: date = date(2024, 1, 1),
        **assignment: Any,
    ) -> UUID:
        person = ids.person_id(number)
        if person not in self.world.streams:
            self.world.do(RegisterPerson(number=number, name=number.title()))
        self.world.do(
            HireEmployee(
                number=number,
                person_id=person,
                hired_on=hired_on,
                assignment=self.assignment(**assignment),
            )
        )
        return ids.employment_id(number)

    def pay(
        self,
        employment: UUID | None = None,
        *,
        monthly: str = "20000.00",
        share: str = "0.5",
        currency: str = "CNY",
        effective_from: date = date(2024, 1, 1),
    ) -> None:
        self.world.do(
            SetPayStructure(
                effective_from=effective_from,
                monthly_total=Amount(amount=Decimal(monthly), currency=currency),
                performance_share=Decimal(share),
            ),
            on=employment or self.employment,
        )

    def publish(self, content: SchemeContent, code: str = "MKT") -> UUID:
        self.world.do(DraftScheme(code=code, content=content))
        scheme = ids.scheme_id(code)
        version = len(self.world.states[scheme].versions)
        # Whoever drafted it does not approve it.
        self.world.do(ApproveScheme(version=version), on=scheme, actor=self.authoriser)
        self.world.do(PublishScheme(version=version), on=scheme)
        return scheme

    def plan(self) -> None:
        self.world.do(
            PlanCycle(
                code="2025Q1", name="2025年一季度", starts_on=self.starts_on, ends_on=self.ends_on
            )
        )

    def bind(self, scheme: UUID, family: JobFamily, level: int | None = None) -> None:
        self.world.do(
            BindScheme(scheme_id=scheme, scheme_version=1, family=family, level=level),
            on=self.cycle,
        )

    def open(self, content: SchemeContent | None = None) -> None:
        """Plan, bind the scheme to marketing, open."""
        scheme = self.publish(content or marketing_scheme())
        self.plan()
        self.bind(scheme, "marketing")
        self.world.do(OpenCycle(), on=self.cycle)

    def advance(self, to: Stage) -> None:
        """Through every stage up to `to`."""
        cycle_stage = self.world.states[self.cycle].stage
        already = STAGES_IN_ORDER.index(cycle_stage) + 1 if cycle_stage in STAGES_IN_ORDER else 0
        for stage in STAGES_IN_ORDER[already : STAGES_IN_ORDER.index(to) + 1]:
            self.world.do(AdvanceCycle(to=stage), on=self.cycle)

    def create_appraisal(self, employment: UUID | None = None) -> UUID:
        employment = employment or self.employment
        self.world.do(CreateAppraisal(cycle_id=self.cycle, employment_id=employment))
        return ids.appraisal_id(self.cycle, employment)

    def agree_goals(self, appraisal: UUID, **targets: str) -> None:
        proposal = ProposeGoals(
            appraisal_id=appraisal,
            targets=tuple(
                Target(indicator=code, target=Decimal(target)) for code, target in targets.items()
            ),
        )
        self.world.do(proposal, actor=self.manager)
        self.world.do(AgreeGoals(), on=ids.goal_sheet_id(appraisal), actor=self.seller)

    def record(self, employment: UUID | None = None, **values: str) -> None:
        for indicator, value in values.items():
            self.world.do(
                RecordActual(
                    cycle_id=self.cycle,
                    employment_id=employment or self.employment,
                    indicator=indicator,
                    value=Decimal(value),
                    occurred_on=date(2025, 3, 1),
                )
            )

    @staticmethod
    def judged_scheme(*, threshold: str = "10.00", **weights: int) -> SchemeContent:
        """Judged indicators alone, by their weights in basis points."""
        indicators = tuple(
            Indicator(code=code, name=code, weight_bp=weight, rule=Manual())
            for code, weight in weights.items()
        )
        return SchemeContent(
            name="judged",
            sections=(Section(code="kci", name="KCI", weight_bp=10000, indicators=indicators),),
            coefficient=Linear(),
            deviation_threshold=Decimal(threshold),
        )

    @staticmethod
    def ratings(**points: str) -> tuple[Rating, ...]:
        return tuple(Rating(indicator=code, points=Decimal(each)) for code, each in points.items())

    def calibration(self, adjustment: str = "2.50", **changes: Any) -> CalibrateScore:
        command = CalibrateScore(
            adjustment=Decimal(adjustment),
            reason_code="market",
            reason="区域市场下滑",
            authorised_by=self.authoriser,
        )
        return msgspec.structs.replace(command, **changes)

    def score(self, appraisal: UUID) -> None:
        self.world.do(CalculateInitialScore(), on=appraisal)

    def rate_self(self, appraisal: UUID, **points: str) -> tuple[Event, ...]:
        command = SubmitSelfRating(ratings=self.ratings(**points))
        person = self.world.states[appraisal].person_id
        return self.world.do(command, on=appraisal, actor=person)

    def rate_as_manager(self, appraisal: UUID, **points: str) -> tuple[Event, ...]:
        command = SubmitManagerRating(ratings=self.ratings(**points))
        manager = self.world.states[appraisal].manager_id
        return self.world.do(command, on=appraisal, actor=manager)

    def lock(self, appraisal: UUID) -> tuple[Event, ...]:
        return self.world.do(LockScore(), on=appraisal)

    def case_1(self, *, own: str = "90", managers: str = "88", until: str = "locked") -> UUID:
        """Worked case 1 up to a step: opened, agreed, rating, scored, rated, or locked."""
        steps: dict[str, Callable[[UUID], Any]] = {
            "agreed": lambda appraisal: self.agree_goals(
                appraisal, contract="1200000", collection="900000", output="1000000"
            ),
            "recorded": lambda _: self.record(
                contract="1140000", collection="702000", output="1050000"
            ),
            "rating": lambda _: self.advance("rating"),
            "scored": self.score,
            "rated": lambda appraisal: (
                self.rate_self(appraisal, duty=own),
                self.rate_as_manager(appraisal, duty=managers),
            ),
            "calibration": lambda _: self.advance("calibration"),
            "locked": self.lock,
        }
        self.open()
        appraisal = self.create_appraisal()
        for name, step in steps.items():
            if until == "opened":
                break
            step(appraisal)
            if name == until:
                break
        return appraisal


@pytest.fixture
def company(world: World) -> Company:
    return Company(world)


@pytest.fixture(scope="session")
def evaluate() -> Callable[[Node], Fraction]:
    """Recomputes an explanation from its JSON alone (evaluator.py, which knows nothing of ours)."""
    spec = spec_from_file_location("evaluator", Path(__file__).with_name("evaluator.py"))
    assert spec is not None
    assert spec.loader is not None
    evaluator = module_from_spec(spec)
    spec.loader.exec_module(evaluator)

    def recompute(tree: Node, *, seal: bool = True) -> Fraction:
        value: Fraction = evaluator.evaluate(msgspec.json.encode(tree), seal=seal)
        return value

    return recompute


@pytest.fixture(scope="session")
def found_company() -> Callable[[], Company]:
    """A new company each time that it is called, for tests that need many."""
    return lambda: Company(World())


@pytest.fixture(scope="session")
def payroll_of() -> Callable[[Company], Any]:
    """Pays a company's people step by step (payroll.py)."""
    spec = spec_from_file_location("payroll", Path(__file__).with_name("payroll.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    payroll: Callable[[Company], Any] = module.Payroll
    return payroll


@pytest.fixture
def payroll(company: Company, payroll_of: Callable[[Company], Any]) -> Any:
    return payroll_of(company)
