"""Stream ids are functions of natural keys, so "one of these per that" holds by construction."""

import hashlib
from datetime import date
from typing import NewType
from uuid import UUID, SafeUUID

OrgUnitId = NewType("OrgUnitId", UUID)
JobId = NewType("JobId", UUID)
PersonId = NewType("PersonId", UUID)
EmploymentId = NewType("EmploymentId", UUID)
SchemeId = NewType("SchemeId", UUID)
CycleId = NewType("CycleId", UUID)
AppraisalId = NewType("AppraisalId", UUID)
GoalSheetId = NewType("GoalSheetId", UUID)
FeedId = NewType("FeedId", UUID)
FactSheetId = NewType("FactSheetId", UUID)
BatchId = NewType("BatchId", UUID)
PayoutId = NewType("PayoutId", UUID)
IndicatorDefinitionId = NewType("IndicatorDefinitionId", UUID)
OccurrenceSheetId = NewType("OccurrenceSheetId", UUID)
SettlementId = NewType("SettlementId", UUID)
ClawbackId = NewType("ClawbackId", UUID)
PoolId = NewType("PoolId", UUID)
ExchangeRateId = NewType("ExchangeRateId", UUID)
LedgerAccountId = NewType("LedgerAccountId", UUID)
JournalId = NewType("JournalId", UUID)
AccessKeyId = NewType("AccessKeyId", UUID)
SignInId = NewType("SignInId", UUID)
IdentityProviderId = NewType("IdentityProviderId", UUID)
RaterPanelId = NewType("RaterPanelId", UUID)
PeerRatingId = NewType("PeerRatingId", UUID)
CalibrationSessionId = NewType("CalibrationSessionId", UUID)
RewardBudgetId = NewType("RewardBudgetId", UUID)
RewardId = NewType("RewardId", UUID)
ObjectiveId = NewType("ObjectiveId", UUID)
AppealId = NewType("AppealId", UUID)
ErasureId = NewType("ErasureId", UUID)
IncidentId = NewType("IncidentId", UUID)
ImportId = NewType("ImportId", UUID)
ImportTrailId = NewType("ImportTrailId", UUID)
HistoricalRecordId = NewType("HistoricalRecordId", UUID)
ModuleId = NewType("ModuleId", UUID)
OnboardingPlanId = NewType("OnboardingPlanId", UUID)
WorkCalendarId = NewType("WorkCalendarId", UUID)
AttendanceSheetId = NewType("AttendanceSheetId", UUID)
TimeRequestId = NewType("TimeRequestId", UUID)
WebhookId = NewType("WebhookId", UUID)
DelegationId = NewType("DelegationId", UUID)
FenceId = NewType("FenceId", UUID)
LocationConsentId = NewType("LocationConsentId", UUID)

_NAMESPACE = UUID("6d657269-746c-5564-8765-722d69647321")
_BEGUN = hashlib.sha1(_NAMESPACE.bytes, usedforsecurity=False)
_KEPT = ~((0xF000 << 64) | (0xC000 << 48))
_VERSION_5 = (0x5000 << 64) | (0x8000 << 48)
_UNKNOWN = SafeUUID.unknown
_new = object.__new__
_set = object.__setattr__


def _id(kind: str, *key: object) -> UUID:
    # The unit separator cannot occur in codes (they are refused), so keys cannot run together.
    name = "\x1f".join((kind, *map(str, key)))
    digest = _BEGUN.copy()
    # Half a surrogate pair has no UTF-8; codes with one are refused, after they were named here.
    digest.update(name.encode(errors="backslashreplace"))
    # As uuid.uuid5, without its checks of what is known to be right: 1 us instead of 3, which
    # an import of a million events feels.
    number = int.from_bytes(digest.digest()[:16], "big") & _KEPT | _VERSION_5
    made = _new(UUID)
    _set(made, "int", number)
    _set(made, "is_safe", _UNKNOWN)
    return made


def org_unit_id(code: str) -> OrgUnitId:
    """The organisational unit with this code."""
    return OrgUnitId(_id("org-unit", code))


def job_id(code: str) -> JobId:
    """The job with this code."""
    return JobId(_id("job", code))


def person_id(number: str) -> PersonId:
    """The person with this number."""
    return PersonId(_id("person", number))


def employment_id(number: str) -> EmploymentId:
    """The employment with this number; a person rehired has a second one."""
    return EmploymentId(_id("employment", number))


def scheme_id(code: str) -> SchemeId:
    """The scheme with this code, all its versions."""
    return SchemeId(_id("scheme", code))


def cycle_id(code: str) -> CycleId:
    """The cycle with this code."""
    return CycleId(_id("cycle", code))


def appraisal_id(cycle: UUID, employment: UUID, segment: int = 1) -> AppraisalId:
    """The one appraisal of an employment in a cycle and segment."""
    return AppraisalId(_id("appraisal", cycle, employment, segment))


def goal_sheet_id(appraisal: UUID) -> GoalSheetId:
    """The one goal sheet of an appraisal."""
    return GoalSheetId(_id("goal-sheet", appraisal))


def feed_id(source: str, name: str) -> FeedId:
    """The business data feed `name` of `source`."""
    return FeedId(_id("feed", source, name))


def fact_sheet_id(cycle: UUID, employment: UUID) -> FactSheetId:
    """All actuals of an employment in a cycle."""
    return FactSheetId(_id("fact-sheet", cycle, employment))


def batch_id(code: str) -> BatchId:
    """The payout batch with this code."""
    return BatchId(_id("payout-batch", code))


def payout_id(appraisal: UUID, lock_version: int, again: int = 0) -> PayoutId:
    """The payout line of a locked score version: it cannot be paid twice.

    `again` counts the lines of its settlement before it, where the same version is settled once
    more: the first line was voided, or other facts than the score have changed.
    """
    key = (appraisal, lock_version, again) if again else (appraisal, lock_version)
    return PayoutId(_id("payout", *key))


def settlement_id(of: UUID, employment: UUID) -> SettlementId:
    """What was posted for an employment in a cycle, out of a pool, or of an instant reward."""
    return SettlementId(_id("settlement", of, employment))


def clawback_id(employment: UUID) -> ClawbackId:
    """What an employment owes back."""
    return ClawbackId(_id("clawback", employment))


def pool_id(code: str) -> PoolId:
    """The bonus pool with this code."""
    return PoolId(_id("pool", code))


def reward_budget_id(code: str) -> RewardBudgetId:
    """The budget of instant rewards with this code."""
    return RewardBudgetId(_id("reward-budget", code))


def reward_id(code: str) -> RewardId:
    """The instant reward with this code."""
    return RewardId(_id("reward", code))


def exchange_rate_id(cycle: UUID, from_currency: str, to_currency: str) -> ExchangeRateId:
    """The one rate between two currencies in a cycle."""
    return ExchangeRateId(_id("exchange-rate", cycle, from_currency, to_currency))


def ledger_account_id(account: str) -> LedgerAccountId:
    """What is said from outside of an account of the ledger."""
    return LedgerAccountId(_id("ledger-account", account))


def journal_id(system: str) -> JournalId:
    """The journals exported to one accounting system."""
    return JournalId(_id("journal", system))


def access_key_id(public_part: str) -> AccessKeyId:
    """The API key whose public prefix this is."""
    return AccessKeyId(_id("access-key", public_part))


def sign_in_id(person: UUID) -> SignInId:
    """How a person signs in through the company's identity provider."""
    return SignInId(_id("sign-in", person))


def identity_provider_id() -> IdentityProviderId:
    """The company's identity provider; there is one."""
    return IdentityProviderId(_id("identity-provider"))


def objective_id(cycle: UUID, code: str) -> ObjectiveId:
    """The objective of a cycle with this code."""
    return ObjectiveId(_id("objective", cycle, code))


def appeal_id(appraisal: UUID, lock_version: int, indicator: str) -> AppealId:
    """The one appeal against an indicator of a locked score version."""
    return AppealId(_id("appeal", appraisal, lock_version, indicator))


def rater_panel_id(appraisal: UUID) -> RaterPanelId:
    """Who is asked for a 360 rating in an appraisal."""
    return RaterPanelId(_id("rater-panel", appraisal))


def peer_rating_id(appraisal: UUID, rater: UUID) -> PeerRatingId:
    """The one rating that a rater gives in an appraisal: raters never wait for each other."""
    return PeerRatingId(_id("peer-rating", appraisal, rater))


def calibration_session_id(code: str) -> CalibrationSessionId:
    """The calibration session with this code."""
    return CalibrationSessionId(_id("calibration-session", code))


def incident_id(code: str) -> IncidentId:
    """The incident with this code."""
    return IncidentId(_id("incident", code))


def import_id(code: str) -> ImportId:
    """The import batch with this code."""
    return ImportId(_id("import", code))


def import_trail_id(batch: UUID) -> ImportTrailId:
    """Where the values of an import come from."""
    return ImportTrailId(_id("import-trail", batch))


def historical_record_id(subject: UUID) -> HistoricalRecordId:
    """What the old system knew of an employment or of a unit."""
    return HistoricalRecordId(_id("historical-record", subject))


def module_id(module: str) -> ModuleId:
    """A module on its way to going live."""
    return ModuleId(_id("module", module))


def onboarding_plan_id(code: str) -> OnboardingPlanId:
    """The onboarding plan with this code."""
    return OnboardingPlanId(_id("onboarding-plan", code))


def probes_id(prober: str, month: str) -> UUID:
    """What one prober saw in one month."""
    return _id("probe", prober, month)


def capacity_id(year: int) -> UUID:
    """What was measured of an installation in a year."""
    return _id("capacity", year)


def webhook_id(code: str) -> WebhookId:
    """The webhook with this code."""
    return WebhookId(_id("webhook", code))


def work_calendar_id(year: int) -> WorkCalendarId:
    """The work calendar of a year."""
    return WorkCalendarId(_id("work-calendar", year))


def attendance_sheet_id(employment: UUID, year: int, month: int) -> AttendanceSheetId:
    """When somebody came and went in a month."""
    return AttendanceSheetId(_id("attendance-sheet", employment, year, month))


def time_request_id(employment: UUID, what: str, starts_on: date) -> TimeRequestId:
    """The request for leave or overtime that begins on that day."""
    return TimeRequestId(_id("time-request", employment, what, starts_on))


def fence_id(org_unit: UUID) -> FenceId:
    """Where a unit works."""
    return FenceId(_id("fence", org_unit))


def location_consent_id(person: UUID) -> LocationConsentId:
    """Whether a person's phone may tell whether it is there."""
    return LocationConsentId(_id("location-consent", person))


def delegation_id(person: UUID, delegate: UUID, starts_on: date) -> DelegationId:
    """What one person lets another decide from that day on."""
    return DelegationId(_id("delegation", person, delegate, starts_on))


def indicator_definition_id(code: str) -> IndicatorDefinitionId:
    """The definition with this code in the indicator library, all its versions."""
    return IndicatorDefinitionId(_id("indicator-definition", code))


def occurrence_sheet_id(cycle: UUID, employment: UUID) -> OccurrenceSheetId:
    """All deductions, bonuses and vetoes of an employment in a cycle."""
    return OccurrenceSheetId(_id("occurrence-sheet", cycle, employment))


SCHEME_POLICY_ID = _id("scheme-policy")
"""The one stream of a tenant's policy on schemes."""

ON_CALL_ROTA_ID = _id("on-call-rota")
"""The one stream of a tenant's rota of who is on call."""
RETENTION_POLICY_ID = _id("retention-policy")
"""The tenant's one policy on how long what is personal is kept."""
ORIGIN_ID = _id("origin")
"""Where the tenant's history comes from."""
DIRECTORY_ROLES_ID = _id("directory-roles")
"""The company's one mapping from groups of its directory to roles."""
TENANT_ID = _id("tenant")
"""What the company decides about itself: suspension, exports, its end."""


def erasure_id(person: UUID) -> ErasureId:
    """The erasure of what is personal about a person."""
    return ErasureId(_id("erasure", person))


RESTORE_DRILLS_ID = _id("restore-drill")
"""The one stream of a tenant's restore drills."""

HEALTH_REPORTS_ID = _id("health-report")
"""The one stream of a tenant's monthly reports."""
