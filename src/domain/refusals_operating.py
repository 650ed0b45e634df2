"""Reasons to say no to incidents and what else keeps the service running."""

from domain.refusal import Row

# Code and sentence on one line, its translation below: a table to be read, so not reflowed.
# fmt: off
OPERATING: tuple[Row, ...] = (
    # -- incidents
    ("missing", "unknown-incident", "There is no such incident.",
     "故障单不存在。"),
    ("conflict", "incident-acknowledged", "Somebody has taken it on already.",
     "该故障已有人响应。"),
    ("conflict", "incident-not-acknowledged", "Somebody takes it on first.",
     "须先有人响应该故障。"),
    ("conflict", "incident-resolved", "The incident is resolved.",
     "该故障已解决。"),
    ("conflict", "incident-not-resolved", "The incident is not resolved.",
     "该故障尚未解决。"),
    ("conflict", "severity-unchanged", "It is of that severity already.",
     "故障级别未变。"),
    ("conflict", "service-restored", "The service is restored already.",
     "服务已恢复。"),
    ("invalid", "bad-drill", "A drill has findings, or it is in order.",
     "恢复演练须有问题记录，或标明无误。"),
    ("invalid", "bad-probe", "A probe is of a whole past minute, with a zone and a time taken.",
     "探测记录须为已过去的整分钟，并带时区与耗时。"),
    ("conflict", "probe-minute-taken", "Each minute is told once, in order.",
     "每分钟的探测只能按顺序记录一次。"),
    ("invalid", "bad-report", "A report has a month as in 2025-03, and a SHA-256.",
     "报告须含月份（如2025-03）与SHA-256摘要。"),
    ("invalid", "bad-rota", "Shifts have zones, follow each other, and leave no hole.",
     "值班表须连续、不重叠，且时间带时区。"),
    # -- webhooks
    ("missing", "unknown-webhook", "There is no such webhook.",
     "事件订阅不存在。"),
    ("conflict", "webhook-removed", "The webhook has been removed.",
     "该事件订阅已删除。"),
    ("conflict", "webhook-listening", "The webhook is listening already.",
     "该事件订阅已在推送。"),
    ("conflict", "webhook-not-listening", "The webhook is paused or disabled.",
     "该事件订阅已暂停或停用。"),
    ("invalid", "bad-webhook-url", "The receiver is an https address of the public internet.",
     "接收地址须为公网https地址。"),
    ("invalid", "bad-topics", "A topic is as in score.locked, or payout.* for all of a noun.",
     "事件主题无效。"),
    ("invalid", "bad-position", "A position of the log begins at 1.",
     "日志位置须从1开始。"),
)
