"""One tenant at many times its limit: what do the others notice? Against a running product.

    python -m loadtests.limits --url http://127.0.0.1:8000 --noisy KEY --quiet KEY --quiet KEY

First the quiet tenants work alone, then beside the noisy one, in turns. Exit code 1 where their p99
grows by more than a fifth, or the noisy one is never told 429.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count

import httpx

ASKED = "/api/v1/tenants/self"
GROWTH_MAX = 1.2
PAUSE_S = 0.05
"""Between two requests of a quiet tenant."""
START_S = 1.5
FLOODING = 32
"""Connections of the noisy tenant."""
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")


async def quiet(url: str, key: str, until: float, taken: list[float]) -> None:
    """Work at an ordinary pace; how long each answer took."""
    async with httpx.AsyncClient(base_url=url, headers=bearer(key)) as client:
        while time.monotonic() < until:
            began = time.monotonic()
            answer = await client.get(ASKED)
            if answer.status_code != httpx.codes.OK:
                raise RuntimeError(f"a quiet tenant was answered {answer.status_code}")
            taken.append(time.monotonic() - began)
            await asyncio.sleep(PAUSE_S)


async def noisy(url: str, key: str, rate: int, until: float, statuses: Counter[int]) -> None:
    """Ask `rate` times a second, whatever is answered.

    Over bare connections: a client of the comfortable kind takes as much of the machine as the
    server does, and its work would be measured as the server's.
    """
    began, asked = time.monotonic(), count()
    at = httpx.URL(url)
    secured = at.scheme == "https"
    port = at.port or (443 if secured else 80)
    line = f"GET {ASKED} HTTP/1.1\r\nHost: {at.host}\r\nAuthorization: Bearer {key}\r\n\r\n"

    async def one() -> None:
        reader, writer = await asyncio.open_connection(at.host, port, ssl=secured or None)
        while (now := time.monotonic()) < until:
            due = began + next(asked) / rate
            if due > now:
                await asyncio.sleep(due - now)
            writer.write(line.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            statuses[int(head.split(b" ", 2)[1])] += 1
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one() for _ in range(FLOODING)))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def measured(given: argparse.Namespace) -> tuple[list[float], list[float], Counter[int]]:
    """Times alone, times beside the noisy one, and what that one was answered."""
    alone: list[float] = []
    beside: list[float] = []
    statuses: Counter[int] = Counter()
    for _ in range(given.rounds):
        for taken in (alone, beside):
            flood = await flooding(given) if taken is beside else None
            # The flood takes a moment to begin; both halves wait for it alike.
            await asyncio.sleep(START_S)
            until = time.monotonic() + given.seconds
            await asyncio.gather(*(quiet(given.url, key, until, taken) for key in given.quiet))
            if flood is not None:
                told, _ = await flood.communicate()
                statuses.update({int(each): n for each, n in json.loads(told).items()})
    return alone, beside, statuses


async def flooding(given: argparse.Namespace) -> asyncio.subprocess.Process:
    """The noisy tenant, in a process of its own: its work here is not measured as waiting."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtests.limits", "--url", given.url, "--noisy", given.noisy,
        "--rate", str(given.rate), "--seconds", str(given.seconds + START_S), "--flood",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def flooded(given: argparse.Namespace) -> Counter[int]:
    """What the noisy tenant is answered."""
    statuses: Counter[int] = Counter()
    await noisy(given.url, given.noisy, given.rate, time.monotonic() + given.seconds, statuses)
    return statuses


def main(arguments: Sequence[str]) -> int:
    """Measure, and tell in JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--noisy", required=True, help="access key of the tenant that floods")
    parser.add_argument("--quiet", action="append", default=[], help="a key of another tenant")
    parser.add_argument("--flood", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=int, default=500, help="ten times the limit that was set")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    if given.flood:
        print(json.dumps({str(each): n for each, n in asyncio.run(flooded(given)).items()}))
        return 0
    if not given.quiet:
        parser.error("name the keys of quiet tenants")
    alone, beside, statuses = asyncio.run(measured(given))
    before, after = (statistics.quantiles(taken, n=100)[98] for taken in (alone, beside))
    told = {
        "p99_alone_ms": round(before * 1000, 2),
        "p99_beside_ms": round(after * 1000, 2),
        "growth": round(after / before, 3),
        "noisy": {str(status): number for status, number in sorted(statuses.items())},
    }
    print(json.dumps(told))
    return 0 if after / before <= GROWTH_MAX and statuses[429] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
