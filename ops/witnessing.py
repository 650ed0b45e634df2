"""Brings signed checkpoints out of the database: to a folder, and to a witness."""

import asyncio
import contextlib
import os
from pathlib import Path
from uuid import UUID

import httpx
import structlog

from tenancy.merkle import TreeDamaged
from tenancy.settings import Settings
from tenancy.signing import NoteRefused, Signers, WitnessVerifier
from tenancy.transparency import SignedCheckpoint, Transparency
from tenancy.witnessing import Submission

EVERY_S = 1.0
ANSWER_S_MAX = 5.0
BACKOFF_S_MAX = 60.0

log = structlog.get_logger(__name__)


class Contradicted(Exception):
    """The witness knows another history than ours, or a longer one."""


class Remote:
    """A witness over HTTP (C2SP tlog-witness).

    Args:
        url: its submission prefix.
        key: its public key.
        transparency: makes the proofs.
        signers: the logs' keys, sent along for a witness that does not know the log yet.
    """

    def __init__(
        self, url: str, key: WitnessVerifier, transparency: Transparency, signers: Signers
    ) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=ANSWER_S_MAX)
        self._key = key
        self._transparency = transparency
        self._signers = signers
        self._sizes: dict[UUID, int] = {}

    async def close(self) -> None:
        await self._client.aclose()

    async def cosigned(self, tenant_id: UUID, checkpoint: SignedCheckpoint) -> str:
        """The note with the witness's signature.

        Raises:
            Contradicted: the witness refuses to take this for what it knows.
            httpx.HTTPError, NoteRefused: it did not answer, or not as a witness does.
        """
        answer = await self._submit(tenant_id, checkpoint, self._sizes.get(tenant_id, 0))
        if answer.status_code == httpx.codes.CONFLICT and answer.headers.get(
            "content-type", ""
        ).startswith("text/x.tlog.size"):
            size = int(answer.text)
            if size > checkpoint.tree_size:
                raise Contradicted(f"it has cosigned {size}, this log ends at less")
            if size == self._sizes.get(tenant_id) == checkpoint.tree_size:
                raise Contradicted(f"it has cosigned another tree of {size}")
            self._sizes[tenant_id] = size
            answer = await self._submit(tenant_id, checkpoint, size)
        if answer.status_code in {httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY}:
            raise Contradicted(answer.text.strip())
        answer.raise_for_status()
        note = checkpoint.note + answer.text
        self._key.open(note)
        self._sizes[tenant_id] = checkpoint.tree_size
        return note

    async def _submit(
        self, tenant_id: UUID, checkpoint: SignedCheckpoint, old: int
    ) -> httpx.Response:
        hashes: tuple[bytes, ...] = ()
        if 0 < old < checkpoint.tree_size:
            proof = await self._transparency.consistency(tenant_id, old, checkpoint.tree_size)
            hashes = tuple(proof.hashes)
        body = Submission(old=old, hashes=hashes, note=checkpoint.note).body()
        first = (await self._signers.verifiers(tenant_id))[0]
        return await self._client.post(
            "/add-checkpoint", content=body.encode(), headers={"Merit-Log-Key": str(first)}
        )


class Witnessing:
    """Sends each tenant's newest checkpoint on, a little after it was signed.

    What comes faster than it can be sent is passed over: a later checkpoint covers it.
    """

    def __init__(self, remote: Remote | None, folder: Path | None) -> None:
        self._remote = remote
        self._folder = folder
        self._due: dict[UUID, SignedCheckpoint] = {}
        self._sent: dict[UUID, int] = {}

    @classmethod
    def of(
        cls, settings: Settings, transparency: Transparency, signers: Signers
    ) -> "Witnessing | None":
        """As the settings say; None where there is no witness.

        Raises:
            NoteRefused: the witness's key is not one.
        """
        remote = None
        if settings.witness_url is not None:
            key = WitnessVerifier.parse(settings.witness_key or "")
            remote = Remote(settings.witness_url, key, transparency, signers)
        if remote is None and settings.witness_dir is None:
            return None
        return cls(remote, settings.witness_dir)

    def offer(self, tenant_id: UUID, checkpoint: SignedCheckpoint | None) -> None:
        """A checkpoint was signed, or is the newest still."""
        if checkpoint and self._sent.get(tenant_id, 0) != checkpoint.tree_size:
            self._due[tenant_id] = checkpoint

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set, and once more then."""
        pause_s = EVERY_S
        try:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause_s)
                failed = await self.send()
                pause_s = min(2 * pause_s, BACKOFF_S_MAX) if failed else EVERY_S
        finally:
            if self._remote is not None:
                await self._remote.close()

    async def send(self) -> int:
        """Send what is due; how many could not be sent and stay due."""
        due, self._due = self._due, {}
        failed = 0
        for tenant_id, checkpoint in due.items():
            try:
                note = checkpoint.note
                if self._remote is not None:
                    note = await self._remote.cosigned(tenant_id, checkpoint)
                if self._folder is not None:
                    await asyncio.to_thread(_append, self._folder, tenant_id, note)
            except Contradicted as error:
                # Not sent again until something newer was signed: somebody must look at it.
                log.critical("witness-contradicts", tenant=str(tenant_id), detail=str(error))
            except (httpx.HTTPError, NoteRefused, TreeDamaged, OSError, ValueError) as error:
                self._due.setdefault(tenant_id, checkpoint)
                failed += 1
                log.warning("not-witnessed", tenant=str(tenant_id), error=type(error).__name__)
                continue
            self._sent[tenant_id] = checkpoint.tree_size
        return failed


def _append(folder: Path, tenant_id: UUID, note: str) -> None:
    """One file a tenant, the newest last; `merit verify --held` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{tenant_id}.txt").open("ab") as file:
        file.write(note.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
