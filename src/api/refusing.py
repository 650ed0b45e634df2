"""Which problem an exception is: the one place where errors of all layers meet HTTP."""

import traceback

import structlog
from litestar.exceptions import HTTPException

from api.problems import BY_STATUS, MEANINGS, RETRY_AFTER_S, Problem, Said, problem
from domain.kernel import Refused
from tenancy.database import DISK_FULL_STATE, is_retryable
from tenancy.erasures import ErasureListMissing
from tenancy.errors import (
    IdempotencyConflict,
    KeysUnavailable,
    Overtaken,
    StaleVersion,
    TenantErased,
    Unavailable,
)
from tenancy.keyring import SubjectErased

LOG = structlog.get_logger("api.errors")

FULL_RETRY_AFTER_S = 10

_RETRY = {"Retry-After": str(RETRY_AFTER_S)}


def said_of(error: Exception) -> Said:
    """What to say about an error; what nobody expected is logged, and told without details."""
    match error:
        case Said():
            return error
        case Refused():
            if error.code in MEANINGS:
                return Said(error.code, error.detail)
        case StaleVersion():
            return Said("stale-version", "read it again, and decide again")
        case IdempotencyConflict():
            return Said("idempotency-conflict", "use a new Idempotency-Key for a new request")
        case Overtaken():
            return Said("overtaken", "nothing was stored", headers=_RETRY)
        case SubjectErased():
            return Said("subject-erased", "nothing personal can be written about this person")
        case TenantErased():
            return Said("tenant-erased", "its keys were destroyed")
        case ErasureListMissing():
            return Said("erasure-list-missing", "nothing was erased")
        case KeysUnavailable():
            headers = {"Retry-After": str(error.retry_after_s)}
            return Said("keys-unavailable", "nothing was stored", headers=headers)
        case Unavailable():
            if _is_full(error.__cause__):
                return _full()
            return _unavailable(error.retry_after_s)
        case HTTPException() if error.status_code in BY_STATUS:
            return Said(BY_STATUS[error.status_code], "see the documentation at /docs")
        case HTTPException() if error.status_code < 500:  # noqa: PLR2004  server errors begin here
            return Said("bad-request", "see the documentation at /docs")
    if _is_full(error):
        return _full()
    if isinstance(error, TimeoutError) or is_retryable(error):
        return _unavailable()
    _log(error)
    return Said("internal", "quote the request_id when you ask for help")


def problem_of(error: Exception, *, path: str, request_id: str, accept_language: str) -> Problem:
    """The problem details of an error."""
    return problem(
        said_of(error), path=path, request_id=request_id, accept_language=accept_language
    )


def _unavailable(retry_after_s: int = RETRY_AFTER_S) -> Said:
    headers = {"Retry-After": str(retry_after_s)}
    return Said("unavailable", "repeat it with the same Idempotency-Key", headers=headers)


def _is_full(error: BaseException | None) -> bool:
    return getattr(error, "sqlstate", None) == DISK_FULL_STATE


def _full() -> Said:
    # Somebody has to make room first: asking every second would only keep the log growing.
    headers = {"Retry-After": str(FULL_RETRY_AFTER_S)}
    return Said("disk-full", "repeat it with the same Idempotency-Key", headers=headers)


def _log(error: Exception) -> None:
    # The error's text may quote what it was about, so only its kind and its way are written.
    frames = traceback.extract_tb(error.__traceback__)
    LOG.error(
        "unexpected",
        error=type(error).__name__,
        way=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-20:]],
    )
