"""What a cycle's scores would be without one of the raters."""

from functools import partial
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.considering import consider
from api.queries import Parameters, found
from api.routes import Route, get
from api.wire import One
from domain.kernel import Refused
from domain.leave_one_out import LeftOut, without_rater
from projections import planning, rating, scores
from projections.questions import LIMIT_MAX

READERS = frozenset({auth.HR, auth.AUDITOR, auth.ADMIN})


class WithoutRater(msgspec.Struct, frozen=True, kw_only=True):
    """A cycle recomputed without a rater; only scores that the rater has a part in."""

    cycle_id: UUID
    rater_id: UUID
    appraisals: tuple[LeftOut, ...]
    coefficients_changed: int


async def _without(asked: Asked, _: Parameters) -> One:
    """The scores of a cycle recomputed without one rater, and whose coefficient would change."""
    cycle_id, rater_id = asked.ids["cycle_id"], asked.ids["rater_id"]
    async with asked.view() as view:
        found(await planning.cycle(view, cycle_id))
        rated = await rating.rated_by(view, rater_id)
        rows = [
            row
            for first in range(0, len(rated), LIMIT_MAX)
            for row in await scores.appraisals_of(view, rated[first : first + LIMIT_MAX])
            if row.cycle_id == cycle_id
        ]
    store = await asked.store()
    results = []
    for row in sorted(rows, key=lambda each: each.created_position):
        # Being the person concerned comes before any role: one's own panel stays anonymous.
        if row.person_id == asked.caller.person_id:
            continue
        try:
            question = partial(without_rater, row.appraisal_id, rater_id)
            results.append(await consider(store, asked.stamp, question))
        except Refused:
            continue  # There is no score yet, with the rater or without.
    changed = sum(each.coefficient_changes for each in results)
    return One(
        value=WithoutRater(
            cycle_id=cycle_id,
            rater_id=rater_id,
            appraisals=tuple(results),
            coefficients_changed=changed,
        )
    )


ROUTES: tuple[Route, ...] = (
    get(
        "/cycles/{cycle_id}/without-rater/{rater_id}",
        _without,
        roles=READERS,
        result=WithoutRater,
        projections=(planning.NAME, scores.NAME, rating.NAME),
    ),
)
