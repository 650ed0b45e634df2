"""After the lock: corrections and their impact, the next version; and projections before it."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api import auth
from api.appraisals import OPERATORS, READERS, VIEWS, known, seen
from api.asked import Asked
from api.commands import decode, from_path, post
from api.considering import consider
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One, single
from domain.appeal import Adjusting
from domain.appraisal_decisions import APPRAISAL
from domain.calendar import Span
from domain.checks import begun
from domain.cycle import CYCLE
from domain.ids import appraisal_id
from domain.impact import Impact, impact_of_correction, impact_of_facts
from domain.kernel import Context
from domain.projecting import Projected, projected
from domain.reopening import AcceptCorrection, RelockScore
from domain.segments import appraisal_on
from projections import appeals
from projections.questions import Page, View

ACCEPTERS = writers(auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
LOOKERS = auth.WHOLE_COMPANY
"""Who may ask what a fact would change: scores and pay of people."""
REFUSALS = (409, 422)


class Corrections(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: appeals.CorrectionState | None = None
    cycle_id: UUID | None = None
    employment_id: UUID | None = None


class SupposedFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts as an appeal would establish them, to see what they would change."""

    adjusting: tuple[Adjusting, ...]


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """更正"""

    correction_id: UUID
    """The event."""
    cycle_id: UUID
    employment_id: UUID
    indicator: str
    value: Decimal
    occurred_on: date
    supersedes: UUID | None
    reason: str | None
    """None once it was erased."""
    state: appeals.CorrectionState
    corrected_at: datetime
    corrected_by: UUID
    decided_by: UUID | None
    created_position: int
    position: int


async def _reasoned(view: View, rows: Sequence[appeals.Correction]) -> list[Correction]:
    reasons = await appeals.correction_reasons(view, rows)
    return [
        Correction(**msgspec.structs.asdict(row), reason=reasons[row.correction_id]) for row in rows
    ]


async def _corrections(asked: Asked, given: Corrections) -> Page[Correction]:
    """Corrections of actuals as they came."""
    async with asked.view() as view:
        page = await appeals.corrections(
            view,
            state=given.state,
            cycle_id=given.cycle_id,
            employment_id=given.employment_id,
            limit=given.limit,
            cursor=given.cursor,
        )
        return page.of(await _reasoned(view, page.items))


async def _correction(asked: Asked, _: Parameters) -> One:
    """A correction, and whether it counts."""
    async with asked.view() as view:
        row = found(await appeals.correction(view, asked.one_id()))
        (told,) = await _reasoned(view, [row])
        return One(value=told)


async def _impact_of_correction(asked: Asked, _: Parameters) -> One:
    """What accepting a waiting correction would change: score, pay, entries."""
    async with asked.view() as view:
        row: appeals.Correction = found(await appeals.correction(view, asked.one_id()))

    def question(context: Context) -> Impact:
        cycle = begun(context.look(CYCLE, row.cycle_id))
        period = Span(cycle.starts_on, cycle.ends_on)
        about = begun(
            appraisal_on(row.cycle_id, row.employment_id, row.occurred_on, period, context)
        )
        its_id = appraisal_id(row.cycle_id, row.employment_id, about.segment)
        return impact_of_correction(its_id, row.correction_id, context)

    return One(value=await consider(await asked.store(), asked.stamp, question))


async def _impact_of_facts(asked: Asked) -> Response[Any]:
    facts = decode(asked.body, SupposedFacts).adjusting
    await known(asked)
    its_id = asked.one_id()
    store = await asked.store()
    told = await consider(
        store, asked.stamp, lambda context: impact_of_facts(its_id, facts, context)
    )
    return single(asked, One(value=told), None)


async def _projection(asked: Asked, _: Parameters) -> One:
    """What the appraisal would score and pay if everything stayed as it is: a projection.

    Whoever is concerned, or rates, sees what the data alone say: the rest may be sealed from them.
    """
    reader, row = await seen(asked, asked.one_id())

    def question(context: Context) -> Projected:
        return projected(row.appraisal_id, context, data_only=reader != "company")

    return One(value=await consider(await asked.store(), asked.stamp, question))


_APPRAISAL = "/appraisals/{appraisal_id}"
_SELF = from_path("appraisal_id")

ROUTES: tuple[Route, ...] = (
    get(
        "/actuals/corrections",
        _corrections,
        roles=LOOKERS,
        result=Correction,
        projections=(appeals.NAME,),
        parameters=Corrections,
    ),
    get(
        "/actuals/corrections/{correction_id}",
        _correction,
        roles=LOOKERS,
        result=Correction,
        projections=(appeals.NAME,),
    ),
    msgspec.structs.replace(
        get(
            "/actuals/corrections/{correction_id}/impact",
            _impact_of_correction,
            roles=LOOKERS,
            result=Impact,
            projections=(appeals.NAME,),
        ),
        statuses=REFUSALS,
    ),
    get(
        f"{_APPRAISAL}/projection", _projection, roles=READERS, result=Projected, projections=VIEWS
    ),
    Route(
        method="POST",
        path=f"{_APPRAISAL}/impact",
        tag="appraisals",
        summary="What an upheld appeal with these facts would change",
        description="Nothing is written: score, pay and entries as they would be.",
        roles=writers(*(LOOKERS - {auth.AUDITOR})),
        serve=_impact_of_facts,
        body=SupposedFacts,
        result=Impact,
        statuses=(*REFUSALS, 415),
    ),
    post(
        f"{_APPRAISAL}/accept-correction",
        AcceptCorrection,
        APPRAISAL,
        roles=ACCEPTERS,
        stream=_SELF,
        guard=known,
    ),
    post(
        f"{_APPRAISAL}/relock", RelockScore, APPRAISAL, roles=OPERATORS, stream=_SELF, guard=known
    ),
)
