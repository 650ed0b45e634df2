"""Where the invented people work: departments, jobs, and which scheme binds whom."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from domain.cycle import BindScheme
from domain.ids import org_unit_id, scheme_id
from domain.jobs import DefineJob
from domain.org_units import CreateOrgUnit
from domain.organisation import JobFamily

FOUNDED = date(2015, 3, 2)


class Department(NamedTuple):
    """A department and how many people it has at full size."""

    code: str
    name: str
    family: JobFamily
    parent: str
    headcount: int


DEPARTMENTS = (
    Department("MK1", "营销一部", "marketing", "MKT", 26),
    Department("MK2", "营销二部", "marketing", "MKT", 26),
    Department("MK3", "营销三部", "marketing", "MKT", 24),
    Department("MK4", "营销四部", "marketing", "MKT", 22),
    Department("KEY", "大客户部", "marketing", "MKT", 18),
    Department("GEN", "综合部", "function", "FUN", 18),
    Department("FIN", "财务部", "function", "FUN", 18),
    Department("HRD", "人事部", "function", "FUN", 14),
    Department("LEG", "法务部", "function", "FUN", 8),
    Department("ITD", "信息部", "function", "FUN", 16),
    Department("PUR", "采购部", "function", "FUN", 14),
    Department("AUD", "审计部", "function", "FUN", 8),
    Department("STR", "战略发展部", "function", "FUN", 8),
)

TITLES: dict[JobFamily, tuple[str, ...]] = {
    "marketing": ("营销专员", "高级营销专员", "营销主管", "营销部门经理"),
    "function": ("职能专员", "高级职能专员", "职能主管", "职能部门经理"),
    "general": ("总经理助理", "副总经理", "总经理"),
}
"""By level, from 1."""

MANUAL: dict[JobFamily, tuple[str, ...]] = {
    "marketing": ("duty",),
    "function": ("innovation", "growth", "efficiency"),
    "general": ("innovation", "growth", "efficiency"),
}

REASONS = (
    "员工按过程投入自评,上级按季度结果评价;双方已面谈并确认口径。",
    "本季跨部门项目由员工主导,上级评分时尚未收到项目验收单。",
    "客户投诉一起,员工认为属产品原因,上级按岗位责任扣减。",
    "员工承担了离职同事的工作,自评计入,上级认为不在本岗位职责内。",
    "制度修订已提交但未发布,上级只认已发布部分。",
)


def units() -> tuple[CreateOrgUnit, ...]:
    """The tree of departments, parents first."""
    top = CreateOrgUnit(code="HQ", name="华岭机电", valid_from=FOUNDED)
    centres = tuple(
        CreateOrgUnit(code=code, name=name, valid_from=FOUNDED, parent_id=org_unit_id("HQ"))
        for code, name in (("MKT", "营销中心"), ("FUN", "职能中心"))
    )
    return (
        top,
        *centres,
        *(
            CreateOrgUnit(
                code=department.code,
                name=department.name,
                valid_from=FOUNDED,
                parent_id=org_unit_id(department.parent),
            )
            for department in DEPARTMENTS
        ),
    )


def jobs() -> tuple[DefineJob, ...]:
    """Every title as a job of its family and level."""
    return tuple(
        DefineJob(
            code=f"{family}-{level}",
            title=title,
            family=family,
            level=level,
            coefficient_min=Decimal(0),
            coefficient_max=Decimal("1.20"),
            duties=("完成岗位说明书所列职责",),
        )
        for family, titles in TITLES.items()
        for level, title in enumerate(titles, start=1)
    )


def bindings() -> tuple[BindScheme, ...]:
    """Marketing is rated by MKT-v1, everybody else by FUN-v1."""
    schemes: tuple[tuple[JobFamily, str], ...] = (
        ("marketing", "MKT"),
        ("function", "FUN"),
        ("general", "FUN"),
    )
    return tuple(
        BindScheme(scheme_id=scheme_id(code), scheme_version=1, family=family)
        for family, code in schemes
    )
