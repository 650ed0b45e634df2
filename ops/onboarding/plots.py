"""Plots of a report as inline SVG: no scripts, nothing loaded, readable when printed."""

from collections.abc import Sequence
from html import escape

BAR_HEIGHT = 22
LABEL_WIDTH = 300
BAR_WIDTH = 380
LABEL_LENGTH_MAX = 38
COLOURS = {"ok": "#2e7d4f", "quarantined": "#b3261e", "excluded": "#8a8f98", "warning": "#b26a00"}


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(label: str) -> str:
    """The end of a long name tells it apart."""
    return label if len(label) <= LABEL_LENGTH_MAX else f"…{label[1 - LABEL_LENGTH_MAX :]}"


def _svg(height: int, body: str, title: str) -> str:
    width = LABEL_WIDTH + BAR_WIDTH + 110
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}"'
        f' width="{width}" height="{height}" font-size="13" fill="currentColor">{body}</svg>'
    )


def bars(title: str, rows: Sequence[tuple[str, int, str]]) -> str:
    """One bar a row: (label, number, colour)."""
    most = max((number for _, number, _ in rows), default=0) or 1
    body = ""
    for place, (label, number, colour) in enumerate(rows):
        y = place * BAR_HEIGHT
        length = max(1, number * BAR_WIDTH // most) if number else 0
        body += _text(LABEL_WIDTH - 8, y + 16, _short(label), "end")
        body += (
            f'<rect x="{LABEL_WIDTH}" y="{y + 4}" width="{length}" height="{BAR_HEIGHT - 8}"'
            f' fill="{COLOURS[colour]}"/>'
        )
        body += _text(LABEL_WIDTH + length + 6, y + 16, f"{number:,}")
    return _svg(len(rows) * BAR_HEIGHT + 6, body, title)


def shares(title: str, rows: Sequence[tuple[str, Sequence[tuple[int, str]]]]) -> str:
    """One bar a row, parted: (label, [(number, colour)...])."""
    body = ""
    for place, (label, parts) in enumerate(rows):
        y = place * BAR_HEIGHT
        total = sum(number for number, _ in parts)
        body += _text(LABEL_WIDTH - 8, y + 16, _short(label), "end")
        done = 0
        for number, colour in parts:
            begin = done * BAR_WIDTH // (total or 1)
            done += number
            # A few rows among very many are still to be seen.
            length = max(done * BAR_WIDTH // (total or 1) - begin, 2 if number else 0)
            body += (
                f'<rect x="{LABEL_WIDTH + begin}" y="{y + 4}" width="{length}"'
                f' height="{BAR_HEIGHT - 8}" fill="{COLOURS[colour]}"/>'
            )
        body += _text(LABEL_WIDTH + BAR_WIDTH + 6, y + 16, f"{total:,}")
    return _svg(len(rows) * BAR_HEIGHT + 6, body, title)
