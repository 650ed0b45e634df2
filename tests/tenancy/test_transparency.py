"""Leaves, notes and the sealer: what was signed once is never signed otherwise."""

import asyncio
import hashlib
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from tenancy.merkle import EMPTY_ROOT, TreeDamaged, consistency_holds, inclusion_holds
from tenancy.recorder import Recorder
from tenancy.records import Sealed
from tenancy.signing import Checkpoint, NoteRefused, Signer, Signers, Verifier, open_checkpoint
from tenancy.transparency import HistoryRewritten, Sealer, leaf_hash_of, leaf_of

Tamper = Callable[..., Awaitable[None]]

ROW = Sealed(
    stream_id=UUID("11111111-2222-4333-8444-555555555555"),
    version=7,
    topic="test.noted",
    recorded_at=datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    metadata=b'{"a":1}',
    payload=b"payload",
    personal=None,
    position=42,
)
TENANT = UUID("7e4a17b0-0000-4000-8000-000000000001")


# -- leaves


def test_a_leaf_is_what_its_definition_says() -> None:
    """Written out once more, from the docstring and not from the code."""
    expected = (
        b"\x01"
        + TENANT.bytes
        + (42).to_bytes(8, "big")
        + ROW.stream_id.bytes
        + (7).to_bytes(8, "big")
        + struct.pack(">q", 1_767_225_600_000_001)
        + b"\x00\x00\x00\x0atest.noted"
        + b'\x00\x00\x00\x07{"a":1}'
        + b"\x00\x00\x00\x07payload"
    )
    assert leaf_of(TENANT, ROW) == expected + b"\x00"
    personal = msgspec.structs.replace(ROW, personal=b"")
    assert leaf_of(TENANT, personal) == expected + b"\x01\x00\x00\x00\x00"
    assert leaf_hash_of(TENANT, ROW) == hashlib.sha256(b"\x00" + expected + b"\x00").digest()


OTHERS: dict[str, Any] = {
    "stream_id": uuid4(),
    "version": 8,
    "topic": "test.note",
    "recorded_at": ROW.recorded_at + timedelta(microseconds=1),
    "metadata": b'{"a":2}',
    "payload": b"payloae",
    "personal": b"",
    "position": 43,
}


@pytest.mark.parametrize("field", OTHERS)
def test_every_column_is_in_the_leaf(field: str) -> None:
    assert set(OTHERS) == set(Sealed.__struct_fields__)
    changed = msgspec.structs.replace(ROW, **{field: OTHERS[field]})
    assert leaf_of(TENANT, changed) != leaf_of(TENANT, ROW)
    assert leaf_of(uuid4(), ROW) != leaf_of(TENANT, ROW)


pieces = st.binary(max_size=6)
contents = st.fixed_dictionaries(
    {"metadata": pieces, "payload": pieces, "personal": st.none() | pieces}
)


@given(contents, contents)
def test_no_two_rows_have_one_leaf(one: dict[str, Any], two: dict[str, Any]) -> None:
    leaves = {leaf_of(TENANT, msgspec.structs.replace(ROW, **each)) for each in (one, two)}
    assert len(leaves) == (1 if one == two else 2)


# -- signed notes


def test_the_example_of_the_signed_note_specification() -> None:
    verifier = Verifier.parse(
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    )
    note = (
        "This is an example message.\n\n\N{EM DASH} example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72Iney"
        "aQM=\n"
    )
    assert verifier.open(note) == "This is an example message.\n"
    with pytest.raises(NoteRefused, match="is wrong"):
        verifier.open(note.replace("This is", "That is"))


def test_what_is_signed_verifies_and_reads_back() -> None:
    signer = Signer.generate("meritledger/t")
    checkpoint = Checkpoint(origin="meritledger/t", size=7, root=hashlib.sha256(b"x").digest())
    note = signer.sign(checkpoint.text())
    verifier = Verifier.parse(str(signer.verifier))
    assert verifier == signer.verifier
    assert open_checkpoint(note, [verifier]) == checkpoint
    cosigned = note + "\N{EM DASH} witness.example AAAAAAAA\n"
    assert open_checkpoint(cosigned, [verifier]) == checkpoint


@given(st.data())
def test_no_character_of_a_note_can_be_changed(data: st.DataObject) -> None:
    signer = Signer(name="meritledger/t", private=b"s" * 32)
    checkpoint = Checkpoint(origin="meritledger/t", size=70, root=b"r" * 32)
    note = signer.sign(checkpoint.text())
    at = data.draw(st.integers(0, len(note) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda each: each != note[at]))
    with pytest.raises(NoteRefused):
        open_checkpoint(note[:at] + other + note[at + 1 :], [signer.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "a\n1\n\n\N{EM DASH} n \n",
        "a\n\n- n AAAA\n",
        "\n\nx",
        "a\x00\n",
    ],
)
def test_what_is_not_a_note_is_refused(note: str) -> None:
    with pytest.raises(NoteRefused):
        Signer.generate("n").verifier.open(note)


def test_a_key_signs_only_for_the_log_of_its_name() -> None:
    signer = Signer.generate("meritledger/a")
    note = signer.sign(Checkpoint(origin="meritledger/b", size=1, root=b"r" * 32).text())
    with pytest.raises(NoteRefused, match="another log"):
        open_checkpoint(note, [signer.verifier])
    with pytest.raises(NoteRefused, match="no signature"):
        open_checkpoint(note, [Signer.generate("meritledger/a").verifier])
    with pytest.raises(NoteRefused, match="no key"):
        open_checkpoint(note, [])


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n",
        "a\n1\nshort\n",
        "a\n01\n" + Checkpoint(origin="a", size=1, root=b"r" * 32).text().split("\n")[2] + "\n",
        "a\n-1\n" + Checkpoint(origin="a", size=1, root=b"r" * 32).text().split("\n")[2] + "\n",
        "\n1\n" + Checkpoint(origin="a", size=1, root=b"r" * 32).text().split("\n")[2] + "\n",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "a+b", "n+00000000+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "n+00+AAAA", "n+0+!"],
)
def test_what_is_not_a_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        Verifier.parse(text)


# -- the sealer


async def test_an_empty_log_has_no_checkpoint(history: Any) -> None:
    assert await history.sealer.advance(history.tenant_id) is None
    assert await history.log.checkpoint(history.tenant_id) is None
    assert await history.log.root(history.tenant_id, 0) == EMPTY_ROOT


@pytest.mark.both_postgres
async def test_the_signed_root_is_pymerkles_over_the_log(history: Any) -> None:
    tree = InmemoryTree(algorithm="sha256")
    for count in (1, 2, 300, 20):
        await history.write(count)
        checkpoint = await history.sealer.advance(history.tenant_id)
        rows = await Recorder(history.database, history.tenant_id).log(after=tree.get_size())
        for row in rows:
            tree.append_entry(leaf_of(history.tenant_id, row))
        assert (checkpoint.tree_size, checkpoint.root) == (tree.get_size(), tree.get_root())
        signer = await history.signers.of(history.tenant_id)
        signed = open_checkpoint(checkpoint.note, [signer.verifier])
        assert signed == Checkpoint(
            origin=f"meritledger/{history.tenant_id}",
            size=checkpoint.tree_size,
            root=checkpoint.root,
        )
    again = await history.sealer.advance(history.tenant_id)
    assert again == checkpoint, "nothing new, nothing signed"
    assert len(await history.log.checkpoints(history.tenant_id)) == 4


async def test_proofs_come_from_the_tiles_and_hold(history: Any) -> None:
    tenant_id = history.tenant_id
    for count in (3, 260, 300):
        await history.write(count)
        await history.sealer.advance(tenant_id)
    rows = await Recorder(history.database, tenant_id).log()
    checkpoints = await history.log.checkpoints(tenant_id)
    assert [each.tree_size for each in checkpoints] == [3, 263, 563]
    for checkpoint in checkpoints:
        size, root = checkpoint.tree_size, checkpoint.root
        for position in (1, 2, 3, 200, 256, 257, 263, 512, 513, 563):
            if position > size:
                with pytest.raises(ValueError, match="has no leaf"):
                    await history.log.inclusion(tenant_id, position, size)
                continue
            proof = await history.log.inclusion(tenant_id, position, size)
            leaf = leaf_hash_of(tenant_id, rows[position - 1])
            assert proof.leaf_hash == leaf
            assert inclusion_holds(leaf, position - 1, size, proof.hashes, root)
        for earlier in checkpoints:
            if earlier.tree_size <= size:
                steps = await history.log.consistency(tenant_id, earlier.tree_size, size)
                assert consistency_holds(earlier.tree_size, size, earlier.root, root, steps.hashes)
    with pytest.raises(ValueError, match="563 events are sealed"):
        await history.log.inclusion(tenant_id, 1, 564)
    with pytest.raises(ValueError, match="does not follow"):
        await history.log.consistency(tenant_id, 564)


async def test_sealers_at_the_same_time_make_one_chain(history: Any) -> None:
    """Eight sealers with small steps, while events are being written."""
    tenant_id = history.tenant_id
    sealers = [Sealer(history.database, Signers(history.keyring), step=7) for _ in range(8)]

    async def writing() -> None:
        for _ in range(10):
            await history.write(11)

    async def sealing(sealer: Sealer) -> None:
        for _ in range(6):
            await sealer.advance(tenant_id)

    await asyncio.gather(writing(), *(sealing(sealer) for sealer in sealers))
    await history.sealer.advance(tenant_id)
    checkpoints = await history.log.checkpoints(tenant_id)
    assert checkpoints[-1].tree_size == 110
    assert all(
        after.tree_size - before.tree_size <= 7 or after is checkpoints[-1]
        for before, after in pairwise(checkpoints)
    )
    for before, after in pairwise(checkpoints):
        steps = await history.log.consistency(tenant_id, before.tree_size, after.tree_size)
        assert consistency_holds(
            before.tree_size, after.tree_size, before.root, after.root, steps.hashes
        )


# -- never a fork


async def test_a_changed_tail_is_not_built_upon(history: Any, tamper: Tamper) -> None:
    await history.write(10)
    await history.sealer.advance(history.tenant_id)
    await tamper(
        "UPDATE merit.events SET metadata = metadata || ' ' WHERE tenant_id = $1 AND position = 10",
        history.tenant_id,
    )
    await history.write(1)
    with pytest.raises(HistoryRewritten, match="position 10: the event is not the one"):
        await history.sealer.advance(history.tenant_id)
    assert len(await history.log.checkpoints(history.tenant_id)) == 1


async def test_a_cut_tail_is_noticed(history: Any, tamper: Tamper) -> None:
    await history.write(10)
    await history.sealer.advance(history.tenant_id)
    await tamper(
        "DELETE FROM merit.events WHERE tenant_id = $1 AND position > 8", history.tenant_id
    )
    with pytest.raises(HistoryRewritten, match="position 9: the log ends at 8, but 10"):
        await history.sealer.advance(history.tenant_id)


async def test_a_gap_is_not_signed(history: Any, tamper: Tamper) -> None:
    await history.write(10)
    await history.sealer.advance(history.tenant_id)
    await history.write(10)
    await tamper(
        "DELETE FROM merit.events WHERE tenant_id = $1 AND position = 15", history.tenant_id
    )
    with pytest.raises(HistoryRewritten, match="position 15: this position is missing"):
        await history.sealer.advance(history.tenant_id)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE merit.tree_tiles SET hashes = set_byte(hashes, 3, get_byte(hashes, 3) # 1)",
        "DELETE FROM merit.tree_tiles",
        "UPDATE merit.checkpoints SET root = set_byte(root, 3, get_byte(root, 3) # 1)",
        "UPDATE merit.checkpoints SET note = replace(note, '300', '299')",
        "UPDATE merit.checkpoints SET tree_size = 299",
        "DELETE FROM merit.checkpoints",
        "UPDATE merit.tree_heads SET tree_size = 290",
    ],
)
async def test_a_tree_that_is_not_the_signed_one_is_not_extended(
    history: Any, tamper: Tamper, change: str
) -> None:
    await history.write(300)
    await history.sealer.advance(history.tenant_id)
    await tamper(f"{change} WHERE tenant_id = $1", history.tenant_id)
    await history.write(1)
    with pytest.raises(TreeDamaged):
        await history.sealer.advance(history.tenant_id)


async def test_a_forged_tree_needs_the_signing_key(history: Any, tamper: Tamper) -> None:
    """Tile and root are changed to fit one another; the note gives it away."""
    await history.write(1)
    await history.sealer.advance(history.tenant_id)
    forged = hashlib.sha256(b"forged").digest()
    await tamper(
        "UPDATE merit.tree_tiles SET hashes = $2 WHERE tenant_id = $1", history.tenant_id, forged
    )
    note = Signer.generate(f"meritledger/{history.tenant_id}").sign(
        Checkpoint(origin=f"meritledger/{history.tenant_id}", size=1, root=forged).text()
    )
    await tamper(
        "UPDATE merit.checkpoints SET root = $2, note = $3 WHERE tenant_id = $1",
        history.tenant_id,
        forged,
        note,
    )
    await history.write(1)
    with pytest.raises(TreeDamaged, match="no signature"):
        await history.sealer.advance(history.tenant_id)


async def test_a_tenant_sees_its_own_tree_only(history: Any, other_history: Any) -> None:
    await history.write(5)
    await other_history.write(3)
    await history.sealer.advance(history.tenant_id)
    await other_history.sealer.advance(other_history.tenant_id)
    async with history.database.transaction(history.tenant_id) as connection:
        for table in ("signing_keys", "tree_heads", "tree_tiles", "checkpoints"):
            rows = await connection.fetch(f"SELECT tenant_id FROM merit.{table}")
            assert {row["tenant_id"] for row in rows} == {history.tenant_id}
    names = {(await each.signers.of(each.tenant_id)).name for each in (history, other_history)}
    assert len(names) == 2
