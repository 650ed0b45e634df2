"""Receipts checked offline: what was stated, whether it is there still, what changed it since."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from ops.bundles import Verification
from ops.bundles import verify as verify_bundle
from tenancy.bundle import EVENTS_FILE
from tenancy.receipts import ReceiptRefused, SignedReceipt, Statement, verify_receipt
from tenancy.records import Sealed
from tenancy.signing import NoteRefused, Verifier, open_checkpoint
from tenancy.transparency import leaf_of
from tenancy.verification import trusted_keys

RECEIPT_BYTES_MAX = 1024 * 1024
CHANGING = frozenset({"appraisal.score-relocked", "appraisal.voided"})
"""Topics after which a receipt of a score is no longer the last word."""
_ROW = msgspec.json.Decoder(Sealed)


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """As `GET /appraisals/{id}/receipt` answers; only the proof counts."""

    proof: SignedReceipt


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to the same appraisal afterwards."""

    position: int
    topic: str
    recorded_at: str
    changes: bool
    """Whether the score that was receipted is no longer the valid one."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a receipt is worth."""

    genuine: bool
    detail: str
    """Why not, or empty."""
    signed_by: str = ""
    pinned: bool = False
    says: dict[str, str] = {}
    position: int | None = None
    log_size: int | None = None
    """Of the checkpoint in the receipt."""
    included: bool | None = None
    """Whether the bundle has the same event in the same place; None without a bundle."""
    changed_by: Later | None = None
    """The first event that made it another score."""
    later: tuple[Later, ...] = ()
    bundle: Verification | None = None

    @property
    def ok(self) -> bool:
        """Whether the receipt is genuine, and the bundle, if there is one, contains it."""
        fits = self.bundle is None or (self.bundle.ok and self.included is True)
        return self.genuine and fits


def check(receipt: Path, *, bundle: Path | None = None, verifier: str | None = None) -> Checked:
    """Check a receipt with nothing but files.

    Args:
        receipt: what the API answered.
        bundle: an export of the same tenant, made then or years later.
        verifier: the public key that the holder pinned; else that of the receipt itself is used,
            which proves that it holds together, not who signed it.
    """
    try:
        signed = _read(receipt)
        keys = [Verifier.parse(verifier or signed.verifier_key)]
        if bundle is not None:
            # The log's key may have been changed since: the bundle lists all of them.
            keys = trusted_keys(bundle, keys)
        statement = verify_receipt(signed, keys)
        checkpoint = open_checkpoint(signed.checkpoint, keys)
    except (ReceiptRefused, NoteRefused) as error:
        return Checked(genuine=False, detail=str(error), pinned=verifier is not None)
    told = Checked(
        genuine=True,
        detail="",
        signed_by=str(keys[0]),
        pinned=verifier is not None,
        says=statement.says,
        position=statement.position,
        log_size=checkpoint.size,
    )
    return told if bundle is None else _within(told, signed, statement, bundle, keys)


def kept(path: Path) -> list[str]:
    """The checkpoints in a file: one note, or one after the other as a witness appends them."""
    lines: list[str] = []
    notes: list[str] = []
    signatures = False
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if signatures and not line.startswith("\N{EM DASH} "):
            notes.append("".join(lines))
            lines, signatures = [], False
        if lines or line.strip():
            lines.append(line)
        signatures = signatures or (len(lines) > 1 and line.startswith("\N{EM DASH} "))
    return notes + (["".join(lines)] if lines else [])


def _read(path: Path) -> SignedReceipt:
    with path.open("rb") as file:
        content = file.read(RECEIPT_BYTES_MAX + 1)
    if len(content) > RECEIPT_BYTES_MAX:
        raise ReceiptRefused("the file is larger than a receipt can be")
    for kind in (_File, SignedReceipt):
        try:
            found: Any = msgspec.json.decode(content, type=kind)
        except msgspec.MsgspecError as error:
            refused = error
            continue
        return found.proof if isinstance(found, _File) else found
    raise ReceiptRefused(f"not a receipt: {refused}")


def _within(
    told: Checked,
    signed: SignedReceipt,
    statement: Statement,
    bundle: Path,
    keys: Sequence[Verifier],
) -> Checked:
    # The receipt's own checkpoint is held against the bundle: a log that was rewritten since then
    # does not continue it.
    found = verify_bundle(
        bundle, verifier=str(keys[0]) if told.pinned else None, held=[signed.checkpoint]
    )
    included, later = False, []
    stream: UUID | None = None
    tenant_id = found.verdict.tenant_id
    with (bundle / EVENTS_FILE).open("rb") as events:
        for line in events:
            try:
                row = _ROW.decode(line)
            except msgspec.MsgspecError:
                break  # The bundle's findings say so.
            if row.position == statement.position and tenant_id is not None:
                included = leaf_of(tenant_id, row) == base64.b64decode(signed.leaf)
                stream = row.stream_id
            elif row.stream_id == stream:
                later.append(
                    Later(
                        position=row.position,
                        topic=row.topic,
                        recorded_at=row.recorded_at.isoformat(),
                        changes=row.topic in CHANGING,
                    )
                )
    return msgspec.structs.replace(
        told,
        included=included,
        later=tuple(later),
        changed_by=next((each for each in later if each.changes), None),
        bundle=found,
    )
