"""A bundle proves itself offline, and names the first position that is wrong."""

import base64
import json
import shutil
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenancy.bundle import NothingSealed
from tenancy.findings import Verdict
from tenancy.merkle import Range
from tenancy.records import Recorded, Sealed
from tenancy.signing import Checkpoint, Signer
from tenancy.transparency import HistoryRewritten, leaf_hash_of
from tenancy.verification import verify_bundle

Tamper = Callable[..., Awaitable[None]]
READ = msgspec.json.Decoder(Sealed)
WRITE = msgspec.json.Encoder()


class Copy:
    """A copy of a bundle, to be damaged."""

    def __init__(self, original: Path, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(original, folder)

    @property
    def lines(self) -> list[bytes]:
        return (self.folder / "events.ndjson").read_bytes().splitlines(keepends=True)

    @lines.setter
    def lines(self, lines: list[bytes]) -> None:
        (self.folder / "events.ndjson").write_bytes(b"".join(lines))

    def flip(self, name: str, at: int, bit: int = 1) -> None:
        content = bytearray((self.folder / name).read_bytes())
        content[at] ^= bit
        (self.folder / name).write_bytes(content)

    def change(self, position: int, **fields: Any) -> None:
        lines = self.lines
        row = msgspec.structs.replace(READ.decode(lines[position - 1]), **fields)
        lines[position - 1] = WRITE.encode(row) + b"\n"
        self.lines = lines

    def renew_leaves(self, history: Any) -> None:
        """What a forger does: make the leaf list fit the events."""
        leaves = [leaf_hash_of(history.tenant_id, READ.decode(line)) for line in self.lines]
        (self.folder / "leaves.bin").write_bytes(b"".join(leaves))


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[Path], Copy]:
    def make(original: Path) -> Copy:
        return Copy(original, tmp_path / f"copy-{uuid4()}")

    return make


Copies = Callable[[Path], Copy]


async def exported(history: Any, folder: Path, count: int = 40, **options: Any) -> Path:
    """A bundle of `count` events with checkpoints at 10, 20 and at the end."""
    for upto in (10, 20, count):
        await history.write(upto - len(history.events))
        await history.sealer.advance(history.tenant_id)
    await history.exporter.export(history.tenant_id, folder / "bundle", **options)
    return folder / "bundle"


def codes(verdict: Verdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


# -- what is whole


@pytest.mark.both_postgres
async def test_a_bundle_verifies_with_nothing_but_itself(history: Any, tmp_path: Path) -> None:
    bundle = await exported(history, tmp_path)
    told: list[tuple[int, int]] = []
    verdict = verify_bundle(bundle, on_progress=lambda *each: told.append(each))
    assert verdict.ok, verdict.findings
    assert (verdict.tree_size, verdict.events, verdict.checkpoints) == (40, 40, 2)
    assert (verdict.tenant_id, verdict.pinned) == (history.tenant_id, False)
    assert verdict.first_wrong is None
    pinned = verify_bundle(bundle, verifier=verdict.verifier)
    assert pinned.ok
    assert pinned.pinned
    assert sorted(each.name for each in bundle.iterdir()) == [
        "checkpoint.txt",
        "checkpoints.ndjson",
        "events.ndjson",
        "leaves.bin",
        "manifest.json",
    ]


async def test_without_content_nothing_of_it_is_in_the_bundle(history: Any, tmp_path: Path) -> None:
    bundle = await exported(history, tmp_path)
    whole = b"".join(file.read_bytes() for file in bundle.iterdir())
    for line in (bundle / "events.ndjson").read_bytes().splitlines():
        row = READ.decode(line)
        whole += row.metadata + row.payload + (row.personal or b"")
    assert "绩效".encode() not in whole
    assert b"remark" not in whole
    opened: list[Recorded] = []
    verdict = verify_bundle(bundle, catalogue=history.catalogue, on_recorded=opened.append)
    assert (verdict.ok, verdict.opened, opened) == (True, 0, [])


async def test_with_content_every_event_comes_back_in_order(history: Any, tmp_path: Path) -> None:
    bundle = await exported(history, tmp_path, content=True)
    assert stat.S_IMODE((bundle / "keys.json").stat().st_mode) == 0o600
    opened: list[Recorded] = []
    verdict = verify_bundle(bundle, catalogue=history.catalogue, on_recorded=opened.append)
    assert verdict.ok, verdict.findings
    assert verdict.opened == 40
    assert [each.position for each in opened] == list(range(1, 41))
    assert [each.event for each in opened] == history.events


async def test_a_reader_may_be_given_less_keys(history: Any, tmp_path: Path, copy: Copies) -> None:
    """Erased or withheld subjects read as None; everything is still proven."""
    partial = copy(await exported(history, tmp_path, content=True))
    path = partial.folder / "keys.json"
    keys = json.loads(path.read_bytes())
    keys["subjects"][0]["key"] = None
    del keys["subjects"][1]
    path.write_text(json.dumps(keys))
    opened: list[Recorded] = []
    verdict = verify_bundle(partial.folder, catalogue=history.catalogue, on_recorded=opened.append)
    assert codes(verdict) == {"file-differs"}
    assert verdict.opened == 40
    texts = [each.event.text for each in opened]
    assert texts == [event.text for event in history.events]
    remarks = sum(each.event.remark is not None for each in opened)
    assert 0 < remarks < sum(event.remark is not None for event in history.events)


async def test_nothing_sealed_nothing_exported(history: Any, tmp_path: Path) -> None:
    with pytest.raises(NothingSealed):
        await history.exporter.export(history.tenant_id, tmp_path / "bundle")


async def test_no_folder_is_overwritten(history: Any, tmp_path: Path) -> None:
    bundle = await exported(history, tmp_path)
    with pytest.raises(FileExistsError):
        await history.exporter.export(history.tenant_id, bundle)


async def test_more_events_than_one_page(history: Any, tmp_path: Path) -> None:
    bundle = await exported(history, tmp_path, 5_003)
    verdict = verify_bundle(bundle)
    assert verdict.ok, verdict.findings
    assert verdict.events == 5_003


# -- what is not


async def test_any_byte_of_any_event(history: Any, tmp_path: Path, copy: Copies) -> None:
    """One byte changed anywhere in the events: refused, and its position named."""
    damaged = copy(await exported(history, tmp_path))
    lines = damaged.lines
    whole = b"".join(lines)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    @given(at=st.integers(0, len(whole) - 1), bit=st.integers(1, 255))
    @example(at=10046, bit=1)
    @settings(max_examples=300)
    def check(at: int, bit: int) -> None:
        damaged.lines = [whole]
        damaged.flip("events.ndjson", at, bit)
        verdict = verify_bundle(damaged.folder)
        position = next(n for n, start in enumerate(starts[1:], start=1) if at < start)
        assert not verdict.ok
        assert position in {found.position for found in verdict.findings}
        if verdict.first_wrong != position:
            # The event now says that it is an earlier one: that comes twice, and this is missing.
            assert verdict.first_wrong is not None
            assert verdict.first_wrong < position
            assert {"out-of-order", "missing"} <= {each.code for each in verdict.findings}

    check()


async def test_each_position_in_turn(history: Any, tmp_path: Path, copy: Copies) -> None:
    bundle = await exported(history, tmp_path)
    for position in range(1, 41):
        changed = copy(bundle)
        changed.change(position, payload=b"x" * 60)
        verdict = verify_bundle(changed.folder)
        assert verdict.first_wrong == position
        assert verdict.findings[0].code == "changed"
        assert str(verdict.findings[0]).startswith(f"position {position}: changed")
        assert verdict.events == 39


FIELDS: dict[str, Any] = {
    "stream_id": uuid4(),
    "version": 99,
    "topic": "test.other",
    "metadata": b"{}",
    "payload": b"p" * 60,
    "personal": b"q" * 60,
}


@pytest.mark.parametrize("field", FIELDS)
async def test_each_column(history: Any, tmp_path: Path, copy: Copies, field: str) -> None:
    changed = copy(await exported(history, tmp_path))
    changed.change(17, **{field: FIELDS[field]})
    verdict = verify_bundle(changed.folder)
    assert (verdict.first_wrong, codes(verdict)) == (17, {"changed", "file-differs"})


EDITS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int, str]] = {
    "delete": (lambda rows: rows[:16] + rows[17:], 17, "missing"),
    "delete the first": (lambda rows: rows[1:], 1, "missing"),
    "delete several": (lambda rows: rows[:16] + rows[20:], 17, "missing"),
    "swap": (lambda rows: [*rows[:16], rows[17], rows[16], *rows[18:]], 17, "missing"),
    "reverse": (lambda rows: rows[::-1], 1, "missing"),
    "truncate": (lambda rows: rows[:33], 34, "truncated"),
    "empty": (lambda _: [], 1, "truncated"),
    "duplicate": (lambda rows: [*rows[:17], rows[16], *rows[17:]], 17, "out-of-order"),
    "repeat the last": (lambda rows: [*rows, rows[-1]], 40, "out-of-order"),
    "insert": (lambda rows: [*rows[:16], b'{"position":17}\n', *rows[16:]], 17, "unreadable"),
    "blank line": (lambda rows: [*rows[:16], b"\n", *rows[16:]], 17, "unreadable"),
    "other spelling": (
        lambda rows: [*rows[:16], rows[16].replace(b'":', b'": '), *rows[17:]],
        17,
        "unreadable",
    ),
    "other time zone": (
        lambda rows: [
            *rows[:16],
            rows[16].replace(b"T09:", b"T11:").replace(b'Z"', b'+02:00"'),
            *rows[17:],
        ],
        17,
        "unreadable",
    ),
    "no last newline": (lambda rows: [*rows[:39], rows[39][:-1]], 40, "unreadable"),
    "renumbered from 17 on": (
        lambda rows: rows[:16] + [moved(row, n) for n, row in enumerate(rows[17:], start=17)],
        17,
        "changed",
    ),
    "one too many": (lambda rows: [*rows, moved(rows[-1], 41)], 41, "not-signed"),
}


def moved(line: bytes, position: int) -> bytes:
    row = msgspec.structs.replace(READ.decode(line), position=position)
    return WRITE.encode(row) + b"\n"


@pytest.mark.parametrize("edit", EDITS)
async def test_rows_removed_added_or_moved(
    history: Any, tmp_path: Path, copy: Copies, edit: str
) -> None:
    edited = copy(await exported(history, tmp_path))
    change, position, code = EDITS[edit]
    edited.lines = change(edited.lines)
    verdict = verify_bundle(edited.folder)
    assert (verdict.first_wrong, verdict.findings[0].code) == (position, code)


async def test_rows_of_two_tenants_swapped(
    history: Any, other_history: Any, tmp_path: Path, copy: Copies
) -> None:
    mine = copy(await exported(history, tmp_path / "mine"))
    theirs = copy(await exported(other_history, tmp_path / "theirs"))
    lines, others = mine.lines, theirs.lines
    lines[11], others[11] = others[11], lines[11]
    mine.lines, theirs.lines = lines, others
    for swapped in (mine, theirs):
        verdict = verify_bundle(swapped.folder)
        assert (verdict.first_wrong, verdict.findings[0].code) == (12, "changed")


async def test_another_tenants_history_under_this_name(
    history: Any, tmp_path: Path, copy: Copies
) -> None:
    renamed = copy(await exported(history, tmp_path))
    path = renamed.folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["tenant_id"] = str(uuid4())
    path.write_text(json.dumps(manifest))
    assert codes(verify_bundle(renamed.folder)) == {"wrong-tenant"}


# -- forgers who know the format


async def test_events_and_leaf_list_rewritten_together(
    history: Any, tmp_path: Path, copy: Copies
) -> None:
    """The root is not the signed one; earlier checkpoints narrow down where it went wrong."""
    for position, (first, last) in {7: (1, 10), 15: (11, 20), 31: (21, 40)}.items():
        bundle = tmp_path / "bundle"
        forged = copy(bundle if bundle.exists() else await exported(history, tmp_path))
        forged.change(position, payload=b"x" * 60)
        forged.renew_leaves(history)
        verdict = verify_bundle(forged.folder)
        finding = verdict.findings[0]
        assert (finding.code, finding.position, finding.until) == ("rewritten", first, last)
        assert first <= position <= last


async def test_a_forged_head_needs_the_key(history: Any, tmp_path: Path, copy: Copies) -> None:
    """A whole bundle made anew under another key fails against the pinned one."""
    bundle = await exported(history, tmp_path)
    pinned = verify_bundle(bundle).verifier
    forged = copy(bundle)
    forged.change(31, payload=b"x" * 60)
    forged.renew_leaves(history)
    signer = Signer.generate(f"meritledger/{history.tenant_id}")
    (forged.folder / "checkpoints.ndjson").write_bytes(b"")
    (forged.folder / "checkpoint.txt").write_text(signer.sign(head_of(forged, history).text()))
    assert codes(verify_bundle(forged.folder)) == {"checkpoint-refused"}
    path = forged.folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["verifiers"] = [str(signer.verifier)]
    path.write_text(json.dumps(manifest))
    assert codes(verify_bundle(forged.folder)) == {"file-differs"}, "it can only be whole, not ours"
    assert codes(verify_bundle(forged.folder, verifier=pinned)) == {"checkpoint-refused"}


def head_of(bundle: Copy, history: Any) -> Checkpoint:
    tree = Range()
    for line in bundle.lines:
        tree.append(leaf_hash_of(history.tenant_id, READ.decode(line)))
    origin = f"meritledger/{history.tenant_id}"
    return Checkpoint(origin=origin, size=tree.size, root=tree.root())


async def test_a_fork_signed_with_the_real_key_contradicts_what_was_signed_before(
    history: Any, tmp_path: Path, copy: Copies
) -> None:
    """Whoever holds the signing key can forge a head, but not what others keep of earlier ones."""
    bundle = await exported(history, tmp_path)
    held = [each.note for each in await history.log.checkpoints(history.tenant_id)]
    forked = copy(bundle)
    forked.change(15, payload=b"x" * 60)
    forked.renew_leaves(history)
    signer = await history.signers.of(history.tenant_id)
    (forked.folder / "checkpoint.txt").write_text(signer.sign(head_of(forked, history).text()))
    verdict = verify_bundle(forked.folder)
    assert "forked" in codes(verdict)
    (forked.folder / "checkpoints.ndjson").write_bytes(b"")
    assert "forked" not in codes(verify_bundle(forked.folder))
    verdict = verify_bundle(forked.folder, held=held)
    fork = next(each for each in verdict.findings if each.code == "forked")
    assert (fork.position, fork.until) == (11, 20)
    assert verify_bundle(bundle, held=held).ok


async def test_a_roll_back_contradicts_a_later_checkpoint(history: Any, tmp_path: Path) -> None:
    """An old bundle is whole; whoever holds a later checkpoint sees that it was cut."""
    bundle = await exported(history, tmp_path)
    await history.write(5)
    later = await history.sealer.advance(history.tenant_id)
    assert verify_bundle(bundle).ok
    verdict = verify_bundle(bundle, held=[later.note])
    assert (verdict.first_wrong, codes(verdict)) == (41, {"rolled-back"})


async def test_a_held_note_of_somebody_else_is_refused(history: Any, tmp_path: Path) -> None:
    bundle = await exported(history, tmp_path)
    stranger = Signer.generate("meritledger/x")
    note = stranger.sign(Checkpoint(origin="meritledger/x", size=1, root=b"r" * 32).text())
    assert codes(verify_bundle(bundle, held=[note])) == {"held-checkpoint-refused"}


async def test_a_damaged_leaf_list_is_told_from_a_damaged_event(
    history: Any, tmp_path: Path, copy: Copies
) -> None:
    damaged = copy(await exported(history, tmp_path))
    damaged.flip("leaves.bin", 16 * 32 + 5)
    verdict = verify_bundle(damaged.folder)
    assert (verdict.first_wrong, codes(verdict)) == (17, {"leaf-list-damaged", "file-differs"})


# -- the other files


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("manifest.json", "manifest-unreadable"),
        ("checkpoint.txt", "checkpoint-refused"),
        ("checkpoints.ndjson", "checkpoint-refused"),
        ("leaves.bin", "leaf-list-damaged"),
        ("keys.json", "keys-unreadable"),
    ],
)
async def test_a_damaged_file(
    history: Any, tmp_path: Path, copy: Copies, name: str, code: str
) -> None:
    damaged = copy(await exported(history, tmp_path, content=True))
    damaged.flip(name, 0, 0x40)
    assert code in codes(verify_bundle(damaged.folder, catalogue=history.catalogue))


@pytest.mark.parametrize(
    "name",
    ["manifest.json", "checkpoint.txt", "checkpoints.ndjson", "leaves.bin", "events.ndjson"],
)
async def test_a_missing_file(history: Any, tmp_path: Path, copy: Copies, name: str) -> None:
    damaged = copy(await exported(history, tmp_path))
    (damaged.folder / name).unlink()
    verdict = verify_bundle(damaged.folder)
    assert codes(verdict) == {"file-unreadable"}
    assert name in verdict.findings[0].detail


async def test_a_manifest_that_says_something_else(
    history: Any, tmp_path: Path, copy: Copies
) -> None:
    damaged = copy(await exported(history, tmp_path))
    path = damaged.folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    path.write_text(json.dumps({**manifest, "tree_size": 39}))
    assert codes(verify_bundle(damaged.folder)) == {"manifest-differs"}
    path.write_text(json.dumps({**manifest, "version": 2}))
    assert codes(verify_bundle(damaged.folder)) == {"manifest-unreadable"}
    listed = {"name": "../../etc/passwd", "sha256": "", "size": 0}
    path.write_text(json.dumps({**manifest, "files": [*manifest["files"], listed]}))
    assert codes(verify_bundle(damaged.folder)) == {"manifest-differs"}


async def test_wrong_content_keys_open_nothing(history: Any, tmp_path: Path, copy: Copies) -> None:
    damaged = copy(await exported(history, tmp_path, content=True))
    path = damaged.folder / "keys.json"
    keys = json.loads(path.read_bytes())
    keys["data"][0]["key"] = base64.b64encode(b"k" * 32).decode()
    path.write_text(json.dumps(keys))
    opened: list[Recorded] = []
    verdict = verify_bundle(damaged.folder, catalogue=history.catalogue, on_recorded=opened.append)
    assert (verdict.first_wrong, verdict.opened, opened) == (1, 0, [])
    assert "content-unreadable" in codes(verdict)


# -- from a database that was tampered with


LATER = """
UPDATE merit.events SET recorded_at = recorded_at + interval '1 microsecond'
WHERE tenant_id = $1 AND position = 17
"""
REORDER = """
UPDATE merit.events e
SET payload = o.payload, personal = o.personal, metadata = o.metadata FROM merit.events o
WHERE e.tenant_id = $1 AND o.tenant_id = e.tenant_id
AND e.position IN (17, 18) AND o.position = 35 - e.position
"""
EDIT = """
UPDATE merit.events SET payload = payload || 'x' WHERE tenant_id = $1 AND position = 17
"""
CHANGES: dict[str, tuple[str, int]] = {
    "edit": (EDIT, 17),
    "clock": (LATER, 17),
    "delete": ("DELETE FROM merit.events WHERE tenant_id = $1 AND position = 17", 17),
    "truncate": ("DELETE FROM merit.events WHERE tenant_id = $1 AND position > 33", 34),
    "reorder": (REORDER, 17),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_database_rewritten_by_its_superuser(
    history: Any, tmp_path: Path, tamper: Tamper, change: str
) -> None:
    await exported(history, tmp_path / "before")
    statement, position = CHANGES[change]
    await tamper(statement, history.tenant_id)
    await history.exporter.export_sealed(history.tenant_id, tmp_path / "after")
    verdict = verify_bundle(tmp_path / "after")
    assert verdict.first_wrong == position
    if change == "truncate":
        with pytest.raises(HistoryRewritten):
            await history.exporter.export(history.tenant_id, tmp_path / "never")


async def test_a_database_whose_rows_of_two_tenants_were_swapped(
    history: Any, other_history: Any, tmp_path: Path, tamper: Tamper
) -> None:
    for each in (history, other_history):
        await exported(each, tmp_path / f"before-{each.tenant_id}")
    await tamper(
        "UPDATE merit.events e SET payload = o.payload, personal = o.personal,"
        " metadata = o.metadata, stream_id = o.stream_id FROM merit.events o"
        " WHERE e.tenant_id IN ($1, $2) AND o.tenant_id IN ($1, $2)"
        " AND o.tenant_id <> e.tenant_id AND e.position = 12 AND o.position = 12",
        history.tenant_id,
        other_history.tenant_id,
    )
    for each in (history, other_history):
        folder = tmp_path / f"after-{each.tenant_id}"
        await each.exporter.export_sealed(each.tenant_id, folder, content=True)
        assert verify_bundle(folder).first_wrong == 12


async def test_a_stream_with_a_gap_is_found_although_it_was_signed(
    history: Any, tmp_path: Path, tamper: Tamper
) -> None:
    """Changed before the sealer came: the signature holds, the count does not."""
    await history.write(40)
    await tamper(
        "UPDATE merit.events SET version = 99 WHERE tenant_id = $1 AND position = 40",
        history.tenant_id,
    )
    await history.exporter.export(history.tenant_id, tmp_path / "bundle", content=True)
    verdict = verify_bundle(tmp_path / "bundle")
    assert (verdict.first_wrong, codes(verdict)) == (40, {"version-gap"})
    opened = verify_bundle(tmp_path / "bundle", catalogue=history.catalogue)
    assert codes(opened) == {"version-gap", "content-unreadable"}, (
        "and it is not where it was sealed"
    )


async def test_a_row_of_the_log_and_its_tiles_changed_together(
    history: Any, tmp_path: Path, tamper: Tamper
) -> None:
    """The stored tree is no help to a forger: the root that it gives was never signed."""
    await exported(history, tmp_path / "before")
    await tamper(
        "UPDATE merit.events SET metadata = '{}' WHERE tenant_id = $1 AND position = 15",
        history.tenant_id,
    )
    async with history.database.transaction(history.tenant_id) as connection:
        rows = await connection.fetch("SELECT * FROM merit.events ORDER BY position")
    leaves = [
        leaf_hash_of(
            history.tenant_id,
            Sealed(**{name: row[name] for name in Sealed.__struct_fields__}),
        )
        for row in rows
    ]
    await tamper(
        "UPDATE merit.tree_tiles SET hashes = $2 WHERE tenant_id = $1",
        history.tenant_id,
        b"".join(leaves),
    )
    await history.exporter.export_sealed(history.tenant_id, tmp_path / "after")
    finding = verify_bundle(tmp_path / "after").findings[0]
    assert (finding.code, finding.position, finding.until) == ("rewritten", 11, 20)
