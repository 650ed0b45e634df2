"""Commands about proofs and views: export, verify, rebuild."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import Progress as Bar

from api.services import opened
from domain.catalogue import EVENTS
from ops.bundles import Progress, Verification
from ops.bundles import export as export_bundle
from ops.bundles import verify as verify_bundle
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, told
from ops.online import verify_online
from ops.place import with_database
from ops.receipts import Checked, check, kept
from projections.catalogue import PROJECTIONS
from projections.history import TenantLogs
from projections.rebuild import Rebuilt
from projections.rebuild import rebuild as rebuild_view
from tenancy.signing import NoteRefused, WitnessVerifier


def register(app: App) -> None:
    """Add these commands."""
    for command in (export, verify, rebuild):
        app.command(command)


@contextmanager
def progress(label: str) -> Iterator[Progress | None]:
    """A bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell


def export(
    *,
    tenant: UUID,
    to: Annotated[Path, Parameter(name=("--out", "--to"))],
    sealed: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Write a tenant's full history as a signed bundle.

    Args:
        tenant: Whose history.
        to: A folder that is empty or not there yet.
        sealed: Leave the keys out: the bundle can be verified, and not be read.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            await services.registry.tenant(tenant)
            with progress("exporting") as tell:
                manifest = await export_bundle(
                    services, tenant, to, content=not sealed, on_progress=tell
                )
        answer = {"bundle": str(to), "events": manifest.tree_size}
        told(common, answer, f"{manifest.tree_size} events in {to}; check it: merit verify {to}")
        return Exit.DONE

    return run(work())


def verify(
    bundle: Path | None = None,
    *,
    verifier: str | None = None,
    held: tuple[Path, ...] = (),
    witness: str | None = None,
    receipt: Path | None = None,
    tenant: UUID | None = None,
    common: Common = COMMON,
) -> int:
    """Verify a bundle or a receipt offline: no database, no network, no secret.

    Checks every event against the signed head, and, where the bundle carries its keys, computes
    every score and amount in it again.

    Args:
        bundle: The folder.
        verifier: The public key that must have signed it; else the one in the bundle is used.
        held: Files with checkpoints that were kept outside; the history must continue them.
        witness: Public key of a witness: only what it has cosigned counts as held.
        receipt: A receipt as the API gave it; with a bundle, whether it is in there still.
        tenant: Verify this tenant's rows in the database instead, and who read what.
        common: Options of every command.
    """
    if bundle is not None and not bundle.is_dir():
        raise WrongInput(f"{bundle} is not a folder")
    notes = _held(held, witness)
    if tenant is not None:
        return _verify_tenant(tenant, verifier, notes, common)
    if receipt is not None:
        checked = check(receipt, bundle=bundle, verifier=verifier)
        told(common, _receipt_answer(checked), _receipted(checked))
        return Exit.DONE if checked.ok else Exit.FAILED
    if bundle is None:
        raise WrongInput("name a bundle, --receipt FILE or --tenant ID")
    with progress("verifying") as tell:
        found = verify_bundle(bundle, verifier=verifier, held=notes, on_progress=tell)
    told(common, _answer(bundle, found), _verified(found))
    return Exit.DONE if found.ok else Exit.FAILED


def _held(paths: tuple[Path, ...], witness: str | None) -> list[str]:
    try:
        notes = [note for path in paths for note in kept(path)]
        if witness is None:
            return notes
        key = WitnessVerifier.parse(witness)
    except (OSError, NoteRefused) as error:
        raise WrongInput(str(error)) from error
    cosigned = []
    for note in notes:
        with contextlib.suppress(NoteRefused):
            key.open(note)
            cosigned.append(note)
    if not cosigned:
        raise WrongInput(f"no checkpoint in there is cosigned by {key.name}")
    return cosigned


def _verify_tenant(tenant: UUID, verifier: str | None, notes: list[str], common: Common) -> int:
    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            await services.registry.tenant(tenant)
            with progress("verifying") as tell:
                found = await verify_online(
                    services, tenant, verifier=verifier, held=notes, on_progress=tell
                )
        answer = {
            "ok": found.ok,
            "tenant": tenant,
            "events": found.verdict.events,
            "first_wrong": found.verdict.first_wrong,
            "findings": found.verdict.findings,
            "reads": found.reads,
        }
        lines = [_verified(Verification(verdict=found.verdict, recomputed=None))]
        if (wrong := found.reads.damaged) is not None:
            lines.append(f"[red]wrong[/]  reads, batch {wrong.batch}: {wrong.detail}")
        else:
            lines.append(f"[green]ok[/]  {found.reads.entries} entries of who read what")
        told(common, answer, "\n".join(lines))
        return Exit.DONE if found.ok else Exit.FAILED

    return run(work())


def _receipt_answer(found: Checked) -> dict[str, object]:
    """As it is; of the bundle only whether it holds."""
    told = {name: getattr(found, name) for name in found.__struct_fields__ if name != "bundle"}
    return {"ok": found.ok, **told, "bundle_ok": None if found.bundle is None else found.bundle.ok}


def _receipted(found: Checked) -> str:
    if not found.genuine:
        return f"[red]wrong[/]  {found.detail}"
    lines = [
        (
            f"[green]ok[/]  score {found.says.get('score')}, coefficient"
            f" {found.says.get('coefficient')}, version {found.says.get('lock_version')} of"
            f" appraisal {found.says.get('appraisal_id')}; event {found.position}"
            f" of {found.log_size}"
        )
    ]
    if not found.pinned:
        lines.append(f"    signed by the receipt's own key, {found.signed_by}")
    if found.bundle is not None:
        lines += [f"[red]wrong[/]  {each}" for each in found.bundle.verdict.findings]
        lines.append(
            "[green]ok[/]  still in the bundle, in its place"
            if found.included
            else "[red]wrong[/]  the bundle does not have this event"
        )
        if (by := found.changed_by) is not None:
            lines.append(f"    changed by event {by.position} ({by.topic}) of {by.recorded_at}")
    return "\n".join(lines)


def _answer(bundle: Path, found: Verification) -> dict[str, object]:
    return {
        "ok": found.ok,
        "bundle": str(bundle),
        "tenant": found.verdict.tenant_id,
        "events": found.verdict.events,
        "first_wrong": found.verdict.first_wrong,
        "findings": found.verdict.findings,
        "verifier": found.verdict.verifier,
        "pinned": found.verdict.pinned,
        "recomputed": found.recomputed,
    }


def _verified(found: Verification) -> str:
    verdict, again = found.verdict, found.recomputed
    lines = [f"[red]wrong[/]  {finding}" for finding in verdict.findings]
    if verdict.ok:
        lines.append(
            f"[green]ok[/]  {verdict.events} events are the ones that were signed"
            f" ({verdict.checkpoints} earlier checkpoints continued)"
        )
        if not verdict.pinned:
            lines.append(f"    signed by the bundle's own key, {verdict.verifier}")
    if again is not None:
        lines += [f"[red]wrong[/]  {finding}" for finding in again.findings]
        if not again.findings:
            balance = ", ".join(f"{each} {code}" for code, each in again.ledger_balance.items())
            lines.append(
                f"[green]ok[/]  {again.scores} scores and {again.payouts} payouts computed again"
                f" from the events, {again.explanations} explanations step by step;"
                f" {again.entries} ledger entries, balance {balance or '0'}"
            )
    elif verdict.ok:
        lines.append("    content not included: scores and amounts were not computed again")
    return "\n".join(lines)


def rebuild(
    projection: str,
    *,
    tenant: UUID | None = None,
    switch: Annotated[bool, Parameter(negative="")] = False,
    common: Common = COMMON,
) -> int:
    """Build a view again beside the live one, compare, and switch.

    Args:
        projection: Its name.
        tenant: For this tenant only, else for all.
        switch: Switch even where the two differ: believe the log.
        common: Options of every command.
    """
    by_name = {each.name: each for each in PROJECTIONS}
    if projection not in by_name:
        raise WrongInput(f"there is no view {projection}; there are {', '.join(sorted(by_name))}")

    async def work() -> int:
        rebuilt: list[Rebuilt] = []
        async with with_database(common.settings) as settings, opened(settings) as services:
            logs = TenantLogs(services.database, services.keyring, EVENTS)
            if tenant is not None:
                await services.registry.tenant(tenant)
            for each in [tenant] if tenant is not None else await logs.tenants():
                rebuilt.append(  # noqa: PERF401 - one after the other, and what was done is kept
                    await rebuild_view(
                        services.database,
                        logs,
                        by_name[projection],
                        each,
                        on_difference="switch" if switch else "keep",
                    )
                )
        lines = [
            f"{each.tenant_id}  {each.events} events in {each.seconds:.1f} s,"
            f" {'equal' if each.equal else '[red]different[/]'},"
            f" {'switched' if each.switched else 'kept the live one'}"
            for each in rebuilt
        ]
        told(common, rebuilt, "\n".join(lines) or "no tenants")
        return Exit.DONE if all(each.equal or each.switched for each in rebuilt) else Exit.FAILED

    return run(work())
