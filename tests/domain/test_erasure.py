"""Erasure by two people and after retention; a fork that never pays."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from domain import ids
from domain.erasure import (
    ApproveErasure,
    Basis,
    DeclineErasure,
    ErasureDeclined,
    ErasureRequested,
    RequestErasure,
    RetentionSet,
    SetRetention,
    SubjectErased,
)
from domain.organisation import RehireEmployee, TerminateEmployment
from domain.origin import Forked, MarkAsFork
from domain.payout import (
    InstructBatch,
    InstructPayment,
    ReturnPayment,
    SettleBatch,
    SettlePayment,
)
from domain.reconciliation import ExportJournal

OFFICER = ids.person_id("officer")
BOSS = ids.person_id("boss")
SELLER = ids.person_id("seller")
STREAM = ids.erasure_id(SELLER)


def request(basis: Basis = "subject-request", person: Any = SELLER) -> RequestErasure:
    return RequestErasure(person_id=person, basis=basis, reference="DSR-17")


def gone(company: Any, last_day: date = date(2025, 4, 30)) -> Any:
    company.world.do(
        TerminateEmployment(last_day=last_day, leaver="good-leaver", reason="辞职"),
        on=company.employment,
    )
    return company.world


def test_two_people_erase_a_third_once_the_law_lets_go(company: Any) -> None:
    world = gone(company)
    told = world.refuses("erasure-blocked-by-retention", request(), actor=OFFICER)
    assert told == "It is kept until 2027-05-01."
    world.now = datetime(2027, 4, 30, 23, 59, tzinfo=UTC)
    world.refuses("erasure-blocked-by-retention", request(), actor=OFFICER)
    world.now = datetime(2027, 5, 1, tzinfo=UTC)
    asked = ErasureRequested(person_id=SELLER, basis="subject-request", reference="DSR-17")
    assert world.do(request(), actor=OFFICER) == (asked,)
    world.refuses("already-exists", request(), actor=BOSS)
    for same in (OFFICER, SELLER):
        world.refuses("same-actor", ApproveErasure(), on=STREAM, actor=same)
    assert world.do(ApproveErasure(), on=STREAM, actor=BOSS) == (SubjectErased(person_id=SELLER),)
    for command in (ApproveErasure(), DeclineErasure(reason="x")):
        world.refuses("erasure-decided", command, on=STREAM, actor=BOSS)
    world.refuses("already-exists", request(), actor=OFFICER)


def test_who_is_employed_is_not_erased(company: Any) -> None:
    told = company.world.refuses("erasure-blocked-by-retention", request(), actor=OFFICER)
    assert told == "The person is employed."


def test_the_last_of_several_employments_counts(company: Any) -> None:
    world = gone(company, date(2025, 1, 31))
    again = RehireEmployee(
        number="seller-2",
        person_id=SELLER,
        hired_on=date(2025, 3, 1),
        assignment=company.assignment(),
        previous_employment_id=company.employment,
    )
    world.do(again)
    told = world.refuses("erasure-blocked-by-retention", request(), actor=OFFICER)
    assert told == "The person is employed."
    ended = TerminateEmployment(last_day=date(2025, 3, 31), leaver="good-leaver", reason="辞职")
    world.do(ended, on=ids.employment_id("seller-2"))
    told = world.refuses("erasure-blocked-by-retention", request(), actor=OFFICER)
    assert told == "It is kept until 2027-04-01."


@pytest.mark.parametrize(
    ("months", "until"), [(1, "2025-03-01"), (13, "2026-03-01"), (1200, "2125-02-01")]
)
def test_the_tenant_says_for_how_long(company: Any, months: int, until: str) -> None:
    world = gone(company, date(2025, 1, 31))
    set_ = RetentionSet(months_after_employment=months, reason="劳动合同法第五十条")
    command = SetRetention(months_after_employment=months, reason="劳动合同法第五十条")
    assert world.do(command) == (set_,)
    world.now = datetime(2025, 2, 1, tzinfo=UTC)
    told = world.refuses("erasure-blocked-by-retention", request(), actor=OFFICER)
    assert told == f"It is kept until {until}."


def test_a_retention_longer_in_the_meantime_stops_the_approval(company: Any) -> None:
    world = gone(company, date(2025, 1, 31))
    world.now = datetime(2027, 2, 1, tzinfo=UTC)
    world.do(request(), actor=OFFICER)
    world.do(SetRetention(months_after_employment=36, reason="税务稽查"))
    world.refuses("erasure-blocked-by-retention", ApproveErasure(), on=STREAM, actor=BOSS)


def test_who_was_never_employed_is_erased_at_once(company: Any) -> None:
    stream = ids.erasure_id(company.head)
    company.world.do(request(person=company.head), actor=OFFICER)
    company.world.do(ApproveErasure(), on=stream, actor=BOSS)


def test_a_declined_request_may_be_made_again(company: Any) -> None:
    world, stream = company.world, ids.erasure_id(company.head)
    world.do(request(person=company.head), actor=OFFICER)
    declined = ErasureDeclined(reason="诉讼未结")
    assert world.do(DeclineErasure(reason="诉讼未结"), on=stream, actor=BOSS) == (declined,)
    world.do(request(person=company.head), actor=BOSS)
    world.refuses("same-actor", ApproveErasure(), on=stream, actor=BOSS)


def test_what_is_not_there_is_not_erased(company: Any) -> None:
    world = company.world
    world.refuses("unknown-person", request(person=uuid4()))
    world.refuses("unknown-erasure", ApproveErasure(), on=STREAM)
    reference = RequestErasure(person_id=company.head, basis="unlawful", reference=" ")
    world.refuses("bad-code", reference)
    world.refuses("bad-number", SetRetention(months_after_employment=-1, reason="x"))
    world.refuses("reason-missing", SetRetention(months_after_employment=1, reason=" "))


# -- forks


def test_a_fork_scores_and_prepares_and_never_pays(payroll: Any) -> None:
    world = payroll.world
    appraisals = payroll.judged((("A", "20000.00", "89.76"), ("B", "20000.00", "80")))
    batch = payroll.approve(payroll.prepare(appraisals[0]))
    line = payroll.line_ids(batch)[0]
    world.do(InstructBatch(bank_account="ICBC-1"), on=batch)
    mark = MarkAsFork(tenant_id=uuid4(), position=len(world.log))
    assert world.do(mark) == (Forked(tenant_id=mark.tenant_id, position=mark.position),)
    world.refuses("already-exists", mark)
    second = payroll.approve(payroll.prepare(appraisals[1]))
    other = payroll.line_ids(second)[0]
    for command, stream in (
        (InstructBatch(bank_account="ICBC-1"), second),
        (SettleBatch(bank_account="ICBC-1", bank_reference="B-1"), batch),
        (InstructPayment(bank_account="ICBC-1"), other),
        (SettlePayment(bank_reference="B-1"), line),
        (ReturnPayment(bank_reference="B-1", reason="账号有误"), line),
        (ExportJournal(system="SAP", through=1), ids.journal_id("SAP")),
    ):
        world.refuses("fork-never-pays", command, on=stream)
