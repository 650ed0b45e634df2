"""Cases 10 and 11 exported and verified offline: every explanation evaluated, forgeries named."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from domain.appraisal import ScoreLocked
from domain.payout import PayoutCalculated
from ops.bundles import export, verify
from ops.recompute import Recomputation
from tenancy.records import Recorded


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bundle(
    new_company: Callable[[str], Awaitable[Any]], app: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    company = await new_company("verified")
    await company.paid()
    await company.reviewed()
    await company.reconciled()
    await company.rewarded()
    folder = tmp_path_factory.mktemp("bundles") / "bundle"
    await export(app.state.services, company.tenant_id, folder, content=True)
    noted = await (await company.client("admin")).saw("/audit/reads", route="merit export")
    assert [each["fields"] for each in noted["data"]] == [["content"]]
    return folder


@pytest.fixture(scope="module")
def history(bundle: Path) -> list[Recorded]:
    events: list[Recorded] = []
    found = verify(bundle, on_recorded=events.append)
    assert found.ok
    return events


def test_every_explanation_is_evaluated(bundle: Path, history: list[Recorded]) -> None:
    found = verify(bundle)
    assert found.ok
    assert found.recomputed is not None
    explained = [each for each in history if getattr(each.event, "explanation", None)]
    assert found.recomputed.explanations == len(explained) >= 3


def _again(history: list[Recorded], at: Recorded, **changes: Any) -> Any:
    again = Recomputation()
    for each in history:
        event = each.event
        if each is at:
            event = msgspec.structs.replace(event, **changes)
        again.take(msgspec.structs.replace(each, event=event))
    return again.result


@pytest.mark.parametrize("kind", [ScoreLocked, PayoutCalculated])
def test_a_reason_that_does_not_give_the_number_is_named(
    history: list[Recorded], kind: type
) -> None:
    (first, *_) = (each for each in history if isinstance(each.event, kind))
    tree = first.event.explanation
    forged = msgspec.structs.replace(tree, value="1")
    told = _again(history, first, explanation=forged)
    assert (told.findings[0].code, told.findings[0].position) == (
        "explained-wrongly",
        first.position,
    )
    # A tree that holds together, and gives another number than the event says.
    other = next(
        each
        for each in history
        if getattr(each.event, "explanation", None) and each.event.explanation.value != tree.value
    )
    told = _again(history, first, explanation=other.event.explanation)
    codes = {(each.code, each.position) for each in told.findings}
    assert ("explained-wrongly", first.position) in codes
