"""The appraisal cycle: its calendar, its bound schemes, its stages."""

from datetime import date
from typing import Literal
from uuid import UUID

from domain.kernel import Command, Event
from domain.organisation import JobFamily

Stage = Literal[
    "draft",
    "goal-setting",
    "data-intake",
    "rating",
    "comparison",
    "calibration",
    "locked",
    "paying",
    "closed",
]


class PlanCycle(Command, frozen=True, kw_only=True):
    code: str
    name: str
    starts_on: date
    ends_on: date
    """Last day; the cycle covers whole calendar months."""


class CyclePlanned(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.planned"
    code: str
    name: str
    starts_on: date
    ends_on: date
    months: int


class BindScheme(Command, frozen=True, kw_only=True):
    """People of `family` (and `level`, where given) are appraised by this scheme version."""

    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None = None


class SchemeBound(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.scheme-bound"
    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None = None


class OpenCycle(Command, frozen=True, kw_only=True):
    """From draft to goal setting."""


class CycleOpened(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.opened"


class AdvanceCycle(Command, frozen=True, kw_only=True):
    to: Stage


class StageAdvanced(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.stage-advanced"
    before: Stage
    after: Stage


class DataCutOffReached(Event, frozen=True, kw_only=True):
    """Leaving data intake: actuals recorded later do not count without a correction. 数据截止"""

    TOPIC = "cycle.data-cut-off-reached"


class CloseCycle(Command, frozen=True, kw_only=True):
    """Nothing more will happen in it."""


class CycleClosed(Event, frozen=True, kw_only=True):
    TOPIC = "cycle.closed"
