"""A witness outside of the database: what it cosigns, what it refuses, what that is good for."""

import asyncio
import base64
import hashlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from ops.receipts import kept
from ops.witness import Witness, WitnessServer
from ops.witnessing import Contradicted, Remote, Witnessing
from ops.worker import Sealing
from tenancy.keyring import Keyring
from tenancy.merkle import Range, leaf_hash
from tenancy.signing import (
    Checkpoint,
    Cosigner,
    NoteRefused,
    Signer,
    Signers,
    Verifier,
    WitnessVerifier,
    open_checkpoint,
)
from tenancy.transparency import Sealer, SignedCheckpoint
from tenancy.verification import verify_bundle
from tenancy.witnessing import Refusal, Submission, judged

Tamper = Callable[..., Awaitable[None]]
LOG = Signer("example.com/log", b"l" * 32)


def note(size: int, word: bytes = b"leaf", signer: Signer = LOG) -> str:
    tree = Range()
    for n in range(size):
        tree.append(leaf_hash(word + str(n).encode()))
    root = tree.root() if size else hashlib.sha256(b"").digest()
    return signer.sign(Checkpoint(origin=LOG.name, size=size, root=root).text())


def submission(old: int, new: str, *hashes: bytes) -> Submission:
    return Submission(old=old, hashes=hashes, note=new)


def known(size: int) -> Checkpoint:
    return open_checkpoint(note(size), [LOG.verifier])


# -- cosignatures


def test_a_cosignature_in_words() -> None:
    """Written out once more, from C2SP tlog-cosignature and not from the code."""
    witness = Cosigner("witness.example/w1", b"w" * 32)
    public = witness.verifier.public
    key_id = hashlib.sha256(b"witness.example/w1\n\x04" + public).digest()[:4]
    text = note(3).partition("\n\n")[0] + "\n"
    line = witness.line(text, 1_679_315_147)
    assert line.startswith("\N{EM DASH} witness.example/w1 ")
    raw = base64.b64decode(line.split(" ")[2])
    assert raw[:4] == key_id
    assert int.from_bytes(raw[4:12], "big") == 1_679_315_147
    assert len(raw) == 4 + 8 + 64
    signed = WitnessVerifier.parse(str(witness.verifier)).open(note(3) + line)
    assert (signed.at, signed.text) == (1_679_315_147, text)
    assert str(witness.verifier).split("+")[1] == key_id.hex()


@pytest.mark.parametrize("change", ["other text", "other time", "other witness"])
def test_a_cosignature_of_something_else_is_refused(change: str) -> None:
    witness = Cosigner("w", b"w" * 32)
    text = note(3).partition("\n\n")[0] + "\n"
    line, body = witness.line(text, 7), note(3)
    verifier = witness.verifier
    if change == "other text":
        body = note(4)
    elif change == "other time":
        raw = bytearray(base64.b64decode(line.split(" ")[2]))
        raw[11] ^= 1
        line = f"\N{EM DASH} w {base64.b64encode(raw).decode()}\n"
    elif change == "other witness":
        verifier = Cosigner("w", b"x" * 32).verifier
    with pytest.raises(NoteRefused):
        verifier.open(body + line)


@pytest.mark.parametrize("text", ["", "a+b", "w+00000000+BAAA", "w+00+!", str(LOG.verifier)])
def test_what_is_not_a_witness_key_is_refused(text: str) -> None:
    with pytest.raises(NoteRefused):
        WitnessVerifier.parse(text)


# -- what a witness judges


def test_a_submission_reads_back() -> None:
    told = submission(2, note(3), b"a" * 32, b"b" * 32)
    assert Submission.parse(told.body()) == told
    assert told.body().startswith("old 2\n" + base64.b64encode(b"a" * 32).decode())


@pytest.mark.parametrize(
    "body", ["", "old 1", "old 01\n\nx", "old -1\n\nx", "old 1\nAAAA\n\nx", "new 1\n\nx",
             "old 1\n" + "A" * 44 + "\n\nx", "old 1\n" + ("A" * 43 + "=\n") * 64 + "\nx"]
)  # fmt: skip
def test_what_is_not_a_submission_is_refused(body: str) -> None:
    with pytest.raises(NoteRefused):
        Submission.parse(body)


THIEF = Signer(LOG.name, b"t" * 32)
JUDGED: dict[str, tuple[Submission, list[Verifier], Checkpoint | None, int]] = {
    "unknown log": (submission(0, note(3)), [], None, 404),
    "forged": (submission(0, note(3, signer=THIEF)), [LOG.verifier], None, 403),
    "older than its own old": (submission(4, note(3)), [LOG.verifier], known(4), 400),
    "goes on from elsewhere": (submission(0, note(5)), [LOG.verifier], known(3), 409),
    "first with a proof": (submission(0, note(3), b"h" * 32), [LOG.verifier], None, 422),
    "another tree of the size": (submission(3, note(3, b"x")), [LOG.verifier], known(3), 409),
    "same with a proof": (submission(3, note(3), b"h" * 32), [LOG.verifier], known(3), 422),
    "not proved": (submission(3, note(5)), [LOG.verifier], known(3), 422),
    "wrongly proved": (submission(3, note(5), b"h" * 32), [LOG.verifier], known(3), 422),
    "rolled back": (submission(2, note(2)), [LOG.verifier], known(3), 409),
}


@pytest.mark.parametrize("case", JUDGED)
def test_what_a_witness_does_not_cosign(case: str) -> None:
    told, trusted, before, status = JUDGED[case]
    with pytest.raises(Refusal) as refused:
        judged(told, trusted, before)
    assert refused.value.status == status


def test_what_a_witness_cosigns() -> None:
    assert judged(submission(0, note(3)), [LOG.verifier], None) == known(3)
    assert judged(submission(3, note(3)), [LOG.verifier], known(3)) == known(3)


# -- over HTTP, with a real log


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[tuple[Witness, WitnessServer]]:
    ours = Witness(tmp_path / "witness", "witness.example/w1", trust_first=True)
    with WitnessServer(ours) as server:
        yield ours, server


Reach = Callable[..., Remote]


@pytest_asyncio.fixture(loop_scope="session")
async def reach(history: Any) -> AsyncIterator[Reach]:
    """Ways to a witness, closed with the test."""
    opened: list[Remote] = []

    def remote(ours: Witness, server: WitnessServer, key: str | None = None) -> Remote:
        pinned = WitnessVerifier.parse(key or ours.key)
        opened.append(Remote(server.url, pinned, history.log, history.signers))
        return opened[-1]

    yield remote
    for each in opened:
        await each.close()


async def test_each_checkpoint_is_cosigned_and_kept_outside(
    history: Any, reach: Reach, witness: tuple[Witness, WitnessServer], tmp_path: Path
) -> None:
    ours, server = witness
    sending = Witnessing(reach(ours, server), tmp_path / "kept")
    for count in (3, 260, 5):
        await history.write(count)
        sending.offer(history.tenant_id, await history.sealer.advance(history.tenant_id))
        assert await sending.send() == 0
    sending.offer(history.tenant_id, await history.log.checkpoint(history.tenant_id))
    assert await sending.send() == 0

    (file,) = (tmp_path / "kept").iterdir()
    notes = kept(file)
    keys = await history.signers.verifiers(history.tenant_id)
    assert [open_checkpoint(each, keys).size for each in notes] == [3, 263, 268]
    key = WitnessVerifier.parse(ours.key)
    assert all(key.open(each).at for each in notes)
    origin = f"meritledger/{history.tenant_id}"
    async with httpx.AsyncClient(base_url=server.url) as client:
        newest = await client.get(f"/checkpoint/{origin}")
        assert newest.text.strip() == notes[-1].strip()
        assert (await client.get("/key")).text.strip() == ours.key
        assert (await client.get("/checkpoint/other")).status_code == 404
    bundle = tmp_path / "bundle"
    await history.exporter.export(history.tenant_id, bundle)
    verdict = verify_bundle(bundle, held=notes)
    assert verdict.ok


async def test_a_restarted_log_goes_on_from_what_the_witness_knows(
    history: Any, reach: Reach, witness: tuple[Witness, WitnessServer]
) -> None:
    for count in (3, 4):
        await history.write(count)
        newest = await history.sealer.advance(history.tenant_id)
        fresh = reach(*witness)
        await fresh.cosigned(history.tenant_id, newest)
        await fresh.cosigned(history.tenant_id, newest)


async def test_a_fork_and_a_roll_back_are_contradicted(
    history: Any, reach: Reach, witness: tuple[Witness, WitnessServer], tamper: Tamper
) -> None:
    """Even by whoever has the signing key and the whole database."""
    tenant = history.tenant_id
    await history.write(20)
    early = await history.sealer.advance(tenant)
    await history.write(20)
    newest = await history.sealer.advance(tenant)
    remote = reach(*witness)
    await remote.cosigned(tenant, newest)
    with pytest.raises(Contradicted, match="has cosigned 40"):
        await reach(*witness).cosigned(tenant, early)

    await tamper(
        "UPDATE merit.events SET payload = set_byte(payload, 40, get_byte(payload, 40) # 1)"
        " WHERE tenant_id = $1 AND position = 7",
        tenant,
    )
    for table in ("checkpoints", "tree_tiles", "tree_heads"):
        await tamper(f"DELETE FROM merit.{table} WHERE tenant_id = $1", tenant)
    thief = Sealer(history.database, Signers(Keyring.open(history.database, history.master)))
    forged = await thief.advance(tenant)
    assert forged is not None
    for each in (remote, reach(*witness)):
        with pytest.raises(Contradicted):
            await each.cosigned(tenant, forged)
    await history.write(3)
    longer = await thief.advance(tenant)
    assert longer is not None
    with pytest.raises(Contradicted):
        await remote.cosigned(tenant, longer)


async def test_an_unknown_log_and_a_false_witness(
    history: Any, reach: Reach, tmp_path: Path
) -> None:
    await history.write(1)
    newest = await history.sealer.advance(history.tenant_id)
    strict = Witness(tmp_path / "strict", "w")
    with WitnessServer(strict) as server:
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            await reach(strict, server).cosigned(history.tenant_id, newest)
        strict.trust(str((await history.signers.verifiers(history.tenant_id))[0]))
        assert await reach(strict, server).cosigned(history.tenant_id, newest)
        remote = reach(strict, server, str(Cosigner("w", b"x" * 32).verifier))
        with pytest.raises(NoteRefused):
            await remote.cosigned(history.tenant_id, newest)


async def test_a_witness_that_is_away_is_tried_again(
    history: Any, reach: Reach, tmp_path: Path
) -> None:
    ours = Witness(tmp_path / "witness", "w", trust_first=True)
    with WitnessServer(ours) as server:
        url = server.url
    await history.write(1)
    newest = await history.sealer.advance(history.tenant_id)
    sending = Witnessing(reach(ours, server), None)
    sending.offer(history.tenant_id, newest)
    assert await sending.send() == 1
    with WitnessServer(ours, port=int(url.rpartition(":")[2])):
        assert await sending.send() == 0
    assert ours.newest(f"meritledger/{history.tenant_id}") is not None


def test_what_comes_at_once_is_judged_one_after_the_other(tmp_path: Path) -> None:
    """Twenty forks at a time: one of them is cosigned."""
    ours = Witness(tmp_path / "witness", "w")
    ours.trust(str(LOG.verifier))
    outcomes: list[int] = []

    def fork(n: int) -> None:
        try:
            ours.add(submission(0, note(3, f"fork {n}".encode())).body())
            outcomes.append(200)
        except Refusal as refusal:
            outcomes.append(refusal.status)

    threads = [threading.Thread(target=fork, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [200, *[409] * 19]


@pytest.mark.parametrize(("body", "status"), [(b"x", 400), (b"\xff", 400), (b"x" * 70_000, 400)])
async def test_nonsense_over_http(
    witness: tuple[Witness, WitnessServer], body: bytes, status: int
) -> None:
    async with httpx.AsyncClient(base_url=witness[1].url) as client:
        answer = await client.post("/add-checkpoint", content=body)
        assert answer.status_code == status
        assert (await client.post("/else", content=b"")).status_code == 404


def test_files_of_notes_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    notes = [note(1), note(2) + Cosigner("w", b"w" * 32).line("x\n", 1), note(3)]
    path.write_text("\n".join(notes))
    assert [each.strip() for each in kept(path)] == [each.strip() for each in notes]
    path.write_text("".join(notes))
    assert [each.strip() for each in kept(path)] == [each.strip() for each in notes]
    path.write_text("")
    assert kept(path) == []


# -- in the worker


async def test_sealed_and_witnessed_within_a_second_or_so(
    history: Any, reach: Reach, witness: tuple[Witness, WitnessServer], logs_of: Any
) -> None:
    """The promise is a second; a busy machine is given five."""
    ours, server = witness
    sending = Witnessing(reach(ours, server), None)
    sealing = Sealing(history.database, logs_of, history.sealer, sending)
    stop = asyncio.Event()
    working = [asyncio.create_task(each.run(stop)) for each in (sealing, sending)]
    loop = asyncio.get_running_loop()
    took = []
    size = 0
    try:
        for count in (1, 500, 1):
            await asyncio.sleep(0.7)
            await history.write(count)
            size += count
            written = loop.time()
            while True:
                newest: SignedCheckpoint | None = await history.log.checkpoint(history.tenant_id)
                if newest is not None and newest.tree_size == size:
                    break
                assert loop.time() < written + 5
                await asyncio.sleep(0.01)
            took.append(loop.time() - written)
        deadline = loop.time() + 5
        origin = f"meritledger/{history.tenant_id}"
        while (ours.newest(origin) or "").split("\n")[1:2] != [str(size)]:
            assert loop.time() < deadline
            await asyncio.sleep(0.05)
    finally:
        stop.set()
        await asyncio.gather(*working)
    assert min(took) < 1.0, took
