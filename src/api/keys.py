"""Access keys: issued once, listed without secrets, revoked within seconds."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api import auth
from api.asked import Asked
from api.commands import body_type, carry_out, from_path, post, told
from api.problems import FieldError, Said
from api.queries import PlainListing
from api.routes import BASE, Act, Route, get, writers
from domain import ids
from domain.access import ACCESS_KEY, IssueAccessKey, RevokeAccessKey, RotateAccessKey
from domain.kernel import Refused
from projections.questions import Page
from tenancy.registry import Credential, key_prefix, new_key_text
from tenancy.store import Store

ISSUE_PATH = "/keys/{id}"
WRITERS = writers(auth.ADMIN)
READERS = frozenset({auth.ADMIN, auth.AUDITOR})


class AccessKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key without its secret, which is kept nowhere."""

    key_id: UUID
    prefix: str
    """The public part of the secret, by which people recognise it."""
    name: str
    """Of somebody's own key: from the log, and its prefix once that was erased."""
    roles: tuple[str, ...]
    person_id: UUID | None
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    scopes: tuple[str, ...]
    """Less than the roles open; none is all."""
    last_used_at: datetime | None
    """To the minute or so."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A new access key. Its secret is in this one answer and nowhere else, ever."""

    id: UUID
    version: int
    position: int
    secret: str | None
    """None when the same request had been answered before."""


class Rotated(Issued, frozen=True, kw_only=True):
    """The new access key, and until when the old one works."""

    old_expires_at: datetime


async def _issue(asked: Asked) -> Response[Any]:
    text = new_key_text()
    act = Act(
        command=IssueAccessKey,
        decider=ACCESS_KEY,
        stream=lambda *_: ids.access_key_id(key_prefix(text)),
        creates=ISSUE_PATH,
    )
    receipt, command = await carry_out(act, IssueAccessKey, asked)
    registry, tenant_id = asked.services.registry, asked.caller.tenant_id
    secret: str | None = None
    there = {key.key_id for key in await registry.keys(tenant_id)} if receipt.replayed else set()
    # Issued after the event, so that no key opens anything that history does not know of. Where
    # we died in between, the repeated request finds no key and gets one: no secret left us yet.
    if receipt.stream_id not in there:
        secret = await registry.issue_key(
            tenant_id,
            receipt.stream_id,
            command.name,
            command.roles,
            person_id=command.person_id,
            expires_at=command.expires_at,
            scopes=command.scopes,
            text=text,
        )
    done = Issued(
        id=receipt.stream_id, version=receipt.version, position=receipt.position, secret=secret
    )
    answer = told(receipt, creates=act.creates)
    answer.content = msgspec.json.encode(done)
    return answer


async def _rotate(asked: Asked) -> Response[Any]:
    """A key like this one, and the end of this one once its users had time to change."""
    registry, tenant_id = asked.services.registry, asked.caller.tenant_id
    text = new_key_text()
    # The id of the new one is ours to give, as if it stood in the path.
    wanted = {**asked.ids, "new_key_id": ids.access_key_id(key_prefix(text))}
    receipt, _ = await carry_out(
        ROTATE_ACT, ROTATE.body, msgspec.structs.replace(asked, ids=wanted)
    )
    store = await asked.store()
    old, _ = await store.load(ACCESS_KEY, receipt.stream_id, version=receipt.version)
    if old is None or old.replaced_by is None or old.expires_at is None:
        raise LookupError(f"access key {receipt.stream_id} was replaced by nothing")
    new, _ = await store.load(ACCESS_KEY, old.replaced_by)
    if new is None:
        raise LookupError(f"access key {old.replaced_by} was never issued")
    secret: str | None = None
    there = {key.key_id for key in await registry.keys(tenant_id)} if receipt.replayed else set()
    if old.replaced_by not in there:
        secret = await registry.issue_key(
            tenant_id,
            old.replaced_by,
            new.name or "",
            new.roles,
            person_id=new.person_id,
            expires_at=new.expires_at,
            scopes=new.scopes,
            text=text,
        )
    await registry.end_key(tenant_id, receipt.stream_id, old.expires_at)
    done = Rotated(
        id=old.replaced_by,
        version=1,
        position=receipt.position,
        secret=secret,
        old_expires_at=old.expires_at,
    )
    answer = told(receipt, creates=ISSUE_PATH)
    answer.headers["Location"] = f"{BASE}/keys/{old.replaced_by}"
    answer.headers["ETag"] = '"1"'
    answer.content = msgspec.json.encode(done)
    return answer


async def _revoke(asked: Asked) -> Response[Any]:
    registry, tenant_id = asked.services.registry, asked.caller.tenant_id
    act = Act(command=RevokeAccessKey, decider=ACCESS_KEY, stream=from_path("key_id"))
    try:
        receipt, _ = await carry_out(act, RevokeAccessKey, asked)
    except Refused as refusal:
        if refusal.code == "already-revoked":
            await registry.revoke_key(tenant_id, asked.ids["key_id"])
        raise
    await registry.revoke_key(tenant_id, receipt.stream_id)
    return told(receipt, creates=None)


async def _keys(asked: Asked, given: PlainListing) -> Page[AccessKey]:
    """Access keys, the oldest first."""
    keys = await asked.services.registry.keys(asked.caller.tenant_id)
    names = [str(key.key_id) for key in keys]
    if given.cursor is not None and given.cursor not in names:
        raise Said(
            "invalid-query",
            "cursor: not one that we gave",
            errors=[FieldError(pointer="?cursor", detail="not one that we gave")],
        )
    first = names.index(given.cursor) + 1 if given.cursor is not None else 0
    shown = keys[first : first + given.limit]
    more = first + given.limit < len(keys)
    called = await _called(await asked.store(), shown)
    return Page(
        items=tuple(
            AccessKey(
                key_id=key.key_id,
                prefix=key.prefix,
                name=called[key.key_id],
                roles=tuple(sorted(key.roles)),
                person_id=key.person_id,
                expires_at=key.expires_at,
                revoked_at=key.revoked_at,
                created_at=key.created_at,
                scopes=tuple(sorted(key.scopes)),
                last_used_at=key.last_used_at,
            )
            for key in shown
        ),
        next=str(shown[-1].key_id) if more else None,
    )


async def _called(store: Store, keys: Sequence[Credential]) -> dict[UUID, str]:
    """What keys are called: a person's are called so in the log alone, under the person's key."""
    called = {key.key_id: key.name for key in keys}
    for key in keys:
        if key.person_id is not None:
            state, _ = await store.load(ACCESS_KEY, key.key_id)
            if state is not None and state.name is not None:
                called[key.key_id] = state.name
    return called


ISSUE = msgspec.structs.replace(
    post(
        "/keys",
        IssueAccessKey,
        ACCESS_KEY,
        roles=WRITERS,
        stream=lambda *_: None,
        creates=ISSUE_PATH,
    ),
    act=None,
    serve=_issue,
    result=Issued,
)
ROTATE_ACT = Act(
    command=RotateAccessKey,
    decider=ACCESS_KEY,
    stream=from_path("key_id"),
    creates=ISSUE_PATH,
)
ROTATE = msgspec.structs.replace(
    post(
        "/keys/{key_id}/rotate",
        RotateAccessKey,
        ACCESS_KEY,
        roles=WRITERS,
        stream=from_path("key_id"),
        creates=ISSUE_PATH,
    ),
    act=None,
    serve=_rotate,
    body=body_type(ROTATE_ACT, ("key_id", "new_key_id")),
    result=Rotated,
)
REVOKE = msgspec.structs.replace(
    post(
        "/keys/{key_id}/revoke",
        RevokeAccessKey,
        ACCESS_KEY,
        roles=WRITERS,
        stream=from_path("key_id"),
    ),
    act=None,
    serve=_revoke,
)

ROUTES: tuple[Route, ...] = (
    ISSUE,
    get("/keys", _keys, roles=READERS, result=AccessKey, parameters=PlainListing),
    ROTATE,
    REVOKE,
)
