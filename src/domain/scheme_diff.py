"""What differs between two versions of a scheme, named by codes rather than by places."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from domain.rules import SchemeContent


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One difference; None on a side where there is nothing."""

    path: str
    """As in "sections/economic/indicators/contract/weight_bp"."""
    before: str | None
    after: str | None


def diff(before: SchemeContent, after: SchemeContent) -> tuple[Change, ...]:
    """Every difference, in the order of their paths; () between equals."""
    old, new = dict(_told(before, "")), dict(_told(after, ""))
    return tuple(
        Change(path=path, before=old.get(path), after=new.get(path))
        for path in sorted({*old, *new})
        if not _same(old.get(path), new.get(path))
    )


def weights_changed(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The differences in weights, of sections, indicators and rater groups."""
    return tuple(each for each in changes if each.path.endswith("/weight_bp"))


def thresholds_lowered(changes: Sequence[Change]) -> tuple[Change, ...]:
    """The thresholds of levels that are reached with less than before."""
    return tuple(
        each
        for each in changes
        if each.path.endswith("/threshold")
        and each.before is not None
        and each.after is not None
        and Decimal(each.after) < Decimal(each.before)
    )


def _told(value: Any, path: str) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case msgspec.Struct():
            config = value.__struct_config__
            if config.tag_field:
                yield f"{path}/{config.tag_field}".lstrip("/"), str(config.tag)
            for name in value.__struct_fields__:
                yield from _told(getattr(value, name), f"{path}/{name}".lstrip("/"))
        case tuple():
            for name, each in zip(_names(value), value, strict=True):
                yield from _told(each, f"{path}/{name}")
        case Decimal():
            yield path, f"{value:f}"
        case _:
            yield path, str(value)


def _names(items: tuple[Any, ...]) -> Sequence[str]:
    # What has a code or name of its own keeps it wherever it is moved to.
    for field in ("code", "name"):
        names = [str(getattr(each, field, "")) for each in items]
        if all(names) and len(set(names)) == len(names):
            return names
    return [str(number) for number in range(1, len(items) + 1)]


def _same(before: str | None, after: str | None) -> bool:
    if before == after:
        return True
    try:
        # 10 and 10.00 are the same number.
        return Decimal(before or "x") == Decimal(after or "x")
    except ArithmeticError:
        return False
