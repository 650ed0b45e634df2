"""Planning: cycles with their stage, schemes and deadlines, business data, work calendars."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from domain.cycle import (
    CycleClosed,
    CycleLocked,
    CycleOpened,
    CyclePlanned,
    DataCutOffReached,
    ParticipantsResolved,
    SchemeBound,
    Stage,
    StageAdvanced,
)
from domain.cycle_deadlines import DeadlineExtended, StageDeadline, with_deadline
from domain.feeds import (
    FeedCutOffReached,
    FeedReceived,
    FeedRejected,
    FeedStatus,
    FeedValidated,
)
from domain.leavers import LeaverPolicy
from domain.organisation import JobFamily
from domain.scheme_change import SchemeVersionChanged
from domain.work_calendar import WorkCalendarSet
from projections.kernel import by_stream
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import R, Row, Table, begun
from tenancy.records import Recorded

NAME = "planning"
VERSION = 5


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a scheme version appraises in a cycle."""

    scheme_id: UUID
    scheme_version: int
    family: JobFamily
    level: int | None = None
    org_unit_id: UUID | None = None


class VersionChange(msgspec.Struct, frozen=True, kw_only=True):
    """Another version of a scheme while the cycle runs; from its first day where none is named."""

    scheme_id: UUID
    before: int
    after: int
    effective_from: date | None
    changed_at: datetime


class Cycle(Row, kw_only=True):
    """考核周期"""

    cycle_id: UUID
    code: str
    name: str
    starts_on: date
    ends_on: date
    months: int
    good_leavers: LeaverPolicy
    bad_leavers: LeaverPolicy
    holidays: tuple[date, ...]
    made_up: tuple[date, ...]
    """Days of a weekend that are worked."""
    stage: Stage
    deadlines: tuple[StageDeadline, ...] = ()
    """The last days of its stages, as extended."""
    data_cut_off_at: datetime | None
    locked_at: datetime | None = None
    """Since then scores change by being reopened alone."""
    participants: int | None = None
    """Employments as they were resolved last."""
    participants_resolved_at: datetime | None = None
    schemes: tuple[Binding, ...]
    changes: tuple[VersionChange, ...]
    version: int


class WorkCalendar(Row, kw_only=True):
    """工作日历"""

    calendar_id: UUID
    year: int
    holidays: tuple[date, ...]
    made_up: tuple[date, ...]
    """Days of a weekend that are worked."""
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


CYCLES = _table("cycles", Cycle, "cycle_id", ("code",))
FEEDS = _table("feeds", Feed, "feed_id", ("source", "name"))


CALENDARS = _table("work_calendars", WorkCalendar, "calendar_id", ("year",))


def _calendar(_: WorkCalendar | None, recorded: Recorded) -> WorkCalendar:
    event: WorkCalendarSet = recorded.event
    return WorkCalendar(
        calendar_id=recorded.stream_id,
        year=event.year,
        holidays=event.holidays,
        made_up=event.made_up,
        version=recorded.version,
    )


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
            good_leavers=event.good_leavers,
            bad_leavers=event.bad_leavers,
            holidays=event.holidays,
            made_up=event.made_up,
            stage="draft",
            deadlines=event.deadlines,
            data_cut_off_at=None,
            schemes=(),
            changes=(),
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
                org_unit_id=event.org_unit_id,
            )
            row.schemes = (*row.schemes, bound)
        case SchemeVersionChanged():
            row.changes = (*row.changes, _version_change(recorded))
            if event.effective_from is None:
                row.schemes = tuple(
                    msgspec.structs.replace(each, scheme_version=event.after)
                    if (each.scheme_id, each.scheme_version) == (event.scheme_id, event.before)
                    else each
                    for each in row.schemes
                )
        case CycleOpened():
            row.stage = "goal-setting"
        case StageAdvanced():
            row.stage = event.after
        case DataCutOffReached():
            row.data_cut_off_at = recorded.recorded_at
        case DeadlineExtended():
            row.deadlines = with_deadline(row.deadlines, event.stage, event.on)
        case ParticipantsResolved():
            row.participants = event.employments
            row.participants_resolved_at = recorded.recorded_at
        case CycleLocked():
            row.locked_at = recorded.recorded_at
        case CycleClosed():
            row.stage = "closed"
    return row


def _version_change(recorded: Recorded) -> VersionChange:
    event: SchemeVersionChanged = recorded.event
    return VersionChange(
        scheme_id=event.scheme_id,
        before=event.before,
        after=event.after,
        effective_from=event.effective_from,
        changed_at=recorded.recorded_at,
    )


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
    (
        CYCLES,
        _cycle,
        (
            CyclePlanned,
            SchemeBound,
            SchemeVersionChanged,
            CycleOpened,
            StageAdvanced,
            DataCutOffReached,
            DeadlineExtended,
            ParticipantsResolved,
            CycleLocked,
            CycleClosed,
        ),
    ),
    (CALENDARS, _calendar, (WorkCalendarSet,)),
    (FEEDS, _feed, (FeedReceived, FeedValidated, FeedRejected, FeedCutOffReached)),
)

PLANNING = by_stream(NAME, VERSION, FOLDS)


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


async def calendars(
    view: View, *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
) -> Page[WorkCalendar]:
    """Work calendars by year."""
    return await page(view, CALENDARS, order=("year",), where={}, limit=limit, cursor=cursor)


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
