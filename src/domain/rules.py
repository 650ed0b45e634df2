"""What a scheme consists of: sections, indicators, their rules, and the map to a coefficient.

Rules are data, total and deterministic; there is no formula language.
"""

from decimal import Decimal
from typing import Literal

import msgspec


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """How an indicator's points come about."""


class Ratio(Rule, frozen=True, kw_only=True, tag="ratio"):
    """actual / target x 100, between floor and cap. 完成率"""

    floor: Decimal = Decimal(0)
    cap: Decimal = Decimal(120)


class Inverse(Rule, frozen=True, kw_only=True, tag="inverse"):
    """target / actual x 100, lower is better; an actual of 0 earns the cap."""

    floor: Decimal = Decimal(0)
    cap: Decimal = Decimal(120)


class Level(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Reaching `threshold` percent of the target earns `points`. 达成级别"""

    threshold: Decimal
    points: Decimal
    name: str = ""


class Tiered(Rule, frozen=True, kw_only=True, tag="tiered"):
    """The points of the highest level reached; 0 below the lowest. 分级"""

    levels: tuple[Level, ...] = (
        Level(threshold=Decimal(60), points=Decimal(60), name="base"),
        Level(threshold=Decimal(80), points=Decimal(80), name="excellent"),
        Level(threshold=Decimal(100), points=Decimal(100), name="outstanding"),
    )


class TieredLinear(Rule, frozen=True, kw_only=True, tag="tiered-linear"):
    """As tiered, interpolated inside a level. 分级插值"""

    levels: tuple[Level, ...] = Tiered().levels


class Manual(Rule, frozen=True, kw_only=True, tag="manual"):
    """Points 0..100 given by raters; the manager's count, the employee's are compared. 人工评分

    Where `grades` are given, raters give a grade 1, 2, ... and it earns the points listed there.
    """

    grades: tuple[Decimal, ...] = ()


class RaterGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One perspective of a 360 rating: superior, peer, subordinate, other. 评价组"""

    code: str
    weight_bp: int
    """Basis points of the indicator; those of all groups sum to 10000."""
    scored_from: int = 2
    """Fewer responses than this are not scored. 1 for the superior."""
    shown_from: int = 3
    """Fewer responses than this are not shown on their own."""


class MultiRater(Rule, frozen=True, kw_only=True, tag="multi-rater"):
    """The weighted mean of rater groups, each the mean of its responses. 360度评价"""

    groups: tuple[RaterGroup, ...]
    missing: Literal["renormalise", "block", "zero"] = "renormalise"
    """What a group with too few responses does: its weight goes to the others, it blocks the
    score, or it counts as 0."""


MeasuredRule = Ratio | Inverse | Tiered | TieredLinear
"""Decided by data: a target and actuals."""
JudgedRule = Manual | MultiRater
"""Decided by people."""
IndicatorRule = MeasuredRule | JudgedRule


class Indicator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is measured or judged. 指标"""

    code: str
    name: str
    weight_bp: int
    """Basis points of its section; those of a section sum to 10000."""
    rule: IndicatorRule


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of indicators with a weight of its own (economic, duty, KPI, KCI). 板块"""

    code: str
    name: str
    weight_bp: int
    indicators: tuple[Indicator, ...]


class Band(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Scores from `from_score` (inclusive) earn `coefficient`."""

    from_score: Decimal
    coefficient: Decimal


class Banded(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="banded",
):
    """Coefficient by band of the locked score."""

    bands: tuple[Band, ...]


class Linear(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="linear",
):
    """Coefficient = score / 100."""


class Deduction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Takes `points` (more than 0) from the total each time that it occurs. 扣分项"""

    code: str
    name: str
    points: Decimal
    cap: Decimal | None = None
    """The most that this item takes; None is no limit of its own."""


class Bonus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Adds `points` (more than 0) to the total each time that it occurs. 加分项"""

    code: str
    name: str
    points: Decimal
    cap: Decimal | None = None
    """The most that this item adds; None is no limit of its own."""


class Veto(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Makes the score 0 when it occurs, whatever the rest. 一票否决"""

    code: str
    name: str


class SchemeContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides a score and a coefficient. 考核方案"""

    name: str
    sections: tuple[Section, ...]
    coefficient: Banded | Linear
    score_cap: Decimal = Decimal(120)
    deviation_threshold: Decimal = Decimal("10.00")
    """Points; strictly more must be explained."""
    deductions: tuple[Deduction, ...] = ()
    deduction_cap: Decimal | None = None
    """The most that all deductions take together, in points; None is no limit."""
    bonuses: tuple[Bonus, ...] = ()
    bonus_cap: Decimal | None = None
    """The most that all bonuses add together, in points; None is no limit."""
    vetoes: tuple[Veto, ...] = ()
