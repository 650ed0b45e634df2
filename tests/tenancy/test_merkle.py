"""The tree against pymerkle, for every size up to 70 and every proof, and against tampering."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from tenancy.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    TILE_WIDTH,
    Edge,
    Node,
    Range,
    TileId,
    TreeDamaged,
    consistency_holds,
    consistency_spans,
    cover,
    edge_tiles,
    inclusion_holds,
    inclusion_spans,
    leaf_hash,
    node_hash,
    node_in,
    prove,
    root_of,
    tile_of,
)

SIZES = range(71)


def entries(count: int) -> list[bytes]:
    return [f"event {n}".encode() for n in range(count)]


def oracle(count: int) -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries(count):
        tree.append_entry(entry)
    return tree


def built(count: int, *, chunk: int = 1000) -> tuple[Edge, dict[TileId, bytes]]:
    """The tree in tiles, built over several sittings as a sealer does."""
    leaves = [leaf_hash(entry) for entry in entries(count)]
    tiles: dict[TileId, bytes] = {}
    edge = Edge.empty()
    for begin in range(0, count, chunk):
        edge = Edge(edge.size, tiles)
        edge.extend(leaves[begin : begin + chunk])
        tiles.update(edge.finish())
    return edge, tiles


def from_tiles(tiles: dict[TileId, bytes]) -> Callable[[Node], bytes]:
    return lambda node: node_in(node, tiles[tile_of(node)])


def test_the_empty_tree() -> None:
    assert Edge.empty().root() == Range().root() == EMPTY_ROOT == oracle(0).get_root()


@pytest.mark.parametrize("size", SIZES)
def test_roots_agree_with_pymerkle(size: int) -> None:
    growing = Range()
    for entry in entries(size):
        growing.append(leaf_hash(entry))
    edge, _ = built(size, chunk=7)
    assert edge.size == growing.size == size
    assert edge.root() == growing.root() == oracle(size).get_root()


@pytest.mark.parametrize("size", SIZES)
def test_every_inclusion_proof_is_pymerkles_and_holds(size: int) -> None:
    tree, (edge, tiles) = oracle(size), built(size)
    for index in range(size):
        proof = prove(inclusion_spans(index, size), from_tiles(tiles))
        assert proof == tree.prove_inclusion(index + 1, size).path[1:]
        leaf = leaf_hash(entries(size)[index])
        assert inclusion_holds(leaf, index, size, proof, edge.root())
        assert len(proof) <= size.bit_length()
        for elsewhere in {0, index - 1, index + 1, size - 1, size} - {index}:
            assert not inclusion_holds(leaf, elsewhere, size, proof, edge.root())
        assert not inclusion_holds(leaf_hash(b"other"), index, size, proof, edge.root())
        assert not inclusion_holds(leaf, index, size, [*proof, leaf], edge.root())
        if proof:
            assert not inclusion_holds(leaf, index, size, proof[:-1], edge.root())


def mth(data: list[bytes]) -> bytes:
    """MTH as RFC 9162, 2.1.1 writes it."""
    if len(data) < 2:
        return leaf_hash(data[0]) if data else EMPTY_ROOT
    k = 1 << (len(data) - 1).bit_length() - 1
    return node_hash(mth(data[:k]), mth(data[k:]))


def subproof(m: int, data: list[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF as RFC 9162, 2.1.4.1 writes it."""
    if m == len(data):
        return [] if whole else [mth(data)]
    k = 1 << (len(data) - 1).bit_length() - 1
    if m <= k:
        return [*subproof(m, data[:k], whole=whole), mth(data[k:])]
    return [*subproof(m - k, data[k:], whole=False), mth(data[:k])]


@pytest.mark.parametrize("second", SIZES)
def test_every_consistency_proof_is_the_rfcs_and_holds_between_pymerkles_roots(second: int) -> None:
    tree, (_, tiles) = oracle(second), built(second)
    root = tree.get_root()
    for first in range(1, second + 1):
        proof = prove(consistency_spans(first, second), from_tiles(tiles))
        assert proof == subproof(first, entries(second), whole=True)
        old = tree.get_root(first)
        assert consistency_holds(first, second, old, root, proof)
        assert not consistency_holds(first, second, leaf_hash(b"fork"), root, proof)
        if first < second:
            assert not consistency_holds(first, second, old, leaf_hash(b"fork"), proof)
            assert not consistency_holds(first, second, old, root, [])
            assert not consistency_holds(first, second, old, root, [*proof, old])
            assert not consistency_holds(first, second, old, root, proof[:-1])
            assert not consistency_holds(second, first, root, old, proof)


def test_roots_of_certificate_transparencys_own_vectors() -> None:
    inputs = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")
    growing = Range()
    for text in (*inputs, "606162636465666768696a6b6c6d6e6f"):
        growing.append(leaf_hash(bytes.fromhex(text)))
    assert growing.root().hex() == (
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )


def test_every_tree_follows_the_empty_one() -> None:
    assert consistency_spans(0, 5) == []
    assert consistency_holds(0, 5, EMPTY_ROOT, oracle(5).get_root(), [])
    assert not consistency_holds(0, 5, leaf_hash(b""), oracle(5).get_root(), [])


def test_there_is_no_proof_of_what_is_not_there() -> None:
    for index, size in ((5, 5), (-1, 5), (0, 0)):
        with pytest.raises(ValueError, match="has no leaf"):
            inclusion_spans(index, size)
    with pytest.raises(ValueError, match="does not follow"):
        consistency_spans(6, 5)


@given(size=st.integers(1, 5000), cuts=st.lists(st.integers(0, 5000), max_size=4), data=st.data())
@settings(max_examples=30)
def test_a_tree_built_in_any_sittings_proves_everything(
    size: int, cuts: list[int], data: st.DataObject
) -> None:
    leaves = [leaf_hash(entry) for entry in entries(size)]
    tiles: dict[TileId, bytes] = {}
    ends = [0, *sorted(min(cut, size) for cut in cuts), size]
    for begin, end in pairwise(ends):
        edge = Edge(begin, tiles)
        edge.extend(leaves[begin:end])
        tiles.update(edge.finish())
    whole = root_of([from_tiles(tiles)(node) for node in cover((0, size))])
    assert edge.root() == whole
    index = data.draw(st.integers(0, size - 1))
    proof = prove(inclusion_spans(index, size), from_tiles(tiles))
    assert inclusion_holds(leaves[index], index, size, proof, whole)
    first = data.draw(st.integers(1, size))
    old = root_of([from_tiles(tiles)(node) for node in cover((0, first))])
    growing = Range()
    for leaf in leaves[:first]:
        growing.append(leaf)
    assert growing.root() == old
    steps = prove(consistency_spans(first, size), from_tiles(tiles))
    assert consistency_holds(first, size, old, whole, steps)


def test_tiles_over_three_levels() -> None:
    size = TILE_WIDTH * TILE_WIDTH + TILE_WIDTH + 3
    edge, tiles = built(size, chunk=9973)
    assert edge.root() == root_of([from_tiles(tiles)(node) for node in cover((0, size))])
    assert edge_tiles(size) == [(0, 257), (1, 1), (2, 0)]
    assert len(tiles[2, 0]) == HASH_BYTES
    proof = prove(inclusion_spans(65_535, size), from_tiles(tiles))
    leaf = leaf_hash(entries(65_536)[65_535])
    assert inclusion_holds(leaf, 65_535, size, proof, edge.root())


def test_a_damaged_tile_is_not_built_upon() -> None:
    _, tiles = built(300)
    with pytest.raises(TreeDamaged, match="tile 1 of level 0"):
        Edge(300, {**tiles, (0, 1): tiles[0, 1][:-1]})
    with pytest.raises(TreeDamaged, match="missing"):
        Edge(300, {})
    with pytest.raises(TreeDamaged, match="too short"):
        node_in((0, 99), tiles[0, 1])


def test_leaves_and_nodes_cannot_be_confused() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert node_hash(left, right) != leaf_hash(left + right)
