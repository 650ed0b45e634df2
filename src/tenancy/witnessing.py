"""What a log says to a witness, and how a witness judges it (C2SP tlog-witness). Pure."""

import base64
import binascii
import re
from collections.abc import Sequence

import msgspec

from tenancy.merkle import HASH_BYTES, consistency_holds
from tenancy.signing import Checkpoint, NoteRefused, Verifier, open_checkpoint

HASHES_MAX = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint, and the proof that it continues the one of `old` leaves."""

    old: int
    hashes: tuple[bytes, ...]
    note: str

    def body(self) -> str:
        """As it is posted to `add-checkpoint`."""
        proof = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.hashes)
        return f"old {self.old}\n{proof}\n{self.note}"

    @classmethod
    def parse(cls, body: str) -> "Submission":
        """From what was posted.

        Raises:
            NoteRefused: it is not a submission.
        """
        head, blank, note = body.partition("\n\n")
        first, *lines = head.split("\n")
        old = _OLD.fullmatch(first)
        if old is None or not blank or len(lines) > HASHES_MAX:
            raise NoteRefused("a submission has an old size, a proof, a blank line, a checkpoint")
        return cls(old=int(old[1]), hashes=tuple(map(_hash, lines)), note=note)


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRefused("a line of the proof is not base64") from error
    if len(raw) != HASH_BYTES:
        raise NoteRefused("a line of the proof is not a hash")
    return raw


class Refusal(Exception):
    """Why a witness does not cosign; `status` is what HTTP says."""

    def __init__(self, status: int, why: str, size: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.size = size
        """Of the tree that the witness knows, where the submission goes on from another one."""


def origin_of(note: str) -> str:
    """The log that a note says it is of; nothing is verified yet."""
    return note.partition("\n")[0]


def judged(
    submission: Submission, trusted: Sequence[Verifier], known: Checkpoint | None
) -> Checkpoint:
    """The checkpoint, if a witness that knows this much of the log may cosign it.

    Args:
        submission: what the log sent.
        trusted: the keys of the log with this origin; none for a log that is not known.
        known: the checkpoint of it that was cosigned last.

    Raises:
        Refusal: it may not.
    """
    if not trusted:
        raise Refusal(404, "this log is not known here")
    try:
        new = open_checkpoint(submission.note, trusted)
    except NoteRefused as error:
        raise Refusal(403, str(error)) from error
    if submission.old > new.size:
        raise Refusal(400, "the old size is beyond the checkpoint")
    size = known.size if known else 0
    if submission.old != size:
        raise Refusal(409, "another checkpoint was cosigned last", size)
    if known is None or size == 0:
        if submission.hashes:
            raise Refusal(422, "nothing is proved from an empty tree")
        return new
    if size == new.size:
        if known.root != new.root:
            raise Refusal(409, "another tree of this size was cosigned", size)
        if submission.hashes:
            raise Refusal(422, "nothing is to be proved")
        return new
    if not consistency_holds(size, new.size, known.root, new.root, submission.hashes):
        raise Refusal(422, "the checkpoint does not continue the one that was cosigned last")
    return new
