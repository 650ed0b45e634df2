"""pgBackRest as a program: backups, what there is, restores, and what its words mean."""

import contextlib
import os
import pwd
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

RUN_S_MAX = 6 * 3600.0
Kind = Literal["full", "diff", "incr"]
_BAD = re.compile(r"status:\s*error|invalid|mismatch|missing|ERROR", re.IGNORECASE)
_GOOD = re.compile(r"(invalid|mismatch|missing)[^,:]*[:=]\s*0|checksum invalid: 0")


class BackupFailed(RuntimeError):
    """pgBackRest did not do it; the text is its last words, without secrets."""


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """One backup in the repository."""

    label: str
    kind: str
    started_at: datetime
    stopped_at: datetime
    size_bytes: int


class Repository:
    """A stanza of a repository.

    Args:
        config: pgBackRest's configuration file; the key of the repository lies in it.
        stanza: the cluster.
        user: whom the program runs as when we are root; PostgreSQL's own account.
    """

    def __init__(self, config: Path, *, stanza: str, user: str = "postgres") -> None:
        self.config = config
        self.stanza = stanza
        self.user = pwd.getpwnam(user) if os.geteuid() == 0 else None

    def run(self, *arguments: str, level: str = "info") -> str:
        """Run one command; what it said.

        Raises:
            BackupFailed: it ended with an error.
        """
        done = subprocess.run(
            [
                "pgbackrest", f"--config={self.config}", f"--stanza={self.stanza}",
                f"--log-level-console={level}", *arguments,
            ],
            capture_output=True,
            text=True,
            errors="replace",  # a wrong key makes anything of a file
            timeout=RUN_S_MAX,
            check=False,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
            **self.as_user(),
        )  # fmt: skip
        if done.returncode:
            words = (done.stdout + done.stderr).strip().splitlines()[-3:]
            raise BackupFailed(f"pgbackrest {arguments[-1]}: {' / '.join(words)[-500:]}")
        return str(done.stdout)

    def as_user(self) -> dict[str, Any]:
        """Arguments of `subprocess` for PostgreSQL's account."""
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def create(self) -> None:
        """Make the stanza; harmless where it is there."""
        self.run("stanza-create")

    def backup(self, kind: Kind) -> Backup:
        """Make a backup; the newest afterwards."""
        self.run(f"--type={kind}", "backup")
        return self.backups()[-1]

    def backups(self) -> list[Backup]:
        """All backups, the oldest first."""
        said = self.run("--output=json", "info", level="off")
        try:
            found = msgspec.json.decode(said)
        except msgspec.DecodeError:
            # With a wrong key it puts what it cannot read into its answer.
            raise BackupFailed("the repository cannot be read: is its key the right one?") from None
        return [
            Backup(
                label=each["label"],
                kind=each["type"],
                started_at=datetime.fromtimestamp(each["timestamp"]["start"], UTC),
                stopped_at=datetime.fromtimestamp(each["timestamp"]["stop"], UTC),
                size_bytes=each["info"]["size"],
            )
            for stanza in found
            if stanza["name"] == self.stanza
            for each in stanza.get("backup", [])
        ]

    def verify(self) -> list[str]:
        """What is wrong with the files of the repository; empty when nothing is.

        Version 2.45 ends with status 0 although it prints an error, so its words are read.
        """
        said = self.run("verify")
        return [
            line.strip()
            for line in said.splitlines()
            if _BAD.search(line) and not _GOOD.search(line)
        ]

    def restore(self, folder: Path, target: datetime) -> None:
        """Restore to a second of the past, into a folder of its own."""
        folder.mkdir(mode=0o700)
        if self.user is not None:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        moment = target.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        self.run(
            f"--pg1-path={folder}",
            "--type=time",
            f"--target={moment}",
            "--target-action=promote",
            "--archive-mode=off",
            "restore",
        )


def version() -> str:
    """Which pgBackRest this is; empty where there is none."""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        done = subprocess.run(["pgbackrest", "version"], capture_output=True, text=True, check=True)
        return done.stdout.strip()
    return ""
