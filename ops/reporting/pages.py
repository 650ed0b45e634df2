"""The report as a page for people: HTML with plots and no script, and a typst text for PDF."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import jinja2
import typst
from markupsafe import Markup

from domain.capacity import Capacity
from domain.health_report import Availability, HealthReport
from ops.reporting.words import Language, word

Row = Sequence[str]
Words = Callable[[str], str]

MIB: Final = 1024 * 1024
PLOT_W: Final = 620
PLOT_H: Final = 120

PAGE: Final = (Path(__file__).parent / "report.html.j2").read_text(encoding="utf-8")


class Section:
    """One part of the report: a table, a plot, or a sentence."""

    def __init__(
        self, title: str, head: Row = (), rows: Sequence[Row] = (), text: str = ""
    ) -> None:
        self.title = title
        self.head = head
        self.plain_rows = rows
        self.text = text
        self.plot = ""
        self.caption = ""
        self.bars: list[int] = []

    @property
    def rows(self) -> list[list[tuple[str, str]]]:
        """Cells, each with the class that colours it."""
        return [[(cell, _kind(cell)) for cell in row] for row in self.plain_rows]

    def drawn(self, caption: str, shares: Sequence[int], labels: Sequence[str]) -> "Section":
        """With bars, each from 0 to 1000."""
        self.caption = caption
        self.bars = list(shares)
        self.plot = _bars(shares, labels)
        return self


_KINDS: dict[str, str] = {}
for _name in ("kept", "missed", "no-data", "met", "running"):
    for _language in ("en", "zh"):
        _KINDS[word(_name, _language)] = _name


def _kind(cell: str) -> str:
    return _KINDS.get(cell, "n" if cell[:1].isdigit() else "")


def sections(report: HealthReport, language: Language) -> list[Section]:
    """The parts, in the order of the page."""

    def w(name: str) -> str:
        return word(name, language)

    parts = [_promises(report, w), _availability(report, w), _incidents(report, w)]
    parts += [_drills(report, w), _history(report, w), _capacity(report, w)]
    if report.earlier:
        parts.append(Section(w("earlier"), (w("month"), "SHA-256"), list(report.earlier)))
    text = (
        f"{w('definition-text')} {w('position')}: {report.last_position}."
        f" {w('times')} {report.zone}."
    )
    return [*parts, Section(w("definitions"), text=text)]


def _at(report: HealthReport, moment: datetime) -> str:
    return f"{moment.astimezone(ZoneInfo(report.zone)):%Y-%m-%d %H:%M:%S}"


def _promises(report: HealthReport, w: Words) -> Section:
    return Section(
        w("verdict"),
        (w("promise"), w("verdict"), w("detail")),
        [
            (
                w(each.name),
                w(each.verdict),
                ", ".join(f"{w(name)} {number}" for name, number in each.figures),
            )
            for each in report.promises
        ],
    )


def _availability(report: HealthReport, w: Words) -> Section:
    heads = ("measure", "good", "bad", "without", "minutes", "share", "budget", "p50", "p99")
    rows = [_available(w("writes"), report.writes, w), _available(w("reads"), report.reads, w)]
    return Section(w("availability"), tuple(map(w, heads)), rows).drawn(
        w("by-day"),
        [day.good_writes * 1000 // max(1, day.minutes) for day in report.days],
        [day.day[-2:] for day in report.days],
    )


def _incidents(report: HealthReport, w: Words) -> Section:
    heads = ("code", "severity", "what", "began", "clocks", "cause")
    rows = [
        (
            each.code,
            w(each.severity),
            each.title,
            _at(report, each.began_at),
            ", ".join(f"{w(clock.name)} {w(clock.verdict)}" for clock in each.clocks),
            " → ".join(part for part in (each.cause, each.action) if part),
        )
        for each in report.incidents
    ]
    return Section(w("incidents"), tuple(map(w, heads)), rows, "" if rows else w("no-incidents"))


def _drills(report: HealthReport, w: Words) -> Section:
    heads = ("at", "backup", "restored-to", "seconds", "compared", "result")
    rows = [
        (
            _at(report, each.at),
            each.label,
            _at(report, each.target_at),
            str(each.seconds),
            str(each.compared_size),
            w("in-order") if each.ok else "; ".join(each.findings),
        )
        for each in report.drills
    ]
    return Section(w("drills"), tuple(map(w, heads)), rows, "" if rows else w("no-drills"))


def _history(report: HealthReport, w: Words) -> Section:
    busiest = max((day.events for day in report.days), default=0)
    rows = [
        (w("written"), str(report.events)),
        (w("in-all"), str(report.events_in_all)),
        *((topic, str(count)) for topic, count in report.busiest_topics),
    ]
    return Section(w("history"), (w("measure"), ""), rows).drawn(
        w("per-day"),
        [day.events * 1000 // max(1, busiest) for day in report.days],
        [day.day[-2:] for day in report.days],
    )


def _capacity(report: HealthReport, w: Words) -> Section:
    found, none = report.capacity, w("no-data")
    left, worst = found.months_left, found.months_left_p90
    rows = [
        (w("days-measured"), f"{found.measured} / {found.days}"),
        (w("events-a-day"), f"{_short(found.events_mean)} / {found.events_most}"),
        (w("database-size"), none if found.database_bytes is None else _mib(found.database_bytes)),
        (
            w("database-grown"),
            none if found.database_grown_bytes is None else _mib(found.database_grown_bytes),
        ),
        (w("disk-used"), none if found.disk_used_most is None else _percent(found.disk_used_most)),
        (w("months-left"), w(found.filling) if left is None else _short(left)),
        (w("months-left-p90"), w(_filling(found)) if worst is None else _short(worst)),
        (
            w("connections"),
            none
            if found.connections_most is None
            else f"{found.connections_most} / {found.connections_max}",
        ),
        (
            w("processor"),
            none if found.processor_p95_most is None else _percent(found.processor_p95_most),
        ),
    ]
    section = Section(w("capacity"), (w("measure"), ""), rows)
    sizes = dict(found.database_by_day)
    if not sizes:
        return section
    most = max(sizes.values())
    return section.drawn(
        w("database-by-day"),
        [sizes.get(day.day, 0) * 1000 // max(1, most) for day in report.days],
        [day.day[-2:] for day in report.days],
    )


def _filling(found: Capacity) -> str:
    return "no-data" if found.filling == "no-data" else "not-in-sight"


def _mib(size: int) -> str:
    return f"{size // MIB} MiB"


def _percent(thousandths: int) -> str:
    return f"{thousandths // 10}.{thousandths % 10} %"


def _available(name: str, found: Availability, w: Words) -> Row:
    none = w("no-data")
    return (
        name,
        str(found.good),
        str(found.bad),
        str(found.no_data),
        str(found.minutes),
        none if found.share is None else f"{(found.share * 100).normalize():f} %",
        none if found.budget_left_minutes is None else _short(found.budget_left_minutes),
        none if found.p50_ms is None else str(found.p50_ms),
        none if found.p99_ms is None else str(found.p99_ms),
    )


def _short(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _bars(shares: Sequence[int], labels: Sequence[str]) -> str:
    """A plot without a script: a bar a day, its height in thousandths."""
    width = PLOT_W / max(1, len(shares))
    parts = [
        f'<svg viewBox="0 0 {PLOT_W} {PLOT_H + 16}" role="img" xmlns="http://www.w3.org/2000/svg">'
    ]
    for index, (share, label) in enumerate(zip(shares, labels, strict=True)):
        height = share * PLOT_H // 1000
        x = round(index * width + 1, 1)
        colour = "#2f6fbb" if share >= 999 else "#c98a1b" if share else "#bbb"  # noqa: PLR2004
        parts.append(
            f'<rect x="{x}" y="{PLOT_H - height}" width="{round(width - 2, 1)}"'
            f' height="{max(height, 1)}" fill="{colour}">'
            f"<title>{label}: {share // 10}.{share % 10} %</title></rect>"
            f'<text x="{round(x + width / 2 - 1, 1)}" y="{PLOT_H + 12}" font-size="9"'
            f' text-anchor="middle">{label}</text>'
        )
    return "".join([*parts, "</svg>"])


def html(report: HealthReport, customer: str, language: Language) -> str:
    """The page."""
    environment = jinja2.Environment(autoescape=True)
    found = sections(report, language)
    for section in found:
        section.plot = Markup(section.plot)  # noqa: S704 - of numbers alone
    return environment.from_string(PAGE).render(
        lang="zh-CN" if language == "zh" else "en",
        w=lambda name: word(name, language),
        report=report,
        customer=customer,
        sections=found,
    )


def pdf(report: HealthReport, customer: str, language: Language) -> bytes:
    """The same as PDF/A-like A4 pages; the same report gives the same bytes."""
    lines = [
        '#set document(title: "Meritledger", date: none)',
        '#set page(paper: "a4", margin: 18mm, numbering: "1 / 1")',
        (
            '#set text(font: ("Noto Sans CJK SC", "Libertinus Serif"), size: 9.5pt,'
            f' lang: "{language}")'
        ),
        "#set table(stroke: 0.4pt + luma(200), inset: 4pt)",
        f"= {_typst(word('title', language))}",
        (
            f"{_typst(word('customer', language))}: *{_typst(customer)}* #h(1em)"
            f" {_typst(word('month', language))}: *{_typst(report.month)}*"
        ),
        "",
        f"*{_typst(word('all-kept' if report.kept else 'not-kept', language))}*",
        "",
    ]
    for section in sections(report, language):
        lines.append(f"== {_typst(section.title)}")
        if section.bars:
            bars = ", ".join(
                f"rect(width: 100%, height: {max(1, share * 30 // 1000)}mm,"
                f' fill: rgb("{"#2f6fbb" if share >= 999 else "#c98a1b" if share else "#bbbbbb"}"))'  # noqa: PLR2004
                for share in section.bars
            )
            lines.append(
                f"#grid(columns: ({'1fr, ' * len(section.bars)}), column-gutter: 1pt,"
                f" align: bottom, {bars})"
            )
            lines.append(f"#text(size: 8pt)[{_typst(section.caption)}]")
        if section.plain_rows:
            cells = ", ".join(
                f"[{_typst(cell)}]" for row in (section.head, *section.plain_rows) for cell in row
            )
            lines.append(
                f"#table(columns: ({'auto, ' * len(section.head)}), {cells})"
                if len(section.head) > 3  # noqa: PLR2004
                else f"#table(columns: {len(section.head)}, {cells})"
            )
        if section.text:
            lines.append(_typst(section.text))
        lines.append("")
    return bytes(typst.compile("\n".join(lines).encode(), format="pdf", timestamp=0))


_SPECIAL = "\\#$*_`<>@[]=-+/~'\""


def _typst(text: str) -> str:
    """Text that typst takes as it is, whatever people entered."""
    return "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in text).replace("\n", " ")
