"""Goal sheets: the targets of one appraisal, proposed and agreed."""

from decimal import Decimal
from uuid import UUID

import msgspec

from domain.kernel import Command, Event


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be reached on one indicator."""

    indicator: str
    target: Decimal


class ProposeGoals(Command, frozen=True, kw_only=True):
    appraisal_id: UUID
    targets: tuple[Target, ...]


class GoalSheetProposed(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.proposed"
    appraisal_id: UUID
    targets: tuple[Target, ...]


class AgreeGoals(Command, frozen=True, kw_only=True):
    """Accept the goals as last proposed."""


class GoalsAgreed(Event, frozen=True, kw_only=True):
    TOPIC = "goal-sheet.agreed"
