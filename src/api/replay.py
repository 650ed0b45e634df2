"""A tenant's whole history told again: every view folded up to a moment, as digests."""

import hashlib
from datetime import date, datetime
from uuid import UUID

import msgspec

from api.asked import Asked
from api.audit import READERS
from api.queries import Parameters
from api.routes import Route, get
from api.wire import One
from projections.in_force import in_force_on
from projections.past import Moment, Replayed, canonical
from projections.views import Views


class Replaying(Parameters, frozen=True, kw_only=True, forbid_unknown_fields=True):
    valid_at: date | None = None
    """Without what takes effect after this day."""


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What the history up to a position says. Whoever replays it gets the same digest."""

    tenant_id: UUID
    position: int
    recorded_at: datetime | None
    """When the last of these events was recorded."""
    valid_at: date | None
    views: tuple[Replayed, ...]
    digest: str
    """SHA-256 of the canonical JSON of all of this but the digest."""


async def replay(views: Views, tenant_id: UUID, moment: Moment, valid_at: date | None) -> Replay:
    """Fold every view up to a moment.

    Raises:
        TooFar: it would cost too much.
    """
    cut = None if valid_at is None else in_force_on(valid_at)
    replayed = await views.replayed(tenant_id, moment, cut)
    told = Replay(
        tenant_id=tenant_id,
        position=moment.position,
        recorded_at=moment.recorded_at,
        valid_at=valid_at,
        views=replayed,
        digest="",
    )
    content = {name: getattr(told, name) for name in told.__struct_fields__ if name != "digest"}
    return msgspec.structs.replace(told, digest=hashlib.sha256(canonical(content)).hexdigest())


async def _replay(asked: Asked, given: Replaying) -> One:
    """Every view folded from the log again, with digests that are the same for everybody."""
    views, tenant_id = asked.services.views, asked.caller.tenant_id
    moment = asked.then or await views.moment(tenant_id)
    return One(value=await replay(views, tenant_id, moment, given.valid_at))


ROUTES: tuple[Route, ...] = (
    get("/audit/replay", _replay, roles=READERS, result=Replay, parameters=Replaying),
)
