"""What the old system had paid, rated and measured: facts of the past, not decisions of ours.

They are kept beside the employment (or the unit) so that sums agree with the old system and later
appraisals can be compared with earlier ones; no payout and no score is ever computed from them.
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_code, checked_number, checked_text, known
from domain.employment import EMPLOYMENT
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.money import Amount, Money, add_up, money_of
from domain.org_units import ORG_UNIT
from domain.withdrawal import check_taking_back

SubjectKind = Literal["employment", "org-unit"]
PARTS_MAX = 200


class PayPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of pay by the name that the old system gave it, such as 岗位工资."""

    name: str
    amount: Amount


class PaidPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of pay, exact."""

    name: str
    amount: Money


class RecordHistoricalPay(Command, frozen=True, kw_only=True):
    """What somebody was paid in a period of the past."""

    employment_id: UUID
    measure: str
    """What it is, such as "gross-pay" or 应发."""
    period: str
    """As the old system names it, such as 2014 or 2020-06."""
    starts_on: date
    ends_on: date
    total: Amount
    parts: tuple[PayPart, ...] = ()
    """Where there are any they add up to the total."""


class HistoricalPayRecorded(Event, frozen=True, kw_only=True):
    """历史薪酬"""

    TOPIC = "historical-record.pay-recorded"
    subject_id: UUID
    measure: str
    period: str
    starts_on: date
    ends_on: date
    total: Money
    parts: tuple[PaidPart, ...] = ()


class RecordHistoricalRating(Command, frozen=True, kw_only=True):
    """How somebody was rated in a period of the past, on the old system's own scale."""

    employment_id: UUID
    measure: str
    period: str
    starts_on: date
    ends_on: date
    rating: Decimal
    scale_min: Decimal
    scale_max: Decimal
    label: str = ""


class HistoricalRatingRecorded(Event, frozen=True, kw_only=True):
    """历史绩效"""

    TOPIC = "historical-record.rating-recorded"
    subject_id: UUID
    measure: str
    period: str
    starts_on: date
    ends_on: date
    rating: Decimal
    scale_min: Decimal
    scale_max: Decimal
    label: str = ""


class RecordHistoricalFact(Command, frozen=True, kw_only=True):
    """A figure of the past: a sale, a quota, a task, an attendance, of a person or of a unit."""

    subject_kind: SubjectKind
    subject_id: UUID
    measure: str
    reference: str
    """What tells it from others of its measure: a number or a row of the old system."""
    occurred_on: date
    value: Decimal
    unit: str = ""
    """Such as a currency, hours or days."""
    label: str = ""


class HistoricalFactRecorded(Event, frozen=True, kw_only=True):
    """历史业务数据"""

    TOPIC = "historical-record.fact-recorded"
    subject_kind: SubjectKind
    subject_id: UUID
    measure: str
    reference: str
    occurred_on: date
    value: Decimal
    unit: str = ""
    label: str = ""


class WithdrawHistoricalEntry(Command, frozen=True, kw_only=True):
    """The import that brought this entry is taken back."""

    import_id: UUID
    measure: str
    reference: str
    """The period of pay and ratings."""


class HistoricalEntryWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "historical-record.entry-withdrawn"
    import_id: UUID
    measure: str
    reference: str


class HistoricalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a subject's past, by what tells one entry from another."""

    entries: frozenset[tuple[str, str]] = frozenset()
    """Measure and reference."""


HistoricalCommand = (
    RecordHistoricalPay | RecordHistoricalRating | RecordHistoricalFact | WithdrawHistoricalEntry
)
HistoricalEvent = (
    HistoricalPayRecorded
    | HistoricalRatingRecorded
    | HistoricalFactRecorded
    | HistoricalEntryWithdrawn
)


def _decide(
    state: HistoricalRecord, command: HistoricalCommand, context: Context
) -> Iterable[Event]:
    match command:
        case RecordHistoricalPay():
            _of_employment(command.employment_id, context)
            _new(state, command.measure, command.period)
            _dates(command.starts_on, command.ends_on)
            return (_pay(command),)
        case RecordHistoricalRating():
            _of_employment(command.employment_id, context)
            _new(state, command.measure, command.period)
            _dates(command.starts_on, command.ends_on)
            return (_rating(command),)
        case RecordHistoricalFact():
            return (_fact(state, command, context),)
        case WithdrawHistoricalEntry():
            check_taking_back(command.import_id, context)
            if (command.measure, command.reference) not in state.entries:
                raise Refused("no-historical-entry", "There is no such entry.")
            return (
                HistoricalEntryWithdrawn(
                    import_id=command.import_id,
                    measure=command.measure,
                    reference=command.reference,
                ),
            )
        case _:
            assert_never(command)


def _of_employment(employment_id: UUID, context: Context) -> None:
    known(context.look(EMPLOYMENT, employment_id), "unknown-employment", "such employment")


def _new(state: HistoricalRecord, measure: str, reference: str) -> None:
    checked_code(measure, "measure")
    checked_code(reference, "reference")
    if (measure, reference) in state.entries:
        raise Refused("historical-entry-exists", f"{measure} of {reference} is known already.")


def _dates(starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise Refused("bad-date", "A period ends on its first day or later.")


def _pay(command: RecordHistoricalPay) -> HistoricalPayRecorded:
    total = money_of(command.total, "total")
    if len(command.parts) > PARTS_MAX:
        raise Refused("bad-text", f"Pay has at most {PARTS_MAX} parts.")
    parts = tuple(
        PaidPart(name=checked_code(each.name, "part"), amount=money_of(each.amount, each.name[:20]))
        for each in command.parts
    )
    if parts and add_up([each.amount for each in parts], total.currency) != total:
        raise Refused("parts-do-not-add-up", "The parts of pay are not its total.")
    return HistoricalPayRecorded(
        subject_id=command.employment_id,
        measure=command.measure,
        period=command.period,
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        total=total,
        parts=parts,
    )


def _rating(command: RecordHistoricalRating) -> HistoricalRatingRecorded:
    least = checked_number(command.scale_min, "least rating")
    most = checked_number(command.scale_max, "highest rating")
    return HistoricalRatingRecorded(
        subject_id=command.employment_id,
        measure=command.measure,
        period=command.period,
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        rating=checked_number(command.rating, "rating", least=least, most=most),
        scale_min=least,
        scale_max=most,
        label=checked_text(command.label, "label"),
    )


def _fact(
    state: HistoricalRecord, command: RecordHistoricalFact, context: Context
) -> HistoricalFactRecorded:
    if command.subject_kind == "employment":
        _of_employment(command.subject_id, context)
    else:
        known(context.look(ORG_UNIT, command.subject_id), "unknown-org-unit", "such unit")
    _new(state, command.measure, command.reference)
    return HistoricalFactRecorded(
        subject_kind=command.subject_kind,
        subject_id=command.subject_id,
        measure=command.measure,
        reference=command.reference,
        occurred_on=command.occurred_on,
        value=checked_number(command.value, "value"),
        unit=checked_text(command.unit, "unit"),
        label=checked_text(command.label, "label"),
    )


def _evolve(state: HistoricalRecord, happened: Happened[HistoricalEvent]) -> HistoricalRecord:
    event = happened.event
    match event:
        case HistoricalPayRecorded() | HistoricalRatingRecorded():
            return HistoricalRecord(entries=state.entries | {(event.measure, event.period)})
        case HistoricalFactRecorded():
            return HistoricalRecord(entries=state.entries | {(event.measure, event.reference)})
        case HistoricalEntryWithdrawn():
            return HistoricalRecord(entries=state.entries - {(event.measure, event.reference)})
        case _:
            assert_never(event)


HISTORICAL_RECORD: Decider[HistoricalRecord] = Decider(
    kind="historical-record", initial=HistoricalRecord(), decide=_decide, evolve=_evolve
)
