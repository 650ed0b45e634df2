"""The report of a check: a page for people in their language, JSON and NDJSON for machines."""

import hashlib
from collections import Counter
from html import escape
from itertools import islice
from pathlib import Path

import msgspec

from ops.onboarding.entities import ENTITIES
from ops.onboarding.plots import bars, shares
from ops.onboarding.records import Counts, Exclusion, Finding, SourceFile
from ops.onboarding.report_words import WORDS
from ops.onboarding.workspace import Workspace

EXAMPLES_MAX = 5
KINDS_MAX = 60
JSON_FILE, FINDINGS_FILE = "report.json", "findings.ndjson"
STYLE = """
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;margin:2rem auto;max-width:70rem;
padding:0 1rem;color:#1c1f24;background:#fff}table{border-collapse:collapse;width:100%;
margin:.5rem 0 1.5rem}th,td{border-bottom:1px solid #dde1e6;padding:.3rem .6rem;text-align:left;
vertical-align:top}
th{white-space:nowrap}td code{display:block;min-width:7em}
td.n{text-align:right;font-variant-numeric:tabular-nums}code{white-space:pre-wrap;
overflow-wrap:anywhere}.bad{color:#b3261e}.good{color:#2e7d4f}.warn{color:#b26a00}svg{max-width:100%;
height:auto}@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#14171b}
th,td{border-color:#333941}}
"""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Findings of one code in one column of files that look alike."""

    code: str
    check: str
    severity: str
    column: str
    rule: str
    times: int


class SheetCount(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one sheet."""

    file: str
    sheet: str
    source: str | None
    rows: int
    ok: int
    quarantined: int
    excluded: int
    unused_columns: tuple[str, ...]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a check came to; findings stand in a file of their own, one a line."""

    mapping: str
    mapping_digest: str
    counts: Counts
    balanced: bool
    errors: int
    warnings: int
    records: dict[str, int]
    sheets: tuple[SheetCount, ...]
    kinds: tuple[Kind, ...]
    exclusions: tuple[Exclusion, ...]
    fixes: dict[str, int]
    files: tuple[SourceFile, ...]
    findings_sha256: str


def write(workspace: Workspace, out: Path) -> Report:
    """Write `report.json`, `findings.ndjson` and `report.en.html`, `report.zh.html` into `out`."""
    digest = hashlib.sha256()
    kinds: Counter[tuple[str, str, str, str, str]] = Counter()
    examples: dict[tuple[str, str, str, str, str], list[Finding]] = {}
    with (out / FINDINGS_FILE).open("wb") as file:
        for finding in workspace.findings():
            line = msgspec.json.encode(finding) + b"\n"
            digest.update(line)
            file.write(line)
            # The words of a rule hold the values of its row; a kind is told by its first ones.
            rule = finding.rule.partition(";")[0].partition(": ")[0]
            key = (finding.check, finding.severity, finding.code, finding.column, rule)
            kinds[key] += 1
            if len(examples.setdefault(key, [])) < EXAMPLES_MAX:
                examples[key].append(finding)
    report = _report(workspace, kinds, digest.hexdigest())
    data = msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
    (out / JSON_FILE).write_bytes(data)
    # Both languages: who reads it is not who has made it.
    for each, words in WORDS.items():
        page = _page(report, examples, words, each)
        (out / f"report.{each}.html").write_text(page, encoding="utf-8")
    return report


def _report(
    workspace: Workspace, kinds: Counter[tuple[str, str, str, str, str]], digest: str
) -> Report:
    counts = workspace.counts()
    records = {
        ENTITIES[entity]: times
        for entity, times in workspace.connection.execute(
            "SELECT entity, count(*) FROM ready GROUP BY entity ORDER BY entity"
        )
    }
    return Report(
        mapping=workspace.about("mapping_name"),
        mapping_digest=workspace.mapping_digest,
        counts=counts,
        balanced=counts.balanced,
        errors=sum(times for key, times in kinds.items() if key[1] == "error"),
        warnings=sum(times for key, times in kinds.items() if key[1] == "warning"),
        records=records,
        sheets=tuple(_sheets(workspace)),
        kinds=tuple(
            Kind(
                check=key[0], severity=key[1], code=key[2], column=key[3], rule=key[4], times=times
            )
            for key, times in sorted(kinds.items(), key=lambda item: (item[0][0], -item[1]))
        ),
        exclusions=tuple(workspace.exclusions()),
        fixes=msgspec.json.decode(workspace.about("fixes") or "{}", type=dict[str, int]),
        files=workspace.files,
        findings_sha256=digest,
    )


def _sheets(workspace: Workspace) -> list[SheetCount]:
    ask = workspace.connection.execute
    bad = dict(ask("SELECT row >> 32, count(*) FROM quarantined GROUP BY 1").fetchall())
    out = dict(ask("SELECT row >> 32, count(*) FROM excluded GROUP BY 1").fetchall())
    used: dict[int, set[str]] = {}
    for number in [row[0] for row in ask("SELECT number FROM template").fetchall()]:
        template = workspace.template(number)
        for _, columns, _ in template.slots:
            used.setdefault(hash((template.file, template.sheet)), set()).update(columns)
    found = []
    for number, file, name, source, rows, columns, left_out in ask(
        "SELECT number, file, name, source, rows, columns, left_out FROM sheet ORDER BY number"
    ).fetchall():
        excluded = rows if left_out is not None else out.get(number, 0)
        taken = used.get(hash((file, name)), set())
        named = msgspec.json.decode(columns, type=list[str])
        found.append(
            SheetCount(
                file=workspace.files[file].name,
                sheet=name,
                source=source,
                rows=rows,
                ok=rows - excluded - bad.get(number, 0),
                quarantined=bad.get(number, 0),
                excluded=excluded,
                unused_columns=tuple(c for c in named if c not in taken) if source else (),
            )
        )
    return found


# -- the page


def _table(heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(cells)}</tr>" for cells in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: object) -> str:
    return f"<td>{escape(str(text))}</td>"


def _number(number: int) -> str:
    return f'<td class="n">{number:,}</td>'


def _code(text: str | None) -> str:
    return f"<td><code>{escape(text or '')}</code></td>"


def _page(
    report: Report,
    examples: dict[tuple[str, str, str, str, str], list[Finding]],
    words: dict[str, str],
    language: str,
) -> str:
    counts = report.counts
    good = report.errors == 0
    verdict = words["verdict_ok" if good else "verdict_bad"]
    sums = f"{counts.rows:,} = {counts.ok:,} + {counts.quarantined:,} + {counts.excluded:,}"
    tally = (
        f"{report.errors:,} {escape(words['errors'])},"
        f" {report.warnings:,} {escape(words['warnings'])}."
    )
    parts = [
        f"<h1>{escape(words['title'])}</h1><p>{escape(report.mapping)}</p>",
        f'<p class="{"good" if good else "bad"}"><strong>{escape(verdict)}</strong></p>',
        f"<p>{escape(words['balance'])}: <strong>{sums}</strong></p>",
        f"<p>{tally} {escape(words['mapping'])}: <code>{report.mapping_digest[:16]}</code></p>",
        _files_part(report, words),
        f"<h2>{escape(words['records'])}</h2>",
        bars(words["records"], [(name, times, "ok") for name, times in report.records.items()]),
        *(_check_part(report, examples, words, check) for check in ("format", "logic")),
        f"<h2>{escape(words['sampling'])}</h2><p>{escape(words['sampling_text'])}</p>",
        _fixes_part(report, words),
        _reasons_part(report, words),
    ]
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'\">"
        f"<title>{escape(words['title'])}</title><style>{STYLE}</style></head><body>"
        f"{''.join(parts)}</body></html>\n"
    )


def _files_part(report: Report, words: dict[str, str]) -> str:
    encodings = {file.name: file.encoding for file in report.files}
    shown = [sheet for sheet in report.sheets if sheet.rows]
    plot = shares(
        words["files"],
        [
            (
                f"{sheet.file} {sheet.sheet}".strip(),
                (
                    (sheet.ok, "ok"),
                    (sheet.quarantined, "quarantined"),
                    (sheet.excluded, "excluded"),
                ),
            )
            for sheet in shown[:KINDS_MAX]
        ],
    )
    rows = [
        [
            _cell(sheet.file),
            _cell(sheet.sheet),
            _cell(encodings.get(sheet.file, "")),
            _number(sheet.rows),
            _number(sheet.ok),
            _number(sheet.quarantined),
            _number(sheet.excluded),
            _cell(", ".join(sheet.unused_columns) or ""),
        ]
        for sheet in shown
    ]
    heads = ["file", "sheet", "encoding", "in", "ok", "quarantined", "excluded", "columns"]
    return f"<h2>{escape(words['files'])}</h2>{plot}{_table([words[each] for each in heads], rows)}"


def _check_part(
    report: Report,
    examples: dict[tuple[str, str, str, str, str], list[Finding]],
    words: dict[str, str],
    check: str,
) -> str:
    kinds = [kind for kind in report.kinds if kind.check == check]
    made = f"<h2>{escape(words[check])}</h2>"
    if not kinds:
        return f"{made}<p>{escape(words['none'])}</p>"
    made += bars(
        words[check],
        [
            (f"{kind.code} {kind.column}", kind.times,
             "quarantined" if kind.severity == "error" else "warning")
            for kind in kinds[:KINDS_MAX]
        ],
    )  # fmt: skip
    heads = [words[each] for each in ("file", "sheet", "row", "column", "value", "rule", "fix")]
    for kind in kinds[:KINDS_MAX]:
        key = (kind.check, kind.severity, kind.code, kind.column, kind.rule)
        colour = "bad" if kind.severity == "error" else "warn"
        made += (
            f'<h3 class="{colour}">{escape(kind.code)} · {escape(kind.column)}'
            f" · {kind.times:,}</h3>"
        )
        made += _table(heads, [_finding_row(report, each) for each in examples[key]])
        if kind.times > EXAMPLES_MAX:
            made += f"<p>+ {kind.times - EXAMPLES_MAX:,} {escape(words['more'])}</p>"
    return made


def _finding_row(report: Report, finding: Finding) -> list[str]:
    name = report.files[finding.file].name if finding.file >= 0 else ""
    suggestion = finding.suggestion or ""
    if finding.replacement is not None:
        suggestion = f"{suggestion} → {finding.replacement}".strip()
    return [
        _cell(name),
        _cell(finding.sheet),
        _number(finding.row),
        _cell(finding.column),
        _code(finding.value),
        _cell(finding.rule),
        _cell(suggestion),
    ]


def _fixes_part(report: Report, words: dict[str, str]) -> str:
    made = f"<h2>{escape(words['fixes'])}</h2><p>{escape(words['applied'])}</p>"
    if not report.fixes:
        return f"{made}<p>{escape(words['none'])}</p>"
    ordered = sorted(report.fixes.items(), key=lambda item: -item[1])
    return made + bars(words["fixes"], [(name, n, "warning") for name, n in islice(ordered, 40)])


def _reasons_part(report: Report, words: dict[str, str]) -> str:
    rows = [
        [
            _cell(report.files[each.file].name),
            _cell(each.sheet),
            _number(each.rows),
            _cell(each.reason),
        ]
        for each in report.exclusions
    ]
    heads = [words["file"], words["sheet"], words["rows"], words["reason"]]
    return f"<h2>{escape(words['reasons'])}</h2>{_table(heads, rows)}"
