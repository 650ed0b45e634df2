"""As whoever owns the database: whatever is done to rows, verification names the first wrong one.

Verified is what the database holds, exported without sealing, against the pinned key and against a
checkpoint that was kept outside.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tenancy.findings import Verdict
from tenancy.keyring import Keyring
from tenancy.signing import Signers
from tenancy.transparency import Sealer
from tenancy.verification import verify_bundle

Tamper = Callable[..., Awaitable[None]]

pytestmark = pytest.mark.both_postgres

EVENTS = 40
KEPT = "position = 1 << 40"
"""A place outside of the log, for rows that change places."""

CHANGES: dict[str, tuple[tuple[str, ...], str, int]] = {
    "a payload edited": (
        (
            (
                "UPDATE merit.events SET payload = set_byte(payload, 40, get_byte(payload, 40) # 1)"
                " WHERE tenant_id = $1 AND position = 17"
            ),
        ),
        "changed",
        17,
    ),
    "who did it edited": (
        (
            (
                "UPDATE merit.events SET metadata = convert_to(replace(convert_from(metadata,"
                " 'UTF8'), '\"actor\":\"', '\"actor\":\"0'), 'UTF8') WHERE tenant_id = $1"
                " AND position = 3"
            ),
        ),
        "changed",
        3,
    ),
    "when it was edited": (
        (
            (
                "UPDATE merit.events SET recorded_at = recorded_at - interval '1 day'"
                " WHERE tenant_id = $1 AND position >= 30"
            ),
        ),
        "changed",
        30,
    ),
    "what it was edited": (
        ("UPDATE merit.events SET topic = 'test.other' WHERE tenant_id = $1 AND position = 40",),
        "changed",
        40,
    ),
    "what is personal taken out": (
        ("UPDATE merit.events SET personal = NULL WHERE tenant_id = $1 AND position = 10",),
        "changed",
        10,
    ),
    "deleted in the middle": (
        ("DELETE FROM merit.events WHERE tenant_id = $1 AND position = 17",),
        "missing",
        17,
    ),
    "deleted and the rest moved up": (
        (
            "DELETE FROM merit.events WHERE tenant_id = $1 AND position = 36",
            "UPDATE merit.events SET position = 36 WHERE tenant_id = $1 AND position = 37",
            "UPDATE merit.events SET position = 37 WHERE tenant_id = $1 AND position = 38",
        ),
        "changed",
        36,
    ),
    "reordered": (
        (
            f"UPDATE merit.events SET {KEPT} WHERE tenant_id = $1 AND position = 21",
            "UPDATE merit.events SET position = 21 WHERE tenant_id = $1 AND position = 22",
            "UPDATE merit.events SET position = 22 WHERE tenant_id = $1 AND position = 1 << 40",
        ),
        "changed",
        21,
    ),
    "put into another stream": (
        (
            (
                "UPDATE merit.events SET stream_id = gen_random_uuid() WHERE tenant_id = $1"
                " AND position = 12"
            ),
        ),
        "changed",
        12,
    ),
    "the tail cut": (
        ("DELETE FROM merit.events WHERE tenant_id = $1 AND position > 35",),
        "truncated",
        36,
    ),
    "everything deleted": (
        ("DELETE FROM merit.events WHERE tenant_id = $1",),
        "truncated",
        1,
    ),
}


class Kept:
    """What is outside of the database: the verifier key and one checkpoint."""

    def __init__(self, history: Any, folder: Path) -> None:
        self.history = history
        self.folder = folder
        self.note = ""
        self.key = ""

    async def begun(self) -> None:
        history = self.history
        await history.write(EVENTS)
        checkpoint = await history.sealer.advance(history.tenant_id)
        self.note = checkpoint.note
        self.key = str((await history.signers.of(history.tenant_id)).verifier)

    async def verify(self) -> Verdict:
        bundle = self.folder / "bundle"
        await self.history.exporter.export_sealed(self.history.tenant_id, bundle)
        return verify_bundle(bundle, verifier=self.key, held=[self.note])


@pytest.fixture
def kept(history: Any, tmp_path: Path) -> Kept:
    return Kept(history, tmp_path)


async def test_untouched_it_is_right(kept: Kept) -> None:
    await kept.begun()
    assert (await kept.verify()).ok


@pytest.mark.parametrize("change", CHANGES)
async def test_the_first_wrong_position_is_named(kept: Kept, tamper: Tamper, change: str) -> None:
    await kept.begun()
    statements, code, position = CHANGES[change]
    for statement in statements:
        await tamper(statement, kept.history.tenant_id)
    verdict = await kept.verify()
    assert (verdict.findings[0].code, verdict.first_wrong) == (code, position)


async def test_rows_of_two_tenants_swapped(kept: Kept, other_history: Any, tamper: Tamper) -> None:
    await kept.begun()
    await other_history.write(EVENTS)
    mine, theirs = kept.history.tenant_id, other_history.tenant_id
    away = "UPDATE merit.events SET stream_id = gen_random_uuid(), position = 1 << 40"
    swap = "UPDATE merit.events SET tenant_id = $2, position = $3 WHERE tenant_id = $1"
    await tamper(f"{away} WHERE tenant_id = $1 AND position = 9", theirs)
    await tamper(f"{swap} AND position = 9", mine, theirs, 9)
    await tamper(f"{swap} AND position = 1 << 40", theirs, mine, 9)
    verdict = await kept.verify()
    assert (verdict.findings[0].code, verdict.first_wrong) == ("changed", 9)


async def test_a_tail_that_was_cut_with_all_its_proofs(kept: Kept, tamper: Tamper) -> None:
    """An older state of everything is whole in itself; the checkpoint outside is not of it."""
    history = kept.history
    await history.write(35)
    early = await history.sealer.advance(history.tenant_id)
    assert early.tree_size == 35
    tiles = await history.database_rows(
        "SELECT level, tile, hashes FROM merit.tree_tiles WHERE tenant_id = $1"
    )
    await kept.begun()
    assert "\n75\n" in kept.note
    tenant = history.tenant_id
    await tamper("DELETE FROM merit.events WHERE tenant_id = $1 AND position > 35", tenant)
    await tamper("DELETE FROM merit.checkpoints WHERE tenant_id = $1 AND tree_size > 35", tenant)
    await tamper("UPDATE merit.tree_heads SET tree_size = 35 WHERE tenant_id = $1", tenant)
    for row in tiles:
        await tamper(
            "UPDATE merit.tree_tiles SET hashes = $4 WHERE tenant_id = $1 AND level = $2"
            " AND tile = $3",
            tenant,
            *row.values(),
        )
    verdict = await kept.verify()
    assert (verdict.findings[0].code, verdict.first_wrong) == ("rolled-back", 36)
    without = verify_bundle(kept.folder / "bundle", verifier=kept.key)
    assert without.ok, "nothing inside the database can tell"


async def test_a_fork_by_whoever_has_the_signing_key(kept: Kept, tamper: Tamper) -> None:
    """Events rewritten and sealed anew under the real key: the checkpoint outside differs."""
    await kept.begun()
    history, tenant = kept.history, kept.history.tenant_id
    await tamper(
        "UPDATE merit.events SET payload = set_byte(payload, 40, get_byte(payload, 40) # 1)"
        " WHERE tenant_id = $1 AND position = 25",
        tenant,
    )
    for table in ("checkpoints", "tree_tiles", "tree_heads"):
        await tamper(f"DELETE FROM merit.{table} WHERE tenant_id = $1", tenant)
    thief = Sealer(history.database, Signers(Keyring.open(history.database, history.master)))
    forged = await thief.advance(tenant)
    assert forged is not None
    assert forged.tree_size == EVENTS
    verdict = await kept.verify()
    assert verdict.findings[0].code == "forked"
    assert verdict.first_wrong is not None
    assert verdict.first_wrong <= 25
    assert verify_bundle(kept.folder / "bundle", verifier=kept.key).ok, "as above"
