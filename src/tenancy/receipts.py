"""Receipts that are verified offline 回执: a signed statement about one event, and its proof.

A receipt holds the signed statement, the event as it is stored (sealed), the way from it to the
root of a signed checkpoint, and that checkpoint. Whoever has pinned the log's verifier key needs
nothing else, years later: no database, no network, no secret.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from tenancy.keystore import Transactions
from tenancy.merkle import inclusion_holds, leaf_hash
from tenancy.signing import NoteRefused, Signer, Signers, Verifier, open_checkpoint
from tenancy.transparency import Transparency, leaf_of, sealed_rows

KIND = "receipt 1"
"""The second line of a statement: no checkpoint has such a one, so neither passes for the other."""


class ReceiptRefused(Exception):
    """A receipt is malformed, was not signed by that key, or does not hold together."""


class NotSealed(Exception):
    """The event is not under a signed checkpoint yet; it will be within moments."""


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the operator of the log has signed."""

    position: int
    leaf_hash: str
    """Base64."""
    says: dict[str, str]
    """What the event holds."""


class SignedReceipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that an offline verification needs beside the pinned key; bytes in base64."""

    statement: str
    """The signed note."""
    leaf: str
    """The event as it is stored, in the encoding of `tenancy.transparency`."""
    hashes: tuple[str, ...]
    """From the leaf up to the root (RFC 9162)."""
    checkpoint: str
    """The signed note of the tree's head."""
    verifier_key: str
    """Who signed; worth as much as the place that it was pinned from."""


class Receipts:
    """Makes receipts of events that are sealed.

    Args:
        db: the database.
        signers: who signs.
    """

    def __init__(self, db: Transactions, signers: Signers) -> None:
        self._db = db
        self._signers = signers
        self._transparency = Transparency(db)

    async def of(self, tenant_id: UUID, position: int, says: Mapping[str, str]) -> SignedReceipt:
        """The receipt of the event at `position`, which says so.

        Raises:
            NotSealed: no checkpoint covers it yet.
        """
        newest = await self._transparency.checkpoint(tenant_id)
        if newest is None or newest.tree_size < position:
            raise NotSealed(f"position {position}")
        proof = await self._transparency.inclusion(tenant_id, position, newest.tree_size)
        async with self._db.transaction(tenant_id) as connection:
            (row,) = await sealed_rows(connection, tenant_id, position, position, 1)
        signer = await self._signers.of(tenant_id)
        statement = Statement(position=position, leaf_hash=_text(proof.leaf_hash), says=dict(says))
        return SignedReceipt(
            statement=signed(signer, statement),
            leaf=_text(leaf_of(tenant_id, row)),
            hashes=tuple(map(_text, proof.hashes)),
            checkpoint=newest.note,
            verifier_key=str(signer.verifier),
        )


def signed(signer: Signer, statement: Statement) -> str:
    """The note of a statement: the log's name, what it is, its canonical JSON."""
    body = msgspec.json.encode(statement, order="sorted").decode()
    return signer.sign(f"{signer.name}\n{KIND}\n{body}\n")


def verify_receipt(receipt: SignedReceipt, verifiers: Sequence[Verifier]) -> Statement:
    """What a receipt states, if all of it holds together.

    Raises:
        ReceiptRefused: it does not.
    """
    try:
        statement = _statement(receipt.statement, verifiers)
        checkpoint = open_checkpoint(receipt.checkpoint, verifiers)
    except NoteRefused as error:
        raise ReceiptRefused(str(error)) from error
    leaf = leaf_hash(_bytes(receipt.leaf))
    if _text(leaf) != statement.leaf_hash:
        raise ReceiptRefused("the stored event is not the one that the statement is about")
    path = [_bytes(each) for each in receipt.hashes]
    if not inclusion_holds(leaf, statement.position - 1, checkpoint.size, path, checkpoint.root):
        raise ReceiptRefused("the log of that checkpoint does not contain the event there")
    return statement


def _statement(note: str, verifiers: Sequence[Verifier]) -> Statement:
    refused = NoteRefused("no key to verify with")
    for verifier in verifiers:
        try:
            text = verifier.open(note)
        except NoteRefused as error:
            refused = error
            continue
        name, kind, body, *rest = [*text.split("\n"), "", ""]
        if (name, kind, any(rest)) != (verifier.name, KIND, False):
            raise NoteRefused("not the statement of a receipt")
        try:
            return msgspec.json.decode(body, type=Statement)
        except msgspec.MsgspecError as error:
            raise NoteRefused(f"not the statement of a receipt: {error}") from error
    raise refused


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ReceiptRefused("not base64") from error
