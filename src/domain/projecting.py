"""Live projection 实时预估: what an appraisal would score and pay if all stayed as it is now.

What is missing is left out, never taken for zero: its weight goes to the rest. It is a question,
so nothing is written, and its answer is marked as a projection wherever it is shown.
"""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.appraisal_scoring import in_force, scored_by
from domain.checks import known
from domain.evidence import Evidence, still_missing
from domain.kernel import Context, Refused
from domain.money import Money
from domain.rules import SchemeContent
from domain.simulation import amount_of


class Projected(msgspec.Struct, frozen=True, kw_only=True):
    """A projection; it binds nobody."""

    projection: bool = True
    """Always: this is not a result."""
    appraisal_id: UUID
    score: Decimal | None = None
    coefficient: Decimal | None = None
    amount: Money | None = None
    """What the score would pay; None where no pay structure is set."""
    missing: tuple[str, ...] = ()
    """Indicators that are left out, because something about them is not known yet."""
    obstacle: str = ""
    """Why there is no score yet, as the code of a refusal; empty where there is one."""


def projected(appraisal_id: UUID, context: Context, *, data_only: bool) -> Projected:
    """The appraisal's score and pay by what is known now.

    Args:
        appraisal_id: whose.
        context: what looks.
        data_only: leave out what people said, which may be sealed from whoever asks.

    Raises:
        Refused: `unknown-appraisal`.
    """
    appraisal = known(
        context.look(LOOK_AT_APPRAISAL, appraisal_id), "unknown-appraisal", "such appraisal"
    )
    missing: dict[str, None] = {}

    def prepared(content: SchemeContent, evidence: Evidence) -> Evidence:
        if data_only:
            evidence = msgspec.structs.replace(evidence, points={}, responses={}, calibrations=())
        lacking = still_missing(content, evidence)
        missing.update(dict.fromkeys(lacking))
        left_out = dict.fromkeys(lacking, appraisal.created_by)
        return msgspec.structs.replace(evidence, excused={**evidence.excused, **left_out})

    try:
        return _scored(appraisal_id, appraisal, prepared, missing, context)
    except Refused as no:
        return Projected(appraisal_id=appraisal_id, missing=tuple(missing), obstacle=no.code)


def _scored(
    appraisal_id: UUID,
    appraisal: Appraisal,
    prepared: Callable[[SchemeContent, Evidence], Evidence],
    missing: dict[str, None],
    context: Context,
) -> Projected:
    final = scored_by(in_force(appraisal, context), appraisal, context, prepared=prepared)
    return Projected(
        appraisal_id=appraisal_id,
        score=final.value,
        coefficient=final.coefficient,
        amount=amount_of(final, appraisal, context),
        missing=tuple(missing),
    )
