"""What happened beside the indicators: deductions, bonuses and vetoes, each with its evidence.

Recorded per employment and cycle, like actuals: how often, on which day, and why. A veto makes
the whole score 0, so one person proposes it and another one applies it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.appraisal import Appraisal
from domain.calendar import Span
from domain.checks import begun, checked_code, checked_number, checked_reason, known
from domain.cycle import CYCLE
from domain.explanation import Given
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.rules import SchemeContent
from domain.scheme import LOOK_AT_SCHEME
from domain.segments import appraisal_on

TIMES_MAX = 1000
OCCURRENCES_MAX = 1000

ItemKind = Literal["deduction", "bonus", "veto"]


class RecordOccurrence(Command, frozen=True, kw_only=True):
    """A deduction or a bonus of the scheme has occurred: so often, on that day, for that reason."""

    cycle_id: UUID
    employment_id: UUID
    item: str
    """Code of the deduction or bonus."""
    occurred_on: date
    reason: str
    times: int = 1
    evidence: str = ""
    """Where it can be looked up: a ticket, a file, a letter."""


class OccurrenceRecorded(Event, frozen=True, kw_only=True):
    TOPIC = "occurrence-sheet.recorded"
    SUBJECT = "person_id"
    cycle_id: UUID
    employment_id: UUID
    person_id: UUID
    item: str
    kind: ItemKind
    times: int
    occurred_on: date
    evidence: str = ""
    reason: Personal[str | None] = None


class WithdrawOccurrence(Command, frozen=True, kw_only=True):
    """What was recorded, or a veto that was proposed or applied, did not happen so."""

    occurrence: UUID
    """The event that recorded, proposed or applied it."""
    reason: str


class OccurrenceWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "occurrence-sheet.withdrawn"
    SUBJECT = "person_id"
    person_id: UUID
    occurrence: UUID
    reason: Personal[str | None] = None


class ProposeVeto(Command, frozen=True, kw_only=True):
    """Say that a veto of the scheme applies; another person has to apply it."""

    cycle_id: UUID
    employment_id: UUID
    item: str
    """Code of the veto."""
    occurred_on: date
    reason: str
    evidence: str = ""


class VetoProposed(Event, frozen=True, kw_only=True):
    TOPIC = "occurrence-sheet.veto-proposed"
    SUBJECT = "person_id"
    cycle_id: UUID
    employment_id: UUID
    person_id: UUID
    item: str
    occurred_on: date
    evidence: str = ""
    reason: Personal[str | None] = None


class ApplyVeto(Command, frozen=True, kw_only=True):
    """Let a proposed veto make the score 0."""

    proposal: UUID
    """The event that proposed it."""


class VetoApplied(Event, frozen=True, kw_only=True):
    """一票否决"""

    TOPIC = "occurrence-sheet.veto-applied"
    proposal: UUID
    item: str
    occurred_on: date


class Occurrence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One that counts, with the event that says so."""

    item: str
    times: int
    occurred_on: date
    event_id: UUID


class VetoProposal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A veto that waits for another person."""

    item: str
    occurred_on: date
    event_id: UUID
    proposed_by: UUID


class OccurrenceSheet(msgspec.Struct, frozen=True, kw_only=True):
    """All occurrences of an employment in a cycle, in the order in which they came. 奖惩记录"""

    cycle_id: UUID | None = None
    employment_id: UUID | None = None
    occurrences: tuple[Occurrence, ...] = ()
    proposals: tuple[VetoProposal, ...] = ()

    def stated(self, starts_on: date, ends_on: date) -> Mapping[str, Sequence[Given]]:
        """What counts for a period, by item, as a score's evidence takes it."""
        found: dict[str, list[Given]] = {}
        for each in self.occurrences:
            if starts_on <= each.occurred_on <= ends_on:
                found.setdefault(each.item, []).append(Given(Decimal(each.times), each.event_id))
        return found


OccurrenceCommand = RecordOccurrence | WithdrawOccurrence | ProposeVeto | ApplyVeto
OccurrenceEvent = OccurrenceRecorded | OccurrenceWithdrawn | VetoProposed | VetoApplied


def _decide(
    state: OccurrenceSheet, command: OccurrenceCommand, context: Context
) -> tuple[Event, ...]:
    match command:
        case RecordOccurrence():
            return (_record(state, command, context),)
        case ProposeVeto():
            return (_propose(state, command, context),)
        case ApplyVeto():
            return (_apply(state, command, context),)
        case WithdrawOccurrence():
            return (_withdraw(state, command, context),)
        case _:
            assert_never(command)


def _record(
    state: OccurrenceSheet, command: RecordOccurrence, context: Context
) -> OccurrenceRecorded:
    appraisal, content = _setting(
        command.cycle_id, command.employment_id, command.occurred_on, context
    )
    items: dict[str, ItemKind] = {each.code: "deduction" for each in content.deductions}
    items |= {each.code: "bonus" for each in content.bonuses}
    _check(state, command, items)
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody decides on their own result.")
    checked_number(
        Decimal(command.times), "count", least=Decimal(1), most=Decimal(TIMES_MAX), code="bad-count"
    )
    return OccurrenceRecorded(
        cycle_id=command.cycle_id,
        employment_id=command.employment_id,
        person_id=appraisal.person_id,
        item=command.item,
        kind=items[command.item],
        times=command.times,
        occurred_on=command.occurred_on,
        evidence=_evidence(command.evidence),
        reason=checked_reason(command.reason),
    )


def _propose(state: OccurrenceSheet, command: ProposeVeto, context: Context) -> VetoProposed:
    appraisal, content = _setting(
        command.cycle_id, command.employment_id, command.occurred_on, context
    )
    _check(state, command, {each.code: "veto" for each in content.vetoes})
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody decides on their own result.")
    return VetoProposed(
        cycle_id=command.cycle_id,
        employment_id=command.employment_id,
        person_id=appraisal.person_id,
        item=command.item,
        occurred_on=command.occurred_on,
        evidence=_evidence(command.evidence),
        reason=checked_reason(command.reason),
    )


def _apply(state: OccurrenceSheet, command: ApplyVeto, context: Context) -> VetoApplied:
    proposal = next((each for each in state.proposals if each.event_id == command.proposal), None)
    if proposal is None:
        raise Refused("unknown-occurrence", "No such veto waits to be applied.")
    appraisal = _own_appraisal(state, proposal.occurred_on, context)
    if context.actor == proposal.proposed_by:
        raise Refused("same-actor", "A veto is applied by another than who proposed it.")
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody decides on their own result.")
    return VetoApplied(
        proposal=proposal.event_id, item=proposal.item, occurred_on=proposal.occurred_on
    )


def _withdraw(
    state: OccurrenceSheet, command: WithdrawOccurrence, context: Context
) -> OccurrenceWithdrawn:
    found = {each.event_id: each.occurred_on for each in state.occurrences}
    found |= {each.event_id: each.occurred_on for each in state.proposals}
    if command.occurrence not in found:
        raise Refused("unknown-occurrence", "Nothing like that counts or waits.")
    appraisal = _own_appraisal(state, found[command.occurrence], context)
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody decides on their own result.")
    return OccurrenceWithdrawn(
        person_id=appraisal.person_id,
        occurrence=command.occurrence,
        reason=checked_reason(command.reason),
    )


# -- what is checked each time


def _own_appraisal(state: OccurrenceSheet, day: date, context: Context) -> Appraisal:
    return _setting(begun(state.cycle_id), begun(state.employment_id), day, context)[0]


def _setting(
    cycle_id: UUID, employment_id: UUID, day: date, context: Context
) -> tuple[Appraisal, SchemeContent]:
    cycle = known(context.look(CYCLE, cycle_id), "unknown-cycle", "such cycle")
    period = Span(cycle.starts_on, cycle.ends_on)
    if day not in period:
        raise Refused("outside-cycle", f"{day} is not within {cycle.starts_on} to {cycle.ends_on}.")
    appraisal = known(
        appraisal_on(cycle_id, employment_id, day, period, context),
        "unknown-appraisal",
        f"appraisal of this employment in this cycle that is about {day}",
    )
    cycle.require("data-intake", "rating", "comparison", "calibration")
    if appraisal.locked is not None:
        raise Refused("already-locked", f"The score is locked as v{appraisal.locked.version}.")
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    return appraisal, scheme.published(appraisal.scheme_version).content


def _check(
    state: OccurrenceSheet,
    command: RecordOccurrence | ProposeVeto,
    items: Mapping[str, ItemKind],
) -> None:
    if command.item not in items:
        raise Refused("unknown-item", f"The scheme has no {checked_code(command.item)!r} of that.")
    if len(state.occurrences) + len(state.proposals) >= OCCURRENCES_MAX:
        raise Refused("too-many-occurrences", f"There are {OCCURRENCES_MAX} already.")


def _evidence(text: str) -> str:
    # A reference, not a story: what is said about a person belongs into the reason, which is
    # sealed under that person's key.
    return checked_code(text, "evidence") if text else ""


def _evolve(state: OccurrenceSheet, happened: Happened[OccurrenceEvent]) -> OccurrenceSheet:
    event, event_id = happened.event, happened.event_id
    match event:
        case OccurrenceRecorded():
            recorded = Occurrence(
                item=event.item,
                times=event.times,
                occurred_on=event.occurred_on,
                event_id=event_id,
            )
            return msgspec.structs.replace(
                state,
                cycle_id=event.cycle_id,
                employment_id=event.employment_id,
                occurrences=(*state.occurrences, recorded),
            )
        case VetoProposed():
            proposal = VetoProposal(
                item=event.item,
                occurred_on=event.occurred_on,
                event_id=event_id,
                proposed_by=happened.actor,
            )
            return msgspec.structs.replace(
                state,
                cycle_id=event.cycle_id,
                employment_id=event.employment_id,
                proposals=(*state.proposals, proposal),
            )
        case VetoApplied():
            applied = Occurrence(
                item=event.item, times=1, occurred_on=event.occurred_on, event_id=event_id
            )
            return msgspec.structs.replace(
                _without(state, event.proposal), occurrences=(*state.occurrences, applied)
            )
        case OccurrenceWithdrawn():
            return _without(state, event.occurrence)
        case _:
            assert_never(event)


def _without(state: OccurrenceSheet, event_id: UUID) -> OccurrenceSheet:
    return msgspec.structs.replace(
        state,
        occurrences=tuple(each for each in state.occurrences if each.event_id != event_id),
        proposals=tuple(each for each in state.proposals if each.event_id != event_id),
    )


OCCURRENCE_SHEET: Decider[OccurrenceSheet] = Decider(
    kind="occurrence-sheet", initial=OccurrenceSheet(), decide=_decide, evolve=_evolve
)
