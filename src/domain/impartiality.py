"""Who may change a person's score: nobody their own, their own manager's, or one they rated."""

from uuid import UUID

from domain.appraisal import Appraisal
from domain.checks import begun
from domain.employment import EMPLOYMENT, assignment_on
from domain.kernel import Context, Refused
from domain.organisation import PERSON


def require_impartial(appraisal: Appraisal, context: Context) -> None:
    """Refuse an actor who decides on a score in their own matter.

    Raises:
        Refused: `own-result`, `calibrator-is-rater`, `own-managers-result`.
    """
    if context.actor == appraisal.person_id:
        raise Refused("own-result", "Nobody decides on their own result.")
    if context.actor == appraisal.manager_id:
        raise Refused("calibrator-is-rater", "Whoever rated a person does not calibrate them.")
    if appraisal.person_id in managers_of(context.actor, appraisal, context):
        raise Refused("own-managers-result", "Nobody calibrates their own manager's result.")


def managers_of(person_id: UUID, appraisal: Appraisal, context: Context) -> set[UUID | None]:
    """Whom a person has for a manager at the end of the appraisal's days."""
    person = context.look(PERSON, person_id)
    if person is None:  # an access key that stands for nobody has no manager
        return set()
    managers: set[UUID | None] = set()
    for employment in map(begun, context.look.all(EMPLOYMENT, person.employments)):
        employed = employment.days_within(appraisal.starts_on, appraisal.ends_on)
        if employed is not None:
            managers.add(begun(assignment_on(employment, employed[1])).manager_id)
    return managers
