"""The receipt of a locked score 回执: what it says, and that the person concerned has seen it.

The proof that the log contains it is given at the time of asking, beside the receipt.
"""

from decimal import Decimal
from typing import Protocol

from domain.explanation import Node, digest
from domain.kernel import Command, Event


class ReceiptIssued(Event, frozen=True, kw_only=True):
    """Written with each lock: what pay follows from, and the fingerprint of its reasons."""

    TOPIC = "appraisal.receipt-issued"
    lock_version: int
    score: Decimal
    coefficient: Decimal
    explanation_digest: str
    """SHA-256 of the explanation's canonical JSON, in hexadecimal."""


class AcknowledgeResult(Command, frozen=True, kw_only=True):
    """The person concerned has seen the published result; it is not consent."""


class ResultAcknowledged(Event, frozen=True, kw_only=True):
    TOPIC = "appraisal.result-acknowledged"
    lock_version: int


class Lock(Protocol):
    """What a lock says: the first of a score, or one after it was reopened."""

    @property
    def lock_version(self) -> int: ...
    @property
    def score(self) -> Decimal: ...
    @property
    def coefficient(self) -> Decimal: ...
    @property
    def explanation(self) -> Node: ...


def receipt_of(lock: Lock) -> ReceiptIssued:
    """The receipt of what is being locked."""
    return ReceiptIssued(
        lock_version=lock.lock_version,
        score=lock.score,
        coefficient=lock.coefficient,
        explanation_digest=digest(lock.explanation),
    )
