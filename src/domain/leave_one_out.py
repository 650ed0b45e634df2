"""A score without one rater 剔除评价人重算: whose coefficient hangs on a single voice."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

import msgspec

from domain.appraisal import LOOK_AT_APPRAISAL
from domain.checks import begun
from domain.ids import peer_rating_id
from domain.kernel import Context, Decider, Look, Refused
from domain.standing import standing

S = TypeVar("S")


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """One appraisal as it is, and as it would be if that rater had not answered."""

    appraisal_id: UUID
    person_id: UUID
    score: Decimal
    coefficient: Decimal
    score_without: Decimal | None
    """None where there would be no score; `missing` says why."""
    coefficient_without: Decimal | None
    coefficient_changes: bool
    missing: str = ""
    """Code of the refusal."""


class _Without:
    """Looks at everything but one stream, which is as if nothing had been written to it."""

    def __init__(self, look: Look, hidden: UUID) -> None:
        self._look = look
        self._hidden = hidden

    def __call__(self, decider: Decider[S], stream_id: UUID) -> S:
        return self.all(decider, [stream_id])[0]

    def all(self, decider: Decider[S], stream_ids: Sequence[UUID]) -> list[S]:
        states = self._look.all(decider, stream_ids)
        return [
            decider.initial if stream_id == self._hidden else state
            for stream_id, state in zip(stream_ids, states, strict=True)
        ]


def without_rater(appraisal_id: UUID, rater_id: UUID, context: Context) -> LeftOut:
    """The score of an appraisal with and without what one rater of its panel said.

    Raises:
        Refused: there is no score with the rater either.
    """
    appraisal = begun(context.look(LOOK_AT_APPRAISAL, appraisal_id))
    whole = standing(appraisal, context)
    look = _Without(context.look, peer_rating_id(appraisal_id, rater_id))
    try:
        rest = standing(appraisal, msgspec.structs.replace(context, look=look))
    except Refused as no:
        rest, missing = None, no.code
    else:
        missing = ""
    return LeftOut(
        appraisal_id=appraisal_id,
        person_id=appraisal.person_id,
        score=whole.score,
        coefficient=whole.coefficient,
        score_without=None if rest is None else rest.score,
        coefficient_without=None if rest is None else rest.coefficient,
        coefficient_changes=rest is None or rest.coefficient != whole.coefficient,
        missing=missing,
    )
