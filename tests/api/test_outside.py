"""Addresses that customers name: nothing inside is reached, however it is written."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from api import outside
from api.outside import NotOutside, Outside, allowed_hosts, is_public
from ops.failover.certificates import make_certificates


class Canary:
    """Listens on this machine, and notes who comes."""

    def __init__(self) -> None:
        self.port = 0
        self.heard = 0
        self.answer = b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def canary() -> AsyncIterator[Canary]:
    made = Canary()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


INSIDE = [
    "https://127.0.0.1",
    "https://127.1",
    "https://2130706433",
    "https://0x7f000001",
    "https://0177.0.0.1",
    "https://localhost",
    "https://0.0.0.0",
    "https://10.0.0.1",
    "https://172.16.0.1",
    "https://192.168.0.1",
    "https://100.64.0.1",
    "https://169.254.169.254/latest/meta-data",
    "https://224.0.0.1",
    "https://255.255.255.255",
    "https://[::1]",
    "https://[::]",
    "https://[::ffff:127.0.0.1]",
    "https://[64:ff9b::7f00:1]",
    "https://[2002:7f00:1::]",
    "https://[fe80::1]",
    "https://[fd00::1]",
    "https://user@127.0.0.1",
    "https://public.example@127.0.0.1",
    "http://127.0.0.1",
    "http://93.184.216.34",
    "https://93.184.216.34:8443",
    "ftp://93.184.216.34",
    "file:///etc/passwd",
    "gopher://127.0.0.1",
    "https://",
    "https://no-such-name.invalid",
    "",
]


@pytest.mark.parametrize("url", INSIDE)
async def test_nothing_inside_is_asked(canary: Canary, url: str) -> None:
    with pytest.raises(NotOutside):
        await Outside().get(url)
    on_its_port = url.replace("127.0.0.1", f"127.0.0.1:{canary.port}")
    with pytest.raises(NotOutside):
        await Outside().get(on_its_port)
    assert canary.heard == 0


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::5db8:d822", False),
        ("2001:0:53aa:64c:0:0:0:1", False),
        ("fe80::1%eth0", False),
        ("240.0.0.1", False),
    ],
)
def test_what_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public


async def test_a_name_with_one_address_inside_is_not_asked(
    canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()

    async def resolve(*_: Any, **__: Any) -> Any:
        return [(0, 0, 0, "", (address, 443)) for address in ("93.184.216.34", "127.0.0.1")]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    with pytest.raises(NotOutside, match="not of the public internet"):
        await Outside().get("https://rebinding.example")
    assert canary.heard == 0


async def test_what_the_operator_allows_is_asked(canary: Canary) -> None:
    origin = f"http://127.0.0.1:{canary.port}"
    assert await Outside(f"https://x.example, {origin}").get(f"{origin}/path") == {}
    assert await Outside(origin).post(f"{origin}/path", {"a": "b"}, user=("me", "it")) == {}
    with pytest.raises(NotOutside):
        await Outside(origin).get(f"http://127.0.0.1:{canary.port + 1}/path")
    assert canary.heard == 2


async def test_redirects_are_not_followed(canary: Canary) -> None:
    origin = f"http://127.0.0.1:{canary.port}"
    canary.answer = (
        f"HTTP/1.1 302 X\r\nLocation: {origin}/elsewhere\r\nContent-Length: 0\r\n\r\n".encode()
    )
    with pytest.raises(NotOutside, match="answers 302"):
        await Outside(origin).get(origin)
    assert canary.heard == 1


async def test_the_certificate_has_to_be_of_the_name(
    canary: Canary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "certificates"
    make_certificates(folder, {"login.example": "192.0.2.1"})
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(folder / "server.crt", folder / "server.key")
    server = await asyncio.start_server(canary.serve, "127.0.0.1", 0, ssl=own)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()

    async def resolve(*_: Any, **__: Any) -> Any:
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    trust = ssl.create_default_context(cafile=folder / "ca.crt")
    good, other = f"https://login.example:{port}", f"https://other.example:{port}"
    with monkeypatch.context() as resolving:
        resolving.setattr(loop, "getaddrinfo", resolve)
        asks = Outside(f"{good},{other}", trust)
        assert await asks.get(good) == {}
        with pytest.raises(NotOutside, match="does not answer"):
            await asks.get(other)
        with pytest.raises(NotOutside, match="does not answer"):
            await Outside(good).get(good)
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'"x"', b"\xff"])
async def test_an_answer_is_an_object(canary: Canary, body: bytes) -> None:
    origin = f"http://127.0.0.1:{canary.port}"
    canary.answer = (
        f"HTTP/1.1 200 X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        + body
    )
    with pytest.raises(NotOutside):
        await Outside(origin).get(origin)


async def test_an_answer_has_an_end(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    origin = f"http://127.0.0.1:{canary.port}"
    body = json.dumps({"x": "y" * outside.ANSWER_BYTES_MAX}).encode()
    canary.answer = f"HTTP/1.1 200 X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with pytest.raises(NotOutside, match="too much"):
        await Outside(origin).get(origin)
    monkeypatch.setattr(outside, "ANSWER_S_MAX", 0.3)
    canary.answer = b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{"
    with pytest.raises(NotOutside):
        await Outside(origin).get(origin)


def test_what_is_no_address_is_not_allowed() -> None:
    for text in ("x", "http://", "https://user@x", "ftp://x"):
        with pytest.raises(NotOutside):
            allowed_hosts(text)
