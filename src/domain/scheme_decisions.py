"""What may happen to a scheme: drafted, checked up, simulated, approved, published, retired."""

from collections.abc import Iterator
from datetime import date
from typing import assert_never

import msgspec

from domain.checks import checked_code, checked_name, checked_reason, checked_text, known
from domain.cycle import CYCLE, Cycle
from domain.ids import SCHEME_POLICY_ID, scheme_id
from domain.indicator_library import check_definitions
from domain.kernel import Context, Decider, Elsewhere, Event, Refused
from domain.lint import Lint, lint
from domain.rules import IndicatorRule, Manual, MultiRater, SchemeContent, check_content
from domain.scheme import (
    LOOK_AT_SCHEME,
    ApproveScheme,
    CloneScheme,
    DraftFromTemplate,
    DraftScheme,
    LintScheme,
    Origin,
    PublishScheme,
    RetireScheme,
    Scheme,
    SchemeApproved,
    SchemeDrafted,
    SchemeLinted,
    SchemeRetired,
    SchemeVersionPublished,
    SimulateScheme,
    ThresholdsLowered,
    WeightsChanged,
    evolve,
)
from domain.scheme_change import EffectChoice, NextCycle, SchemeVersionChanged, SplitCycle
from domain.scheme_diff import diff, thresholds_lowered, weights_changed
from domain.scheme_policy import SCHEME_POLICY
from domain.simulation import simulated
from domain.templates import template

DraftCommand = DraftScheme | CloneScheme | DraftFromTemplate
SchemeCommand = (
    DraftCommand | LintScheme | SimulateScheme | ApproveScheme | PublishScheme | RetireScheme
)


def _decide(
    state: Scheme | None, command: SchemeCommand, context: Context
) -> tuple[Event | Elsewhere, ...]:
    if isinstance(command, DraftScheme | CloneScheme | DraftFromTemplate):
        return (_draft(state, command, context),)
    scheme = known(state, "unknown-scheme", "such scheme")
    match command:
        case LintScheme():
            content = scheme.version(command.version).content
            return (_linted(command.version, _lint(content, context)),)
        case SimulateScheme():
            _check_effect(scheme, command.version, command.effect, context)
            return (simulated(scheme, command, context),)
        case ApproveScheme():
            return tuple(_approve(scheme, command, context))
        case PublishScheme():
            return tuple(_publish(scheme, command, context))
        case RetireScheme():
            scheme.bindable(command.version)
            reason = checked_reason(command.reason)
            return (SchemeRetired(version=command.version, reason=reason),)
        case _:
            assert_never(command)


# -- drafting


def _draft(state: Scheme | None, command: DraftCommand, context: Context) -> SchemeDrafted:
    code = checked_code(command.code)
    content, origin, named = _content(command, context)
    check_content(content)
    check_definitions(content, context)
    version = 1 if state is None else len(state.versions) + 1
    return SchemeDrafted(code=code, version=version, content=content, origin=origin, template=named)


def _content(command: DraftCommand, context: Context) -> tuple[SchemeContent, Origin | None, str]:
    match command:
        case DraftScheme():
            return command.content, None, ""
        case CloneScheme():
            look, scheme_id = context.look, command.origin.scheme_id
            source = known(look(LOOK_AT_SCHEME, scheme_id), "unknown-scheme", "such scheme")
            content = source.version(command.origin.version).content
            return _named(content, command.name), command.origin, ""
        case DraftFromTemplate():
            content = template(command.template).content
            return _named(content, command.name or content.name), None, command.template
        case _:
            assert_never(command)


def _named(content: SchemeContent, name: str) -> SchemeContent:
    return msgspec.structs.replace(content, name=checked_name(name))


# -- checking up and approving


def _lint(content: SchemeContent, context: Context) -> Lint:
    return lint(content, context.look(SCHEME_POLICY, SCHEME_POLICY_ID).limits)


def _linted(version: int, told: Lint) -> SchemeLinted:
    return SchemeLinted(version=version, findings=told.findings)


def _approve(scheme: Scheme, command: ApproveScheme, context: Context) -> Iterator[Event]:
    version = scheme.version(command.version)
    _require_unpublished(scheme, command.version)
    if context.actor == version.author:
        raise Refused("same-actor", "A scheme is approved by another than who drafted it.")
    _check_effect(scheme, command.version, command.effect, context)
    # Whoever approves a change of what people are already working for has seen what it does.
    if not isinstance(command.effect, NextCycle) and command.effect not in version.simulated:
        raise Refused("not-simulated", "Simulate this effect on the running cycle before.")
    told = _lint(version.content, context)
    accepted = frozenset(command.accepted_faults)
    if open_faults := sorted(told.faults - accepted):
        raise Refused("lint-faults", f"To be mended or accepted: {', '.join(open_faults)}.")
    if unknown := sorted(accepted - told.faults):
        raise Refused("unknown-fault", f"The check-up did not find {', '.join(unknown)}.")
    reason = (checked_reason if accepted else checked_text)(command.reason, "reason")
    yield _linted(command.version, told)
    yield SchemeApproved(
        version=command.version,
        effect=command.effect,
        accepted_faults=tuple(sorted(accepted)),
        reason=reason,
    )


def _require_unpublished(scheme: Scheme, number: int) -> None:
    if scheme.version(number).published:
        raise Refused("already-published", f"Version {number} is published.")


# -- publishing


def _publish(
    scheme: Scheme, command: PublishScheme, context: Context
) -> Iterator[Event | Elsewhere]:
    version = scheme.version(command.version)
    _require_unpublished(scheme, command.version)
    if version.approved is None:
        raise Refused("scheme-not-approved", f"Version {command.version} is not approved.")
    if version.approved != command.effect:
        raise Refused("effect-not-approved", "It was approved to take effect otherwise.")
    changed = _check_effect(scheme, command.version, command.effect, context)
    consequences = tuple(_consequences(scheme, command))
    yield SchemeVersionPublished(
        version=command.version,
        reason=checked_text(command.reason, "reason"),
        effect=command.effect,
    )
    yield from consequences
    if changed is not None:
        yield changed


def _consequences(scheme: Scheme, command: PublishScheme) -> Iterator[Event]:
    if not scheme.published_order:
        return
    before = scheme.published_order[-1]
    changes = diff(scheme.version(before).content, scheme.version(command.version).content)
    if weights := weights_changed(changes):
        yield WeightsChanged(
            version=command.version,
            before=before,
            changes=weights,
            reason=checked_reason(command.reason),
        )
    if thresholds := thresholds_lowered(changes):
        yield ThresholdsLowered(
            version=command.version,
            before=before,
            changes=thresholds,
            reason=checked_reason(command.reason),
        )


# -- taking effect within a running cycle


def _check_effect(
    scheme: Scheme, number: int, effect: EffectChoice, context: Context
) -> Elsewhere | None:
    """What the effect means for a running cycle; None where it means nothing.

    Raises:
        Refused: `unknown-scheme-version`, `unknown-cycle`, `wrong-stage`, `scheme-not-bound`,
            `several-versions`, `already-in-use`, `outside-cycle`, `change-out-of-order`,
            `indicators-differ`.
    """
    after = scheme.version(number)
    if isinstance(effect, NextCycle):
        return None
    cycle = known(context.look(CYCLE, effect.cycle_id), "unknown-cycle", "such cycle")
    # Before calibration, so that no score is locked by the version that is replaced.
    cycle.require("goal-setting", "data-intake", "rating", "comparison")
    own_id = scheme_id(scheme.code)
    in_use = cycle.versions_in_use(own_id)
    if not in_use:
        raise Refused("scheme-not-bound", f"Cycle {cycle.code} does not use this scheme.")
    if len(in_use) > 1:
        raise Refused("several-versions", f"Cycle {cycle.code} uses several of its versions.")
    (before,) = in_use
    if before == number:
        raise Refused("already-in-use", f"Cycle {cycle.code} uses version {number} already.")
    _require_same_questions(scheme.version(before).content, after.content)
    changed = SchemeVersionChanged(
        scheme_id=own_id,
        before=before,
        after=number,
        effective_from=_first_day(cycle, effect) if isinstance(effect, SplitCycle) else None,
    )
    return Elsewhere(effect.cycle_id, changed)


def _first_day(cycle: Cycle, effect: SplitCycle) -> date:
    day = effect.effective_from
    if not cycle.starts_on < day <= cycle.ends_on:
        raise Refused("outside-cycle", f"Cycle {cycle.code} is split after its first day.")
    later = (each.effective_from for each in cycle.changes)
    if any(each is not None and each >= day for each in later):
        raise Refused("change-out-of-order", "A change counts from that day, or a later one.")
    return day


def _require_same_questions(before: SchemeContent, after: SchemeContent) -> None:
    # Goals were agreed, facts recorded and ratings given for what the version before asks.
    if _asked(before) != _asked(after) or not _items(before) <= _items(after):
        raise Refused(
            "indicators-differ",
            "Within a cycle weights, thresholds and caps may change; what is measured by data, "
            "what people are asked, and what deductions, bonuses and vetoes there are may not.",
        )


def _asked(content: SchemeContent) -> frozenset[tuple[str, object]]:
    return frozenset(
        (each.code, _question(each.rule))
        for section in content.sections
        for each in section.indicators
    )


def _question(rule: IndicatorRule) -> object:
    match rule:
        case Manual():
            return len(rule.grades)
        case MultiRater():
            return frozenset(group.code for group in rule.groups)
        case _:
            return "by data"


def _items(content: SchemeContent) -> frozenset[tuple[str, str]]:
    return frozenset(
        {("deduction", each.code) for each in content.deductions}
        | {("bonus", each.code) for each in content.bonuses}
        | {("veto", each.code) for each in content.vetoes}
    )


SCHEME: Decider[Scheme | None] = Decider(kind="scheme", initial=None, decide=_decide, evolve=evolve)
