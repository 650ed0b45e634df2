"""Commands that make checked records history: dry-run, sign, commit, status."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
from cyclopts import Parameter

from domain.migration import CommitImport, CompareSample, SignOffImport
from domain.migration_decisions import IMPORT
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, table, told
from ops.cli.onboard_app import SHOWN_MAX, WORK, As, Tenant, onboard
from ops.onboarding import batches, committing, reconciling
from ops.onboarding.batches import Batch
from ops.onboarding.installation import Place, actor_of, place_of, progress, stamps
from ops.onboarding.rechecking import Held, held_of, settle
from ops.onboarding.sampling import read as read_sample
from ops.onboarding.worksheet import read as read_worksheet
from ops.onboarding.workspace import Workspace
from projections import imports


@onboard.command
def sign(
    code: str,
    *,
    note: str = "",
    matched: int | None = None,
    mismatched: int = 0,
    worksheet: Path | None = None,
    sheet: int = 1,
    tenant: Tenant = None,
    who: As = None,
    common: Common = COMMON,
) -> int:
    """Sign a batch off, or say how a comparison of its sample went: --worksheet, or --matched.

    Args:
        code: The batch.
        note: What was looked at; with it the migration owner signs the batch off.
        matched: Rows of the sample that are as in the source; two people compare.
        mismatched: Rows of the sample that are not.
        worksheet: The filled-in worksheet of the sample, in the place of both numbers.
        sheet: Whose answers: 1 for the first person's sheet, 2 for the second's.
        tenant: Whose history.
        who: Who signs: a person's number or id.
        common: Options of every command.
    """

    async def go() -> int:
        async with place_of(common.settings, tenant) as place:
            batch = await batches.batch_of(place.store, code)
            new_stamp = stamps(actor_of(who))
            if matched is not None or worksheet is not None:
                sample = batch.state.sample
                if sample is None:
                    raise WrongInput("no sample was drawn of what is there now")
                same, other = matched or 0, mismatched
                if worksheet is not None:
                    same, other = _filled_in(worksheet, sheet, sample.digest)
                command = CompareSample(sample_digest=sample.digest, matched=same, mismatched=other)
                await place.store.execute(IMPORT, batch.import_id, command, new_stamp())
            if note:
                signed = SignOffImport(note=note)
                await place.store.execute(IMPORT, batch.import_id, signed, new_stamp())
            batch = await batches.batch_of(place.store, code)
            state = batch.state
            answer = {"code": code, "agreed": state.agreed, "signed_off": state.signed_off}
            words = f"{code}: sampling {'agreed' if state.agreed else 'not agreed yet'}, "
            told(common, answer, words + ("signed off" if state.signed_off else "not signed off"))
            return Exit.DONE

    return run(go())


def _filled_in(path: Path, sheet: int, digest: str) -> tuple[int, int]:
    """What a person has written into the worksheet of this sample, all of it."""
    if sheet not in (1, 2):
        raise WrongInput("--sheet is 1 or 2")
    if read_sample(path.with_suffix(".json")).digest != digest:
        raise WrongInput(f"{path} is the worksheet of another sample")
    found = read_worksheet(path, sheet - 1)
    if found.open:
        raise WrongInput(f"{path}: {found.open} records have no answer yet")
    return found.matched, found.mismatched


@onboard.command(name="dry-run")
def dry_run(
    code: str,
    *,
    work: Path = WORK,
    out: Path | None = None,
    quarantine: Annotated[bool, Parameter(negative="")] = False,
    tenant: Tenant = None,
    who: As = None,
    common: Common = COMMON,
) -> int:
    """Decide every record as a commit would, and show the exact events; nothing is written.

    Args:
        code: The batch.
        work: The folder that `merit onboard check` wrote to.
        out: A file for the events, a JSON line each.
        quarantine: Hold back the rows that the domain refuses; this is written.
        tenant: Whose history.
        who: Who does it.
        common: Options of every command.
    """

    async def go() -> int:
        async with _checked(code, work, tenant, common) as (place, batch, held):
            new_stamp = stamps(actor_of(who))
            with contextlib.ExitStack() as stack:
                file = None if out is None else stack.enter_context(out.open("wb"))
                bar = progress("deciding", held.counts().ok, quiet=common.json)
                told_of = stack.enter_context(bar)

                def see(would: committing.WouldHappen) -> None:
                    if file is not None:
                        file.write(msgspec.json.encode(would) + b"\n")

                rehearsed = await committing.rehearse(
                    place.store, batch, held, new_stamp(), see=see, told=told_of
                )
            if quarantine and rehearsed.refused:
                rehearsed = await settle(
                    place.store, batch, Workspace.open(work), rehearsed, new_stamp
                )
            rows = table("topic", "events", title=_rehearsed(rehearsed))
            for topic, count in sorted(rehearsed.topics.items()):
                rows.add_row(topic, str(count))
            told(common, rehearsed, rows)
            return Exit.DONE

    return run(go())


def _rehearsed(rehearsed: committing.Rehearsal) -> str:
    return (
        f"{rehearsed.records} records would make {rehearsed.events} events; "
        f"the domain refuses {len(rehearsed.refused)} records"
    )


@contextlib.asynccontextmanager
async def _checked(
    code: str, work: Path, tenant: UUID | None, common: Common
) -> AsyncIterator[tuple[Place, Batch, Held]]:
    """A batch with its check."""
    async with place_of(common.settings, tenant) as place:
        batch = await batches.batch_of(place.store, code)
        checked = Workspace.open(work)
        try:
            yield place, batch, await held_of(place.store, checked, batch.import_id)
        finally:
            checked.close()


@onboard.command
def commit(
    code: str,
    *,
    work: Path = WORK,
    reconcile: bool = True,
    tenant: Tenant = None,
    who: As = None,
    common: Common = COMMON,
) -> int:
    """Carry out every sound record; after an interruption the same command goes on.

    Args:
        code: The batch; its three checks have passed and it is signed off.
        work: The folder that `merit onboard check` wrote to.
        reconcile: Compare source and views afterwards.
        tenant: Whose history.
        who: Who does it.
        common: Options of every command.
    """

    async def go() -> int:
        async with _checked(code, work, tenant, common) as (place, begun, held):
            new_stamp, batch = stamps(actor_of(who)), begun
            if batch.state.stage != "committing":
                await place.store.execute(IMPORT, batch.import_id, CommitImport(), new_stamp())
                batch = await batches.batch_of(place.store, code)
            with progress("committing", held.counts().ok, quiet=common.json) as bar:
                done = await committing.commit(place.store, batch, held, new_stamp, bar)
            same = await _reconciled(place, code, held, who, common) if reconcile else None
            told(common, {"committed": done, "reconciled": same}, _committed(code, done, same))
            return Exit.FAILED if same is not None and same.differing else Exit.DONE

    return run(go())


async def _reconciled(
    place: Place, code: str, held: Held, who: str | None, common: Common
) -> reconciling.Reconciled:
    await place.catch_up()
    batch = await batches.batch_of(place.store, code)
    with progress("reconciling", held.counts().ok, quiet=common.json) as bar:
        async with place.view() as view:
            same = await reconciling.reconcile(place.store, view, batch, held, bar)
    await reconciling.record(place.store, batch, same, stamps(actor_of(who))())
    return same


def _committed(code: str, done: committing.Committed, same: reconciling.Reconciled | None) -> str:
    rate = int(done.events / max(done.seconds, 0.001))
    words = (
        f"{code}: {done.rows} rows in = {done.committed} committed + {done.quarantined} in "
        f"quarantine + {done.excluded} excluded; {done.events} events, {rate} a second"
    )
    if same is None:
        return words
    if not same.differing:
        return f"{words}\n{same.compared} records are in the views as the source says them"
    named = "\n".join(
        f"  {each.entity} {each.key} (row {each.row.row}): {each.source} is {each.view}"
        for each in same.differences[:SHOWN_MAX]
    )
    return f"{words}\n{same.differing} of {same.compared} records differ:\n{named}"


@onboard.command
def status(code: str | None = None, *, tenant: Tenant = None, common: Common = COMMON) -> int:
    """Where the batches of a tenant stand.

    Args:
        code: Only this one.
        tenant: Whose history.
        common: Options of every command.
    """

    async def go() -> int:
        async with place_of(common.settings, tenant) as place:
            await place.catch_up()
            async with place.view() as view:
                page = await imports.imports(view, limit=500)
            rows = [each for each in page.items if code in {None, each.code}]
            shown = table("import", "stage", "rows", "committed", "quarantined", "excluded",
                          "events", "checks", "agreed", "reconciled", "until")  # fmt: skip
            for each in rows:
                same = each.reconciliation
                shown.add_row(
                    each.code,
                    each.stage,
                    *map(str, (each.rows, each.committed, each.quarantined, each.excluded)),
                    str(each.events),
                    ", ".join(check.check for check in each.checks if check.passed) or "-",
                    "yes" if each.sample is not None and each.sample.agreed else "no",
                    "-" if same is None else "yes" if same.reconciled else "no",
                    "" if each.traceable_until is None else f"{each.traceable_until:%Y-%m-%d}",
                )
            told(common, rows, shown if rows else "no imports")
            return Exit.DONE

    return run(go())
