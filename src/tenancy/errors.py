"""What can go wrong between a decision and its place in the log."""

from uuid import UUID

from eventsourcing.persistence import IntegrityError


class Overtaken(IntegrityError):
    """A stream that the decision read has moved on since.

    The store decides again by itself; this is raised where that was in vain several times over.
    """

    def __init__(self, stream_id: UUID) -> None:
        super().__init__(f"stream {stream_id}: what the decision had read was overtaken")
        self.stream_id = stream_id


class StaleVersion(Exception):
    """The caller named the version that it had seen (If-Match), and the stream is elsewhere."""

    def __init__(self, stream_id: UUID, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream_id} is at version {actual}, not at {expected}")
        self.stream_id = stream_id
        self.expected = expected
        self.actual = actual


class IdempotencyConflict(Exception):
    """The idempotency key was used before, for another request."""

    def __init__(self, key: str) -> None:
        super().__init__(f"idempotency key {key!r} was used before, for another request")
        self.key = key


class UnknownTenant(LookupError):
    """There is no tenant of this id."""

    def __init__(self, tenant_id: UUID) -> None:
        super().__init__(f"there is no tenant {tenant_id}")
        self.tenant_id = tenant_id


class Unavailable(Exception):
    """The log cannot be written now; try again in a while.

    `unknown` says that nobody can tell whether the command was carried out: it was under way when
    the database was lost. With an idempotency key it can be repeated without harm.
    """

    def __init__(self, detail: str, *, unknown: bool = False, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.unknown = unknown
        self.retry_after_s = retry_after_s


class KeysUnavailable(Unavailable):
    """What keeps the keys cannot be reached; nothing can be sealed, and soon nothing be opened."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after_s=5)


class TenantErased(Exception):
    """The tenant's keys were destroyed; nothing of it can be read any more."""

    def __init__(self, tenant_id: UUID) -> None:
        super().__init__(f"tenant {tenant_id} was erased")
        self.tenant_id = tenant_id
