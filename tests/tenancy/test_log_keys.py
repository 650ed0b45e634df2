"""Keys of a log that follow one another: whoever pinned one knows the others, and nobody else's."""

from pathlib import Path
from typing import Any

import pytest

from tenancy.bundle import Exporter
from tenancy.signing import Signer, Signers, introduction, related
from tenancy.verification import verify_bundle

NAME = "meritledger/t"


def test_a_chain_of_keys_is_known_from_any_of_them() -> None:
    signers = [Signer.generate(NAME) for _ in range(4)]
    keys = [each.verifier for each in signers]
    notes = [introduction(signers[n], signers[n + 1]) for n in range(3)]
    for pinned in keys:
        for order in (notes, notes[::-1]):
            assert {str(each) for each in related([pinned], order)} == {str(each) for each in keys}
    assert related([keys[0]], notes[1:]) == [keys[0]], "a link is missing"


def test_nobody_introduces_himself() -> None:
    mine, thief, other = (Signer.generate(NAME) for _ in range(3))
    elsewhere = Signer.generate("meritledger/other")
    trusted = [mine.verifier]
    text = f"{NAME}\nkey 1\n{mine.verifier}\n{thief.verifier}\n"
    forged = [
        thief.sign(text),
        introduction(thief, other),
        introduction(mine, elsewhere),
        introduction(mine, thief).replace(str(thief.verifier), str(other.verifier)),
        mine.sign(f"{NAME}\n1\n{'A' * 43}=\n"),
        "",
        "\n\n",
    ]
    assert related(trusted, forged) == trusted


async def test_rotation_leaves_what_was_signed(history: Any, tmp_path: Path) -> None:
    tenant_id = history.tenant_id
    await history.write(5)
    await history.sealer.advance(tenant_id)
    first = await history.signers.of(tenant_id)
    second = await history.signers.rotate(tenant_id)
    assert (await history.signers.of(tenant_id)).verifier == second != first.verifier
    await history.write(5)
    await history.sealer.advance(tenant_id)
    # Another process has it, too.
    other = Signers(history.keyring)
    assert (await other.of(tenant_id)).verifier == second

    exporter = Exporter(history.database, history.keyring, history.signers)
    await exporter.export(tenant_id, tmp_path / "bundle")
    held = [each.note for each in await history.log.checkpoints(tenant_id)]
    for pinned in (None, str(first.verifier), str(second)):
        verdict = verify_bundle(tmp_path / "bundle", verifier=pinned, held=held)
        assert verdict.ok, verdict.findings
        assert verdict.checkpoints == 3
    stranger = Signer.generate(first.name)
    assert not verify_bundle(tmp_path / "bundle", verifier=str(stranger.verifier)).ok


async def test_introductions_that_were_taken_out_are_missed(history: Any, tmp_path: Path) -> None:
    await history.write(2)
    await history.sealer.advance(history.tenant_id)
    first = await history.signers.of(history.tenant_id)
    await history.signers.rotate(history.tenant_id)
    await history.write(2)
    bundle = tmp_path / "bundle"
    exporter = Exporter(history.database, history.keyring, history.signers)
    await exporter.export(history.tenant_id, bundle)
    manifest = bundle / "manifest.json"
    text = manifest.read_text()
    begin = text.index('"introductions"')
    manifest.write_text(text[:begin] + text[text.index('"content"') :])
    verdict = verify_bundle(bundle, verifier=str(first.verifier))
    assert [each.code for each in verdict.findings] == ["checkpoint-refused"]


@pytest.mark.both_postgres
async def test_two_processes_that_rotate_at_once_agree(history: Any) -> None:
    await history.write(1)
    await history.sealer.advance(history.tenant_id)
    others = [Signers(history.keyring) for _ in range(3)]
    for each in others:
        await each.of(history.tenant_id)
    for each in others:
        await each.rotate(history.tenant_id)
    keys = await history.signers.verifiers(history.tenant_id)
    notes = await history.signers.introductions(history.tenant_id)
    for pinned in keys:
        assert {str(each) for each in related([pinned], notes)} == {str(each) for each in keys}
