"""The connector: which of several hosts is spoken to; tests/ops has the real faults."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from ops.embedded import EmbeddedPostgres
from ops.place import free_port
from tenancy.database import Database
from tenancy.failover import (
    ASK_S_MAX,
    NoPrimary,
    NoServer,
    connect_primary,
    connect_standby,
    hosts_of,
    note_standby,
    noting_reads,
)
from tenancy.migrate import migrate


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    folder: Path = tmp_path_factory.mktemp("failover")
    with EmbeddedPostgres(folder / "pg", tcp_port=free_port("127.0.0.1")) as running:
        asyncio.run(migrate(running.owner_database_url))
        yield running


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that takes connections and says nothing: a frozen server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def with_host(url: str, host: str) -> str:
    """The address with another host before its own."""
    login, _, rest = url.rpartition("@")
    return f"{login}@{host},{rest}"


def test_each_host_of_an_address_becomes_an_address() -> None:
    assert hosts_of("postgresql://u:s,t@a:1,b:2/merit?sslmode=verify-full") == [
        "postgresql://u:s,t@a:1/merit?sslmode=verify-full",
        "postgresql://u:s,t@b:2/merit?sslmode=verify-full",
    ]
    assert hosts_of("postgresql:///merit?host=/run/x") == ["postgresql:///merit?host=/run/x"]


async def test_a_frozen_host_and_a_dead_one_cost_a_second_together(
    server: EmbeddedPostgres, silent: str
) -> None:
    dead = f"127.0.0.1:{free_port('127.0.0.1')}"
    url = with_host(with_host(server.database_url, dead), silent)
    loop = asyncio.get_running_loop()
    began = loop.time()
    connection = await connect_primary(url, timeout=5)
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()
    # One after the other under one time-out they would cost all of the five seconds.
    assert loop.time() - began < ASK_S_MAX + 2.5


async def test_no_answer_and_no_primary_are_told_apart_from_a_refused_login(
    server: EmbeddedPostgres, silent: str
) -> None:
    nobody = f"postgresql://merit:x@127.0.0.1:{free_port('127.0.0.1')},{silent}/merit"
    with pytest.raises(NoServer):
        await connect_primary(nobody)
    with pytest.raises(NoServer):
        await connect_standby(server.database_url)  # a primary is no standby
    wrong = with_host(server.database_url.replace("//merit:", "//merit:not"), silent)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await connect_primary(wrong)


async def test_a_reader_is_told_that_nobody_is_there_when_nobody_is(
    server: EmbeddedPostgres, silent: str
) -> None:
    async with await Database.open(with_host(server.database_url, silent)) as database:
        async with database.connection(read_only=True) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        server.stop()

        async def read() -> None:
            async with database.connection(read_only=True) as connection:
                await connection.fetchval("SELECT 1")

        try:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await read()  # may meet the connection that was open
            with pytest.raises(NoPrimary):
                await read()
        finally:
            server.start()


def test_the_oldest_of_several_reads_from_a_standby_counts() -> None:
    now = datetime.now(UTC)
    note_standby(now)  # nobody listens: nothing happens
    with noting_reads() as reads:
        note_standby(now)
        note_standby(now - timedelta(seconds=5))
        note_standby(now)
    assert reads.as_of == now - timedelta(seconds=5)
    with noting_reads() as later:
        pass
    assert later.as_of is None
