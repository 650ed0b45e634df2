"""The panel 评价人名单: who is asked for a 360 rating of a person, and from which perspective."""

from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun
from domain.kernel import Command, Decider, Event, Happened, Personal, looking
from domain.rules import Indicator, MultiRater, SchemeContent

SELF_GROUP = "self"
"""The only group in which a person rates themselves; in it nobody else does."""


class NominateRater(Command, frozen=True, kw_only=True):
    """Name a rater; another person approves."""

    appraisal_id: UUID
    rater_id: UUID
    group: str
    """A rater group of the scheme: superior, peer, subordinate, self, ..."""


class RaterNominated(Event, frozen=True, kw_only=True):
    TOPIC = "rater-panel.rater-nominated"
    appraisal_id: UUID
    rater_id: UUID
    group: str


class ApproveRater(Command, frozen=True, kw_only=True):
    """Agree to a rater whom another has named."""

    rater_id: UUID


class RaterApproved(Event, frozen=True, kw_only=True):
    TOPIC = "rater-panel.rater-approved"
    rater_id: UUID


class DeclineRater(Command, frozen=True, kw_only=True):
    """Take a rater from the panel who has not been approved."""

    rater_id: UUID
    reason: str


class RaterDeclined(Event, frozen=True, kw_only=True):
    TOPIC = "rater-panel.rater-declined"
    SUBJECT = "rater_id"
    rater_id: UUID
    reason: Personal[str | None] = None


class ReplaceRater(Command, frozen=True, kw_only=True):
    """Put another person in a rater's place who has not rated yet."""

    rater_id: UUID
    by_id: UUID
    reason: str


class RaterReplaced(Event, frozen=True, kw_only=True):
    TOPIC = "rater-panel.rater-replaced"
    SUBJECT = "rater_id"
    rater_id: UUID
    by_id: UUID
    reason: Personal[str | None] = None


class Panelist(msgspec.Struct, frozen=True, kw_only=True):
    """One who was named."""

    rater_id: UUID
    group: str
    nominated_by: UUID
    approved: bool = False


class RaterPanel(msgspec.Struct, frozen=True, kw_only=True):
    """The raters of one appraisal, in the order of their nomination."""

    appraisal_id: UUID
    raters: tuple[Panelist, ...] = ()

    @property
    def approved(self) -> tuple[Panelist, ...]:
        """Those who may rate."""
        return tuple(each for each in self.raters if each.approved)

    def panelist(self, rater_id: UUID) -> Panelist | None:
        """The rater with this id, approved or not."""
        return next((each for each in self.raters if each.rater_id == rater_id), None)


RaterPanelEvent = RaterNominated | RaterApproved | RaterDeclined | RaterReplaced


def multi_rated(content: SchemeContent) -> tuple[tuple[Indicator, MultiRater], ...]:
    """The indicators that rater groups decide, each with its rule."""
    return tuple(
        (indicator, indicator.rule)
        for section in content.sections
        for indicator in section.indicators
        if isinstance(indicator.rule, MultiRater)
    )


def evolve(state: RaterPanel | None, happened: Happened[RaterPanelEvent]) -> RaterPanel:
    """The panel after one more event."""
    event = happened.event
    match event:
        case RaterNominated():
            panel = RaterPanel(appraisal_id=event.appraisal_id) if state is None else state
            named = Panelist(
                rater_id=event.rater_id, group=event.group, nominated_by=happened.actor
            )
            return msgspec.structs.replace(panel, raters=(*panel.raters, named))
        case RaterApproved():
            return _changed(begun(state), event.rater_id, approved=True)
        case RaterDeclined():
            panel = begun(state)
            kept = tuple(each for each in panel.raters if each.rater_id != event.rater_id)
            return msgspec.structs.replace(panel, raters=kept)
        case RaterReplaced():
            return _changed(
                begun(state),
                event.rater_id,
                rater_id=event.by_id,
                nominated_by=happened.actor,
                approved=False,
            )
        case _:
            assert_never(event)


def _changed(panel: RaterPanel, of: UUID, **changes: object) -> RaterPanel:
    raters = tuple(
        msgspec.structs.replace(each, **changes) if each.rater_id == of else each
        for each in panel.raters
    )
    return msgspec.structs.replace(panel, raters=raters)


LOOK_AT_RATER_PANEL: Decider[RaterPanel | None] = looking("rater-panel", None, evolve)
"""For ratings and appraisals, which the panel's decisions look at in turn."""
