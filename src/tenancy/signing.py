"""Signed checkpoints: C2SP signed notes (Ed25519) around C2SP tlog-checkpoint texts."""

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Self
from uuid import UUID, uuid4

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tenancy.errors import TenantErased
from tenancy.keyring import Keyring, binding
from tenancy.keystore import SigningKey
from tenancy.master import wrapped_by

_ED25519 = b"\x01"
_COSIGNATURE = b"\x04"
_DASH = "\N{EM DASH} "
_SIGNATURES_MAX = 100
_NOTE_CHARACTERS_MAX = 64 * 1024
_ROOT_BYTES = 32
_PUBLIC_BYTES = 32
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class NoteRefused(Exception):
    """A note is malformed, or is not signed by the key that was asked for."""


def _decode(text: str, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRefused(f"{what} is not base64") from error
    # One text for one value: base64 lets the last character carry bits that mean nothing.
    if base64.b64encode(raw).decode() != text:
        raise NoteRefused(f"{what} is not canonical base64")
    return raw


def _key_hash(name: str, public: bytes, kind: bytes = _ED25519) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + kind + public).digest()[:4]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise NoteRefused(f"{name!r} cannot name a key: it is empty, or has a blank or a plus")


class Verifier:
    """The public half; its text form `name+hash+key` is what an auditor pins."""

    def __init__(self, name: str, public: bytes) -> None:
        _check_name(name)
        if len(public) != _PUBLIC_BYTES:
            raise NoteRefused(f"an Ed25519 public key has {_PUBLIC_BYTES} bytes")
        self.name = name
        self.public = public
        self.key_hash = _key_hash(name, public)
        self._key = Ed25519PublicKey.from_public_bytes(public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `name+hash+key`.

        Raises:
            NoteRefused: malformed, not Ed25519, or the hash is another key's.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != 3:  # noqa: PLR2004 - name, hash, key
            raise NoteRefused("a verifier key reads name+hash+key")
        name, key_hash, encoded = parts
        key = _decode(encoded, "the verifier key")
        if key[:1] != _ED25519:
            raise NoteRefused("the verifier key is not an Ed25519 key")
        verifier = cls(name, key[1:])
        if verifier.key_hash.hex() != key_hash:
            raise NoteRefused("the verifier key's hash does not fit its name and key")
        return verifier

    def __str__(self) -> str:
        key = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_hash.hex()}+{key}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verifier) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def open(self, note: str) -> str:
        """The text of a note that this key has signed.

        Raises:
            NoteRefused: malformed, not signed by this key, or wrongly.
        """
        text, signatures = _split(note)
        for name, signed in signatures:
            if name == self.name and signed[:4] == self.key_hash:
                try:
                    self._key.verify(signed[4:], text.encode())
                except InvalidSignature as error:
                    raise NoteRefused(f"the signature of {self.name} is wrong") from error
                return text
        raise NoteRefused(f"no signature of {self.name} ({self.key_hash.hex()})")


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    # Text and signatures are parted by the last blank line; every line after it is a signature.
    text, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or len(note) > _NOTE_CHARACTERS_MAX:
        raise NoteRefused("not a signed note: a text, a blank line, signature lines")
    if any(character < " " and character != "\n" for character in note):
        raise NoteRefused("a signed note has no control characters")
    lines = tail[:-1].split("\n")
    if len(lines) > _SIGNATURES_MAX:
        raise NoteRefused("the note has too many signatures")
    signatures = []
    for line in lines:
        name, gap, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not gap:
            raise NoteRefused(f"not a signature line: {line!r}")
        _check_name(name)
        signatures.append((name, _decode(encoded, "a signature")))
    return text + "\n", signatures


class Signer:
    """The private half."""

    def __init__(self, name: str, private: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(private)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> Self:
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @property
    def name(self) -> str:
        return self.verifier.name

    def private_bytes(self) -> bytes:
        """The seed, to be wrapped."""
        return self._key.private_bytes_raw()

    def sign(self, text: str) -> str:
        """The note of this text, which ends in a newline."""
        if not text.endswith("\n"):
            raise ValueError("a note's text ends in a newline")
        signature = base64.b64encode(self.verifier.key_hash + self._key.sign(text.encode()))
        return f"{text}\n{_DASH}{self.name} {signature.decode()}\n"


class Cosigned(msgspec.Struct, frozen=True):
    """When a witness cosigned which text."""

    at: int
    """Seconds since 1970."""
    text: str


class WitnessVerifier:
    """The public half of a witness, which cosigns checkpoints (C2SP cosignature/v1)."""

    def __init__(self, name: str, public: bytes) -> None:
        _check_name(name)
        self.name = name
        self.public = public
        self.key_hash = _key_hash(name, public, _COSIGNATURE)
        self._key = Ed25519PublicKey.from_public_bytes(public)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `name+hash+key`.

        Raises:
            NoteRefused: malformed, or not the key of a witness.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != 3:  # noqa: PLR2004 - name, hash, key
            raise NoteRefused("a witness key reads name+hash+key")
        name, key_hash, encoded = parts
        key = _decode(encoded, "the witness key")
        if key[:1] != _COSIGNATURE or len(key) != 1 + _PUBLIC_BYTES:
            raise NoteRefused("the witness key is not one for cosignature/v1")
        witness = cls(name, key[1:])
        if witness.key_hash.hex() != key_hash:
            raise NoteRefused("the witness key's hash does not fit its name and key")
        return witness

    def __str__(self) -> str:
        key = base64.b64encode(_COSIGNATURE + self.public).decode()
        return f"{self.name}+{self.key_hash.hex()}+{key}"

    def open(self, note: str) -> Cosigned:
        """What the witness has cosigned in a note, and when.

        Raises:
            NoteRefused: not cosigned by it, or wrongly.
        """
        text, signatures = _split(note)
        for name, signed in signatures:
            if name == self.name and signed[:4] == self.key_hash:
                at = int.from_bytes(signed[4:12], "big")
                try:
                    self._key.verify(signed[12:], _cosigned(at, text))
                except InvalidSignature as error:
                    raise NoteRefused(f"the cosignature of {self.name} is wrong") from error
                return Cosigned(at, text)
        raise NoteRefused(f"no cosignature of {self.name} ({self.key_hash.hex()})")


def _cosigned(at: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


class Cosigner:
    """The private half of a witness."""

    def __init__(self, name: str, private: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(private)
        self.verifier = WitnessVerifier(name, self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> Self:
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    def private_bytes(self) -> bytes:
        """The seed, to be kept."""
        return self._key.private_bytes_raw()

    def line(self, text: str, at: int) -> str:
        """The signature line under a checkpoint's text, made `at` seconds since 1970."""
        signature = self._key.sign(_cosigned(at, text))
        told = base64.b64encode(self.verifier.key_hash + at.to_bytes(8, "big") + signature)
        return f"{_DASH}{self.verifier.name} {told.decode()}\n"


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a log at a size: what is signed, and what proofs are checked against."""

    origin: str
    """Names the log; here also the name of the key that signs it."""
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()
    """What else was signed with it, a line each."""

    def text(self) -> str:
        """The note's text: origin, size, root and extensions, a line each."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode())
        return "".join(f"{line}\n" for line in (*lines, *self.extensions))

    @classmethod
    def parse(cls, text: str) -> Self:
        """From a note's text; lines after the third are extensions.

        Raises:
            NoteRefused: not a checkpoint.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1]:  # noqa: PLR2004 - three lines and the end of the last
            raise NoteRefused("a checkpoint has three lines: origin, size, root")
        origin, size, root = lines[0], lines[1], _decode(lines[2], "the root")
        if not origin or not _SIZE.fullmatch(size) or len(root) != _ROOT_BYTES:
            raise NoteRefused("a checkpoint has three lines: origin, size, root")
        return cls(origin=origin, size=int(size), root=root, extensions=tuple(lines[3:-1]))


def open_checkpoint(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint that one of these keys has signed, for the log of its own name.

    Raises:
        NoteRefused: malformed, signed by none of them, or about another log.
    """
    refused = NoteRefused("no key to verify with")
    for verifier in verifiers:
        try:
            checkpoint = Checkpoint.parse(verifier.open(note))
        except NoteRefused as error:
            refused = error
            continue
        if checkpoint.origin != verifier.name:
            raise NoteRefused(f"{verifier.name} signed for another log, {checkpoint.origin}")
        return checkpoint
    raise refused


INTRODUCTION = "key 1"
"""Second line of a note by which two keys of a log vouch for one another."""


def introduction(old: Signer, new: Signer) -> str:
    """The note that `new` follows `old`, signed by both."""
    text = f"{old.name}\n{INTRODUCTION}\n{old.verifier}\n{new.verifier}\n"
    signature = new.sign(text).rpartition("\n\n")[2]
    return old.sign(text) + signature


def related(trusted: Sequence[Verifier], introductions: Sequence[str]) -> list[Verifier]:
    """The trusted keys, and those of the same log that they are introduced with.

    An introduction that is malformed or not signed by both introduces nobody.
    """
    known = list(trusted)
    waiting = list(introductions)
    while waiting:
        more = [(note, pair) for note in waiting if (pair := _introduced(note, known))]
        if not more:
            break
        waiting = [note for note in waiting if note not in {each for each, _ in more}]
        known += [each for _, pair in more for each in pair if each not in known]
    return known


def _introduced(note: str, known: Sequence[Verifier]) -> tuple[Verifier, ...]:
    try:
        name, kind, old, new, *rest = [*_split(note)[0].split("\n"), "", ""]
        pair = (Verifier.parse(old), Verifier.parse(new))
        for each in pair:
            each.open(note)
    except (NoteRefused, ValueError):
        return ()
    fits = kind == INTRODUCTION and not any(rest) and {each.name for each in pair} == {name}
    return pair if fits and any(each in known for each in pair) else ()


SIGNER_KEPT_S = 60.0
"""How long a process signs on with a key that was followed by another."""


class Signers:
    """Each tenant's signing key, made on first demand and wrapped by the master key.

    Args:
        keyring: where the wrapped keys lie, and what wraps them.
        origin: who runs the logs, without blank or plus; a log is named `origin/tenant id`.
    """

    def __init__(self, keyring: Keyring, origin: str = "meritledger") -> None:
        _check_name(origin)
        self._keyring = keyring
        self._origin = origin
        self._signers: dict[UUID, tuple[float, Signer]] = {}

    async def of(self, tenant_id: UUID) -> Signer:
        """The signer of the tenant's newest key."""
        until, signer = self._signers.get(tenant_id, (0.0, None))
        if signer is None or time.monotonic() >= until:
            rows = await self._keyring.store.signing_keys(tenant_id)
            if not rows:
                new, _ = await self._new(tenant_id)
                rows = await self._keyring.store.add_signing_key(tenant_id, new)
            newest = rows[-1]
            if newest.wrapped is None:
                raise TenantErased(tenant_id)
            context = binding("signing-key", tenant_id, newest.key_id)
            private = await self._keyring.root.unwrap(newest.wrapped, context)
            signer = Signer(newest.name, private)
            self._signers[tenant_id] = time.monotonic() + SIGNER_KEPT_S, signer
        return signer

    async def rotate(self, tenant_id: UUID) -> Verifier:
        """A new key for the tenant's log; what the old one signed stays valid.

        Other processes sign with it within `SIGNER_KEPT_S`.
        """
        old = await self.of(tenant_id)
        rows = await self._keyring.store.signing_keys(tenant_id)
        new, signer = await self._new(tenant_id, generation=rows[-1].generation + 1)
        told = introduction(old, signer)
        rows = await self._keyring.store.add_signing_key(
            tenant_id, msgspec.structs.replace(new, introduction=told)
        )
        self._signers.pop(tenant_id)
        return Verifier(rows[-1].name, rows[-1].public)

    async def introductions(self, tenant_id: UUID) -> list[str]:
        """By which notes each key but the first was introduced, oldest first."""
        rows = await self._keyring.store.signing_keys(tenant_id)
        return [row.introduction for row in rows if row.introduction is not None]

    async def verifiers(self, tenant_id: UUID) -> list[Verifier]:
        """The public keys that the tenant's checkpoints were ever signed with."""
        rows = await self._keyring.store.signing_keys(tenant_id)
        return [Verifier(row.name, row.public) for row in rows]

    async def _new(self, tenant_id: UUID, generation: int = 1) -> tuple[SigningKey, Signer]:
        key_id, signer = uuid4(), Signer.generate(f"{self._origin}/{tenant_id}")
        context = binding("signing-key", tenant_id, key_id)
        wrapped = await self._keyring.root.wrap(signer.private_bytes(), context)
        key = SigningKey(
            key_id=key_id,
            generation=generation,
            name=signer.name,
            public=signer.verifier.public,
            wrapped=wrapped,
            wrapped_by=wrapped_by(wrapped),
        )
        return key, signer


def certificate_ends(path: Path) -> datetime:
    """Until when the first certificate of a PEM file is valid.

    Raises:
        ValueError, OSError: it is no certificate, or cannot be read.
    """
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
