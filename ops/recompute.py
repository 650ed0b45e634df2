"""Takes every decision about scores and money again, from the events alone, and compares.

A bundle that is genuine only proves that nothing was changed since it was signed. This proves that
what was signed is right: each score, coefficient and amount follows from the events before it.
"""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from domain.appraisal import (
    InitialScoreCalculated,
    LockScore,
    RecalculateInitialScore,
    ScoreLocked,
)
from domain.bonus_pool import AllocatePool, PoolAllocated, PoolResettled, ResettlePool
from domain.catalogue import DECIDERS
from domain.explanation import Node, sources
from domain.ids import payout_id
from domain.kernel import Command, Context, Decider, Event, Refused
from domain.ledger import postings
from domain.money import Money, text_of
from domain.payout import BatchPrepared, PayoutCalculated, PrepareBatch
from domain.reopening import RelockScore, ScoreRelocked
from domain.reward import InstantRewardGranted
from domain.reward_paying import PrepareRewardBatch
from ops.evaluator import DoesNotFollow, evaluated
from tenancy.findings import Finding
from tenancy.records import Recorded

S = TypeVar("S")


class Recomputed(msgspec.Struct, frozen=True, kw_only=True):
    """What was computed again, and what came out differently."""

    initial_scores: int
    scores: int
    payouts: int
    explanations: int
    """Trees of these that were evaluated from their leaves, step by step."""
    entries: int
    ledger_balance: dict[str, str]
    """Sum of all accounts by currency; of an honest ledger it is zero."""
    findings: tuple[Finding, ...]


class Recomputation:
    """Feed it every event in the order of positions, then ask for the `result`."""

    def __init__(self) -> None:
        self._states: dict[UUID, Any] = {}
        self._event_ids: set[UUID] = set()
        self._payable: dict[UUID, UUID] = {}
        """Payout id by which a locked appraisal is paid, to the appraisal."""
        self._expected: dict[UUID, PayoutCalculated] = {}
        self._balances: Counter[tuple[str, str]] = Counter()
        self._counts: Counter[str] = Counter()
        self._findings: list[Finding] = []

    def take(self, recorded: Recorded) -> None:
        """The next event: decided again where it is a score or an amount, then folded."""
        match recorded.event:
            case InitialScoreCalculated() as event:
                self._decided_again(recorded, RecalculateInitialScore())
                self._leans_on(recorded, event.explanation, Fraction(event.score))
                self._counts["initial"] += 1
            case ScoreLocked() | ScoreRelocked() as event:
                first = isinstance(event, ScoreLocked)
                self._decided_again(recorded, LockScore() if first else RelockScore())
                self._leans_on(recorded, event.explanation, Fraction(event.coefficient))
                paid = payout_id(recorded.stream_id, event.lock_version)
                self._payable[paid] = recorded.stream_id
                self._counts["scores"] += 1
            case BatchPrepared() as event:
                self._batch(recorded, event)
            case PayoutCalculated() as event:
                self._same(recorded, self._expected.pop(recorded.stream_id, None))
                self._leans_on(recorded, event.explanation, Fraction(event.amount.minor))
                self._counts["payouts"] += 1
            case PoolAllocated() as event:
                self._decided_again(recorded, AllocatePool(appraisal_ids=event.appraisal_ids))
                shared = sum(each.amount.minor for each in event.shares)
                self._leans_on(recorded, event.explanation, Fraction(shared))
            case PoolResettled() as event:
                again = ResettlePool(policy=event.policy, reason=event.reason)
                self._decided_again(recorded, again)
                self._leans_on(recorded, event.explanation, None)
            case InstantRewardGranted() as event:
                self._leans_on(recorded, event.explanation, None)
            case _:
                pass
        self._post(recorded)
        self._event_ids.add(recorded.event_id)
        kind = recorded.topic.partition(".")[0]
        if decider := DECIDERS.get(kind):
            before = self._states.get(recorded.stream_id, decider.initial)
            self._states[recorded.stream_id] = decider.evolve(before, recorded)

    @property
    def result(self) -> Recomputed:
        """How it came out."""
        sums: Counter[str] = Counter()
        for (currency, _), minor in self._balances.items():
            sums[currency] += minor
        return Recomputed(
            initial_scores=self._counts["initial"],
            scores=self._counts["scores"],
            payouts=self._counts["payouts"],
            explanations=self._counts["explanations"],
            entries=self._counts["entries"],
            ledger_balance={
                currency: text_of(Money(minor, currency)) for currency, minor in sums.items()
            },
            findings=tuple(self._findings),
        )

    # -- how

    def _look(self) -> "_Look":
        return _Look(self._states)

    def _decide(self, recorded: Recorded, command: object) -> list[tuple[UUID, Event]] | None:
        """What the decider makes of a command at that moment; a finding where it refuses."""
        decider = DECIDERS[recorded.topic.partition(".")[0]]
        context = Context(now=recorded.recorded_at, actor=recorded.actor, look=self._look())
        state = self._states.get(recorded.stream_id, decider.initial)
        try:
            return list(decider.carry_out(recorded.stream_id, state, command, context))
        except Refused as refused:
            self._find(recorded, "not-allowed", f"would have been refused: {refused}")
            return None

    def _decided_again(self, recorded: Recorded, command: object) -> None:
        decided = self._decide(recorded, command)
        if decided is not None:
            alike = (
                event
                for stream_id, event in decided
                if stream_id == recorded.stream_id and type(event) is type(recorded.event)
            )
            self._same(recorded, next(alike, None))

    def _batch(self, recorded: Recorded, event: BatchPrepared) -> None:
        if event.cycle_id is None:
            rewards = PrepareRewardBatch(code=event.code, reward_ids=event.reward_ids)
            self._prepared_again(recorded, rewards)
            return
        named = event.appraisal_ids or tuple(
            self._payable[line.payout_id]
            for line in event.lines
            if event.pool_id is None and line.payout_id in self._payable
        )
        unknown = [line.payout_id for line in event.lines if line.payout_id not in self._payable]
        if unknown and not named and event.pool_id is None:
            self._find(recorded, "not-locked", f"line {unknown[0]} pays no locked score")
            return
        command = PrepareBatch(
            code=event.code,
            cycle_id=event.cycle_id,
            appraisal_ids=named,
            currency=event.currency,
            pool_id=event.pool_id,
            after_close=event.after_close,
        )
        self._prepared_again(recorded, command)

    def _prepared_again(self, recorded: Recorded, command: Command) -> None:
        for stream_id, again in self._decide(recorded, command) or ():
            if isinstance(again, PayoutCalculated):
                self._expected[stream_id] = again
            elif isinstance(again, BatchPrepared):
                self._same(recorded, again)

    def _same(self, recorded: Recorded, again: Event | None) -> None:
        # Numbers, not the wording of their reasons: a later release may explain in other steps.
        if again is None or _bare(again) != _bare(recorded.event):
            self._find(recorded, "computed-differently", f"{recorded.topic} does not follow")

    def _leans_on(
        self, recorded: Recorded, explanation: Node | None, number: Fraction | None
    ) -> None:
        """Judge an explanation: it gives the number, from events that came before."""
        if explanation is None:
            return
        self._counts["explanations"] += 1
        try:
            found = evaluated(msgspec.to_builtins(explanation))
        except DoesNotFollow as error:
            self._find(recorded, "explained-wrongly", str(error))
        else:
            if number is not None and found != number:
                self._find(recorded, "explained-wrongly", f"it gives {found}, not {number}")
        if missing := sources(explanation) - self._event_ids:
            self._find(recorded, "unknown-source", f"no event {min(missing)} came before it")

    def _post(self, recorded: Recorded) -> None:
        for posting in postings(recorded.event):
            currency = posting.amount.currency
            self._balances[currency, posting.debit_account] += posting.amount.minor
            self._balances[currency, posting.credit_account] -= posting.amount.minor
            self._counts["entries"] += 1

    def _find(self, recorded: Recorded, code: str, detail: str) -> None:
        self._findings.append(Finding(code=code, detail=detail, position=recorded.position))


def _bare(event: Event) -> dict[str, Any]:
    """An event's fields without its explanation."""
    return {
        field: getattr(event, field) for field in event.__struct_fields__ if field != "explanation"
    }


class _Look:
    """Answers from states that were folded already."""

    def __init__(self, states: dict[UUID, Any]) -> None:
        self._states = states

    def __call__(self, decider: Decider[S], stream_id: UUID) -> S:
        found: S = self._states.get(stream_id, decider.initial)
        return found

    def all(self, decider: Decider[S], stream_ids: Sequence[UUID]) -> list[S]:
        return [self(decider, stream_id) for stream_id in stream_ids]
