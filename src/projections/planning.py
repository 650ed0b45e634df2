"""Planning: schemes with their versions, cycles with their stage, the business data received."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.cycle import (
    CycleClosed,
    CycleOpened,
    CyclePlanned,
    DataCutOffReached,
    SchemeBound,
    Stage,
    StageAdvanced,
)
from domain.feeds import (
    FeedCutOffReached,
    FeedReceived,
    FeedRejected,
    FeedStatus,
    FeedValidated,
)
from domain.organisation import JobFamily
from domain.rules import SchemeContent
from domain.scheme import SchemeDrafted, SchemeVersionPublished
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import R, Row, Table, begun
from tenancy.records import Recorded

NAME = "planning"
VERSION = 2


class SchemeVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a scheme, draft or published."""

    version: int
    published: bool
    content: SchemeContent
    reason: str = ""


class Scheme(Row, kw_only=True):
    """考核方案"""

    scheme_id: UUID
    code: str
    name: str
    """Of the newest version."""
    versions: tuple[SchemeVersion, ...]
    version: int


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a scheme version appraises in a cycle."""

    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None = None


class Cycle(Row, kw_only=True):
    """考核周期"""

    cycle_id: UUID
    code: str
    name: str
    starts_on: date
    ends_on: date
    months: int
    stage: Stage
    data_cut_off_at: datetime | None
    schemes: tuple[Binding, ...]
    version: int


class Feed(Row, kw_only=True):
    """业务数据批次"""

    feed_id: UUID
    source: str
    name: str
    checksum: str
    rows: int
    as_of: date
    received_at: datetime
    owner_id: UUID | None = None
    status: FeedStatus = "received"
    version: int


def _table(name: str, row: type[R], key: str, *indexes: tuple[str, ...]) -> Table[R]:
    return Table(name, row, projection=NAME, version=VERSION, key=(key,), indexes=indexes)


SCHEMES = _table("schemes", Scheme, "scheme_id", ("code",))
CYCLES = _table("cycles", Cycle, "cycle_id", ("code",))
FEEDS = _table("feeds", Feed, "feed_id", ("source", "name"))


def _scheme(row: Scheme | None, recorded: Recorded) -> Scheme:
    event = recorded.event
    if row is None and isinstance(event, SchemeDrafted):
        row = Scheme(scheme_id=recorded.stream_id, code=event.code, name="", versions=(), version=0)
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case SchemeDrafted():
            draft = SchemeVersion(version=event.version, published=False, content=event.content)
            kept = [each for each in row.versions if each.version != event.version]
            row.versions = (*kept, draft)
            row.name = event.content.name
        case SchemeVersionPublished():
            row.versions = tuple(
                msgspec.structs.replace(each, published=True, reason=event.reason)
                if each.version == event.version
                else each
                for each in row.versions
            )
    return row


def _cycle(row: Cycle | None, recorded: Recorded) -> Cycle:
    event = recorded.event
    if isinstance(event, CyclePlanned):
        return Cycle(
            cycle_id=recorded.stream_id,
            code=event.code,
            name=event.name,
            starts_on=event.starts_on,
            ends_on=event.ends_on,
            months=event.months,
            stage="draft",
            data_cut_off_at=None,
            schemes=(),
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.version = recorded.version
    match event:
        case SchemeBound():
            bound = Binding(
                scheme_id=event.scheme_id,
                scheme_version=event.scheme_version,
                family=event.family,
                level=event.level,
            )
            kept = [b for b in row.schemes if (b.family, b.level) != (bound.family, bound.level)]
            row.schemes = (*kept, bound)
        case CycleOpened():
            row.stage = "goal-setting"
        case StageAdvanced():
            row.stage = event.after
        case DataCutOffReached():
            row.data_cut_off_at = recorded.recorded_at
        case CycleClosed():
            row.stage = "closed"
    return row


def _feed(row: Feed | None, recorded: Recorded) -> Feed:
    event = recorded.event
    if not isinstance(event, FeedReceived):
        row = begun(row, recorded)
        row.status, row.version = FEED_STATUS[type(event)], recorded.version
        return row
    return Feed(
        feed_id=recorded.stream_id,
        source=event.source,
        name=event.name,
        checksum=event.checksum,
        rows=event.rows,
        as_of=event.as_of,
        received_at=recorded.recorded_at,
        owner_id=event.owner_id,
        version=recorded.version,
    )


FEED_STATUS: dict[type, FeedStatus] = {
    FeedValidated: "validated",
    FeedRejected: "rejected",
    FeedCutOffReached: "complete",
}

FOLDS = (
    (SCHEMES, _scheme, (SchemeDrafted, SchemeVersionPublished)),
    (
        CYCLES,
        _cycle,
        (CyclePlanned, SchemeBound, CycleOpened, StageAdvanced, DataCutOffReached, CycleClosed),
    ),
    (FEEDS, _feed, (FeedReceived, FeedValidated, FeedRejected, FeedCutOffReached)),
)

PLANNING = by_stream(NAME, VERSION, FOLDS)


async def schemes(
    view: View, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[Scheme]:
    """Schemes by code, with all their versions."""
    return await page(view, SCHEMES, order=("code",), limit=limit, cursor=cursor)


async def scheme(view: View, scheme_id: UUID) -> Scheme | None:
    """The scheme with this id, all its versions."""
    return await get(view, SCHEMES, scheme_id)


async def cycles(
    view: View,
    *,
    stage: Stage | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Cycle]:
    """Cycles by code."""
    where = {"stage": stage}
    return await page(view, CYCLES, order=("code",), where=where, limit=limit, cursor=cursor)


async def cycle(view: View, cycle_id: UUID) -> Cycle | None:
    """The cycle with this id."""
    return await get(view, CYCLES, cycle_id)


async def feeds(
    view: View,
    *,
    source: str | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Feed]:
    """Feeds by source and name, as last received."""
    where = {"source": source}
    return await page(
        view, FEEDS, order=("source", "name"), where=where, limit=limit, cursor=cursor
    )


async def feed(view: View, feed_id: UUID) -> Feed | None:
    """The feed with this id."""
    return await get(view, FEEDS, feed_id)
