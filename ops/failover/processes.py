"""Processes and their descendants, read from /proc."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def tree(pid: int) -> list[int]:
    """A process and all of its descendants; empty when it is gone."""
    children: dict[int, list[int]] = {}
    alive = False
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        # The name is in parentheses and may hold spaces; the parent is the second field after it.
        state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
        if state == "Z":
            continue
        alive = alive or int(entry.name) == pid
        children.setdefault(int(parent), []).append(int(entry.name))
    if not alive:
        return []
    found, todo = [], [pid]
    while todo:
        each = todo.pop()
        found.append(each)
        todo += children.get(each, [])
    return found


def send(pids: Iterable[int], number: int) -> None:
    """Signal processes, some of which may be gone by now."""
    for pid in pids:
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
