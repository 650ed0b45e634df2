"""Appraisals across cycles, and what a score is worth: the formula with one's own numbers."""

from uuid import UUID

from api.appraisals import READERS, VIEWS, AppraisalList, readable, seen, whose
from api.asked import Asked
from api.considering import consider
from api.problems import Said
from api.queries import Parameters
from api.routes import Route, get
from api.sealing import Relation, row_for
from api.wire import One
from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal, ScoreLocked
from domain.checks import begun
from domain.kernel import Context, Refused
from domain.projecting import projected
from domain.reopening import ScoreRelocked
from domain.worth import Held, Worth, worth
from projections import scores
from projections.questions import Page


class Appraisals(AppraisalList, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None


async def _appraisals(asked: Asked, given: Appraisals) -> Page[scores.Appraisal]:
    """Appraisals of all cycles by creation; for managers their team's, for employees their own."""
    person_id, manager_id = whose(asked.caller, given.person_id, given.manager_id)
    async with asked.view() as view:
        page = await scores.appraisals(
            view,
            cycle_id=given.cycle_id,
            org_unit_id=given.org_unit_id,
            family=given.family,
            stage=given.stage,
            manager_id=manager_id,
            person_id=person_id,
            employment_id=given.employment_id,
            limit=given.limit,
            cursor=given.cursor,
        )
    return page.of([row_for(readable(asked, row), row) for row in page.items])


async def _worth(asked: Asked, _: Parameters) -> One:
    """What a score pays and why, and what one point more would: the locked one, else a projection.

    Before the result is shown, whoever is concerned, or rates, is told what the data alone say.
    """
    reader, row = await seen(asked, asked.one_id())
    locked = await _locked(asked, reader, row)

    def question(context: Context) -> Worth:
        appraisal = begun(context.look(LOOK_AT_APPRAISAL, row.appraisal_id))
        held = locked or _projected(row.appraisal_id, appraisal, reader, context)
        return worth(row.appraisal_id, appraisal, held, context, projection=locked is None)

    try:
        return One(value=await consider(await asked.store(), asked.stamp, question))
    except Refused as no:
        raise Said("not-found", f"there is no amount yet: {no.detail}") from no


async def _locked(asked: Asked, reader: Relation, row: scores.Appraisal) -> Held | None:
    """The newest locked score that the reader may know."""
    known = row.published_version if reader == "ratee" else row.lock_version
    if not known:
        return None
    store = await asked.store()
    for recorded in reversed(await store.read(row.appraisal_id)):
        event = recorded.event
        if isinstance(event, ScoreLocked | ScoreRelocked) and event.lock_version <= known:
            return Held(
                score=event.score,
                coefficient=event.coefficient,
                parts=event.parts,
                source=recorded.event_id,
            )
    return None


def _projected(
    appraisal_id: UUID, appraisal: Appraisal, reader: Relation, context: Context
) -> Held:
    told = projected(appraisal_id, context, data_only=reader != "company")
    if told.score is None or told.coefficient is None:
        raise Refused(told.obstacle or "nothing-to-score", "There is no score yet.")
    return Held(score=told.score, coefficient=told.coefficient, source=appraisal.created_by)


ROUTES: tuple[Route, ...] = (
    get(
        "/appraisals",
        _appraisals,
        roles=READERS,
        result=scores.Appraisal,
        projections=VIEWS,
        parameters=Appraisals,
    ),
    get(
        "/appraisals/{appraisal_id}/worth",
        _worth,
        roles=READERS,
        result=Worth,
        projections=VIEWS,
    ),
)
