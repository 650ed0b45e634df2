"""Merkle trees as RFC 9162 hashes them: roots, inclusion and consistency proofs, and tiles.

Pure. A tree of n leaves lies in tiles of up to 256 hashes: tile (0, i) holds the leaf hashes
256 i ..., tile (1, i) the roots of the tiles (0, 256 i) ..., and so on upwards. Whatever a proof
needs is computed from a few tiles, so neither proving nor appending reads the log.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
TILE_LEVELS = 8
TILE_WIDTH = 1 << TILE_LEVELS
TILE_BYTES = TILE_WIDTH * HASH_BYTES

Node = tuple[int, int]
"""(level, index): the root of the complete subtree over `1 << level` leaves from index << level."""
Span = tuple[int, int]
"""Leaves [begin, end)."""
TileId = tuple[int, int]
"""(tile level, index)."""


class TreeDamaged(Exception):
    """Stored hashes of a tree are missing, or do not add up to what was signed."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf's content."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees; the prefix keeps it apart from any leaf's."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _largest_power_below(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


# -- which parts of the tree a proof is made of


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The spans whose roots prove leaf `index` (from 0) in the tree of `size`, lowest first.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} has no leaf {index}")
    spans: list[Span] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _largest_power_below(end - begin)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((begin, middle))
            begin = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """The spans whose roots prove that the tree of `second` only appended to that of `first`.

    Raises:
        ValueError: not 0 <= first <= second.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {second} does not follow one of {first}")
    if first in (0, second):
        return []
    spans: list[Span] = []
    begin, end = 0, second
    while end != first:
        middle = begin + _largest_power_below(end - begin)
        if first <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((begin, middle))
            begin = middle
    if begin > 0:
        # The old tree is not itself a subtree of the new one: its last part starts the proof.
        spans.append((begin, end))
    return spans[::-1]


def cover(span: Span) -> list[Node]:
    """The complete subtrees that a span of a proof consists of, from the left."""
    begin, end = span
    nodes: list[Node] = []
    while begin < end:
        width = end - begin
        level = width.bit_length() - 1
        if begin:
            level = min(level, (begin & -begin).bit_length() - 1)
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


def root_of(parts: Sequence[bytes]) -> bytes:
    """The root over adjoining subtrees that shrink from the left to the right, as `cover` cuts."""
    if not parts:
        return EMPTY_ROOT
    root = parts[-1]
    for part in reversed(parts[:-1]):
        root = node_hash(part, root)
    return root


# -- verifying


def inclusion_holds(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the leaf hash stands at `index` (from 0) of the tree with this root (RFC 9162)."""
    if not 0 <= index < size:
        return False
    at, last, reached = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            reached = node_hash(sibling, reached)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and reached == root


def consistency_holds(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the second tree begins with all of the first (RFC 9162, 2.1.4.2)."""
    if not 0 <= first <= second:
        return False
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    if first == second:
        return not proof and first_root == second_root
    steps = list(proof) if first & (first - 1) else [first_root, *proof]
    if not steps:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, step)
        at, last = at >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


# -- the tree in memory


class Range:
    """The root of a growing list of leaf hashes, in logarithmic memory."""

    __slots__ = ("_parts", "size")

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        # Each trailing one bit of the old size is a finished subtree that the new leaf completes.
        size = self.size
        while size & 1:
            leaf = node_hash(self._parts.pop(), leaf)
            size >>= 1
        self._parts.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        return root_of(self._parts)


def subtree_root(hashes: bytes) -> bytes:
    """The root over a power of two of concatenated hashes."""
    level = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


# -- the tree in tiles


def tile_of(node: Node) -> TileId:
    """The tile that a node is computed from."""
    level, index = node
    tile_level, height = divmod(level, TILE_LEVELS)
    return tile_level, (index << height) // TILE_WIDTH


def node_in(node: Node, tile: bytes) -> bytes:
    """The hash of a node, from its tile.

    Raises:
        TreeDamaged: the tile does not reach that far.
    """
    level, index = node
    height = level % TILE_LEVELS
    begin = (index << height) % TILE_WIDTH * HASH_BYTES
    hashes = tile[begin : begin + (HASH_BYTES << height)]
    if len(hashes) != HASH_BYTES << height:
        raise TreeDamaged(f"the tile of node {node} is too short")
    return subtree_root(hashes)


def edge_tiles(size: int) -> list[TileId]:
    """The unfinished tiles of a tree, one a level where there is one; they give its root."""
    tiles = []
    level = 0
    while count := size >> (TILE_LEVELS * level):
        if count % TILE_WIDTH:
            tiles.append((level, count // TILE_WIDTH))
        level += 1
    return tiles


class Edge:
    """The right edge of a tree in tiles: it takes further leaves and knows the root.

    Args:
        size: the number of leaves.
        tiles: at least `edge_tiles(size)`; what lies in them beyond `size` is not looked at.

    Raises:
        TreeDamaged: a tile is missing or too short.
    """

    def __init__(self, size: int, tiles: Mapping[TileId, bytes]) -> None:
        self.size = size
        self.changed: dict[TileId, bytes] = {}
        """Tiles that grew, whole; the unfinished ones only after `finish`."""
        self._open: list[bytearray] = []
        level = 0
        while count := size >> (TILE_LEVELS * level):
            index, width = divmod(count, TILE_WIDTH)
            tile = tiles.get((level, index), b"")[: width * HASH_BYTES] if width else b""
            if len(tile) != width * HASH_BYTES:
                raise TreeDamaged(f"tile {index} of level {level} is missing or too short")
            self._open.append(bytearray(tile))
            level += 1

    @classmethod
    def empty(cls) -> Self:
        return cls(0, {})

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes."""
        for leaf in leaves:
            self._put(0, leaf)
            self.size += 1

    def _put(self, level: int, entry: bytes) -> None:
        if level == len(self._open):
            self._open.append(bytearray())
        tile = self._open[level]
        tile += entry
        if len(tile) == TILE_BYTES:
            # `size` counts the leaf being added only afterwards, so this is the tile it is in.
            index = self.size >> (TILE_LEVELS * (level + 1))
            self.changed[level, index] = bytes(tile)
            self._open[level] = bytearray()
            self._put(level + 1, subtree_root(bytes(tile)))

    def finish(self) -> dict[TileId, bytes]:
        """All tiles that grew since the beginning."""
        for level, index in edge_tiles(self.size):
            self.changed[level, index] = bytes(self._open[level])
        return self.changed

    def root(self) -> bytes:
        parts: list[bytes] = []
        for tile in reversed(self._open):
            width = len(tile) // HASH_BYTES
            for level, index in cover((0, width)):
                begin = (index << level) * HASH_BYTES
                parts.append(subtree_root(bytes(tile[begin : begin + (HASH_BYTES << level)])))
        return root_of(parts)


def prove(spans: Sequence[Span], node: Callable[[Node], bytes]) -> list[bytes]:
    """The hashes of a proof, where `node` answers the hash of a complete subtree."""
    return [root_of([node(part) for part in cover(span)]) for span in spans]
