"""From a checked record to the command that says it; business keys become ids here."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from domain import ids
from domain.employment import EMPLOYMENT
from domain.historical import (
    HISTORICAL_RECORD,
    PayPart,
    RecordHistoricalFact,
    RecordHistoricalPay,
    RecordHistoricalRating,
)
from domain.jobs import JOB, DefineJob
from domain.money import Amount
from domain.org_units import ORG_UNIT, CreateOrgUnit
from domain.organisation import (
    PERSON,
    Assignment,
    ChangeAssignment,
    HireEmployee,
    RegisterPerson,
    SetPayStructure,
    TerminateEmployment,
)
from ops.onboarding.entities import PART
from ops.onboarding.records import Entity, Record
from tenancy.bulk import Step

KEPT = {"person": 400_000, "employment": 40_000, "historical-record": 20_000}
"""States at hand while importing; a person's is small, and an employment is read again."""

_unit = lru_cache(10_000)(ids.org_unit_id)
_job = lru_cache(10_000)(ids.job_id)
_day = lru_cache(50_000)(date.fromisoformat)
_number = lru_cache(10_000)(Decimal)

PersonOf = Callable[[str], UUID]
"""The person of an employment, both by number: a manager is named by an employment."""


def step_of(record: Record, person_of: PersonOf) -> Step:
    """The command that a record is, for its stream.

    Raises:
        ValueError, ArithmeticError: a value is not what its check had found it to be.
    """
    return _STEPS[record.entity]({name: value.text for name, value in record.fields.items()},
                                 person_of)  # fmt: skip


Texts = Mapping[str, str | None]


def _said(texts: Texts, field: str) -> str:
    text = texts.get(field)
    if text is None:
        raise ValueError(f"the record has no {field}")
    return text


def _org_unit(texts: Texts, _: PersonOf) -> Step:
    parent = texts.get("parent")
    code = _said(texts, "code")
    command = CreateOrgUnit(
        code=code,
        name=_said(texts, "name"),
        valid_from=_day(_said(texts, "valid_from")),
        parent_id=None if parent is None else _unit(parent),
    )
    return Step(ORG_UNIT, _unit(code), command)


def _job_step(texts: Texts, _: PersonOf) -> Step:
    code = _said(texts, "code")
    command = DefineJob(
        code=code,
        title=_said(texts, "title"),
        family=_said(texts, "family"),  # type: ignore[arg-type]  # a code list was checked
        level=int(_said(texts, "level")),
        coefficient_min=Decimal(_said(texts, "coefficient_min")),
        coefficient_max=Decimal(_said(texts, "coefficient_max")),
    )
    return Step(JOB, _job(code), command)


def _person(texts: Texts, _: PersonOf) -> Step:
    number = _said(texts, "number")
    command = RegisterPerson(number=number, name=_said(texts, "name"))
    return Step(PERSON, ids.person_id(number), command)


def _assignment(texts: Texts, person_of: PersonOf) -> Assignment:
    manager = texts.get("manager")
    unit = _said(texts, "org_unit")
    return Assignment(
        org_unit_id=_unit(unit),
        job_id=_job(_said(texts, "job")),
        # Where the old system has none, the unit bears the cost.
        cost_centre=texts.get("cost_centre") or unit,
        manager_id=None if manager is None else person_of(manager),
        fte=_number(texts.get("fte") or "1"),
    )


def _employment(texts: Texts, person_of: PersonOf) -> Step:
    number = _said(texts, "number")
    person = ids.person_id(_said(texts, "person"))
    command = HireEmployee(
        number=number,
        person_id=person,
        hired_on=_day(_said(texts, "hired_on")),
        assignment=_assignment(texts, person_of),
    )
    return Step(EMPLOYMENT, ids.employment_id(number), command, ((PERSON, person),))


def _change(texts: Texts, person_of: PersonOf) -> Step:
    command = ChangeAssignment(
        effective_from=_day(_said(texts, "effective_from")),
        assignment=_assignment(texts, person_of),
    )
    return Step(EMPLOYMENT, ids.employment_id(_said(texts, "employment")), command)


def _amount(texts: Texts, field: str) -> Amount:
    return Amount(amount=Decimal(_said(texts, field)), currency=_said(texts, "currency"))


def _pay(texts: Texts, _: PersonOf) -> Step:
    command = SetPayStructure(
        effective_from=_day(_said(texts, "effective_from")),
        monthly_total=_amount(texts, "monthly_total"),
        performance_share=_number(_said(texts, "performance_share")),
    )
    return Step(EMPLOYMENT, ids.employment_id(_said(texts, "employment")), command)


def _termination(texts: Texts, _: PersonOf) -> Step:
    command = TerminateEmployment(
        last_day=_day(_said(texts, "last_day")),
        leaver=_said(texts, "leaver"),  # type: ignore[arg-type]  # a code list was checked
        reason=_said(texts, "reason"),
    )
    return Step(EMPLOYMENT, ids.employment_id(_said(texts, "employment")), command)


def _of_the_past(employment: UUID, command: Any) -> Step:
    stream = ids.historical_record_id(employment)
    return Step(HISTORICAL_RECORD, stream, command, ((EMPLOYMENT, employment),))


def _pay_history(texts: Texts, _: PersonOf) -> Step:
    employment = ids.employment_id(_said(texts, "employment"))
    currency = _said(texts, "currency")
    command = RecordHistoricalPay(
        employment_id=employment,
        measure=_said(texts, "measure"),
        period=_said(texts, "period"),
        starts_on=_day(_said(texts, "starts_on")),
        ends_on=_day(_said(texts, "ends_on")),
        total=_amount(texts, "total"),
        parts=tuple(
            PayPart(
                name=name.removeprefix(PART), amount=Amount(amount=Decimal(text), currency=currency)
            )
            for name, text in texts.items()
            if name.startswith(PART) and text is not None
        ),
    )
    return _of_the_past(employment, command)


def _score_history(texts: Texts, _: PersonOf) -> Step:
    employment = ids.employment_id(_said(texts, "employment"))
    command = RecordHistoricalRating(
        employment_id=employment,
        measure=_said(texts, "measure"),
        period=_said(texts, "period"),
        starts_on=_day(_said(texts, "starts_on")),
        ends_on=_day(_said(texts, "ends_on")),
        rating=Decimal(_said(texts, "rating")),
        scale_min=_number(_said(texts, "scale_min")),
        scale_max=_number(_said(texts, "scale_max")),
        label=texts.get("label") or "",
    )
    return _of_the_past(employment, command)


def _fact(texts: Texts, _: PersonOf) -> Step:
    of_unit = _said(texts, "subject_kind") == "org-unit"
    key = _said(texts, "subject")
    subject: UUID = _unit(key) if of_unit else ids.employment_id(key)
    command = RecordHistoricalFact(
        subject_kind="org-unit" if of_unit else "employment",
        subject_id=subject,
        measure=_said(texts, "measure"),
        reference=_said(texts, "reference"),
        occurred_on=_day(_said(texts, "occurred_on")),
        value=Decimal(_said(texts, "value")),
        unit=texts.get("unit") or "",
        label=texts.get("label") or "",
    )
    stream = ids.historical_record_id(subject)
    return Step(
        HISTORICAL_RECORD, stream, command, ((ORG_UNIT if of_unit else EMPLOYMENT, subject),)
    )


_STEPS: dict[Entity, Callable[[Texts, PersonOf], Step]] = {
    "org_unit": _org_unit,
    "job": _job_step,
    "person": _person,
    "employment": _employment,
    "assignment": _change,
    "pay_structure": _pay,
    "termination": _termination,
    "pay_history": _pay_history,
    "score_history": _score_history,
    "fact": _fact,
}
