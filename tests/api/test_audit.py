"""Audit over HTTP: envelopes to search, and proofs that hold without us."""

import base64
import itertools
from typing import Any

import pytest

from api import examples
from tenancy.keyring import Keyring
from tenancy.merkle import consistency_holds, inclusion_holds
from tenancy.signing import Signers
from tenancy.transparency import Sealer

MADE = examples.EXAMPLES


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


@pytest.fixture
def sealer(app: Any) -> Sealer:
    """As the worker runs it."""
    services = app.state.services
    keyring: Keyring = services.keyring
    return Sealer(services.database, Signers(keyring))


async def test_events_are_found_by_what_is_known_of_them(company: Any) -> None:
    await company.organised()
    auditor = await company.client("auditor")
    every = (await auditor.saw("/audit/events", limit=500, wait_for=await company.head()))["data"]
    assert [event["position"] for event in every] == list(range(1, len(every) + 1))
    topic = (await auditor.saw("/audit/events", topic="person.registered"))["data"]
    assert len(topic) == 2
    stream = (await auditor.saw("/audit/events", stream_id=examples.SCHEME_ID))["data"]
    assert [event["topic"] for event in stream] == [
        "scheme.drafted",
        "scheme.linted",
        "scheme.approved",
        "scheme.version-published",
    ]
    assert stream[2]["actor"] != stream[0]["actor"]
    newest = (await auditor.saw("/audit/events", newest_first="true", limit=1))["data"]
    assert newest == every[-1:]
    at = every[3]["recorded_at"]
    late = (await auditor.saw("/audit/events", since=at))["data"]
    early = (await auditor.saw("/audit/events", until=at))["data"]
    assert early + late == every
    who = every[0]["actor"]
    actor = (await auditor.saw("/audit/events", actor=who))["data"]
    assert actor == [event for event in every if event["actor"] == who]
    assert len(actor) < len(every)


@pytest.mark.parametrize("query", ["since=0.5", "until=2026-01-01T00:00:00", "since=2026-01-01"])
async def test_times_are_whole(company: Any, query: str) -> None:
    auditor = await company.client("auditor")
    answer = await auditor.get(f"/audit/events?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"?{query.partition('=')[0]}"


async def test_proofs_hold(company: Any, sealer: Sealer) -> None:
    hr = await company.client("hr")
    auditor = await company.client("auditor")
    assert (await auditor.get("/audit/checkpoint")).status_code == 404
    assert (await auditor.get("/audit/proof/1")).status_code == 404
    for number in range(5):
        await hr.did("/org-units", {**MADE["CreateOrgUnit"], "code": f"P{number}"})
    await sealer.advance(company.tenant_id)
    old = await auditor.saw("/audit/checkpoint")
    for number in range(5, 9):
        await hr.did("/org-units", {**MADE["CreateOrgUnit"], "code": f"P{number}"})
    await sealer.advance(company.tenant_id)
    new = await auditor.saw("/audit/checkpoint")
    assert (old["tree_size"], new["tree_size"]) == (5, 9)
    assert new["note"].splitlines()[1] == "9"
    assert new["note"].splitlines()[2] == new["root"]

    for position, size in itertools.product(range(1, 6), (5, 9)):
        proof = await auditor.saw(f"/audit/proof/{position}", tree_size=size)
        root = old["root"] if size == 5 else new["root"]
        assert inclusion_holds(
            _bytes(proof["leaf_hash"]),
            position - 1,
            size,
            [_bytes(each) for each in proof["hashes"]],
            _bytes(root),
        )
    told = await auditor.saw("/audit/consistency", **{"from": 5, "to": 9})
    assert consistency_holds(
        5, 9, _bytes(old["root"]), _bytes(new["root"]), [_bytes(each) for each in told["hashes"]]
    )
    assert (await auditor.saw("/audit/consistency", **{"from": 5}))["second"] == 9


@pytest.mark.parametrize("query", ["from=5&to=2", "from=1&to=99", "to=1", "from=x", "from=-1"])
async def test_wrong_trees_are_named(company: Any, sealer: Sealer, query: str) -> None:
    hr = await company.client("hr")
    await hr.did("/org-units", MADE["CreateOrgUnit"])
    await sealer.advance(company.tenant_id)
    auditor = await company.client("auditor")
    answer = await auditor.get(f"/audit/consistency?{query}")
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/invalid-query"


@pytest.mark.parametrize("position", ["0", "-1", "x", "999", "9" * 30, "1.0"])
async def test_what_is_not_there_cannot_be_proved(
    company: Any, sealer: Sealer, position: str
) -> None:
    hr = await company.client("hr")
    await hr.did("/org-units", MADE["CreateOrgUnit"])
    await sealer.advance(company.tenant_id)
    auditor = await company.client("auditor")
    assert (await auditor.get(f"/audit/proof/{position}")).status_code == 404
