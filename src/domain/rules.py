"""What a scheme consists of: sections, indicators, their rules, and the map to a coefficient.

Rules are data, total and deterministic; there is no formula language.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.calendar import ProrationBasis
from domain.checks import checked_code, checked_name, checked_number, checked_text
from domain.kernel import Refused
from domain.organisation import JobFamily


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


class FromLibrary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a definition in the indicator library. 指标库"""

    definition_id: UUID
    version: int


class Indicator(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is measured or judged. 指标"""

    code: str
    name: str
    weight_bp: int
    """Basis points of its section; those of a section sum to 10000."""
    rule: IndicatorRule
    defined: FromLibrary | None = None
    """What it is an instance of; its rule is of the same kind."""


SectionNature = Literal["general", "economic", "duty", "kpi", "kci", "multi-rater"]
"""What a section is about: economic 经济指标, duty 岗位责任, KPI, KCI, 360."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of indicators with a weight of its own (economic, duty, KPI, KCI). 板块"""

    code: str
    name: str
    weight_bp: int
    indicators: tuple[Indicator, ...]
    nature: SectionNature = "general"


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
    proration: ProrationBasis = "calendar-days"
    """How pay counts the days of who is there for a part of the cycle."""
    families: tuple[JobFamily, ...] = ()
    """Whom it is for: it binds to no others, and is linted for these. None named: for all."""


# -- what a scheme may be

WEIGHT_WHOLE_BP = 10_000
POINTS_LIMIT = Decimal(1000)
"""No cap, level or grade goes beyond it: ten times what full achievement earns."""
COEFFICIENT_LIMIT = Decimal(10)
COEFFICIENT_DECIMALS = 4
SCORE_DECIMALS = 2
INDICATORS_MAX = 200
RATING_MAX = Decimal(100)
RESERVED_CODES = frozenset({"total"})
"""The two-way comparison calls the weighted total so."""


def check_content(content: SchemeContent) -> None:
    """Refuse a scheme that could not be scored, or not as it reads.

    Raises:
        Refused: `nothing-to-score`, `empty-section`, `too-many-indicators`, `negative-weight`,
            `weights-not-100`, `duplicate-code`, `reserved-code`, `bad-code`, `bad-name`,
            `bad-text`, `bad-cap`, `bad-levels`, `bad-grades`, `bad-rater-groups`, `bad-bands`,
            `bad-threshold`, `bad-points`.
    """
    checked_name(content.name)
    if not content.sections:
        raise Refused("nothing-to-score", "A scheme has at least one section.")
    for section in content.sections:
        _check_section(section)
    _check_weights("sections", [section.weight_bp for section in content.sections])
    indicators = [each for section in content.sections for each in section.indicators]
    if len(indicators) > INDICATORS_MAX:
        raise Refused("too-many-indicators", f"A scheme has at most {INDICATORS_MAX} indicators.")
    items: tuple[Deduction | Bonus | Veto, ...] = content.deductions
    items += content.bonuses
    items += content.vetoes
    _check_codes("section", [section.code for section in content.sections])
    _check_codes(
        "indicator, deduction, bonus or veto",
        [*(each.code for each in indicators), *(item.code for item in items)],
    )
    for item in items:
        _check_item(item)
    for cap in (content.deduction_cap, content.bonus_cap):
        _check_cap(cap)
    _check_mapping(content.coefficient)
    _between(content.score_cap, "score cap", "bad-cap", least=_LEAST_SCORE, decimals=SCORE_DECIMALS)
    checked_number(
        content.deviation_threshold,
        "deviation threshold",
        least=Decimal(0),
        most=RATING_MAX,
        code="bad-threshold",
    )


_LEAST_SCORE = Decimal("0.01")
_LEAST_POINTS = Decimal("0.000001")


def _between(
    value: Decimal, what: str, code: str, *, least: Decimal = Decimal(0), decimals: int = 6
) -> Decimal:
    return checked_number(value, what, least=least, most=POINTS_LIMIT, decimals=decimals, code=code)


def _check_section(section: Section) -> None:
    checked_code(section.code, "section's code")
    checked_name(section.name, "section's name")
    if not section.indicators:
        raise Refused("empty-section", f"Section {section.code} has no indicators.")
    for indicator in section.indicators:
        checked_code(indicator.code, "indicator's code")
        checked_name(indicator.name, "indicator's name")
        check_rule(indicator.rule, indicator.code)
    _check_weights(section.code, [indicator.weight_bp for indicator in section.indicators])


def _check_weights(of: str, weights: Sequence[int]) -> None:
    if any(weight < 0 for weight in weights):
        raise Refused("negative-weight", f"A weight in {of} is negative.")
    if sum(weights) != WEIGHT_WHOLE_BP:
        raise Refused(
            "weights-not-100",
            f"The weights in {of} sum to {sum(weights)} basis points, not to {WEIGHT_WHOLE_BP}.",
        )


def _check_codes(of: str, codes: Iterable[str]) -> None:
    counted = Counter(codes)
    twice = [code for code, times in counted.items() if times > 1]
    if twice:
        raise Refused("duplicate-code", f"More than one {of} is called {', '.join(twice)}.")
    reserved = sorted(RESERVED_CODES & counted.keys())
    if reserved:
        raise Refused("reserved-code", f"No {of} may be called {', '.join(reserved)}.")


def check_rule(rule: IndicatorRule, code: str) -> None:
    """Refuse a rule of the indicator `code` that could not be scored, or not as it reads.

    Raises:
        Refused: `bad-cap`, `bad-levels`, `bad-grades`, `bad-rater-groups`, `duplicate-code`,
            `negative-weight`, `weights-not-100`.
    """
    match rule:
        case Ratio() | Inverse():
            _between(rule.cap, f"cap of {code}", "bad-cap", least=_LEAST_POINTS)
            if not 0 <= _between(rule.floor, f"floor of {code}", "bad-cap") <= rule.cap:
                raise Refused("bad-cap", f"The floor of {code} is above its cap.")
        case Tiered() | TieredLinear():
            _check_levels(rule.levels, code)
        case Manual():
            for points in rule.grades:
                _between(points, f"points of a grade of {code}", "bad-grades")
            if sorted(rule.grades) != list(rule.grades) or len(rule.grades) == 1:
                raise Refused("bad-grades", f"Grades of {code}: two or more, never fewer points.")
        case MultiRater():
            _check_groups(rule.groups, code)
        case _:
            assert_never(rule)


def _check_levels(levels: Sequence[Level], code: str) -> None:
    if not levels:
        raise Refused("bad-levels", f"{code} has no levels.")
    for level in levels:
        _between(level.threshold, f"threshold of {code}", "bad-levels")
        _between(level.points, f"points of a level of {code}", "bad-levels")
        checked_text(level.name, "level's name")
    thresholds = [level.threshold for level in levels]
    points = [level.points for level in levels]
    if sorted(set(thresholds)) != thresholds or sorted(points) != points:
        raise Refused(
            "bad-levels",
            f"The levels of {code} must have rising thresholds, and points that never fall.",
        )


def _check_groups(groups: Sequence[RaterGroup], code: str) -> None:
    for group in groups:
        checked_code(group.code, "rater group's code")
    if len({group.code for group in groups}) != len(groups):
        raise Refused("duplicate-code", f"A rater group of {code} is there twice.")
    if any(group.scored_from < 1 or group.shown_from < 1 for group in groups):
        raise Refused("bad-rater-groups", f"A group of {code} must ask for a response at least.")
    _check_weights(f"the rater groups of {code}", [group.weight_bp for group in groups])


def _check_item(item: Deduction | Bonus | Veto) -> None:
    checked_code(item.code)
    checked_name(item.name)
    if isinstance(item, Veto):
        return
    _between(item.points, f"points of {item.code}", "bad-points", least=_LEAST_POINTS)
    _check_cap(item.cap)


def _check_cap(cap: Decimal | None) -> None:
    if cap is not None:
        _between(cap, "cap", "bad-cap")


def _check_mapping(mapping: Banded | Linear) -> None:
    if isinstance(mapping, Linear):
        return
    for band in mapping.bands:
        _between(band.from_score, "lower edge of a band", "bad-bands", decimals=SCORE_DECIMALS)
        checked_number(
            band.coefficient,
            "coefficient of a band",
            least=Decimal(0),
            most=COEFFICIENT_LIMIT,
            decimals=COEFFICIENT_DECIMALS,
            code="bad-bands",
        )
    edges = [band.from_score for band in mapping.bands]
    if 0 not in edges or len(set(edges)) != len(edges):
        raise Refused("bad-bands", "Bands begin at different scores, the lowest of them at 0.")
