"""The tree of units: every day keeps its own shape, and no unit ever comes to be below itself."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import ids
from domain.kernel import Refused
from domain.org_units import (
    CloseOrgUnit,
    CreateOrgUnit,
    MoveOrgUnit,
    OrgUnit,
    RenameOrgUnit,
)
from domain.organisation import ChangeAssignment, HireEmployee

FOUNDED, SPRING, SUMMER = date(2020, 1, 1), date(2025, 4, 1), date(2025, 7, 1)
DAY = timedelta(days=1)


def unit(world: Any, code: str) -> OrgUnit:
    found: OrgUnit = world.states[ids.org_unit_id(code)]
    return found


def create(code: str, parent: str | None = None, valid_from: date = FOUNDED) -> CreateOrgUnit:
    parent_id = ids.org_unit_id(parent) if parent else None
    return CreateOrgUnit(code=code, name=code, valid_from=valid_from, parent_id=parent_id)


def move(parent: str | None, day: date, reason: str = "重组") -> MoveOrgUnit:
    return MoveOrgUnit(
        effective_from=day,
        parent_id=ids.org_unit_id(parent) if parent else None,
        reason=reason,
    )


@pytest.fixture
def tree(world: Any) -> Any:
    """A with B below it, C below B, and D beside A."""
    for command in (create("A"), create("B", "A"), create("C", "B"), create("D")):
        world.do(command)
    return world


def test_the_old_tree_is_still_there(tree: Any) -> None:
    tree.do(move("D", SPRING), on=ids.org_unit_id("B"))
    b = unit(tree, "B")
    assert b.parent_on(SPRING - DAY) == ids.org_unit_id("A")
    assert b.parent_on(SPRING) == ids.org_unit_id("D")
    assert b.parent_on(FOUNDED - DAY) is None


def test_a_name_is_as_of_a_day(tree: Any) -> None:
    tree.do(RenameOrgUnit(effective_from=SPRING, name="华东大区"), on=ids.org_unit_id("B"))
    b = unit(tree, "B")
    assert (b.name_on(SPRING - DAY), b.name_on(SPRING)) == ("B", "华东大区")
    assert b.name_on(FOUNDED - DAY) is None


def test_what_becomes_known_late_is_put_in_its_place(tree: Any) -> None:
    b = ids.org_unit_id("B")
    tree.do(move("D", SUMMER), on=b)
    tree.do(move(None, SPRING), on=b)
    assert [row.parent_id for row in unit(tree, "B").parents] == [
        ids.org_unit_id("A"),
        None,
        ids.org_unit_id("D"),
    ]
    tree.refuses("org-unit-date-taken", move("A", SPRING), on=b)
    rename = RenameOrgUnit(effective_from=FOUNDED, name="x")
    tree.refuses("org-unit-date-taken", rename, on=b)


def test_no_unit_is_below_itself(tree: Any) -> None:
    a = ids.org_unit_id("A")
    for below in ("A", "B", "C"):
        tree.refuses("org-unit-loop", move(below, SPRING), on=a)
    # Only on the days that count: C leaves B before A goes below it, and only until then.
    tree.do(move("D", SPRING), on=ids.org_unit_id("C"))
    tree.refuses("org-unit-loop", move("C", SPRING - DAY), on=a)
    tree.do(move("C", SPRING), on=a)
    tree.refuses("org-unit-loop", move("A", SUMMER), on=ids.org_unit_id("D"))


def test_a_move_that_a_later_one_ends_is_asked_about_its_own_days_alone(tree: Any) -> None:
    a, c = ids.org_unit_id("A"), ids.org_unit_id("C")
    tree.do(move("D", SUMMER), on=c)
    tree.do(move(None, SUMMER), on=a)
    # Between spring and summer C is below A, and A would be below C.
    tree.refuses("org-unit-loop", move("C", SPRING), on=a)


def test_a_unit_exists_on_the_days_on_which_it_is_used(company: Any) -> None:
    world = company.world
    world.do(create("new", valid_from=SPRING))
    new = ids.org_unit_id("new")
    world.refuses("org-unit-not-in-force", create("below", "new", SPRING - DAY))
    world.refuses("org-unit-not-in-force", move("new", SPRING - DAY), on=company.unit)
    work = ChangeAssignment(
        effective_from=SPRING - DAY,
        assignment=company.assignment(manager_id=company.manager),
    )
    there = msgspec.structs.replace(work.assignment, org_unit_id=new)
    early = msgspec.structs.replace(work, assignment=there)
    world.refuses("org-unit-not-in-force", early, on=company.employment)
    world.do(msgspec.structs.replace(early, effective_from=SPRING), on=company.employment)


def test_a_closed_unit_takes_nobody_in(company: Any) -> None:
    world = company.world
    world.do(create("old"))
    old = ids.org_unit_id("old")
    early = CloseOrgUnit(last_day=FOUNDED - DAY, reason="撤销")
    world.refuses("org-unit-not-in-force", early, on=old)
    world.refuses("reason-missing", CloseOrgUnit(last_day=SPRING, reason=" "), on=old)
    world.do(CloseOrgUnit(last_day=SPRING, reason="撤销"), on=old)
    assert unit(world, "old").in_force(SPRING)
    assert not unit(world, "old").in_force(SPRING + DAY)
    for command in (
        CloseOrgUnit(last_day=SPRING, reason="再撤销"),
        RenameOrgUnit(effective_from=SPRING, name="x"),
        move(None, SPRING),
    ):
        world.refuses("org-unit-closed", command, on=old)
    world.refuses("org-unit-not-in-force", create("below", "old", SPRING + DAY))
    work = msgspec.structs.replace(company.assignment(), org_unit_id=old)
    hire = HireEmployee(
        number="late", person_id=company.manager, hired_on=SPRING + DAY, assignment=work
    )
    world.refuses("org-unit-not-in-force", hire)
    world.do(msgspec.structs.replace(hire, hired_on=SPRING))


def test_a_unit_must_be_known(world: Any) -> None:
    world.do(create("A"))
    nobody = ids.org_unit_id("nobody")
    for command in (
        move(None, SPRING),
        RenameOrgUnit(effective_from=SPRING, name="x"),
        CloseOrgUnit(last_day=SPRING, reason="x"),
    ):
        world.refuses("unknown-org-unit", command, on=nobody)
    world.refuses("unknown-org-unit", move("nobody", SPRING), on=ids.org_unit_id("A"))


CODES = "ABCDE"
MOVES = st.lists(
    st.tuples(
        st.sampled_from(CODES),
        st.sampled_from([*CODES, None]),
        st.integers(0, 6).map(lambda month: SPRING + month * 30 * DAY),
    ),
    max_size=25,
)


@settings(max_examples=150)
@given(moves=MOVES)
def test_on_no_day_is_there_a_loop(found_company: Any, moves: list[Any]) -> None:
    world = found_company().world
    for code in CODES:
        world.do(create(code))
    for code, parent, day in moves:
        try:
            world.do(move(parent, day), on=ids.org_unit_id(code))
        except Refused:
            continue
    for month in range(8):
        day = SPRING + month * 30 * DAY
        for code in CODES:
            above: UUID | None = ids.org_unit_id(code)
            for _ in CODES:
                above = None if above is None else world.states[above].parent_on(day)
            assert above is None, (code, day)
