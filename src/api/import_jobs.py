"""Files of an import, received as they come; and the work that a worker does with them."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from litestar import Response

from api.asked import Asked
from api.commands import decode, idempotency
from api.imports import ENGINEERS, READERS
from api.problems import Said
from api.queries import Plain, PlainListing, found, read
from api.routes import Route, get
from domain import ids
from projections.questions import Page
from tenancy.import_files import FILE_BYTES_MAX, ImportFiles, TooLarge, TooManyFiles, Uploaded
from tenancy.import_jobs import ImportJobs, Job, JobState, JobUnderWay

OCTETS = "application/octet-stream"
_READ = msgspec.json.Decoder(float_hook=Decimal)
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[^/\\\x00-\x1f.][^/\\\x00-\x1f]{0,199}$")]
"""No folders, nothing hidden: it will be the name of a file."""


class Upload(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Code
    """Of the import, which need not have begun yet."""
    name: FileName
    """Of the file. The mapping is a file, too: mapping.yaml."""


class CheckFiles(msgspec.Struct, frozen=True, kw_only=True, tag="check", tag_field="kind"):
    """Check all files against the mapping; the batch begins with its first check."""

    owner: str
    """The migration engineer, by name."""


class DrawFromFiles(msgspec.Struct, frozen=True, kw_only=True, tag="sample", tag_field="kind"):
    """Draw the sample that two people compare."""

    seed: int
    confidence_bp: int = 9500
    tolerable_bp: int = 100
    mismatches_max: int = 0


class Rehearse(msgspec.Struct, frozen=True, kw_only=True, tag="dry-run", tag_field="kind"):
    """Decide every record without writing; rows that are refused go into quarantine."""


class CarryOut(msgspec.Struct, frozen=True, kw_only=True, tag="commit", tag_field="kind"):
    """Commit the batch, which is signed off, and compare source and views."""


class TakeBack(msgspec.Struct, frozen=True, kw_only=True, tag="compensate", tag_field="kind"):
    """Take the batch back."""

    reason: str


class AskJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Work in the background; one job of an import at a time."""

    code: Code
    job: CheckFiles | DrawFromFiles | Rehearse | CarryOut | TakeBack


class JobAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Where to see how far it is: GET /imports/{import_id}/jobs."""

    import_id: UUID
    number: int


class JobTold(msgspec.Struct, frozen=True, kw_only=True):
    """A job with its progress."""

    number: int
    kind: Literal["check", "sample", "dry-run", "commit", "compensate"]
    state: JobState
    requested_by: UUID
    requested_at: datetime
    ended_at: datetime | None
    done: int
    total: int
    events: int
    answer: Any
    """What came of it; null before its end."""


async def _upload(asked: Asked) -> Response[bytes]:
    given = read(asked, Upload)
    idempotency(asked)
    files = ImportFiles(asked.services.database, asked.services.keyring, asked.caller.tenant_id)
    try:
        uploaded = await files.receive(
            ids.import_id(given.code),
            given.name,
            _content(asked),
            actor=asked.caller.actor,
            now=asked.stamp.now,
        )
    except TooLarge as error:
        raise Said("body-too-large", str(error)) from error
    except TooManyFiles as error:
        raise Said("too-many-files", str(error)) from error
    return Response(msgspec.json.encode(uploaded), status_code=201, media_type="application/json")


async def _content(asked: Asked) -> AsyncIterator[bytes]:
    if asked.stream is None:
        raise LookupError("this route receives a stream")
    async for chunk in asked.stream:
        yield chunk


async def _ask(asked: Asked) -> Response[bytes]:
    idempotency(asked)
    given = decode(asked.body, AskJob)
    import_id = ids.import_id(given.code)
    jobs = ImportJobs(asked.services.database, asked.caller.tenant_id)
    kind = type(given.job).__struct_config__.tag
    try:
        number = await jobs.add(
            import_id,
            kind,  # type: ignore[arg-type]  # the tags are the kinds
            msgspec.json.encode(given),
            actor=asked.caller.actor,
            now=asked.stamp.now,
        )
    except JobUnderWay as error:
        raise Said("job-under-way", str(error)) from error
    return Response(
        msgspec.json.encode(JobAsked(import_id=import_id, number=number)),
        status_code=202,
        media_type="application/json",
    )


async def _jobs(asked: Asked, _: PlainListing) -> Page[JobTold]:
    """The jobs of an import with their progress, the newest first."""
    jobs = ImportJobs(asked.services.database, asked.caller.tenant_id)
    return Page(items=await _of(asked, [_told(job) for job in await jobs.jobs(asked.one_id())]))


T = TypeVar("T")


async def _of(asked: Asked, items: list[T]) -> tuple[T, ...]:
    """The items; where there are none, and no such import either, nothing of the id is known."""
    if not items:
        found(await (await asked.store()).read(asked.one_id(), limit=1) or None)
    return tuple(items)


def _told(job: Job) -> JobTold:
    return JobTold(
        number=job.number,
        kind=job.kind,
        state=job.state,
        requested_by=job.requested_by,
        requested_at=job.requested_at,
        ended_at=job.ended_at,
        done=job.done,
        total=job.total,
        events=job.events,
        answer=None if job.answer is None else _READ.decode(job.answer),
    )


async def _files(asked: Asked, _: PlainListing) -> Page[Uploaded]:
    """The files that were uploaded for an import."""
    files = ImportFiles(asked.services.database, asked.services.keyring, asked.caller.tenant_id)
    return Page(items=await _of(asked, await files.files(asked.one_id())))


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/imports/uploads",
        tag="imports",
        summary="Upload a file of an import, the mapping among them",
        description=f"Received as it comes; at most {FILE_BYTES_MAX} bytes.",
        roles=ENGINEERS,
        serve=_upload,
        media_type=OCTETS,
        parameters=Upload,
        result=Uploaded,
        status=201,
        keyed=True,
        statuses=(409, 413, 415),
        streamed=True,
    ),
    Route(
        method="POST",
        path="/imports/jobs",
        tag="imports",
        summary="Ask for work in the background: check, sample, dry run, commit, compensate",
        roles=ENGINEERS,
        serve=_ask,
        body=AskJob,
        result=JobAsked,
        status=202,
        keyed=True,
        statuses=(409, 415),
    ),
    get(
        "/imports/{import_id}/jobs",
        _jobs,
        roles=READERS,
        result=JobTold,
        parameters=PlainListing,
    ),
    get(
        "/imports/{import_id}/files",
        _files,
        roles=READERS,
        result=Uploaded,
        parameters=PlainListing,
    ),
)
