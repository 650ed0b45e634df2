"""A scheme version that takes effect: from the next cycle, or within one that is running.

Which version counts on which days of an appraisal follows from the version it began with and the
changes of its cycle; nothing is copied into the appraisal, so nothing can be forgotten there.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.kernel import Event


class Effect(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="policy"
):
    """When a published version begins to count."""


class NextCycle(Effect, frozen=True, kw_only=True, tag="next-cycle"):
    """For cycles that it is bound to from now on; running ones stay with the version they have."""


class WholeCycle(Effect, frozen=True, kw_only=True, tag="whole-cycle"):
    """Also for the whole of a running cycle, from its first day."""

    cycle_id: UUID


class SplitCycle(Effect, frozen=True, kw_only=True, tag="split"):
    """Also for the days of a running cycle from `effective_from` on; those before keep theirs."""

    cycle_id: UUID
    effective_from: date


EffectChoice = NextCycle | WholeCycle | SplitCycle


class SchemeVersionChanged(Event, frozen=True, kw_only=True):
    """A running cycle goes on with another version of a scheme. 周期内方案变更"""

    TOPIC = "cycle.scheme-version-changed"
    scheme_id: UUID
    before: int
    after: int
    effective_from: date | None = None
    """None: the whole cycle."""


class SchemeChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of version within a cycle, with the event that says so."""

    scheme_id: UUID
    before: int
    after: int
    effective_from: date | None
    event_id: UUID


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Days that one scheme version counts for."""

    scheme_version: int
    starts_on: date
    ends_on: date
    source: UUID | None = None
    """The event by which it counts, where that is a change."""

    @property
    def days(self) -> int:
        """Both ends included."""
        return (self.ends_on - self.starts_on).days + 1


def stretches(
    scheme_id: UUID,
    scheme_version: int,
    period: tuple[date, date],
    changes: Iterable[SchemeChange],
) -> tuple[Stretch, ...]:
    """Which versions count on which days of `period`, ascending, without gap or overlap.

    Args:
        scheme_id: what the appraisal began with; so does the version.
        scheme_version: see there.
        period: first and last day of the appraisal.
        changes: those of its cycle, in the order in which they were made.
    """
    first, last = period
    found: Sequence[Stretch] = (
        Stretch(scheme_version=scheme_version, starts_on=first, ends_on=last),
    )
    for change in changes:
        if change.scheme_id == scheme_id:
            found = [part for each in found for part in _changed(each, change)]
    return tuple(found)


def _changed(stretch: Stretch, change: SchemeChange) -> tuple[Stretch, ...]:
    if stretch.scheme_version != change.before:
        return (stretch,)
    after = msgspec.structs.replace(stretch, scheme_version=change.after, source=change.event_id)
    day = change.effective_from
    if day is None or day <= stretch.starts_on:
        return (after,)
    if day > stretch.ends_on:
        return (stretch,)
    return (
        msgspec.structs.replace(stretch, ends_on=day - timedelta(days=1)),
        msgspec.structs.replace(after, starts_on=day),
    )


class LockedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The days of a locked score that one scheme version counts for: pay takes each on its own."""

    scheme_version: int
    starts_on: date
    ends_on: date
    score: Decimal
    coefficient: Decimal
