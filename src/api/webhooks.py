"""Webhooks: who is told of events, with which secret, and what became of each delivery."""

import base64
import secrets
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response

from api.asked import Asked
from api.commands import carry_out, decode, from_path, post, told
from api.keys import READERS, WRITERS
from api.outside import NotOutside, Outside
from api.problems import Said
from api.queries import Plain, PlainListing, found, invalid
from api.routes import Act, Route, get
from api.services import Services
from api.wire import One
from domain import ids
from domain.catalogue import EVENTS
from domain.kernel import Refused
from domain.webhook import (
    WEBHOOK,
    Because,
    ChangeWebhook,
    PauseWebhook,
    PingWebhook,
    RedeliverEvent,
    RemoveWebhook,
    ReplayWebhook,
    ResumeWebhook,
    RotateWebhookSecret,
    SubscribeWebhook,
    Webhook,
    WebhookSecretRotated,
    WebhookState,
)
from projections.questions import Page
from tenancy.records import Receipt
from tenancy.webhooks import (
    Counts,
    Delivery,
    DeliveryState,
    Envelope,
    Following,
    Webhooks,
    secret_bound,
)

WEBHOOKS_MAX: Final = 20
SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  what secrets begin with, not one
_POSITION_MAX: Final = 2**63 - 1
_TOPICS: Final = frozenset(event.TOPIC for event in EVENTS)
_NOUNS: Final = frozenset(f"{topic.partition('.')[0]}.*" for topic in _TOPICS)


class WebhookTold(msgspec.Struct, frozen=True, kw_only=True):
    """事件订阅, without its secret."""

    webhook_id: UUID
    code: str
    url: str
    topics: tuple[str, ...]
    """None is all."""
    description: str
    state: WebhookState
    because: Because | None
    """Why it was disabled."""
    told_to: int
    """Everything up to this position of the log was delivered, or is told of in its deliveries."""
    waiting: int
    """Events that were not taken yet and are tried again."""
    dead: int
    """Events that were given up after three days."""
    oldest_at: datetime | None
    """Of what waits."""
    failures: int
    """Attempts that have failed since the last one that did not."""
    retry_at: datetime | None
    """Until then nothing is tried."""
    old_secret_until: datetime | None
    """Until then the secret before signs, too."""


class DeliveryTold(msgspec.Struct, frozen=True, kw_only=True):
    """An event and what became of its delivery. 推送记录"""

    position: int
    event_id: UUID
    """Sent as webhook-id, the same in all attempts."""
    topic: str
    stream_id: UUID
    recorded_at: datetime
    state: DeliveryState
    attempts: int
    tried_at: datetime | None
    retry_at: datetime | None
    status: int | None
    """What the receiver answered last."""
    error: str | None
    """Why it did not."""


class Subscribed(msgspec.Struct, frozen=True, kw_only=True):
    """A new webhook. Its secret is in this one answer and nowhere else, ever."""

    id: UUID
    version: int
    position: int
    secret: str | None
    """None when the same request had been answered before."""


class SecretRotated(Subscribed, frozen=True, kw_only=True):
    """A new secret, and until when the old one signs, too."""

    old_until: datetime


class Deliveries(PlainListing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    state: DeliveryState | None = None


def new_secret() -> str:
    """A secret as Standard Webhooks writes it."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


async def begin(services: Services, tenant_id: UUID, receipt: Receipt) -> str | None:
    """Begin to tell a webhook that was subscribed; its secret, None where that was begun before.

    Told after the event, so that nobody is told anything that history does not know of. Where we
    died in between, the repeated request begins it, and gets a secret: none left us yet.
    """
    secret = new_secret()
    sealed = await _sealed(services, tenant_id, receipt.stream_id, secret)
    begun = await Webhooks(services.database).add(
        tenant_id, receipt.stream_id, sealed, receipt.version, receipt.position
    )
    return secret if begun else None


def check(services: Services, url: str, topics: tuple[str, ...]) -> None:
    """See that a receiver may be asked, and that there are events of these topics.

    Raises:
        Refused: `bad-webhook-url` or `bad-topics`.
    """
    try:
        Outside(services.settings.webhook_receivers).check(url)
    except NotOutside as error:
        raise Refused("bad-webhook-url", str(error)) from error
    for topic in topics:
        if topic not in _TOPICS and topic not in _NOUNS:
            raise Refused("bad-topics", f"No event has the topic {topic[:100]!r}.")


async def check_number(services: Services, tenant_id: UUID) -> None:
    """See that a tenant may have one more.

    Raises:
        Said: `too-many-webhooks`.
    """
    if len(await Webhooks(services.database).of(tenant_id)) >= WEBHOOKS_MAX:
        raise Said("too-many-webhooks", f"at most {WEBHOOKS_MAX}")


async def _sealed(services: Services, tenant_id: UUID, webhook_id: UUID, secret: str) -> bytes:
    keys = await services.keyring.of(tenant_id)
    await keys.sealing(1)
    return keys.seal(secret.encode(), secret_bound(tenant_id, webhook_id))


async def _subscribe(asked: Asked) -> Response[Any]:
    tenant_id, services = asked.caller.tenant_id, asked.services
    wanted = decode(asked.body, SubscribeWebhook)
    store = await asked.store()
    state, _ = await store.load(WEBHOOK, ids.webhook_id(wanted.code))
    if state is None:
        check(services, wanted.url, wanted.topics)
        await check_number(services, tenant_id)
    receipt, _ = await carry_out(SUBSCRIBE_ACT, SubscribeWebhook, asked)
    done = Subscribed(
        id=receipt.stream_id,
        version=receipt.version,
        position=receipt.position,
        secret=await begin(services, tenant_id, receipt),
    )
    answer = told(receipt, creates=SUBSCRIBE_ACT.creates)
    answer.content = msgspec.json.encode(done)
    return answer


async def _change(asked: Asked) -> Response[Any]:
    wanted = decode(asked.body, ChangeWebhook)
    await _known(asked)
    check(asked.services, wanted.url, wanted.topics)
    receipt, _ = await carry_out(CHANGE_ACT, ChangeWebhook, asked)
    return told(receipt, creates=None)


async def _rotate(asked: Asked) -> Response[Any]:
    tenant_id, services = asked.caller.tenant_id, asked.services
    receipt, _ = await carry_out(ROTATE_ACT, RotateWebhookSecret, asked)
    store = await asked.store()
    after = receipt.version - 1
    (event,) = await store.read(receipt.stream_id, after=after, upto=receipt.version)
    rotated: WebhookSecretRotated = event.event
    secret = new_secret()
    sealed = await _sealed(services, tenant_id, receipt.stream_id, secret)
    changed = await Webhooks(services.database).rotate(
        tenant_id, receipt.stream_id, sealed, receipt.version, rotated.old_until
    )
    done = SecretRotated(
        id=receipt.stream_id,
        version=receipt.version,
        position=receipt.position,
        secret=secret if changed else None,
        old_until=rotated.old_until,
    )
    answer = told(receipt, creates=None)
    answer.content = msgspec.json.encode(done)
    return answer


async def _replay(asked: Asked) -> Response[Any]:
    receipt, command = await carry_out(REPLAY_ACT, ReplayWebhook, asked)
    table = Webhooks(asked.services.database)
    # After the event, and again with a repeated request: told twice is told at least once.
    await table.replay(asked.caller.tenant_id, receipt.stream_id, command.after)
    return told(receipt, creates=None)


async def _redeliver(asked: Asked) -> Response[Any]:
    await _known(asked)
    position = decode(asked.body, RedeliverEvent).position
    event = await event_at(asked.services, asked.caller.tenant_id, position)
    receipt, _ = await carry_out(REDELIVER_ACT, RedeliverEvent, asked)
    table = Webhooks(asked.services.database)
    await table.redeliver(asked.caller.tenant_id, receipt.stream_id, event, datetime.now(UTC))
    return told(receipt, creates=None)


async def event_at(services: Services, tenant_id: UUID, position: int) -> Envelope:
    """The event at a position of the log.

    Raises:
        Refused: `bad-position`: there is none.
    """
    table = Webhooks(services.database)
    after = min(max(position, 1), _POSITION_MAX) - 1
    events = await table.envelopes(tenant_id, after, 1)
    if not events or events[0].position != position:
        raise Refused("bad-position", "The log has no event there.")
    return events[0]


async def _known(asked: Asked) -> Webhook:
    state, _ = await (await asked.store()).load(WEBHOOK, asked.one_id())
    known: Webhook = found(state)
    return known


def _told(webhook: Webhook, following: Following, counts: Counts | None) -> WebhookTold:
    until = following.old_until
    return WebhookTold(
        webhook_id=following.webhook_id,
        code=webhook.code,
        url=webhook.url,
        topics=webhook.topics,
        description=webhook.description,
        state=webhook.state,
        because=webhook.because,
        told_to=following.position,
        waiting=0 if counts is None else counts.waiting,
        dead=0 if counts is None else counts.dead,
        oldest_at=None if counts is None else counts.oldest_at,
        failures=following.failures,
        retry_at=following.retry_at,
        old_secret_until=until if until and until > datetime.now(UTC) else None,
    )


async def all_of(services: Services, tenant_id: UUID) -> list[tuple[WebhookTold, int]]:
    """The webhooks of a tenant that were not removed, with their versions, by code."""
    table = Webhooks(services.database)
    rows, counts = await table.of(tenant_id), await table.counts(tenant_id)
    store = await services.histories.of(tenant_id)
    told = []
    for row in rows:
        state, version = await store.load(WEBHOOK, row.webhook_id)
        if state is not None and state.state != "removed":
            told.append((_told(state, row, counts.get(row.webhook_id)), version))
    return sorted(told, key=lambda each: each[0].code)


async def _webhooks(asked: Asked, given: PlainListing) -> Page[WebhookTold]:
    """Webhooks, by code."""
    rows = [row for row, _ in await all_of(asked.services, asked.caller.tenant_id)]
    if given.cursor is not None:
        rows = [row for row in rows if row.code > given.cursor]
    more = len(rows) > given.limit
    return Page(items=tuple(rows[: given.limit]), next=rows[given.limit - 1].code if more else None)


async def _webhook(asked: Asked, _: Plain) -> One:
    """A webhook, and how its receiver does."""
    rows = await all_of(asked.services, asked.caller.tenant_id)
    known = {row.webhook_id: (row, version) for row, version in rows}
    row, version = found(known.get(asked.one_id()))
    return One(value=row, version=version)


async def _deliveries(asked: Asked, given: Deliveries) -> Page[DeliveryTold]:
    """The delivery log, the newest event first."""
    await _known(asked)
    before = _POSITION_MAX
    if given.cursor is not None:
        if not given.cursor.isascii() or not given.cursor.isdigit():
            raise invalid("cursor", "not one that we gave")
        before = min(int(given.cursor), _POSITION_MAX)
    rows = await Webhooks(asked.services.database).deliveries(
        asked.caller.tenant_id,
        asked.one_id(),
        state=given.state,
        before=before,
        limit=given.limit + 1,
    )
    shown = rows[: given.limit]
    return Page(
        items=tuple(delivery_told(row) for row in shown),
        next=str(shown[-1].position) if len(rows) > given.limit else None,
    )


def delivery_told(row: Delivery) -> DeliveryTold:
    """As it is shown."""
    return DeliveryTold(
        position=row.position,
        event_id=row.event_id,
        topic=row.topic,
        stream_id=row.stream_id,
        recorded_at=row.recorded_at,
        state=row.state,
        attempts=row.attempts,
        tried_at=row.tried_at,
        retry_at=row.retry_at,
        status=row.status,
        error=row.error,
    )


Verb = Literal["change", "rotate", "pause", "resume", "remove", "ping", "replay", "redeliver"]


def _act(command: type[msgspec.Struct]) -> Act:
    return Act(command=command, decider=WEBHOOK, stream=from_path("webhook_id"))


SUBSCRIBE_ACT = Act(
    command=SubscribeWebhook,
    decider=WEBHOOK,
    stream=lambda _ids, command: ids.webhook_id(command.code),
    creates="/webhooks/{id}",
)
CHANGE_ACT = _act(ChangeWebhook)
ROTATE_ACT = _act(RotateWebhookSecret)
REPLAY_ACT = _act(ReplayWebhook)
REDELIVER_ACT = _act(RedeliverEvent)


def _written(
    verb: Verb, command: type[msgspec.Struct], serve: Any = None, result: Any = None
) -> Route:
    route = post(
        f"/webhooks/{{webhook_id}}/{verb}",
        command,
        WEBHOOK,
        roles=WRITERS,
        stream=from_path("webhook_id"),
    )
    if serve is None:
        return route
    return msgspec.structs.replace(route, act=None, serve=serve, result=result or route.result)


ROUTES: tuple[Route, ...] = (
    msgspec.structs.replace(
        post(
            "/webhooks",
            SubscribeWebhook,
            WEBHOOK,
            roles=WRITERS,
            stream=SUBSCRIBE_ACT.stream,
            creates=SUBSCRIBE_ACT.creates,
        ),
        act=None,
        serve=_subscribe,
        result=Subscribed,
    ),
    get("/webhooks", _webhooks, roles=READERS, result=WebhookTold, parameters=PlainListing),
    get("/webhooks/{webhook_id}", _webhook, roles=READERS, result=WebhookTold, parameters=Plain),
    get(
        "/webhooks/{webhook_id}/deliveries",
        _deliveries,
        roles=READERS,
        result=DeliveryTold,
        parameters=Deliveries,
    ),
    _written("change", ChangeWebhook, _change),
    _written("rotate", RotateWebhookSecret, _rotate, SecretRotated),
    _written("pause", PauseWebhook),
    _written("resume", ResumeWebhook),
    _written("remove", RemoveWebhook),
    _written("ping", PingWebhook),
    _written("replay", ReplayWebhook, _replay),
    _written("redeliver", RedeliverEvent, _redeliver),
)
