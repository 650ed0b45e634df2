"""An employee's receipt, verified offline: then, years later, after a change, and forged."""

import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from api import examples
from domain.explanation import Node, digest
from ops.bundles import export
from ops.receipts import check
from tenancy.receipts import ReceiptRefused, SignedReceipt, verify_receipt
from tenancy.signing import Signers, Verifier
from tenancy.transparency import Sealer

MADE = examples.EXAMPLES
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"


class Held:
    """What an employee has kept, and what an auditor exports afterwards."""

    def __init__(self, company: Any, app: Any, folder: Path) -> None:
        self.company = company
        self.services = app.state.services
        self.signers = Signers(self.services.keyring)
        self.folder = folder

    async def seal(self) -> None:
        await Sealer(self.services.database, self.signers).advance(self.company.tenant_id)

    async def receipt(self, name: str) -> Path:
        await self.seal()
        employee = await self.company.client("employee", examples.PERSON_ID)
        path = self.folder / name
        path.write_text(json.dumps(await employee.saw(f"{APPRAISAL}/receipt")))
        return path

    async def bundle(self, name: str, *, content: bool = False) -> Path:
        folder = self.folder / name
        await export(self.services, self.company.tenant_id, folder, content=content)
        return folder

    async def pinned(self) -> str:
        return str((await self.signers.verifiers(self.company.tenant_id))[0])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def held(
    new_company: Callable[[str], Awaitable[Any]], app: Any, tmp_path_factory: pytest.TempPathFactory
) -> Held:
    company = await new_company("receipts")
    await company.locked()
    hr = await company.client("hr")
    await hr.did(f"{APPRAISAL}/publish")
    employee = await company.client("employee", examples.PERSON_ID)
    await employee.saw(APPRAISAL, wait_for=hr.position)
    return Held(company, app, tmp_path_factory.mktemp("receipts"))


async def test_a_receipt_is_verified_by_itself(held: Held) -> None:
    path = await held.receipt("alone.json")
    found = check(path, verifier=await held.pinned())
    assert found.ok
    assert found.pinned
    assert (found.says["score"], found.says["coefficient"]) == ("89.76", "0.8976")
    assert found.included is None
    unpinned = check(path)
    assert unpinned.ok
    assert not unpinned.pinned


@pytest.mark.parametrize(
    ("old", "new"),
    [('\\"score\\":\\"89.76\\"', '\\"score\\":\\"99.76\\"'), ('"leaf": "', '"leaf": "AAAA')],
)
async def test_no_word_of_it_can_be_changed(held: Held, old: str, new: str) -> None:
    path = await held.receipt("forged.json")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert not check(path, verifier=await held.pinned()).genuine


@pytest.mark.parametrize("text", ["", "{}", '{"proof": 1}', "x" * 2_000_000])
def test_what_is_not_a_receipt_is_refused(held: Held, text: str) -> None:
    path = held.folder / "nothing.json"
    path.write_text(text)
    found = check(path)
    assert not found.genuine
    assert found.detail


async def test_years_later(held: Held) -> None:
    """The log's key was followed by another, twice; the score by a second version."""
    company = held.company
    first = await held.pinned()
    early = await held.receipt("early.json")
    now = check(early, bundle=await held.bundle("now"), verifier=first)
    assert now.ok
    assert (now.included, now.changed_by) == (True, None)

    await held.signers.rotate(company.tenant_id)
    hr = await company.client("hr")
    await hr.did("/people", {"number": "P-2001", "name": "赵敏"})
    await (await company.client("employee", examples.PERSON_ID)).did("/appeals", MADE["FileAppeal"])
    appeal = f"/appeals/{examples.APPEAL_ID}"
    await hr.did(f"{appeal}/accept")
    await hr.did(f"{appeal}/reviewer", MADE["AssignReviewer"])
    reviewer = await company.client("employee", MADE["AssignReviewer"]["reviewer_id"])
    await reviewer.did(f"{appeal}/decision", MADE["DecideAppeal"])
    await hr.did(f"{APPRAISAL}/relock")
    await held.seal()
    await held.signers.rotate(company.tenant_id)
    await hr.did(f"{APPRAISAL}/publish")
    keys = [str(each) for each in await held.signers.verifiers(company.tenant_id)]
    assert len(set(keys)) == 3

    later = await held.bundle("later", content=True)
    for pinned in (first, keys[-1]):
        found = check(early, bundle=later, verifier=pinned)
        assert found.ok, found.bundle.verdict if found.bundle else found.detail
        assert found.included
        assert found.changed_by is not None
        assert found.changed_by.topic == "appraisal.score-relocked"
        assert found.says["score"] == "89.76"
    await (await company.client("employee", examples.PERSON_ID)).saw(
        APPRAISAL, wait_for=hr.position
    )
    second = await held.receipt("second.json")
    again = check(second, bundle=await held.bundle("last"), verifier=first)
    assert again.ok
    assert (again.says["score"], again.changed_by) == ("91.36", None)


async def test_the_bundle_of_another_log_does_not_contain_it(
    held: Held, new_company: Callable[[str], Awaitable[Any]], app: Any
) -> None:
    receipt = await held.receipt("mine.json")
    other = await new_company("another log")
    await other.locked()
    theirs = held.folder / "theirs"
    await export(app.state.services, other.tenant_id, theirs, content=False)
    for verifier in (None, await held.pinned()):
        found = check(receipt, bundle=theirs, verifier=verifier)
        assert not found.ok


async def test_a_receipt_is_verified_offline(company: Any, app: Any) -> None:
    await company.locked()
    appraisal = f"/appraisals/{examples.APPRAISAL_ID}"
    hr = await company.client("hr")
    employee = await company.client("employee", examples.PERSON_ID)
    assert (await employee.get(f"{appraisal}/receipt")).status_code == 403
    await hr.did(f"{appraisal}/publish")
    early = await employee.get(f"{appraisal}/receipt", params={"wait_for": hr.position})
    assert (early.status_code, early.json()["type"]) == (503, "/problems/view-behind")
    services = app.state.services
    await Sealer(services.database, Signers(services.keyring)).advance(company.tenant_id)
    told = await employee.saw(f"{appraisal}/receipt")
    assert (told["score"], told["coefficient"], told["lock_version"]) == ("89.76", "0.8976", 1)
    await employee.did(f"{appraisal}/acknowledge")
    row = await employee.saw(appraisal, wait_for=employee.position)
    assert row["acknowledged_version"] == 1

    # From here on there is no server: the receipt, the key that was pinned, the explanation.
    kept = msgspec.convert(told["proof"], SignedReceipt)
    pinned = [Verifier.parse(kept.verifier_key)]
    statement = verify_receipt(kept, pinned)
    assert statement.position == told["position"]
    assert statement.says["score"] == "89.76"
    assert statement.says["person_id"] == examples.PERSON_ID
    auditor = await company.client("auditor")
    tree = (await auditor.saw(f"{appraisal}/explanation"))["explanation"]
    assert statement.says["explanation_digest"] == digest(msgspec.convert(tree, Node))

    leaf = bytearray(base64.b64decode(kept.leaf))
    leaf[-1] ^= 1
    note = kept.statement.replace('"score":"89.76"', '"score":"99.76"')
    for changed in (
        {"leaf": base64.b64encode(leaf).decode()},
        {"leaf": "?"},
        {"statement": note},
        {"statement": kept.checkpoint},
        {"checkpoint": kept.statement},
        {"hashes": kept.hashes[:-1]},
    ):
        with pytest.raises(ReceiptRefused):
            verify_receipt(msgspec.structs.replace(kept, **changed), pinned)
    with pytest.raises(ReceiptRefused):
        verify_receipt(kept, [Verifier(pinned[0].name, bytes(31) + b"\x01")])
