"""What units, cycles and schemes are called, for pages that show their ids."""

from collections.abc import Iterable, Mapping

from api.console.visit import Visit


async def unit_names(visit: Visit) -> Mapping[str, str]:
    """Names of all units by id."""
    return {row["org_unit_id"]: row["name"] async for row in visit.each("/org-units")}


async def cycle_names(visit: Visit) -> Mapping[str, str]:
    """Names of all cycles by id."""
    return {row["cycle_id"]: row["name"] async for row in visit.each("/cycles")}


def choices(names: Mapping[str, str], none: str = "") -> list[tuple[str, str]]:
    """Options of a field; `none` is what choosing nothing is called."""
    return [("", none), *names.items()] if none else list(names.items())


def wanted(visit: Visit, name: str, known: Iterable[str], usual: str = "") -> str:
    """What the address asks for, where it is one of what is known."""
    asked = visit.query.get(name, usual)
    return asked if asked in set(known) else usual
