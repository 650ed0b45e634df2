"""Whom a person is to rate, and what calibration sessions came to."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from domain.ids import appraisal_id, calibration_session_id, cycle_id, employment_id, person_id
from projections import rating, scores

APPRAISALS = [appraisal_id(cycle_id("2026-Q1"), employment_id(f"E{n}")) for n in range(2)]


async def test_raters_see_their_tasks(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(2))
    async with company.view() as view:
        found = {
            n: {
                (task.appraisal_id, task.state)
                for task in await rating.tasks(view, rater_id=person_id(f"R{n}"))
            }
            for n in range(4)
        }
        rated = await rating.rated_by(view, person_id("R0"))
    assert found == {
        0: {(each, "submitted") for each in APPRAISALS},
        1: set(),  # replaced
        2: set(),  # declined
        3: {(each, "approved") for each in APPRAISALS},
    }
    assert rated == APPRAISALS


async def test_sessions_tell_what_was_decided(story: SimpleNamespace, company: Any) -> None:
    await company.tell(story.quarter(2))
    async with company.view() as view:
        page = await rating.sessions(view, cycle_id=cycle_id("2026-Q1"))
        found = await rating.session(view, calibration_session_id(str(APPRAISALS[0])))
    assert [each.appraisal_ids for each in page.items] == [(each,) for each in APPRAISALS]
    assert found is not None
    assert (found.closed, found.fits) == (True, True)
    assert [(each.proposal, each.accepted) for each in found.changes] == [(1, None), (2, False)]
    assert found.changes[0].near_edge == Decimal(85)


async def test_a_row_has_the_version_of_its_stream(story: SimpleNamespace, company: Any) -> None:
    """Whoever sends it back with If-Match is not told that it is stale."""
    await company.tell(story.quarter(1))
    async with company.view() as view:
        row = await scores.appraisal(view, APPRAISALS[0])
    assert row is not None
    own = [stream for stream, _ in story.quarter(1) if stream == APPRAISALS[0]]
    assert row.version == len(own)
