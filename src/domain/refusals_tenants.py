"""Reasons to say no to a company about its own life here."""

from domain.refusal import Row

# Code and sentence on one line, its translation below: a table to be read, so not reflowed.
# fmt: off
LIVING: tuple[Row, ...] = (
    ("conflict", "already-suspended", "The tenant has suspended itself already.",
     "租户已停用。"),
    ("conflict", "tenant-not-suspended", "The tenant has not suspended itself.",
     "租户未停用。"),
    ("missing", "unknown-export", "There is no such export, or it does not hold everything.",
     "导出不存在或内容不完整。"),
    ("conflict", "tenant-erasure-requested", "To erase the tenant was asked for already.",
     "已申请注销租户。"),
    ("missing", "unknown-tenant-erasure", "Nobody has asked to erase the tenant.",
     "没有注销租户的申请。"),
    ("conflict", "erasure-waits", "It is too early to confirm the end.",
     "注销等待期未满。"),
    ("conflict", "tenant-ended", "The end of the tenant was confirmed.",
     "租户注销已确认。"),
)
# fmt: on
