"""Tells webhooks' receivers what happened: in order, at least once, and none waits for another.

A webhook follows the log by a position of its own. An event that does not get through waits in the
delivery log with all later ones of its stream, while other streams go on; a receiver that answers
nothing is left alone for a while, longer each time. What was told is noted when a turn is over:
whoever dies before tells it again, under the same id.
"""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec
import structlog

from api.outside import NotOutside, Outside, Receiver
from domain.webhook import WEBHOOK, Because, DisableWebhook, Webhook, WebhookPinged
from ops.messages import body_of, headers_of, source_of
from projections.history import TenantLogs
from projections.lanes import Lanes
from tenancy.database import Database, is_retryable
from tenancy.keyring import Keyring
from tenancy.metrics import WEBHOOK_ATTEMPTS, WEBHOOKS_GIVEN_UP
from tenancy.records import Stamp
from tenancy.settings import Settings
from tenancy.store import Histories
from tenancy.webhooks import (
    PUT_OFF_MAX,
    WAITING_MAX,
    Delivery,
    Envelope,
    Following,
    Lost,
    Progress,
    Webhooks,
    secret_bound,
)

DELIVERER: Final = UUID("00000000-0000-4000-8000-00000000a006")
"""The actor where the product itself gives up on a receiver."""
AT_ONCE: Final = 64
"""Receivers that are told something side by side."""
BEGUN_MAX: Final = 1_000
"""Turns that wait for their time; who finds no place is looked at again a second later."""
READ_MAX: Final = 500
"""Envelopes of a turn."""
SENT_MAX: Final = 50
"""Events told in a turn, before others have theirs and it is noted what was told."""
TURN_S: Final = 10.0
OUTAGE: Final = 3
"""Failures in a row that are an outage, after which everything that waits is tried at once."""
PURGE_EVERY_S: Final = 3600.0
GRACE_S: Final = 3.0
"""For turns that are under way when the work ends."""

log = structlog.get_logger(__name__)


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long is waited for what."""

    answer_s: float = 15.0
    first_s: float = 5.0
    """Between the first attempt and the second; then twice as long each time, up to `most_s`."""
    most_s: float = 4 * 3600.0
    quiet_s: float = 900.0
    """A receiver that fails again and again is left alone for so long at most."""
    give_up: timedelta = timedelta(days=3)
    """After the first attempt an event is not tried for longer."""
    disable: timedelta = timedelta(days=5)
    """Without anything delivered the webhook is disabled."""
    lease_s: float = 60.0
    """A turn takes less; a worker that died keeps a webhook for so long."""
    poll_s: float = 1.0
    idle_s: float = 2.0
    """A tenant without webhooks is not looked at again for so long, however much it writes."""

    def after(self, attempts: int, most_s: float) -> timedelta:
        """The pause after so many attempts: longer each time, and never quite the same."""
        wait_s = min(most_s, self.first_s * 2 ** min(attempts - 1, 30))
        return timedelta(seconds=wait_s * random.uniform(0.8, 1.2))  # noqa: S311  no secret


class Delivering:
    """Delivers for all tenants; start as many as there is work for."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        logs: TenantLogs,
        histories: Histories,
        *,
        settings: Settings,
        patience: Patience | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._table = Webhooks(database)
        self._keyring = keyring
        self._histories = histories
        self._public_url = settings.public_url
        self._lookups = ThreadPoolExecutor(16, thread_name_prefix="receivers")
        self._outside = Outside(
            settings.webhook_receivers, ssl.create_default_context(), self._lookups
        )
        self._places = asyncio.Semaphore(AT_ONCE)
        self._begun: dict[tuple[UUID, UUID], asyncio.Task[None]] = {}
        self._again: set[tuple[UUID, UUID]] = set()
        self._idle_until: dict[UUID, float] = {}
        self._purged: dict[UUID, float] = {}
        self._stopping = False
        self._turns = Lanes(
            database,
            logs.tenants,
            self.look,
            "webhooks-not-looked-at",
            lanes=2,
            poll_s=self._patience.poll_s,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; what is under way then has a moment to end."""
        try:
            await self._turns.run(stop)
        finally:
            self._stopping = True
            if begun := list(self._begun.values()):
                await asyncio.wait(begun, timeout=GRACE_S)
                for task in begun:
                    task.cancel()
                await asyncio.gather(*begun, return_exceptions=True)
            self._lookups.shutdown(wait=False, cancel_futures=True)

    async def look(self, tenant_id: UUID) -> int:
        """Begin a turn of each webhook of a tenant that is due; nobody waits here for a receiver.

        0, because the turns go on by themselves.
        """
        clock = asyncio.get_running_loop().time
        if clock() < self._idle_until.get(tenant_id, 0.0):
            return 0
        # Whoever is being told has read the log already: it may have gone on since.
        self._again.update(key for key in self._begun if key[0] == tenant_id)
        due = await self._table.due(tenant_id, datetime.now(UTC))
        if not due and not await self._table.any_of(tenant_id):
            self._idle_until[tenant_id] = clock() + self._patience.idle_s
        for webhook_id in due:
            key = (tenant_id, webhook_id)
            if key not in self._begun and len(self._begun) < BEGUN_MAX:
                self._begun[key] = asyncio.create_task(self._deliver(*key))
        await self._purge(tenant_id)
        return 0

    async def _purge(self, tenant_id: UUID) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._purged.get(tenant_id, float("-inf")) >= PURGE_EVERY_S:
            self._purged[tenant_id] = now
            await self._table.purge(tenant_id, datetime.now(UTC))

    async def _deliver(self, tenant_id: UUID, webhook_id: UUID) -> None:
        key, named = (tenant_id, webhook_id), {"tenant": str(tenant_id), "webhook": str(webhook_id)}
        try:
            more = True
            while (more or key in self._again) and not self._stopping:
                async with self._places:
                    self._again.discard(key)
                    more = await self.turn(tenant_id, webhook_id)
        except Lost:
            log.info("webhook-taken-over", **named)
        except Exception as error:  # noqa: BLE001  one webhook's trouble stays its own
            # What it is about is not told: an error may quote an address.
            level = log.warning if is_retryable(error) else log.error
            level("webhook-turn-failed", error=type(error).__name__, **named)
        finally:
            del self._begun[key]
            self._again.discard(key)

    async def turn(self, tenant_id: UUID, webhook_id: UUID) -> bool:
        """Tell one receiver of a few events; whether there is more to tell at once."""
        now = datetime.now(UTC)
        until = now + timedelta(seconds=self._patience.lease_s)
        following = await self._table.take(tenant_id, webhook_id, now, until)
        if following is None:
            return False
        try:
            webhook = await self._settled(tenant_id, following)
            if webhook is None:
                return False
            if _put_off(following.retry_at, now):
                return False
            turn = _Turn(self._patience, following, webhook)
            await turn.read(self._table, tenant_id)
            if turn.tries:
                secrets = await self._secrets(tenant_id, following, now)
                await self._tell(turn, secrets, source_of(self._public_url, tenant_id))
            await self._table.note(tenant_id, webhook_id, until, turn.progress())
        finally:
            with contextlib.suppress(Exception):
                await self._table.release(tenant_id, webhook_id, until)
        if turn.disable is not None:
            await self._disable(tenant_id, webhook_id, turn.disable)
            return False
        return turn.more

    async def _settled(self, tenant_id: UUID, following: Following) -> Webhook | None:
        """The webhook as history has it, where it listens; what has changed is noted."""
        webhook_id = following.webhook_id
        store = await self._histories.of(tenant_id)
        webhook, version = await store.load(WEBHOOK, webhook_id)
        if webhook is None or webhook.state == "removed":
            await self._table.remove(tenant_id, webhook_id)
            return None
        listening = webhook.state == "listening"
        if version != following.seen_version:
            await self._table.settle(tenant_id, webhook_id, version, listening=listening)
            if listening and not following.listening:
                return None  # it begins afresh, in a turn of its own
        return webhook if listening else None

    async def _secrets(self, tenant_id: UUID, following: Following, now: datetime) -> list[str]:
        keys = await self._keyring.of(tenant_id)
        sealed = [following.secret]
        if following.old_secret and following.old_until and following.old_until > now:
            sealed.append(following.old_secret)
        await keys.ready([each[:16] for each in sealed], [])
        bound = secret_bound(tenant_id, following.webhook_id)
        return [keys.open(each, bound).decode() for each in sealed]

    async def _tell(self, turn: "_Turn", secrets: Sequence[str], source: str) -> None:
        """Tell what is to be told until something fails or it is the turn of others."""
        first = next((event for event in turn.tries if turn.may_try(event)), None)
        if first is None:
            return
        url, answer_s = turn.webhook.url, self._patience.answer_s
        try:
            async with self._outside.reaching(url, answer_s) as receiver:
                for event in turn.tries:
                    if turn.over:
                        turn.cut = True
                        return
                    if turn.may_try(event):
                        await self._attempt(turn, receiver, event, secrets, source)
        except NotOutside as error:
            # It was not even asked.
            turn.failed(first, None, str(error))

    async def _attempt(
        self,
        turn: "_Turn",
        receiver: Receiver,
        event: Delivery,
        secrets: Sequence[str],
        source: str,
    ) -> None:
        body = body_of(event, source)
        headers = headers_of(event.event_id, body, datetime.now(UTC), secrets)
        try:
            status = await receiver.post(body, headers)
        except NotOutside as error:
            turn.failed(event, None, str(error))
            return
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            turn.told(event, status)
        else:
            turn.failed(event, status, None)

    async def _disable(self, tenant_id: UUID, webhook_id: UUID, because: Because) -> None:
        store = await self._histories.of(tenant_id)
        stamp = Stamp(now=datetime.now(UTC), actor=DELIVERER)
        await store.execute(WEBHOOK, webhook_id, DisableWebhook(because=because), stamp)
        log.warning(
            "webhook-disabled", tenant=str(tenant_id), webhook=str(webhook_id), because=because
        )


class _Turn:
    """What one turn tries, and what comes of it."""

    def __init__(self, patience: Patience, following: Following, webhook: Webhook) -> None:
        self.webhook = webhook
        self.tries: list[Delivery] = []
        """What has waited and what is new, in the order of the log."""
        self.disable: Because | None = None
        self.over = False
        self.cut = False
        """Whether it was over before everything was tried."""
        self._patience = patience
        self._following = following
        self._until = asyncio.get_running_loop().time() + TURN_S
        self._held: set[UUID] = set()
        """Streams of which something waits now: what comes later waits behind it."""
        self._done: dict[int, Delivery] = {}
        self._new: list[Envelope] = []
        self._position = following.position
        self._failures = following.failures
        self._failing_since = following.failing_since
        self._retry_at: datetime | None = None
        self._back = False
        self._tried = 0
        self._left = False
        self._waiting: set[int] = set()

    async def read(self, table: Webhooks, tenant_id: UUID) -> None:
        """Look what is to be told."""
        webhook_id = self._following.webhook_id
        waiting = await table.waiting(tenant_id, webhook_id)
        if len(waiting) < WAITING_MAX:
            self._new = await table.envelopes(tenant_id, self._following.position, READ_MAX)
        self._left = len(self._new) == READ_MAX
        self._waiting = {each.position for each in waiting}
        # After a replay something may be both.
        new = (each for each in self._new if each.position not in self._waiting)
        wanted = [self._first(event) for event in new if self._wants(event)]
        self.tries = sorted([*waiting, *wanted], key=_position)

    def _wants(self, event: Envelope) -> bool:
        own = event.stream_id == self._following.webhook_id and event.topic == WebhookPinged.TOPIC
        return own or self.webhook.wants(event.topic)

    @staticmethod
    def _first(event: Envelope) -> Delivery:
        return Delivery(**msgspec.structs.asdict(event), state="waiting")

    def may_try(self, event: Delivery) -> bool:
        """Whether an event is tried now; a new one of which something waits is put behind it."""
        now = datetime.now(UTC)
        if event.stream_id in self._held:
            if event.retry_at is None:
                self._done[event.position] = msgspec.structs.replace(event, retry_at=now)
            return False
        if _put_off(event.retry_at, now):
            self._held.add(event.stream_id)
            return False
        return True

    def told(self, event: Delivery, status: int) -> None:
        """It got through."""
        now = datetime.now(UTC)
        self._note(event, state="delivered", tried_at=now, retry_at=None, status=status, error=None)
        WEBHOOK_ATTEMPTS.add(1, {"outcome": "delivered"})
        self._back = self._back or self._failures >= OUTAGE
        self._failures, self._failing_since = 0, None
        self._tried += 1
        late = asyncio.get_running_loop().time() >= self._until
        self.over = late or self._tried >= SENT_MAX

    def failed(self, event: Delivery, status: int | None, error: str | None) -> None:
        """It did not, and the receiver is left alone for a while."""
        now, patience = datetime.now(UTC), self._patience
        attempts = event.attempts + 1
        first = event.first_tried_at or now
        dead = now - first >= patience.give_up
        self._note(
            event,
            state="dead" if dead else "waiting",
            tried_at=now,
            retry_at=None if dead else now + patience.after(attempts, patience.most_s),
            status=status,
            error=error,
        )
        WEBHOOK_ATTEMPTS.add(1, {"outcome": "failed"})
        if dead:
            WEBHOOKS_GIVEN_UP.add(1)
        else:
            self._held.add(event.stream_id)
        self._failures += 1
        self._failing_since = self._failing_since or now
        self._retry_at = now + patience.after(self._failures, patience.quiet_s)
        if status == HTTPStatus.GONE:
            self.disable = "gone"
        elif now - self._failing_since >= patience.disable:
            self.disable = "failing"
        self.over = True

    def _note(self, event: Delivery, **outcome: object) -> None:
        now = datetime.now(UTC)
        self._done[event.position] = msgspec.structs.replace(
            event,
            attempts=event.attempts + 1,
            first_tried_at=event.first_tried_at or now,
            **outcome,
        )

    @property
    def more(self) -> bool:
        """Whether there is something to tell at once."""
        return (self._left or self.cut) and self._retry_at is None

    def progress(self) -> Progress:
        """What came of it: up to the first new event that is to be told and was not."""
        position = self._position
        for event in self._new:
            told = event.position in self._done or event.position in self._waiting
            if self._wants(event) and not told:
                break
            position = event.position
        return Progress(
            position=position,
            failures=self._failures,
            failing_since=self._failing_since,
            retry_at=self._retry_at,
            deliveries=sorted(self._done.values(), key=_position),
            back=self._back,
        )


def _put_off(retry_at: datetime | None, now: datetime) -> bool:
    # What lies further away than anybody waits was noted before the clock was set back.
    return retry_at is not None and now < retry_at <= now + PUT_OFF_MAX


def _position(delivery: Delivery) -> int:
    return delivery.position
