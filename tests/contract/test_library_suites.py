"""The eventsourcing library's own recorder suites, run on our recorder through a blocking bridge.

The library's interface is synchronous, has one log per recorder, lets streams begin at any
version, and tracks what was processed from elsewhere. So in the bridge a recorder is a tenant, an
event loop runs in a thread, a stream's first version counts as 1, and the tracking of another
application is a stream like any other, written by the same append as the events.

Left out: `optional_test_insert_subscribe` (optional by the library's own naming). Its
subscriptions are threads that block; following a log is here the work of the projections' runner.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Never, TypeVar
from uuid import UUID, uuid4, uuid5

import pytest
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Tracking,
)
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from tenancy.appending import Append
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.errors import Overtaken
from tenancy.memory import MemoryDatabase, MemoryRecorder, MemoryWriter
from tenancy.migrate import migrate
from tenancy.recorder import Reading, Recorder
from tenancy.records import Sealed
from tenancy.registry import Registry

T = TypeVar("T")

NOW = datetime(2025, 3, 31, tzinfo=UTC)
UPSTREAMS = UUID("2f0a5a0c-3b7e-4a53-9a3b-0c9c0f7c1d11")
TRACKED = "upstream.tracked"


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Bridge:
    """One tenant's recorder and committer, for callers that block."""

    def __init__(self, loop: Loop, recorder: Reading, committer: Committer) -> None:
        self._loop = loop
        self._recorder = recorder
        self._committer = committer
        self._shift: dict[UUID, int] = {}

    def insert(self, stored: Sequence[StoredEvent], tracking: Tracking | None) -> list[int]:
        if not stored and tracking is None:
            return []
        events = [self._sealed(each) for each in stored]
        expected: dict[UUID, int] = {}
        reached: dict[UUID, int] = {}
        if tracking is not None:
            events.insert(0, self._tracked(tracking))
        for event in events:
            expected.setdefault(event.stream_id, event.version - 1)
            if event.version != reached.get(event.stream_id, event.version - 1) + 1:
                raise IntegrityError("versions of one stream follow on each other")
            reached[event.stream_id] = event.version
        stream_id = events[-1].stream_id
        append = Append(
            stream_id=stream_id,
            version=reached[stream_id],
            expected=expected,
            events=tuple(events),
        )

        async def commit() -> int:
            outcome = await self._committer.commit(self._recorder.tenant_id, append)
            if outcome.kind != "written":
                raise Overtaken(stream_id)
            return outcome.position

        last = self._loop.run(commit())
        return list(range(last - len(stored) + 1, last + 1))

    def select(
        self, stream_id: UUID, gt: int | None, lte: int | None, desc: bool, limit: int | None
    ) -> list[StoredEvent]:
        shift = self._shift.get(stream_id, 0)
        rows = self._loop.run(
            self._recorder.stream(
                stream_id,
                after=0 if gt is None else gt + shift,
                upto=None if lte is None else lte + shift,
                desc=desc,
                limit=limit,
            )
        )
        return [
            StoredEvent(row.stream_id, row.version - shift, row.topic, row.payload) for row in rows
        ]

    def log(
        self, after: int, limit: int, upto: int | None, topics: Sequence[str]
    ) -> list[Notification]:
        rows = self._loop.run(self._recorder.log(after, limit, topics=topics or None, upto=upto))
        return [
            Notification(
                row.stream_id,
                row.version - self._shift.get(row.stream_id, 0),
                row.topic,
                row.payload,
                row.position,
            )
            for row in rows
        ]

    def head(self) -> int:
        return self._loop.run(self._recorder.head())

    def tracked(self, application_name: str) -> tuple[int, int]:
        """The version of the tracking stream, and the notification that it ends with."""
        stream_id = uuid5(UPSTREAMS, application_name)
        rows = self._loop.run(self._recorder.stream(stream_id, desc=True, limit=1))
        return (rows[0].version, int(rows[0].payload)) if rows else (0, 0)

    def _tracked(self, tracking: Tracking) -> Sealed:
        version, last = self.tracked(tracking.application_name)
        if tracking.notification_id <= last:
            raise IntegrityError("was processed already")
        return Sealed(
            stream_id=uuid5(UPSTREAMS, tracking.application_name),
            version=version + 1,
            topic=TRACKED,
            recorded_at=NOW,
            metadata=b"{}",
            payload=str(tracking.notification_id).encode(),
        )

    def _sealed(self, stored: StoredEvent) -> Sealed:
        assert isinstance(stored.originator_id, UUID)
        shift = self._shift.setdefault(stored.originator_id, 1 - stored.originator_version)
        return Sealed(
            stream_id=stored.originator_id,
            version=stored.originator_version + shift,
            topic=stored.topic,
            recorded_at=NOW,
            metadata=b"{}",
            payload=stored.state,
        )


class Aggregates(AggregateRecorder):
    """The library's smallest recorder: it tells no positions."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Any:
        self.bridge.insert(stored_events, kwargs.get("tracking"))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        assert isinstance(originator_id, UUID)
        return self.bridge.select(originator_id, gt, lte, desc, limit)


class Applications(Aggregates, ApplicationRecorder):
    """The one with a log."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        return self.bridge.insert(stored_events, kwargs.get("tracking"))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        after = 0 if start is None else start - inclusive_of_start
        return self.bridge.log(after, limit, stop, topics)

    def max_notification_id(self) -> int | None:
        return self.bridge.head() or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Never:
        raise NotImplementedError("the projections' runner follows the log")


class Processes(Applications, ProcessRecorder):
    """The one that tracks what it has processed from elsewhere."""

    def insert_tracking(self, tracking: Tracking) -> None:
        self.bridge.insert([], tracking)

    def max_tracking_id(self, application_name: str) -> int | None:
        return self.bridge.tracked(application_name)[1] or None


class Backend:
    """Makes bridges, each over a tenant of its own."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.committers: list[Committer] = []

    def bridge(self) -> Bridge:
        recorder, committer = self.loop.run(self.open())
        self.committers.append(committer)
        return Bridge(self.loop, recorder, committer)

    async def open(self) -> tuple[Reading, Committer]:
        raise NotImplementedError

    def close(self) -> None:
        for committer in self.committers:
            self.loop.run(committer.close())


class PostgresBackend(Backend):
    def __init__(self, loop: Loop, url: str) -> None:
        super().__init__(loop)
        self.database = loop.run(Database.open(url, size=8, command_timeout_s=30.0))

    async def open(self) -> tuple[Reading, Committer]:
        tenant = await Registry(self.database).create_tenant("of the library's suites")
        return Recorder(self.database, tenant.tenant_id), Committer.of(self.database)

    def close(self) -> None:
        super().close()
        self.loop.run(self.database.close())


class MemoryBackend(Backend):
    async def open(self) -> tuple[Reading, Committer]:
        database, tenant_id = MemoryDatabase(), uuid4()
        database.create_tenant(tenant_id)
        recorder = MemoryRecorder(database, tenant_id)
        return recorder, Committer(lambda: MemoryWriter(database))


class OnPostgres:
    """unittest's cases take no parametrised fixtures, so the server is named here."""

    VERSION = "18"
    backend: ClassVar[Backend]

    @pytest.fixture(autouse=True)
    def over_a_backend(self, servers: Any) -> Iterator[None]:
        server = servers.get(self.VERSION)
        loop = Loop()
        loop.run(migrate(server.owner_database_url))
        type(self).backend = PostgresBackend(loop, server.database_url)
        yield
        self.backend.close()
        loop.close()


class OnPostgres15(OnPostgres):
    VERSION = "15"


class InMemory:
    backend: ClassVar[Backend]

    @pytest.fixture(autouse=True)
    def over_a_backend(self) -> Iterator[None]:
        loop = Loop()
        type(self).backend = MemoryBackend(loop)
        yield
        self.backend.close()
        loop.close()


class AggregateSuite(AggregateRecorderTestCase):
    backend: ClassVar[Backend]

    def create_recorder(self) -> AggregateRecorder:
        return Aggregates(self.backend.bridge())


class ApplicationSuite(ApplicationRecorderTestCase[ApplicationRecorder]):
    backend: ClassVar[Backend]

    def create_recorder(self) -> ApplicationRecorder:
        return Applications(self.backend.bridge())


class ProcessSuite(ProcessRecorderTestCase):
    backend: ClassVar[Backend]

    def create_recorder(self) -> ProcessRecorder:
        return Processes(self.backend.bridge())


class TrackingSuite(TrackingRecorderTestCase):
    backend: ClassVar[Backend]

    def create_recorder(self) -> ProcessRecorder:
        return Processes(self.backend.bridge())


class NonInterleavingSuite(NonInterleavingNotificationIDsBaseCase):
    backend: ClassVar[Backend]

    def create_recorder(self) -> ApplicationRecorder:
        return Applications(self.backend.bridge())


class TestAggregatesOnPostgres(OnPostgres, AggregateSuite): ...


class TestApplicationsOnPostgres(OnPostgres, ApplicationSuite): ...


class TestProcessesOnPostgres(OnPostgres, ProcessSuite): ...


class TestTrackingOnPostgres(OnPostgres, TrackingSuite): ...


class TestNonInterleavingOnPostgres(OnPostgres, NonInterleavingSuite): ...


class TestApplicationsOnPostgres15(OnPostgres15, ApplicationSuite): ...


class TestProcessesOnPostgres15(OnPostgres15, ProcessSuite): ...


class TestAggregatesInMemory(InMemory, AggregateSuite): ...


class TestApplicationsInMemory(InMemory, ApplicationSuite): ...


class TestProcessesInMemory(InMemory, ProcessSuite): ...


class TestTrackingInMemory(InMemory, TrackingSuite): ...


class TestNonInterleavingInMemory(InMemory, NonInterleavingSuite): ...


# The imported cases are abstract, and pytest would collect them here as well.
del AggregateRecorderTestCase, ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase
del ProcessRecorderTestCase, TrackingRecorderTestCase
del AggregateSuite, ApplicationSuite, NonInterleavingSuite, ProcessSuite, TrackingSuite
