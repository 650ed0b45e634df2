"""Offline verification of a bundle: every event against the signed head, without any secret.

One pass over the events and two over the leaf hashes. Memory grows with the number of streams
(their versions are counted), not with the number of events.
"""

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import msgspec
from eventsourcing.persistence import MapperDeserialisationError

from tenancy.bundle import (
    CHECKPOINT_FILE,
    CHECKPOINTS_FILE,
    EVENTS_FILE,
    FORMAT,
    KEYS_FILE,
    LEAVES_FILE,
    MANIFEST_FILE,
    VERSION,
    ContentKeys,
    Manifest,
)
from tenancy.findings import Earlier, Finding, Stop, Verdict
from tenancy.keyring import KeysNotReady, NotGenuine, TenantKeys
from tenancy.mapper import Mapper, UnknownTopic
from tenancy.merkle import HASH_BYTES, Range
from tenancy.records import Recorded, Sealed
from tenancy.signing import Checkpoint, NoteRefused, Verifier, open_checkpoint, related
from tenancy.transparency import leaf_hash_of

_LINE_BYTES_MAX = 64 * 1024 * 1024
_SMALL_FILE_BYTES_MAX = 1024 * 1024
_FINDINGS_MAX = 100
_COUNT_MAX = 2**63 - 1
_REQUIRED = (CHECKPOINT_FILE, CHECKPOINTS_FILE, EVENTS_FILE, LEAVES_FILE)
_LEAVES_AT_ONCE = 8192
_READ_ROW = msgspec.json.Decoder(Sealed)
_WRITE = msgspec.json.Encoder()


class _Head(msgspec.Struct, frozen=True):
    manifest: Manifest
    checkpoint: Checkpoint
    verifiers: list[Verifier]


def verify_bundle(
    folder: Path,
    *,
    verifier: str | None = None,
    held: Sequence[str] = (),
    catalogue: Iterable[type[Any]] | None = None,
    on_recorded: Callable[[Recorded], None] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Verify a bundle with nothing but the bundle.

    Args:
        folder: the bundle.
        verifier: the public key `name+hash+key` that must have signed; without it the key in the
            manifest is used, which proves that the bundle is whole, not whose it is.
        held: checkpoint notes that the caller kept; this history must continue each of them.
        catalogue: the event classes; with it and a bundle with content, each event is opened.
        on_recorded: is handed each opened event, in log order. What it makes of them counts only
            if the verdict is ok.
        on_progress: is told now and then (events done, events in all).
    """
    try:
        head = _read_head(folder, verifier)
        mapper = _mapper(folder, head.manifest, catalogue)
    except Stop as stop:
        return Verdict(findings=(stop.finding,))
    walk = _Walk(folder, head, mapper, on_recorded)
    walk.take_held(held)
    try:
        walk.run(on_progress)
        walk.check_manifest(head.manifest)
    except Stop as stop:
        walk.findings.append(stop.finding)
    return Verdict(
        findings=tuple(sorted(walk.findings, key=_order)),
        tenant_id=head.manifest.tenant_id,
        tree_size=head.checkpoint.size,
        root=head.checkpoint.root,
        verifier=str(head.verifiers[0]),
        pinned=verifier is not None,
        events=walk.proven,
        opened=walk.opened,
        checkpoints=walk.continued,
    )


def _order(finding: Finding) -> tuple[bool, int]:
    return finding.position is None, finding.position or 0


def _small(folder: Path, name: str) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            content = file.read(_SMALL_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Stop("file-unreadable", f"{name}: {error.strerror}") from error
    if len(content) > _SMALL_FILE_BYTES_MAX:
        raise Stop("file-unreadable", f"{name} is larger than it can be")
    return content


def _read_head(folder: Path, pinned: str | None) -> _Head:
    try:
        manifest = msgspec.json.decode(_small(folder, MANIFEST_FILE), type=Manifest)
    except msgspec.MsgspecError as error:
        raise Stop("manifest-unreadable", f"{MANIFEST_FILE}: {error}") from error
    if (manifest.format, manifest.version) != (FORMAT, VERSION):
        raise Stop("manifest-unreadable", f"{manifest.format} {manifest.version} is unknown")
    note = _small(folder, CHECKPOINT_FILE)
    try:
        verifiers = [Verifier.parse(each) for each in manifest.verifiers]
        trusted = verifiers
        if pinned is not None:
            # Only the pinned key may sign the head, or one that it is introduced with; the others
            # may have signed before it.
            trusted = related([Verifier.parse(pinned)], manifest.introductions)
            verifiers = [*trusted, *(each for each in verifiers if each not in trusted)]
        checkpoint = open_checkpoint(note.decode(), trusted)
    except (NoteRefused, UnicodeDecodeError) as error:
        raise Stop("checkpoint-refused", f"{CHECKPOINT_FILE}: {error}") from error
    if checkpoint.origin.rpartition("/")[2] != str(manifest.tenant_id):
        raise Stop(
            "wrong-tenant",
            f"the checkpoint is of {checkpoint.origin}, the bundle of {manifest.tenant_id}",
        )
    return _Head(manifest, checkpoint, verifiers)


def trusted_keys(folder: Path, pinned: Sequence[Verifier]) -> list[Verifier]:
    """The pinned keys, and those that a bundle shows to be of the same log."""
    try:
        manifest = msgspec.json.decode(_small(folder, MANIFEST_FILE), type=Manifest)
    except (Stop, msgspec.MsgspecError):
        return list(pinned)  # Its verification says what is wrong with it.
    return related(pinned, manifest.introductions)


def _mapper(
    folder: Path, manifest: Manifest, catalogue: Iterable[type[Any]] | None
) -> Mapper | None:
    if catalogue is None or not (folder / KEYS_FILE).exists():
        return None
    try:
        keys = msgspec.json.decode((folder / KEYS_FILE).read_bytes(), type=ContentKeys)
    except (OSError, msgspec.MsgspecError) as error:
        raise Stop("keys-unreadable", f"{KEYS_FILE}: {error}") from error
    data = {key.key_id: key.key for key in keys.data}
    personal = {key.key_id: key.key for key in keys.subjects}
    return Mapper(
        manifest.tenant_id, TenantKeys.from_clear(manifest.tenant_id, data, personal), catalogue
    )


class _Walk:
    """The passes over leaf hashes and events, and what they found."""

    def __init__(
        self,
        folder: Path,
        head: _Head,
        mapper: Mapper | None,
        on_recorded: Callable[[Recorded], None] | None,
    ) -> None:
        self.findings: list[Finding] = []
        self.proven = self.opened = self.continued = 0
        self._folder = folder
        self._verifiers = head.verifiers
        self._signed = head.checkpoint
        self._size = head.checkpoint.size
        self._tenant = head.manifest.tenant_id
        self._mapper = mapper
        self._on_recorded = on_recorded
        self._held: list[Checkpoint] = []
        self._expected = 1
        self._versions: dict[UUID, int] = {}
        self._leaves_proven = False
        # For the case that the leaf list is not what was signed: the tree of the events alone.
        self._own = Range()
        self._own_whole = True
        self._differs: list[int] = []

    def find(
        self, code: str, detail: str, position: int | None = None, until: int | None = None
    ) -> None:
        finding = Finding(code=code, detail=detail, position=position, until=until)
        if len(self.findings) < _FINDINGS_MAX and finding not in self.findings:
            self.findings.append(finding)

    # -- earlier checkpoints

    def take_held(self, notes: Sequence[str]) -> None:
        """The caller's own checkpoints."""
        for note in notes:
            try:
                checkpoint = open_checkpoint(note, self._verifiers)
            except NoteRefused as error:
                self.find("held-checkpoint-refused", str(error))
            else:
                self._held.append(checkpoint)
        self._held.sort(key=_size)

    def _earlier(self) -> Earlier:
        return Earlier(heapq.merge(self._held, self._exported(), key=_size))

    def _exported(self) -> Iterator[Checkpoint]:
        last = 0
        with self._open(CHECKPOINTS_FILE) as file:
            while line := file.readline(_SMALL_FILE_BYTES_MAX):
                try:
                    note = msgspec.json.decode(line, type=str)
                    checkpoint = open_checkpoint(note, self._verifiers)
                except (msgspec.MsgspecError, NoteRefused) as error:
                    self.find("checkpoint-refused", f"{CHECKPOINTS_FILE}: {error}")
                    continue
                if checkpoint.size <= last:
                    self.find("checkpoint-refused", f"{CHECKPOINTS_FILE} is not in order")
                    continue
                last = checkpoint.size
                yield checkpoint

    def _judge_earlier(self, earlier: Earlier) -> None:
        self.continued = earlier.continued
        if earlier.first_bad is not None:
            self.find(
                "forked",
                f"the checkpoint signed at {earlier.first_bad} is of another history",
                earlier.good_until + 1,
                earlier.first_bad,
            )
        if (beyond := earlier.beyond()) is not None:
            self.find(
                "rolled-back",
                f"{beyond} events were signed once, this history ends at {self._size}",
                self._size + 1,
                beyond,
            )

    # -- the passes

    def run(self, on_progress: Callable[[int, int], None] | None) -> None:
        """All of them.

        Raises:
            Stop: a file cannot be read.
        """
        self._walk_leaves()
        earlier = Earlier(iter(())) if self._leaves_proven else self._earlier()
        with self._open(LEAVES_FILE) as leaves:
            for line in self._lines(on_progress):
                row = _row(line)
                if row is None:
                    self._own_whole = False
                    self.find("unreadable", "not a row as it was exported", self._expected)
                    self._expected += 1
                    continue
                leaf = leaf_hash_of(self._tenant, row)
                if not self._leaves_proven:
                    self._own.append(leaf)
                    earlier.meet(self._own)
                self._walk_row(row, leaf, leaves)
        if self._expected <= self._size:
            self.find(
                "truncated",
                f"the events end before this position, {self._size} were signed",
                self._expected,
                self._size,
            )
        if not self._leaves_proven:
            self._judge_leaves(earlier)

    def _walk_leaves(self) -> None:
        tree, earlier = Range(), self._earlier()
        with self._open(LEAVES_FILE) as file:
            while hashes := file.read(_LEAVES_AT_ONCE * HASH_BYTES):
                for at in range(0, len(hashes), HASH_BYTES):
                    tree.append(hashes[at : at + HASH_BYTES])
                    earlier.meet(tree)
        self._leaves_proven = (tree.size, tree.root()) == (self._size, self._signed.root)
        if self._leaves_proven:
            self._judge_earlier(earlier)

    def _lines(self, on_progress: Callable[[int, int], None] | None) -> Iterator[bytes]:
        with self._open(EVENTS_FILE) as file:
            count = 0
            while line := file.readline(_LINE_BYTES_MAX):
                yield line
                count += 1
                if on_progress is not None and (count % _LEAVES_AT_ONCE == 0):
                    on_progress(count, self._size)

    def _walk_row(self, row: Sealed, leaf: bytes, leaves: BinaryIO) -> None:
        at = row.position
        if at > self._size:
            self.find("not-signed", f"only {self._size} events were signed", at)
            return
        if at < self._expected:
            self.find("out-of-order", "comes twice, or later than its place", at)
            return
        if at > self._expected:
            self.find("missing", f"the events go on with {at}", self._expected, at - 1)
        self._expected = at + 1
        if leaves.tell() != (at - 1) * HASH_BYTES:
            leaves.seek((at - 1) * HASH_BYTES)
        if leaves.read(HASH_BYTES) != leaf:
            self._differs.append(at)
            self.find("changed", "the event is not the one that was signed", at)
            return
        self.proven += 1
        # Only while nothing was wrong: behind a changed row the count means nothing.
        if not self.findings and row.version != self._versions.get(row.stream_id, 0) + 1:
            self.find("version-gap", f"stream {row.stream_id} skips to {row.version}", at)
        self._versions[row.stream_id] = row.version
        if self._mapper is not None and self._leaves_proven:
            self._open_content(self._mapper, row)

    def _open_content(self, mapper: Mapper, row: Sealed) -> None:
        try:
            recorded = mapper.open(row)
        except (NotGenuine, KeysNotReady, UnknownTopic, MapperDeserialisationError) as error:
            self.find("content-unreadable", str(error), row.position)
            return
        self.opened += 1
        if self._on_recorded is not None:
            self._on_recorded(recorded)

    def _judge_leaves(self, earlier: Earlier) -> None:
        # Either the leaf list was damaged, or events were changed and the list with them.
        differ = [each for each in self.findings if each.code == "changed"]
        self.findings = [each for each in self.findings if each.code != "changed"]
        whole = self._own_whole and self._own.root() == self._signed.root
        if whole and self._own.size == self._size:
            first = self._differs[0] if self._differs else self._size
            self.find(
                "leaf-list-damaged",
                f"{LEAVES_FILE} is not what was signed; the events are",
                first,
            )
            self._judge_earlier(earlier)
            return
        # What an earlier checkpoint covers is proven, whatever the leaf list says of it.
        good, detail = earlier.good_until, "the events are not what was signed"
        differ = [each for each in differ if (each.position or 0) > good]
        if differ:
            detail += f"; they differ from {LEAVES_FILE} at {differ[0].position}"
        self.find("rewritten", detail, good + 1, earlier.first_bad or self._size)

    # -- files

    def _open(self, name: str) -> BinaryIO:
        try:
            return (self._folder / name).open("rb")
        except OSError as error:
            raise Stop("file-unreadable", f"{name}: {error.strerror}") from error

    def check_manifest(self, manifest: Manifest) -> None:
        """What the manifest says of the other files: it finds damage, the signature finds lies."""
        if manifest.tree_size != self._size:
            self.find("manifest-differs", f"{manifest.tree_size} events, {self._size} were signed")
        listed = {each.name: each for each in manifest.files}
        for name in sorted({*_REQUIRED, *listed}):
            if name not in listed or name not in {*_REQUIRED, KEYS_FILE}:
                self.find("manifest-differs", f"{name} is not a file of a bundle, or not listed")
                continue
            if self._digest(name) != listed[name].sha256:
                self.find("file-differs", f"{name} is not the file that was exported")

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        with self._open(name) as file:
            while block := file.read(_SMALL_FILE_BYTES_MAX):
                digest.update(block)
        return digest.hexdigest()


def _size(checkpoint: Checkpoint) -> int:
    return checkpoint.size


def _row(line: bytes) -> Sealed | None:
    """The row of this line, None unless it is written exactly as an export writes it."""
    try:
        row = _READ_ROW.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    fits = 0 < row.position <= _COUNT_MAX and 0 < row.version <= _COUNT_MAX
    if row.recorded_at.utcoffset() != timedelta(0) or not fits:
        return None
    # Base64, UUIDs and numbers have several spellings, and only one of them was exported.
    return row if _WRITE.encode(row) + b"\n" == line else None
