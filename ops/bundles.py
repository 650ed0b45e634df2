"""Histories as files: exported with proofs, verified and recomputed without server or network."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from api.services import Services
from domain.catalogue import EVENTS
from ops.recompute import Recomputation, Recomputed
from ops.tenants import OPERATOR
from tenancy.bundle import Exporter, Manifest
from tenancy.findings import Verdict
from tenancy.read_audit import Read
from tenancy.records import Recorded
from tenancy.signing import Signers
from tenancy.verification import verify_bundle

Progress = Callable[[int, int], None]
"""Told (events done, events in all)."""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle proves, and whether what it proves is right."""

    verdict: Verdict
    recomputed: Recomputed | None
    """None where the bundle carries no keys, so that its content cannot be read."""

    @property
    def ok(self) -> bool:
        """Whether the history is the one that was signed and every number in it follows."""
        return self.verdict.ok and (self.recomputed is None or not self.recomputed.findings)


async def export(
    services: Services,
    tenant_id: UUID,
    folder: Path,
    *,
    content: bool,
    on_progress: Progress | None = None,
) -> Manifest:
    """Write a tenant's whole history, with its keys where `content` is to be readable.

    Raises:
        NothingSealed: there is no history.
        FileExistsError: the folder is not empty.
    """
    # Before a byte of it is written, as with every other answer.
    await services.reads.note(
        tenant_id,
        Read(
            read_at=datetime.now(UTC),
            request_id=uuid4(),
            actor=OPERATOR,
            key_id=OPERATOR,
            method="CLI",
            route="merit export",
            subjects=(),
            fields=("content",) if content else ("sealed",),
            row_count=await (await services.histories.of(tenant_id)).head(),
        ),
    )
    exporter = Exporter(services.database, services.keyring, Signers(services.keyring))
    return await exporter.export(tenant_id, folder, content=content, on_progress=on_progress)


def verify(
    folder: Path,
    *,
    verifier: str | None = None,
    held: Sequence[str] = (),
    on_progress: Progress | None = None,
    on_recorded: Callable[[Recorded], None] | None = None,
) -> Verification:
    """Check a bundle offline, and take every decision about scores and money in it again.

    Args:
        folder: the bundle.
        verifier: the public key that must have signed it; the bundle's own where none is given.
        held: checkpoints that the caller kept; the history must continue each of them.
        on_progress: is told now and then.
        on_recorded: is handed each opened event.
    """
    again = Recomputation()
    broken: list[Exception] = []

    def take(recorded: Recorded) -> None:
        if broken:
            return
        try:
            again.take(recorded)
        except Exception as error:  # noqa: BLE001 - a damaged history may break any fold
            broken.append(error)
        if on_recorded is not None:
            on_recorded(recorded)

    verdict = verify_bundle(
        folder,
        verifier=verifier,
        held=held,
        catalogue=EVENTS,
        on_recorded=take,
        on_progress=on_progress,
    )
    if verdict.ok and broken:
        raise broken[0]  # nothing was damaged, so the mistake is ours
    whole = verdict.opened and not broken
    return Verification(verdict=verdict, recomputed=again.result if whole else None)
