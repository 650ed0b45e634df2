"""One tenant at many times its limit: what do the others notice? Against a running product.

    python -m loadtests.limits --url http://127.0.0.1:8000 --noisy KEY --quiet KEY --quiet KEY

The quiet tenants work alone, beside the same flood at a server that only refuses (where everything
runs on one machine, its client takes a part of that), and beside it here, in turns. Exit code 1
where their p99 grows by more than a fifth for the flood being here, or it is never told 429.
"""

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import cast

import httpx
import msgspec

ASKED = "/api/v1/tenants/self"
GROWTH_MAX = 1.2
PAUSE_S = 0.05
"""Between two requests of a quiet tenant."""
START_S = 1.5
FLOODING = 32
"""Connections of the noisy tenant."""
REFUSAL = (
    b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/problem+json\r\n"
    b"Content-Length: 300\r\n\r\n" + b" " * 300
)
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


class Times(msgspec.Struct):
    """What quiet tenants waited for answers, in seconds, and what the noisy one was answered."""

    alone: list[float]
    elsewhere: list[float]
    """Beside the same flood at a server that only answers: what its client takes of the machine."""
    beside: list[float]
    statuses: Counter[int]


async def measured(given: argparse.Namespace) -> Times:
    """Alone, beside a flood elsewhere, and beside it here, in turns."""
    times = Times([], [], [], Counter())
    answering, elsewhere = await answerer()
    try:
        for _ in range(given.rounds):
            for taken, url in (
                (times.alone, None),
                (times.elsewhere, elsewhere),
                (times.beside, given.url),
            ):
                flood = None if url is None else await flooding(given, url)
                # The flood takes a moment to begin; all wait for it alike.
                await asyncio.sleep(START_S)
                until = time.monotonic() + given.seconds
                await asyncio.gather(*(quiet(given.url, key, until, taken) for key in given.quiet))
                if flood is not None:
                    told, _ = await flood.communicate()
                    if taken is times.beside:
                        times.statuses.update(
                            {int(each): n for each, n in json.loads(told).items()}
                        )
    finally:
        answering.terminate()
        await answering.wait()
    return times


async def answerer() -> tuple[asyncio.subprocess.Process, str]:
    """A server that refuses everything, in a process of its own, and its address."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtests.limits", "--answer", stdout=asyncio.subprocess.PIPE
    )
    line = await cast("asyncio.StreamReader", started.stdout).readline()
    return started, line.decode().strip()


async def answered() -> None:
    """Refuse everything, until the process is ended."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(REFUSAL)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def flooding(given: argparse.Namespace, url: str) -> asyncio.subprocess.Process:
    """The noisy tenant, in a process of its own: its work here is not measured as waiting."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loadtests.limits", "--url", url, "--noisy", given.noisy,
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
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--noisy", help="access key of the tenant that floods")
    parser.add_argument("--quiet", action="append", default=[], help="a key of another tenant")
    parser.add_argument("--flood", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rate", type=int, default=500, help="ten times the limit that was set")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    if given.answer:
        asyncio.run(answered())
    if not given.noisy:
        parser.error("name the key of the noisy tenant")
    if given.flood:
        print(json.dumps({str(each): n for each, n in asyncio.run(flooded(given)).items()}))
        return 0
    if not given.quiet:
        parser.error("name the keys of quiet tenants")
    times = asyncio.run(measured(given))
    alone, elsewhere, beside = (
        statistics.quantiles(taken, n=100)[98] * 1000
        for taken in (times.alone, times.elsewhere, times.beside)
    )
    told = {
        "p99_alone_ms": round(alone, 2),
        "p99_beside_a_flood_elsewhere_ms": round(elsewhere, 2),
        "p99_beside_ms": round(beside, 2),
        "growth": round(beside / alone, 3),
        "growth_by_the_server": round(beside / elsewhere, 3),
        "noisy": {str(status): number for status, number in sorted(times.statuses.items())},
    }
    print(json.dumps(told))
    return 0 if beside / elsewhere <= GROWTH_MAX and times.statuses[429] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
