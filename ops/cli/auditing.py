"""Commands for auditors: replay a history."""

from datetime import date, datetime
from uuid import UUID

from cyclopts import App

from api.replay import replay as replay_views
from api.services import opened
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, told
from ops.place import with_database
from projections.past import NotWritten


def register(app: App) -> None:
    """Add these commands."""
    app.command(replay)


def replay(
    *,
    tenant: UUID,
    known_at: datetime | None = None,
    valid_at: date | None = None,
    position: int | None = None,
    common: Common = COMMON,
) -> int:
    """Fold a tenant's whole history again, and print a digest of what it says.

    Whoever replays the same history up to the same position gets the same digest, on any machine.

    Args:
        tenant: Whose history.
        known_at: From what had been recorded by this time; with its offset from UTC.
        valid_at: Without what takes effect after this day.
        position: Up to this position of the log.
        common: Options of every command.
    """
    if known_at is not None and known_at.tzinfo is None:
        raise WrongInput("--known-at needs its offset from UTC, as in 2026-04-30T00:00:00Z")

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            await services.registry.tenant(tenant)
            try:
                moment = await services.views.moment(tenant, known_at=known_at, position=position)
            except NotWritten as error:
                raise WrongInput(str(error)) from error
            found = await replay_views(services.views, tenant, moment, valid_at)
        lines = [f"{each.digest[:16]}  {each.rows:>8} rows  {each.view}" for each in found.views]
        lines.append(f"{found.digest}  everything up to position {found.position}")
        told(common, found, "\n".join(lines))
        return Exit.DONE

    return run(work())
