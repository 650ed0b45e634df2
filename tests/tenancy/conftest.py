"""A tenant's history in PostgreSQL, written through the recorder, sealed and signed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from domain.kernel import Event, Personal
from tenancy.appending import Append
from tenancy.bundle import Exporter
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.mapper import Mapper
from tenancy.recorder import Recorder
from tenancy.records import Metadata
from tenancy.signing import Signers
from tenancy.transparency import Sealer, Transparency

START = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


class Noted(Event, frozen=True, kw_only=True):
    """An event with a public and a personal part."""

    TOPIC = "test.noted"
    text: str
    remark: Personal[str | None] = None


class History:
    """One tenant's log, and everything that proves it."""

    def __init__(
        self, database: Database, keyring: Keyring, tenant_id: UUID, master: MasterKey
    ) -> None:
        self.master = master
        self.database = database
        self.keyring = keyring
        self.tenant_id = tenant_id
        self.signers = Signers(keyring)
        self.sealer = Sealer(database, self.signers)
        self.log = Transparency(database)
        self.exporter = Exporter(database, keyring, self.signers)
        self.events: list[Noted] = []
        self.streams = [uuid4() for _ in range(5)]
        self.catalogue: Sequence[type[Any]] = (Noted,)

    async def database_rows(self, statement: str) -> list[Any]:
        """What the application reads, with this tenant as $1."""
        async with self.database.transaction(self.tenant_id) as connection:
            return await connection.fetch(statement, self.tenant_id)

    async def write(self, count: int) -> None:
        """Append `count` events more, spread over five streams; every third has a remark."""
        mapper = Mapper(self.tenant_id, await self.keyring.of(self.tenant_id), self.catalogue)
        await mapper.prepare([(each, Noted(text="", remark="-")) for each in self.streams])
        appends = []
        for number in range(len(self.events), len(self.events) + count):
            stream_id, version = self.streams[number % 5], number // 5 + 1
            event = Noted(text=f"绩效 {number}", remark=None if number % 3 else f"remark {number}")
            at = START + timedelta(microseconds=1234567 * number)
            metadata = Metadata(event_id=uuid4(), actor=uuid4())
            row = mapper.seal(stream_id, version, event, metadata, at)
            expected = {stream_id: version - 1}
            appends.append(
                Append(stream_id=stream_id, version=version, expected=expected, events=(row,))
            )
            self.events.append(event)
        outcomes = await Recorder(self.database, self.tenant_id).append(appends)
        assert {outcome.kind for outcome in outcomes} == {"written"}


@pytest.fixture
def master() -> MasterKey:
    return MasterKey.generate()


@pytest_asyncio.fixture(loop_scope="session")
async def history(database: Database, master: MasterKey, tenant_id: UUID) -> History:
    return History(database, Keyring.open(database, master), tenant_id, master)


@pytest_asyncio.fixture(loop_scope="session")
async def other_history(database: Database, master: MasterKey, other_tenant_id: UUID) -> History:
    return History(database, Keyring.open(database, master), other_tenant_id, master)


@pytest.fixture
def logs_of(history: History) -> Any:
    """The tenants that the worker looks after: this one."""

    class One:
        async def tenants(self) -> list[UUID]:
            return [history.tenant_id]

    return One()


@pytest.fixture
def tamper(owner_url: str) -> Any:
    """Runs statements as the owner of the tables, with the triggers switched off."""
    guarded = ("events", "reads", "read_batches")

    async def run(statement: str, *arguments: Any) -> None:
        owner = await asyncpg.connect(owner_url)
        try:
            async with owner.transaction():
                for table in guarded:
                    await owner.execute(f"ALTER TABLE merit.{table} DISABLE TRIGGER USER")
                done = await owner.execute(statement, *arguments)
                for table in guarded:
                    for guard in ("append_only", "never_emptied"):
                        await owner.execute(
                            f"ALTER TABLE merit.{table} ENABLE ALWAYS TRIGGER {guard}"
                        )
        finally:
            await owner.close()
        assert done.rpartition(" ")[2] != "0", "the statement changed nothing"

    return run
