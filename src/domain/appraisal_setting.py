"""What an appraisal's decisions ask first: its cycle, its scheme, and whether its scores are in."""

from uuid import UUID

from domain.appraisal import Appraisal
from domain.appraisal_scoring import counts, excused_in, in_force
from domain.checks import begun
from domain.cycle import CYCLE, Cycle
from domain.kernel import Context, Refused
from domain.rules import SchemeContent
from domain.scheme import LOOK_AT_SCHEME, judged, measured


def content_of(scheme_id: UUID, version: int, context: Context) -> SchemeContent:
    """The content of a published scheme version."""
    return begun(context.look(LOOK_AT_SCHEME, scheme_id)).published(version).content


def setting(appraisal: Appraisal, context: Context) -> tuple[Cycle, SchemeContent]:
    """The cycle that an appraisal is of, and the content of the scheme version that counts last."""
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    version = in_force(appraisal, context)[-1].scheme_version
    return cycle, content_of(appraisal.scheme_id, version, context)


def require_scores(appraisal: Appraisal, content: SchemeContent, context: Context) -> None:
    """Refuse an appraisal that lacks its initial score or its manager's rating.

    Raises:
        Refused: `initial-score-missing`, `manager-rating-missing`.
    """
    # A scheme without measured (judged) indicators has no initial score (manager's rating) to
    # wait for; that nothing is missing is then true from the start. Nor where all are excused.
    excused = excused_in(appraisal, context)
    initial = appraisal.initial_score
    if counts(measured(content), excused) and (initial is None or initial.provisional):
        raise Refused("initial-score-missing", "The initial score has not been calculated.")
    rated = appraisal.manager_rating is not None or appraisal.conduct.waived is not None
    if counts(judged(content), excused) and not rated:
        raise Refused("manager-rating-missing", "The manager has not rated.")
