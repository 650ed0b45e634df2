"""Requests to addresses that customers name: to the public internet alone, whatever they say.

The name is resolved once, every address of it is checked, and the connection goes to one of those
checked: a name that resolves to something else a moment later leads nowhere. Redirects are not
followed. What the operator allows by name (`MERIT_ISSUERS`, `MERIT_WEBHOOK_RECEIVERS`) may lie
inside.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

ANSWER_S_MAX: Final = 5.0
ANSWER_BYTES_MAX: Final = 256 * 1024
_NAT64: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_PORTS: Final = {"https": 443, "http": 80}


class NotOutside(Exception):
    """The address may not be asked, or did not answer as it should."""


def allowed_hosts(text: str) -> frozenset[tuple[str, str, int]]:
    """(scheme, host, port) of each origin in a list parted by commas."""
    return frozenset(_origin(each.strip()) for each in text.split(",") if each.strip())


def _origin(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise NotOutside(f"not an address: {url[:100]}") from error
    if not parts.hostname or parts.username is not None:
        raise NotOutside(f"not an address: {url[:100]}")
    return parts.scheme, parts.hostname, port


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and not a way around to another."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour is not None or ip.teredo is not None:
            return False
        if any(ip in network for network in _NAT64):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class Outside:
    """Asks addresses of the public internet, and those that the operator allows.

    Args:
        allowed: origins that may lie inside, parted by commas.
        trust: the authorities whose certificates are believed; None is those of the system.
        lookups: threads that look up names, where many are asked: a name that is told slowly
            keeps one. None is those that everything shares.
    """

    def __init__(
        self,
        allowed: str = "",
        trust: ssl.SSLContext | None = None,
        lookups: Executor | None = None,
    ) -> None:
        self._allowed = allowed_hosts(allowed)
        self._trust = trust
        self._lookups = lookups

    def check(self, url: str) -> None:
        """Tell at once what will never be asked; its name is not looked up for that.

        Raises:
            NotOutside: it is not of the public internet.
        """
        origin = _origin(url)
        scheme, host, port = origin
        if origin in self._allowed:
            return
        if (scheme, port) != ("https", 443):
            raise NotOutside(f"{host} is asked over https at its own port alone")
        try:
            public = is_public(host)
        except ValueError:
            return  # a name
        if not public:
            raise NotOutside(f"{host} is not of the public internet")

    @asynccontextmanager
    async def reaching(self, url: str, answer_s: float) -> AsyncIterator["Receiver"]:
        """Whoever listens there, to be told of several things one after the other.

        Raises:
            NotOutside: it may not be asked, or nobody knows where it is.
        """
        try:
            async with asyncio.timeout(answer_s):
                address, host, port = await self._checked(url)
            target = httpx.URL(url).copy_with(host=address)
        except TimeoutError as error:
            raise NotOutside("its name is not told in time") from error
        except httpx.InvalidURL as error:
            raise NotOutside("not an address") from error
        async with httpx.AsyncClient(
            trust_env=False, follow_redirects=False, verify=self._trust or True, timeout=answer_s
        ) as client:
            yield Receiver(client, target, host, _host_header(host, port, target.scheme), answer_s)

    async def get(self, url: str, *, bearer: str | None = None) -> Any:
        """The JSON object that a GET of this address answers.

        Raises:
            NotOutside: it may not be asked, or answers something else.
        """
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        return await self._asked("GET", url, headers)

    async def post(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        user: tuple[str, str] | None = None,
    ) -> Any:
        """The JSON object that a POST of these fields answers.

        Raises:
            NotOutside: it may not be asked, or answers something else.
        """
        auth = httpx.BasicAuth(*user) if user else None
        return await self._asked("POST", url, {}, data=dict(fields), auth=auth)

    async def _asked(self, method: str, url: str, headers: Mapping[str, str], **rest: Any) -> Any:
        address, host, port = await self._checked(url)
        target = httpx.URL(url).copy_with(host=address)
        try:
            async with (
                asyncio.timeout(ANSWER_S_MAX),
                httpx.AsyncClient(
                    trust_env=False, follow_redirects=False, verify=self._trust or True
                ) as client,
                client.stream(
                    method,
                    target,
                    headers={**headers, "Host": _host_header(host, port, target.scheme)},
                    # The certificate has to be of the name, although the address is asked.
                    extensions={"sni_hostname": host},
                    **rest,
                ) as answer,
            ):
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > ANSWER_BYTES_MAX:
                        raise NotOutside(f"{host} answers too much")
                status = answer.status_code
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise NotOutside(f"{host} does not answer: {type(error).__name__}") from error
        if status != httpx.codes.OK:
            raise NotOutside(f"{host} answers {status}")
        try:
            told = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotOutside(f"{host} answers something else than JSON") from error
        if not isinstance(told, dict):
            raise NotOutside(f"{host} answers something else than an object")
        return told

    async def _checked(self, url: str) -> tuple[str, str, int]:
        """An address to connect to, and the host and port that were meant."""
        self.check(url)
        origin = _origin(url)
        _, host, port = origin
        trusted = origin in self._allowed
        try:
            loop = asyncio.get_running_loop()
            if self._lookups is None:
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            else:
                look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
                found = await loop.run_in_executor(self._lookups, look_up)
        except OSError as error:
            raise NotOutside(f"{host} is not known") from error
        addresses = [str(each[4][0]) for each in found]
        if not addresses or not (trusted or all(map(is_public, addresses))):
            raise NotOutside(f"{host} is not of the public internet")
        return addresses[0], host, port


class Receiver:
    """One address that was checked, and the connection to it."""

    def __init__(
        self, client: httpx.AsyncClient, target: httpx.URL, host: str, named: str, answer_s: float
    ) -> None:
        self._client = client
        self._target = target
        self._host = host
        self._named = named
        self._answer_s = answer_s

    async def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The status that it answers; what else it says is not read.

        Raises:
            NotOutside: it does not answer in time.
        """
        try:
            async with (
                asyncio.timeout(self._answer_s),
                self._client.stream(
                    "POST",
                    self._target,
                    content=body,
                    headers={**headers, "Host": self._named},
                    extensions={"sni_hostname": self._host},
                ) as answer,
            ):
                size = 0
                # To the end, so that the connection can be used again, but not for ever.
                async for part in answer.aiter_raw():
                    size += len(part)
                    if size > ANSWER_BYTES_MAX:
                        break
                return answer.status_code
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            raise NotOutside(f"does not answer: {type(error).__name__}") from error


def _host_header(host: str, port: int, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if _PORTS[scheme] == port else f"{name}:{port}"
