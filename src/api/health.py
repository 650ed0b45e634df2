"""Health is a list of questions, each with its deadline; a slow answer is a failing answer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Literal

import msgspec

Status = Literal["pass", "fail"]


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One question."""

    name: str
    ask: Callable[[], Awaitable[str]]
    """The finding in words without secrets, or it raises."""
    deadline_ms: int = 1000


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One answer."""

    name: str
    status: Status
    finding: str
    took_ms: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All answers, and the one word that follows from them."""

    status: Status
    findings: tuple[Finding, ...] = ()


async def report(probes: Sequence[Probe]) -> Report:
    """Ask everything at once."""
    findings = await asyncio.gather(*map(examine, probes))
    status: Status = "pass" if all(each.status == "pass" for each in findings) else "fail"
    return Report(status=status, findings=tuple(findings))


async def examine(probe: Probe) -> Finding:
    """Ask one question; whatever it raises is a failing answer, told by its kind alone."""
    began = perf_counter()
    status: Status = "pass"
    try:
        async with asyncio.timeout(probe.deadline_ms / 1000):
            finding = await probe.ask()
    except TimeoutError:
        status, finding = "fail", f"no answer within {probe.deadline_ms} ms"
    except Exception as error:  # noqa: BLE001  any error is the answer; its text may hold secrets
        status, finding = "fail", type(error).__name__
    took_ms = round((perf_counter() - began) * 1000)
    return Finding(name=probe.name, status=status, finding=finding, took_ms=took_ms)
