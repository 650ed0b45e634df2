"""Running servers, a migrated database, and one fresh tenant per test."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import asyncpg
import hypothesis
import pytest
import pytest_asyncio

from ops.embedded import EmbeddedPostgres
from tenancy.database import Database
from tenancy.migrate import migrate
from tenancy.registry import Registry

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
INSTALL_15 = "PostgreSQL 15 is missing: apt-get install postgresql-15"
WHEEL = "18"
BOTH = (WHEEL, "15")

# Nothing is worth keeping here, so nothing waits for the disk.
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
}


# A law is tried with examples and not timed: on a busy machine every example is slow. The build
# tries the same ones each time, so that it says the same of the same code; `make explore` others.
hypothesis.settings.register_profile(
    "meritledger",
    deadline=None,
    derandomize="MERIT_EXPLORE" not in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
    print_blob=True,
)
hypothesis.settings.load_profile("meritledger")


_failed: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        why = str(report.longrepr) if crash is None else str(crash.message)
        _failed.append(f"FAILED {report.nodeid} ({report.when}): {why.strip()[:300]!r}")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Say at the very end what failed: the end is what is kept of a long log."""
    if not hasattr(config, "workerinput"):
        for line in _failed:
            print(line)  # noqa: T201 - for whoever reads the log


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pg",
        choices=["18", "15", "both", "marked"],
        default="marked",
        help="PostgreSQL for the tests; marked: 18, and those marked both_postgres on 15 too",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "both_postgres: runs on PostgreSQL 18 and on 15")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "postgres" not in metafunc.fixturenames:
        return
    choice = metafunc.config.getoption("--pg")
    marked = metafunc.definition.get_closest_marker("both_postgres") is not None
    if choice == "both" or (choice == "marked" and marked):
        versions = list(BOTH)
    else:
        versions = [WHEEL if choice == "marked" else str(choice)]
    ids = [f"pg{version}" for version in versions]
    metafunc.parametrize("postgres", versions, indirect=True, ids=ids, scope="session")


class Addresses(NamedTuple):
    """The ways into one database."""

    app: str
    owner: str
    superuser: str


class Servers:
    """The servers of this run, each started when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[str, EmbeddedPostgres] = {}

    def get(self, version: str) -> EmbeddedPostgres:
        if version not in self._running:
            bindir = None if version == WHEEL else DEBIAN_15
            if bindir is not None and not (bindir / "initdb").exists():
                pytest.fail(
                    "PostgreSQL 15 is missing: apt-get install postgresql-15", pytrace=False
                )
            self._running[version] = EmbeddedPostgres(
                self._folder / f"pg{version}", bindir=bindir, settings=THROW_AWAY
            ).start()
        return self._running[version]

    def stop(self) -> None:
        for server in self._running.values():
            server.stop()


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    running = Servers(tmp_path_factory.mktemp("servers"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, servers: Servers) -> EmbeddedPostgres:
    """A running server; `merit` on it is the migrated database of this run."""
    return servers.get(request.param)


@pytest.fixture(scope="session")
def owner_url(postgres: EmbeddedPostgres) -> str:
    """The migrated database, as its owner: for DDL and for looking past row-level security."""
    asyncio.run(migrate(postgres.owner_database_url))
    return postgres.owner_database_url


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres, owner_url: str) -> str:
    """The migrated database, as the application connects to it."""
    return postgres.database_url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The migrated database under the application's role."""
    # A machine that runs several suites at once may take its time.
    async with await Database.open(database_url, size=8, command_timeout_s=30.0) as opened:
        yield opened


@pytest.fixture(scope="session")
def registry(database: Database) -> Registry:
    return Registry(database)


@pytest_asyncio.fixture(loop_scope="session")
async def tenant_id(registry: Registry, request: pytest.FixtureRequest) -> UUID:
    """A tenant that nobody else has: the product's isolation is the tests' isolation."""
    return (await registry.create_tenant(request.node.name[:200])).tenant_id


@pytest_asyncio.fixture(loop_scope="session")
async def other_tenant_id(registry: Registry, request: pytest.FixtureRequest) -> UUID:
    """A second tenant, to prove that it is never seen."""
    return (await registry.create_tenant(f"other of {request.node.name}"[:200])).tenant_id


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> Callable[[], Awaitable[Addresses]]:
    """Makes an empty database, owned by merit_owner, that only this test knows."""

    async def make() -> Addresses:
        name = f"merit_{next(_numbers)}"
        connection = await asyncpg.connect(postgres.superuser_url)
        try:
            await connection.execute(f"CREATE DATABASE {name} OWNER merit_owner")
        finally:
            await connection.close()
        return Addresses(
            *(postgres.url(role, database=name) for role in ("merit", "merit_owner", "postgres"))
        )

    return make
