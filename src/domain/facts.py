"""Fact sheets: what was achieved, as it was recorded and as it was corrected since."""

from datetime import date
from decimal import Decimal
from typing import assert_never
from uuid import UUID

import msgspec

from domain.appraisal import Appraisal
from domain.calendar import Span
from domain.checks import begun, checked_number, checked_reason, known
from domain.cycle import CYCLE, Cycle
from domain.feeds import FEED
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.scheme import LOOK_AT_SCHEME, measured
from domain.segments import appraisal_on


class RecordActual(Command, frozen=True, kw_only=True):
    """Add to what was achieved on an indicator; an actual is the sum of its records."""

    cycle_id: UUID
    employment_id: UUID
    indicator: str
    value: Decimal
    occurred_on: date
    feed_id: UUID | None = None


class ActualRecorded(Event, frozen=True, kw_only=True):
    TOPIC = "fact-sheet.actual-recorded"
    cycle_id: UUID
    employment_id: UUID
    indicator: str
    value: Decimal
    occurred_on: date
    feed_id: UUID | None = None


class CorrectActual(Command, frozen=True, kw_only=True):
    """Say what an actual really was, with the day on which it holds.

    Before the lock it counts at once; afterwards it waits until somebody else accepts it.
    """

    cycle_id: UUID
    employment_id: UUID
    indicator: str
    value: Decimal
    """In the place of the superseded value; added to the rest where none is superseded."""
    occurred_on: date
    reason: str
    supersedes: UUID | None = None
    """The event of the actual that was wrong; None where one was missing."""
    feed_id: UUID | None = None


class ActualCorrected(Event, frozen=True, kw_only=True):
    """Valid on `occurred_on`, known since it was recorded: both times are kept. 实绩更正"""

    TOPIC = "fact-sheet.actual-corrected"
    cycle_id: UUID
    employment_id: UUID
    indicator: str
    value: Decimal
    occurred_on: date
    reason: Personal[str | None] = None
    supersedes: UUID | None = None
    feed_id: UUID | None = None
    pending: bool = False
    """It came after the lock, and counts once it is accepted."""


class CorrectionAccepted(Event, frozen=True, kw_only=True):
    """Written together with the reopening of the appraisal. 更正受理"""

    TOPIC = "fact-sheet.correction-accepted"
    correction: UUID


class DeclineCorrection(Command, frozen=True, kw_only=True):
    """The correction that came after the lock does not count."""

    correction: UUID
    reason: str


class CorrectionDeclined(Event, frozen=True, kw_only=True):
    TOPIC = "fact-sheet.correction-declined"
    correction: UUID
    reason: Personal[str | None] = None


# -- fact sheets 实绩


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One actual, with the event that says so."""

    indicator: str
    value: Decimal
    occurred_on: date
    event_id: UUID


class Correction(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A correction that waits to be accepted."""

    indicator: str
    value: Decimal
    occurred_on: date
    supersedes: UUID | None
    event_id: UUID
    corrected_by: UUID


class FactSheet(msgspec.Struct, frozen=True, kw_only=True):
    """All actuals of an employment in a cycle, in the order in which they came."""

    facts: tuple[Fact, ...] = ()
    """What counts: neither superseded nor waiting."""
    pending: tuple[Correction, ...] = ()

    def pending_correction(self, correction: UUID) -> Correction:
        """The correction of that event, if it waits, else `Refused("unknown-correction")`."""
        for each in self.pending:
            if each.event_id == correction:
                return each
        raise Refused("unknown-correction", "No such correction waits to be accepted.")

    def require_actual(self, indicator: str, superseded: UUID | None) -> None:
        """Refuse `unknown-actual` unless that event states an actual of `indicator` that counts."""
        if superseded is not None and (indicator, superseded) not in {
            (fact.indicator, fact.event_id) for fact in self.facts
        }:
            raise Refused("unknown-actual", f"No actual of {indicator} counts by that event.")


FactCommand = RecordActual | CorrectActual | DeclineCorrection
FactEvent = ActualRecorded | ActualCorrected | CorrectionAccepted | CorrectionDeclined


def _decide_facts(state: FactSheet, command: FactCommand, context: Context) -> tuple[Event, ...]:
    match command:
        case RecordActual():
            return _record(command, context)
        case CorrectActual():
            return _correct(state, command, context)
        case DeclineCorrection():
            correction = state.pending_correction(command.correction)
            if context.actor == correction.corrected_by:
                raise Refused("same-actor", "A correction is declined by another.")
            reason = checked_reason(command.reason)
            return (CorrectionDeclined(correction=command.correction, reason=reason),)
        case _:
            assert_never(command)


def _record(command: RecordActual, context: Context) -> tuple[Event, ...]:
    cycle = known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    if cycle.cut_off_reached:
        raise Refused("data-cut-off-reached", f"Cycle {cycle.code} takes no more actuals.")
    _checked(command, cycle, context)
    return (
        ActualRecorded(
            cycle_id=command.cycle_id,
            employment_id=command.employment_id,
            indicator=command.indicator,
            value=checked_number(command.value, "value"),
            occurred_on=command.occurred_on,
            feed_id=command.feed_id,
        ),
    )


def _correct(sheet: FactSheet, command: CorrectActual, context: Context) -> tuple[Event, ...]:
    cycle = known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    appraisal = _checked(command, cycle, context)
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody corrects their own actuals; there are appeals.")
    sheet.require_actual(command.indicator, command.supersedes)
    return (
        ActualCorrected(
            cycle_id=command.cycle_id,
            employment_id=command.employment_id,
            indicator=command.indicator,
            value=checked_number(command.value, "value"),
            occurred_on=command.occurred_on,
            reason=checked_reason(command.reason),
            supersedes=command.supersedes,
            feed_id=command.feed_id,
            pending=appraisal.locked is not None,
        ),
    )


def _checked(command: RecordActual | CorrectActual, cycle: Cycle, context: Context) -> Appraisal:
    if not cycle.starts_on <= command.occurred_on <= cycle.ends_on:
        raise Refused(
            "outside-cycle",
            f"{command.occurred_on} is not within {cycle.starts_on} to {cycle.ends_on}.",
        )
    period = Span(cycle.starts_on, cycle.ends_on)
    appraisal = known(
        appraisal_on(command.cycle_id, command.employment_id, command.occurred_on, period, context),
        "unknown-appraisal",
        "appraisal of this employment in this cycle on that day",
    )
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    content = scheme.published(appraisal.scheme_version).content
    if command.indicator not in {weighted.code for weighted in measured(content)}:
        raise Refused(
            "unknown-indicator", f"The scheme does not measure {command.indicator!r} by data."
        )
    if command.feed_id is not None:
        known(context.look(FEED, command.feed_id), "unknown-feed", "such feed").require_open()
    return appraisal


def _evolve_facts(state: FactSheet, happened: Happened[FactEvent]) -> FactSheet:
    event = happened.event
    match event:
        case ActualRecorded():
            return _with(state, _stated(event, happened.event_id))
        case ActualCorrected() if event.pending:
            waits = Correction(
                indicator=event.indicator,
                value=event.value,
                occurred_on=event.occurred_on,
                supersedes=event.supersedes,
                event_id=happened.event_id,
                corrected_by=happened.actor,
            )
            return msgspec.structs.replace(state, pending=(*state.pending, waits))
        case ActualCorrected():
            return _with(state, _stated(event, happened.event_id), event.supersedes)
        case CorrectionAccepted():
            (found,) = (each for each in state.pending if each.event_id == event.correction)
            stated = _stated(found, found.event_id)
            return _with(_without(state, event.correction), stated, found.supersedes)
        case CorrectionDeclined():
            return _without(state, event.correction)
        case _:
            assert_never(event)


def _stated(told: ActualRecorded | ActualCorrected | Correction, event_id: UUID) -> Fact:
    return Fact(
        indicator=told.indicator,
        value=told.value,
        occurred_on=told.occurred_on,
        event_id=event_id,
    )


def _with(sheet: FactSheet, fact: Fact, superseded: UUID | None = None) -> FactSheet:
    kept = (each for each in sheet.facts if each.event_id != superseded)
    return msgspec.structs.replace(sheet, facts=(*kept, fact))


def _without(sheet: FactSheet, correction: UUID) -> FactSheet:
    left = tuple(each for each in sheet.pending if each.event_id != correction)
    return msgspec.structs.replace(sheet, pending=left)


FACT_SHEET: Decider[FactSheet] = Decider(
    kind="fact-sheet", initial=FactSheet(), decide=_decide_facts, evolve=_evolve_facts
)
