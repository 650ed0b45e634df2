"""Log lines that leave together: a write for each would be a quarter of a request's work."""

import atexit
import multiprocessing.util
import threading
from typing import TextIO

EVERY_S = 0.1
"""The longest that a line waits; warnings and errors do not wait."""
LINES_MAX = 1_000


class Lines:
    """A logger's end, and a file for what libraries say: both write to the same one in order.

    A line is at most `EVERY_S` late. What was not written yet when a process is killed is lost;
    nothing that has to be kept is kept in the log. So are lines that cannot be written, on a full
    disk or into a broken pipe: the work that they tell of goes on, and the log says how many there
    were as soon as it can.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._writer: threading.Thread | None = None
        self._lost = 0
        atexit.register(self.flush)
        # Forked workers end without `atexit`.
        multiprocessing.util.Finalize(None, self.flush, exitpriority=0)

    def msg(self, message: str) -> None:
        """A line that may wait."""
        if self._writer is None:
            self._start()
        self._lines.append(f"{message}\n")
        if len(self._lines) >= LINES_MAX:
            self.flush()
        elif not self._some.is_set():
            self._some.set()

    log = debug = info = msg

    def warning(self, message: str) -> None:
        """A line that may not."""
        self._lines.append(f"{message}\n")
        self.flush()

    warn = error = critical = fatal = exception = failure = warning

    def write(self, text: str) -> int:
        """As of a file: a part of what comes next."""
        self._lines.append(text)
        return len(text)

    def flush(self) -> None:
        """Write everything now."""
        with self._lock:
            lines, self._lines = self._lines, []
            if not lines:
                return
            lost = f'{{"event":"log-lines-lost","lines":{self._lost}}}\n' if self._lost else ""
            try:
                self._file.write(lost + "".join(lines))
                self._file.flush()
            except (OSError, ValueError):  # ValueError: it is closed
                self._lost += len(lines)
            else:
                self._lost = 0

    def _start(self) -> None:
        with self._lock:
            if self._writer is None:
                self._writer = threading.Thread(target=self._run, name="log", daemon=True)
                self._writer.start()

    def _run(self) -> None:
        while True:
            self._some.wait()
            threading.Event().wait(EVERY_S)
            self._some.clear()
            self.flush()
