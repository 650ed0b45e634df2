"""Which scheme appraises whom: by unit, family and level; the most specific wins, and says why."""

from collections.abc import Sequence
from datetime import date
from typing import Literal
from uuid import UUID

import msgspec

from domain.kernel import Context
from domain.org_units import ORG_UNIT
from domain.organisation import JobFamily

Why = Literal["chosen", "less-specific", "other-family", "other-level", "other-unit"]


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Which scheme version appraises a family, or a level of it, or those of a unit."""

    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None
    """None: every level."""
    org_unit_id: UUID | None = None
    """With all units below it; None: the whole company."""

    @property
    def scope(self) -> tuple[JobFamily, int | None, UUID | None]:
        """What only one binding of a cycle can have."""
        return self.family, self.level, self.org_unit_id


class Considered(msgspec.Struct, frozen=True, kw_only=True):
    """A binding, and why it is the one or is not."""

    binding: Binding
    why: Why


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """The binding for a job in a unit, with all that were considered."""

    chosen: Binding | None
    considered: tuple[Considered, ...]


def resolve(
    bindings: Sequence[Binding], family: JobFamily, level: int, units: Sequence[UUID] = ()
) -> Resolution:
    """The binding for a job of `family` and `level` in the first of `units`.

    A nearer unit comes before a farther one and before the whole company; in the same unit the
    very level comes before every level.

    Args:
        bindings: those of a cycle; no two have the same scope.
        family: of the job; so is the level.
        level: see there.
        units: the own unit, the one above it, and so on to the root.
    """
    told = [_applies(binding, family, level, units) for binding in bindings]
    fitting = [each for each, why in zip(bindings, told, strict=True) if why == "chosen"]
    chosen = min(fitting, key=lambda each: _distance(each, units), default=None)
    return Resolution(
        chosen=chosen,
        considered=tuple(
            Considered(
                binding=binding,
                why="less-specific" if why == "chosen" and binding is not chosen else why,
            )
            for binding, why in zip(bindings, told, strict=True)
        ),
    )


def _applies(binding: Binding, family: JobFamily, level: int, units: Sequence[UUID]) -> Why:
    if binding.family != family:
        return "other-family"
    if binding.level not in {None, level}:
        return "other-level"
    if binding.org_unit_id is not None and binding.org_unit_id not in units:
        return "other-unit"
    return "chosen"


def _distance(binding: Binding, units: Sequence[UUID]) -> tuple[int, bool]:
    unit = binding.org_unit_id
    return (len(units) if unit is None else units.index(unit)), binding.level is None


def units_above(unit_id: UUID, day: date, context: Context) -> tuple[UUID, ...]:
    """The unit and all units above it as they were on `day`, nearest first."""
    found: list[UUID] = []
    above: UUID | None = unit_id
    while above is not None and above not in found:
        found.append(above)
        unit = context.look(ORG_UNIT, above)
        above = None if unit is None else unit.parent_on(day)
    return tuple(found)
