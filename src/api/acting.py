"""Acting in another's name: what a delegation lends, and how a request is carried out by it.

Of who delegated it lends the roles of now, for these paths alone; the rules of the domain are then
asked of both. What is read so is noted as read by who reads it.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import msgspec

from api.asked import Acting, Asked, uuid_of
from api.auth import ROLES, Caller, permit
from api.problems import Said
from api.routes import Route
from domain import ids
from domain.appraisal_decisions import APPRAISAL
from domain.delegation import DELEGATION, ApprovalKind
from domain.kernel import Refused

HEADER: Final = "merit-acting-for"
"""Names the delegation; in lower case."""

_GOALS: Final = "/appraisals/{appraisal_id}/goals"
_ADJUSTMENT: Final = "/appraisals/{appraisal_id}/adjustment"
_SHARE: Final = "/employments/{employment_id}/share-override"

COMMANDS: Final[Mapping[ApprovalKind, frozenset[str]]] = {
    "goals": frozenset({f"{_GOALS}/agree", f"{_GOALS}/approve-change", f"{_GOALS}/decline-change"}),
    "time": frozenset(
        {"/time-requests/{request_id}/approve", "/time-requests/{request_id}/reject"}
    ),
    "rewards": frozenset(
        {f"/rewards/{{reward_id}}/{each}" for each in ("approve", "reject", "grant")}
    ),
    "batches": frozenset({"/payout-batches/{batch_id}/approve"}),
    "scores": frozenset(
        {
            "/calibration-sessions/{session_id}/changes/decide",
            f"{_ADJUSTMENT}/approve",
            f"{_ADJUSTMENT}/reject",
            "/occurrence-sheets/{sheet_id}/veto",
            "/occurrence-sheets/{sheet_id}/withdraw",
        }
    ),
    "schemes": frozenset({"/schemes/{scheme_id}/approve"}),
    "shares": frozenset({f"{_SHARE}/approve", f"{_SHARE}/reject"}),
}
"""What is decided by a delegation of each kind."""

QUESTIONS: Final[Mapping[ApprovalKind, Mapping[str, Mapping[str, frozenset[str]]]]] = {
    "goals": {"/goals": {"waiting": frozenset({"true"})}},
    "time": {"/time-requests": {"state": frozenset({"waiting"})}},
    "rewards": {"/rewards": {"state": frozenset({"nominated", "approved"})}},
    "batches": {
        "/payout-batches": {"state": frozenset({"prepared"})},
        "/payout-batches/{batch_id}": {},
    },
    "scores": {
        "/calibration-sessions": {},
        "/decisions": {"kind": frozenset({"adjustment", "veto"})},
    },
    "schemes": {"/schemes": {}},
    "shares": {"/decisions": {"kind": frozenset({"share"})}},
}
"""What may be asked by it, so that one sees what waits and no more: parameters that have to be
given, with their values."""


def is_lent(route: Route) -> bool:
    """Whether anything of a route can be delegated."""
    lent = COMMANDS if route.method == "POST" else QUESTIONS
    return any(route.path in paths for paths in lent.values())


async def stand_in(asked: Asked, route: Route, delegation: str) -> Asked:
    """The same request in the name of who delegated it, permitted as that person is.

    Args:
        asked: by whom it was delegated to.
        route: what is asked or done.
        delegation: its id.

    Raises:
        Said: `not-found`: no such delegation to the caller; `not-allowed`, `out-of-scope`.
        Refused: `not-delegated`: it does not lend this, or not today.
    """
    delegation_id = uuid_of(delegation)
    store = await asked.store()
    lent, _ = await store.load(DELEGATION, delegation_id)
    hand = asked.caller.delegate or asked.caller.person_id
    if lent is None or hand != lent.delegate_id:
        raise Said("not-found", "nothing of this id was delegated to you")
    kind = next((each for each in lent.kinds if lends(each, route, dict(asked.query))), None)
    if kind is None or not lent.holds_on(asked.stamp.now.date()):
        raise Refused("not-delegated", "This was not delegated to you, or no longer.")
    caller = await in_place_of(asked, lent.person_id)
    permit(caller, route.roles, route.scope)
    if route.path == f"{_GOALS}/agree":
        await _require_others(asked, lent.person_id)
    return msgspec.structs.replace(
        asked,
        caller=caller,
        stamp=msgspec.structs.replace(asked.stamp, on_behalf_of=lent.person_id),
        acting=Acting(delegation_id=delegation_id, kind=kind),
    )


async def in_place_of(asked: Asked, person_id: UUID) -> Caller:
    """The caller with the roles that somebody has now, and as whoever acts for them."""
    roles = await asked.services.sign_ins.roles_of(
        asked.caller.tenant_id, person_id, ids.sign_in_id(person_id)
    )
    return msgspec.structs.replace(
        asked.caller,
        person_id=person_id,
        roles=roles & ROLES,
        delegate=asked.caller.delegate or asked.caller.person_id,
    )


def lends(kind: ApprovalKind, route: Route, given: Mapping[str, str] | None = None) -> bool:
    """Whether a delegation of this kind lends a route; of a question, with these parameters."""
    if route.method == "POST":
        return route.path in COMMANDS[kind]
    wanted = QUESTIONS[kind].get(route.path)
    if wanted is None or given is None:
        return wanted is not None
    now = given.keys().isdisjoint({"known_at", "position"})
    return now and all(given.get(name) in each for name, each in wanted.items())


async def _require_others(asked: Asked, person_id: UUID) -> None:
    # To agree to one's own goals is a word that one gives oneself.
    appraisal, _ = await (await asked.store()).load(APPRAISAL, asked.one_id())
    if appraisal is not None and appraisal.person_id == person_id:
        raise Refused("not-delegated", "Nobody agrees to goals in the name of whose they are.")
