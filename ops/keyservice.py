"""A key service of our own, for one machine, demonstrations and tests: keys in a folder, HTTP.

It speaks what `tenancy.keyservice` asks. In production the same five requests are answered by a
hardware module or by a cloud's key management behind a proxy.
"""

import asyncio
import contextlib
import hmac
import secrets
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import msgspec
import structlog

from ops.draining import pass_over
from tenancy.cipher import NotGenuine
from tenancy.keyservice import CurrentKey, Retired, Unwrap, Unwrapped, Wrap, Wrapped
from tenancy.master import MasterKey, UnknownKey, wrapped_by

KEY_FILE = "root.key"
TOKEN_FILE = "token"  # noqa: S105 - the name of a file
BODY_BYTES_MAX = 64 * 1024
IDLE_S_MAX = 30

log = structlog.get_logger(__name__)


def prepared(folder: Path) -> str:
    """The folder's token; folder, token and key are made where there are none, for us alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    MasterKey.from_file(folder / KEY_FILE)
    path = folder / TOKEN_FILE
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text().strip()


class _Http(ThreadingHTTPServer):
    """Knows its open connections, so that closing it closes them too."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._open: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class KeyServer:
    """Answers on a port until it is closed.

    Args:
        folder: of the keys and of the token.
        host: where to listen.
        port: 0 for a free one.
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self.token = prepared(folder)
        self.token_file = folder / TOKEN_FILE
        self._keys = MasterKey.from_file(folder / KEY_FILE)
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str], Callable[[bytes], Any]] = {
            ("POST", "/v1/wrap"): self._wrap,
            ("POST", "/v1/unwrap"): self._unwrap,
            ("POST", "/v1/rotate"): self._rotate,
            ("POST", "/v1/retire"): self._retire,
            ("GET", "/v1/key"): self._key,
        }
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = IDLE_S_MAX

            def do_GET(self) -> None:
                server.answer(self)

            def do_POST(self) -> None:
                server.answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
                """Nothing: `answer` says what is worth saying."""

        self._http = _Http((host, port), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One request; what is logged names keys by their ids alone."""
        status, told = self._told(request)
        log.info("key-service", path=request.path, status=status)
        content = msgspec.json.encode(told)
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        if status == 400:  # noqa: PLR2004 - a body that was not read is in the way of the next
            request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(content)

    def _told(self, request: BaseHTTPRequestHandler) -> tuple[int, Any]:
        length = request.headers.get("Content-Length", "0")
        if not length.isdecimal():
            return 400, {"error": "body"}
        if int(length) > BODY_BYTES_MAX:
            pass_over(request, int(length))
            return 400, {"error": "body"}
        body = request.rfile.read(int(length))
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self.token}".encode()):
            return 401, {"error": "token"}
        work = self._answers.get((request.command, request.path))
        if work is None:
            return 405, {"error": "no such operation"}
        try:
            with self._lock:
                return 200, work(body)
        except msgspec.MsgspecError:
            return 400, {"error": "body"}
        except UnknownKey:
            return 404, {"error": "unknown-key"}
        except NotGenuine:
            return 422, {"error": "not-genuine"}

    def _wrap(self, body: bytes) -> Wrapped:
        asked = msgspec.json.decode(body, type=Wrap)
        wrapped = asyncio.run(self._keys.wrap(asked.plaintext, asked.context))
        return Wrapped(ciphertext=wrapped, key_id=wrapped_by(wrapped))

    def _unwrap(self, body: bytes) -> Unwrapped:
        asked = msgspec.json.decode(body, type=Unwrap)
        return Unwrapped(plaintext=asyncio.run(self._keys.unwrap(asked.ciphertext, asked.context)))

    def _rotate(self, _: bytes) -> CurrentKey:
        return CurrentKey(key_id=asyncio.run(self._keys.rotate()))

    def _retire(self, _: bytes) -> Retired:
        return Retired(key_ids=asyncio.run(self._keys.retire()))

    def _key(self, _: bytes) -> CurrentKey:
        return CurrentKey(key_id=asyncio.run(self._keys.current()))
