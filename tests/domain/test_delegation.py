"""Approvals are delegated for some days and kinds; what keeps people apart holds for both."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from domain import ids
from domain.delegation import (
    ApprovalKind,
    DelegationGiven,
    DelegationRevoked,
    GiveDelegation,
    RevokeDelegation,
    in_the_name_of,
)
from domain.kernel import Context, Refused
from domain.time_request import TIME_REQUEST, ApproveTimeRequest, RequestOvertime

FIRST, LAST = date(2025, 4, 1), date(2025, 4, 11)
DAY = date(2025, 3, 10)


@pytest.fixture
def give(company: Any) -> GiveDelegation:
    return GiveDelegation(
        person_id=company.manager,
        delegate_id=company.head,
        kinds=("time", "goals"),
        starts_on=FIRST,
        ends_on=LAST,
        reason="休假",
    )


@pytest.fixture
def lent(company: Any, give: GiveDelegation) -> UUID:
    stream = ids.delegation_id(company.manager, company.head, FIRST)
    (given,) = company.world.do(give, on=stream, actor=company.manager)
    assert given == DelegationGiven(
        person_id=company.manager,
        delegate_id=company.head,
        kinds=("goals", "time"),
        starts_on=FIRST,
        ends_on=LAST,
        reason="休假",
    )
    return stream


@pytest.fixture
def overtime(company: Any) -> UUID:
    stream = ids.time_request_id(company.employment, "overtime", DAY)
    asked = RequestOvertime(employment_id=company.employment, on=DAY, minutes=60, reason="盘点")
    company.world.do(asked, on=stream, actor=company.seller)
    return stream


def decide(
    company: Any, lent: UUID, request: UUID, actor: UUID, kind: ApprovalKind = "time"
) -> tuple[Any, ...]:
    """What comes of approving a request by a delegation."""
    world = company.world
    decider = in_the_name_of(TIME_REQUEST, lent, kind)
    context = Context(now=world.now, actor=actor, look=world)
    state = world.state(TIME_REQUEST, request)
    return decider.carry_out(request, state, ApproveTimeRequest(), context)


def refused(company: Any, lent: UUID, request: UUID, actor: UUID, **kind: Any) -> str:
    with pytest.raises(Refused) as no:
        decide(company, lent, request, actor, **kind)
    return no.value.code


def test_a_delegate_decides_and_nobody_else(company: Any, lent: UUID, overtime: UUID) -> None:
    assert decide(company, lent, overtime, company.head)
    assert refused(company, lent, overtime, company.manager) == "not-delegated"
    assert refused(company, lent, overtime, ids.person_id("hr")) == "not-delegated"
    assert refused(company, lent, overtime, company.head, kind="rewards") == "not-delegated"
    assert refused(company, ids.person_id("?"), overtime, company.head) == "unknown-delegation"


def test_it_ends_on_its_day_and_when_it_is_taken_back(
    company: Any, lent: UUID, overtime: UUID, give: GiveDelegation
) -> None:
    world = company.world
    begun = world.now
    world.now = begun - timedelta(days=1)
    assert refused(company, lent, overtime, company.head) == "not-delegated"
    world.now = begun + (LAST - FIRST)
    assert decide(company, lent, overtime, company.head)
    world.now = begun + (LAST - FIRST) + timedelta(days=1)
    assert refused(company, lent, overtime, company.head) == "not-delegated"
    world.refuses("delegation-ended", RevokeDelegation(), on=lent, actor=company.manager)
    world.now = begun
    world.refuses("already-exists", give, on=lent, actor=company.manager)
    (revoked,) = world.do(RevokeDelegation(reason="返岗"), on=lent, actor=company.manager)
    assert revoked == DelegationRevoked(person_id=company.manager, reason="返岗")
    assert refused(company, lent, overtime, company.head) == "not-delegated"
    world.refuses("delegation-ended", RevokeDelegation(), on=lent, actor=company.manager)
    world.do(give, on=lent, actor=company.manager)
    assert decide(company, lent, overtime, company.head)


def test_nobody_is_judge_in_their_own_case_in_whoevers_name(
    company: Any, give: GiveDelegation, overtime: UUID
) -> None:
    world = company.world
    # To the one whose request it is: they may not decide it, whoever's name they use.
    to_seller = msgspec.structs.replace(give, delegate_id=company.seller)
    stream = ids.delegation_id(company.manager, company.seller, FIRST)
    world.do(to_seller, on=stream, actor=company.manager)
    assert refused(company, stream, overtime, company.seller) == "own-time-request"
    # And from them: who decides for them is not freed from what binds them.
    of_seller = msgspec.structs.replace(give, person_id=company.seller)
    stream = ids.delegation_id(company.seller, company.head, FIRST)
    world.do(of_seller, on=stream, actor=company.seller)
    assert refused(company, stream, overtime, company.head) == "own-time-request"


def test_what_is_delegated_is_said_and_to_another(company: Any, give: GiveDelegation) -> None:
    world, replace = company.world, msgspec.structs.replace
    stream = ids.delegation_id(company.manager, company.head, FIRST)
    for code, wrong in (
        ("unknown-person", replace(give, delegate_id=ids.person_id("nobody"))),
        ("own-delegation", replace(give, delegate_id=company.manager)),
        ("bad-kinds", replace(give, kinds=())),
        ("bad-kinds", replace(give, kinds=("time", "time"))),
        ("bad-date", replace(give, ends_on=FIRST - timedelta(days=1))),
    ):
        world.refuses(code, wrong, on=stream, actor=company.manager)
    # Personnel gives for somebody who is away: to a third, and says why.
    personnel = ids.person_id("hr")
    world.refuses(
        "own-delegation", replace(give, delegate_id=personnel), on=stream, actor=personnel
    )
    world.refuses("reason-missing", replace(give, reason=""), on=stream, actor=personnel)
    world.do(give, on=stream, actor=personnel)
    world.refuses("unknown-delegation", RevokeDelegation(), on=ids.person_id("?"))
