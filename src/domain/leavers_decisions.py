"""Which leaver policy applies to an appraisal, what it forfeits, and when it may be void."""

from datetime import date

from domain.appraisal import Appraisal
from domain.checks import begun, checked_reason
from domain.cycle import CYCLE, Cycle
from domain.employment import EMPLOYMENT, Employment
from domain.kernel import Context, Refused
from domain.leavers import AppraisalVoided, LeaverPolicy, PayForfeited, VoidAppraisal
from domain.segments import days_of


def policy_of(employment: Employment, cycle: Cycle) -> LeaverPolicy | None:
    """The policy for somebody who left before the last day of the cycle; None for who did not."""
    if employment.last_day is None or employment.last_day >= cycle.ends_on:
        return None
    return cycle.good_leavers if employment.leaver == "good-leaver" else cycle.bad_leavers


def left_by(appraisal: Appraisal, day: date, context: Context) -> bool:
    """Whether the person concerned had left before `day`, within the cycle: nothing is to come."""
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    employment = begun(context.look(EMPLOYMENT, appraisal.employment_id))
    return policy_of(employment, cycle) is not None and begun(employment.last_day) < day


def forfeited(appraisal: Appraisal, context: Context) -> tuple[PayForfeited, ...]:
    """What the lock of a leaver's score says about pay; nothing for all others.

    Raises:
        Refused: `void-by-policy`, where the appraisal is to be voided instead.
    """
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    employment = begun(context.look(EMPLOYMENT, appraisal.employment_id))
    match policy_of(employment, cycle):
        case "void":
            raise Refused("void-by-policy", f"Cycle {cycle.code} voids appraisals of such leavers.")
        case "forfeited":
            return (PayForfeited(terminated_by=begun(employment.terminated_by)),)
        case _:
            return ()


def voided(appraisal: Appraisal, command: VoidAppraisal, context: Context) -> AppraisalVoided:
    """The appraisal as voided, or `Refused("not-voidable")`."""
    cycle = begun(context.look(CYCLE, appraisal.cycle_id))
    employment = begun(context.look(EMPLOYMENT, appraisal.employment_id))
    gone = days_of(appraisal, employment) is None
    if not gone and policy_of(employment, cycle) != "void":
        raise Refused("not-voidable", "There are days to appraise, and no policy voids them.")
    return AppraisalVoided(reason=checked_reason(command.reason))
