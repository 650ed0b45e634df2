"""A witness: keeps what it has cosigned of each log, outside of the logs' database.

Run it where the operators of the database have no hand. It speaks C2SP tlog-witness
(`POST /add-checkpoint`); `GET /checkpoint/<origin>` answers the newest cosigned checkpoint.

    witness.key     its seed, for its owner alone
    logs.txt        the keys of the logs that it knows, a line each: name+hash+key
    checkpoints/    a file a log: every checkpoint that it cosigned, the newest last
"""

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import unquote

from ops.draining import pass_over
from ops.receipts import kept
from tenancy.signing import Checkpoint, Cosigner, NoteRefused, Verifier
from tenancy.witnessing import Refusal, Submission, judged, origin_of

KEY_FILE = "witness.key"
LOGS_FILE = "logs.txt"
CHECKPOINTS = "checkpoints"
BODY_BYTES_MAX = 64 * 1024
IDLE_S_MAX = 30


class Witness:
    """The state of a witness in its folder; several processes may share it.

    Args:
        folder: made where there is none.
        name: of its key, without blanks or pluses.
        trust_first: take the first key that a log comes with, and no other afterwards. For logs
            that are many; keys in `logs.txt` are better.
    """

    def __init__(self, folder: Path, name: str, *, trust_first: bool = False) -> None:
        self._folder = folder
        self._trust_first = trust_first
        (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / KEY_FILE
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(Cosigner.generate(name).private_bytes())
        self._cosigner = Cosigner(name, path.read_bytes())
        (folder / LOGS_FILE).touch()

    @property
    def key(self) -> str:
        """Its public key, to be pinned."""
        return str(self._cosigner.verifier)

    def trust(self, verifier: str) -> None:
        """Know a log by this key.

        Raises:
            NoteRefused: it is not a verifier key.
        """
        Verifier.parse(verifier)
        with (self._folder / LOGS_FILE).open("a", encoding="utf-8") as file:
            file.write(verifier.strip() + "\n")

    def newest(self, origin: str) -> str | None:
        """The cosigned checkpoint of a log; None before the first."""
        path = self._path(origin)
        notes = kept(path) if path.exists() else []
        return notes[-1] if notes else None

    def add(self, body: str, key: str | None = None) -> str:
        """The cosignature line for a submission; on disk before it is returned.

        Args:
            body: as it was posted.
            key: the log's own key as it was sent along, for `trust_first`.

        Raises:
            NoteRefused: it is no submission.
            Refusal: it is not cosigned.
        """
        submission = Submission.parse(body)
        origin = origin_of(submission.note)
        with self._locked(origin):
            trusted = self._trusted(origin)
            if not trusted and self._trust_first and key is not None:
                first = Verifier.parse(key)
                trusted = [first] if first.name == origin else []
            known = self.newest(origin)
            last = None if known is None else Checkpoint.parse(known.rpartition("\n\n")[0] + "\n")
            checkpoint = judged(submission, trusted, last)
            if not self._trusted(origin):
                self.trust(str(trusted[0]))
            text = checkpoint.text()
            line = self._cosigner.line(text, int(time.time()))
            if last is None or last.size < checkpoint.size:
                self._keep(origin, submission.note + line)
            return line

    def _trusted(self, origin: str) -> list[Verifier]:
        lines = (self._folder / LOGS_FILE).read_text(encoding="utf-8").splitlines()
        keys = [Verifier.parse(line) for line in lines if line.strip()]
        return [each for each in keys if each.name == origin]

    def _path(self, origin: str) -> Path:
        # Origins come from outside and are no names of files.
        return self._folder / CHECKPOINTS / f"{hashlib.sha256(origin.encode()).hexdigest()}.txt"

    @contextlib.contextmanager
    def _locked(self, origin: str) -> Iterator[None]:
        with self._path(origin).with_suffix(".lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _keep(self, origin: str, note: str) -> None:
        with self._path(origin).open("ab") as file:
            file.write(note.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


class WitnessServer:
    """A witness over HTTP; a context that serves."""

    def __init__(self, witness: Witness, host: str = "127.0.0.1", port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"witness": witness})
        self._http = ThreadingHTTPServer((host, port), handler)
        self._http.daemon_threads = True
        host, port = self._http.server_address[:2]  # type: ignore[assignment]  # of any family
        self.url = f"http://{host}:{port}"

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    witness: Witness
    protocol_version = "HTTP/1.1"
    timeout = IDLE_S_MAX

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/add-checkpoint" or not length.isdigit():
            self._say(404, "POST /add-checkpoint")
            return
        if int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            pass_over(self, int(length))
            self._say(400, "too large")
            return
        try:
            body = self.rfile.read(int(length)).decode()
            self._say(200, self.witness.add(body, self.headers.get("Merit-Log-Key")))
        except (NoteRefused, UnicodeDecodeError) as error:
            self._say(400, str(error))
        except Refusal as refusal:
            if refusal.size is None:
                self._say(refusal.status, refusal.why)
            else:
                self._say(refusal.status, str(refusal.size), "text/x.tlog.size")

    def do_GET(self) -> None:
        prefix = "/checkpoint/"
        found = None
        if self.path.startswith(prefix):
            found = self.witness.newest(unquote(self.path.removeprefix(prefix)))
        if self.path == "/key":
            found = self.witness.key + "\n"
        self._say(404 if found is None else 200, found or "nothing of this log")

    def _say(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = (text if text.endswith("\n") else f"{text}\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:  # said, or a client would send its next request into the closing
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing: who asks what is in the files."""
