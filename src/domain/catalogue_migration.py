"""The aggregates by which a company comes on board, with their commands and events."""

from domain import (
    go_live,
    historical,
    migration,
    migration_trail,
    onboarding_plan,
)
from domain.aggregate import Aggregate
from domain.go_live import MODULE
from domain.historical import HISTORICAL_RECORD
from domain.migration_decisions import IMPORT
from domain.migration_trail import IMPORT_TRAIL
from domain.onboarding_plan import ONBOARDING_PLAN

MIGRATING: tuple[Aggregate, ...] = (
    Aggregate(
        decider=IMPORT,
        commands=(
            migration.StartImport,
            migration.QuarantineRows,
            migration.FixCells,
            migration.ExcludeRows,
            migration.ReleaseRows,
            migration.RecordCheck,
            migration.DrawSample,
            migration.CompareSample,
            migration.SignOffImport,
            migration.CommitImport,
            migration.FinishCommit,
            migration.RecordReconciliation,
            migration.CompensateImport,
            migration.FinishCompensation,
        ),
        events=(
            migration.ImportStarted,
            migration.FindingQuarantined,
            migration.CellFixed,
            migration.RowExcluded,
            migration.RowReleased,
            migration.ImportChecked,
            migration.SampleDrawn,
            migration.SampleCompared,
            migration.SamplingAgreed,
            migration.ImportSignedOff,
            migration.CommitBegun,
            migration.ImportCommitted,
            migration.ImportReconciled,
            migration.CompensationBegun,
            migration.ImportCompensated,
        ),
    ),
    Aggregate(
        decider=IMPORT_TRAIL,
        commands=(migration_trail.RecordChunk, migration_trail.WithdrawChunk),
        events=(migration_trail.ChunkCommitted, migration_trail.ChunkWithdrawn),
    ),
    Aggregate(
        decider=HISTORICAL_RECORD,
        commands=(
            historical.RecordHistoricalPay,
            historical.RecordHistoricalRating,
            historical.RecordHistoricalFact,
            historical.WithdrawHistoricalEntry,
        ),
        events=(
            historical.HistoricalPayRecorded,
            historical.HistoricalRatingRecorded,
            historical.HistoricalFactRecorded,
            historical.HistoricalEntryWithdrawn,
        ),
    ),
    Aggregate(
        decider=MODULE,
        commands=(
            go_live.PlanModule,
            go_live.StartShadow,
            go_live.RecordShadowRun,
            go_live.ExplainDifference,
            go_live.GoLive,
            go_live.ReturnToShadow,
        ),
        events=(
            go_live.ModulePlanned,
            go_live.ShadowStarted,
            go_live.ShadowRun,
            go_live.DifferenceExplained,
            go_live.ModuleWentLive,
            go_live.ReturnedToShadow,
        ),
    ),
    Aggregate(
        decider=ONBOARDING_PLAN,
        commands=(
            onboarding_plan.StartOnboarding,
            onboarding_plan.CompleteTask,
            onboarding_plan.RescheduleTask,
            onboarding_plan.SignOffPhase,
        ),
        events=(
            onboarding_plan.OnboardingPlanned,
            onboarding_plan.TaskCompleted,
            onboarding_plan.TaskRescheduled,
            onboarding_plan.PhaseSignedOff,
        ),
    ),
)
