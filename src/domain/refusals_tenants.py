"""Reasons to say no to a company about its own life here, and to its directory."""

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
    ("missing", "unknown-directory-user", "The directory has no such user.",
     "目录用户不存在。"),
    ("missing", "unknown-directory-group", "The directory has no such group.",
     "目录组不存在。"),
    ("invalid", "bad-directory-text", "A text of the directory is missing or too long.",
     "目录文本缺失或过长。"),
    ("invalid", "too-many-members", "The group has too many members.",
     "目录组成员过多。"),
    ("invalid", "bad-mapping", "The mapping names too many groups, or one twice.",
     "角色映射中目录组过多或重复。"),
    ("invalid", "role-not-mappable", "A directory does not give this role.",
     "该角色不得由目录授予。"),
    ("conflict", "already-linked", "The user is linked to that person already.",
     "目录用户已关联该人员。"),
    ("conflict", "tenant-ended", "The end of the tenant was confirmed.",
     "租户注销已确认。"),
)
# fmt: on
