"""A scheme that changes while its cycle runs: worked cases 12 and 20, and what is refused."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import ids
from domain.cycle import AdvanceCycle, BindScheme, OpenCycle, PlanCycle
from domain.facts import RecordActual
from domain.money import Money
from domain.payout import PayoutCalculated, PrepareBatch
from domain.rules import Indicator, Manual, SchemeContent
from domain.scheme import (
    ApproveScheme,
    Assumed,
    DraftScheme,
    PublishScheme,
    SchemeSimulated,
    SchemeVersionPublished,
    SimulatedLine,
    SimulateScheme,
    WeightsChanged,
)
from domain.scheme_change import (
    NextCycle,
    SchemeChange,
    SchemeVersionChanged,
    SplitCycle,
    WholeCycle,
    stretches,
)

CYCLE = ids.cycle_id("2025Q2")
NEXT = NextCycle()
WHOLE = WholeCycle(cycle_id=CYCLE)
SPLIT = SplitCycle(cycle_id=CYCLE, effective_from=date(2025, 5, 1))
FIRST_DAY, LAST_DAY = date(2025, 4, 1), date(2025, 6, 30)


def weighing(content: SchemeContent, *weights: int) -> SchemeContent:
    """The same with other weights of its sections."""
    sections = tuple(
        msgspec.structs.replace(section, weight_bp=weight)
        for section, weight in zip(content.sections, weights, strict=True)
    )
    return msgspec.structs.replace(content, sections=sections)


class Quarter:
    """Case 1 in the second quarter of 2025, 91 days, under MKT version 1."""

    def __init__(self, company: Any) -> None:
        self.company, self.world = company, company.world
        company.cycle = CYCLE
        company.pay()
        company.publish(company.marketing_scheme())
        self.world.do(
            PlanCycle(code="2025Q2", name="二季度", starts_on=FIRST_DAY, ends_on=LAST_DAY)
        )
        company.bind(company.scheme, "marketing")
        self.world.do(OpenCycle(), on=CYCLE)
        self.appraisal = company.create_appraisal()
        company.agree_goals(
            self.appraisal, contract="1200000", collection="900000", output="1000000"
        )
        self.world.do(AdvanceCycle(to="data-intake"), on=CYCLE)
        for indicator, value in (
            ("contract", "1140000"),
            ("collection", "702000"),
            ("output", "1050000"),
        ):
            self.world.do(
                RecordActual(
                    cycle_id=CYCLE,
                    employment_id=company.employment,
                    indicator=indicator,
                    value=Decimal(value),
                    occurred_on=date(2025, 4, 30),
                )
            )

    def drafted(self, content: SchemeContent | None = None) -> int:
        """Version 2: economic 80 -> 70, duty 20 -> 30."""
        content = content or weighing(self.company.marketing_scheme(), 7000, 3000)
        (event,) = self.world.do(DraftScheme(code="MKT", content=content))
        version: int = event.version
        return version

    def simulated(self, effect: Any, version: int = 2, **changes: Any) -> SchemeSimulated:
        command = SimulateScheme(
            version=version,
            effect=effect,
            appraisal_ids=(self.appraisal,),
            assumed=(Assumed(indicator="duty", points=Decimal(88)),),
        )
        (event,) = self.world.do(
            msgspec.structs.replace(command, **changes), on=self.company.scheme
        )
        assert isinstance(event, SchemeSimulated)
        return event

    def published(self, effect: Any, version: int = 2) -> tuple[Any, ...]:
        company = self.company
        if effect is not NEXT:
            self.simulated(effect, version)
        approve = ApproveScheme(version=version, effect=effect)
        self.world.do(approve, on=company.scheme, actor=company.authoriser)
        publish = PublishScheme(version=version, effect=effect, reason="岗位责任加重")
        events: tuple[Any, ...] = self.world.do(publish, on=company.scheme)
        return events

    def locked(self) -> Any:
        company = self.company
        company.advance("rating")
        company.score(self.appraisal)
        company.rate_self(self.appraisal, duty="88")
        company.rate_as_manager(self.appraisal, duty="88")
        company.advance("calibration")
        (event, *_) = company.lock(self.appraisal)
        return event

    def paid(self) -> PayoutCalculated:
        prepare = PrepareBatch(code="B", cycle_id=CYCLE, appraisal_ids=(self.appraisal,))
        (line,) = (each for each in self.world.do(prepare) if isinstance(each, PayoutCalculated))
        return line


# -- case 12


def test_case_12a_the_next_cycle_only(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    events = quarter.published(NEXT)
    assert [type(each) for each in events] == [SchemeVersionPublished, WeightsChanged]
    locked = quarter.locked()
    assert (locked.score, locked.parts) == (Decimal("89.76"), ())
    assert quarter.paid().amount == Money(2_692_800, "CNY")


def test_case_12b_the_whole_cycle(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    told = quarter.simulated(WHOLE)
    assert told.lines == (
        SimulatedLine(
            appraisal_id=quarter.appraisal,
            score_before=Decimal("89.76"),
            score_after=Decimal("89.54"),
            amount_before=Money(2_692_800, "CNY"),
            amount_after=Money(2_686_200, "CNY"),
        ),
    )
    assert told.totals_after[0].minor - told.totals_before[0].minor == -6_600
    *_, changed = quarter.published(WHOLE)
    assert changed == SchemeVersionChanged(scheme_id=company.scheme, before=1, after=2)
    locked = quarter.locked()
    assert (locked.score, locked.coefficient) == (Decimal("89.54"), Decimal("0.8954"))
    assert locked.parts == ()
    assert quarter.paid().amount == Money(2_686_200, "CNY")


def test_case_12c_split_at_the_first_of_may(company: Any, evaluate: Any) -> None:
    """30 days at 0.8976 and 61 at 0.8954, of 91: 26,883.76, which is 8,877.36 + 18,006.40."""
    quarter = Quarter(company)
    quarter.drafted()
    told = quarter.simulated(SPLIT).lines[0]
    assert told.amount_after == Money(2_688_376, "CNY")
    *_, changed = quarter.published(SPLIT)
    assert changed == SchemeVersionChanged(
        scheme_id=company.scheme, before=1, after=2, effective_from=date(2025, 5, 1)
    )
    locked = quarter.locked()
    assert [
        (part.scheme_version, part.starts_on, part.ends_on, part.score, part.coefficient)
        for part in locked.parts
    ] == [
        (1, FIRST_DAY, date(2025, 4, 30), Decimal("89.76"), Decimal("0.8976")),
        (2, date(2025, 5, 1), LAST_DAY, Decimal("89.54"), Decimal("0.8954")),
    ]
    # (30 x 89.76 + 61 x 89.54) / 91 = 89.6125..., for reports only.
    assert locked.score == told.score_after == Decimal("89.61")
    by_days = (30 * Fraction("0.8976") + 61 * Fraction("0.8954")) / 91
    # What is shown is rounded and says so; what is paid is reckoned from the parts.
    assert evaluate(locked.explanation) == Fraction(locked.coefficient) == Fraction("0.8961")
    assert locked.explanation.rule == "shown"
    assert Fraction(locked.explanation.inputs[0].value) == by_days
    line = quarter.paid()
    assert line.amount == Money(2_688_376, "CNY")
    assert evaluate(line.explanation) == 2_688_376
    assert earned_by_days(line.explanation) == [887_736, 1_800_640]


def earned_by_days(node: Any) -> list[int]:
    """What each part earned in whole cents; here each rounds to what R5 gives it."""
    parts = [each for each in walk(node) if each.label == "earned"]
    return [round(Fraction(each.value)) for each in parts]


def walk(node: Any) -> Any:
    yield node
    for part in node.inputs:
        yield from walk(part)


def test_what_is_simulated_is_what_happens(company: Any) -> None:
    """For each of the three, the preview and the lock are the same numbers."""
    for effect in (WHOLE, SPLIT):
        quarter = Quarter(fresh(company))
        quarter.drafted()
        told = quarter.simulated(effect).lines[0]
        quarter.published(effect)
        assert quarter.locked().score == told.score_after
        assert quarter.paid().amount == told.amount_after


def fresh(company: Any) -> Any:
    return type(company)(type(company.world)())


# -- case 20


def test_case_20_under_its_own_version_nothing_differs(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted(company.marketing_scheme())
    (line,) = quarter.simulated(NEXT).lines
    assert line.score_before == line.score_after == Decimal("89.76")
    assert line.amount_before == line.amount_after == Money(2_692_800, "CNY")


def test_case_20_under_version_2_it_is_66_less(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    told = quarter.simulated(NEXT)
    assert told.totals_after[0].minor - told.totals_before[0].minor == -6_600


def test_a_locked_score_can_be_simulated_and_stays(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    locked = quarter.locked()
    (line,) = quarter.simulated(NEXT, assumed=()).lines
    assert (line.score_before, line.score_after) == (Decimal("89.76"), Decimal("89.54"))
    assert quarter.world.states[quarter.appraisal].locked.score == locked.score


# -- simulation


def test_what_is_missing_is_told_and_stops_nobody(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    other = company.create_appraisal(company.hire("second", manager_id=company.manager))
    told = quarter.simulated(WHOLE, appraisal_ids=(other, quarter.appraisal))
    assert [each.obstacle for each in told.lines] == ["goals-not-agreed", ""]
    assert told.totals_before == (Money(2_692_800, "CNY"),)


def test_what_cannot_be_simulated(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    command = SimulateScheme(version=2, effect=NEXT, appraisal_ids=(quarter.appraisal,))

    def refuses(code: str, **changes: Any) -> None:
        changed = msgspec.structs.replace(command, **changes)
        quarter.world.refuses(code, changed, on=company.scheme)

    refuses("nothing-to-simulate", appraisal_ids=())
    refuses("nothing-to-simulate", appraisal_ids=(quarter.appraisal, quarter.appraisal))
    refuses("too-many-appraisals", appraisal_ids=tuple(UUID(int=each) for each in range(501)))
    refuses("unknown-appraisal", appraisal_ids=(UUID(int=1),))
    refuses("unknown-indicator", assumed=(Assumed(indicator="output", points=Decimal(1)),))
    refuses("points-out-of-range", assumed=(Assumed(indicator="duty", points=Decimal(101)),))
    refuses("unknown-scheme-version", version=3)
    elsewhere = company.publish(company.marketing_scheme(), code="OTHER")
    changed = msgspec.structs.replace(command, version=1)
    quarter.world.refuses("wrong-scheme", changed, on=elsewhere)
    quarter.world.do(
        PlanCycle(code="Q3", name="Q3", starts_on=date(2025, 7, 1), ends_on=date(2025, 9, 30))
    )
    third = ids.cycle_id("Q3")
    bind = BindScheme(scheme_id=company.scheme, scheme_version=1, family="marketing")
    quarter.world.do(bind, on=third)
    quarter.world.do(OpenCycle(), on=third)
    refuses("wrong-cycle", effect=WholeCycle(cycle_id=third))


# -- what is refused


def test_a_running_cycle_is_changed_by_who_has_seen_what_it_does(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    world, scheme = quarter.world, company.scheme
    approve = ApproveScheme(version=2, effect=WHOLE)
    world.refuses("not-simulated", approve, on=scheme, actor=company.authoriser)
    quarter.simulated(SPLIT)
    world.refuses("not-simulated", approve, on=scheme, actor=company.authoriser)
    quarter.simulated(WHOLE)
    world.do(approve, on=scheme, actor=company.authoriser)
    publish = PublishScheme(version=2, effect=SPLIT, reason="x")
    world.refuses("effect-not-approved", publish, on=scheme)
    world.refuses("effect-not-approved", PublishScheme(version=2, reason="x"), on=scheme)


def test_only_weights_and_thresholds_change_within_a_cycle(company: Any) -> None:
    quarter = Quarter(company)
    content: SchemeContent = company.marketing_scheme()
    duty = content.sections[1]

    def with_duty(*indicators: Indicator) -> SchemeContent:
        section = msgspec.structs.replace(duty, indicators=indicators)
        return msgspec.structs.replace(content, sections=(content.sections[0], section))

    own = duty.indicators[0]
    graded = msgspec.structs.replace(own, rule=Manual(grades=(Decimal(1), Decimal(2))))
    more = Indicator(code="more", name="more", weight_bp=0, rule=Manual())
    for changed in (with_duty(graded), with_duty(own, more)):
        version = quarter.drafted(changed)
        command = SimulateScheme(version=version, effect=WHOLE, appraisal_ids=(quarter.appraisal,))
        quarter.world.refuses("indicators-differ", command, on=company.scheme)


def test_when_a_cycle_cannot_be_changed(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()

    def refuses(code: str, effect: Any, version: int = 2) -> None:
        command = SimulateScheme(version=version, effect=effect, appraisal_ids=(quarter.appraisal,))
        quarter.world.refuses(code, command, on=company.scheme)

    refuses("unknown-cycle", WholeCycle(cycle_id=UUID(int=1)))
    refuses("already-in-use", WHOLE, version=1)
    for day in (FIRST_DAY, LAST_DAY + timedelta(days=1)):
        refuses("outside-cycle", SplitCycle(cycle_id=CYCLE, effective_from=day))
    elsewhere = company.publish(company.marketing_scheme(), code="OTHER")
    command = SimulateScheme(version=1, effect=WHOLE, appraisal_ids=(quarter.appraisal,))
    quarter.world.refuses("scheme-not-bound", command, on=elsewhere)
    quarter.published(SPLIT)
    quarter.drafted()
    refuses("change-out-of-order", SPLIT, version=3)
    company.advance("calibration")
    refuses("wrong-stage", WHOLE, version=3)


def test_a_cycle_with_several_versions_is_not_changed_at_once(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    quarter.published(NEXT)
    world = company.world
    world.do(PlanCycle(code="Q3", name="Q3", starts_on=date(2025, 7, 1), ends_on=date(2025, 9, 30)))
    third = ids.cycle_id("Q3")
    for version, level in ((1, None), (2, 3)):
        bind = BindScheme(
            scheme_id=company.scheme, scheme_version=version, family="marketing", level=level
        )
        world.do(bind, on=third)
    world.do(OpenCycle(), on=third)
    version = quarter.drafted(weighing(company.marketing_scheme(), 6000, 4000))
    command = SimulateScheme(
        version=version, effect=WholeCycle(cycle_id=third), appraisal_ids=(quarter.appraisal,)
    )
    world.refuses("several-versions", command, on=company.scheme)


def test_who_comes_later_begins_with_the_version_that_is_in_force(company: Any) -> None:
    quarter = Quarter(company)
    quarter.drafted()
    quarter.published(WHOLE)
    later = company.create_appraisal(company.hire("second", manager_id=company.manager))
    assert quarter.world.states[later].scheme_version == 2


# -- which version on which day


def change(before: int, after: int, day: date | None) -> SchemeChange:
    return SchemeChange(
        scheme_id=UUID(int=1),
        before=before,
        after=after,
        effective_from=day,
        event_id=UUID(int=after),
    )


def spans(*changes: SchemeChange, period: tuple[date, date] = (FIRST_DAY, LAST_DAY)) -> Any:
    return [
        (each.scheme_version, each.starts_on, each.ends_on)
        for each in stretches(UUID(int=1), 1, period, changes)
    ]


def test_changes_before_and_after_the_days_of_a_joiner_and_a_leaver() -> None:
    may = change(1, 2, date(2025, 5, 1))
    joined = date(2025, 5, 1)
    assert spans(may, period=(joined, LAST_DAY)) == [(2, joined, LAST_DAY)]
    left = date(2025, 4, 30)
    assert spans(may, period=(FIRST_DAY, left)) == [(1, FIRST_DAY, left)]


def test_changes_of_another_scheme_or_version_do_not_count() -> None:
    other = msgspec.structs.replace(change(1, 2, None), scheme_id=UUID(int=2))
    assert spans(other, change(5, 6, None)) == [(1, FIRST_DAY, LAST_DAY)]


def test_changes_follow_each_other() -> None:
    may, june = date(2025, 5, 1), date(2025, 6, 1)
    assert spans(change(1, 2, may), change(2, 3, june), change(3, 4, None)) == [
        (1, FIRST_DAY, date(2025, 4, 30)),
        (2, may, date(2025, 5, 31)),
        (4, june, LAST_DAY),
    ]


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.none() | st.dates(FIRST_DAY, LAST_DAY)),
        max_size=6,
    ),
    st.dates(FIRST_DAY, LAST_DAY),
    st.integers(0, 90),
)
def test_every_day_has_exactly_one_version(
    changes: list[tuple[int, int, date | None]], starts_on: date, days: int
) -> None:
    """Whatever changes there are: no gap, no overlap, nothing beyond the days."""
    ends_on = min(starts_on + timedelta(days=days), LAST_DAY)
    found = spans(*(change(*each) for each in changes), period=(starts_on, ends_on))
    assert (found[0][1], found[-1][2]) == (starts_on, ends_on)
    for (_, _, last), (_, first, _) in pairwise(found):
        assert first == last + timedelta(days=1)
    assert all(first <= last for _, first, last in found)
