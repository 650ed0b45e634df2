"""The server is killed while it answers: whatever was told had been written down before."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

KILLS = 3


def test_no_answer_without_an_entry(start: Callable[..., Any], eventually: Any) -> None:
    running = start("--demo")
    secrets = {each["roles"][0]: each["secret"] for each in running.answer["logins"]}
    secret = secrets.get("admin") or next(iter(secrets.values()))
    address = f"{running.address}/api/v1"
    told: list[str] = []
    stop = threading.Event()

    def reading() -> None:
        while not stop.is_set():
            try:
                with httpx.Client(
                    base_url=address, headers={"Authorization": f"Bearer {secret}"}, timeout=5
                ) as client:
                    while not stop.is_set():
                        answer = client.get("/people", params={"limit": 1})
                        if answer.status_code == 200:
                            told.append(answer.headers["request-id"])
            except httpx.TransportError:
                time.sleep(0.05)

    readers = [threading.Thread(target=reading) for _ in range(4)]
    for reader in readers:
        reader.start()
    for _ in range(KILLS):
        before = len(told)
        assert eventually(lambda before=before: len(told) > before + 50)
        server = running.child("serve")
        for child in server.children(recursive=True):
            child.send_signal(signal.SIGKILL)
    before = len(told)
    assert eventually(lambda: len(told) > before + 50), "it came back"
    stop.set()
    for reader in readers:
        reader.join()

    noted: set[str] = set()
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {secret}"}) as client:
        cursor: str | None = ""
        while cursor is not None:
            parameters: dict[str, str | int] = {
                "limit": 500,
                "route": "/people",
                **({"cursor": cursor} if cursor else {}),
            }
            page = client.get("/audit/reads", params=parameters).json()
            noted |= {each["request_id"] for each in page["data"]}
            cursor = page["next_cursor"]
        assert client.get("/audit/reads/chain").json()["holds"]
    assert len(told) > 50 * KILLS
    assert set(told) <= noted
