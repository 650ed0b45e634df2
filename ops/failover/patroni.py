"""Patroni's REST API: who is who, and a planned switch."""

import asyncio
import time
from collections.abc import Sequence

import httpx
import msgspec

ASK_S_MAX = 2.0
SWITCH_S_MAX = 60.0


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A node as Patroni sees it."""

    name: str
    role: str
    state: str
    timeline: int = 0
    lag: int | str = 0
    """Bytes behind the primary; "unknown" where Patroni does not know."""


class Switched(msgspec.Struct, frozen=True, kw_only=True):
    """A planned switch that is done."""

    primary: str
    seconds: float


class _Cluster(msgspec.Struct):
    members: list[Member]


async def members(urls: Sequence[str]) -> list[Member]:
    """What the first node that answers says of all.

    Raises:
        ConnectionError: no node answers.
    """
    async with httpx.AsyncClient(timeout=ASK_S_MAX) as client:
        answers = await asyncio.gather(
            *(client.get(f"{url}/cluster") for url in urls), return_exceptions=True
        )
    for answer in answers:
        if isinstance(answer, httpx.Response) and answer.is_success:
            return msgspec.json.decode(answer.content, type=_Cluster).members
    raise ConnectionError(f"none of {', '.join(urls)} answers")


async def switch(
    urls: Sequence[str], candidate: str | None, login: httpx.BasicAuth | None
) -> Switched:
    """Ask for the switch, and wait until the candidate is the primary.

    Raises:
        ConnectionError: nobody answers, there is nobody to switch to, or it was refused.
    """
    found = await members(urls)
    leader = next((each.name for each in found if each.role == "leader"), None)
    standby = next((each.name for each in found if each.role == "sync_standby"), None)
    wanted = candidate or standby
    if leader is None or wanted is None:
        raise ConnectionError("there is no primary, or no synchronous standby to switch to")
    began = time.monotonic()
    body = {"leader": leader, "candidate": wanted}
    async with httpx.AsyncClient(timeout=SWITCH_S_MAX, auth=login) as client:
        for url in urls:
            try:
                answer = await client.post(f"{url}/switchover", json=body)
            except httpx.TransportError:
                continue
            if answer.is_success:
                break
            raise ConnectionError(f"refused: {answer.status_code} {answer.text.strip()[:200]}")
        else:
            raise ConnectionError(f"none of {', '.join(urls)} answers")
    while time.monotonic() - began < SWITCH_S_MAX:
        if any(each.name == wanted and each.role == "leader" for each in await members(urls)):
            return Switched(primary=wanted, seconds=round(time.monotonic() - began, 2))
        await asyncio.sleep(0.3)
    raise ConnectionError(f"{wanted} is not the primary after {SWITCH_S_MAX:.0f} s")
