"""Every projection, in one tuple."""

from projections.alignment import ALIGNMENT
from projections.appeals import APPEALS_VIEW
from projections.audit_trail import AUDIT_TRAIL
from projections.compensation import COMPENSATION
from projections.decisions import DECISIONS
from projections.delegations import DELEGATIONS_VIEW
from projections.directory_folds import DIRECTORY
from projections.historical import HISTORICAL
from projections.imports_folds import IMPORTS_VIEW
from projections.incidents import INCIDENTS_VIEW
from projections.kernel import Projection
from projections.occurrences import OCCURRENCES
from projections.onboarding import ONBOARDING
from projections.pay_ledger import PAY_LEDGER
from projections.planning import PLANNING
from projections.rating import RATING
from projections.rewards import REWARDS_VIEW
from projections.schemes import SCHEME_LIBRARY
from projections.scores import SCORES
from projections.time_requests import TIME_REQUESTS

PROJECTIONS: tuple[Projection, ...] = (
    DIRECTORY,
    PLANNING,
    SCHEME_LIBRARY,
    OCCURRENCES,
    SCORES,
    RATING,
    PAY_LEDGER,
    COMPENSATION,
    REWARDS_VIEW,
    TIME_REQUESTS,
    DELEGATIONS_VIEW,
    DECISIONS,
    APPEALS_VIEW,
    ALIGNMENT,
    INCIDENTS_VIEW,
    IMPORTS_VIEW,
    HISTORICAL,
    ONBOARDING,
    AUDIT_TRAIL,
)

NAMES: tuple[str, ...] = tuple(projection.name for projection in PROJECTIONS)
