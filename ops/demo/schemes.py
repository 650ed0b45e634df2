"""The schemes of the worked cases: MKT-v1 for marketing, FUN-v1 for functions."""

from decimal import Decimal

from domain.rules import (
    Band,
    Banded,
    Indicator,
    IndicatorRule,
    Linear,
    Manual,
    MultiRater,
    RaterGroup,
    Ratio,
    SchemeContent,
    Section,
    Tiered,
)
from domain.scheme import DraftScheme

BANDS = tuple(
    Band(from_score=Decimal(score), coefficient=Decimal(coefficient))
    for score, coefficient in (
        ("95", "1.2"),
        ("85", "1.0"),
        ("70", "0.8"),
        ("60", "0.6"),
        ("0", "0"),
    )
)


def section(code: str, name: str, weight_bp: int, *indicators: Indicator) -> Section:
    """A section of a scheme."""
    return Section(code=code, name=name, weight_bp=weight_bp, indicators=indicators)


def indicator(code: str, name: str, weight_bp: int, rule: IndicatorRule) -> Indicator:
    """An indicator of a section."""
    return Indicator(code=code, name=name, weight_bp=weight_bp, rule=rule)


RATIO_120 = Ratio(cap=Decimal(120))
RATIO_100 = Ratio(cap=Decimal(100))

MARKETING = DraftScheme(
    code="MKT",
    content=SchemeContent(
        name="营销岗位季度考核方案",
        sections=(
            section(
                "economic",
                "经济指标考核",
                8000,
                indicator("contract", "合同完成率", 4000, RATIO_120),
                indicator("collection", "回款完成率", 4000, RATIO_120),
                indicator("output", "产值完成率", 2000, RATIO_120),
            ),
            section("duty", "岗位责任考核", 2000, indicator("duty", "岗位责任", 10000, Manual())),
        ),
        coefficient=Linear(),
    ),
)
"""Economic 80 (contract 40, collection 40, output 20), duty 20; coefficient = score / 100."""

FUNCTION = DraftScheme(
    code="FUN",
    content=SchemeContent(
        name="职能岗位季度考核方案",
        sections=(
            section(
                "kpi",
                "关键绩效指标 KPI",
                6000,
                indicator("compliance", "日常工作合规性", 4000, RATIO_100),
                indicator("response", "服务响应率", 4000, Tiered()),
                indicator("cooperation", "部门内部协作", 2000, RATIO_100),
            ),
            section(
                "kci",
                "关键能力指标 KCI",
                4000,
                indicator("innovation", "创新项目推进", 5000, Manual()),
                indicator("growth", "支持业务成长", 3000, Manual()),
                indicator("efficiency", "效率提升", 2000, Manual()),
            ),
        ),
        coefficient=Banded(bands=BANDS),
    ),
)
"""KPI 60, KCI 40; the banded coefficient of the worked cases. The 360 part comes with raters."""

SELLERS = DraftScheme(
    code="SALES",
    content=SchemeContent(
        name="Sales, by quarter",
        sections=(
            section(
                "results",
                "Results",
                8000,
                indicator("sales", "Sales against quota", 7500, RATIO_120),
                indicator("territory", "Growth of the territory", 2500, RATIO_120),
            ),
            section("duty", "Duty", 2000, indicator("duty", "Duty", 10000, Manual())),
        ),
        coefficient=Linear(),
    ),
)
"""For companies whose sellers have quotas and territories."""

OTHERS = DraftScheme(
    code="STAFF",
    content=SchemeContent(
        name="Everybody else, by quarter",
        sections=(
            section(
                "work",
                "Work",
                10000,
                indicator("quality", "Quality of work", 6000, Manual()),
                indicator("reliability", "Reliability", 4000, Manual()),
            ),
        ),
        coefficient=Banded(bands=BANDS),
    ),
)
"""For people without business data: manual indicators only."""

PANEL = DraftScheme(
    code="FUN-360",
    content=SchemeContent(
        name="职能岗位360试行方案",
        sections=(
            section("duty", "岗位职责", 8000, indicator("duty", "履职", 10000, Manual())),
            section(
                "360",
                "360评价",
                2000,
                indicator(
                    "360",
                    "360评价",
                    10000,
                    MultiRater(
                        groups=(
                            RaterGroup(
                                code="superior", weight_bp=5000, scored_from=1, shown_from=1
                            ),
                            RaterGroup(code="peer", weight_bp=3000),
                            RaterGroup(code="subordinate", weight_bp=2000),
                        )
                    ),
                ),
            ),
        ),
        coefficient=Banded(bands=BANDS),
    ),
)
"""A fifth of the score is what superiors, peers and subordinates say (worked case 6)."""
