"""Commands about webhooks: list, create, deliveries, redeliver."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from cyclopts import App, Parameter

from api.services import Services, opened
from api.webhooks import (
    DeliveryTold,
    WebhookTold,
    all_of,
    begin,
    check,
    check_number,
    delivery_told,
    event_at,
)
from domain.ids import webhook_id
from domain.webhook import WEBHOOK, RedeliverEvent, SubscribeWebhook
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, table, told
from ops.place import with_database
from ops.tenants import stamp
from tenancy.webhooks import DeliveryState, Webhooks

webhook = App(name="webhook", help="Webhooks: who is told of events, and what was delivered.")

DELIVERIES_MAX = 500
POSITION_MAX = 2**63 - 1


def register(app: App) -> None:
    """Add these commands."""
    app.command(webhook)


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook of one tenant."""

    tenant_id: UUID
    webhook: WebhookTold


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """A new webhook; its secret is shown this once."""

    webhook_id: UUID
    secret: str | None


@webhook.command(name="list")
def list_webhooks(
    *,
    tenants: Annotated[tuple[UUID, ...], Parameter(name=("--tenant",))] = (),
    common: Common = COMMON,
) -> int:
    """Webhooks of all tenants: what waits, what was given up, until when one is left alone.

    Args:
        tenants: Only of these; repeat for several.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            found = [
                Listed(tenant_id=tenant_id, webhook=each)
                for tenant_id in await _chosen(services, tenants)
                for each, _ in await all_of(services, tenant_id)
            ]
        rows = table("webhook", "tenant", "state", "told to", "waiting", "dead", "retry at", "url")
        for each in found:
            one = each.webhook
            rows.add_row(
                one.code,
                str(each.tenant_id),
                one.state,
                str(one.told_to),
                str(one.waiting),
                str(one.dead),
                _at(one.retry_at),
                one.url,
            )
        told(common, found, rows if found else "no webhooks")
        return Exit.DONE

    return run(work())


@webhook.command
def create(
    tenant: UUID,
    code: str,
    url: str,
    *,
    topics: Annotated[tuple[str, ...], Parameter(name=("--topic",))] = (),
    common: Common = COMMON,
) -> int:
    """Tell an address of a tenant's events from now on, and print the secret, once.

    Args:
        tenant: The tenant's id.
        code: What the webhook is called.
        url: The receiver, over https.
        topics: Only these, as in score.locked or payout.*; repeat for several, all when not given.
        common: Options of every command.
    """
    command = SubscribeWebhook(code=code, url=url, topics=topics)

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            check(services, url, topics)
            await check_number(services, tenant)
            store = await services.histories.of(tenant)
            receipt = await store.execute(WEBHOOK, webhook_id(code), command, stamp())
            made = Created(
                webhook_id=receipt.stream_id, secret=await begin(services, tenant, receipt)
            )
        text = f"webhook  {made.webhook_id}\nsecret   {made.secret}\nThis secret is shown once."
        told(common, made, text)
        return Exit.DONE

    return run(work())


@webhook.command
def deliveries(
    tenant: UUID, code: str, *, state: DeliveryState | None = None, common: Common = COMMON
) -> int:
    """The delivery log of a webhook, the newest event first.

    Args:
        tenant: The tenant's id.
        code: The webhook.
        state: Only what is waiting, delivered or dead.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            found: list[DeliveryTold] = [
                delivery_told(each)
                for each in await Webhooks(services.database).deliveries(
                    tenant,
                    await _known(services, tenant, code),
                    state=state,
                    before=POSITION_MAX,
                    limit=DELIVERIES_MAX,
                )
            ]
        rows = table("position", "event", "state", "attempts", "tried at", "retry at", "answer")
        for each in found:
            rows.add_row(
                str(each.position),
                each.topic,
                each.state,
                str(each.attempts),
                _at(each.tried_at),
                _at(each.retry_at),
                str(each.status or each.error or ""),
            )
        told(common, found, rows if found else "no deliveries")
        return Exit.DONE

    return run(work())


@webhook.command
def redeliver(tenant: UUID, code: str, position: int, *, common: Common = COMMON) -> int:
    """Deliver one event once more, whatever became of it before.

    Args:
        tenant: The tenant's id.
        code: The webhook.
        position: Of the event in the log.
        common: Options of every command.
    """

    async def work() -> int:
        async with with_database(common.settings) as settings, opened(settings) as services:
            which = await _known(services, tenant, code)
            event = await event_at(services, tenant, position)
            store = await services.histories.of(tenant)
            await store.execute(WEBHOOK, which, RedeliverEvent(position=position), stamp())
            await Webhooks(services.database).redeliver(tenant, which, event, datetime.now(UTC))
        told(common, event, f"{event.topic} at {position} is delivered to {code} once more")
        return Exit.DONE

    return run(work())


async def _known(services: Services, tenant_id: UUID, code: str) -> UUID:
    await services.registry.tenant(tenant_id)
    found = webhook_id(code)
    rows = await Webhooks(services.database).of(tenant_id)
    if found not in {row.webhook_id for row in rows}:
        raise WrongInput(f"the tenant has no webhook {code}")
    return found


async def _chosen(services: Services, tenants: Sequence[UUID]) -> list[UUID]:
    if tenants:
        return [(await services.registry.tenant(each)).tenant_id for each in tenants]
    found = await services.registry.tenants()
    return [record.tenant_id for record in found if record.status == "active"]


def _at(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
