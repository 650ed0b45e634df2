"""One event per append through UmaDB's own client, with a condition, as an aggregate needs it.

Run by its own Python as `python uma.py URL CLIENTS SECONDS TEXT`; prints one line of JSON. Each
client appends to streams of its own, and says that nothing came after what it knows of.
"""

import json
import sys
import threading
import time
import uuid
from typing import Any

import umadb  # type: ignore[import-not-found]  # of its own environment, build/umadb

STREAMS_PER_CLIENT = 4


def main() -> None:
    """Measure, and print."""
    url, clients, seconds, text = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
    data = json.dumps({"amount": 1, "balance": 1, "text": text}).encode()
    latencies: list[list[float]] = [[] for _ in range(clients)]
    stop = threading.Event()

    def client(mine: list[float]) -> None:
        with umadb.Client(url) as store:
            streams: dict[str, Any] = {f"till-{uuid.uuid4()}": None for _ in range(4)}
            while not stop.is_set():
                for tag, after in streams.items():
                    began = time.perf_counter()
                    condition = umadb.AppendCondition(
                        umadb.Query([umadb.QueryItem(tags=[tag])]), after=after
                    )
                    event = umadb.Event(event_type="TakenIn", data=data, tags=[tag])
                    streams[tag] = store.append([event], condition=condition)
                    mine.append(1000 * (time.perf_counter() - began))

    threads = [threading.Thread(target=client, args=(mine,)) for mine in latencies]
    for thread in threads:
        thread.start()
    time.sleep(min(1.0, seconds / 4))
    before = [len(mine) for mine in latencies]
    began = time.perf_counter()
    time.sleep(seconds)
    after = [len(mine) for mine in latencies]
    took = time.perf_counter() - began
    stop.set()
    for thread in threads:
        thread.join()
    counted = [
        each
        for mine, first, last in zip(latencies, before, after, strict=True)
        for each in mine[first:last]
    ]
    print(json.dumps({"rate": len(counted) / took, "latencies_ms": sorted(counted)}))


if __name__ == "__main__":
    main()
