"""The prober: asks and commands once a minute from outside, as a customer would, and tells it.

It runs elsewhere than what it probes. What it cannot tell now (because just that is broken) it
keeps in a file and tells later: `merit probe --url https://... --key ... --spool probes.ndjson`.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import httpx
import msgspec

from domain.probing import PROBES_MAX, Probe, RecordProbes

ANSWER_S_MAX = 30.0


class Prober:
    """One prober of one tenant.

    Args:
        url: the API's address.
        key: an access key with the role integration.
        name: what this prober is called.
        spool: file for what could not be told yet; one prober alone writes it.
    """

    def __init__(self, url: str, key: str, name: str, spool: Path) -> None:
        self._headers = {"Authorization": f"Bearer {key}"}
        self._url = url.rstrip("/")
        self._name = name
        self._spool = spool
        self._untold = self._read()
        self._last_write: tuple[datetime, bool, int] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Probe at the beginning of each minute until `stop` is set."""
        while not stop.is_set():
            await self.probe(datetime.now(UTC).replace(second=0, microsecond=0))
            following = (datetime.now(UTC) + timedelta(minutes=1)).replace(second=0, microsecond=0)
            pause_s = (following - datetime.now(UTC)).total_seconds()
            try:
                await asyncio.wait_for(stop.wait(), max(0.1, pause_s))
            except TimeoutError:
                continue

    async def probe(self, minute: datetime) -> Probe:
        """One minute: a question, and the command that tells the minutes before.

        The command of this minute is the write that is measured; its result is told with the
        next one, so nothing is ever told of itself.
        """
        async with httpx.AsyncClient(timeout=ANSWER_S_MAX, headers=self._headers) as client:
            read_ok, read_ms = await self._timed(client, None)
            waiting = self._untold
            write_ok, write_ms = await self._timed(client, waiting)
        if write_ok and waiting:
            self._untold = []
        probe = Probe(
            minute=minute, read_ok=read_ok, read_ms=read_ms, write_ok=write_ok, write_ms=write_ms
        )
        self._untold = [*self._untold, probe]
        self._keep()
        return probe

    async def _timed(
        self, client: httpx.AsyncClient, waiting: Sequence[Probe] | None
    ) -> tuple[bool, int]:
        began = time.perf_counter()
        try:
            ok = await (self._ask(client) if waiting is None else self._tell(client, waiting))
        except httpx.HTTPError:
            ok = False
        return ok, min(600_000, round((time.perf_counter() - began) * 1000))

    async def _ask(self, client: httpx.AsyncClient) -> bool:
        return (await client.get(f"{self._url}/api/v1/tenants/self")).is_success

    async def _tell(self, client: httpx.AsyncClient, waiting: Sequence[Probe]) -> bool:
        """Tell what waits, a command for each month; the very first minute has nothing to tell."""
        done = True
        for _, group in groupby(waiting, key=lambda probe: (probe.minute.year, probe.minute.month)):
            probes = list(group)
            for start in range(0, len(probes), PROBES_MAX):
                part = tuple(probes[start : start + PROBES_MAX])
                answer = await client.post(
                    f"{self._url}/api/v1/probes",
                    content=msgspec.json.encode(RecordProbes(prober=self._name, probes=part)),
                    headers={
                        "Content-Type": "application/json",
                        # The same minutes are told once, however often this is repeated.
                        "Idempotency-Key": f"{self._name}-{part[0].minute:%Y%m%d%H%M}-{len(part)}",
                    },
                )
                # Told before, by a command whose answer was lost.
                told_before = "probe-minute-taken" in answer.text
                done = done and (answer.is_success or told_before)
        return done

    def _read(self) -> list[Probe]:
        if not self._spool.exists():
            return []
        lines = self._spool.read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Probe) for line in lines if line]

    def _keep(self) -> None:
        fresh = self._spool.with_suffix(".new")
        fresh.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in self._untold))
        fresh.replace(self._spool)
