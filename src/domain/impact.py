"""Retro impact preview 追溯影响预览: what an accepted fact would change, before anyone accepts it.

The very deciders that will carry it out are asked, in a world in which it has been accepted; so
what is shown is what comes true, as long as nothing else happens in between.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from domain.appeal import WHOLE, Adjusting, Appeal, DecideAppeal
from domain.appeal_outcome import adjusted
from domain.appraisal import LOOK_AT_APPRAISAL
from domain.catalogue import DECIDERS
from domain.checks import begun, known
from domain.ids import batch_id
from domain.kernel import Command, Context, Decider, Event, Refused
from domain.ledger import Posting, postings
from domain.money import Money
from domain.payout import ApproveBatch, BatchPrepared, PayoutCalculated, PrepareBatch
from domain.reopening import AcceptCorrection, RelockScore

S = TypeVar("S")

_ACCEPTS, _RELOCKS, _PREPARES, _APPROVES = (UUID(int=number, version=4) for number in range(4))
"""Whoever it will be: nobody that the tenant knows, so nobody who may not."""
_BATCH = "impact preview"


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """A locked version, there or supposed."""

    lock_version: int
    score: Decimal
    coefficient: Decimal


class PayoutChange(msgspec.Struct, frozen=True, kw_only=True):
    """A line that the next batch would have, and its entries."""

    payout_id: UUID
    employment_id: UUID
    amount: Money
    """What would be posted: the difference, where something was posted before."""
    postings: tuple[Posting, ...]


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """What would change if the facts were accepted."""

    appraisal_id: UUID
    before: Scored
    after: Scored
    payouts: tuple[PayoutChange, ...] = ()
    unpayable: str = ""
    """Why nothing would be paid, as the code of a refusal; empty where there are lines."""


class Supposed:
    """A look at the world as it would be after what was supposed; the world itself stays."""

    def __init__(self, context: Context) -> None:
        self._base = context
        self._states: dict[tuple[str, UUID], Any] = {}
        self._happened = 0

    def __call__(self, decider: Decider[S], stream_id: UUID) -> S:
        key = (decider.kind, stream_id)
        state: S = self._states[key] if key in self._states else self._base.look(decider, stream_id)
        return state

    def all(self, decider: Decider[S], stream_ids: Sequence[UUID]) -> list[S]:
        """The states of many streams."""
        unknown = [each for each in stream_ids if (decider.kind, each) not in self._states]
        found = dict(zip(unknown, self._base.look.all(decider, unknown), strict=True))
        return [
            found[each] if each in found else self._states[decider.kind, each]
            for each in stream_ids
        ]

    def context(self, actor: UUID) -> Context:
        """What a decision of `actor` would know there."""
        return Context(now=self._base.now, actor=actor, look=self)

    def do(self, command: Command, on: UUID, kind: str, actor: UUID) -> list[Event]:
        """Carry out a command there; what would happen."""
        decider = DECIDERS[kind]
        decided = decider.carry_out(on, self(decider, on), command, self.context(actor))
        return self.tell(((stream_id, event) for stream_id, event in decided), actor)

    def tell(self, happened: Iterable[tuple[UUID, Event]], actor: UUID) -> list[Event]:
        """Fold events there, each on its stream."""
        told = []
        for stream_id, event in happened:
            self._happened += 1
            decider = DECIDERS[event.TOPIC.partition(".")[0]]
            imagined = _Imagined(
                event=event,
                event_id=UUID(int=self._happened),
                recorded_at=self._base.now,
                actor=actor,
            )
            before = self(decider, stream_id)
            self._states[decider.kind, stream_id] = decider.evolve(before, imagined)
            told.append(event)
        return told


class _Imagined(msgspec.Struct, frozen=True, kw_only=True):
    event: Event
    event_id: UUID
    recorded_at: datetime
    actor: UUID


def impact_of_correction(appraisal_id: UUID, correction: UUID, context: Context) -> Impact:
    """What accepting a waiting correction would change.

    Raises:
        Refused: as `AcceptCorrection` and `RelockScore`.
    """
    supposed = Supposed(context)
    before = _locked(appraisal_id, context)
    command = AcceptCorrection(correction=correction, reason=_BATCH)
    supposed.do(command, appraisal_id, "appraisal", _ACCEPTS)
    return _impact(appraisal_id, before, supposed)


def impact_of_facts(appraisal_id: UUID, facts: tuple[Adjusting, ...], context: Context) -> Impact:
    """What an appeal that is upheld with these facts would change.

    Raises:
        Refused: as `DecideAppeal` and `RelockScore`.
    """
    before = _locked(appraisal_id, context)
    if not facts:
        raise Refused("bad-adjustment", "Name at least one fact.")
    supposed = Supposed(context)
    appraisal = begun(context.look(LOOK_AT_APPRAISAL, appraisal_id))
    appeal = Appeal(
        person_id=appraisal.person_id,
        appraisal_id=appraisal_id,
        lock_version=before.lock_version,
        indicator=WHOLE,
        file_by=context.today,
    )
    decision = DecideAppeal(outcome="upheld", reason=_BATCH, adjusting=facts)
    following = list(adjusted(appeal, decision, supposed.context(_ACCEPTS)))
    supposed.tell(((each.stream_id, each.event) for each in following), _ACCEPTS)
    return _impact(appraisal_id, before, supposed)


def _locked(appraisal_id: UUID, context: Context) -> Scored:
    appraisal = known(
        context.look(LOOK_AT_APPRAISAL, appraisal_id), "unknown-appraisal", "such appraisal"
    )
    if appraisal.locked is None:
        raise Refused("not-locked", "Before its lock a score needs no reopening.")
    return _scored(appraisal.locked)


def _scored(locked: Any) -> Scored:
    return Scored(lock_version=locked.version, score=locked.score, coefficient=locked.coefficient)


def _impact(appraisal_id: UUID, before: Scored, supposed: Supposed) -> Impact:
    supposed.do(RelockScore(), appraisal_id, "appraisal", _RELOCKS)
    appraisal = begun(supposed(LOOK_AT_APPRAISAL, appraisal_id))
    after = _scored(begun(appraisal.locked))
    command = PrepareBatch(code=_BATCH, cycle_id=appraisal.cycle_id, appraisal_ids=(appraisal_id,))
    batch = batch_id(_BATCH)
    try:
        prepared = supposed.do(command, batch, "payout-batch", _PREPARES)
        approved = supposed.do(ApproveBatch(), batch, "payout-batch", _APPROVES)
    except Refused as no:
        return Impact(appraisal_id=appraisal_id, before=before, after=after, unpayable=no.code)
    lines = [each for each in prepared if isinstance(each, PayoutCalculated)]
    (told,) = (each for each in prepared if isinstance(each, BatchPrepared))
    entries = tuple(posting for event in approved for posting in postings(event))
    return Impact(
        appraisal_id=appraisal_id,
        before=before,
        after=after,
        payouts=tuple(
            PayoutChange(
                payout_id=named.payout_id,
                employment_id=line.employment_id,
                amount=line.amount,
                postings=entries,
            )
            for named, line in zip(told.lines, lines, strict=True)
        ),
    )
