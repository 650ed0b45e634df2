"""Every aggregate with its commands and events; every event class, in one tuple."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from domain import (
    appeal,
    appraisal,
    bonus_pool,
    calibration,
    clawback,
    cycle,
    erasure,
    exchange_rate,
    facts,
    feeds,
    go_live,
    goal_changes,
    goals,
    historical,
    ids,
    incident,
    indicator_library,
    jobs,
    leave,
    migration,
    migration_trail,
    objective,
    occurrences,
    on_call,
    onboarding_plan,
    org_units,
    organisation,
    origin,
    payout,
    peer_rating,
    rater_panel,
    reconciliation,
    reward,
    reward_budget,
    reward_paying,
    scheme,
    scheme_policy,
    share_override,
    webhook,
    withdrawal,
    work_calendar,
)
from domain.aggregate import Aggregate
from domain.appeal_decisions import APPEAL
from domain.appraisal_decisions import APPRAISAL
from domain.bonus_pool_decisions import POOL
from domain.calibration_decisions import CALIBRATION_SESSION
from domain.catalogue_access import ACCESS
from domain.catalogue_appraisal import APPRAISING
from domain.catalogue_migration import MIGRATING
from domain.catalogue_operating import OPERATING
from domain.catalogue_pay import PAYING
from domain.catalogue_planning import PLANNING
from domain.catalogue_tenants import TENANTS
from domain.clawback import CLAWBACK
from domain.employment import EMPLOYMENT
from domain.erasure import ERASURE, RETENTION_POLICY
from domain.exchange_rate import EXCHANGE_RATE
from domain.facts import FACT_SHEET
from domain.feeds import FEED
from domain.goals import GOAL_SHEET
from domain.indicator_library import INDICATOR_DEFINITION
from domain.jobs import JOB
from domain.kernel import Command, Decider, Event
from domain.objective import OBJECTIVE
from domain.occurrences import OCCURRENCE_SHEET
from domain.org_units import ORG_UNIT
from domain.organisation import PERSON
from domain.origin import ORIGIN
from domain.payout_batch import PAYOUT_BATCH
from domain.payout_line import PAYOUT
from domain.peer_rating import PEER_RATING
from domain.rater_panel_decisions import RATER_PANEL
from domain.reconciliation import JOURNAL, LEDGER_ACCOUNT
from domain.scheme_decisions import SCHEME
from domain.scheme_policy import SCHEME_POLICY
from domain.settlement import SETTLEMENT

__all__ = [
    "AGGREGATES",
    "APPEAL",
    "APPRAISAL",
    "CALIBRATION_SESSION",
    "CLAWBACK",
    "DECIDERS",
    "EMPLOYMENT",
    "ERASURE",
    "EVENTS",
    "EXCHANGE_RATE",
    "FACT_SHEET",
    "FEED",
    "GOAL_SHEET",
    "INDICATOR_DEFINITION",
    "JOB",
    "JOURNAL",
    "LEDGER_ACCOUNT",
    "OBJECTIVE",
    "OCCURRENCE_SHEET",
    "ORG_UNIT",
    "ORIGIN",
    "PAYOUT",
    "PAYOUT_BATCH",
    "PEER_RATING",
    "PERSON",
    "POOL",
    "RATER_PANEL",
    "RETENTION_POLICY",
    "SCHEME",
    "SCHEME_POLICY",
    "SETTLEMENT",
    "Aggregate",
    "decider_of",
    "stream_of",
]


AGGREGATES: tuple[Aggregate, ...] = (
    Aggregate(
        decider=ORG_UNIT,
        commands=(
            org_units.CreateOrgUnit,
            org_units.MoveOrgUnit,
            org_units.RenameOrgUnit,
            org_units.CloseOrgUnit,
            withdrawal.WithdrawOrgUnit,
        ),
        events=(
            org_units.OrgUnitCreated,
            org_units.OrgUnitMoved,
            org_units.OrgUnitRenamed,
            org_units.OrgUnitClosed,
            withdrawal.OrgUnitWithdrawn,
        ),
    ),
    Aggregate(
        decider=JOB,
        commands=(
            jobs.DefineJob,
            jobs.ChangeJobGrade,
            jobs.DefineJobDuties,
            jobs.ExceptSameWork,
            withdrawal.WithdrawJob,
        ),
        events=(
            jobs.JobDefined,
            jobs.JobGradeChanged,
            jobs.JobDutiesDefined,
            jobs.SameWorkExcepted,
            withdrawal.JobWithdrawn,
        ),
    ),
    Aggregate(
        decider=PERSON,
        commands=(organisation.RegisterPerson, withdrawal.WithdrawPerson),
        events=(
            organisation.PersonRegistered,
            organisation.EmploymentBegun,
            withdrawal.PersonWithdrawn,
            withdrawal.EmploymentOfPersonWithdrawn,
        ),
    ),
    Aggregate(
        decider=EMPLOYMENT,
        commands=(
            organisation.HireEmployee,
            organisation.RehireEmployee,
            organisation.ChangeAssignment,
            organisation.SetPayStructure,
            organisation.TerminateEmployment,
            leave.RecordLeave,
            leave.CancelLeave,
            share_override.RequestShareOverride,
            share_override.ApproveShareOverride,
            share_override.RejectShareOverride,
            withdrawal.WithdrawEmployment,
            withdrawal.WithdrawAssignment,
            withdrawal.WithdrawPayStructure,
            withdrawal.WithdrawTermination,
        ),
        events=(
            organisation.EmployeeHired,
            organisation.EmployeeRehired,
            organisation.AssignmentChanged,
            organisation.PayStructureSet,
            organisation.EmploymentTerminated,
            leave.LeaveRecorded,
            leave.LeaveCancelled,
            share_override.PerformanceShareOverrideRequested,
            share_override.PerformanceShareOverrideApproved,
            share_override.PerformanceShareOverrideRejected,
            withdrawal.EmploymentWithdrawn,
            withdrawal.AssignmentWithdrawn,
            withdrawal.PayStructureWithdrawn,
            withdrawal.TerminationWithdrawn,
        ),
    ),
    Aggregate(
        decider=SCHEME,
        commands=(
            scheme.DraftScheme,
            scheme.CloneScheme,
            scheme.DraftFromTemplate,
            scheme.LintScheme,
            scheme.SimulateScheme,
            scheme.ApproveScheme,
            scheme.PublishScheme,
            scheme.RetireScheme,
        ),
        events=(
            scheme.SchemeDrafted,
            scheme.SchemeLinted,
            scheme.SchemeSimulated,
            scheme.SchemeApproved,
            scheme.SchemeVersionPublished,
            scheme.WeightsChanged,
            scheme.ThresholdsLowered,
            scheme.SchemeRetired,
        ),
    ),
    Aggregate(
        decider=SCHEME_POLICY,
        commands=(scheme_policy.SetLintLimits,),
        events=(scheme_policy.LintLimitsSet,),
    ),
    Aggregate(
        decider=INDICATOR_DEFINITION,
        commands=(indicator_library.DefineIndicator, indicator_library.RetireIndicator),
        events=(indicator_library.IndicatorDefined, indicator_library.IndicatorRetired),
    ),
    Aggregate(
        decider=OCCURRENCE_SHEET,
        commands=(
            occurrences.RecordOccurrence,
            occurrences.ProposeVeto,
            occurrences.ApplyVeto,
            occurrences.WithdrawOccurrence,
        ),
        events=(
            occurrences.OccurrenceRecorded,
            occurrences.VetoProposed,
            occurrences.VetoApplied,
            occurrences.OccurrenceWithdrawn,
        ),
    ),
    *PLANNING,
    *APPRAISING,
    *PAYING,
    *OPERATING,
    *MIGRATING,
    Aggregate(
        decider=RETENTION_POLICY,
        commands=(erasure.SetRetention,),
        events=(erasure.RetentionSet,),
    ),
    Aggregate(
        decider=ERASURE,
        commands=(erasure.RequestErasure, erasure.DeclineErasure, erasure.ApproveErasure),
        events=(erasure.ErasureRequested, erasure.ErasureDeclined, erasure.SubjectErased),
    ),
    Aggregate(
        decider=ORIGIN,
        commands=(origin.MarkAsFork,),
        events=(origin.Forked,),
    ),
    *ACCESS,
    *TENANTS,
)

EVENTS: tuple[type[Event], ...] = tuple(
    event for aggregate in AGGREGATES for event in aggregate.events
)

DECIDERS: Mapping[str, Decider[Any]] = {
    aggregate.decider.kind: aggregate.decider for aggregate in AGGREGATES
}
"""By kind, which is also what the topics of their events begin with."""

_DECIDER_OF: Mapping[type[Command], Decider[Any]] = {
    command: aggregate.decider for aggregate in AGGREGATES for command in aggregate.commands
}


def decider_of(command: Command) -> Decider[Any]:
    """The decider that takes `command`."""
    return _DECIDER_OF[type(command)]


def stream_of(command: Command) -> UUID | None:
    """The stream that `command` names by its natural key; None where the caller has to say."""
    match command:
        case org_units.CreateOrgUnit():
            return ids.org_unit_id(command.code)
        case jobs.DefineJob():
            return ids.job_id(command.code)
        case organisation.RegisterPerson():
            return ids.person_id(command.number)
        case organisation.HireEmployee() | organisation.RehireEmployee():
            return ids.employment_id(command.number)
        case scheme.DraftScheme() | scheme.CloneScheme() | scheme.DraftFromTemplate():
            return ids.scheme_id(command.code)
        case scheme_policy.SetLintLimits():
            return ids.SCHEME_POLICY_ID
        case indicator_library.DefineIndicator():
            return ids.indicator_definition_id(command.code)
        case occurrences.RecordOccurrence() | occurrences.ProposeVeto():
            return ids.occurrence_sheet_id(command.cycle_id, command.employment_id)
        case cycle.PlanCycle():
            return ids.cycle_id(command.code)
        case work_calendar.SetWorkCalendar():
            return ids.work_calendar_id(command.year)
        case objective.SetObjective():
            return ids.objective_id(command.cycle_id, command.code)
        case goals.ProposeGoals() | goal_changes.RequestExcuse():
            return ids.goal_sheet_id(command.appraisal_id)
        case feeds.ReceiveFeed():
            return ids.feed_id(command.source, command.name)
        case facts.RecordActual() | facts.CorrectActual():
            return ids.fact_sheet_id(command.cycle_id, command.employment_id)
        case appraisal.CreateAppraisal():
            return ids.appraisal_id(command.cycle_id, command.employment_id, command.segment)
        case appeal.FileAppeal():
            return ids.appeal_id(command.appraisal_id, command.lock_version, command.indicator)
        case rater_panel.NominateRater():
            return ids.rater_panel_id(command.appraisal_id)
        case peer_rating.SubmitPeerRating():
            return ids.peer_rating_id(command.appraisal_id, command.rater_id)
        case calibration.OpenCalibrationSession():
            return ids.calibration_session_id(command.code)
        case payout.PrepareBatch() | reward_paying.PrepareRewardBatch():
            return ids.batch_id(command.code)
        case reward_budget.SetRewardBudget():
            return ids.reward_budget_id(command.code)
        case reward.NominateReward():
            return ids.reward_id(command.code)
        case bonus_pool.FundPool():
            return ids.pool_id(command.code)
        case exchange_rate.FixExchangeRate():
            return ids.exchange_rate_id(
                command.cycle_id, command.from_currency, command.to_currency
            )
        case clawback.SetClawbackLimit():
            return ids.clawback_id(command.employment_id)
        case reconciliation.AssertBalance():
            return ids.ledger_account_id(command.account)
        case reconciliation.ExportJournal():
            return ids.journal_id(command.system)
        case _:
            return _stream_of_operations(command)


def _stream_of_operations(command: Command) -> UUID | None:
    """The same of what is not about appraisals and pay."""
    match command:
        case incident.ReportIncident():
            return ids.incident_id(command.code)
        case webhook.SubscribeWebhook():
            return ids.webhook_id(command.code)
        case migration.StartImport():
            return ids.import_id(command.code)
        case migration_trail.RecordChunk() | migration_trail.WithdrawChunk():
            return ids.import_trail_id(command.import_id)
        case historical.RecordHistoricalPay() | historical.RecordHistoricalRating():
            return ids.historical_record_id(command.employment_id)
        case historical.RecordHistoricalFact():
            return ids.historical_record_id(command.subject_id)
        case go_live.PlanModule():
            return ids.module_id(command.module)
        case onboarding_plan.StartOnboarding():
            return ids.onboarding_plan_id(command.code)
        case on_call.SetOnCallRota():
            return ids.ON_CALL_ROTA_ID
        case erasure.SetRetention():
            return ids.RETENTION_POLICY_ID
        case erasure.RequestErasure():
            return ids.erasure_id(command.person_id)
        case origin.MarkAsFork():
            return ids.ORIGIN_ID
        case _:
            return None
