"""After the lock: corrections wait, are accepted by another, and lead to the next version."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from domain import ids
from domain.appraisal import PublishResult, ScoreLocked
from domain.facts import ActualCorrected, CorrectActual, CorrectionAccepted, DeclineCorrection
from domain.reopening import (
    AcceptCorrection,
    AdjustingFactAccepted,
    AppraisalReopened,
    RelockScore,
    ScoreRelocked,
)


def correction(company: Any, indicator: str, value: str, **changes: Any) -> CorrectActual:
    command = CorrectActual(
        cycle_id=company.cycle,
        employment_id=company.employment,
        indicator=indicator,
        value=Decimal(value),
        occurred_on=date(2025, 3, 31),
        reason="4月2日误记,实际3月31日到账",
    )
    return msgspec.structs.replace(command, **changes)


def correct(company: Any, indicator: str, value: str, **changes: Any) -> UUID:
    """Record a correction; its event."""
    (corrected,) = company.world.do(correction(company, indicator, value, **changes))
    assert isinstance(corrected, ActualCorrected)
    event_id: UUID = company.world.log[-1].event_id
    return event_id


def accept(company: Any, appraisal: UUID, event_id: UUID) -> tuple[Any, ...]:
    command = AcceptCorrection(correction=event_id, reason="银行回单核实")
    done: tuple[Any, ...] = company.world.do(command, on=appraisal, actor=company.head)
    return done


def actual(company: Any, indicator: str) -> UUID:
    """The event of the actual of an indicator that counts."""
    sheet = company.world.states[ids.fact_sheet_id(company.cycle, company.employment)]
    (event_id,) = (fact.event_id for fact in sheet.facts if fact.indicator == indicator)
    return UUID(str(event_id))


def test_cases_10_and_11_three_versions_of_one_score(company: Any, evaluate: Any) -> None:
    """89.76, then 45,000.00 more collected: 91.36; then a contract less: 86.56."""
    appraisal = company.case_1()
    late = correct(company, "collection", "45000")
    assert company.world.states[appraisal].locked.score == Decimal("89.76")
    reopened, adjusted, accepted = accept(company, appraisal, late)
    assert reopened == AppraisalReopened(
        person_id=company.seller,
        lock_version=1,
        cause="correction",
        cause_id=late,
        reason="银行回单核实",
    )
    assert adjusted == AdjustingFactAccepted(
        cause="correction",
        cause_id=late,
        kind="actual",
        indicator="collection",
        value=Decimal(45000),
        occurred_on=date(2025, 3, 31),
    )
    assert accepted == CorrectionAccepted(correction=late)
    assert company.world.states[appraisal].locked.version == 1  # still valid
    second, *_ = company.world.do(RelockScore(), on=appraisal)
    cancelled = correct(
        company,
        "contract",
        "960000",
        occurred_on=date(2025, 3, 15),
        supersedes=actual(company, "contract"),
        reason="合同取消",
    )
    accept(company, appraisal, cancelled)
    third, *_ = company.world.do(RelockScore(), on=appraisal)

    locks = [
        each
        for each in company.world.events(appraisal)
        if isinstance(each, ScoreLocked | ScoreRelocked)
    ]
    assert [(each.lock_version, each.score, each.coefficient) for each in locks] == [
        (1, Decimal("89.76"), Decimal("0.8976")),
        (2, Decimal("91.36"), Decimal("0.9136")),
        (3, Decimal("86.56"), Decimal("0.8656")),
    ]
    assert locks[1:] == [second, third]
    for each in locks:
        assert evaluate(each.explanation) * 100 == Decimal(each.score)
    state = company.world.states[appraisal]
    assert [each.score for each in state.versions] == [each.score for each in locks]
    assert state.locked == state.versions[-1]
    assert state.reopened is None
    assert company.world.replayed().states == company.world.states


def test_only_an_accepted_fact_leads_to_another_version(company: Any) -> None:
    appraisal = company.case_1(until="calibration")
    company.world.refuses("not-locked", RelockScore(), on=appraisal)
    company.lock(appraisal)
    company.world.refuses("not-reopened", RelockScore(), on=appraisal)
    late = correct(company, "collection", "45000")
    company.world.refuses("not-reopened", RelockScore(), on=appraisal)
    accept(company, appraisal, late)
    company.world.do(RelockScore(), on=appraisal)
    company.world.refuses("not-reopened", RelockScore(), on=appraisal)


def test_two_corrections_of_one_reopening(company: Any) -> None:
    appraisal = company.case_1()
    for each in (correct(company, "collection", "20000"), correct(company, "collection", "25000")):
        accept(company, appraisal, each)
    relocked, *_ = company.world.do(RelockScore(), on=appraisal)
    assert (relocked.lock_version, relocked.score) == (2, Decimal("91.36"))
    reopened = [
        each for each in company.world.events(appraisal) if isinstance(each, AppraisalReopened)
    ]
    assert len(reopened) == 1


def test_a_new_version_is_published_again(company: Any) -> None:
    appraisal = company.case_1()
    company.world.do(PublishResult(), on=appraisal)
    accept(company, appraisal, correct(company, "collection", "45000"))
    company.world.refuses("already-published", PublishResult(), on=appraisal)
    company.world.do(RelockScore(), on=appraisal)
    (published,) = company.world.do(PublishResult(), on=appraisal)
    assert published.lock_version == 2


def test_before_the_lock_a_correction_counts_at_once(company: Any) -> None:
    appraisal = company.case_1(until="rating")
    correct(company, "collection", "747000", supersedes=actual(company, "collection"))
    company.score(appraisal)
    company.rate_self(appraisal, duty="90")
    company.rate_as_manager(appraisal, duty="88")
    company.advance("calibration")
    locked, *_ = company.lock(appraisal)
    assert locked.score == Decimal("91.36")


def test_who_may_correct_and_accept(company: Any) -> None:
    appraisal = company.case_1()
    own = correction(company, "collection", "1")
    company.world.refuses("own-result", own, actor=company.seller)
    late = correct(company, "collection", "45000")
    command = AcceptCorrection(correction=late, reason="x")
    company.world.refuses("same-actor", command, on=appraisal)
    company.world.refuses("own-result", command, on=appraisal, actor=company.seller)
    company.world.refuses("own-result", RelockScore(), on=appraisal, actor=company.seller)
    empty = AcceptCorrection(correction=late, reason=" ")
    company.world.refuses("reason-missing", empty, on=appraisal, actor=company.head)


def test_a_correction_says_what_is_wrong(company: Any) -> None:
    company.case_1(until="recorded")
    other = actual(company, "contract")
    command = correction(company, "collection", "1")
    for code, changes in (
        ("unknown-actual", {"supersedes": uuid4()}),
        ("unknown-actual", {"supersedes": other}),
        ("unknown-indicator", {"indicator": "duty"}),
        ("outside-cycle", {"occurred_on": date(2025, 4, 2)}),
        ("reason-missing", {"reason": ""}),
        ("unknown-feed", {"feed_id": uuid4()}),
        ("unknown-appraisal", {"employment_id": uuid4()}),
        ("unknown-cycle", {"cycle_id": uuid4()}),
        ("bad-number", {"value": Decimal("1e16")}),
    ):
        company.world.refuses(code, msgspec.structs.replace(command, **changes))


def test_a_declined_correction_never_counts(company: Any) -> None:
    appraisal = company.case_1()
    sheet = ids.fact_sheet_id(company.cycle, company.employment)
    late = correct(company, "collection", "45000")
    decline = DeclineCorrection(correction=late, reason="回单不符")
    company.world.refuses("same-actor", decline, on=sheet)
    company.world.do(decline, on=sheet, actor=company.head)
    company.world.refuses(
        "unknown-correction",
        AcceptCorrection(correction=late, reason="x"),
        on=appraisal,
        actor=company.head,
    )
    company.world.refuses("unknown-correction", decline, on=sheet, actor=company.head)


def test_of_two_corrections_of_one_actual_one_is_accepted(company: Any) -> None:
    appraisal = company.case_1()
    wrong = actual(company, "contract")
    first = correct(company, "contract", "960000", supersedes=wrong)
    second = correct(company, "contract", "970000", supersedes=wrong)
    accept(company, appraisal, first)
    company.world.refuses(
        "unknown-actual",
        AcceptCorrection(correction=second, reason="x"),
        on=appraisal,
        actor=company.head,
    )
    sheet = ids.fact_sheet_id(company.cycle, company.employment)
    company.world.do(DeclineCorrection(correction=second, reason="x"), on=sheet, actor=company.head)


def test_before_the_lock_there_is_nothing_to_accept(company: Any) -> None:
    appraisal = company.case_1(until="recorded")
    company.world.refuses(
        "not-locked", AcceptCorrection(correction=uuid4(), reason="x"), on=appraisal
    )


@pytest.mark.parametrize(
    "command", [RelockScore(), AcceptCorrection(correction=uuid4(), reason="x")]
)
def test_what_was_not_created_is_not_reopened(world: Any, command: Any) -> None:
    world.refuses("unknown-appraisal", command, on=uuid4())


# -- the law: whatever the order, the end is as one calculation at the end

CHANGES = st.lists(
    st.tuples(
        st.sampled_from(("contract", "collection", "output")),
        st.integers(-200_000, 200_000),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, derandomize=True)
@hypothesis_given(changes=CHANGES, data=st.data())
def test_any_order_of_corrections_ends_as_one_calculation(
    found_company: Callable[[], Any], changes: list[tuple[str, int, bool]], data: st.DataObject
) -> None:
    """Corrections wait, are accepted in any order, relocked now or later; the sum is the same."""
    late, early = found_company(), found_company()
    appraisal = late.case_1()
    waiting = [correct(late, indicator, str(value)) for indicator, value, _ in changes]
    for index in data.draw(st.permutations(range(len(changes)))):
        accept(late, appraisal, waiting[index])
        if changes[index][2]:
            late.world.do(RelockScore(), on=appraisal)
    if late.world.states[appraisal].reopened is not None:
        late.world.do(RelockScore(), on=appraisal)

    early.case_1(until="recorded")
    for indicator, value, _ in changes:
        correct(early, indicator, str(value))
    early.advance("rating")
    early.score(appraisal)
    early.rate_self(appraisal, duty="90")
    early.rate_as_manager(appraisal, duty="88")
    early.advance("calibration")
    locked, *_ = early.lock(appraisal)
    now = late.world.states[appraisal].locked
    assert (now.score, now.coefficient) == (locked.score, locked.coefficient)
    assert late.world.states[appraisal].versions[0].score == Decimal("89.76")


@settings(max_examples=60, derandomize=True)
@hypothesis_given(values=st.lists(st.integers(0, 2_000_000), min_size=1, max_size=6))
def test_a_chain_of_corrections_counts_its_last_link(
    found_company: Callable[[], Any], values: list[int]
) -> None:
    """Each supersedes the one before; what is known last is what counts, and only that."""
    company = found_company()
    company.case_1(until="recorded")
    for value in values:
        correct(company, "contract", str(value), supersedes=actual(company, "contract"))
    sheet = company.world.states[ids.fact_sheet_id(company.cycle, company.employment)]
    assert [fact.value for fact in sheet.facts if fact.indicator == "contract"] == [values[-1]]
    assert len(company.world.log) == len({each.event_id for each in company.world.log})
