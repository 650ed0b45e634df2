"""Units, jobs and people: created once, with codes that cannot forge another's id."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from domain import ids
from domain.jobs import JOB, DefineJob, JobDefined
from domain.org_units import ORG_UNIT, CreateOrgUnit, OrgUnitCreated
from domain.organisation import PERSON, PersonRegistered, RegisterPerson

Given = Callable[..., Any]

CREATE = CreateOrgUnit(code="sales", name="营销部", valid_from=date(2020, 1, 1))
CREATED = OrgUnitCreated(code="sales", name="营销部", valid_from=date(2020, 1, 1))
BELOW = CreateOrgUnit(
    code="east", name="华东区", valid_from=date(2021, 1, 1), parent_id=ids.org_unit_id("sales")
)
DEFINE = DefineJob(
    code="seller",
    title="客户经理",
    family="marketing",
    level=3,
    coefficient_min=Decimal(0),
    coefficient_max=Decimal("1.20"),
    duties=("签订合同", "回款"),
)


def test_a_unit_is_created_once(given: Given) -> None:
    given(ORG_UNIT).when(CREATE).then(CREATED)
    given(ORG_UNIT, CREATED).when(CREATE).refused("already-exists")


def test_a_unit_lies_below_one_that_exists(given: Given) -> None:
    given(ORG_UNIT).when(BELOW).refused("unknown-org-unit")
    given(ORG_UNIT).beside(ids.org_unit_id("sales"), CREATED).when(BELOW).then(
        OrgUnitCreated(
            code="east", name="华东区", valid_from=date(2021, 1, 1), parent_id=BELOW.parent_id
        )
    )


def test_an_id_of_another_kind_is_no_unit(given: Given) -> None:
    person = uuid4()
    below_person = msgspec.structs.replace(BELOW, parent_id=person)
    given(ORG_UNIT).beside(person, PersonRegistered(number="1", name="王芳")).when(
        below_person
    ).refused("unknown-org-unit")


@pytest.mark.parametrize(
    "code", ["", " ", "a ", " a", "a\x1fb", "a\x00", "a\nb", "\u200b", "\ud800", "x" * 101]
)
def test_codes_are_printable(given: Given, code: str) -> None:
    given(ORG_UNIT).when(msgspec.structs.replace(CREATE, code=code)).refused("bad-code")


@pytest.mark.parametrize("code", ["x", "销售一部", "R&D / 2", "x" * 100])
def test_codes_may_be_in_any_script(given: Given, code: str) -> None:
    given(ORG_UNIT).when(msgspec.structs.replace(CREATE, code=code)).then(
        msgspec.structs.replace(CREATED, code=code)
    )


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "line\nbreak", "x" * 201])
def test_names_say_something(given: Given, name: str) -> None:
    given(ORG_UNIT).when(msgspec.structs.replace(CREATE, name=name)).refused("bad-name")
    given(PERSON).when(RegisterPerson(number="1", name=name)).refused("bad-name")
    given(JOB).when(msgspec.structs.replace(DEFINE, title=name)).refused("bad-name")


def test_a_job_is_defined_once(given: Given) -> None:
    defined = JobDefined(**{field: getattr(DEFINE, field) for field in DEFINE.__struct_fields__})
    given(JOB).when(DEFINE).then(defined)
    given(JOB, defined).when(DEFINE).refused("already-exists")


@pytest.mark.parametrize("level", [-1, 1001])
def test_a_job_has_a_level(given: Given, level: int) -> None:
    given(JOB).when(msgspec.structs.replace(DEFINE, level=level)).refused("bad-level")


@pytest.mark.parametrize(
    ("low", "high"),
    [("-0.1", "1"), ("1.1", "1"), ("0", "NaN"), ("0", "Infinity"), ("0", "1.00001"), ("0", "11")],
)
def test_a_coefficient_band_runs_upwards_from_zero(given: Given, low: str, high: str) -> None:
    job = msgspec.structs.replace(
        DEFINE, coefficient_min=Decimal(low), coefficient_max=Decimal(high)
    )
    given(JOB).when(job).refused("bad-coefficient-band")


def test_a_duty_is_text(given: Given) -> None:
    given(JOB).when(msgspec.structs.replace(DEFINE, duties=("\x00",))).refused("bad-text")
    given(JOB).when(msgspec.structs.replace(DEFINE, duties=("x" * 4001,))).refused("bad-text")


def test_a_person_is_registered_once(given: Given) -> None:
    registered = PersonRegistered(number="1001", name="王芳")
    given(PERSON).when(RegisterPerson(number="1001", name="王芳")).then(registered)
    given(PERSON, registered).when(RegisterPerson(number="1001", name="李雷")).refused(
        "already-exists"
    )
