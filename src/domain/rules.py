"""What a scheme consists of: sections, indicators, their rules, and the map to a coefficient.

Rules are data, total and deterministic; there is no formula language.
"""

from decimal import Decimal

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
    """Points 0..100 given by raters; the manager's count, the employee's are compared. 人工评分"""


IndicatorRule = Ratio | Inverse | Tiered | TieredLinear | Manual


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


class SchemeContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides a score and a coefficient. 考核方案"""

    name: str
    sections: tuple[Section, ...]
    coefficient: Banded | Linear
    score_cap: Decimal = Decimal(120)
    deviation_threshold: Decimal = Decimal("10.00")
    """Points; strictly more must be explained."""
