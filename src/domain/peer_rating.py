"""A rating within a 360 by one rater of the panel 同级/下级/上级评; each has a stream of its own.

So any number of raters submit at the same time, and none of them waits for another.
"""

from decimal import Decimal
from fractions import Fraction
from typing import assert_never
from uuid import UUID

import msgspec

from domain.appraisal import LOOK_AT_APPRAISAL
from domain.checks import begun, checked_indicators, checked_number, checked_text, known
from domain.cycle import CYCLE
from domain.ids import rater_panel_id
from domain.indicators import check_points
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.rater_panel import LOOK_AT_RATER_PANEL, multi_rated
from domain.ratings import Rating
from domain.scheme import LOOK_AT_SCHEME

POINTS_MAX = Decimal(100)


class SubmitPeerRating(Command, frozen=True, kw_only=True):
    appraisal_id: UUID
    rater_id: UUID
    """The person who rates: the caller."""
    ratings: tuple[Rating, ...]
    """Of every 360 indicator that asks the rater's group."""
    comment: str = ""


class PeerRatingSubmitted(Event, frozen=True, kw_only=True):
    """Final: a rating is not seen by anyone before the deadline, and not changed after."""

    TOPIC = "peer-rating.submitted"
    SUBJECT = "person_id"
    appraisal_id: UUID
    person_id: UUID
    """The person who is rated."""
    rater_id: UUID
    group: str
    ratings: tuple[Rating, ...]
    comment: Personal[str | None] = None


class PeerRating(msgspec.Struct, frozen=True, kw_only=True):
    """What one rater said."""

    rater_id: UUID
    group: str
    ratings: tuple[Rating, ...]
    event_id: UUID


def _decide(
    state: PeerRating | None, command: SubmitPeerRating, context: Context
) -> tuple[Event, ...]:
    appraisal = known(
        context.look(LOOK_AT_APPRAISAL, command.appraisal_id), "unknown-appraisal", "such appraisal"
    )
    panel = context.look(LOOK_AT_RATER_PANEL, rater_panel_id(command.appraisal_id))
    panelist = None if panel is None else panel.panelist(command.rater_id)
    if context.actor != command.rater_id or panelist is None or not panelist.approved:
        raise Refused("not-a-rater", "This is for the approved raters of the panel.")
    if state is not None:
        raise Refused("already-rated", "This rater has rated.")
    if appraisal.locked is not None:
        raise Refused("already-locked", "The score is locked.")
    begun(context.look(CYCLE, appraisal.cycle_id)).require("rating", "comparison")
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    asked = {
        indicator.code: rule
        for indicator, rule in multi_rated(scheme.published(appraisal.scheme_version).content)
        if any(group.code == panelist.group for group in rule.groups)
    }
    checked_indicators((each.indicator for each in command.ratings), asked, "ratings")
    for each in command.ratings:
        points = checked_number(
            each.points,
            f"points of {each.indicator}",
            least=Decimal(0),
            most=POINTS_MAX,
            code="points-out-of-range",
        )
        check_points(asked[each.indicator], Fraction(points))
    return (
        PeerRatingSubmitted(
            appraisal_id=command.appraisal_id,
            person_id=appraisal.person_id,
            rater_id=command.rater_id,
            group=panelist.group,
            ratings=command.ratings,
            comment=checked_text(command.comment, "comment"),
        ),
    )


def _evolve(_state: PeerRating | None, happened: Happened[PeerRatingSubmitted]) -> PeerRating:
    event = happened.event
    match event:
        case PeerRatingSubmitted():
            return PeerRating(
                rater_id=event.rater_id,
                group=event.group,
                ratings=event.ratings,
                event_id=happened.event_id,
            )
        case _:
            assert_never(event)


PEER_RATING: Decider[PeerRating | None] = Decider(
    kind="peer-rating", initial=None, decide=_decide, evolve=_evolve
)
