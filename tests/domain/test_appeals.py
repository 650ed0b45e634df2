"""Appeals: when, by whom, against what; and what follows from an outcome."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import ids
from domain.appeal import (
    AcceptAppeal,
    AddEvidence,
    Adjusting,
    AppealAccepted,
    AppealExpired,
    AppealFiled,
    AppealRejected,
    AppealUpheld,
    AssignReviewer,
    DecideAppeal,
    EscalateAppeal,
    ExpireAppeal,
    FileAppeal,
    Proof,
    ReturnAppeal,
    WithdrawAppeal,
)
from domain.appeal_decisions import APPEAL
from domain.appraisal import PublishResult
from domain.checks import TEXT_LENGTH_MAX
from domain.facts import ActualCorrected, CorrectActual
from domain.kernel import Refused
from domain.rater_panel import RaterApproved, RaterNominated
from domain.reopening import AcceptCorrection, AdjustingFactAccepted, AppraisalReopened, RelockScore

CHECKSUM = "sha256:" + "0f" * 32
PROOF = Proof(name="银行回单.pdf", checksum=CHECKSUM)
PUBLISHED = datetime(2025, 4, 18, 9, tzinfo=UTC)
"""A Friday: the tenth working day after it is Friday, 2 May."""
LATE = Adjusting(
    kind="actual",
    indicator="collection",
    value=Decimal(45000),
    occurred_on=date(2025, 3, 31),
)


class Case:
    """One appeal against the collection indicator of worked case 1, and its steps."""

    def __init__(self, company: Any) -> None:
        self.company, self.world = company, company.world
        self.appraisal = company.case_1()
        self.world.now = PUBLISHED
        self.world.do(PublishResult(), on=self.appraisal)
        self.id = ids.appeal_id(self.appraisal, 1, "collection")

    def filing(self, **changes: Any) -> FileAppeal:
        command = FileAppeal(
            appraisal_id=self.appraisal,
            lock_version=1,
            indicator="collection",
            statement="3月31日到账45,000元,4月2日才入账",
            proofs=(PROOF,),
        )
        return msgspec.structs.replace(command, **changes)

    def file(self, **changes: Any) -> tuple[Any, ...]:
        done: tuple[Any, ...] = self.world.do(self.filing(**changes), actor=self.company.seller)
        return done

    def do(self, command: Any, actor: UUID | None = None) -> tuple[Any, ...]:
        who = actor or self.company.head
        done: tuple[Any, ...] = self.world.do(command, on=self.id, actor=who)
        return done

    def refuses(self, code: str, command: Any, actor: UUID | None = None) -> None:
        self.world.refuses(code, command, on=self.id, actor=actor or self.company.head)

    def reviewed(self, reviewer: UUID | None = None) -> UUID:
        """Accepted, and in a reviewer's hands."""
        self.do(AcceptAppeal())
        reviewer = reviewer or self.company.authoriser
        self.do(AssignReviewer(reviewer_id=reviewer))
        return reviewer

    @property
    def state(self) -> Any:
        return self.world.states[self.id]


@pytest.fixture
def case(company: Any) -> Case:
    return Case(company)


def upheld(*adjusting: Adjusting, outcome: Any = "upheld") -> DecideAppeal:
    return DecideAppeal(outcome=outcome, reason="银行回单核实", adjusting=adjusting or (LATE,))


REJECTED = DecideAppeal(outcome="rejected", reason="回单日期为4月2日")


def test_cases_10_and_11_by_appeal_and_by_correction(case: Case, evaluate: Any) -> None:
    """89.76, after the appeal 91.36, after the cancelled contract 86.56; all stay readable."""
    case.file()
    reviewer = case.reviewed()
    decided, reopened, adjusted, corrected = case.do(upheld(), reviewer)
    assert decided == AppealUpheld(
        person_id=case.company.seller,
        adjusting=(LATE,),
        escalate_by=date(2025, 5, 2),
        reason="银行回单核实",
    )
    assert reopened == AppraisalReopened(
        person_id=case.company.seller,
        lock_version=1,
        cause="appeal",
        cause_id=case.id,
        reason="银行回单核实",
    )
    assert isinstance(adjusted, AdjustingFactAccepted)
    assert isinstance(corrected, ActualCorrected)
    assert not corrected.pending
    second, *_ = case.world.do(RelockScore(), on=case.appraisal)
    assert (second.lock_version, second.score) == (2, Decimal("91.36"))
    assert evaluate(second.explanation) == Decimal("0.9136")

    case.world.now = datetime(2025, 5, 20, 9, tzinfo=UTC)
    sheet = ids.fact_sheet_id(case.company.cycle, case.company.employment)
    (wrong,) = (
        fact.event_id for fact in case.world.states[sheet].facts if fact.indicator == "contract"
    )
    case.world.do(
        CorrectActual(
            cycle_id=case.company.cycle,
            employment_id=case.company.employment,
            indicator="contract",
            value=Decimal(960000),
            occurred_on=date(2025, 3, 15),
            supersedes=wrong,
            reason="合同取消",
        )
    )
    (pending,) = case.world.states[sheet].pending
    case.world.do(
        AcceptCorrection(correction=pending.event_id, reason="合同取消"),
        on=case.appraisal,
        actor=case.company.head,
    )
    third, *_ = case.world.do(RelockScore(), on=case.appraisal)
    assert (third.lock_version, third.score) == (3, Decimal("86.56"))
    versions = case.world.states[case.appraisal].versions
    assert [str(each.score) for each in versions] == ["89.76", "91.36", "86.56"]


def test_points_of_a_judged_indicator_may_be_adjusted(case: Case) -> None:
    """Duty 93 in the place of 88 is one point of the total."""
    case.id = ids.appeal_id(case.appraisal, 1, "duty")
    case.file(indicator="duty")
    reviewer = case.reviewed()
    points = Adjusting(kind="points", indicator="duty", value=Decimal(93))
    case.do(upheld(points, outcome="partly-upheld"), reviewer)
    relocked, *_ = case.world.do(RelockScore(), on=case.appraisal)
    assert relocked.score == Decimal("90.76")


def test_it_is_filed_within_ten_working_days_of_the_publication(case: Case) -> None:
    case.world.now = datetime(2025, 5, 3, 0, tzinfo=UTC)
    filing = case.filing()
    case.world.refuses("appeal-window-closed", filing, actor=case.company.seller)
    case.world.now = datetime(2025, 5, 2, 23, 59, tzinfo=UTC)
    (filed,) = case.file()
    assert isinstance(filed, AppealFiled)
    assert filed.file_by == date(2025, 5, 2)


def test_it_is_the_persons_own_and_about_what_was_shown(case: Case, company: Any) -> None:
    case.world.refuses("not-the-ratee", case.filing(), actor=company.manager)
    seller = company.seller
    for code, changes in (
        ("unknown-appraisal", {"appraisal_id": uuid4()}),
        ("result-not-published", {"lock_version": 2}),
        ("unknown-indicator", {"indicator": "tidiness"}),
        ("reason-missing", {"statement": " "}),
        ("bad-text", {"statement": "x" * (TEXT_LENGTH_MAX + 1)}),
        ("bad-checksum", {"proofs": (Proof(name="a", checksum="x"),)}),
        ("bad-name", {"proofs": (Proof(name="", checksum=CHECKSUM),)}),
        ("too-many-proofs", {"proofs": (PROOF,) * 21}),
    ):
        case.world.refuses(code, case.filing(**changes), actor=seller)
    case.file()
    case.world.refuses("already-exists", case.filing(), actor=seller)
    case.file(indicator="total")


def test_a_result_that_was_not_published_is_not_appealed(company: Any) -> None:
    appraisal = company.case_1()
    filing = FileAppeal(appraisal_id=appraisal, lock_version=1, indicator="duty", statement="x")
    company.world.refuses("result-not-published", filing, actor=company.seller)


def test_what_is_returned_may_be_filed_again_within_the_window(case: Case) -> None:
    case.file()
    case.refuses("reason-missing", ReturnAppeal(reason=""))
    case.do(ReturnAppeal(reason="缺少回单"))
    case.refuses("wrong-appeal-status", AcceptAppeal())
    case.refuses("appeal-not-overdue", ExpireAppeal())
    case.file(statement="附回单")
    assert case.state.status == "filed"
    case.do(ReturnAppeal(reason="缺少回单"))
    case.world.now = datetime(2025, 5, 3, 8, tzinfo=UTC)
    assert case.do(ExpireAppeal()) == (AppealExpired(),)
    case.refuses("appeal-window-closed", EscalateAppeal(reason="x"), case.company.seller)


def test_nobody_handles_their_own_appeal(case: Case) -> None:
    case.file()
    seller = case.company.seller
    case.refuses("own-result", AcceptAppeal(), seller)
    case.refuses("own-result", ReturnAppeal(reason="x"), seller)
    case.do(AcceptAppeal())
    case.refuses("own-result", AssignReviewer(reviewer_id=case.company.head), seller)


def test_the_reviewer_had_no_hand_in_the_score(company: Any) -> None:
    """Neither the manager nor who calibrated nor who authorised that."""
    appraisal = company.case_1(until="calibration")
    company.world.do(company.calibration(), on=appraisal, actor=company.head)
    company.lock(appraisal)
    company.world.do(PublishResult(), on=appraisal)
    appeal = ids.appeal_id(appraisal, 1, "total")
    filing = FileAppeal(appraisal_id=appraisal, lock_version=1, indicator="total", statement="x")
    company.world.do(filing, actor=company.seller)
    company.world.refuses("wrong-appeal-status", AssignReviewer(reviewer_id=uuid4()), on=appeal)
    company.world.do(AcceptAppeal(), on=appeal)
    for involved in (company.seller, company.manager, company.head, company.authoriser):
        company.world.refuses(
            "reviewer-not-independent", AssignReviewer(reviewer_id=involved), on=appeal
        )
    company.world.refuses("unknown-person", AssignReviewer(reviewer_id=uuid4()), on=appeal)
    company.world.do(AssignReviewer(reviewer_id=ids.person_id("finance")), on=appeal)


def test_who_rated_in_a_panel_does_not_review(case: Case) -> None:
    case.file()
    case.do(AcceptAppeal())
    peer = ids.person_id("finance")
    panel = ids.rater_panel_id(case.appraisal)
    nominated = RaterNominated(appraisal_id=case.appraisal, rater_id=peer, group="peer")
    case.world.append(panel, nominated)
    case.world.append(panel, RaterApproved(rater_id=peer))
    case.refuses("reviewer-not-independent", AssignReviewer(reviewer_id=peer))


def test_evidence_comes_from_both_sides_until_the_decision(case: Case) -> None:
    case.file()
    note = AddEvidence(note="对账单", proofs=(PROOF,))
    case.refuses("not-a-party", note, case.company.authoriser)
    reviewer = case.reviewed()
    case.do(note, reviewer)
    case.do(note, case.company.seller)
    case.do(REJECTED, reviewer)
    case.refuses("wrong-appeal-status", note, reviewer)


def test_only_the_reviewer_decides_and_says_why(case: Case) -> None:
    case.file()
    case.refuses("wrong-appeal-status", upheld(), case.company.authoriser)
    reviewer = case.reviewed()
    case.refuses("not-the-reviewer", upheld(), case.company.head)
    case.refuses("reason-missing", msgspec.structs.replace(REJECTED, reason=""), reviewer)


def change(adjusting: Adjusting, **changes: Any) -> Adjusting:
    return msgspec.structs.replace(adjusting, **changes)


POINTS = Adjusting(kind="points", indicator="duty", value=Decimal(90))


@pytest.mark.parametrize(
    ("code", "about", "adjusting"),
    [
        ("bad-adjustment", "collection", ()),
        ("bad-adjustment", "collection", (change(LATE, indicator="contract"),)),
        ("bad-adjustment", "collection", (change(LATE, occurred_on=None),)),
        ("bad-adjustment", "total", (change(LATE, kind="points", occurred_on=None),)),
        ("bad-adjustment", "duty", (change(POINTS, kind="actual"),)),
        ("bad-adjustment", "duty", (change(POINTS, occurred_on=date(2025, 3, 31)),)),
        ("bad-adjustment", "collection", (change(LATE, supersedes=UUID(int=9)),) * 2),
        ("unknown-actual", "collection", (change(LATE, supersedes=UUID(int=9)),)),
        ("outside-cycle", "collection", (change(LATE, occurred_on=date(2025, 4, 2)),)),
        ("bad-number", "collection", (change(LATE, value=Decimal("NaN")),)),
        ("points-out-of-range", "duty", (change(POINTS, value=Decimal(101)),)),
    ],
)
def test_what_an_outcome_cannot_establish(
    case: Case, code: str, about: str, adjusting: tuple[Adjusting, ...]
) -> None:
    case.id = ids.appeal_id(case.appraisal, 1, about)
    case.file(indicator=about)
    reviewer = case.reviewed()
    before = dict(case.world.states)
    command = DecideAppeal(outcome="upheld", reason="x", adjusting=adjusting)
    case.refuses(code, command, reviewer)
    assert case.world.states == before


def test_a_rejection_establishes_nothing(case: Case) -> None:
    case.file()
    reviewer = case.reviewed()
    wrong = DecideAppeal(outcome="rejected", reason="x", adjusting=(LATE,))
    case.refuses("bad-adjustment", wrong, reviewer)
    (rejected,) = case.do(REJECTED, reviewer)
    assert isinstance(rejected, AppealRejected)
    case.world.refuses("not-reopened", RelockScore(), on=case.appraisal)


def test_a_decision_is_escalated_once_and_to_another(case: Case) -> None:
    case.file()
    first = case.reviewed()
    seller = case.company.seller
    case.refuses("wrong-appeal-status", EscalateAppeal(reason="x"), seller)
    case.do(REJECTED, first)
    case.refuses("not-the-ratee", EscalateAppeal(reason="x"), case.company.head)
    case.do(EscalateAppeal(reason="回单日期有误读"), seller)
    case.refuses("reviewer-not-independent", AssignReviewer(reviewer_id=first))
    second = ids.person_id("finance")
    case.do(AssignReviewer(reviewer_id=second))
    case.refuses("not-the-reviewer", upheld(), first)
    case.do(REJECTED, second)
    case.refuses("already-escalated", EscalateAppeal(reason="x"), seller)


def test_an_upheld_appeal_is_final(case: Case) -> None:
    case.file()
    case.do(upheld(), case.reviewed())
    case.refuses("wrong-appeal-status", EscalateAppeal(reason="x"), case.company.seller)


def test_ten_working_days_to_escalate(case: Case) -> None:
    case.file()
    case.do(REJECTED, case.reviewed())
    case.world.now = datetime(2025, 5, 3, 8, tzinfo=UTC)
    case.refuses("appeal-window-closed", EscalateAppeal(reason="x"), case.company.seller)


def test_an_appeal_left_lying_expires_and_may_be_escalated(case: Case) -> None:
    """Fifteen working days from Friday, 18 April: until Friday, 9 May."""
    case.file()
    case.refuses("wrong-appeal-status", ExpireAppeal())
    (accepted,) = case.do(AcceptAppeal())
    assert accepted == AppealAccepted(decide_by=date(2025, 5, 9))
    case.world.now = datetime(2025, 5, 9, 23, tzinfo=UTC)
    case.refuses("appeal-not-overdue", ExpireAppeal())
    case.world.now = datetime(2025, 5, 12, 8, tzinfo=UTC)
    case.do(ExpireAppeal())
    case.do(EscalateAppeal(reason="无人处理"), case.company.seller)
    assert case.state.status == "escalated"


def test_the_person_may_withdraw_until_the_decision(case: Case) -> None:
    case.file()
    case.refuses("not-the-ratee", WithdrawAppeal(), case.company.head)
    case.do(WithdrawAppeal(), case.company.seller)
    case.refuses("wrong-appeal-status", WithdrawAppeal(), case.company.seller)
    case.refuses("wrong-appeal-status", AcceptAppeal())


@pytest.mark.parametrize(
    "command",
    [
        AcceptAppeal(),
        ReturnAppeal(reason="x"),
        AssignReviewer(reviewer_id=uuid4()),
        AddEvidence(note="x"),
        REJECTED,
        EscalateAppeal(reason="x"),
        WithdrawAppeal(),
        ExpireAppeal(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_was_not_filed_cannot_go_on(world: Any, command: Any) -> None:
    world.refuses("unknown-appeal", command, on=uuid4())


STEPS = (
    AcceptAppeal(),
    ReturnAppeal(reason="x"),
    AssignReviewer(reviewer_id=ids.person_id("finance")),
    AssignReviewer(reviewer_id=ids.person_id("head")),
    AddEvidence(note="x"),
    upheld(),
    upheld(outcome="partly-upheld"),
    REJECTED,
    EscalateAppeal(reason="x"),
    WithdrawAppeal(),
    ExpireAppeal(),
)
OUTCOMES = {"AppealUpheld", "AppealPartlyUpheld", "AppealRejected"}
PEOPLE = tuple(ids.person_id(name) for name in ("seller", "manager", "head", "finance", "hr"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(data=st.data())
def test_whatever_is_done_an_appeal_is_decided_at_most_twice(
    found_company: Callable[[], Any], data: st.DataObject
) -> None:
    """Refused means unchanged; replay gives the same; a score moves by upheld appeals alone."""
    case = Case(found_company())
    case.file()
    for _ in range(data.draw(st.integers(1, 20))):
        before = dict(case.world.states)
        try:
            command = data.draw(st.sampled_from((*STEPS, case.filing(), RelockScore())))
            on = case.appraisal if isinstance(command, RelockScore) else case.id
            case.world.do(command, on=on, actor=data.draw(st.sampled_from(PEOPLE)))
        except Refused:
            assert case.world.states == before
        case.world.now += timedelta(days=data.draw(st.integers(0, 12)))
    events = case.world.events(case.id)
    decisions = [each for each in events if type(each).__name__ in OUTCOMES]
    assert len(decisions) <= 1 + any(type(each).__name__ == "AppealEscalated" for each in events)
    moved = any(type(each).__name__ in OUTCOMES - {"AppealRejected"} for each in events)
    assert moved or len(case.world.states[case.appraisal].versions) == 1
    assert case.world.replayed().states == case.world.states
    assert case.state == case.world.state(APPEAL, case.id)
