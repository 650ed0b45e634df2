"""Two plans to begin with, in three phases: 4-6 weeks, or 8-12 for a large company. R114"""

from collections.abc import Mapping
from typing import Literal

import msgspec

Phase = Literal["requirements", "configuration", "training"]
"""需求调研, 系统配置, 用户培训"""
Template = Literal["standard-4-6-weeks", "large-8-12-weeks"]

PHASES: tuple[Phase, ...] = ("requirements", "configuration", "training")


class TaskTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """A task with its last day, counted from the beginning of the plan."""

    code: str
    phase: Phase
    title: str
    title_zh: str
    due_day: int


def _task(code: str, phase: Phase, due_day: int, title: str, title_zh: str) -> TaskTemplate:
    return TaskTemplate(code=code, phase=phase, title=title, title_zh=title_zh, due_day=due_day)


_STANDARD = (
    _task("interviews", "requirements", 4, "Interviews with every department", "各部门需求访谈"),
    _task("schemes", "requirements", 7, "Schemes and indicators collected", "考核方案与指标收集"),
    _task(
        "data-survey",
        "requirements",
        9,
        "Old data looked at, mapping proposed",
        "历史数据摸底与映射",
    ),
    _task("requirements", "requirements", 11, "Requirements agreed", "需求确认"),
    _task("organisation", "configuration", 14, "Units, jobs and people set up", "组织岗位人员配置"),
    _task(
        "scheme-setup",
        "configuration",
        18,
        "Schemes drafted, checked and published",
        "考核方案配置与体检",
    ),
    _task(
        "migration",
        "configuration",
        21,
        "Old data checked, sampled, committed",
        "数据三重校验与迁移",
    ),
    _task(
        "shadow", "configuration", 25, "Core modules run beside the old process", "核心模块影子并行"
    ),
    _task("go-live-core", "configuration", 28, "Core modules live", "核心模块上线"),
    _task("train-admins", "training", 30, "Administrators and HR trained", "管理员与人事培训"),
    _task("train-managers", "training", 33, "Managers trained", "主管培训"),
    _task("train-all", "training", 37, "Employees trained", "全员培训"),
    _task("go-live-all", "training", 40, "All modules live", "全部模块上线"),
    _task("hand-over", "training", 42, "Handed over to operations", "交付与运维交接"),
)
_LARGE = (
    _task("interviews", "requirements", 10, "Interviews with every department", "各部门需求访谈"),
    _task("schemes", "requirements", 14, "Schemes and indicators collected", "考核方案与指标收集"),
    _task(
        "data-survey",
        "requirements",
        18,
        "Old data looked at, mapping proposed",
        "历史数据摸底与映射",
    ),
    _task(
        "integration-survey",
        "requirements",
        20,
        "Interfaces to other systems agreed",
        "接口方案确认",
    ),
    _task("requirements", "requirements", 21, "Requirements agreed", "需求确认"),
    _task("organisation", "configuration", 28, "Units, jobs and people set up", "组织岗位人员配置"),
    _task(
        "scheme-setup",
        "configuration",
        35,
        "Schemes drafted, checked and published",
        "考核方案配置与体检",
    ),
    _task("integration", "configuration", 42, "Interfaces work", "接口联调"),
    _task(
        "migration-trial",
        "configuration",
        45,
        "Trial migration with reconciliation",
        "迁移演练与对账",
    ),
    _task(
        "migration",
        "configuration",
        50,
        "Old data checked, sampled, committed",
        "数据三重校验与迁移",
    ),
    _task("shadow", "configuration", 58, "A whole period beside the old process", "整周期影子并行"),
    _task("go-live-core", "configuration", 63, "Core modules live", "核心模块上线"),
    _task("train-admins", "training", 66, "Administrators and HR trained", "管理员与人事培训"),
    _task("train-managers", "training", 72, "Managers trained", "主管培训"),
    _task("train-all", "training", 78, "Employees trained", "全员培训"),
    _task("go-live-all", "training", 82, "All modules live", "全部模块上线"),
    _task("hand-over", "training", 84, "Handed over to operations", "交付与运维交接"),
)

TEMPLATES: Mapping[Template, tuple[TaskTemplate, ...]] = {
    "standard-4-6-weeks": _STANDARD,
    "large-8-12-weeks": _LARGE,
}
WEEKS: Mapping[Template, tuple[int, int]] = {
    "standard-4-6-weeks": (4, 6),
    "large-8-12-weeks": (8, 12),
}
