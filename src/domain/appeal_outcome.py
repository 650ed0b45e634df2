"""What an upheld appeal does elsewhere: it reopens the score with the facts that it establishes."""

from collections.abc import Iterator
from fractions import Fraction

from domain.appeal import WHOLE, Adjusting, Appeal, DecideAppeal
from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal
from domain.calendar import Span
from domain.checks import begun, checked_number
from domain.cycle import CYCLE
from domain.facts import FACT_SHEET, ActualCorrected
from domain.ids import appeal_id, fact_sheet_id
from domain.indicators import check_points
from domain.kernel import Context, Elsewhere, Refused
from domain.reopening import AdjustingFactAccepted, AppraisalReopened
from domain.rules import SchemeContent
from domain.scheme import LOOK_AT_SCHEME, judged, measured
from domain.segments import appraisal_on


def adjusted(appeal: Appeal, command: DecideAppeal, context: Context) -> Iterator[Elsewhere]:
    """The reopening of the score, the facts accepted for it, and corrections of its fact sheet.

    Raises:
        Refused: `bad-adjustment`, `unknown-actual`, `outside-cycle`, `bad-number`,
            `points-out-of-range`, `bad-grade`.
    """
    appraisal = begun(context.look(LOOK_AT_APPRAISAL, appeal.appraisal_id))
    scheme = begun(context.look(LOOK_AT_SCHEME, appraisal.scheme_id))
    content = scheme.published(appraisal.scheme_version).content
    named = [(each.indicator, each.supersedes) for each in command.adjusting if each.supersedes]
    if len(set(named)) < len(named):
        raise Refused("bad-adjustment", "An actual is superseded once.")
    cause_id = appeal_id(appeal.appraisal_id, appeal.lock_version, appeal.indicator)
    if appraisal.reopened is None:
        reopened = AppraisalReopened(
            person_id=appraisal.person_id,
            lock_version=begun(appraisal.locked).version,
            cause="appeal",
            cause_id=cause_id,
            reason=command.reason,
        )
        yield Elsewhere(appeal.appraisal_id, reopened)
    for each in command.adjusting:
        _check(each, appeal, appraisal, content, context)
        accepted = AdjustingFactAccepted(
            cause="appeal",
            cause_id=cause_id,
            kind=each.kind,
            indicator=each.indicator,
            value=each.value,
            occurred_on=each.occurred_on,
            supersedes=each.supersedes,
        )
        yield Elsewhere(appeal.appraisal_id, accepted)
        if each.kind == "actual":
            yield _corrected(each, appraisal)


def _corrected(each: Adjusting, appraisal: Appraisal) -> Elsewhere:
    corrected = ActualCorrected(
        cycle_id=appraisal.cycle_id,
        employment_id=appraisal.employment_id,
        indicator=each.indicator,
        value=each.value,
        occurred_on=begun(each.occurred_on),
        # The reviewer's words are about a person, and stay in the appeal, under that person's key.
        reason="appeal",
        supersedes=each.supersedes,
    )
    return Elsewhere(fact_sheet_id(appraisal.cycle_id, appraisal.employment_id), corrected)


def _check(
    each: Adjusting, appeal: Appeal, appraisal: Appraisal, content: SchemeContent, context: Context
) -> None:
    if appeal.indicator not in {WHOLE, each.indicator}:
        raise Refused("bad-adjustment", f"The appeal is about {appeal.indicator} alone.")
    if each.kind == "actual":
        _check_actual(each, appraisal, content, context)
    else:
        _check_points(each, content)


def _check_actual(
    each: Adjusting, appraisal: Appraisal, content: SchemeContent, context: Context
) -> None:
    if each.indicator not in {weighted.code for weighted in measured(content)}:
        raise Refused("bad-adjustment", f"Data do not decide {each.indicator}.")
    if each.occurred_on is None:
        raise Refused("bad-adjustment", "An actual holds on a day.")
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    if not cycle.starts_on <= each.occurred_on <= cycle.ends_on:
        raise Refused(
            "outside-cycle",
            f"{each.occurred_on} is not within {cycle.starts_on} to {cycle.ends_on}.",
        )
    about = appraisal_on(
        appraisal.cycle_id,
        appraisal.employment_id,
        each.occurred_on,
        Span(cycle.starts_on, cycle.ends_on),
        context,
    )
    if about is None or about.segment != appraisal.segment:
        raise Refused("bad-adjustment", "That day is about another segment.")
    checked_number(each.value, "value")
    sheet = context.look(FACT_SHEET, fact_sheet_id(appraisal.cycle_id, appraisal.employment_id))
    sheet.require_actual(each.indicator, each.supersedes)


def _check_points(each: Adjusting, content: SchemeContent) -> None:
    rules = {weighted.code: weighted.rule for weighted in judged(content)}
    if each.indicator not in rules or each.occurred_on or each.supersedes:
        raise Refused("bad-adjustment", f"People do not decide {each.indicator} like that.")
    points = checked_number(each.value, "points", code="points-out-of-range")
    check_points(rules[each.indicator], Fraction(points))
