"""A log that cannot be written stops nobody's work, and says afterwards what it could not say."""

import io

from tenancy.lines import Lines


class Full(io.StringIO):
    """A file on a disk that can be full."""

    full = False

    def write(self, text: str) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_a_full_disk_loses_lines_and_counts_them() -> None:
    file = Full()
    lines = Lines(file)
    lines.warning("one")
    file.full = True
    lines.warning("two")
    lines.warning("three")
    file.full = False
    lines.warning("four")
    lines.warning("five")
    assert file.getvalue().splitlines() == [
        "one",
        '{"event":"log-lines-lost","lines":2}',
        "four",
        "five",
    ]


def test_a_closed_file_is_no_error_of_the_work() -> None:
    file = io.StringIO()
    lines = Lines(file)
    file.close()
    lines.warning("nobody hears this")
    lines.flush()
