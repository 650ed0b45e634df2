"""Where a score stands before it is locked, and how near to another coefficient 临界提示."""

from decimal import Decimal
from uuid import UUID

import msgspec

from domain.appraisal import Appraisal, Calibration
from domain.appraisal_scoring import final_score
from domain.appraisal_setting import setting
from domain.coefficient import near_edge
from domain.kernel import Context

_NOT_YET = UUID(int=0)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A score as it would be locked now."""

    score: Decimal
    coefficient: Decimal
    near_edge: Decimal | None
    """The edge between two coefficients that is within 1.00 of the score; None where none is."""


def standing(appraisal: Appraisal, context: Context, adjustment: Decimal | None = None) -> Standing:
    """The score as it would be locked now, or with one more adjustment.

    Raises:
        Refused: something is missing; those of `domain.appraisal_scoring.final_score`.
    """
    if adjustment is not None:
        added = Calibration(adjustment=adjustment, event_id=_NOT_YET)
        appraisal = msgspec.structs.replace(
            appraisal, calibrations=(*appraisal.calibrations, added)
        )
    _, content = setting(appraisal, context)
    final = final_score(appraisal, context)
    return Standing(
        score=final.value,
        coefficient=final.coefficient,
        near_edge=near_edge(final.value, content.coefficient),
    )
