"""Which scheme appraises whom: the most specific binding wins, and every other says why not."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ids
from domain.binding import Binding, resolve, units_above
from domain.cycle import BindScheme, OpenCycle
from domain.kernel import Context
from domain.org_units import CreateOrgUnit, MoveOrgUnit
from domain.scheme import ApproveScheme, DraftFromTemplate, PublishScheme, RetireScheme

COMPANY, SALES, EAST = UUID(int=1), UUID(int=2), UUID(int=3)
PATH = (EAST, SALES, COMPANY)


def binding(
    number: int, level: int | None = None, unit: UUID | None = None, family: Any = "marketing"
) -> Binding:
    return Binding(
        scheme_id=UUID(int=number),
        scheme_version=1,
        family=family,
        level=level,
        org_unit_id=unit,
    )


ALL = (
    binding(1),
    binding(2, level=3),
    binding(3, unit=COMPANY),
    binding(4, level=3, unit=COMPANY),
    binding(5, unit=SALES),
    binding(6, unit=EAST),
    binding(7, level=3, unit=EAST),
    binding(8, level=4, unit=EAST),
    binding(9, unit=UUID(int=9)),
    binding(10, unit=EAST, family="function"),
)


@pytest.mark.parametrize("chosen", [7, 6, 5, 4, 3, 2, 1])
def test_the_most_specific_wins(chosen: int) -> None:
    """Each wins as soon as those before it are gone, in this order."""
    order = (7, 6, 5, 4, 3, 2, 1)
    gone = order[: order.index(chosen)]
    left = [each for each in ALL if each.scheme_id.int not in gone]
    found = resolve(left, "marketing", 3, PATH)
    assert found.chosen is not None
    assert found.chosen.scheme_id.int == chosen


def test_it_says_why() -> None:
    found = resolve(ALL, "marketing", 3, PATH)
    assert [each.why for each in found.considered] == [
        "less-specific",
        "less-specific",
        "less-specific",
        "less-specific",
        "less-specific",
        "less-specific",
        "chosen",
        "other-level",
        "other-unit",
        "other-family",
    ]
    nothing = resolve(ALL, "general", 3, PATH)
    assert nothing.chosen is None
    assert {each.why for each in nothing.considered} == {"other-family"}


@given(st.permutations(ALL))
def test_the_order_of_bindings_decides_nothing(bindings: list[Binding]) -> None:
    chosen = resolve(bindings, "marketing", 3, PATH).chosen
    assert chosen is not None
    assert chosen.scheme_id.int == 7


def test_units_are_those_of_the_day(company: Any) -> None:
    world = company.world
    for code in ("group", "east"):
        world.do(CreateOrgUnit(code=code, name=code, valid_from=date(2020, 1, 1)))
    group, east, sales = map(ids.org_unit_id, ("group", "east", "sales"))
    world.do(
        MoveOrgUnit(effective_from=date(2025, 2, 1), parent_id=east, reason="区域"), on=company.unit
    )
    world.do(MoveOrgUnit(effective_from=date(2025, 2, 1), parent_id=group, reason="区域"), on=east)
    context = Context(now=world.now, actor=company.manager, look=world)
    assert units_above(sales, date(2025, 1, 31), context) == (sales,)
    assert units_above(sales, date(2025, 2, 1), context) == (sales, east, group)


def test_an_appraisal_takes_the_scheme_of_its_unit(company: Any) -> None:
    general = company.publish(company.judged_scheme(care=10_000), code="GENERAL")
    special = company.publish(company.judged_scheme(zeal=10_000), code="SPECIAL")
    company.plan()
    company.bind(general, "marketing")
    bind = BindScheme(
        scheme_id=special, scheme_version=1, family="marketing", org_unit_id=company.unit
    )
    company.world.do(bind, on=company.cycle)
    company.world.refuses("scheme-already-bound", bind, on=company.cycle)
    company.world.do(OpenCycle(), on=company.cycle)
    appraisal = company.create_appraisal()
    assert company.world.states[appraisal].scheme_id == special


def test_what_cannot_be_bound(company: Any) -> None:
    scheme = company.publish(company.judged_scheme(care=10_000))
    company.plan()
    bind = BindScheme(
        scheme_id=scheme, scheme_version=1, family="marketing", org_unit_id=UUID(int=9)
    )
    company.world.refuses("unknown-org-unit", bind, on=company.cycle)
    company.world.do(
        DraftFromTemplate(code="FIN", template="function-finance"),
    )
    finance = ids.scheme_id("FIN")
    company.world.do(ApproveScheme(version=1), on=finance, actor=company.authoriser)
    company.world.do(PublishScheme(version=1), on=finance)
    elsewhere = BindScheme(scheme_id=finance, scheme_version=1, family="marketing")
    company.world.refuses("wrong-family", elsewhere, on=company.cycle)
    company.world.do(RetireScheme(version=1, reason="过时"), on=scheme)
    company.world.refuses("scheme-retired", bind, on=company.cycle)
