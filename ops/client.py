"""A careful client of our own API: bounded, retrying, each command with one idempotency key."""

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx
import msgspec

T = TypeVar("T")

BASE = "/api/v1"
ATTEMPTS_MAX = 8
AT_ONCE = 24
"""Requests under way at a time."""
ANSWER_S_MAX = 30.0
WAIT_S_MAX = 5.0
NOT_NOW = frozenset({429, 503})
BULK_LINES = 200


class Problem(Exception):
    """The API's answer was a problem document."""

    def __init__(self, status: int, code: str, detail: str, what: str) -> None:
        super().__init__(f"{what}: {status} {code}: {detail}")
        self.status = status
        self.code = code


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a command answered."""

    id: UUID
    version: int
    position: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a bulk request."""

    method: str
    path: str
    body: msgspec.Raw
    idempotency_key: str


class Api:
    """The API at `address`, spoken to by any number of people."""

    def __init__(self, address: str) -> None:
        # One connection a lane: a shared pool looks at all its connections for every request.
        trusted = ssl.create_default_context()
        lanes = [
            httpx.AsyncClient(base_url=address + BASE, timeout=ANSWER_S_MAX, verify=trusted)
            for _ in range(AT_ONCE)
        ]
        self._lanes = lanes
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for lane in lanes:
            self._idle.put_nowait(lane)
        self.position = 0
        """The highest log position that an answer carried."""
        self.requests = 0
        self.retries = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for lane in self._lanes:
            await lane.aclose()

    async def post(self, key: str, path: str, command: msgspec.Struct | None = None) -> Done:
        """Carry out a command.

        Raises:
            Problem: it was refused.
        """
        return msgspec.json.decode(await self.post_raw(key, path, command), type=Done)

    async def post_raw(
        self,
        key: str,
        path: str,
        command: msgspec.Struct | Mapping[str, Any] | None = None,
        *,
        turn: int = 1,
    ) -> bytes:
        """Carry out a command whose answer is not a `Done`.

        Args:
            key: whose access key.
            path: below the base path.
            command: its body; None for an empty one.
            turn: 2, 3 ... where the same is to be done once more, and not the same answer told.
        """
        body = msgspec.json.encode({} if command is None else command)
        again = b"" if turn == 1 else b"%d" % turn
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": _idempotency_key(key, path, body + again),
        }
        return (await self._send("POST", key, path, content=body, headers=headers)).content

    async def get(self, key: str, path: str, **query: str | int) -> dict[str, Any]:
        """Answer a question, having waited for our own writes."""
        return await self.get_at(key, path, wait_for=self.position, **query)

    async def get_at(self, key: str, path: str, **query: str | int) -> dict[str, Any]:
        """Answer a question from the views as they are."""
        answer = await self._send("GET", key, path, params=query)
        found: dict[str, Any] = msgspec.json.decode(answer.content)
        return found

    async def pages(self, key: str, path: str, **query: str | int) -> AsyncIterator[dict[str, Any]]:
        """All items of a list, over all its pages."""
        cursor: dict[str, str] = {}
        while True:
            page = await self.get(key, path, limit=100, **query, **cursor)
            for item in page["data"]:
                yield item
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    async def bulk(self, key: str, commands: Iterable[tuple[str, msgspec.Struct]]) -> int:
        """Carry out many commands as NDJSON; how many.

        Raises:
            Problem: the first line that was refused.
        """
        lines = [
            Line(
                method="POST",
                path=path,
                body=msgspec.Raw(body := msgspec.json.encode(command)),
                idempotency_key=_idempotency_key(key, path, body),
            )
            for path, command in commands
        ]
        chunks = [lines[at : at + BULK_LINES] for at in range(0, len(lines), BULK_LINES)]
        await together(self._bulk(key, chunk) for chunk in chunks)
        return len(lines)

    async def _bulk(self, key: str, lines: list[Line]) -> None:
        encoder = msgspec.json.Encoder()
        headers = {"Content-Type": "application/x-ndjson"}
        for _ in range(ATTEMPTS_MAX):
            answer = await self._send(
                "POST", key, "/bulk", content=encoder.encode_lines(lines), headers=headers
            )
            outcomes = [msgspec.json.decode(line) for line in answer.content.splitlines()]
            if len(outcomes) != len(lines):
                raise Problem(200, "short-answer", f"{len(outcomes)} of {len(lines)}", "/bulk")
            again = []
            for line, outcome in zip(lines, outcomes, strict=True):
                if outcome["status"] in NOT_NOW:
                    again.append(line)
                elif outcome["status"] >= httpx.codes.BAD_REQUEST:
                    raise _problem(outcome["status"], outcome["problem"], line.path)
                else:
                    self.position = max(self.position, outcome["position"])
            if not again:
                return
            lines = again
            await asyncio.sleep(1)
        raise Problem(503, "unavailable", f"{len(lines)} lines still not done", "/bulk")

    async def _send(self, method: str, key: str, path: str, **parts: Any) -> httpx.Response:
        """Send until there is an answer; what changes things has its idempotency key."""
        headers = {"Authorization": f"Bearer {key}"} | parts.pop("headers", {})
        what = f"{method} {path}"
        for attempt in range(ATTEMPTS_MAX):
            try:
                answer = await self._once(method, path, headers=headers, **parts)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS_MAX - 1:
                    raise Problem(503, "no-answer", repr(error), what) from error
                wait_s = 2.0**attempt / 10
            else:
                if answer.status_code not in NOT_NOW:
                    break
                wait_s = float(answer.headers.get("Retry-After", "1"))
            self.retries += 1
            await asyncio.sleep(min(wait_s, WAIT_S_MAX))
        if answer.is_error:
            raise _problem(answer.status_code, _document(answer.content), what)
        if position := answer.headers.get("Merit-Position"):
            self.position = max(self.position, int(position))
        return answer

    async def _once(self, method: str, path: str, **parts: Any) -> httpx.Response:
        lane = await self._idle.get()
        self.requests += 1
        try:
            return await lane.request(method, path, **parts)
        finally:
            self._idle.put_nowait(lane)


def _document(content: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return {"detail": content[:200].decode(errors="replace")}
    return found


def _problem(status: int, document: Mapping[str, Any], what: str) -> Problem:
    code = str(document.get("type", "")).rpartition("/")[2] or "unknown"
    return Problem(status, code, str(document.get("detail", "")), what)


def _idempotency_key(key: str, path: str, body: bytes) -> str:
    """The same command of the same caller has the same key, in this run and when run again."""
    digest = hashlib.sha256(b"\0".join((key.encode(), path.encode(), body)))
    return f"merit-{digest.hexdigest()[:40]}"


async def together(work: Iterable[Awaitable[T]]) -> list[T]:
    """Everything at once; the first failure ends it all."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_awaited(each)) for each in work]
    return [task.result() for task in tasks]


async def _awaited(work: Awaitable[T]) -> T:
    return await work
