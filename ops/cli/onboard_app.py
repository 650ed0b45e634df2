"""The app `merit onboard`: both halves add their commands to it, and share these options."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter

onboard = App(
    name="onboard",
    help="Migrate a company from its old system: plan, check, clean, sample, sign, commit, trace.",
)

Tenant = Annotated[UUID | None, Parameter(name="--tenant")]
As = Annotated[str | None, Parameter(name="--as")]
Many = Annotated[tuple[str, ...], Parameter(negative="")]
WORK = Path("onboarding")
SHOWN_MAX = 50
