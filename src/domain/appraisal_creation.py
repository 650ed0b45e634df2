"""How an appraisal begins: which segment it is about, who rates, and by which scheme version."""

from datetime import date
from uuid import UUID

from domain.appraisal import LOOK_AT_APPRAISAL, Appraisal, AppraisalCreated, CreateAppraisal
from domain.binding import Binding, units_above
from domain.calendar import Span
from domain.checks import absent, begun, known
from domain.cycle import CYCLE, Cycle
from domain.employment import EMPLOYMENT, Employment, assigned_on, assignment_on
from domain.ids import appraisal_id
from domain.jobs import JOB
from domain.kernel import Context, Refused
from domain.scheme import LOOK_AT_SCHEME, measured
from domain.segments import SEGMENTS_MAX, Segment, appraisals_of, segments_of, uncovered


def created(
    state: Appraisal | None, command: CreateAppraisal, context: Context
) -> AppraisalCreated:
    """The appraisal of the earliest segment that no appraisal with a smaller number is about.

    Raises:
        Refused: `already-exists`, `unknown-cycle`, `unknown-employment`, `wrong-stage`,
            `not-employed-in-cycle`, `bad-segment`, `segment-out-of-order`, `no-such-segment`,
            `no-scheme-for-job`, `data-cut-off-reached`.
    """
    absent(state, "an appraisal")
    cycle = known(context.look(CYCLE, command.cycle_id), "unknown-cycle", "such cycle")
    employment = known(
        context.look(EMPLOYMENT, command.employment_id), "unknown-employment", "such employment"
    )
    cycle.require("goal-setting", "data-intake", "rating", "comparison", "calibration")
    segment = _segment(command, employment, cycle, context)
    last_day = segment.span.ends_on
    assignment = begun(assignment_on(employment, last_day))
    job = begun(context.look(JOB, segment.job_id))
    binding = _binding(cycle, segment, last_day, context)
    content = begun(context.look(LOOK_AT_SCHEME, binding.scheme_id)).published(
        binding.scheme_version
    )
    if cycle.cut_off_reached and measured(content.content):
        raise Refused(
            "data-cut-off-reached",
            "The scheme measures by data, and neither goals nor actuals can be given any more.",
        )
    return AppraisalCreated(
        cycle_id=command.cycle_id,
        employment_id=command.employment_id,
        person_id=employment.person_id,
        segment=command.segment,
        org_unit_id=segment.org_unit_id,
        job_id=segment.job_id,
        family=job.family,
        cost_centre=assignment.cost_centre,
        manager_id=assignment.manager_id,
        scheme_id=binding.scheme_id,
        scheme_version=binding.scheme_version,
        starts_on=segment.span.starts_on,
        ends_on=last_day,
        assigned_by=begun(assigned_on(employment, segment.span.starts_on)).event_id,
        proration=content.content.proration,
    )


def _segment(
    command: CreateAppraisal, employment: Employment, cycle: Cycle, context: Context
) -> Segment:
    number, period = command.segment, Span(cycle.starts_on, cycle.ends_on)
    if not 1 <= number <= SEGMENTS_MAX:
        raise Refused("bad-segment", f"Segments have numbers from 1 to {SEGMENTS_MAX}.")
    if not segments_of(employment, period):
        raise Refused("not-employed-in-cycle", f"No day of cycle {cycle.code} was worked.")
    before = appraisals_of(command.cycle_id, command.employment_id, context, before=number)
    if number > 1 and _missing(command, number - 1, context):
        raise Refused(
            "segment-out-of-order", f"Create the appraisal of segment {number - 1} first."
        )
    free = uncovered(employment, period, before)
    if not free:
        raise Refused("no-such-segment", "Every employed day of the cycle has its appraisal.")
    return free[0]


def _missing(command: CreateAppraisal, number: int, context: Context) -> bool:
    earlier: UUID = appraisal_id(command.cycle_id, command.employment_id, number)
    return context.look(LOOK_AT_APPRAISAL, earlier) is None


def _binding(cycle: Cycle, segment: Segment, day: date, context: Context) -> Binding:
    job = begun(context.look(JOB, segment.job_id))
    level = job.grade_on(day).level
    units = units_above(segment.org_unit_id, day, context)
    binding = cycle.resolve(job.family, level, units).chosen
    if binding is None:
        raise Refused(
            "no-scheme-for-job",
            f"Cycle {cycle.code} has no scheme for {job.family} jobs of level {level}.",
        )
    return binding
