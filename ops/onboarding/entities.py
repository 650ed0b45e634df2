"""The fields of each entity that an import can make: their types, limits and references."""

from typing import Literal, get_args

import msgspec

from ops.onboarding.records import Entity

Kind = Literal["code", "name", "text", "date", "money", "number", "share", "whole", "one-of"]

CODE_LENGTH_MAX = 100
NAME_LENGTH_MAX = 200
TEXT_LENGTH_MAX = 4000
PART = "part:"
"""Fields of this prefix are the parts of a sum of pay, by the old system's names."""

ENTITIES: tuple[Entity, ...] = get_args(Entity)


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """What may stand in a field."""

    kind: Kind
    required: bool = True
    refers_to: Entity | None = None
    default: str | None = None
    """Where the mapping says nothing about the field."""
    values: tuple[str, ...] = ()
    length_max: int = NAME_LENGTH_MAX


def _code(refers_to: Entity | None = None, *, required: bool = True) -> Field:
    return Field(kind="code", refers_to=refers_to, required=required, length_max=CODE_LENGTH_MAX)


NAME = Field(kind="name")
OPTIONAL_TEXT = Field(kind="text", required=False, length_max=TEXT_LENGTH_MAX)
DATE = Field(kind="date")
CURRENCY = Field(kind="one-of", length_max=3, default="@currency")

_PLACE = {
    "org_unit": _code("org_unit"),
    "job": _code("job"),
    "cost_centre": _code(required=False),
    "manager": _code("employment", required=False),
    "fte": Field(kind="share", default="1"),
}

FIELDS: dict[Entity, dict[str, Field]] = {
    "org_unit": {
        "code": _code(),
        "name": NAME,
        "valid_from": Field(kind="date", default="@opening"),
        "parent": _code("org_unit", required=False),
    },
    "job": {
        "code": _code(),
        "title": NAME,
        "family": Field(
            kind="one-of", values=("marketing", "function", "general"), default="general"
        ),
        "level": Field(kind="whole", default="0"),
        "coefficient_min": Field(kind="number", default="0"),
        "coefficient_max": Field(kind="number", default="2"),
    },
    "person": {"number": _code(), "name": NAME},
    "employment": {
        "number": _code(),
        "person": _code("person"),
        "hired_on": DATE,
        **_PLACE,
    },
    "assignment": {
        "employment": _code("employment"),
        "effective_from": DATE,
        "ends_on": Field(kind="date", required=False),
        **_PLACE,
    },
    "pay_structure": {
        "employment": _code("employment"),
        "effective_from": DATE,
        "monthly_total": Field(kind="money"),
        "currency": CURRENCY,
        "performance_share": Field(kind="share", default="0"),
    },
    "termination": {
        "employment": _code("employment"),
        "last_day": DATE,
        "leaver": Field(kind="one-of", values=("good-leaver", "bad-leaver"), default="good-leaver"),
        "reason": Field(kind="text", default="migrated", length_max=TEXT_LENGTH_MAX),
    },
    "pay_history": {
        "employment": _code("employment"),
        "measure": _code(),
        "period": _code(),
        "starts_on": DATE,
        "ends_on": DATE,
        "total": Field(kind="money"),
        "currency": CURRENCY,
    },
    "score_history": {
        "employment": _code("employment"),
        "measure": _code(),
        "period": _code(),
        "starts_on": DATE,
        "ends_on": DATE,
        "rating": Field(kind="number"),
        "scale_min": Field(kind="number"),
        "scale_max": Field(kind="number"),
        "label": OPTIONAL_TEXT,
    },
    "fact": {
        "subject_kind": Field(
            kind="one-of", values=("employment", "org-unit"), default="employment"
        ),
        "subject": _code(),
        "measure": _code(),
        "reference": _code(),
        "occurred_on": DATE,
        "value": Field(kind="number"),
        "unit": Field(kind="text", required=False, length_max=CODE_LENGTH_MAX),
        "label": OPTIONAL_TEXT,
    },
}

KEYS: dict[Entity, tuple[str, ...]] = {
    "org_unit": ("code",),
    "job": ("code",),
    "person": ("number",),
    "employment": ("number",),
    "assignment": ("employment", "effective_from"),
    "pay_structure": ("employment", "effective_from"),
    "termination": ("employment",),
    "pay_history": ("employment", "measure", "period"),
    "score_history": ("employment", "measure", "period"),
    "fact": ("subject", "measure", "reference"),
}
"""The fields that make the business key of each entity."""

BEGINS: dict[Entity, str] = {
    "org_unit": "valid_from",
    "employment": "hired_on",
    "assignment": "effective_from",
    "pay_structure": "effective_from",
    "termination": "last_day",
    "pay_history": "starts_on",
    "score_history": "starts_on",
    "fact": "occurred_on",
}
"""The day from which a record holds."""

ENDS: dict[Entity, str] = {
    "assignment": "ends_on",
    "pay_history": "ends_on",
    "score_history": "ends_on",
}


def field_of(entity: Entity, name: str) -> Field | None:
    """What may stand in `name` of `entity`; None where it has no such field."""
    if entity == "pay_history" and name.startswith(PART) and len(name) > len(PART):
        return Field(kind="money", required=False)
    return FIELDS[entity].get(name)
