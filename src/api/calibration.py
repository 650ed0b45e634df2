"""Calibration: sessions with proposed and decided changes, and adjustments outside of them."""

from uuid import UUID

import msgspec

from api import auth
from api.appraisals import known, seen
from api.asked import Asked
from api.commands import from_path, post
from api.considering import consider
from api.problems import Said
from api.queries import Listing, Parameters, found
from api.routes import Route, get, writers
from api.wire import One
from domain import ids
from domain.appraisal import LOOK_AT_APPRAISAL
from domain.appraisal_decisions import APPRAISAL
from domain.calibration import (
    AddToCalibrationSession,
    CheckDistribution,
    CloseCalibrationSession,
    DecideRatingChange,
    OpenCalibrationSession,
    ProposeRatingChange,
)
from domain.calibration_decisions import CALIBRATION_SESSION
from domain.checks import begun
from domain.conduct import ApproveAdjustment, ProposeAdjustment, RejectAdjustment
from domain.kernel import Context, Refused
from domain.standing import Standing, standing
from projections import rating, scores
from projections.questions import Page

HOSTS = writers(auth.HR, auth.ADMIN)
CALIBRATORS = writers(auth.HR, auth.EXECUTIVE, auth.ADMIN)
# Managers argue for their people; who may decide on whom is the domain's to say.
PROPOSERS = writers(auth.MANAGER, auth.HR, auth.FINANCE, auth.EXECUTIVE, auth.ADMIN)
READERS = frozenset({auth.HR, auth.EXECUTIVE, auth.AUDITOR, auth.ADMIN})
STANDING_READERS = READERS | {auth.MANAGER, auth.FINANCE}


class Sessions(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cycle_id: UUID | None = None


async def _sessions(asked: Asked, given: Sessions) -> Page[rating.Session]:
    """Calibration sessions by their opening, with what was proposed and decided."""
    async with asked.view() as view:
        page = await rating.sessions(
            view, cycle_id=given.cycle_id, limit=given.limit, cursor=given.cursor
        )
    return page.of([_without_own(asked, row) for row in page.items])


async def _session(asked: Asked, _: Parameters) -> One:
    """A calibration session: who is in it, what was proposed, the distribution as checked last."""
    async with asked.view() as view:
        row = found(await rating.session(view, asked.one_id()))
    return One(value=_without_own(asked, row), version=row.version)


def _without_own(asked: Asked, row: rating.Session) -> rating.Session:
    # Being the person concerned comes before any role, as everywhere.
    own = asked.caller.person_id
    changes = tuple(change for change in row.changes if own is None or change.person_id != own)
    return msgspec.structs.replace(row, changes=changes)


async def _standing(asked: Asked, _: Parameters) -> One:
    """The score as it would be locked now, and whether it is near to another coefficient."""
    reader, row = await seen(asked, asked.one_id())
    if reader == "ratee":
        raise Said("not-allowed", "your result is shown to you once it is published")
    if reader == "manager" and not (row.manager_submitted or row.lock_version):
        raise Said("not-allowed", "rate first: a score that is shown before would lead you")

    def question(context: Context) -> Standing:
        return standing(begun(context.look(LOOK_AT_APPRAISAL, row.appraisal_id)), context)

    try:
        return One(value=await consider(await asked.store(), asked.stamp, question))
    except Refused as no:
        raise Said("not-found", f"there is no score yet: {no.detail}") from no


_SESSION = "/calibration-sessions/{session_id}"
_APPRAISAL = "/appraisals/{appraisal_id}"

ROUTES: tuple[Route, ...] = (
    post(
        "/calibration-sessions",
        OpenCalibrationSession,
        CALIBRATION_SESSION,
        roles=HOSTS,
        stream=lambda _, command: ids.calibration_session_id(command.code),
        creates="/calibration-sessions/{id}",
    ),
    get(
        "/calibration-sessions",
        _sessions,
        roles=READERS,
        result=rating.Session,
        projections=(rating.NAME,),
        parameters=Sessions,
    ),
    get(
        _SESSION,
        _session,
        roles=READERS,
        result=rating.Session,
        projections=(rating.NAME,),
    ),
    *(
        post(
            f"{_SESSION}/{name}",
            command,
            CALIBRATION_SESSION,
            roles=roles,
            stream=from_path("session_id"),
        )
        for name, command, roles in (
            ("appraisals", AddToCalibrationSession, HOSTS),
            ("changes", ProposeRatingChange, PROPOSERS),
            ("changes/decide", DecideRatingChange, CALIBRATORS),
            ("distribution", CheckDistribution, CALIBRATORS),
            ("close", CloseCalibrationSession, HOSTS),
        )
    ),
    get(
        f"{_APPRAISAL}/standing",
        _standing,
        roles=STANDING_READERS,
        result=Standing,
        projections=(scores.NAME,),
    ),
    *(
        post(
            f"{_APPRAISAL}/{name}",
            command,
            APPRAISAL,
            roles=roles,
            stream=from_path("appraisal_id"),
            guard=known,
        )
        for name, command, roles in (
            ("adjustment", ProposeAdjustment, PROPOSERS),
            ("adjustment/approve", ApproveAdjustment, CALIBRATORS),
            ("adjustment/reject", RejectAdjustment, CALIBRATORS),
        )
    ),
)
