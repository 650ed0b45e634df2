"""What a reason to say no is made of.

The kind tells an edge what went wrong without telling the domain about HTTP: "invalid" is a value
that can never be right, "conflict" one that the present state does not allow, "forbidden" the
wrong person, "missing" something that is not there.
"""

from typing import Literal

import msgspec

Kind = Literal["conflict", "invalid", "forbidden", "missing"]

Row = tuple[Kind, str, str, str]
"""Its kind, its code, and a sentence in English and in Chinese."""


class Refusal(msgspec.Struct, frozen=True):
    """One row of the table: what a code says to people."""

    code: str
    kind: Kind
    english: str
    chinese: str
