"""What is going on, on the screen: a bar on a terminal, a line per step elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class Steps:
    """Shows steps, each with a count and the time that it took."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, label: str, total: int) -> Iterator[Callable[[], None]]:
        """A step of `total` parts; call what it gives after each of them."""
        began = time.monotonic()
        if self._console.is_terminal:
            columns = (
                TextColumn("  {task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            with Progress(*columns, console=self._console, transient=True) as progress:
                task = progress.add_task(label, total=total)
                yield lambda: progress.advance(task)
        else:
            yield lambda: None
        took_s = time.monotonic() - began
        self._console.print(f"  {label}: {total} in {took_s:.1f} s", highlight=False)
