"""A number with its reasons: a tree of named rules whose leaves are event ids."""

from uuid import UUID

import msgspec


class Node(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One step: `value` follows from `inputs` by `rule` and `params` alone.

    Exact values are written as fractions ("2244/25") or integers, never as floats.
    """

    rule: str
    value: str
    label: str = ""
    params: dict[str, str] = {}
    inputs: tuple["Node", ...] = ()
    source: UUID | None = None
    """Of a leaf: the event that this value was read from."""
