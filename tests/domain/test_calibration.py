"""Calibration sessions: proposed, decided by another, checked against a target, closed."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from domain import ids
from domain.appraisal import CalibrationApplied, LockScore
from domain.calibration import (
    AddToCalibrationSession,
    BandCount,
    CalibrationSessionClosed,
    CalibrationSessionOpened,
    CheckDistribution,
    CloseCalibrationSession,
    DecideRatingChange,
    DistributionChecked,
    OpenCalibrationSession,
    ProposeRatingChange,
    RatingChangeDecided,
    RatingChangeProposed,
    TargetBand,
)
from domain.calibration_decisions import APPRAISALS_MAX
from domain.conduct import CalibrationSessionJoined

TARGET = tuple(
    TargetBand(code=code, from_score=Decimal(edge), share=Decimal(share))
    for code, edge, share in (
        ("A", 95, 10),
        ("B", 85, 20),
        ("C", 70, 40),
        ("D", 60, 20),
        ("E", 0, 10),
    )
)
SESSION = ids.calibration_session_id("CAL-1")


class Room:
    """People with a judged score each, and the session that may change it."""

    def __init__(self, company: Any, *scores: str) -> None:
        self.company, self.world = company, company.world
        company.open(company.judged_scheme(a=10000))
        self.people = [f"person-{n:02}" for n in range(len(scores))]
        self.appraisals = [
            company.create_appraisal(company.hire(number, manager_id=company.manager))
            for number in self.people
        ]
        company.advance("rating")
        for appraisal, score in zip(self.appraisals, scores, strict=True):
            company.rate_as_manager(appraisal, a=score)
        company.advance("calibration")

    def opening(self, *appraisals: UUID, **changes: Any) -> OpenCalibrationSession:
        command = OpenCalibrationSession(
            code="CAL-1",
            name="营销部校准会",
            cycle_id=self.company.cycle,
            appraisal_ids=appraisals or tuple(self.appraisals),
        )
        return msgspec.structs.replace(command, **changes)

    def propose(self, index: int = 0, adjustment: str = "-2.00", actor: UUID | None = None) -> Any:
        change = ProposeRatingChange(
            appraisal_id=self.appraisals[index],
            adjustment=Decimal(adjustment),
            reason_code="peer-comparison",
            reason="同级对比",
        )
        return self.world.do(change, on=SESSION, actor=actor or self.company.manager)

    def decision(self, proposal: int = 1, *, accepted: bool = True) -> DecideRatingChange:
        return DecideRatingChange(
            proposal=proposal, accepted=accepted, reason_code="agreed", reason="一致同意"
        )


@pytest.fixture
def room(company: Any) -> Room:
    return Room(company, "88", "86.50", "72")


# -- worked case 16


def test_case_16_forced_distribution_of_23_people(company: Any) -> None:
    """10/20/40/20/10 percent of 23 people: 2/5/9/5/2."""
    by_band = {"97": 3, "90": 5, "75": 8, "65": 5, "50": 2}
    scores = [score for score, times in by_band.items() for _ in range(times)]
    room = Room(company, *scores)
    room.world.do(room.opening(target=TARGET))
    (checked,) = room.world.do(CheckDistribution(), on=SESSION)
    wanted, found = (2, 5, 9, 5, 2), (3, 5, 8, 5, 2)
    assert checked == DistributionChecked(
        people=23,
        bands=tuple(
            BandCount(code=code, wanted=each, found=there)
            for code, each, there in zip("ABCDE", wanted, found, strict=True)
        ),
        fits=False,
    )
    close = CloseCalibrationSession()
    room.world.refuses("distribution-off-target", close, on=SESSION)

    room.propose(0, "-7.01")  # from A by two bands down: 89.99 is one too many of B
    room.propose(3, "-15.01")  # and one of B to C
    for number in (1, 2):
        room.world.do(room.decision(number), on=SESSION, actor=company.head)
    room.world.refuses("distribution-unchecked", close, on=SESSION)
    (checked,) = room.world.do(CheckDistribution(), on=SESSION)
    assert tuple(band.found for band in checked.bands) == wanted
    assert checked.fits
    assert room.world.do(close, on=SESSION) == (CalibrationSessionClosed(reason=""),)


def test_a_distribution_off_target_needs_a_reason(room: Room) -> None:
    room.world.do(room.opening(target=TARGET))
    room.world.refuses("distribution-unchecked", CloseCalibrationSession(), on=SESSION)
    room.world.do(CheckDistribution(), on=SESSION)
    close = CloseCalibrationSession(reason="样本过小")
    assert room.world.do(close, on=SESSION) == (CalibrationSessionClosed(reason="样本过小"),)


# -- changes


def test_an_accepted_change_is_the_rating(room: Room) -> None:
    """It is proposed by one, authorised by another, and nothing has to be typed again."""
    company = room.company
    room.world.do(room.opening())
    person = ids.person_id(room.people[0])
    assert room.propose() == (
        RatingChangeProposed(
            proposal=1,
            appraisal_id=room.appraisals[0],
            person_id=person,
            adjustment=Decimal("-2.00"),
            reason_code="peer-comparison",
            score_before=Decimal("88.00"),
            score_after=Decimal("86.00"),
            reason="同级对比",
        ),
    )
    for code, actor in (
        ("same-actor", company.manager),
        ("own-result", person),
    ):
        room.world.refuses(code, room.decision(), on=SESSION, actor=actor)
    assert room.world.do(room.decision(), on=SESSION, actor=company.head) == (
        RatingChangeDecided(
            proposal=1,
            appraisal_id=room.appraisals[0],
            person_id=person,
            accepted=True,
            reason_code="agreed",
            authorised_by=company.head,
            reason="一致同意",
        ),
        CalibrationApplied(
            person_id=person,
            adjustment=Decimal("-2.00"),
            reason_code="agreed",
            authorised_by=company.head,
            reason="一致同意",
        ),
    )
    room.world.refuses("already-decided", room.decision(), on=SESSION, actor=company.head)
    room.world.do(CloseCalibrationSession(), on=SESSION)
    locked, _ = company.lock(room.appraisals[0])
    assert locked.score == Decimal("86.00")


def test_a_change_that_is_not_accepted_changes_nothing(room: Room) -> None:
    room.world.do(room.opening())
    room.propose(1, "5")
    decision = room.decision(accepted=False)
    (decided,) = room.world.do(decision, on=SESSION, actor=room.company.head)
    assert not decided.accepted
    room.world.do(CloseCalibrationSession(), on=SESSION)
    locked, _ = room.company.lock(room.appraisals[1])
    assert locked.score == Decimal("86.50")


def test_who_rated_or_is_managed_does_not_decide(room: Room) -> None:
    company = room.company
    room.world.do(room.opening())
    room.propose(actor=company.head)
    room.world.refuses("calibrator-is-rater", room.decision(), on=SESSION, actor=company.manager)
    company.hire("deputy", manager_id=ids.person_id(room.people[0]))
    deputy = ids.person_id("deputy")
    room.world.refuses("own-managers-result", room.decision(), on=SESSION, actor=deputy)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("not-in-session", {"appraisal_id": uuid4()}),
        ("bad-number", {"adjustment": Decimal("100.01")}),
        ("bad-number", {"adjustment": Decimal("0.001")}),
        ("reason-missing", {"reason": " "}),
        ("bad-code", {"reason_code": ""}),
    ],
)
def test_what_is_not_proposed(room: Room, code: str, changes: dict[str, Any]) -> None:
    room.world.do(room.opening())
    change = ProposeRatingChange(
        appraisal_id=room.appraisals[0], adjustment=Decimal(1), reason_code="x", reason="x"
    )
    wrong = msgspec.structs.replace(change, **changes)
    room.world.refuses(code, wrong, on=SESSION)
    own = ids.person_id(room.people[0])
    room.world.refuses("own-result", change, on=SESSION, actor=own)


# -- the lock waits


def test_no_score_is_locked_while_its_session_is_open(room: Room) -> None:
    first, second, third = room.appraisals
    opened, *joined = room.world.do(room.opening(first))
    assert isinstance(opened, CalibrationSessionOpened)
    assert joined == [CalibrationSessionJoined(session_id=SESSION)]
    room.world.refuses("calibration-session-open", LockScore(), on=first)
    room.company.lock(third)
    room.world.do(AddToCalibrationSession(appraisal_ids=(second,)), on=SESSION)
    room.world.refuses("calibration-session-open", LockScore(), on=second)
    late = AddToCalibrationSession(appraisal_ids=(third,))
    room.world.refuses("already-locked", late, on=SESSION)
    room.world.do(CloseCalibrationSession(), on=SESSION)
    for appraisal in (first, second):
        room.company.lock(appraisal)
    room.world.refuses("session-closed", CheckDistribution(), on=SESSION)


def test_an_undecided_proposal_keeps_the_session_open(room: Room) -> None:
    room.world.do(room.opening())
    room.propose()
    room.world.refuses("proposals-undecided", CloseCalibrationSession(), on=SESSION)
    room.world.refuses("unknown-proposal", room.decision(2), on=SESSION)
    room.world.refuses("unknown-proposal", room.decision(0), on=SESSION)


# -- what a session may be


def test_who_is_taken_into_a_session(room: Room) -> None:
    first = room.appraisals[0]
    refuses = room.world.refuses
    refuses("nothing-to-calibrate", room.opening(appraisal_ids=()))
    refuses("duplicate-appraisal", room.opening(first, first))
    refuses("unknown-appraisal", room.opening(uuid4()))
    refuses("unknown-cycle", room.opening(cycle_id=uuid4()))
    crowd = tuple(UUID(int=number) for number in range(APPRAISALS_MAX + 1))
    refuses("session-too-large", room.opening(*crowd))
    room.world.do(room.opening(first))
    refuses("already-exists", room.opening(first))
    refuses("calibration-session-open", room.opening(first, code="CAL-2"))
    refuses("no-target", CheckDistribution(), on=SESSION)
    refuses("unknown-calibration-session", CheckDistribution(), on=uuid4())


@pytest.mark.parametrize(
    "target",
    [
        TARGET[:-1],
        TARGET[::-1],
        (*TARGET[:-1], msgspec.structs.replace(TARGET[-1], from_score=Decimal(60))),
        (*TARGET[:-1], msgspec.structs.replace(TARGET[-1], code="A")),
        (*TARGET[:-1], msgspec.structs.replace(TARGET[-1], share=Decimal(11))),
        (*TARGET[:-1], msgspec.structs.replace(TARGET[-1], share=Decimal(-10))),
    ],
)
def test_a_target_is_a_whole(room: Room, target: tuple[TargetBand, ...]) -> None:
    room.world.refuses("bad-distribution", room.opening(target=target))
