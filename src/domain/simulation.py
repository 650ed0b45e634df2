"""What a scheme version would do to appraisals of a running cycle, before anyone approves it.

Scores and payouts are calculated twice from the same facts, as things are and as they would be;
nothing but the comparison is written, on the scheme.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.appraisal_scoring import in_force, scored_by
from domain.by_version import Final
from domain.checks import begun, checked_number, known
from domain.cycle import CYCLE
from domain.employment import EMPLOYMENT
from domain.entitlements import Earned, earned_by_part, entitlements
from domain.explanation import Given
from domain.ids import scheme_id
from domain.kernel import Context, Refused
from domain.money import Money, checked
from domain.pay import payout
from domain.scheme import Scheme, SchemeSimulated, SimulatedLine, SimulateScheme, judged
from domain.scheme_change import NextCycle, SchemeChange, SplitCycle
from domain.segments import current_days

APPRAISALS_MAX = 500


def simulated(scheme: Scheme, command: SimulateScheme, context: Context) -> SchemeSimulated:
    """Every named appraisal by the versions in force, and with the effect.

    With "next-cycle" the effect is told as if it were on the whole cycle: what the next one would
    bring if the same happened again.

    Raises:
        Refused: `nothing-to-simulate`, `too-many-appraisals`, `unknown-indicator`,
            `points-out-of-range`, `unknown-appraisal`, `wrong-scheme`, `wrong-cycle`.
    """
    named = command.appraisal_ids
    if not named or len(set(named)) != len(named):
        raise Refused("nothing-to-simulate", "Name at least one appraisal, each once.")
    if len(named) > APPRAISALS_MAX:
        raise Refused("too-many-appraisals", f"At most {APPRAISALS_MAX} at once.")
    assumed = _assumed(scheme, command)
    found = context.look.all(LOOK_AT_APPRAISAL, named)
    appraisals = [
        _checked(appraisal, appraisal_id, scheme, command)
        for appraisal_id, appraisal in zip(named, found, strict=True)
    ]
    lines = tuple(
        _line(appraisal_id, appraisal, command, assumed, context)
        for appraisal_id, appraisal in zip(named, appraisals, strict=True)
    )
    return SchemeSimulated(
        version=command.version,
        effect=command.effect,
        lines=lines,
        totals_before=_totals([each.amount_before for each in lines]),
        totals_after=_totals([each.amount_after for each in lines]),
        assumed=command.assumed,
    )


def _assumed(scheme: Scheme, command: SimulateScheme) -> Mapping[str, Decimal]:
    asked = {each.code for each in judged(scheme.version(command.version).content)}
    for each in command.assumed:
        if each.indicator not in asked:
            raise Refused("unknown-indicator", f"Nobody is asked about {each.indicator!r}.")
        checked_number(
            each.points, "points", least=Decimal(0), most=Decimal(100), code="points-out-of-range"
        )
    return {each.indicator: each.points for each in command.assumed}


def _checked(
    appraisal: Appraisal | None, appraisal_id: UUID, scheme: Scheme, command: SimulateScheme
) -> Appraisal:
    appraisal = known(appraisal, "unknown-appraisal", f"appraisal {appraisal_id}")
    if appraisal.scheme_id != scheme_id(scheme.code):
        raise Refused("wrong-scheme", f"Appraisal {appraisal_id} is by another scheme.")
    effect = command.effect
    if not isinstance(effect, NextCycle) and appraisal.cycle_id != effect.cycle_id:
        raise Refused("wrong-cycle", f"Appraisal {appraisal_id} belongs to another cycle.")
    return appraisal


def _line(
    appraisal_id: UUID,
    appraisal: Appraisal,
    command: SimulateScheme,
    assumed: Mapping[str, Decimal],
    context: Context,
) -> SimulatedLine:
    effect = command.effect
    try:
        now = in_force(appraisal, context)
        # By the very fold that will say so once it is published: what is told is what will be.
        change = SchemeChange(
            scheme_id=appraisal.scheme_id,
            before=now[-1].scheme_version,
            after=command.version,
            effective_from=effect.effective_from if isinstance(effect, SplitCycle) else None,
            event_id=appraisal.created_by,
        )
        before = scored_by(now, appraisal, context, assumed)
        after = scored_by(in_force(appraisal, context, change), appraisal, context, assumed)
        return SimulatedLine(
            appraisal_id=appraisal_id,
            score_before=before.value,
            score_after=after.value,
            amount_before=amount_of(before, appraisal, context),
            amount_after=amount_of(after, appraisal, context),
        )
    except Refused as no:
        # One person whose data are not there yet does not keep the others from being calculated.
        return SimulatedLine(appraisal_id=appraisal_id, obstacle=no.code)


def amount_of(final: Final, appraisal: Appraisal, context: Context) -> Money | None:
    """What a score of an appraisal would pay; None where no pay structure is set."""
    employment = begun(context.look(EMPLOYMENT, appraisal.employment_id))
    if not employment.pay:
        return None
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    whole = Earned(
        days=current_days(appraisal, context),
        family=appraisal.family,
        score=final.value,
        coefficient=Given(final.coefficient, appraisal.created_by),
        proration=appraisal.proration,
    )
    parts = [
        part.entitlement
        for earned in earned_by_part(whole, final.parts)
        for part in entitlements(earned, employment, cycle)
    ]
    return payout(parts).amount


def _totals(amounts: Sequence[Money | None]) -> tuple[Money, ...]:
    sums: Counter[str] = Counter()
    for amount in amounts:
        if amount is not None:
            sums[amount.currency] += amount.minor
    return tuple(checked(Money(sums[currency], currency)) for currency in sorted(sums))
