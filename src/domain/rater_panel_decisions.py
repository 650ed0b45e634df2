"""What may happen to a panel of raters: nominated by one, approved by another, replaced."""

from typing import assert_never
from uuid import UUID

from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.checks import begun, checked_reason, known
from domain.cycle import CYCLE
from domain.employment import EMPLOYMENT
from domain.ids import peer_rating_id
from domain.kernel import Context, Decider, Event, Refused
from domain.organisation import PERSON
from domain.peer_rating import PEER_RATING
from domain.rater_panel import (
    SELF_GROUP,
    ApproveRater,
    DeclineRater,
    NominateRater,
    Panelist,
    RaterApproved,
    RaterDeclined,
    RaterNominated,
    RaterPanel,
    RaterReplaced,
    ReplaceRater,
    evolve,
    multi_rated,
)
from domain.scheme import LOOK_AT_SCHEME

RATERS_MAX = 100

LaterCommand = ApproveRater | DeclineRater | ReplaceRater


def _decide(
    state: RaterPanel | None, command: NominateRater | LaterCommand, context: Context
) -> tuple[Event, ...]:
    if isinstance(command, NominateRater):
        return _nominate(state, command, context)
    panel = known(state, "unknown-rater-panel", "panel for this appraisal")
    appraisal = _open_appraisal(panel.appraisal_id, context)
    panelist = panel.panelist(command.rater_id)
    if panelist is None:
        raise Refused("not-nominated", "This person is not on the panel.")
    # Whoever is rated, and whoever rates, does not settle who rates.
    if context.actor in {appraisal.person_id, panelist.rater_id}:
        raise Refused("same-actor", "Raters are settled by another than ratee and rater.")
    match command:
        case ApproveRater():
            _require_pending(panelist)
            if context.actor == panelist.nominated_by:
                raise Refused("same-actor", "Another than the nominator approves a rater.")
            return (RaterApproved(rater_id=command.rater_id),)
        case DeclineRater():
            _require_pending(panelist)
            return (
                RaterDeclined(rater_id=command.rater_id, reason=checked_reason(command.reason)),
            )
        case ReplaceRater():
            return _replace(panel, panelist, command, context)
        case _:
            assert_never(command)


def _nominate(
    state: RaterPanel | None, command: NominateRater, context: Context
) -> tuple[Event, ...]:
    appraisal = _open_appraisal(command.appraisal_id, context)
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    content = scheme.published(appraisal.scheme_version).content
    groups = {group.code for _, rule in multi_rated(content) for group in rule.groups}
    if command.group not in groups:
        raise Refused("unknown-rater-group", f"The scheme has no rater group {command.group}.")
    if state is not None and len(state.raters) >= RATERS_MAX:
        raise Refused("too-many-raters", f"A panel has at most {RATERS_MAX} raters.")
    _check_rater(state, appraisal, command.rater_id, command.group, context)
    return (
        RaterNominated(
            appraisal_id=command.appraisal_id, rater_id=command.rater_id, group=command.group
        ),
    )


def _replace(
    panel: RaterPanel, panelist: Panelist, command: ReplaceRater, context: Context
) -> tuple[Event, ...]:
    appraisal = begun(context.look(LOOK_AT_APPRAISAL, panel.appraisal_id))
    rated = context.look(PEER_RATING, peer_rating_id(panel.appraisal_id, panelist.rater_id))
    if rated is not None:
        raise Refused("already-rated", "Whoever has rated is not replaced any more.")
    _check_rater(panel, appraisal, command.by_id, panelist.group, context)
    return (
        RaterReplaced(
            rater_id=panelist.rater_id,
            by_id=command.by_id,
            reason=checked_reason(command.reason),
        ),
    )


def _open_appraisal(appraisal_id: UUID, context: Context) -> Appraisal:
    appraisal = known(
        context.look(LOOK_AT_APPRAISAL, appraisal_id), "unknown-appraisal", "such appraisal"
    )
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    cycle.require("goal-setting", "data-intake", "rating", "comparison")
    return appraisal


def _check_rater(
    panel: RaterPanel | None, appraisal: Appraisal, rater_id: UUID, group: str, context: Context
) -> None:
    if (rater_id == appraisal.person_id) != (group == SELF_GROUP):
        raise Refused("rater-is-ratee", f"People rate themselves in group {SELF_GROUP} alone.")
    if panel is not None and panel.panelist(rater_id) is not None:
        raise Refused("already-nominated", "This person is on the panel already.")
    person = known(context.look(PERSON, rater_id), "unknown-person", "such rater")
    employments = context.look.all(EMPLOYMENT, person.employments)
    if not any(
        begun(each).days_within(appraisal.starts_on, appraisal.ends_on) for each in employments
    ):
        raise Refused("rater-not-employed", "A rater has worked here during the appraisal's days.")


def _require_pending(panelist: Panelist) -> None:
    if panelist.approved:
        raise Refused("rater-already-approved", "This rater has been approved.")


RATER_PANEL: Decider[RaterPanel | None] = Decider(
    kind="rater-panel", initial=None, decide=_decide, evolve=evolve
)
