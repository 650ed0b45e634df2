"""Webhooks: where a company's other systems are told that something happened. R35

What is told is thin: which event, of which stream, and when. The secret that signs is not here, as
no access key is; history knows when it was made and rotated.
"""

import re
from datetime import datetime, timedelta
from typing import Literal, assert_never
from urllib.parse import urlsplit

import msgspec

from domain.access import OVERLAP_H_MAX
from domain.checks import absent, begun, checked_code, checked_text, known
from domain.kernel import Command, Context, Decider, Event, Happened, Refused

URL_LENGTH_MAX = 2000
TOPICS_MAX = 100
_TOPIC = re.compile(r"[a-z][a-z-]{0,49}\.(\*|[a-z][a-z-]{0,49})")
_NOUN_ALL = ".*"

WebhookState = Literal["listening", "paused", "disabled", "removed"]
Because = Literal["gone", "failing"]
"""gone: the receiver said so (410); failing: nothing could be delivered for days."""


class SubscribeWebhook(Command, frozen=True, kw_only=True):
    """Tell this address of every event from now on."""

    code: str
    """What it is called, such as "erp"."""
    url: str
    topics: tuple[str, ...] = ()
    """Events by their topics, as in score.locked, or payout.* for all of a noun; none is all."""
    description: str = ""


class WebhookSubscribed(Event, frozen=True, kw_only=True):
    """事件订阅"""

    TOPIC = "webhook.subscribed"
    code: str
    url: str
    topics: tuple[str, ...] = ()
    description: str = ""


class ChangeWebhook(Command, frozen=True, kw_only=True):
    """Another address, or other topics; what has not been delivered yet goes there, too."""

    url: str
    topics: tuple[str, ...] = ()
    description: str = ""


class WebhookChanged(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.changed"
    url: str
    topics: tuple[str, ...] = ()
    description: str = ""


class RotateWebhookSecret(Command, frozen=True, kw_only=True):
    """A new secret; both sign for a while, so that the receiver has time to change."""

    overlap_h: int = 24
    """Hours, from 0 to 720."""


class WebhookSecretRotated(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.secret-rotated"
    old_until: datetime
    """From then on the old secret signs nothing."""


class PauseWebhook(Command, frozen=True, kw_only=True):
    """Deliver nothing for now; what happens meanwhile is delivered later."""

    reason: str = ""


class WebhookPaused(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.paused"
    reason: str = ""


class DisableWebhook(Command, frozen=True, kw_only=True):
    """The product itself gives up on a receiver."""

    because: Because


class WebhookDisabled(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.disabled"
    because: Because


class ResumeWebhook(Command, frozen=True, kw_only=True):
    """Deliver again, beginning with what was not delivered."""


class WebhookResumed(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.resumed"


class RemoveWebhook(Command, frozen=True, kw_only=True):
    """Deliver nothing any more; its secret is forgotten."""

    reason: str = ""


class WebhookRemoved(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.removed"
    reason: str = ""


class PingWebhook(Command, frozen=True, kw_only=True):
    """Have something happen that this receiver alone is told of, to see that it listens."""


class WebhookPinged(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.pinged"


class ReplayWebhook(Command, frozen=True, kw_only=True):
    """Deliver once more, in order, everything after a position of the log."""

    after: int


class WebhookReplayed(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.replay-requested"
    after: int


class RedeliverEvent(Command, frozen=True, kw_only=True):
    """Deliver one event once more, whatever became of it before."""

    position: int
    """Of the event in the log."""


class EventRedelivered(Event, frozen=True, kw_only=True):
    TOPIC = "webhook.redelivery-requested"
    position: int


WebhookCommand = (
    SubscribeWebhook
    | ChangeWebhook
    | RotateWebhookSecret
    | PauseWebhook
    | DisableWebhook
    | ResumeWebhook
    | RemoveWebhook
    | PingWebhook
    | ReplayWebhook
    | RedeliverEvent
)
WebhookEvent = (
    WebhookSubscribed
    | WebhookChanged
    | WebhookSecretRotated
    | WebhookPaused
    | WebhookDisabled
    | WebhookResumed
    | WebhookRemoved
    | WebhookPinged
    | WebhookReplayed
    | EventRedelivered
)


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """事件订阅, as it is in force."""

    code: str
    url: str
    topics: tuple[str, ...]
    description: str
    state: WebhookState = "listening"
    because: Because | None = None
    """Why it was disabled."""

    def wants(self, topic: str) -> bool:
        """Whether events of this topic are delivered. A ping goes to its own webhook alone, always.

        >>> hook = Webhook(code="erp", url="https://erp.example", topics=("payout.*",), description="")
        >>> hook.wants("payout.settled"), hook.wants("payout-batch.settled")
        (True, False)
        """  # noqa: E501  a doctest's line
        if topic == WebhookPinged.TOPIC:
            return False
        noun = topic.partition(".")[0] + _NOUN_ALL
        return not self.topics or topic in self.topics or noun in self.topics


def _decide(
    state: Webhook | None, command: WebhookCommand, context: Context
) -> tuple[WebhookEvent, ...]:
    if isinstance(command, SubscribeWebhook):
        absent(state, "a webhook")
        return (
            WebhookSubscribed(
                code=checked_code(command.code),
                url=_checked_url(command.url),
                topics=_checked_topics(command.topics),
                description=checked_text(command.description, "description"),
            ),
        )
    webhook = known(state, "unknown-webhook", "such webhook")
    if webhook.state == "removed":
        raise Refused("webhook-removed", "The webhook has been removed.")
    match command:
        case ChangeWebhook():
            return (
                WebhookChanged(
                    url=_checked_url(command.url),
                    topics=_checked_topics(command.topics),
                    description=checked_text(command.description, "description"),
                ),
            )
        case RotateWebhookSecret():
            if not 0 <= command.overlap_h <= OVERLAP_H_MAX:
                raise Refused("bad-overlap", f"The overlap is 0 to {OVERLAP_H_MAX} hours.")
            until = context.now + timedelta(hours=command.overlap_h)
            return (WebhookSecretRotated(old_until=until),)
        case PauseWebhook():
            _listening(webhook)
            return (WebhookPaused(reason=checked_text(command.reason, "reason")),)
        case DisableWebhook():
            # Somebody may have paused it meanwhile: then there is nothing to give up.
            listens = webhook.state == "listening"
            return (WebhookDisabled(because=command.because),) if listens else ()
        case ResumeWebhook():
            if webhook.state == "listening":
                raise Refused("webhook-listening", "The webhook is listening already.")
            return (WebhookResumed(),)
        case RemoveWebhook():
            return (WebhookRemoved(reason=checked_text(command.reason, "reason")),)
        case PingWebhook():
            _listening(webhook)
            return (WebhookPinged(),)
        case ReplayWebhook():
            if command.after < 0:
                raise Refused("bad-position", "A position is not below 0.")
            return (WebhookReplayed(after=command.after),)
        case RedeliverEvent():
            if command.position < 1:
                raise Refused("bad-position", "Positions begin at 1.")
            return (EventRedelivered(position=command.position),)
        case _:
            assert_never(command)


def _listening(webhook: Webhook) -> None:
    if webhook.state != "listening":
        raise Refused("webhook-not-listening", f"The webhook is {webhook.state}: resume it first.")


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Refused("bad-webhook-url", "The address of the receiver is none.") from error
    if (
        # Where http is enough is for whoever runs the product to say, address by address.
        parts.scheme not in {"https", "http"}
        or not host
        or parts.username is not None
        or parts.fragment
        or not url.isascii()
        or not url.isprintable()
        or " " in url
        or len(url) > URL_LENGTH_MAX
    ):
        raise Refused(
            "bad-webhook-url",
            f"The receiver is an https address without user and fragment, of at most"
            f" {URL_LENGTH_MAX} characters.",
        )
    return url


def _checked_topics(topics: tuple[str, ...]) -> tuple[str, ...]:
    if len(topics) > TOPICS_MAX or any(not _TOPIC.fullmatch(topic) for topic in topics):
        raise Refused(
            "bad-topics",
            f"At most {TOPICS_MAX} topics, each as in score.locked, or payout.* for all of a noun.",
        )
    return tuple(sorted(set(topics)))


def _evolve(state: Webhook | None, happened: Happened[WebhookEvent]) -> Webhook:
    event = happened.event
    if isinstance(event, WebhookSubscribed):
        return Webhook(
            code=event.code, url=event.url, topics=event.topics, description=event.description
        )
    webhook = begun(state)
    change = msgspec.structs.replace
    match event:
        case WebhookChanged():
            return change(
                webhook, url=event.url, topics=event.topics, description=event.description
            )
        case WebhookPaused():
            return change(webhook, state="paused", because=None)
        case WebhookDisabled():
            return change(webhook, state="disabled", because=event.because)
        case WebhookResumed():
            return change(webhook, state="listening", because=None)
        case WebhookRemoved():
            return change(webhook, state="removed", because=None)
        case WebhookSecretRotated() | WebhookPinged() | WebhookReplayed() | EventRedelivered():
            return webhook
        case _:
            assert_never(event)


WEBHOOK: Decider[Webhook | None] = Decider(
    kind="webhook", initial=None, decide=_decide, evolve=_evolve
)
