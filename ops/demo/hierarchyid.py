"""SQL Server's hierarchyid, read back into the path that it encodes."""

from typing import NamedTuple


class _Range(NamedTuple):
    """Labels that begin with `prefix`: `x` stands for a bit of the value, others are fixed."""

    prefix: str
    pattern: str
    lowest: int


_RANGES = (
    _Range("01", "xx", 0),
    _Range("100", "xx", 4),
    _Range("101", "xxx", 8),
    _Range("110", "xx0x1xxx", 16),
    _Range("1110", "xxx0xxx0x1xxx", 80),
)
"""Each label is followed by a 1 where a whole number ends; dotted labels end in 0 (not needed)."""


def path_of(hexadecimal: str) -> tuple[int, ...]:
    """The labels from the root; the root itself is the empty path.

    >>> path_of("0x5AD6"), path_of("0x957080"), path_of("0x")
    ((1, 1, 1), (6, 1, 4), ())

    Raises:
        ValueError: not a hierarchyid of whole labels below 1,104.
    """
    if not hexadecimal.startswith("0x"):
        raise ValueError("a hierarchyid begins with 0x")
    raw = bytes.fromhex(hexadecimal[2:])
    bits = "".join(f"{byte:08b}" for byte in raw)
    labels = []
    while "1" in bits:
        label, bits = _label(bits)
        labels.append(label)
    return tuple(labels)


def _label(bits: str) -> tuple[int, str]:
    """The first label, and the bits after it."""
    for kind in _RANGES:
        if not bits.startswith(kind.prefix):
            continue
        rest = bits[len(kind.prefix) :]
        if len(rest) <= len(kind.pattern):
            break
        value = ""
        for expected, bit in zip(kind.pattern, rest, strict=False):
            if expected == "x":
                value += bit
            elif bit != expected:
                raise ValueError("broken label")
        if rest[len(kind.pattern)] != "1":
            raise ValueError("dotted labels are not supported")
        return kind.lowest + int(value, 2), rest[len(kind.pattern) + 1 :]
    raise ValueError("broken label")
