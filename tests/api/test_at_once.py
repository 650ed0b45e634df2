"""Nobody waits for a view to act, and what a lock leads to is seen within two seconds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from api import examples
from domain import ids

MADE = examples.EXAMPLES
CYCLE = f"/cycles/{examples.CYCLE_ID}"
APPRAISAL = f"/appraisals/{examples.APPRAISAL_ID}"
CURSORS = "SELECT 1 FROM merit.cursors WHERE tenant_id = $1 FOR UPDATE"
VISIBLE_S_MAX = 2.0


@asynccontextmanager
async def views_standing_still(company: Any, app: Any) -> AsyncIterator[None]:
    """Somebody holds the cursors of a tenant, so that its views do not move."""
    database = app.state.services.database
    async with database.transaction(company.tenant_id) as connection:
        assert await connection.fetch(CURSORS, company.tenant_id)
        yield


async def test_what_was_created_can_be_used_before_any_view_has_it(company: Any, app: Any) -> None:
    await company.organised()
    hr = await company.client("hr")
    manager = await company.client("manager", examples.MANAGER_ID)
    employee = await company.client("employee", examples.PERSON_ID)
    erp = await company.client("integration")
    await hr.saw("/employments", wait_for=hr.position)
    async with views_standing_still(company, app):
        await hr.did("/cycles", MADE["PlanCycle"])
        await hr.did(f"{CYCLE}/schemes", MADE["BindScheme"])
        await hr.did(f"{CYCLE}/open")
        await hr.did(f"{CYCLE}/appraisals", MADE["CreateAppraisal"])
        await manager.did(f"{APPRAISAL}/goals", MADE["ProposeGoals"])
        await employee.did(f"{APPRAISAL}/goals/agree")
        await hr.did("/objectives", MADE["SetObjective"])
        await manager.did(f"{APPRAISAL}/goals/align", MADE["AlignGoal"])
        excuse = {"indicator": "output", "reason": "产线停产改造"}
        await employee.did(f"{APPRAISAL}/goals/excuse", excuse)
        await hr.did(f"{CYCLE}/advance", {"to": "data-intake"})
        for indicator, value in (("contract", "1140000"), ("collection", "702000")):
            actual = {**MADE["RecordActual"], "indicator": indicator, "value": value}
            actual.pop("feed_id", None)
            await erp.did("/actuals", actual)
        await manager.did(f"{APPRAISAL}/goals/approve-change", {"indicator": "output"})
        await hr.did(f"{CYCLE}/advance", {"to": "rating"})
        await hr.did(f"{APPRAISAL}/initial-score")
        await employee.did(f"{APPRAISAL}/self-rating", MADE["SubmitSelfRating"])
        await manager.did(f"{APPRAISAL}/manager-rating", MADE["SubmitManagerRating"])
        for stage in ("comparison", "calibration"):
            await hr.did(f"{CYCLE}/advance", {"to": stage})
        await hr.did(f"{APPRAISAL}/lock")
        await hr.did(f"{APPRAISAL}/publish")
        await employee.did(f"{APPRAISAL}/acknowledge")
        # Strangers learn no more from history than they would from the view.
        stranger = await company.client("employee", ids.person_id("P-9"))
        assert (await stranger.post(f"{APPRAISAL}/acknowledge")).status_code == 404
    row = await hr.saw(APPRAISAL, wait_for=employee.position)
    assert row["acknowledged_version"] == 1


async def test_from_the_lock_to_the_payout_line_in_two_seconds(company: Any) -> None:
    """The link between score and pay is there to be seen: the line leans on the lock's event."""
    await company.appraising()
    employee = await company.client("employee", examples.PERSON_ID)
    await employee.did(f"{APPRAISAL}/self-rating", MADE["SubmitSelfRating"])
    manager = await company.client("manager", examples.MANAGER_ID)
    await manager.did(f"{APPRAISAL}/manager-rating", MADE["SubmitManagerRating"])
    hr, finance = await company.client("hr"), await company.client("finance")
    for stage in ("comparison", "calibration"):
        await hr.did(f"{CYCLE}/advance", {"to": stage})
    began = monotonic()
    await hr.did(f"{APPRAISAL}/lock")
    await finance.did("/payout-batches", MADE["PrepareBatch"])
    (line,) = (await finance.saw("/payouts", wait_for=finance.position))["data"]
    took = monotonic() - began
    locked = await hr.saw(f"{APPRAISAL}/explanation", wait_for=finance.position)
    assert line["appraisal_id"] == examples.APPRAISAL_ID
    assert line["lock_version"] == locked["lock_version"] == 1
    told = await finance.saw(f"/payouts/{line['payout_id']}/explanation")
    assert locked["event_id"] in sources(told["explanation"])
    assert took < VISIBLE_S_MAX


def sources(tree: dict[str, Any]) -> set[str]:
    below = (source for each in tree.get("inputs", []) for source in sources(each))
    return {*below, *([tree["source"]] if "source" in tree else [])}
