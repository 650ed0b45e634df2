"""The machine's clock jumps, back and forth: order, positions and what was known stay as they are.

API and worker run under a clock of ours: a few lines of C between them and the system's, which add
what a file says.
"""

import itertools
import struct
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("clocks")]

CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset_s;

__attribute__((constructor)) static void open_offset(void) {
    const char *path = getenv("CLOCK_OFFSET_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(0, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) offset_s = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, at);
    if (!done && offset_s && clock == CLOCK_REALTIME) at->tv_sec += *offset_s;
    return done;
}
"""
HOUR_S = 3600


class Clock:
    """What API and worker take for the time."""

    def __init__(self, folder: Path) -> None:
        source, self._library = folder / "clock.c", folder / "clock.so"
        source.write_text(CLOCK)
        built = subprocess.run(
            ["cc", "-shared", "-fPIC", "-o", self._library, source, "-ldl"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr
        self._offset = folder / "offset"
        self.jump_to(0)

    def jump_to(self, seconds: int) -> None:
        """From now on it is so much later than it is."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:
            file.write(struct.pack("q", seconds))

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "CLOCK_OFFSET_FILE": str(self._offset)}


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


class Tenant:
    """People are registered, and the past is asked for."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self.last = 0

    def register(self, *numbers: str) -> None:
        for number in numbers:
            answer = self.post(number)
            assert answer.status_code == 201, answer.text
            self.last = answer.json()["position"]

    def post(self, number: str) -> httpx.Response:
        body = {"number": number, "name": "王小明"}
        return self._http.post("/people", json=body, headers={"Idempotency-Key": number})

    def events(self) -> list[tuple[int, datetime]]:
        answer = self._http.get("/audit/events", params={"wait_for": self.last, "limit": 100})
        assert answer.is_success, answer.text
        told = answer.json()["data"]
        return sorted((e["position"], datetime.fromisoformat(e["recorded_at"])) for e in told)

    def known_at(self, at: datetime) -> int:
        """How far the log was known at a time."""
        answer = self._http.get("/audit/events", params={"known_at": at.isoformat(), "limit": 100})
        assert answer.is_success, answer.text
        position = int(answer.headers["Merit-Position"])
        assert all(each["position"] <= position for each in answer.json()["data"])
        return position


def test_a_clock_that_jumps_changes_no_order_and_no_answer(
    clock: Clock, start: Any, merit: Any, eventually: Callable[..., bool]
) -> None:
    running = start(**clock.environment)
    here = ("--data-dir", str(running.data_dir))
    made = merit.json("tenant", "create", "clocks", *here)
    headers = {"Authorization": f"Bearer {made['administrator']['secret']}"}
    address = f"{running.address}/api/v1"
    with httpx.Client(base_url=address, headers=headers, timeout=30) as http:
        tenant = Tenant(http)
        tenant.register("A1", "A2", "A3")
        clock.jump_to(-HOUR_S)
        tenant.register("B1", "B2")
        again = tenant.post("A3")  # the key is older, and later, than now
        assert again.headers["Idempotent-Replayed"] == "true"
        clock.jump_to(HOUR_S)
        tenant.register("C1", "C2")
        clock.jump_to(-HOUR_S)
        tenant.register("D1")
        clock.jump_to(0)
        tenant.register("E1")

        events = tenant.events()
        positions, times = [each for each, _ in events], [at for _, at in events]
        # One event, of the administrator's key, was there before.
        assert positions == list(range(1, 11))
        steps = [round((b - a) / timedelta(hours=1)) for a, b in itertools.pairwise(times)]
        assert steps == [0, 0, 0, -1, 0, 2, 0, -2, 1], "the clock did not jump"

        # What was known at a time: all before the first event that was recorded later. So it never
        # shrinks as the time goes on, and what follows changes no answer that such an event ends.
        asked = sorted({*times, times[3] + timedelta(minutes=30), times[-1] + timedelta(hours=9)})
        known = [tenant.known_at(at) for at in asked]
        assert known == sorted(known)
        for at, position in zip(asked, known, strict=True):
            later = [number for number, recorded in events if recorded > at]
            assert position == (later[0] - 1 if later else len(events))
        ended = [(at, n) for at, n in zip(asked, known, strict=True) if n < len(events)]
        tenant.register("F1")
        assert [(at, tenant.known_at(at)) for at, _ in ended] == ended

        # A key that was taken away opens nothing, whatever time it was when it was last seen.
        tenant_id = made["tenant"]["tenant_id"]
        key = merit.json(
            "key", "create", "--tenant", tenant_id, "--name", "gone", "--role", "hr", *here
        )
        lost = {"Authorization": f"Bearer {key['secret']}"}
        assert httpx.get(f"{address}/tenants/self", headers=lost).is_success
        clock.jump_to(-HOUR_S)
        merit.json("key", "revoke", key["key_id"], "--tenant", tenant_id, "--reason", "x", *here)
        assert eventually(
            lambda: httpx.get(f"{address}/tenants/self", headers=lost).status_code == 401,
            within_s=6,
        )
    # Proofs hold, and the views are what a rebuild makes of the log.
    deep = merit("health", "--deep", *here)
    assert deep.returncode == 0, deep.stdout + deep.stderr
