"""Starts a built image as it is meant to be started: as 10001, its root read-only, no rights.

    python tools/image_check.py ROOT        its root, mounted

The database is an embedded one of this machine. Anything that is not as it should be ends it.
"""

import base64
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from ops.embedded import EmbeddedPostgres
from ops.place import free_port

READY_S_MAX = 60.0
STOP_S_MAX = 30.0
WORK_S = 5.0

# A mount namespace of its own. The root is bound onto itself, so that it can be made read-only;
# what lies below stays as it was mounted.
INSIDE = """
root=$1; shift
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs \\
    --bounding-set=-all --inh-caps=-all "$@"
"""


def inside(root: str, *command: str) -> list[str]:
    """A command in the image."""
    wrap = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-euc", INSIDE]
    return [*wrap, "bash", root, *command]


def environment(**given: str) -> dict[str, str]:
    """As the image sets it."""
    return {
        "PATH": "/opt/merit/bin:/usr/sbin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "MERIT_LOG_FORMAT": "json",
        **given,
    }


def said(root: str, *command: str) -> subprocess.CompletedProcess[str]:
    """What a command says."""
    return subprocess.run(
        inside(root, *command), env=environment(), capture_output=True, text=True, check=False
    )


def check_files(root: str) -> None:
    """It knows its version, is nobody in particular, and can write nowhere but below /tmp."""
    version = said(root, "merit", "--version")
    if version.returncode:
        sys.exit(f"merit --version: {version.stderr}")
    print(f"merit --version: {version.stdout.strip()}")
    who = said(root, "id", "-u").stdout.strip()
    if who != "10001":
        sys.exit(f"it runs as {who}")
    for place in ("/", "/opt/merit", "/etc", "/var/tmp"):  # noqa: S108  asked whether it can
        if said(root, "touch", f"{place}/x").returncode == 0:
            sys.exit(f"{place} can be written")
    if said(root, "touch", "/tmp/x").returncode:  # noqa: S108  of the image
        sys.exit("nothing can be written at all")
    print("10001 writes nowhere but below /tmp")


def serve(root: str, database_url: str, owner_url: str) -> None:
    """It migrates, answers that it is ready, and ends when it is told to."""
    port = free_port("127.0.0.1")
    given = environment(
        MERIT_DATABASE_URL=database_url,
        MERIT_OWNER_DATABASE_URL=owner_url,
        MERIT_MASTER_KEY=base64.b64encode(secrets.token_bytes(32)).decode(),
        MERIT_HOST="127.0.0.1",
        MERIT_PORT=str(port),
    )
    migrated = subprocess.run(
        inside(root, "merit", "migrate"),
        env=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if migrated.returncode:
        sys.exit(f"merit migrate: {migrated.stdout}{migrated.stderr}")
    print(f"merit migrate: {migrated.stdout.strip().splitlines()[-1]}")
    for command in ("serve", "worker"):
        _runs(command, inside(root, "merit", command), given, port)


def _runs(name: str, command: list[str], given: Mapping[str, str], port: int) -> None:
    # A file, because nobody reads a pipe while it runs.
    with tempfile.TemporaryFile() as said_in:
        _watched(name, subprocess.Popen(command, env=given, stdout=said_in, stderr=said_in), port)
        said_in.seek(0)
        text = said_in.read().decode(errors="replace")
    if "Read-only file system" in text or "Traceback" in text:
        sys.exit(f"merit {name}: {text[-4000:]}")
    print(f"merit {name}: ran with a read-only root, and ended when it was told to")


def _watched(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    try:
        if name == "serve":
            _ready(process, port)
        else:
            _works(process)
        if process.poll() is not None:
            sys.exit(f"merit {name} has ended with {process.returncode}")
    finally:
        # The first child is the program: `unshare` itself does not pass signals on.
        for child in _children(process.pid):
            os.kill(child, signal.SIGTERM)
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.returncode:
        sys.exit(f"merit {name} ended with {process.returncode}")


def _works(process: subprocess.Popen[bytes]) -> None:
    """Wait until a worker listens to signals, and a while in which it works."""
    deadline = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        status = [
            Path(f"/proc/{child}/status").read_text(encoding="ascii")
            for child in _children(process.pid)
        ]
        caught = [int(mask, 16) for text in status for mask in re.findall(r"SigCgt:\s(\w+)", text)]
        if any(mask & 1 << signal.SIGTERM - 1 for mask in caught):
            time.sleep(WORK_S)
            return
        time.sleep(0.2)
    sys.exit("merit worker does not come up")


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text(encoding="ascii").split()]


def _ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        try:
            answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=2)
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        if answer.status_code == httpx.codes.OK:
            print(f"GET /health/ready: {answer.status_code} {answer.text}")
            return
        time.sleep(0.2)
    sys.exit("merit serve is not ready")


def main() -> None:
    """Everything, beside an embedded database."""
    (root,) = sys.argv[1:]
    check_files(root)
    with tempfile.TemporaryDirectory(prefix="merit-image-") as folder:
        port = free_port("127.0.0.1")
        with EmbeddedPostgres(Path(folder) / "postgres", tcp_port=port) as server:
            serve(root, server.database_url, server.owner_database_url)


main()
