"""Reasons to say no to who may come in."""

from domain.refusal import Row

# Code and sentence on one line, its translation below: a table to be read, so not reflowed.
# fmt: off
ACCESS: tuple[Row, ...] = (
    ("missing", "unknown-access-key", "There is no such access key.",
     "访问密钥不存在。"),
    ("invalid", "unknown-role", "The roles are at least one of those known, each once.",
     "角色无效。"),
    ("invalid", "expiry-in-past", "The key would expire before it is issued.",
     "密钥到期时间早于当前时间。"),
    ("conflict", "already-revoked", "The access key has been revoked.",
     "访问密钥已撤销。"),
    ("conflict", "key-expired", "The access key has expired.",
     "访问密钥已过期。"),
    ("invalid", "bad-overlap", "Old and new key work side by side for 0 to 720 hours.",
     "新旧密钥并行时间须为0至720小时。"),
    ("invalid", "bad-scope", "A scope is read or write, of all resources or of one.",
     "权限范围须为读或写，可限定于一种资源。"),
    ("missing", "unknown-sign-in", "There is no such sign-in.",
     "登录授权不存在。"),
    ("conflict", "already-granted", "The person may sign in so already.",
     "该人员已具有相同的登录授权。"),
    ("conflict", "sign-in-revoked", "The sign-in has been revoked.",
     "登录授权已撤销。"),
    ("invalid", "bad-login", "A login has 1 to 255 characters.",
     "登录名须为1至255个字符。"),
    ("invalid", "bad-issuer", "The issuer is an https address without query or user.",
     "签发方须为不含参数与用户信息的https地址。"),
    ("invalid", "bad-client", "A client id has 1 to 255 characters.",
     "客户端标识须为1至255个字符。"),
    ("invalid", "bad-claim", "The name of a claim is a word.",
     "声明名称无效。"),
    ("missing", "no-identity-provider", "There is no identity provider.",
     "未设置身份提供方。"),
    ("missing", "unknown-delegation", "There is no such delegation.",
     "审批委托不存在。"),
    ("forbidden", "not-delegated", "This was not delegated to you, or no longer.",
     "该事项未委托给您，或委托已失效。"),
    ("forbidden", "own-delegation", "Nobody delegates to themselves.",
     "不得将审批委托给自己。"),
    ("invalid", "bad-kinds", "A delegation names its kinds of approvals, each once.",
     "须指明委托的审批类型，且不得重复。"),
    ("conflict", "delegation-ended", "The delegation has ended.",
     "委托已结束。"),
)
# fmt: on
