"""The indicator library 指标库: what is measured or judged, defined once and used by many schemes.

A definition has immutable versions, as a scheme has; a scheme names the version that it uses.
"""

from typing import Literal, assert_never

import msgspec

from domain.checks import begun, checked_code, checked_name, checked_reason, checked_text, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.organisation import JobFamily
from domain.rules import FromLibrary, Indicator, IndicatorRule, SchemeContent, check_rule

IndicatorNature = Literal[
    "economic", "duty", "routine", "quality", "collaboration", "innovation", "growth", "other"
]
Period = Literal["month", "quarter", "half-year", "year", "project", "cycle"]


class JobValueLink(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the indicator says something about the value of a job. 岗位价值"""

    family: JobFamily
    level: int | None = None
    goal: str = ""
    """The strategic goal that it serves."""


class DefineIndicator(Command, frozen=True, kw_only=True):
    """Put an indicator into the library, or the next version of it."""

    code: str
    name: str
    nature: IndicatorNature
    rule: IndicatorRule
    formula: str = ""
    """How the number comes about, in words."""
    unit: str = ""
    period: Period = "cycle"
    evidence_required: bool = False
    job_value: tuple[JobValueLink, ...] = ()


class IndicatorDefined(Event, frozen=True, kw_only=True):
    TOPIC = "indicator-definition.defined"
    code: str
    version: int
    name: str
    nature: IndicatorNature
    rule: IndicatorRule
    formula: str = ""
    unit: str = ""
    period: Period = "cycle"
    evidence_required: bool = False
    job_value: tuple[JobValueLink, ...] = ()


class RetireIndicator(Command, frozen=True, kw_only=True):
    """No further scheme can use it; those that do go on."""

    reason: str


class IndicatorRetired(Event, frozen=True, kw_only=True):
    TOPIC = "indicator-definition.retired"
    reason: str


class IndicatorDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A definition as it is now: the rules of its versions, the first of which is number 1."""

    code: str
    rules: tuple[IndicatorRule, ...]
    retired: bool = False


DefinitionCommand = DefineIndicator | RetireIndicator


def _decide(
    state: IndicatorDefinition | None, command: DefinitionCommand, _context: Context
) -> tuple[Event, ...]:
    match command:
        case DefineIndicator():
            return (_defined(state, command),)
        case RetireIndicator():
            _usable(known(state, "unknown-definition", "such indicator in the library"))
            return (IndicatorRetired(reason=checked_reason(command.reason)),)
        case _:
            assert_never(command)


def _defined(state: IndicatorDefinition | None, command: DefineIndicator) -> IndicatorDefined:
    if state is not None:
        _usable(state)
    check_rule(command.rule, checked_code(command.code))
    for link in command.job_value:
        checked_text(link.goal, "goal")
    return IndicatorDefined(
        code=command.code,
        version=1 if state is None else len(state.rules) + 1,
        name=checked_name(command.name),
        nature=command.nature,
        rule=command.rule,
        formula=checked_text(command.formula, "formula"),
        unit=checked_text(command.unit, "unit"),
        period=command.period,
        evidence_required=command.evidence_required,
        job_value=command.job_value,
    )


def _usable(definition: IndicatorDefinition) -> None:
    if definition.retired:
        raise Refused("indicator-retired", f"Indicator {definition.code} was retired.")


def _evolve(
    state: IndicatorDefinition | None, happened: Happened[IndicatorDefined | IndicatorRetired]
) -> IndicatorDefinition:
    event = happened.event
    match event:
        case IndicatorDefined():
            before = () if state is None else state.rules
            return IndicatorDefinition(code=event.code, rules=(*before, event.rule))
        case IndicatorRetired():
            return msgspec.structs.replace(begun(state), retired=True)
        case _:
            assert_never(event)


INDICATOR_DEFINITION: Decider[IndicatorDefinition | None] = Decider(
    kind="indicator-definition", initial=None, decide=_decide, evolve=_evolve
)


def check_definitions(content: SchemeContent, context: Context) -> None:
    """Refuse a scheme whose indicators are not what they say they are in the library.

    Raises:
        Refused: `unknown-definition`, `indicator-retired`, `rule-mismatch`.
    """
    named = [
        (indicator, indicator.defined)
        for section in content.sections
        for indicator in section.indicators
        if indicator.defined is not None
    ]
    found = context.look.all(INDICATOR_DEFINITION, [each.definition_id for _, each in named])
    for (indicator, defined), definition in zip(named, found, strict=True):
        _check(indicator, defined, definition)


def _check(
    indicator: Indicator, defined: FromLibrary, definition: IndicatorDefinition | None
) -> None:
    definition = known(definition, "unknown-definition", f"definition of {indicator.code}")
    _usable(definition)
    if not 1 <= defined.version <= len(definition.rules):
        raise Refused(
            "unknown-definition", f"Indicator {definition.code} has no version {defined.version}."
        )
    if type(definition.rules[defined.version - 1]) is not type(indicator.rule):
        raise Refused(
            "rule-mismatch", f"{indicator.code} is not scored as {definition.code} is defined."
        )
