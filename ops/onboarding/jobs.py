"""The worker's side of imports: jobs asked for over the API, each in a process of its own.

The process is started anew for each job, gives way to everybody else, and ends with it; what it
has read of files it keeps in a folder of its own below the data folder. Killed in the middle it is
taken up again by whichever worker finds it silent.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from api.import_jobs import AskJob, CarryOut, CheckFiles, DrawFromFiles, Rehearse, TakeBack
from api.services import Services, opened
from domain.catalogue import EVENTS
from domain.kernel import Refused
from domain.migration import CommitImport, DrawSample
from domain.migration_decisions import IMPORT
from ops.demo.model import BadInput
from ops.onboarding import batches, committing, reconciling, withdrawing
from ops.onboarding.batches import Batch
from ops.onboarding.check import check, finished
from ops.onboarding.installation import Place, stamps
from ops.onboarding.mapping import load
from ops.onboarding.rechecking import Held, corrections_of, held_of, settle
from ops.onboarding.sampling import draw
from ops.onboarding.workspace import Workspace
from ops.sweeping import swept
from ops.up import environment
from projections.history import TenantLogs
from tenancy.database import Database
from tenancy.import_files import ImportFiles
from tenancy.import_jobs import CHANNEL, SILENT_S_MAX, ImportJobs, Job
from tenancy.settings import Settings

TELL_S = 1.0
NICE = 10
MAPPINGS = ("mapping.yaml", "mapping.yml", "mapping.toml")

log = structlog.get_logger(__name__)


class JobRunner:
    """Finds jobs and runs each in a process of its own, one after the other."""

    def __init__(self, database: Database, logs: TenantLogs, settings: Settings) -> None:
        self._database = database
        self._logs = logs
        self._settings = settings

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; a job that is cut off is taken up again later."""
        await swept(self._database, CHANNEL, self._sweep, stop)

    async def _sweep(self, stop: asyncio.Event) -> None:
        for tenant_id in await self._logs.tenants():
            jobs = ImportJobs(self._database, tenant_id)
            for import_id, number in await jobs.waiting(_silent_since()):
                if stop.is_set():
                    return
                if await jobs.take(import_id, number, datetime.now(UTC), _silent_since()):
                    job = (str(tenant_id), str(import_id), str(number))
                    await _run(job, environment(self._settings), stop)


def _silent_since() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=SILENT_S_MAX)


async def _run(job: tuple[str, str, str], env: dict[str, str], stop: asyncio.Event) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "ops.onboarding.jobs",
        *job,
        stdin=asyncio.subprocess.DEVNULL,
        env=env,
    )
    ending = asyncio.create_task(process.wait())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((ending, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not ending.done():
        process.terminate()
    code = await ending
    log.info("import-job-ended", tenant=job[0], job=job[2], code=code)


# -- in the process of a job


class Working(msgspec.Struct, frozen=True, kw_only=True):
    """A job at work."""

    place: Place
    job: Job
    asked: AskJob
    folder: Path
    """Of the import, below the data folder."""
    told: "Progress"


class Progress:
    """How far a job is; called with rows and events by those who do it."""

    def __init__(self) -> None:
        self.done = self.total = self.events = 0

    def __call__(self, done: int, events: int) -> None:
        self.done, self.events = done, events


async def carry_out(settings: Settings, tenant_id: UUID, import_id: UUID, number: int) -> int:
    """Do one job, and write down what came of it; the exit code."""
    async with opened(settings) as services:
        jobs = ImportJobs(services.database, tenant_id)
        job = next(each for each in await jobs.jobs(import_id) if each.number == number)
        async with _telling(jobs, job) as told:
            try:
                working = await _working(services, settings, tenant_id, job, told)
                answer = await WORK[job.kind](working)
                # Whoever sees that it is done finds in the views what it has done.
                await working.place.catch_up()
                state = "done"
            except (Refused, BadInput, LookupError) as error:
                code = error.code if isinstance(error, Refused) else type(error).__name__
                answer, state = {"code": code, "detail": str(error)}, "failed"
        text = msgspec.json.encode(answer, enc_hook=str)
        await jobs.end(import_id, number, state, text, datetime.now(UTC))  # type: ignore[arg-type]  # one of two
    return 0 if state == "done" else 1


@contextlib.asynccontextmanager
async def _telling(jobs: ImportJobs, job: Job) -> AsyncIterator[Progress]:
    """Say how far the job is, once a second, for as long as it lives."""
    told = Progress()

    async def tell() -> None:
        now = datetime.now(UTC)
        await jobs.tell(job.import_id, job.number, now, told.done, told.total, told.events)

    async def telling() -> None:
        while True:
            with contextlib.suppress(OSError):
                await tell()
            await asyncio.sleep(TELL_S)

    task = asyncio.create_task(telling())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await tell()


async def _working(
    services: Services,
    settings: Settings,
    tenant_id: UUID,
    job: Job,
    told: Progress,
) -> Working:
    base = settings.data_dir or Path(tempfile.gettempdir()) / f"merit-imports-{os.getuid()}"
    folder = base / "imports" / str(tenant_id) / str(job.import_id)
    return Working(
        place=Place(
            services=services,
            tenant_id=tenant_id,
            store=await services.histories.of(tenant_id),
            logs=TenantLogs(services.database, services.keyring, EVENTS),
        ),
        job=job,
        asked=msgspec.json.decode(job.asked, type=AskJob),
        folder=folder,
        told=told,
    )


async def _checked(working: Working) -> Workspace:
    """The check of the files with what was decided since; made anew where it is not there."""
    place, job = working.place, working.job
    services = place.services
    shutil.rmtree(working.folder, ignore_errors=True)
    files = ImportFiles(services.database, services.keyring, place.tenant_id)
    source = working.folder / "files"
    paths = await files.lay_out(job.import_id, source)
    mapping = next((path for path in paths if path.name in MAPPINGS), None)
    if mapping is None:
        raise BadInput(f"upload the mapping, too, as {MAPPINGS[0]}")
    beside = working.folder / mapping.name
    mapping.rename(beside)
    events = await batches.events_of(place.store, job.import_id)
    corrections = corrections_of(batches.amendments(events))

    def work() -> None:
        made = check(source, load(beside), working.folder, corrections=corrections)
        finished(made, working.folder)
        made.close()

    # In a thread of its own, so that this process goes on saying that it lives.
    await asyncio.to_thread(work)
    return Workspace.open(working.folder)


async def _with_batch(working: Working) -> tuple[Batch, Held]:
    batch = await batches.batch_of(working.place.store, working.asked.code)
    checked = await _checked(working)
    return batch, await held_of(working.place.store, checked, batch.import_id)


async def _check(working: Working) -> object:
    asked = working.asked.job
    if not isinstance(asked, CheckFiles):
        raise BadInput("this is no check")
    place, stamp = working.place, stamps(working.job.requested_by)
    checked = await _checked(working)
    held = await held_of(place.store, checked, working.job.import_id)
    await batches.bring_in(place.store, held, working.asked.code, asked.owner, stamp())
    return {"counts": held.counts(), "report_digest": held.report_digest}


async def _sample(working: Working) -> object:
    asked = working.asked.job
    if not isinstance(asked, DrawFromFiles):
        raise BadInput("this is no sample")
    batch, held = await _with_batch(working)
    drawn = draw(held, asked.seed, asked.confidence_bp, asked.tolerable_bp, asked.mismatches_max)
    command = DrawSample(
        seed=drawn.seed,
        size=drawn.size,
        population=drawn.population,
        confidence_bp=drawn.confidence_bp,
        mismatches_max=drawn.mismatches_max,
        sample_digest=drawn.digest,
    )
    stamp = stamps(working.job.requested_by)
    await working.place.store.execute(IMPORT, batch.import_id, command, stamp())
    return {"sample_digest": drawn.digest, "size": drawn.size, "items": drawn.items}


async def _dry_run(working: Working) -> object:
    place, stamp = working.place, stamps(working.job.requested_by)
    batch = await batches.batch_of(place.store, working.asked.code)
    checked = await _checked(working)
    held = await held_of(place.store, checked, batch.import_id)
    working.told.total = held.counts().ok
    rehearsed = await committing.rehearse(place.store, batch, held, stamp(), told=working.told)
    if rehearsed.refused:
        rehearsed = await settle(place.store, batch, checked, rehearsed, stamp)
    return rehearsed


async def _commit(working: Working) -> object:
    place, stamp = working.place, stamps(working.job.requested_by)
    batch, held = await _with_batch(working)
    if batch.state.stage != "committing":
        await place.store.execute(IMPORT, batch.import_id, CommitImport(), stamp())
        batch = await batches.batch_of(place.store, batch.code)
    working.told.total = held.counts().ok
    done = await committing.commit(place.store, batch, held, stamp, working.told)
    await place.catch_up()
    batch = await batches.batch_of(place.store, batch.code)
    async with place.view() as view:
        same = await reconciling.reconcile(place.store, view, batch, held)
    await reconciling.record(place.store, batch, same, stamp())
    return {"committed": done, "reconciled": same}


async def _compensate(working: Working) -> object:
    asked = working.asked.job
    if not isinstance(asked, TakeBack):
        raise BadInput("this takes nothing back")
    place, stamp = working.place, stamps(working.job.requested_by)
    batch = await batches.batch_of(place.store, working.asked.code)
    log_of = await place.log()
    done = await withdrawing.withdraw(
        place.store, log_of, batch, asked.reason, new_stamp=stamp, told=working.told
    )
    residual = await withdrawing.residual_of(place.store, log_of, batch.import_id)
    await withdrawing.finish(place.store, batch, residual, stamp())
    return {"withdrawn": done, "residual": residual}


WORK: dict[str, Callable[[Working], Awaitable[object]]] = {
    CheckFiles.__struct_config__.tag: _check,  # type: ignore[dict-item]  # the tags are text
    DrawFromFiles.__struct_config__.tag: _sample,  # type: ignore[dict-item]  # as above
    Rehearse.__struct_config__.tag: _dry_run,  # type: ignore[dict-item]  # as above
    CarryOut.__struct_config__.tag: _commit,  # type: ignore[dict-item]  # as above
    TakeBack.__struct_config__.tag: _compensate,  # type: ignore[dict-item]  # as above
}


def main(tenant_id: str, import_id: str, number: str) -> int:
    """One job, in a process that gives way to everybody else."""
    os.nice(NICE)
    settings = Settings.read()
    return asyncio.run(carry_out(settings, UUID(tenant_id), UUID(import_id), int(number)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
