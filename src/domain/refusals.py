"""Every reason to say no: its stable code, a plain sentence in English and Chinese, its kind.

The kind tells an edge what went wrong without telling the domain about HTTP: "invalid" is a value
that can never be right, "conflict" one that the present state does not allow, "forbidden" the
wrong person, "missing" something that is not there.
"""

from typing import Literal

import msgspec

Kind = Literal["conflict", "invalid", "forbidden", "missing"]


class Refusal(msgspec.Struct, frozen=True):
    """One row of the table: what a code says to people."""

    code: str
    kind: Kind
    english: str
    chinese: str


# Code and sentence on one line, its translation below: a table to be read, so not reflowed.
# fmt: off
_TABLE: tuple[tuple[Kind, str, str, str], ...] = (
    # -- values
    ("invalid", "bad-code", "A code needs 1 to 100 printable characters.",
     "编码须为1至100个可见字符。"),
    ("invalid", "bad-name", "A name needs 1 to 200 printable characters.",
     "名称须为1至200个可见字符。"),
    ("invalid", "bad-text", "The text is too long or has control characters.",
     "文本过长或含有控制字符。"),
    ("invalid", "bad-number", "The number is out of range or has too many decimals.",
     "数值超出范围或小数位过多。"),
    ("invalid", "bad-date", "The date is not possible here.",
     "日期无效。"),
    ("invalid", "reason-missing", "A reason is required.",
     "必须说明原因。"),
    # -- organisation
    ("conflict", "already-exists", "There is one with this key already.",
     "该编号已存在。"),
    ("missing", "unknown-org-unit", "There is no such organisational unit.",
     "部门不存在。"),
    ("missing", "unknown-job", "There is no such job.",
     "岗位不存在。"),
    ("missing", "unknown-person", "There is no such person.",
     "人员不存在。"),
    ("missing", "unknown-employment", "There is no such employment.",
     "雇佣关系不存在。"),
    ("invalid", "bad-level", "A job's level is zero or more.",
     "岗位级别不得为负数。"),
    ("invalid", "bad-coefficient-band", "A coefficient band runs from zero or more upwards.",
     "绩效系数区间无效。"),
    ("invalid", "bad-fte", "A full-time equivalent is more than 0 and at most 1.",
     "全职当量须大于0且不超过1。"),
    ("invalid", "own-manager", "Nobody is their own manager.",
     "本人不能担任自己的上级。"),
    ("invalid", "before-hire", "The date is before the day of hire.",
     "日期早于入职日期。"),
    ("conflict", "assignment-date-taken", "Another assignment begins on that day.",
     "该日已有任职记录。"),
    ("conflict", "pay-date-taken", "Another pay structure begins on that day.",
     "该日已有薪酬结构。"),
    ("conflict", "employment-terminated", "The employment has ended.",
     "雇佣关系已终止。"),
    # -- schemes
    ("missing", "unknown-scheme", "There is no such scheme.",
     "考核方案不存在。"),
    ("missing", "unknown-scheme-version", "The scheme has no such version.",
     "考核方案版本不存在。"),
    ("conflict", "already-published", "It has been published already.",
     "已发布,不可重复发布。"),
    # -- cycles
    ("missing", "unknown-cycle", "There is no such cycle.",
     "考核周期不存在。"),
    ("invalid", "not-whole-months", "A cycle covers whole calendar months.",
     "考核周期须为完整的自然月。"),
    ("conflict", "scheme-not-published", "That scheme version is not published.",
     "该考核方案版本尚未发布。"),
    ("conflict", "scheme-already-bound", "The cycle has a scheme for that family and level.",
     "该岗位族和级别已绑定考核方案。"),
    ("conflict", "no-scheme-bound", "The cycle has no scheme bound to it yet.",
     "考核周期尚未绑定考核方案。"),
    ("conflict", "wrong-stage", "The cycle's stage does not allow this.",
     "考核周期当前阶段不允许此操作。"),
    ("conflict", "cycle-closed", "The cycle is closed.",
     "考核周期已归档。"),
    ("conflict", "data-cut-off-reached", "The cycle's data cut-off has passed.",
     "业务数据已截止。"),
    ("conflict", "cut-off-not-reached", "The cycle's data cut-off has not been reached.",
     "业务数据尚未截止。"),
    # -- goals and facts
    ("missing", "unknown-goal-sheet", "No goals were proposed.",
     "尚未拟定目标。"),
    ("invalid", "indicators-mismatch", "Exactly the scheme's indicators are needed, each once.",
     "指标须与考核方案一一对应。"),
    ("invalid", "target-zero", "An indicator with weight needs a target above zero.",
     "有权重的指标目标值须大于零。"),
    ("conflict", "goals-already-agreed", "The goals have been agreed.",
     "目标已确认。"),
    ("conflict", "goals-not-agreed", "The goals have not been agreed.",
     "目标尚未确认。"),
    ("missing", "unknown-feed", "There is no such feed.",
     "业务数据批次不存在。"),
    ("invalid", "bad-checksum", "A checksum reads sha256: and 64 hexadecimal digits.",
     "校验和格式无效。"),
    ("invalid", "unknown-indicator", "The scheme does not measure that indicator by data.",
     "考核方案中没有该数据指标。"),
    ("invalid", "outside-cycle", "The day is not in the cycle.",
     "日期不在考核周期内。"),
    # -- appraisals
    ("missing", "unknown-appraisal", "There is no such appraisal.",
     "考核单不存在。"),
    ("conflict", "not-employed-in-cycle", "The person was not employed during the cycle.",
     "该人员在考核周期内未在职。"),
    ("conflict", "no-scheme-for-job", "The cycle has no scheme for this job.",
     "考核周期没有适用于该岗位的方案。"),
    ("conflict", "already-scored", "The initial score has been calculated.",
     "考核初分已计算。"),
    ("forbidden", "not-the-ratee", "Only the person concerned may do this.",
     "只有被考核人本人可以执行此操作。"),
    ("forbidden", "not-the-manager", "Only the person's manager may do this.",
     "只有被考核人的上级可以执行此操作。"),
    ("invalid", "points-out-of-range", "Points are from 0 to 100.",
     "评分须在0至100之间。"),
    ("conflict", "already-rated", "This rating has been submitted.",
     "评分已提交。"),
    ("conflict", "not-flagged", "No such deviation was flagged.",
     "该项没有被标记偏差。"),
    ("conflict", "already-explained", "That deviation has been explained.",
     "该偏差已说明原因。"),
    ("forbidden", "own-result", "Nobody decides on their own result.",
     "不得变更本人的考核结果。"),
    ("forbidden", "own-managers-result", "Nobody changes their own manager's result.",
     "不得变更本人上级的考核结果。"),
    ("forbidden", "calibrator-is-rater", "Whoever rated does not calibrate.",
     "评价人不得校准其评价的结果。"),
    ("forbidden", "same-actor", "Another person has to do this.",
     "此操作须由另一人执行。"),
    ("conflict", "initial-score-missing", "The initial score has not been calculated.",
     "考核初分尚未计算。"),
    ("conflict", "manager-rating-missing", "The manager has not rated.",
     "上级尚未评分。"),
    ("conflict", "self-rating-missing", "The person has not rated and still may.",
     "员工尚未自评且未到截止时间。"),
    ("conflict", "deviation-unexplained", "A flagged deviation has no explanation.",
     "存在未说明原因的偏差。"),
    ("conflict", "already-locked", "The score is locked.",
     "考核分数已锁定。"),
    ("conflict", "not-locked", "The score is not locked.",
     "考核分数尚未锁定。"),
    # -- payouts
    ("missing", "unknown-batch", "There is no such payout batch.",
     "发放批次不存在。"),
    ("invalid", "nothing-to-pay", "A batch needs at least one appraisal.",
     "发放批次至少需要一张考核单。"),
    ("invalid", "duplicate-appraisal", "An appraisal is named twice.",
     "考核单重复。"),
    ("conflict", "wrong-cycle", "An appraisal belongs to another cycle.",
     "考核单不属于该考核周期。"),
    ("conflict", "pay-structure-missing", "No pay structure is in force on that day.",
     "该日没有生效的薪酬结构。"),
    ("conflict", "already-paid", "That score version is in a payout batch already.",
     "该分数版本已列入发放批次。"),
    ("conflict", "already-approved", "The batch has been approved.",
     "发放批次已审批。"),
    ("conflict", "not-approved", "The batch has not been approved.",
     "发放批次尚未审批。"),
    ("conflict", "already-settled", "The batch has been paid.",
     "发放批次已到账。"),
    # -- access
    ("missing", "unknown-access-key", "There is no such access key.",
     "访问密钥不存在。"),
    ("invalid", "unknown-role", "The roles are at least one of those known, each once.",
     "角色无效。"),
    ("invalid", "expiry-in-past", "The key would expire before it is issued.",
     "密钥到期时间早于当前时间。"),
    ("conflict", "already-revoked", "The access key has been revoked.",
     "访问密钥已撤销。"),
)
# fmt: on

REFUSALS: dict[str, Refusal] = {
    code: Refusal(code, kind, english, chinese) for kind, code, english, chinese in _TABLE
}
