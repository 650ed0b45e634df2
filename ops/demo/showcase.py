"""A company to look at: one quarter paid, one being compared, one being rated 演示公司.

What `merit up --demo` shows in the console. Everything in it was done over HTTP, by its people.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.cycle import PlanCycle
from ops.client import Api
from ops.demo.company import CASE_1, invent
from ops.demo.model import Company, Member
from ops.demo.quarter import Quarter
from ops.demo.steps import Steps

SCALE = Decimal("0.25")
"""Of the company of `make demo`: a few people a department."""

COMPARED = PlanCycle(
    code="2025Q2", name="2025年第二季度", starts_on=date(2025, 4, 1), ends_on=date(2025, 6, 30)
)
RATED = PlanCycle(
    code="2025Q3", name="2025年第三季度", starts_on=date(2025, 7, 1), ends_on=date(2025, 9, 30)
)


class Persona(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody to sign in as."""

    role: str
    """What they are an example of."""
    name: str
    roles: tuple[str, ...]
    person_id: UUID | None
    secret: str
    """Their access key."""


async def show(api: Api, administrator: str, steps: Steps) -> tuple[Persona, ...]:
    """Fill an empty tenant; who to sign in as.

    Args:
        api: of the running product.
        administrator: the secret of the tenant's administrator.
        steps: where progress is shown.

    Raises:
        Problem: something was refused that should not have been.
    """
    company = invent(scale=SCALE)
    first = Quarter(api, company, administrator, steps)
    await first.drive()
    for cycle, months in ((COMPARED, 3), (RATED, 2)):
        later = first.followed_by(_later(company, cycle, months))
        await later.begin()
        if cycle is COMPARED:
            await later.compare()
    return _personas(company, first)


def _later(company: Company, cycle: PlanCycle, months: int) -> Company:
    """The company in another quarter, of which the data of some months are in."""
    shift = cycle.starts_on.month - company.cycle.starts_on.month
    ends = sorted({each.occurred_on for each in company.facts})
    gone = {each.employment.number for each in company.members if each.termination is not None}
    counted = Counter((each.number, each.indicator) for each in company.facts)
    return msgspec.structs.replace(
        company,
        cycle=cycle,
        members=tuple(_still_here(each) for each in company.members),
        facts=tuple(
            msgspec.structs.replace(
                fact,
                feed=f"{fact.feed} {cycle.code}",
                occurred_on=_shifted(fact.occurred_on, shift),
            )
            for fact in company.facts
            # What is counted once a quarter is in; of what is counted by month, some months are.
            if fact.number not in gone
            and (fact.occurred_on in ends[:months] or counted[fact.number, fact.indicator] == 1)
        ),
    )


def _still_here(member: Member) -> Member:
    """Who left is not appraised any more."""
    if member.termination is None:
        return member
    return msgspec.structs.replace(member, targets=(), self_ratings=(), manager_ratings=())


def _shifted(day: date, months: int) -> date:
    """The last day of the month that many months later: data are of month ends."""
    number = day.month + months
    last = {4: 30, 6: 30, 9: 30, 11: 30}.get(number, 31)
    return date(day.year, number, last)


def _personas(company: Company, quarter: Quarter) -> tuple[Persona, ...]:
    one = next(each for each in company.members if each.employment.number == CASE_1)
    by_id = {each.person_id: each for each in company.members}
    chosen: Sequence[tuple[str, Member]] = (
        ("employee", one),
        ("manager", by_id[_manager_of(one)]),
        ("hr", by_id[company.hr]),
        ("finance", by_id[company.approver]),
        ("executive", by_id[company.executive]),
    )
    people = tuple(
        Persona(
            role=role,
            name=member.person.name,
            roles=member.roles,
            person_id=member.person_id,
            secret=quarter.key(member.person_id),
        )
        for role, member in chosen
    )
    auditor = Persona(
        role="auditor",
        name="审计 auditor",
        roles=("auditor",),
        person_id=None,
        secret=quarter.auditor,
    )
    return (*people, auditor)


def _manager_of(member: Member) -> UUID:
    if member.manager_id is None:
        raise ValueError(f"{member.person.number} is led by nobody")
    return member.manager_id
