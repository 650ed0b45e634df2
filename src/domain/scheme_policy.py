"""The tenant's policy on schemes: where their check-up draws its lines. 方案体检标准"""

from decimal import Decimal
from typing import assert_never

import msgspec

from domain.checks import checked_number, checked_reason
from domain.kernel import Command, Context, Decider, Event, Happened, Refused
from domain.lint import LintLimits
from domain.rules import POINTS_LIMIT, WEIGHT_WHOLE_BP


class SetLintLimits(Command, frozen=True, kw_only=True):
    """From now on schemes are checked up by these limits."""

    limits: LintLimits
    reason: str


class LintLimitsSet(Event, frozen=True, kw_only=True):
    TOPIC = "scheme-policy.lint-limits-set"
    limits: LintLimits
    reason: str


class SchemePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The policy as it is now; ours until the tenant has its own."""

    limits: LintLimits = LintLimits()


def _decide(
    _state: SchemePolicy, command: SetLintLimits, _context: Context
) -> tuple[LintLimitsSet, ...]:
    limits = command.limits
    weights = (
        limits.economic_weight_min_bp,
        limits.quantitative_weight_min_bp,
        limits.judged_weight_max_bp,
        limits.indicator_weight_max_bp,
    )
    if not all(0 <= each <= WEIGHT_WHOLE_BP for each in weights):
        raise Refused("bad-limit", f"A weight is from 0 to {WEIGHT_WHOLE_BP} basis points.")
    for number in (limits.cliff_points_max, limits.first_level_max):
        checked_number(number, "limit", least=Decimal(0), most=POINTS_LIMIT, code="bad-limit")
    return (LintLimitsSet(limits=limits, reason=checked_reason(command.reason)),)


def _evolve(_state: SchemePolicy, happened: Happened[LintLimitsSet]) -> SchemePolicy:
    event = happened.event
    match event:
        case LintLimitsSet():
            return SchemePolicy(limits=event.limits)
        case _:
            assert_never(event)


SCHEME_POLICY: Decider[SchemePolicy] = Decider(
    kind="scheme-policy", initial=SchemePolicy(), decide=_decide, evolve=_evolve
)
