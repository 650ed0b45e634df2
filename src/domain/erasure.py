"""Erasing what is personal about somebody: who asks, who approves, and what the law still keeps.

What is erased are the fields under the person's own key: names, comments, reasons. Scores, amounts
and ids stay, and with them sums, digests and proofs. 个人信息删除
"""

from calendar import monthrange
from datetime import date, timedelta
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import begun, checked_code, checked_reason, known
from domain.employment import EMPLOYMENT
from domain.ids import RETENTION_POLICY_ID
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.organisation import PERSON

MONTHS_DEFAULT = 24
"""After the end of employment; what labour law of the People's Republic asks for contracts and
wage records alike."""
MONTHS_MAX = 1200

Basis = Literal["subject-request", "retention-expired", "consent-withdrawn", "unlawful"]
"""本人请求, 保存期满, 撤回同意, 违法处理."""


# -- how long the law keeps what


class SetRetention(Command, frozen=True, kw_only=True):
    """What is personal about somebody is kept for so many months after their last employment."""

    months_after_employment: int
    reason: str
    """The law or the agreement that says so."""


class RetentionSet(Event, frozen=True, kw_only=True):
    """保存期限"""

    TOPIC = "retention-policy.set"
    months_after_employment: int
    reason: str


class RetentionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant's policy as it is now."""

    months_after_employment: int = MONTHS_DEFAULT


def _decide_policy(
    _state: RetentionPolicy, command: SetRetention, _context: Context
) -> tuple[RetentionSet, ...]:
    if not 0 <= command.months_after_employment <= MONTHS_MAX:
        raise Refused("bad-number", f"A retention is from 0 to {MONTHS_MAX} months.")
    return (
        RetentionSet(
            months_after_employment=command.months_after_employment,
            reason=checked_reason(command.reason),
        ),
    )


def _evolve_policy(_state: RetentionPolicy, happened: Happened[RetentionSet]) -> RetentionPolicy:
    event = happened.event
    match event:
        case RetentionSet():
            return RetentionPolicy(months_after_employment=event.months_after_employment)
        case _:
            assert_never(event)


RETENTION_POLICY: Decider[RetentionPolicy] = Decider(
    kind="retention-policy",
    initial=RetentionPolicy(),
    decide=_decide_policy,
    evolve=_evolve_policy,
)


# -- one person


class RequestErasure(Command, frozen=True, kw_only=True):
    """Ask that what is personal about somebody be erased; somebody else approves."""

    person_id: UUID
    basis: Basis
    reference: str
    """Of the file in which the request lies; nothing personal."""


class ErasureRequested(Event, frozen=True, kw_only=True):
    """申请删除"""

    TOPIC = "erasure.requested"
    person_id: UUID
    basis: Basis
    reference: str


class DeclineErasure(Command, frozen=True, kw_only=True):
    """Not to be erased, for a reason that the person is told."""

    reason: str


class ErasureDeclined(Event, frozen=True, kw_only=True):
    TOPIC = "erasure.declined"
    reason: str


class ApproveErasure(Command, frozen=True, kw_only=True):
    """By another than who asked, and not by the person; it cannot be taken back."""


class SubjectErased(Event, frozen=True, kw_only=True):
    """The person's keys are destroyed from here on, wherever this event is read. 删除"""

    TOPIC = "erasure.subject-erased"
    person_id: UUID


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure as it is now."""

    person_id: UUID
    basis: Basis
    reference: str
    requested_by: UUID
    state: Literal["requested", "declined", "erased"] = "requested"


ErasureCommand = RequestErasure | DeclineErasure | ApproveErasure
ErasureEvent = ErasureRequested | ErasureDeclined | SubjectErased


def kept_until(person_id: UUID, context: Context) -> date | None:
    """The day from which the law lets go of what is personal about somebody; None for any day.

    Raises:
        Refused: `erasure-blocked-by-retention`, while the person is employed.
    """
    person = known(context.look(PERSON, person_id), "unknown-person", "such person")
    found = context.look.all(EMPLOYMENT, person.employments)
    months = context.look(RETENTION_POLICY, RETENTION_POLICY_ID).months_after_employment
    until = None
    for employment in map(begun, found):
        if employment.last_day is None:
            raise Refused("erasure-blocked-by-retention", "The person is employed.")
        # The day after the last one begins the first of the months.
        day = months_after(employment.last_day + timedelta(days=1), months)
        until = day if until is None else max(until, day)
    return until


def months_after(day: date, months: int) -> date:
    """The same day of a later month; its last one where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > date.max.year:
        return date.max
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def _require_past_retention(person_id: UUID, context: Context) -> None:
    until = kept_until(person_id, context)
    if until is not None and context.today < until:
        raise Refused("erasure-blocked-by-retention", f"It is kept until {until.isoformat()}.")


def _decide(
    state: Erasure | None, command: ErasureCommand, context: Context
) -> tuple[ErasureEvent, ...]:
    if isinstance(command, RequestErasure):
        if state is not None and state.state != "declined":
            raise Refused("already-exists", f"The erasure is {state.state} already.")
        reference = checked_code(command.reference, "reference")
        _require_past_retention(command.person_id, context)
        return (
            ErasureRequested(person_id=command.person_id, basis=command.basis, reference=reference),
        )
    erasure = known(state, "unknown-erasure", "request to erase this person")
    if erasure.state != "requested":
        raise Refused("erasure-decided", f"The erasure is {erasure.state}.")
    match command:
        case DeclineErasure():
            return (ErasureDeclined(reason=checked_reason(command.reason)),)
        case ApproveErasure():
            if context.actor in {erasure.requested_by, erasure.person_id}:
                raise Refused("same-actor", "An erasure is approved by another than who asked.")
            _require_past_retention(erasure.person_id, context)
            return (SubjectErased(person_id=erasure.person_id),)
        case _:
            assert_never(command)


def _evolve(state: Erasure | None, happened: Happened[ErasureEvent]) -> Erasure:
    event = happened.event
    match event:
        case ErasureRequested():
            return Erasure(
                person_id=event.person_id,
                basis=event.basis,
                reference=event.reference,
                requested_by=happened.actor,
            )
        case ErasureDeclined():
            return msgspec.structs.replace(begun(state), state="declined")
        case SubjectErased():
            return msgspec.structs.replace(begun(state), state="erased")
        case _:
            assert_never(event)


ERASURE: Decider[Erasure | None] = Decider(
    kind="erasure", initial=None, decide=_decide, evolve=_evolve
)
