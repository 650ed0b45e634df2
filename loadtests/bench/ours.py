"""Our side of the append benchmark: `store.execute` with everything that it does in service.

Run as `python -m loadtests.bench.ours URL CLIENTS TENANTS SECONDS SCENARIO`; prints one line of
JSON. Scenarios: "till" is one event per command on a stream that is known; "keyed" the same with
an idempotency key, as over HTTP; "feed" begins a new stream with each command, by a decider of
the product.
"""

import argparse
import asyncio
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import msgspec
import uvloop

from domain.feeds import FEED, FeedReceived, ReceiveFeed
from domain.ids import feed_id
from domain.kernel import Command, Context, Decider, Event, Refused
from loadtests.bench.rounds import Run
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.keyring import Keyring, MasterKey
from tenancy.records import Idempotency, Stamp
from tenancy.registry import Registry
from tenancy.store import Histories, Store

LIMIT = 10**9
STREAMS_PER_CLIENT = 4


class TakeIn(Command, frozen=True, kw_only=True):
    """Put an amount into a till."""

    amount: int
    text: str


class TakenIn(Event, frozen=True, kw_only=True):
    """About 300 bytes once it is encoded and sealed, as a domain event of ours is."""

    TOPIC = "till.taken-in"
    amount: int
    balance: int
    text: str


class Till(msgspec.Struct, frozen=True, gc=False):
    """What is in it, and how often something was put in."""

    balance: int = 0
    count: int = 0


def decide(state: Till, command: TakeIn, _: Context) -> Iterable[Event]:
    """Refuses what would not fit."""
    balance = state.balance + command.amount
    if balance > LIMIT:
        raise Refused("till-full", "the till does not take so much")
    return (TakenIn(amount=command.amount, balance=balance, text=command.text),)


def evolve(state: Till, happened: Any) -> Till:
    """One more."""
    return Till(happened.event.balance, state.count + 1)


TILL: Decider[Till] = Decider(kind="till", initial=Till(), decide=decide, evolve=evolve)
CHECKSUM = "sha256:" + secrets.token_hex(32)


Once = Callable[[], Awaitable[object]]


def till(store: Store, text: str, *, keyed: bool) -> Once:
    """Takes in, in turn at a few tills of its own."""
    tills = itertools.cycle([uuid4() for _ in range(STREAMS_PER_CLIENT)])
    actor, numbers, prefix = uuid4(), itertools.count(), secrets.token_hex(8)

    def once() -> Awaitable[object]:
        stamp = Stamp(now=datetime.now(UTC), actor=actor)
        key = None
        if keyed:
            key = Idempotency(key=f"{prefix}-{next(numbers)}", fingerprint=b"f" * 32)
        command = TakeIn(amount=1, text=text)
        return store.execute(TILL, next(tills), command, stamp, idempotency=key)

    return once


def feed(store: Store) -> Once:
    """Receives one new feed after the other."""
    actor, numbers, source = uuid4(), itertools.count(), secrets.token_hex(8)

    def once() -> Awaitable[object]:
        stamp = Stamp(now=datetime.now(UTC), actor=actor)
        name = f"feed-{next(numbers)}"
        command = ReceiveFeed(
            source=source, name=name, checksum=CHECKSUM, rows=10, as_of=date(2025, 3, 31)
        )
        return store.execute(FEED, feed_id(source, name), command, stamp)

    return once


async def measure(
    url: str, *, clients: int, tenants: int, seconds: float, scenario: str, text: str
) -> Run:
    """`clients` commands at once, for about `seconds`; tenants share them evenly."""
    async with await Database.open(url, size=8) as database:
        registry = Registry(database)
        committer = Committer.of(database)
        keyring = Keyring.open(database, MasterKey.generate())
        histories = Histories(database, keyring, [TakenIn, FeedReceived], committer)
        ids = [(await registry.create_tenant("bench")).tenant_id for _ in range(tenants)]
        stores = [await histories.of(each) for each in ids]
        latencies: list[float] = []
        clock = time.perf_counter
        stop = False

        async def client(once: Once) -> None:
            while not stop:
                began = clock()
                await once()
                latencies.append(clock() - began)

        works = [
            feed(store) if scenario == "feed" else till(store, text, keyed=scenario == "keyed")
            for store in itertools.islice(itertools.cycle(stores), clients)
        ]
        tasks = [asyncio.ensure_future(client(once)) for once in works]
        await asyncio.sleep(min(1.0, seconds / 4))  # connections, plans and first states
        latencies.clear()
        began = clock()
        await asyncio.sleep(seconds)
        took, counted = clock() - began, sorted(1000 * each for each in latencies)
        stop = True
        await asyncio.gather(*tasks)
        await committer.close()
    return Run(len(counted) / took, counted)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("clients", type=int)
    parser.add_argument("tenants", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("scenario", choices=["till", "keyed", "feed"])
    parser.add_argument("text")
    asked = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        run = runner.run(
            measure(
                asked.url,
                clients=asked.clients,
                tenants=asked.tenants,
                seconds=asked.seconds,
                scenario=asked.scenario,
                text=asked.text,
            )
        )
    print(msgspec.json.encode(run).decode())


if __name__ == "__main__":
    main()
