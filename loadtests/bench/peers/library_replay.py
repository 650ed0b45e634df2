"""The eventsourcing library reads its own log: select_notifications, mapper, fold.

Run as `python -m loadtests.bench.peers.library_replay --write N` and then `--read N`, with the
address in the library's own POSTGRES_ variables. Prints one line of JSON.
"""

import argparse
import itertools
import json
import os
import resource
import time
from uuid import UUID, uuid4

from eventsourcing.persistence import InfrastructureFactory, Mapper
from eventsourcing.utils import Environment

from loadtests.bench.peers.library import taken_in, transcoder

TEXT = "x" * 150
TOGETHER = 1_000
EVENTS_PER_STREAM = 100


def main() -> None:
    """Write, or read and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", type=int)
    parser.add_argument("--read", type=int)
    asked = parser.parse_args()
    settings = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        **{name: value for name, value in os.environ.items() if name.startswith("POSTGRES_")},
    }
    factory = InfrastructureFactory.construct(Environment("Replay", settings))
    mapper: Mapper[UUID] = factory.mapper(transcoder=transcoder())
    recorder = factory.application_recorder()
    if asked.write:
        streams = [uuid4() for _ in range(asked.write // EVENTS_PER_STREAM)]
        events = (
            taken_in(stream_id, version, TEXT)
            for version in range(1, EVENTS_PER_STREAM + 1)
            for stream_id in streams
        )
        while batch := list(itertools.islice(events, TOGETHER)):
            recorder.insert_events([mapper.to_stored_event(event) for event in batch])
        factory.close()
        return
    states: dict[UUID, tuple[int, int]] = {}
    count = start = 0
    began = time.perf_counter()
    while notifications := recorder.select_notifications(start + 1, TOGETHER):
        for notification in notifications:
            event = mapper.to_domain_event(notification)
            _, folded = states.get(event.originator_id, (0, 0))
            states[event.originator_id] = (event.balance, folded + 1)  # type: ignore[attr-defined]
        count += len(notifications)
        start = notifications[-1].id
    took = time.perf_counter() - began
    factory.close()
    if count != asked.read:
        raise SystemExit(f"read {count} events instead of {asked.read}")
    memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    print(json.dumps({"rate": count / took, "notes": {"memory_mb": memory}}))


if __name__ == "__main__":
    main()
