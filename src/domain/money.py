"""Money is an integer of minor units and a currency; it is never rounded on the quiet."""

from decimal import Decimal

import msgspec


class Amount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money at the edges: a decimal string and an ISO 4217 code."""

    amount: Decimal
    currency: str


class Money(msgspec.Struct, frozen=True, gc=False):
    """Money inside: integer minor units and an ISO 4217 code."""

    minor: int
    currency: str
