"""Template packs 模板库: schemes to begin from, for marketing and for functional departments."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from domain.kernel import Refused
from domain.rules import (
    Band,
    Banded,
    Bonus,
    Deduction,
    Indicator,
    IndicatorRule,
    Inverse,
    Linear,
    Manual,
    MultiRater,
    RaterGroup,
    Ratio,
    SchemeContent,
    Section,
    SectionNature,
    Tiered,
    TieredLinear,
    Veto,
)


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A scheme to begin from."""

    code: str
    title: str
    """In English; the content's name is Chinese."""
    content: SchemeContent


def _indicator(code: str, name: str, weight_bp: int, rule: IndicatorRule) -> Indicator:
    return Indicator(code=code, name=name, weight_bp=weight_bp, rule=rule)


def _section(
    code: str, name: str, weight_bp: int, nature: SectionNature, *indicators: Indicator
) -> Section:
    return Section(code=code, name=name, weight_bp=weight_bp, nature=nature, indicators=indicators)


def _deduction(code: str, name: str, points: str) -> Deduction:
    return Deduction(code=code, name=name, points=Decimal(points))


def _bonus(code: str, name: str, points: str) -> Bonus:
    return Bonus(code=code, name=name, points=Decimal(points))


def _veto(code: str, name: str) -> Veto:
    return Veto(code=code, name=name)


def _group(code: str, weight_bp: int, *, scored_from: int = 2, shown_from: int = 3) -> RaterGroup:
    return RaterGroup(
        code=code, weight_bp=weight_bp, scored_from=scored_from, shown_from=shown_from
    )


def _template(code: str, title: str, content: SchemeContent) -> Template:
    return Template(code=code, title=title, content=content)


FUNCTION_BANDS = Banded(
    bands=tuple(
        Band(from_score=Decimal(score), coefficient=Decimal(coefficient))
        for score, coefficient in (
            ("0", "0"),
            ("60", "0.6"),
            ("70", "0.8"),
            ("85", "1.0"),
            ("95", "1.2"),
        )
    )
)

_DUTY = _section(
    "duty",
    "岗位责任考核",
    2000,
    "duty",
    _indicator("duty", "岗位责任", 10_000, Manual()),
)
_ITEMS = {
    "deductions": (
        _deduction("late-report", "报告迟交", "1.5"),
        _deduction("incident", "责任事故", "5"),
    ),
    "deduction_cap": Decimal(10),
    "bonuses": (_bonus("commendation", "公司表彰", "3"),),
    "bonus_cap": Decimal(5),
    "vetoes": (_veto("compliance-breach", "重大违规"),),
}


def _marketing(name: str, rules: tuple[IndicatorRule, ...]) -> SchemeContent:
    contract, collection, output = rules
    content = SchemeContent(
        name=name,
        sections=(
            _section(
                "economic",
                "经济指标考核",
                8000,
                "economic",
                _indicator("contract", "合同完成率", 4000, contract),
                _indicator("collection", "回款完成率", 4000, collection),
                _indicator("output", "产值完成率", 2000, output),
            ),
            _DUTY,
        ),
        coefficient=Linear(),
        families=("marketing",),
    )
    return msgspec.structs.replace(content, **_ITEMS)


def _function(name: str, support: str, innovation: str) -> SchemeContent:
    content = SchemeContent(
        name=name,
        sections=(
            _section(
                "kpi",
                "关键绩效指标",
                6000,
                "kpi",
                _indicator("compliance", "日常工作合规性", 4000, Ratio(cap=Decimal(100))),
                _indicator("response", "服务响应率", 4000, Ratio(cap=Decimal(100))),
                _indicator("rework", "差错与返工", 2000, Inverse(cap=Decimal(100))),
            ),
            _section(
                "kci",
                "关键能力指标",
                2000,
                "kci",
                _indicator("innovation", innovation, 5000, Manual()),
                _indicator("support", support, 5000, Manual()),
            ),
            _section(
                "360",
                "360度评价",
                2000,
                "multi-rater",
                _indicator("collaboration", "部门协作", 10_000, _THREE_SIXTY),
            ),
        ),
        coefficient=FUNCTION_BANDS,
        families=("function",),
    )
    return msgspec.structs.replace(content, **_ITEMS)


_THREE_SIXTY = MultiRater(
    groups=(
        _group("superior", 5000, scored_from=1, shown_from=1),
        _group("peer", 3000),
        _group("subordinate", 2000),
    )
)

_ALL = (
    _template(
        "marketing-linear",
        "Marketing: three economic indicators by completion, duty by judgement",
        _marketing("营销岗位考核(完成率)", (Ratio(), Ratio(), Ratio())),
    ),
    _template(
        "marketing-tiered",
        "Marketing: levels at 60, 80 and 100 percent, interpolated for contracts",
        _marketing("营销岗位考核(分级)", (TieredLinear(), TieredLinear(), Tiered())),
    ),
    _template(
        "function-general",
        "Functional departments: KPI, KCI and 360",
        _function("职能部门考核", "业务支持", "创新项目推进"),
    ),
    _template(
        "function-finance",
        "Finance: KPI, KCI and 360",
        _function("财务部门考核", "支持业务成长", "提升效率"),
    ),
    _template(
        "function-administration",
        "General administration: KPI, KCI and 360",
        _function("综合部门考核", "后勤与业务支持", "制度创新"),
    ),
)

TEMPLATES: Mapping[str, Template] = {each.code: each for each in _ALL}


def template(code: str) -> Template:
    """The template with this code, or `Refused("unknown-template")`."""
    if code not in TEMPLATES:
        raise Refused("unknown-template", f"There is no template {code!r}.")
    return TEMPLATES[code]
