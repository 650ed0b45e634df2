"""Commands that look back on an import: trace, compensate."""

from typing import Annotated
from uuid import UUID

import msgspec
from cyclopts import Parameter

from domain.ids import employment_id, job_id, org_unit_id, person_id
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, table, told
from ops.cli.onboard_app import As, Tenant, onboard
from ops.onboarding import batches, withdrawing
from ops.onboarding.installation import actor_of, place_of, progress, stamps
from projections.tracing import trace as origins_of

KINDS = {
    "person": person_id,
    "employment": employment_id,
    "job": job_id,
    "org-unit": org_unit_id,
}


@onboard.command
def trace(what: str, *, tenant: Tenant = None, common: Common = COMMON) -> int:
    """Where a value comes from: batch, file hash, sheet, row, column, and what was mended.

    Args:
        what: An id, or KIND:NUMBER such as employment:10001; with .FIELD only one of its fields.
        tenant: Whose history.
        common: Options of every command.
    """
    stream, field = _asked(what)

    async def go() -> int:
        async with place_of(common.settings, tenant) as place:
            await place.catch_up()
            events = await place.store.read(stream)
            if not events:
                raise WrongInput(f"there is nothing of the id {stream}")
            async with place.view() as view:
                found = await origins_of(view, events, field)
            rows = table("field", "value", "file", "sheet", "row", "column", "mended", "batch")
            for each in found:
                mended = "; ".join(f"{fix.old} -> {fix.new} ({fix.rule})" for fix in each.fixes)
                where = f"{each.file} {each.file_sha256[:12]}"
                rows.add_row(each.field, each.value or "", where, each.sheet, str(each.row),
                             each.column, mended, each.import_code)  # fmt: skip
            told(common, found, rows if found else "nothing of it was imported")
            return Exit.DONE

    return run(go())


def _asked(what: str) -> tuple[UUID, str | None]:
    text, _, field = what.partition(".")
    kind, colon, number = text.partition(":")
    if colon and kind in KINDS:
        # A number may have a dot in it, an id never.
        return KINDS[kind](number), field or None
    try:
        return UUID(text), field or None
    except ValueError:
        raise WrongInput(f"{text} is neither an id nor one of {', '.join(KINDS)}") from None


class TakenBack(msgspec.Struct, frozen=True, kw_only=True):
    """A batch that was taken back."""

    code: str
    chunks: int
    events: int
    residual: int
    seconds: float


@onboard.command
def compensate(
    code: str,
    *,
    reason: Annotated[str, Parameter()],
    tenant: Tenant = None,
    who: As = None,
    common: Common = COMMON,
) -> int:
    """Take a whole batch back, within its window; refused where later events rest on it.

    Args:
        code: The batch.
        reason: Why.
        tenant: Whose history.
        who: Who does it.
        common: Options of every command.
    """

    async def go() -> int:
        async with place_of(common.settings, tenant) as place:
            batch = await batches.batch_of(place.store, code)
            log, new_stamp = await place.log(), stamps(actor_of(who))
            with progress("taking back", batch.state.committed, quiet=common.json) as bar:
                done = await withdrawing.withdraw(
                    place.store, log, batch, reason, new_stamp=new_stamp, told=bar
                )
            residual = await withdrawing.residual_of(place.store, log, batch.import_id)
            await withdrawing.finish(place.store, batch, residual, new_stamp())
            answer = TakenBack(
                code=code,
                chunks=done.chunks,
                events=done.events,
                residual=residual,
                seconds=done.seconds,
            )
            words = f"{code} is taken back by {done.events} events; residual difference {residual}"
            told(common, answer, words)
            return Exit.DONE

    return run(go())
