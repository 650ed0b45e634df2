"""The recorder's twin for tests: the same log, gone with the process."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec.structs import replace

from tenancy.appending import OVERTAKEN, Append, Outcome
from tenancy.errors import UnknownTenant
from tenancy.idempotency import Remembered
from tenancy.records import Sealed


class MemoryLog:
    """What one tenant has written."""

    def __init__(self) -> None:
        self.events: list[Sealed] = []
        self.versions: dict[UUID, int] = {}
        self.commands: dict[str, Remembered] = {}

    def append(self, append: Append) -> Outcome:
        append.check()
        key = append.idempotency
        if key is not None and key.key in self.commands:
            return Outcome(kind="repeated", remembered=self.commands[key.key])
        for stream_id, version in append.expected.items():
            if self.versions.get(stream_id, 0) != version:
                return OVERTAKEN
        for event in append.events:
            self.events.append(replace(event, position=len(self.events) + 1))
            self.versions[event.stream_id] = event.version
        position = len(self.events) if append.events else append.position
        if key is not None:
            self.commands[key.key] = Remembered(
                fingerprint=key.fingerprint,
                stream_id=append.stream_id,
                version=append.version,
                position=position,
            )
        return Outcome(kind="written", position=position)


class MemoryDatabase:
    """The logs of tenants; a tenant is known once it was created."""

    def __init__(self) -> None:
        self._logs: dict[UUID, MemoryLog] = {}

    def create_tenant(self, tenant_id: UUID) -> None:
        self._logs.setdefault(tenant_id, MemoryLog())

    def log_of(self, tenant_id: UUID) -> MemoryLog:
        """Raises UnknownTenant."""
        try:
            return self._logs[tenant_id]
        except KeyError as error:
            raise UnknownTenant(tenant_id) from error


class MemoryRecorder:
    """The log of one tenant."""

    def __init__(self, database: MemoryDatabase, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id
        self._database = database

    async def check_tenant(self) -> None:
        self._database.log_of(self.tenant_id)

    async def append(self, appends: Sequence[Append]) -> list[Outcome]:
        return await MemoryWriter(self._database).append(self.tenant_id, appends)

    async def streams(
        self,
        after: Mapping[UUID, int],
        *,
        primary: bool = False,  # noqa: ARG002 - there is one memory
    ) -> list[Sealed]:
        events = self._events()
        return [
            event
            for stream_id, version in after.items()
            for event in events
            if event.stream_id == stream_id and event.version > version
        ]

    async def stream(
        self,
        stream_id: UUID,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        desc: bool = False,
    ) -> list[Sealed]:
        found = [
            event
            for event in self._events()
            if event.stream_id == stream_id
            and event.version > after
            and (upto is None or event.version <= upto)
        ]
        return found[::-1][:limit] if desc else found[:limit]

    async def log(
        self,
        after: int = 0,
        limit: int | None = None,
        *,
        topics: Sequence[str] | None = None,
        upto: int | None = None,
    ) -> list[Sealed]:
        events = self._events()[after:upto]
        return [event for event in events if topics is None or event.topic in topics][:limit]

    async def head(self) -> int:
        return len(self._events())

    async def remembered(self, key: str) -> Remembered | None:
        return self._database.log_of(self.tenant_id).commands.get(key)

    def _events(self) -> list[Sealed]:
        return self._database.log_of(self.tenant_id).events


class MemoryWriter:
    """Appends for any tenant."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def ready(self) -> None:
        """Always."""

    async def append(self, tenant_id: UUID, appends: Sequence[Append]) -> list[Outcome]:
        log = self._database.log_of(tenant_id)
        return [log.append(each) for each in appends]

    async def written(self, tenant_id: UUID, appends: Sequence[Append]) -> list[int]:
        log = self._database.log_of(tenant_id)
        payloads = {event.payload: event.position for event in log.events}
        return [
            payloads.get(append.events[-1].payload, 0) if append.events else 0 for append in appends
        ]

    async def renew(self, error: Exception) -> None:
        """Nothing here breaks."""

    async def close(self) -> None:
        """Nothing to give back."""
