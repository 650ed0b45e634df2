"""A history verified where it lies: every row of the log, and every entry of the audit of reads."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from api.services import Services
from ops.bundles import Progress
from tenancy.bundle import CHECKPOINT_FILE, CHECKPOINTS_FILE, Exporter
from tenancy.findings import Verdict
from tenancy.read_chain import Chain, verify_chain
from tenancy.signing import NoteRefused, Signers, Verifier, open_checkpoint, related
from tenancy.transparency import reads_signed
from tenancy.verification import verify_bundle


class Online(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    verdict: Verdict
    reads: Chain
    """Who read what, against the heads that the checkpoints carry."""

    @property
    def ok(self) -> bool:
        """Whether both are what was written."""
        return self.verdict.ok and self.reads.damaged is None


async def verify_online(
    services: Services,
    tenant_id: UUID,
    *,
    verifier: str | None = None,
    held: Sequence[str] = (),
    on_progress: Progress | None = None,
) -> Online:
    """Verify what the database holds against what was signed, without keys of the content.

    Args:
        services: as the application.
        tenant_id: whose.
        verifier: the public key that was pinned.
        held: checkpoints that were kept outside, as by a witness.
        on_progress: is told now and then.

    Raises:
        NothingSealed: there is no history.
    """
    signers = Signers(services.keyring)
    exporter = Exporter(services.database, services.keyring, signers)
    with tempfile.TemporaryDirectory(prefix="merit-verify-") as folder:
        bundle = Path(folder) / "bundle"
        await exporter.export_sealed(tenant_id, bundle, on_progress=on_progress)
        verdict = verify_bundle(bundle, verifier=verifier, held=held, on_progress=on_progress)
        notes = [(bundle / CHECKPOINT_FILE).read_text()]
        with (bundle / CHECKPOINTS_FILE).open("rb") as lines:
            notes += [msgspec.json.decode(line, type=str) for line in lines]
    keys = await signers.verifiers(tenant_id)
    if verifier is not None:
        keys = related([Verifier.parse(verifier)], await signers.introductions(tenant_id))
    signed: dict[int, bytes] = {}
    for note in [*held, *notes]:
        try:
            head = reads_signed(open_checkpoint(note, keys))
        except NoteRefused:
            continue  # The verdict says so.
        if head is not None:
            signed.setdefault(*head)
    chain = await verify_chain(services.database, tenant_id, signed)
    return Online(verdict=verdict, reads=chain)
