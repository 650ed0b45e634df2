"""Webhooks: addresses, topics, and what may follow what; the secret is none of history's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from domain.webhook import (
    WEBHOOK,
    ChangeWebhook,
    DisableWebhook,
    EventRedelivered,
    PauseWebhook,
    PingWebhook,
    RedeliverEvent,
    RemoveWebhook,
    ReplayWebhook,
    ResumeWebhook,
    RotateWebhookSecret,
    SubscribeWebhook,
    Webhook,
    WebhookChanged,
    WebhookDisabled,
    WebhookPaused,
    WebhookPinged,
    WebhookRemoved,
    WebhookReplayed,
    WebhookResumed,
    WebhookSecretRotated,
    WebhookSubscribed,
)

Given = Callable[..., Any]

URL = "https://erp.example/merit"
SUBSCRIBE = SubscribeWebhook(code="erp", url=URL, topics=("payout.*", "appraisal.score-locked"))
WAS = WebhookSubscribed(code="erp", url=URL, topics=("appraisal.score-locked", "payout.*"))
PAUSED, RESUMED, REMOVED = WebhookPaused(reason=""), WebhookResumed(), WebhookRemoved(reason="")
GONE = WebhookDisabled(because="gone")


def test_a_webhook_is_subscribed_once(given: Given) -> None:
    given(WEBHOOK).when(SUBSCRIBE).then(WAS)
    given(WEBHOOK, WAS).when(SUBSCRIBE).refused("already-exists")
    given(WEBHOOK, WAS, REMOVED).when(SUBSCRIBE).refused("already-exists")
    given(WEBHOOK).when(msgspec.structs.replace(SUBSCRIBE, code=" ")).refused("bad-code")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "erp.example",
        "ftp://erp.example",
        "file:///etc/passwd",
        "https://",
        "https://user:pass@erp.example/",
        "https://erp.example/#part",
        "https://erp.example:port/",
        "https://[::1/",
        "https://erp.example/a b",
        "https://erp.example/企业",
        "https://erp.example/" + "x" * 2000,
    ],
)
def test_what_is_no_address_is_refused(given: Given, url: str) -> None:
    given(WEBHOOK).when(msgspec.structs.replace(SUBSCRIBE, url=url)).refused("bad-webhook-url")
    given(WEBHOOK, WAS).when(ChangeWebhook(url=url)).refused("bad-webhook-url")


@pytest.mark.parametrize(
    "topics", [("",), ("*",), ("payout",), ("payout.",), ("Payout.*",), ("a.b.c",), ("x.y",) * 101]
)
def test_what_is_no_topic_is_refused(given: Given, topics: tuple[str, ...]) -> None:
    given(WEBHOOK).when(msgspec.structs.replace(SUBSCRIBE, topics=topics)).refused("bad-topics")
    given(WEBHOOK, WAS).when(ChangeWebhook(url=URL, topics=topics)).refused("bad-topics")


def test_address_and_topics_may_change(given: Given) -> None:
    change = ChangeWebhook(url="https://erp.example/2", description="金蝶")
    given(WEBHOOK, WAS).when(change).then(
        WebhookChanged(url="https://erp.example/2", description="金蝶")
    )
    given(WEBHOOK).when(change).refused("unknown-webhook")


def test_an_old_secret_signs_until_a_time(given: Given) -> None:
    rotating = given(WEBHOOK, WAS).when(RotateWebhookSecret(overlap_h=48))
    until = rotating.world.now + timedelta(hours=48)
    rotating.then(WebhookSecretRotated(old_until=until))
    for hours in (-1, 721):
        given(WEBHOOK, WAS).when(RotateWebhookSecret(overlap_h=hours)).refused("bad-overlap")


def test_it_is_paused_disabled_and_resumed(given: Given) -> None:
    given(WEBHOOK, WAS).when(PauseWebhook()).then(PAUSED)
    given(WEBHOOK, WAS, PAUSED).when(PauseWebhook()).refused("webhook-not-listening")
    given(WEBHOOK, WAS).when(ResumeWebhook()).refused("webhook-listening")
    given(WEBHOOK, WAS, PAUSED).when(ResumeWebhook()).then(RESUMED)
    given(WEBHOOK, WAS).when(DisableWebhook(because="gone")).then(GONE)
    given(WEBHOOK, WAS, PAUSED).when(DisableWebhook(because="failing")).then()
    given(WEBHOOK, WAS, GONE).when(PingWebhook()).refused("webhook-not-listening")
    given(WEBHOOK, WAS, GONE).when(ResumeWebhook()).then(RESUMED)
    given(WEBHOOK, WAS, PAUSED, RESUMED).when(PingWebhook()).then(WebhookPinged())


def test_events_are_told_again(given: Given) -> None:
    given(WEBHOOK, WAS).when(ReplayWebhook(after=0)).then(WebhookReplayed(after=0))
    given(WEBHOOK, WAS).when(ReplayWebhook(after=-1)).refused("bad-position")
    given(WEBHOOK, WAS).when(RedeliverEvent(position=7)).then(EventRedelivered(position=7))
    given(WEBHOOK, WAS).when(RedeliverEvent(position=0)).refused("bad-position")


def test_nothing_follows_a_removal(given: Given) -> None:
    given(WEBHOOK, WAS, PAUSED).when(RemoveWebhook()).then(REMOVED)
    for command in (
        ChangeWebhook(url=URL),
        RotateWebhookSecret(),
        PauseWebhook(),
        ResumeWebhook(),
        RemoveWebhook(),
        PingWebhook(),
        ReplayWebhook(after=0),
        RedeliverEvent(position=1),
    ):
        given(WEBHOOK, WAS, REMOVED).when(command).refused("webhook-removed")


def test_topics_choose_events() -> None:
    everything = Webhook(code="a", url=URL, topics=(), description="")
    assert everything.wants("person.registered")
    assert not everything.wants("webhook.pinged"), "a ping is for its own webhook alone"
    some = Webhook(code="a", url=URL, topics=WAS.topics, description="")
    assert some.wants("payout.settled")
    assert some.wants("appraisal.score-locked")
    assert not some.wants("payout-batch.settled")
    assert not some.wants("appraisal.created")
