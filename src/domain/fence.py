"""Where a department works, and who lets their phone say whether it is there. 电子围栏

Off unless both are set: a fence by the company, and the consent of the person. The phone reckons;
what it tells is inside or outside and nothing else, so nobody's coordinates ever reach us.
"""

from datetime import date
from decimal import Decimal
from typing import Literal, assert_never
from uuid import UUID

import msgspec

from domain.checks import checked_name, checked_number, checked_reason, checked_text, known
from domain.employment import EMPLOYMENT, assignment_on
from domain.ids import fence_id, location_consent_id
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.org_units import ORG_UNIT
from domain.organisation import PERSON

Whereabouts = Literal["inside", "outside"]
PLACES_MAX = 50
RADIUS_M = (50, 20_000)
"""Less than the first is finer than phones can tell; more than the second is no place."""
UNITS_MAX = 100
"""Above each other."""


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place of work: a circle."""

    name: str
    latitude: Decimal
    """Degrees, WGS 84, at most 6 decimals."""
    longitude: Decimal
    radius_m: int


class SetFence(Command, frozen=True, kw_only=True):
    """Say where a unit works; it holds for those below it too that have none of their own."""

    org_unit_id: UUID
    places: tuple[Place, ...]


class FenceSet(Event, frozen=True, kw_only=True):
    TOPIC = "fence.set"
    org_unit_id: UUID
    places: tuple[Place, ...]


class RemoveFence(Command, frozen=True, kw_only=True):
    """Ask no phone of this unit any more."""

    org_unit_id: UUID
    reason: str


class FenceRemoved(Event, frozen=True, kw_only=True):
    TOPIC = "fence.removed"
    reason: str


class Fence(msgspec.Struct, frozen=True, kw_only=True):
    """The places of a unit; none where it has no fence."""

    places: tuple[Place, ...] = ()


def _decide(
    state: Fence, command: SetFence | RemoveFence, context: Context
) -> tuple[FenceSet | FenceRemoved, ...]:
    match command:
        case SetFence():
            _known_unit(command.org_unit_id, context)
            if not 0 < len(command.places) <= PLACES_MAX:
                raise Refused("bad-fence", f"A fence has 1 to {PLACES_MAX} places.")
            for place in command.places:
                _check(place)
            return (FenceSet(org_unit_id=command.org_unit_id, places=command.places),)
        case RemoveFence():
            _known_unit(command.org_unit_id, context)
            if not state.places:
                raise Refused("no-fence", "There is no fence here.")
            return (FenceRemoved(reason=checked_reason(command.reason)),)
        case _:
            assert_never(command)


def _known_unit(org_unit_id: UUID, context: Context) -> None:
    known(context.look(ORG_UNIT, org_unit_id), "unknown-org-unit", "such unit")


def _check(place: Place) -> None:
    checked_name(place.name, "name of a place")
    for value, what, most in (
        (place.latitude, "latitude", Decimal(90)),
        (place.longitude, "longitude", Decimal(180)),
    ):
        checked_number(value, what, least=-most, most=most, code="bad-fence")
    least, most_m = RADIUS_M
    if not least <= place.radius_m <= most_m:
        raise Refused("bad-fence", f"A radius is {least} to {most_m} metres.")


def _evolve(_state: Fence, happened: Happened[FenceSet | FenceRemoved]) -> Fence:
    event = happened.event
    match event:
        case FenceSet():
            return Fence(places=event.places)
        case FenceRemoved():
            return Fence()
        case _:
            assert_never(event)


FENCE: Decider[Fence] = Decider(kind="fence", initial=Fence(), decide=_decide, evolve=_evolve)


def fence_on(employment_id: UUID, day: date, context: Context) -> Fence:
    """The fence of the unit of that day, else of the nearest one above it that has one."""
    employment = known(
        context.look(EMPLOYMENT, employment_id), "unknown-employment", "such employment"
    )
    assignment = assignment_on(employment, day)
    unit_id = None if assignment is None else assignment.org_unit_id
    for _ in range(UNITS_MAX):
        if unit_id is None:
            break
        if (found := context.look(FENCE, fence_id(unit_id))).places:
            return found
        unit = context.look(ORG_UNIT, unit_id)
        unit_id = None if unit is None else unit.parent_on(day)
    return Fence()


# -- consent 单独同意


class GiveLocationConsent(Command, frozen=True, kw_only=True):
    """Let one's own phone tell whether it is inside the fence when one clocks in or out."""

    person_id: UUID


class LocationConsentGiven(Event, frozen=True, kw_only=True):
    TOPIC = "location-consent.given"
    person_id: UUID


class WithdrawLocationConsent(Command, frozen=True, kw_only=True):
    """From now on nothing is told, and nothing is refused for it."""

    person_id: UUID
    reason: str = ""


class LocationConsentWithdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "location-consent.withdrawn"
    SUBJECT = "person_id"
    person_id: UUID
    reason: Personal[str | None] = None


class LocationConsent(msgspec.Struct, frozen=True, kw_only=True):
    """Whether somebody's phone may tell it; nobody's may unless they said so."""

    given: bool = False


def _decide_consent(
    state: LocationConsent,
    command: GiveLocationConsent | WithdrawLocationConsent,
    context: Context,
) -> tuple[LocationConsentGiven | LocationConsentWithdrawn, ...]:
    known(context.look(PERSON, command.person_id), "unknown-person", "such person")
    if context.actor != command.person_id:
        raise Refused("not-own-consent", "Nobody consents for somebody else.")
    match command:
        case GiveLocationConsent():
            if state.given:
                raise Refused("already-exists", "There is a consent already.")
            return (LocationConsentGiven(person_id=command.person_id),)
        case WithdrawLocationConsent():
            if not state.given:
                raise Refused("no-location-consent", "There is no consent to withdraw.")
            reason = checked_text(command.reason, "reason")
            return (LocationConsentWithdrawn(person_id=command.person_id, reason=reason),)
        case _:
            assert_never(command)


def _evolve_consent(
    _state: LocationConsent, happened: Happened[LocationConsentGiven | LocationConsentWithdrawn]
) -> LocationConsent:
    return LocationConsent(given=isinstance(happened.event, LocationConsentGiven))


LOCATION_CONSENT: Decider[LocationConsent] = Decider(
    kind="location-consent",
    initial=LocationConsent(),
    decide=_decide_consent,
    evolve=_evolve_consent,
)


def require_told_freely(employment_id: UUID, day: date, context: Context) -> None:
    """Refuse to keep where somebody was, unless there is a fence and the person consents.

    Raises:
        Refused: `no-fence` or `no-location-consent`.
    """
    employment = known(
        context.look(EMPLOYMENT, employment_id), "unknown-employment", "such employment"
    )
    if not fence_on(employment_id, day, context).places:
        raise Refused("no-fence", "Their department has no fence: send no place.")
    consent = context.look(LOCATION_CONSENT, location_consent_id(employment.person_id))
    if not consent.given:
        raise Refused("no-location-consent", "They did not consent: send no place.")
