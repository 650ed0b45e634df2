"""What a score follows from, beside the scheme: every number with the event that states it."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

import msgspec

from domain.explanation import Given
from domain.kernel import Refused
from domain.rules import Indicator, Manual, MeasuredRule, SchemeContent


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a score follows from beside the scheme's content, each with its event."""

    scheme: UUID
    """The event that wrote the scheme version's content."""
    targets: Mapping[str, Given] = {}
    """By indicator."""
    actuals: Mapping[str, Sequence[Given]] = {}
    """By indicator; what was achieved is their sum, in any order."""
    points: Mapping[str, Given] = {}
    """By manual indicator: what the manager gave."""
    responses: Mapping[str, Mapping[str, Sequence[Given]]] = {}
    """By multi-rater indicator and rater group."""
    excused: Mapping[str, UUID] = {}
    """By indicator: the event that excused it. Its weight goes to the rest of its section."""
    occurrences: Mapping[str, Sequence[Given]] = {}
    """By code of a deduction, bonus or veto: how many times."""
    calibrations: Sequence[Given] = ()
    """Points to add to the R1 score, at most 2 decimals each."""
    target_days: "DaysOf | None" = None
    """Targets count for a part of the cycle, exactly; None: as they were agreed."""


class DaysOf(msgspec.Struct, frozen=True, gc=False):
    """So many days of so many."""

    days: int
    of: int
    source: UUID
    """The event that says so."""


def is_measured(indicator: Indicator) -> bool:
    """True where data decides, false where people do."""
    return isinstance(indicator.rule, MeasuredRule)


def check_evidence(
    content: SchemeContent, evidence: Evidence, *, measured_only: bool = False
) -> None:
    """Refuse evidence that lacks something with weight, or that speaks of unknown things.

    Nothing that is missing counts as zero on the quiet.

    Raises:
        Refused: `unknown-indicator`, `target-missing`, `actual-missing`, `points-missing`,
            `responses-missing`, each naming the indicators.
    """
    indicators = {each.code for section in content.sections for each in section.indicators}
    events = {
        *(each.code for each in content.deductions),
        *(each.code for each in content.bonuses),
        *(each.code for each in content.vetoes),
    }
    named = {
        *evidence.targets,
        *evidence.actuals,
        *evidence.points,
        *evidence.responses,
        *evidence.excused,
    }
    unknown = (named - indicators) | (evidence.occurrences.keys() - events)
    if unknown:
        raise Refused("unknown-indicator", f"The scheme has no {', '.join(sorted(unknown))}.")
    wanted = [
        indicator
        for section in content.sections
        for indicator in section.indicators
        if section.weight_bp * indicator.weight_bp
        and indicator.code not in evidence.excused
        and (is_measured(indicator) or not measured_only)
    ]
    for code, what, missing in _missing(wanted, evidence):
        if missing:
            raise Refused(code, f"There are no {what} for {', '.join(missing)}.")


def still_missing(content: SchemeContent, evidence: Evidence) -> tuple[str, ...]:
    """The indicators for which something is missing, in the scheme's order."""
    every = [each for section in content.sections for each in section.indicators]
    wanted = [each for each in every if each.code not in evidence.excused]
    lacking = {code for _, _, codes in _missing(wanted, evidence) for code in codes}
    return tuple(each.code for each in every if each.code in lacking)


def _missing(
    wanted: Sequence[Indicator], evidence: Evidence
) -> Iterator[tuple[str, str, list[str]]]:
    measured = [each.code for each in wanted if is_measured(each)]
    manual = [each.code for each in wanted if isinstance(each.rule, Manual)]
    rated = [each.code for each in wanted if each.code not in {*measured, *manual}]
    yield "target-missing", "targets", [each for each in measured if each not in evidence.targets]
    yield "actual-missing", "actuals", [each for each in measured if not evidence.actuals.get(each)]
    yield "points-missing", "points", [each for each in manual if each not in evidence.points]
    yield (
        "responses-missing",
        "responses",
        [each for each in rated if not any(evidence.responses.get(each, {}).values())],
    )
