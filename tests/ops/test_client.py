"""The client repeats what was not possible at the moment, with the same idempotency key."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from domain.cycle import OpenCycle
from ops.client import Api, Problem, together

DONE = b'{"id":"01900000-0000-7000-8000-000000000001","version":1,"position":7}'
BUSY = json.dumps(
    {"type": "/problems/unavailable", "title": "Busy", "status": 503, "detail": "later"}
).encode()
NO = json.dumps(
    {"type": "/problems/wrong-stage", "title": "No", "status": 409, "detail": "not now"}
).encode()


class Server:
    """A server that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, bytes]] = []
        self.keys: list[str] = []
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                headers = dict(
                    line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line
                )
                await reader.readexactly(int(headers.get("Content-Length", "0")))
                self.keys.append(headers.get("Idempotency-Key", ""))
                status, body = self.answers.pop(0)
                if status == 0:
                    break
                writer.write(
                    f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
                    f"Retry-After: 0\r\nMerit-Position: 7\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    known = Server()
    async with await asyncio.start_server(known.serve, "127.0.0.1", 0) as listening:
        known.address = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield known


async def test_busy_and_broken_answers_are_asked_again_with_the_same_key(server: Server) -> None:
    server.answers = [(503, BUSY), (0, b""), (429, BUSY), (200, DONE)]
    async with Api(server.address) as api:
        done = await api.post("key", "/cycles/x/open", OpenCycle())
        assert (done.version, api.position, api.retries) == (1, 7, 3)
    assert len(server.keys) == 4
    assert len(set(server.keys)) == 1
    assert server.keys[0]


async def test_a_refusal_is_not_asked_again(server: Server) -> None:
    server.answers = [(409, NO)]
    async with Api(server.address) as api:
        with pytest.raises(Problem, match="wrong-stage: not now") as raised:
            await api.post("key", "/cycles/x/open", OpenCycle())
    assert (raised.value.status, raised.value.code) == (409, "wrong-stage")
    assert len(server.keys) == 1


async def test_another_body_has_another_key(server: Server) -> None:
    server.answers = [(200, DONE), (200, DONE), (200, DONE)]
    async with Api(server.address) as api:
        await api.post("key", "/a", OpenCycle())
        await api.post("key", "/b", OpenCycle())
        await api.post_raw("key", "/b", {"other": 1})
    assert len(set(server.keys)) == 3


async def test_the_first_failure_ends_all() -> None:
    async def fails() -> None:
        raise Problem(409, "no", "no", "x")

    async def waits(forever: Callable[[], asyncio.Event] = asyncio.Event) -> None:
        await forever().wait()

    with pytest.raises(ExceptionGroup) as raised:
        await together([waits(), fails()])
    assert raised.value.subgroup(Problem) is not None
