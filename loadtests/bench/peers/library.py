"""One event per append through the eventsourcing library's PostgreSQL recorder, on threads.

Run as `python -m loadtests.bench.peers.library CLIENTS SECONDS TEXT [--db-functions]`, with
the address in the library's own POSTGRES_ variables. Prints one line of JSON. No cipher, so the
library's work is less than ours.
"""

import argparse
import json
import os
import threading
import time
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.domain import DomainEvent, datetime_now_with_tzinfo
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    EventStore,
    InfrastructureFactory,
    JSONTranscoder,
    Mapper,
    UUIDAsHex,
)
from eventsourcing.utils import Environment

STREAMS_PER_CLIENT = 4


class TakenIn(DomainEvent):
    """The same as ours."""

    amount: int
    balance: int
    text: str


def taken_in(stream_id: UUID, version: int, text: str) -> TakenIn:
    """An event of this version."""
    content: dict[str, Any] = {"amount": 1, "balance": version, "text": text}
    return TakenIn(
        originator_id=stream_id,
        originator_version=version,
        timestamp=datetime_now_with_tzinfo(),
        **content,
    )


def transcoder() -> JSONTranscoder:
    """The library's own, as its applications make it."""
    made = JSONTranscoder()
    for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO()):
        made.register(transcoding)
    return made


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("clients", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("text")
    parser.add_argument("--db-functions", action="store_true")
    parser.add_argument("--together", type=int, default=1)
    asked = parser.parse_args()
    settings = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_POOL_SIZE": str(asked.clients),
        "POSTGRES_MAX_OVERFLOW": "0",
        "POSTGRES_MAX_WAITING": str(asked.clients),
        "POSTGRES_ENABLE_DB_FUNCTIONS": "y" if asked.db_functions else "n",
        **{name: value for name, value in os.environ.items() if name.startswith("POSTGRES_")},
    }
    factory = InfrastructureFactory.construct(Environment("Till", settings))
    mapper: Mapper[UUID] = factory.mapper(transcoder=transcoder())
    store = EventStore(mapper, factory.application_recorder())
    latencies: list[list[float]] = [[] for _ in range(asked.clients)]
    stop = threading.Event()

    def client(mine: list[float]) -> None:
        streams = [uuid4() for _ in range(STREAMS_PER_CLIENT)]
        version = 0
        while not stop.is_set():
            for stream_id in streams:
                began = time.perf_counter()
                store.put(
                    [
                        taken_in(stream_id, version + each, asked.text)
                        for each in range(1, asked.together + 1)
                    ]
                )
                mine.append(1000 * (time.perf_counter() - began))
            version += asked.together

    threads = [threading.Thread(target=client, args=(mine,)) for mine in latencies]
    for thread in threads:
        thread.start()
    time.sleep(min(1.0, asked.seconds / 4))
    before = [len(mine) for mine in latencies]
    began = time.perf_counter()
    time.sleep(asked.seconds)
    after = [len(mine) for mine in latencies]
    took = time.perf_counter() - began
    stop.set()
    for thread in threads:
        thread.join()
    factory.close()
    if not all(latencies):
        raise SystemExit("a client wrote nothing")
    counted = [
        each
        for mine, first, last in zip(latencies, before, after, strict=True)
        for each in mine[first:last]
    ]
    rate = asked.together * len(counted) / took
    print(json.dumps({"rate": rate, "latencies_ms": sorted(counted)}))


if __name__ == "__main__":
    main()
