"""Who read what: the audit of reads, and whether its chain holds."""

import re
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from api.asked import Asked
from api.audit import READERS
from api.queries import Plain, PlainListing
from api.routes import Route, get
from api.wire import One
from projections.questions import BadQuestion, Page
from tenancy.read_audit import NotedRead
from tenancy.read_chain import Filter, Place, reads, verify_chain

_CURSOR = re.compile(r"([1-9][0-9]{0,17})\.([1-9][0-9]{0,8})")
_ROUTE_LENGTH_MAX = 200


class Reads(PlainListing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    actor: UUID | None = None
    """The person who read, or the key where no person is behind it."""
    subject: UUID | None = None
    """Whom or what it was about: a person, an employment, an appraisal, an id in the path."""
    route: Annotated[str, msgspec.Meta(max_length=_ROUTE_LENGTH_MAX)] | None = None
    """The template of the path, as `/appraisals/{appraisal_id}`."""
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """Read at this time or later."""
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """Read before this time."""
    newest_first: bool = False


class ReadChain(msgspec.Struct, frozen=True, kw_only=True):
    """Whether every entry is the one that was written."""

    holds: bool
    batches: int
    entries: int
    head: str
    """The chain's last hash, hexadecimal."""
    first_wrong: int | None
    """The first batch that is not what was written."""
    detail: str


async def _reads(asked: Asked, given: Reads) -> Page[NotedRead]:
    """Who read what sensitive data, when and why; written before the data left."""
    wanted = Filter(
        actor=given.actor,
        subject=given.subject,
        route=given.route,
        since=given.since,
        until=given.until,
    )
    found = await reads(
        asked.services.database,
        asked.caller.tenant_id,
        wanted,
        after=_place(given.cursor),
        limit=given.limit + 1,
        descending=given.newest_first,
    )
    shown = found[: given.limit]
    more = len(found) > given.limit
    return Page(items=tuple(shown), next=f"{shown[-1].batch}.{shown[-1].number}" if more else None)


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    place = _CURSOR.fullmatch(cursor)
    if place is None:
        raise BadQuestion("this cursor is not one that we gave")
    return int(place[1]), int(place[2])


async def _chain(asked: Asked, _: Plain) -> One:
    """The chain of all entries, computed again."""
    tenant_id = asked.caller.tenant_id
    chain = await verify_chain(asked.services.database, tenant_id)
    wrong = chain.damaged
    return One(
        value=ReadChain(
            holds=wrong is None,
            batches=chain.batches,
            entries=chain.entries,
            head=chain.hash.hex(),
            first_wrong=None if wrong is None else wrong.batch,
            detail="" if wrong is None else wrong.detail,
        )
    )


ROUTES: tuple[Route, ...] = (
    get("/audit/reads", _reads, roles=READERS, result=NotedRead, parameters=Reads),
    get("/audit/reads/chain", _chain, roles=READERS, result=ReadChain, parameters=Plain),
)
