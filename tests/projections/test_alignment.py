"""The alignment tree: who serves what, and how much of all goals serves anything."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from projections.alignment import (
    FULL_BP,
    WEIGHT_OF_A_SCHEME,
    Aligned,
    Goals,
    Objective,
    tree_of,
)

CYCLE, UNIT = UUID(int=1), UUID(int=2)
TOP, SALES, NORTH = (UUID(int=number) for number in (11, 12, 13))


def objective(
    its_id: UUID, code: str, serves: UUID | None = None, *, dropped: bool = False
) -> Objective:
    return Objective(
        objective_id=its_id,
        cycle_id=CYCLE,
        code=code,
        name=code,
        org_unit_id=None if serves is None else UNIT,
        serves=serves,
        dropped=dropped,
        version=1,
    )


def goals(number: int, *aligned: tuple[UUID, int]) -> Goals:
    return Goals(
        goal_sheet_id=UUID(int=100 + number),
        appraisal_id=UUID(int=200 + number),
        cycle_id=CYCLE,
        person_id=UUID(int=300 + number),
        org_unit_id=UNIT,
        aligned=tuple(
            Aligned(indicator=f"i{index}", objective_id=its_id, weight=weight)
            for index, (its_id, weight) in enumerate(aligned)
        ),
        created_position=number,
    )


TREE = [objective(TOP, "growth"), objective(SALES, "sales", TOP), objective(NORTH, "north", SALES)]


def test_what_is_served_below_is_served_above() -> None:
    tree = tree_of(
        CYCLE, TREE, [goals(1, (NORTH, 32_000_000)), goals(2, (SALES, 20_000_000)), goals(3)]
    )
    (growth,) = tree.objectives
    (sales,) = growth.below
    (north,) = sales.below
    assert (growth.people, sales.people, north.people) == (2, 2, 1)
    assert (growth.weight_bp, sales.weight_bp, north.weight_bp) == (1733, 1733, 1066)
    assert (tree.people, tree.people_aligned, tree.weight_bp) == (3, 2, 1733)
    assert tree.unserved == ()


def test_what_nobody_serves_is_named() -> None:
    tree = tree_of(CYCLE, TREE, [goals(1, (SALES, WEIGHT_OF_A_SCHEME))])
    assert tree.unserved == (NORTH,)
    assert tree.weight_bp == FULL_BP


def test_what_hangs_below_something_dropped_serves_nothing() -> None:
    dropped = [TREE[0], objective(SALES, "sales", TOP, dropped=True), TREE[2]]
    tree = tree_of(CYCLE, dropped, [goals(1, (NORTH, 1)), goals(2, (SALES, 1))])
    (growth,) = tree.objectives
    assert (growth.people, growth.below) == (0, ())
    assert (tree.people_aligned, tree.weight_bp, tree.unserved) == (0, 0, (TOP,))


def test_a_cycle_without_goals_covers_nothing() -> None:
    tree = tree_of(CYCLE, TREE, [])
    assert (tree.people, tree.weight_bp) == (0, 0)
    assert tree_of(CYCLE, [], []).objectives == ()


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from((TOP, SALES, NORTH)), st.integers(0, 10**7)), max_size=3
        ),
        max_size=6,
    )
)
def test_no_more_is_covered_than_there_is(each: list[list[tuple[UUID, int]]]) -> None:
    tree = tree_of(CYCLE, TREE, [goals(n, *aligned) for n, aligned in enumerate(each)])
    (growth,) = tree.objectives
    assert 0 <= tree.weight_bp <= FULL_BP
    assert growth.weight_bp == tree.weight_bp
    assert growth.people == tree.people_aligned <= tree.people == len(each)
