"""Commands for files of old systems: propose a mapping, check a folder, draw a sample."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from domain.migration import DrawSample
from domain.migration_decisions import IMPORT
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, told
from ops.cli.onboard_app import WORK, As, Tenant, onboard
from ops.onboarding import batches
from ops.onboarding.check import check as check_folder
from ops.onboarding.check import finished
from ops.onboarding.installation import actor_of, place_of, stamps
from ops.onboarding.mapping import load
from ops.onboarding.planning import propose
from ops.onboarding.rechecking import held_of
from ops.onboarding.report import Report
from ops.onboarding.sampling import Sample, draw
from ops.onboarding.sources import folder_of
from ops.onboarding.worksheet import write as write_worksheet
from ops.onboarding.workspace import Workspace


@onboard.command
def plan(
    folder: Path,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    common: Common = COMMON,
) -> int:
    """Propose a mapping from the data: by the words of headers and the shapes of values.

    Args:
        folder: The files of the old system.
        output: Where to write the mapping; without it, it is shown.
        common: Options of every command.
    """
    proposal = propose(folder)
    if output is not None:
        output.write_text(proposal.text, encoding="utf-8")
    lines = [*proposal.reasons, *(f"not placed: {each}" for each in proposal.left)]
    if output is None:
        lines.append(proposal.text)
    else:
        lines.append(f"written to {output}; read it, correct it, then: merit onboard check")
    told(common, proposal, "\n".join(lines))
    return Exit.DONE


@onboard.command
def check(
    folder: Path,
    *,
    mapping: Annotated[Path, Parameter(name=["--mapping", "-m"])],
    work: Annotated[Path, Parameter(name=["--work", "-o"])] = WORK,
    common: Common = COMMON,
) -> int:
    """Check the format and the logic of all rows; exit code 1 where there are errors.

    Args:
        folder: The files of the old system; they are only read.
        mapping: The mapping file, YAML or TOML.
        work: Folder for the reports (HTML, JSON, NDJSON) and the checked records.
        common: Options of every command.
    """
    loaded = load(mapping)
    total = sum(file.size for file in folder_of(folder).files)
    screen = Console(stderr=True)
    columns = (TextColumn("checking"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    quiet = common.json or not screen.is_terminal
    with Progress(*columns, disable=quiet, transient=True, console=screen) as bar:
        task = bar.add_task("checking", total=total)
        workspace = check_folder(
            folder, loaded, work, progress=lambda done: bar.update(task, completed=done)
        )
        report = finished(workspace, work)
    seconds = workspace.about("seconds")
    workspace.close()
    told(common, report, _summary(report, work, seconds))
    return Exit.FAILED if report.errors else Exit.DONE


def _summary(report: Report, work: Path, seconds: str) -> str:
    counts = report.counts
    lines = [f"{name:<14} {times:>9,}" for name, times in report.records.items()]
    for kind in report.kinds[:20]:
        where = kind.column or "(file)"
        lines.append(f"{kind.severity:<8} {kind.check:<7} {kind.code} in {where}: {kind.times:,}")
    lines.append(
        f"{counts.rows:,} rows = {counts.ok:,} sound + {counts.quarantined:,} in quarantine"
        f" + {counts.excluded:,} left out"
    )
    lines.append(
        f"{report.errors:,} errors, {report.warnings:,} warnings, {seconds} s;"
        f" see {work / 'report.en.html'}"
    )
    return "\n".join(lines)


@onboard.command
def sample(
    code: str | None = None,
    *,
    seed: int,
    work: Path = WORK,
    confidence: float = 0.95,
    tolerable: float = 0.01,
    mismatches: int = 0,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    tenant: Tenant = None,
    who: As = None,
    common: Common = COMMON,
) -> int:
    """Draw the random sample that two people compare with the source, and write their worksheet.

    Args:
        code: The batch whose history shall say which sample was drawn; without it, none does.
        seed: Anybody draws the same sample from it again.
        work: The folder that `merit onboard check` wrote to.
        confidence: How sure the sample shall be, below 1.
        tolerable: The share of wrong records from which on it must be found.
        mismatches: So many wrong records in the sample are still accepted.
        output: Where the worksheet goes (sample.xlsx in the folder).
        tenant: Whose history.
        who: Who draws.
        common: Options of every command.
    """
    if not 0 < confidence < 1 or not 0 < tolerable < 1 or mismatches < 0:
        raise WrongInput("confidence and tolerable lie between 0 and 1; mismatches is not negative")
    # Options of a command line are floats; from here on there are basis points only.
    asked = (seed, round(confidence * 10_000), round(tolerable * 10_000), mismatches)
    path = output or work / "sample.xlsx"
    workspace = Workspace.open(work)
    try:
        if code is None:
            drawn = draw(workspace, *asked)
            write_worksheet(workspace, drawn, path)
        else:
            drawn = run(_drawn(code, workspace, asked, path, (tenant, who, common)))
    finally:
        workspace.close()
    human = (
        f"{drawn.size} of {drawn.population} records, seed {seed}, digest {drawn.digest[:16]}\n"
        f"accepted with at most {mismatches} mismatches\n"
        f"written to {path}: two people fill in one sheet each"
    )
    told(common, drawn.summary(), human)
    return Exit.DONE


async def _drawn(
    code: str,
    workspace: Workspace,
    asked: tuple[int, int, int, int],
    path: Path,
    by: tuple[Tenant, As, Common],
) -> Sample:
    """The same, of what the domain has not refused, and written to the batch."""
    tenant, who, common = by
    async with place_of(common.settings, tenant) as place:
        batch = await batches.batch_of(place.store, code)
        held = await held_of(place.store, workspace, batch.import_id)
        drawn = draw(held, *asked)
        write_worksheet(held, drawn, path)
        command = DrawSample(
            seed=drawn.seed,
            size=drawn.size,
            population=drawn.population,
            confidence_bp=drawn.confidence_bp,
            mismatches_max=drawn.mismatches_max,
            sample_digest=drawn.digest,
        )
        await place.store.execute(IMPORT, batch.import_id, command, stamps(actor_of(who))())
    return drawn
