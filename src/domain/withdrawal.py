"""Taking back what an import has written: for each of its facts the one that undoes it.

Only while its batch is being taken back, and only by its id; afterwards each stream is as it was
without the batch, and could be begun anew.
"""

from datetime import date
from uuid import UUID

from domain.checks import known
from domain.kernel import Command, Context, Event, Refused
from domain.migration_batch import LOOK_AT_IMPORT


class WithdrawOrgUnit(Command, frozen=True, kw_only=True):
    """The unit is no more: an import that was taken back had begun it."""

    import_id: UUID


class OrgUnitWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "org-unit.withdrawn"
    import_id: UUID


class WithdrawJob(Command, frozen=True, kw_only=True):
    """The job is no more: an import that was taken back had defined it."""

    import_id: UUID


class JobWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "job.withdrawn"
    import_id: UUID


class WithdrawPerson(Command, frozen=True, kw_only=True):
    """The person is no more: an import that was taken back had registered them."""

    import_id: UUID


class PersonWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "person.withdrawn"
    import_id: UUID


class EmploymentOfPersonWithdrawn(Event, frozen=True, kw_only=True):
    """Written to the person beside the employment's withdrawal."""

    TOPIC = "person.employment-withdrawn"
    employment_id: UUID
    import_id: UUID


class WithdrawEmployment(Command, frozen=True, kw_only=True):
    """The employment is no more: an import that was taken back had begun it."""

    import_id: UUID


class EmploymentWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "employment.withdrawn"
    import_id: UUID


class WithdrawAssignment(Command, frozen=True, kw_only=True):
    """The assignment from this day on is no more."""

    import_id: UUID
    effective_from: date


class AssignmentWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "employment.assignment-withdrawn"
    import_id: UUID
    effective_from: date


class WithdrawPayStructure(Command, frozen=True, kw_only=True):
    """The pay structure from this day on is no more."""

    import_id: UUID
    effective_from: date


class PayStructureWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "employment.pay-structure-withdrawn"
    import_id: UUID
    effective_from: date


class WithdrawTermination(Command, frozen=True, kw_only=True):
    """The end of the employment is no more."""

    import_id: UUID


class TerminationWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "employment.termination-withdrawn"
    import_id: UUID


OfEmployment = WithdrawEmployment | WithdrawAssignment | WithdrawPayStructure | WithdrawTermination
"""Commands that take back something of an employment."""
FromEmployment = (
    EmploymentWithdrawn | AssignmentWithdrawn | PayStructureWithdrawn | TerminationWithdrawn
)


def check_taking_back(import_id: UUID, context: Context) -> None:
    """Refuse `import-not-compensating` unless that import is being taken back."""
    batch = known(context.look(LOOK_AT_IMPORT, import_id), "unknown-import", "such import")
    if batch.stage != "compensating":
        raise Refused("import-not-compensating", "That import is not being taken back.")
