"""Audit: who did what when, and the proof that the log is the one that happened."""

import base64
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from api import auth
from api.asked import Asked
from api.problems import FieldError, Said
from api.queries import Listing, Plain, Position, found
from api.routes import Route, get
from api.wire import One
from projections import audit_trail
from projections.questions import Page

READERS = frozenset({auth.AUDITOR, auth.ADMIN})
_TOPIC_LENGTH_MAX = 200


class Events(Listing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    topic: Annotated[str, msgspec.Meta(max_length=_TOPIC_LENGTH_MAX)] | None = None
    actor: UUID | None = None
    stream_id: UUID | None = None
    since: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """Recorded at this time or later."""
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """Recorded before this time."""
    newest_first: bool = False


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """That the second tree only appended to the first (RFC 9162); hashes in base64."""

    first: int
    second: int
    hashes: tuple[str, ...]


class Between(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_: Annotated[Position, msgspec.Meta(description="Size of the first tree.")] = msgspec.field(
        name="from"
    )
    to: Position | None = None
    """Size of the second tree; the newest checkpoint's where it is not given."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed C2SP checkpoint of the tenant's log."""

    tree_size: int
    root: str
    """Base64."""
    note: str
    """The signed text, to be kept and to be verified offline."""
    created_at: datetime | None


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """That the event at a position is in the tree (RFC 9162); hashes in base64."""

    position: int
    tree_size: int
    leaf_hash: str
    hashes: tuple[str, ...]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def _events(asked: Asked, given: Events) -> Page[audit_trail.AuditEvent]:
    """Envelopes of all events by position: who did what when."""
    async with asked.view() as view:
        return await audit_trail.audit_events(
            view,
            topic=given.topic,
            actor=given.actor,
            stream_id=given.stream_id,
            since=given.since,
            until=given.until,
            descending=given.newest_first,
            limit=given.limit,
            cursor=given.cursor,
        )


async def _event(asked: Asked, _: Plain) -> One:
    """The envelope of the event at a position."""
    async with asked.view() as view:
        return One(value=found(await audit_trail.audit_event(view, asked.position)))


async def _checkpoint(asked: Asked, _: Plain) -> One:
    """The newest signed checkpoint of the log."""
    signed = found(await asked.services.transparency.checkpoint(asked.caller.tenant_id))
    return One(
        value=Checkpoint(
            tree_size=signed.tree_size,
            root=_text(signed.root),
            note=signed.note,
            created_at=signed.created_at,
        )
    )


class OfTree(Plain, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tree_size: Position | None = None
    """The newest checkpoint's where it is not given."""


async def _proof(asked: Asked, given: OfTree) -> One:
    """The proof that the event at a position is in the tree of a checkpoint."""
    position = asked.position
    try:
        proof = await asked.services.transparency.inclusion(
            asked.caller.tenant_id, position, given.tree_size
        )
    except ValueError as error:
        raise Said("not-found", f"nothing to prove yet: {error}") from error
    return One(
        value=Proof(
            position=proof.position,
            tree_size=proof.tree_size,
            leaf_hash=_text(proof.leaf_hash),
            hashes=tuple(map(_text, proof.hashes)),
        )
    )


async def _consistency(asked: Asked, given: Between) -> One:
    """The proof that a later checkpoint's tree only appended to an earlier one's."""
    try:
        proof = await asked.services.transparency.consistency(
            asked.caller.tenant_id, given.from_, given.to
        )
    except ValueError as error:
        raise Said(
            "invalid-query",
            str(error),
            errors=[FieldError(pointer="?to", detail="a tree size, not before ?from")],
        ) from error
    return One(
        value=Consistency(
            first=proof.first, second=proof.second, hashes=tuple(map(_text, proof.hashes))
        )
    )


ROUTES: tuple[Route, ...] = (
    get(
        "/audit/events",
        _events,
        roles=READERS,
        result=audit_trail.AuditEvent,
        projections=(audit_trail.NAME,),
        parameters=Events,
    ),
    get(
        "/audit/events/{position}",
        _event,
        roles=READERS,
        result=audit_trail.AuditEvent,
        projections=(audit_trail.NAME,),
        parameters=Plain,
    ),
    get(
        "/audit/checkpoint",
        _checkpoint,
        roles=READERS,
        result=Checkpoint,
        parameters=Plain,
    ),
    get(
        "/audit/proof/{position}",
        _proof,
        roles=READERS,
        result=Proof,
        parameters=OfTree,
    ),
    get(
        "/audit/consistency",
        _consistency,
        roles=READERS,
        result=Consistency,
        parameters=Between,
    ),
)
