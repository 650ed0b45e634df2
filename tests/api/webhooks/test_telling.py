"""Webhooks: secrets, and what a receiver is told, verified with the public library."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from api import examples
from api.webhooks import WEBHOOKS_MAX
from tenancy.webhooks import Webhooks

# -- secrets


async def test_a_secret_is_told_once_and_kept_sealed(
    company: Any, app: Any, receiver: Callable[[], Any]
) -> None:
    admin = await company.client("admin")
    body = {"code": "erp", "url": receiver().url}
    made = await admin.did("/webhooks", body, key="one")
    secret = made["secret"]
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64
    again = await admin.did("/webhooks", body, key="one")
    assert again == {**made, "secret": None}
    told = await admin.get("/webhooks")
    one = await admin.get(f"/webhooks/{made['id']}")
    events = await (await company.client("auditor")).get("/audit/events")
    assert secret not in told.text + one.text + events.text
    database = app.state.services.database
    async with database.transaction(company.tenant_id) as connection:
        rows = await connection.fetch("SELECT secret FROM merit.webhooks")
    (row,) = rows
    assert b"whsec" not in row["secret"]
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    assert raw not in row["secret"]


async def test_where_we_died_before_a_secret_was_kept_it_is_given_later(
    company: Any, app: Any, receiver: Callable[[], Any]
) -> None:
    admin = await company.client("admin")
    body = {"code": "erp", "url": receiver().url}
    made = await admin.did("/webhooks", body, key="one")
    await Webhooks(app.state.services.database).remove(company.tenant_id, UUID(made["id"]))
    again = await admin.did("/webhooks", body, key="one")
    assert again["secret"] not in {None, made["secret"]}


async def test_addresses_inside_and_unknown_topics_are_refused(company: Any) -> None:
    admin = await company.client("admin")
    for url in (
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://[::1]/x",
        "http://erp.example/x",
        "http://127.0.0.1:1/x",
        "https://erp.example:8443/x",
    ):
        answer = await admin.post("/webhooks", {"code": "erp", "url": url})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bad-webhook-url")
    for topic in ("payouts.settled", "payout.settledd", "pay.*"):
        body = {"code": "erp", "url": "https://erp.example/x", "topics": [topic]}
        answer = await admin.post("/webhooks", body)
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bad-topics")


async def test_a_tenant_has_so_many_and_no_more(company: Any, receiver: Callable[[], Any]) -> None:
    admin, url = await company.client("admin"), receiver().url
    for number in range(WEBHOOKS_MAX):
        await admin.did("/webhooks", {"code": f"w{number:02}", "url": url})
    answer = await admin.post("/webhooks", {"code": "more", "url": url})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/too-many-webhooks")
    first = await admin.saw("/webhooks", limit=15)
    rest = await admin.saw("/webhooks", limit=15, cursor=first["next_cursor"])
    codes = [row["code"] for row in first["data"] + rest["data"]]
    assert codes == [f"w{number:02}" for number in range(WEBHOOKS_MAX)]
    assert rest["next_cursor"] is None


# -- what is delivered


async def test_events_are_told_thin_and_signed(company: Any, hooks: Any) -> None:
    hook = await hooks.subscribe(company, "person.*")
    other = await hooks.subscribe(company, "org-unit.*")
    (position,) = await hooks.happens(company)
    await (await company.client("hr")).did("/org-units", examples.EXAMPLES["CreateOrgUnit"])
    async with hooks.delivering():
        (got,) = await hook.listens.has(1)
        (unit,) = await other.listens.has(1)
    assert unit.event["type"] == "org-unit.created"
    told = got.event
    assert told == {
        "specversion": "1.0",
        "id": got.headers["webhook-id"],
        "source": f"/tenants/{company.tenant_id}",
        "type": "person.registered",
        "subject": told["subject"],
        "time": told["time"],
        "position": str(position),
        "datacontenttype": "application/json",
        "data": {"version": 1},
    }
    assert datetime.fromisoformat(told["time"]).utcoffset() == timedelta(0)
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert "王晓明" not in got.body.decode()
    assert Webhook(hook.secret).verify(got.body, got.headers) == told


async def test_whoever_changes_replays_or_forges_is_found_out(company: Any, hooks: Any) -> None:
    hook = await hooks.subscribe(company)
    await hooks.happens(company)
    async with hooks.delivering():
        (got,) = await hook.listens.has(1)
    wary = Webhook(hook.secret)
    wary.verify(got.body, got.headers)
    with pytest.raises(WebhookVerificationError, match="No matching"):
        wary.verify(got.body.replace(b"person", b"nobody"), got.headers)
    other = {**got.headers, "webhook-id": str(uuid4())}
    with pytest.raises(WebhookVerificationError, match="No matching"):
        wary.verify(got.body, other)
    at = int(got.headers["webhook-timestamp"])
    with pytest.raises(WebhookVerificationError, match="too old"):
        wary.verify(got.body, {**got.headers, "webhook-timestamp": str(at - 360)})
    with pytest.raises(WebhookVerificationError, match="No matching"):
        wary.verify(got.body, {**got.headers, "webhook-timestamp": str(at - 1)})
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook("whsec_" + base64.b64encode(bytes(32)).decode()).verify(got.body, got.headers)


async def test_a_webhook_begins_with_its_subscription_and_pings_alone(
    company: Any, hooks: Any
) -> None:
    await hooks.happens(company)
    one, other = await hooks.subscribe(company, "person.*"), await hooks.subscribe(company)
    admin = await company.client("admin")
    pinged = await admin.did(f"{one.path}/ping")
    async with hooks.delivering():
        (got,) = await one.listens.has(1)
        (after,) = await hooks.happens(company)
        await one.listens.has(2)
        await hooks.until(lambda: after in other.listens.positions)
    assert (got.event["type"], got.position) == ("webhook.pinged", pinged["position"])
    # Of what was before its subscription nobody is told, nor of another one's ping.
    assert other.listens.positions == [after]


async def test_both_secrets_sign_while_one_follows_the_other(company: Any, hooks: Any) -> None:
    hook = await hooks.subscribe(company, "person.*")
    admin = await company.client("admin")
    rotated = await admin.did(f"{hook.path}/rotate", {"overlap_h": 1}, key="once")
    assert (await admin.did(f"{hook.path}/rotate", {"overlap_h": 1}, key="once"))["secret"] is None
    assert rotated["old_until"] > datetime.now(UTC).isoformat()
    async with hooks.delivering():
        await hooks.happens(company)
        got = (await hook.listens.has(1))[0]
        Webhook(hook.secret).verify(got.body, got.headers)
        Webhook(rotated["secret"]).verify(got.body, got.headers)
        assert len(got.headers["webhook-signature"].split(" ")) == 2
        newest = (await admin.did(f"{hook.path}/rotate", {"overlap_h": 0}))["secret"]
        await hooks.happens(company)
        got = (await hook.listens.has(2))[1]
    Webhook(newest).verify(got.body, got.headers)
    for old in (hook.secret, rotated["secret"]):
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(got.body, got.headers)


async def test_another_tenants_receiver_hears_nothing(
    company: Any, new_company: Any, hooks: Any
) -> None:
    other = await new_company("other")
    mine, theirs = await hooks.subscribe(company), await hooks.subscribe(other)
    async with hooks.delivering():
        await hooks.happens(company, 3)
        await hooks.happens(other, 1)
        await mine.listens.has(3)
        await theirs.listens.has(1)
    sources = {got.event["source"] for got in theirs.listens.got}
    assert sources == {f"/tenants/{other.tenant_id}"}
    assert {got.event["source"] for got in mine.listens.got} == {f"/tenants/{company.tenant_id}"}
    admin = await other.client("admin")
    for verb in ("ping", "pause", "remove", "rotate"):
        assert (await admin.post(f"{mine.path}/{verb}")).status_code == 404
    assert (await admin.get(f"{mine.path}/deliveries")).status_code == 404
