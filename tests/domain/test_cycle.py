"""Cycles: whole months, bound schemes, one stage after the other."""

from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any, get_args
from uuid import uuid4

import msgspec
import pytest

from domain.cycle import (
    CYCLE,
    STAGES,
    AdvanceCycle,
    BindScheme,
    CloseCycle,
    CycleClosed,
    CycleLocked,
    CycleOpened,
    CyclePlanned,
    DataCutOffReached,
    OpenCycle,
    PlanCycle,
    SchemeBound,
    Stage,
    StageAdvanced,
)
from domain.kernel import Event
from domain.rules import Indicator, Linear, Ratio, SchemeContent, Section
from domain.scheme import SchemeDrafted, SchemeVersionPublished

Given = Callable[..., Any]

SCHEME_ID = uuid4()
PLAN = PlanCycle(
    code="2025Q1", name="一季度", starts_on=date(2025, 1, 1), ends_on=date(2025, 3, 31)
)
PLANNED = CyclePlanned(
    code="2025Q1",
    name="一季度",
    starts_on=date(2025, 1, 1),
    ends_on=date(2025, 3, 31),
    months=3,
    bad_leavers="forfeited",
)
BIND = BindScheme(scheme_id=SCHEME_ID, scheme_version=1, family="marketing")
BOUND = SchemeBound(scheme_id=SCHEME_ID, scheme_version=1, family="marketing")
BOUND_TO_LEVEL = msgspec.structs.replace(BOUND, scheme_version=2, level=5)
CONTENT = SchemeContent(
    name="s",
    sections=(
        Section(
            code="s",
            name="s",
            weight_bp=10000,
            indicators=(Indicator(code="i", name="i", weight_bp=10000, rule=Ratio()),),
        ),
    ),
    coefficient=Linear(),
)
DRAFTED = SchemeDrafted(code="S", version=1, content=CONTENT)
PUBLISHED = SchemeVersionPublished(version=1)


def until(stage: Stage) -> tuple[Event, ...]:
    """The history of a cycle that is now in `stage`."""
    events: list[Event] = [PLANNED, BOUND]
    if stage != "draft":
        events.append(CycleOpened())
    for before, after in pairwise(STAGES[1:-1]):
        if STAGES.index(after) <= STAGES.index(stage):
            events.append(StageAdvanced(before=before, after=after))
            if before == "data-intake":
                events.append(DataCutOffReached())
    if stage == "closed":
        events.append(CycleClosed())
    return tuple(events)


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "months"),
    [
        (date(2025, 1, 1), date(2025, 1, 31), 1),
        (date(2024, 2, 1), date(2024, 2, 29), 1),
        (date(2025, 2, 1), date(2025, 2, 28), 1),
        (date(2024, 11, 1), date(2025, 1, 31), 3),
        (date(2025, 1, 1), date(2025, 12, 31), 12),
        (date(9999, 12, 1), date(9999, 12, 31), 1),
    ],
)
def test_a_cycle_covers_whole_months(
    given: Given, starts_on: date, ends_on: date, months: int
) -> None:
    given(CYCLE).when(PlanCycle(code="c", name="c", starts_on=starts_on, ends_on=ends_on)).then(
        CyclePlanned(
            code="c",
            name="c",
            starts_on=starts_on,
            ends_on=ends_on,
            months=months,
            bad_leavers="forfeited",
        )
    )


@pytest.mark.parametrize(
    ("starts_on", "ends_on"),
    [
        (date(2025, 1, 2), date(2025, 1, 31)),
        (date(2025, 1, 1), date(2025, 1, 30)),
        (date(2024, 2, 1), date(2024, 2, 28)),
        (date(2025, 2, 1), date(2025, 1, 31)),
        (date(2025, 1, 1), date(2024, 12, 31)),
        (date(2020, 1, 1), date(2025, 1, 31)),
    ],
)
def test_other_periods_are_refused(given: Given, starts_on: date, ends_on: date) -> None:
    given(CYCLE).when(PlanCycle(code="c", name="c", starts_on=starts_on, ends_on=ends_on)).refused(
        "not-whole-months"
    )


def test_a_cycle_is_planned_once(given: Given) -> None:
    given(CYCLE).when(PLAN).then(PLANNED)
    given(CYCLE, PLANNED).when(PLAN).refused("already-exists")
    given(CYCLE).when(msgspec.structs.replace(PLAN, code="\t")).refused("bad-code")
    given(CYCLE).when(msgspec.structs.replace(PLAN, name="")).refused("bad-name")


def test_only_published_versions_are_bound(given: Given) -> None:
    given(CYCLE).when(BIND).refused("unknown-cycle")
    given(CYCLE, PLANNED).when(BIND).refused("unknown-scheme")
    given(CYCLE, PLANNED).beside(SCHEME_ID, DRAFTED).when(BIND).refused("scheme-not-published")
    published = given(CYCLE, PLANNED).beside(SCHEME_ID, DRAFTED, PUBLISHED)
    published.when(msgspec.structs.replace(BIND, scheme_version=2)).refused(
        "unknown-scheme-version"
    )
    published.when(msgspec.structs.replace(BIND, level=-1)).refused("bad-level")
    published.when(BIND).then(BOUND)


def test_one_scheme_for_a_family_and_level(given: Given) -> None:
    bound = given(CYCLE, PLANNED, BOUND).beside(SCHEME_ID, DRAFTED, PUBLISHED)
    bound.when(BIND).refused("scheme-already-bound")
    bound.when(msgspec.structs.replace(BIND, level=5)).then(msgspec.structs.replace(BOUND, level=5))


def test_the_binding_for_the_level_comes_before_that_for_the_family(given: Given) -> None:
    story = given(CYCLE, PLANNED, BOUND, BOUND_TO_LEVEL)
    cycle = story.world.state(CYCLE, story.stream_id)
    assert cycle.resolve("marketing", 5).chosen.scheme_version == 2
    assert cycle.resolve("marketing", 4).chosen.scheme_version == 1
    assert cycle.resolve("function", 5).chosen is None


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in STAGES[:2]])
def test_schemes_are_bound_before_data_comes_in(given: Given, stage: Stage) -> None:
    late = given(CYCLE, *until(stage)).beside(SCHEME_ID, DRAFTED, PUBLISHED)
    late.when(msgspec.structs.replace(BIND, level=1)).refused("wrong-stage")


def test_a_cycle_opens_with_a_scheme_and_once(given: Given) -> None:
    given(CYCLE, PLANNED).when(OpenCycle()).refused("no-scheme-bound")
    given(CYCLE, PLANNED, BOUND).when(OpenCycle()).then(CycleOpened())
    given(CYCLE, *until("goal-setting")).when(OpenCycle()).refused("wrong-stage")


def test_stages_follow_one_another(given: Given) -> None:
    allowed = {
        (before, after)
        for before in STAGES
        for after in STAGES
        if advances(given, before, after) is None
    }
    assert allowed == set(pairwise(STAGES[1:-1]))


def advances(given: Given, before: Stage, after: Stage) -> str | None:
    """The code with which going from `before` to `after` is refused, None where it is allowed."""
    story = given(CYCLE, *until(before)).when(AdvanceCycle(to=after))
    if before == "closed":
        story.refused("cycle-closed")
        return "cycle-closed"
    if STAGES.index(after) - STAGES.index(before) != 1 or {"draft", "closed"} & {before, after}:
        story.refused("wrong-stage")
        return "wrong-stage"
    also = {"data-intake": (DataCutOffReached(),), "calibration": (CycleLocked(),)}
    story.then(StageAdvanced(before=before, after=after), *also.get(before, ()))
    return None


def test_stages_are_those_of_the_type() -> None:
    assert get_args(Stage) == STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_a_cycle_closes_after_it_is_locked(given: Given, stage: Stage) -> None:
    story = given(CYCLE, *until(stage)).when(CloseCycle())
    if stage in {"locked", "paying"}:
        story.then(CycleClosed())
    else:
        story.refused("cycle-closed" if stage == "closed" else "wrong-stage")


def test_the_cut_off_is_reached_on_leaving_data_intake(given: Given) -> None:
    for stage in STAGES:
        story = given(CYCLE, *until(stage))
        cycle = story.world.state(CYCLE, story.stream_id)
        assert cycle.stage == stage
        assert cycle.cut_off_reached == cycle.has_reached("rating")
