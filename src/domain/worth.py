"""What a score is worth, and what one point more would be 多一分值多少: asked, never written.

The amount is calculated as a payout is, so its tree is the formula with the person's own numbers.
"""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.appraisal import Appraisal
from domain.checks import begun
from domain.coefficient import coefficient
from domain.cycle import CYCLE
from domain.employment import EMPLOYMENT
from domain.entitlements import Earned, earned_by_part, entitlements
from domain.explanation import Given, Node
from domain.jobs import JOB
from domain.kernel import Context
from domain.money import Money
from domain.pay import Payout, payout
from domain.rules import Banded, SchemeContent
from domain.scheme import LOOK_AT_SCHEME
from domain.scheme_change import LockedPart
from domain.segments import current_days

POINT = Decimal(1)


class Supposed(msgspec.Struct, frozen=True, kw_only=True):
    """A score that nobody has, and what it would pay."""

    score: Decimal
    coefficient: Decimal
    amount: Money | None
    gain: Money | None
    """More than what the present score pays; zero inside a band or at a limit."""


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """What a score pays, why, and what one point more would."""

    appraisal_id: UUID
    projection: bool
    """True before the score is locked and shown: it binds nobody."""
    score: Decimal
    coefficient: Decimal
    amount: Money | None
    """None where no pay structure is set."""
    explanation: Node | None
    """Of the amount; its coefficient is a leaf."""
    one_more: Supposed
    next_edge: Decimal | None
    """The nearest higher score that earns another coefficient by band; None without bands."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A score as it was locked or is projected."""

    score: Decimal
    coefficient: Decimal
    parts: tuple[LockedPart, ...] = ()
    source: UUID
    """The event that locked it, or that began the appraisal."""


def worth(
    appraisal_id: UUID, appraisal: Appraisal, held: Held, context: Context, *, projection: bool
) -> Worth:
    """What `held` pays an appraisal's person.

    Raises:
        Refused: those of `domain.entitlements.entitlements`.
    """
    more = _more(appraisal, held, context)
    now, then = _paid(appraisal, held, context), _paid(appraisal, more, context)
    content = _content(appraisal, appraisal.scheme_version, context)
    return Worth(
        appraisal_id=appraisal_id,
        projection=projection,
        score=held.score,
        coefficient=held.coefficient,
        amount=now.amount if now else None,
        explanation=now.explanation if now else None,
        one_more=Supposed(
            score=more.score,
            coefficient=more.coefficient,
            amount=then.amount if then else None,
            gain=Money(then.amount.minor - now.amount.minor, now.amount.currency)
            if now and then
            else None,
        ),
        next_edge=_next_edge(held.score, content),
    )


def _more(appraisal: Appraisal, held: Held, context: Context) -> Held:
    return Held(
        score=held.score + POINT,
        coefficient=_coefficient(appraisal, appraisal.scheme_version, held.score + POINT, context),
        parts=tuple(
            msgspec.structs.replace(
                part,
                score=part.score + POINT,
                coefficient=_coefficient(
                    appraisal, part.scheme_version, part.score + POINT, context
                ),
            )
            for part in held.parts
        ),
        source=held.source,
    )


def _coefficient(appraisal: Appraisal, version: int, score: Decimal, context: Context) -> Decimal:
    grade = begun(context.look(JOB, appraisal.job_id)).grade_on(appraisal.ends_on)
    content = _content(appraisal, version, context)
    return coefficient(
        min(score, content.score_cap),
        content.coefficient,
        least=grade.coefficient_min,
        most=grade.coefficient_max,
    )


def _content(appraisal: Appraisal, version: int, context: Context) -> SchemeContent:
    return begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id)).version(version).content


def _next_edge(score: Decimal, content: SchemeContent) -> Decimal | None:
    if not isinstance(content.coefficient, Banded):
        return None
    edges: Sequence[Decimal] = [each.from_score for each in content.coefficient.bands]
    return min((edge for edge in edges if edge > score), default=None)


def _paid(appraisal: Appraisal, held: Held, context: Context) -> Payout | None:
    employment = begun(context.look(EMPLOYMENT, appraisal.employment_id))
    if not employment.pay:
        return None
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    whole = Earned(
        days=current_days(appraisal, context),
        family=appraisal.family,
        score=held.score,
        coefficient=Given(held.coefficient, held.source),
        proration=appraisal.proration,
    )
    return payout(
        [
            part.entitlement
            for earned in earned_by_part(whole, held.parts)
            for part in entitlements(earned, employment, cycle)
        ]
    )
