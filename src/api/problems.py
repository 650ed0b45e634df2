"""Every no that HTTP can say: one table from code to status and sentence, RFC 9457 all the way."""

import html
from collections.abc import Mapping, Sequence

import msgspec

from domain.refusals import REFUSALS, Kind

MEDIA_TYPE = "application/problem+json"
TYPES = "/problems"
RETRY_AFTER_S = 1


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one part of a request."""

    pointer: str
    """RFC 6901 pointer into the body ("/ratings/0/points"), or "?name" of a query parameter."""
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details."""

    type: str
    """/problems/<code>: a page that explains it."""
    title: str
    status: int
    detail: str
    request_id: str
    instance: str = ""
    errors: tuple[FieldError, ...] = ()


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table: the status of a code, and what it says to people."""

    code: str
    status: int
    english: str
    chinese: str


class Said(Exception):
    """A problem to answer with. `code` is a row of `MEANINGS`."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


_STATUS: dict[Kind, int] = {"conflict": 409, "invalid": 422, "forbidden": 403, "missing": 404}

# Code, status and sentence on one line, its translation below: a table to be read.
# fmt: off
_OWN: tuple[tuple[str, int, str, str], ...] = (
    ("bad-request", 400, "The request is not well formed.",
     "请求格式不正确。"),
    ("malformed-json", 400, "The body is not JSON.",
     "请求体不是有效的JSON。"),
    ("invalid-body", 400, "The body does not have the fields and types of this command.",
     "请求体的字段或类型与该命令不符。"),
    ("invalid-query", 400, "A query parameter is unknown or has a wrong value.",
     "查询参数未知或取值错误。"),
    ("invalid-header", 400, "A header has a value that cannot be used.",
     "请求头取值无效。"),
    ("idempotency-key-missing", 400, "A command needs the header Idempotency-Key.",
     "命令须带有Idempotency-Key请求头。"),
    ("idempotency-key-invalid", 400, "An Idempotency-Key has 1 to 255 visible ASCII characters.",
     "Idempotency-Key须为1至255个可见ASCII字符。"),
    ("unauthenticated", 401, "A valid access key is needed.",
     "需要有效的访问密钥。"),
    ("sign-in-refused", 401, "Nobody could be signed in by this.",
     "登录未成功。"),
    ("form-expired", 403, "The form is not of this session.",
     "表单不属于当前会话。"),
    ("not-allowed", 403, "The access key's roles do not allow this.",
     "访问密钥的角色不允许此操作。"),
    ("out-of-scope", 403, "The access key's scopes do not reach so far.",
     "访问密钥的权限范围不包括此操作。"),
    ("tenant-suspended", 403, "The tenant is suspended.",
     "租户已停用。"),
    ("tenant-read-only", 403, "The company has suspended itself: it is read and not written.",
     "租户已自行停用，只能读取不能写入。"),
    ("wrong-confirmation", 422, "The name that confirms it is not the tenant's.",
     "确认名称与租户名称不符。"),
    ("new-credential", 403, "An access key or sign-in of after the request does not confirm it.",
     "申请之后签发的密钥或登录授权不能用于确认。"),
    ("export-not-ready", 409, "The bundle is not whole yet, or it is kept no longer.",
     "导出尚未完成或已过期。"),
    ("tenant-erased", 410, "The tenant was erased; nothing of it can be read any more.",
     "租户已被永久删除,数据不可恢复。"),
    ("not-published", 403, "The result has not been published yet.",
     "结果尚未公布。"),
    ("not-found", 404, "There is nothing here.",
     "资源不存在。"),
    ("method-not-allowed", 405, "The resource does not know this method.",
     "该资源不支持此方法。"),
    ("overtaken", 409, "Others changed the same thing at the same time; try again.",
     "数据同时被他人反复更改,请重试。"),
    ("login-taken", 409, "Another person signs in with this login.",
     "该登录名已属于其他人员。"),
    ("stale-version", 412, "The resource has changed since the version in If-Match.",
     "资源在If-Match所述版本之后已更改。"),
    ("body-too-large", 413, "The body is larger than this resource takes.",
     "请求体超过允许的大小。"),
    ("too-many-files", 409, "The import has as many files as it may have.",
     "该批次的文件数已达上限。"),
    ("job-under-way", 409, "Another job of this import is under way.",
     "该批次已有任务在执行。"),
    ("cannot-fork", 409, "The history cannot be copied up to this event.",
     "无法复制到该事件为止的历史。"),
    ("too-many-forks", 409, "The tenant has as many copies as it may have.",
     "租户副本数已达上限。"),
    ("too-many-webhooks", 409, "The tenant has as many webhooks as it may have.",
     "事件订阅数已达上限。"),
    ("unsupported-media-type", 415, "The body has to be sent as the media type that is documented.",
     "请求体的媒体类型不受支持。"),
    ("idempotency-conflict", 422, "The Idempotency-Key was used for another request.",
     "该Idempotency-Key已用于另一请求。"),
    ("subject-erased", 409, "The personal data of this person were erased for good.",
     "该人员的个人数据已被永久删除。"),
    ("internal", 500, "Something is broken on our side; it has been recorded.",
     "服务器内部错误,已记录。"),
    ("as-of-too-far", 422, "More history would have to be read than one question may cost.",
     "所需回溯的历史超过单次查询的上限。"),
    ("view-behind", 503, "The view has not reached the wanted position yet; try again.",
     "视图尚未更新到所要求的位置,请重试。"),
    ("erasure-list-missing", 503, "No list of erasures can be kept here; ask the operator.",
     "系统未配置删除清单,请联系运维人员。"),
    ("keys-unavailable", 503, "The service that keeps the keys cannot be reached; try again.",
     "密钥服务暂时不可用,请重试。"),
    ("too-many-requests", 429, "More requests than the limit allows; wait, and go on slower.",
     "请求过于频繁，请稍后再试。"),
    ("provider-away", 503, "The company's identity provider does not answer; try again.",
     "企业身份提供方暂时无响应，请重试。"),
    ("disk-full", 503, "The disk of the database is full; nothing confirmed is lost, try again.",
     "数据库磁盘空间已满,已确认的数据未丢失,请稍后重试。"),
    ("unavailable", 503, "The database cannot be reached just now; nothing was lost, try again.",
     "数据库暂时不可用,没有数据丢失,请重试。"),
)
# fmt: on

MEANINGS: dict[str, Meaning] = {
    **{
        refusal.code: Meaning(
            code=refusal.code,
            status=_STATUS[refusal.kind],
            english=refusal.english,
            chinese=refusal.chinese,
        )
        for refusal in REFUSALS.values()
    },
    **{
        code: Meaning(code=code, status=status, english=english, chinese=chinese)
        for code, status, english, chinese in _OWN
    },
}

BY_STATUS = {
    400: "bad-request",
    401: "unauthenticated",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
    429: "too-many-requests",
}
"""The code for an error of the HTTP framework itself."""


def wants_chinese(accept_language: str) -> bool:
    """True when Chinese is preferred over English in an Accept-Language header."""
    weights = {"zh": 0.0, "en": 0.0, "*": 0.0}
    for part in accept_language.split(","):
        tag, _, quality = part.strip().partition(";q=")
        language = tag.strip().split("-")[0].lower()
        if language in weights:
            try:
                weight = float(quality or "1")
            except ValueError:
                weight = 0.0
            weights[language] = max(weights[language], weight)
    return weights["zh"] > max(weights["en"], weights["*"])


def problem(said: Said, *, path: str, request_id: str, accept_language: str) -> Problem:
    """What `said` says to this client."""
    meaning = MEANINGS[said.code]
    return Problem(
        type=f"{TYPES}/{said.code}",
        title=meaning.chinese if wants_chinese(accept_language) else meaning.english,
        status=meaning.status,
        detail=said.detail,
        request_id=request_id,
        instance=path,
        errors=said.errors,
    )


_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{code}</title></head>
<body>
<h1><code>{code}</code></h1>
<p>HTTP {status}</p>
<p>{english}</p>
<p lang="zh-CN">{chinese}</p>
</body>
</html>
"""


def page(code: str) -> str:
    """The HTML page of a code.

    Raises:
        Said: there is no such code.
    """
    meaning = MEANINGS.get(code)
    if meaning is None:
        raise Said("not-found", "there is no problem of this name")
    return _PAGE.format(
        code=html.escape(meaning.code),
        status=meaning.status,
        english=html.escape(meaning.english),
        chinese=html.escape(meaning.chinese),
    )
