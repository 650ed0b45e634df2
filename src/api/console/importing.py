"""Imports for those who bring a company in: three checks, quarantine, reconciliation, trace."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from api.console.page import HOME, Page
from api.console.problems import meaning_of
from api.console.tables import Column, Table
from api.console.visit import Names, Visit
from api.console.words import TERMS
from api.imports import READERS
from api.problems import MEANINGS, Said
from domain import ids

KINDS = ("format", "logic")
"""The checks by machine; the third is of two people, on a sample."""
ROWS_SHOWN: Final = 20
"""Each with a form for every finding."""
JOBS_SHOWN: Final = 10
CODE_MAX: Final = 100
DECIDED: Final = "domain:"
"""So begin the rules of rows that the domain has refused."""
JOB_TONES: Final = {"done": "good", "failed": "bad"}


async def _imports(visit: Visit) -> Mapping[str, Any]:
    rows, cursor = await visit.page("/imports")
    say = visit.say
    return {
        **await _to_begin(visit),
        "imports": Table(
            name="imports",
            caption=say("Imports, the newest first"),
            rows=rows,
            next=cursor,
            empty=say("Nothing was imported yet. `merit onboard` begins with cleaning a folder."),
            columns=(
                Column(
                    label=say("Import"),
                    value=lambda row: row["code"],
                    href=lambda row: f"{HOME}/imports/{row['import_id']}",
                ),
                Column(
                    label=say("Status"),
                    value=lambda row: visit.term("import-stage", row["stage"]),
                    kind="mark",
                    tone=lambda row: "good" if row["stage"] == "committed" else "warn",
                ),
                Column(label=say("Answers for it"), value=lambda row: row["owner"]),
                Column(label=say("Rows"), value=lambda row: row["rows"], kind="number"),
                Column(label=say("Imported"), value=lambda row: row["committed"], kind="number"),
                Column(
                    label=say("In quarantine"), value=lambda row: row["quarantined"], kind="number"
                ),
                Column(label=say("Left out"), value=lambda row: row["excluded"], kind="number"),
            ),
        ),
    }


async def _to_begin(visit: Visit) -> Mapping[str, Any]:
    """What was uploaded for a batch and done about it, before its first check has begun it."""
    engineer = visit.may("POST", "/imports/jobs")
    code = visit.query.get("code", "").strip()[:CODE_MAX] if engineer else ""
    shown: dict[str, Any] = {"engineer": engineer, "code": code, "begun": "", "files": None}
    if not code:
        return shown
    import_id = ids.import_id(code)
    at, say = f"/imports/{import_id}", visit.say
    begun, files, jobs = await asyncio.gather(
        visit.maybe(at), visit.maybe(f"{at}/files"), visit.maybe(f"{at}/jobs", limit=JOBS_SHOWN)
    )
    done = jobs["data"] if jobs else []
    return {
        **shown,
        "begun": HOME + at if begun else "",
        "files": Table(
            name="files",
            caption=say("Files of {code}", code=code),
            rows=files["data"] if files else (),
            empty=say("No file yet. mapping.yaml says what the others mean."),
            exported=False,
            columns=(
                Column(label=say("File"), value=lambda file: file["name"]),
                Column(label=say("Bytes"), value=lambda file: file["size"], kind="number"),
                Column(label=say("Hash of the file"), value=lambda file: file["sha256"][:16]),
            ),
        ),
        "jobs": _jobs(visit, done, await visit.names(job["requested_by"] for job in done)),
    }


async def _import(visit: Visit) -> Mapping[str, Any]:
    at = f"/imports/{visit.ids['import_id']}"
    row = await visit.ask(at)
    state = visit.query.get("state", "quarantined")
    rows, cursor = await visit.page(f"{at}/rows", state=state, limit=ROWS_SHOWN)
    sample = row["sample"] or {"compared_by": ()}
    names = await visit.names([row["signed_off_by"], *sample["compared_by"]])
    return {
        "row": row,
        "checks": {each["check"]: each for each in row["checks"]},
        "kinds": KINDS,
        "compared_by": [names(each) for each in sample["compared_by"]],
        "signer": names(row["signed_off_by"]) if row["signed_off_by"] else "",
        "state": state,
        "states": [
            (each, visit.term("import-row", each)) for each in ("quarantined", "fixed", "excluded")
        ],
        "rows": _rows(visit, rows, cursor),
        "at": at,
        **await _next(visit, at, row, sample["compared_by"]),
        "mended": _mended(visit, rows) if state == "quarantined" else [],
    }


async def _next(visit: Visit, at: str, row: Any, compared_by: list[str]) -> Mapping[str, Any]:
    """What can be done about the batch now, and the work that is under way."""
    jobs, _ = await visit.page(f"{at}/jobs", limit=JOBS_SHOWN)
    running = [each for each in jobs if each["ended_at"] is None]
    names = await visit.names(each["requested_by"] for each in jobs)
    sample = row["sample"]
    passed = {each["check"] for each in row["checks"] if each["passed"]}
    engineer = visit.may("POST", f"{at}/fixes")
    steps = {
        "check": engineer and row["stage"] == "cleansing",
        "sample": engineer and row["stage"] == "cleansing" and passed >= set(KINDS),
        "compare": bool(sample)
        and not sample["agreed"]
        and visit.may("POST", f"{at}/comparisons")
        and str(visit.caller.actor) not in compared_by,
        "sign": engineer and bool(sample) and sample["agreed"] and not row["signed_off_at"],
        "dry-run": engineer and row["stage"] == "cleansing",
        "commit": engineer and row["stage"] == "cleansing" and bool(row["signed_off_at"]),
        "compensate": engineer and row["stage"] == "committed" and bool(row["traceable_until"]),
    }
    return {
        "steps": steps,
        "mending": engineer and row["stage"] in {"cleansing", "committed"},
        "seed": f"{visit.asked.stamp.now:%Y%m%d}",
        "running": running,
        "jobs": _jobs(visit, jobs, names),
    }


def _jobs(visit: Visit, jobs: list[Any], names: Names) -> Table:
    say = visit.say
    return Table(
        name="jobs",
        caption=say("Work in the background, the newest first"),
        rows=jobs,
        columns=(
            Column(label=say("Work"), value=lambda job: visit.term("job", job["kind"])),
            Column(
                label=say("State"),
                value=lambda job: visit.term("job-state", job["state"]),
                kind="mark",
                tone=lambda job: JOB_TONES.get(job["state"], ""),
            ),
            Column(
                label=say("Done"),
                value=lambda job: (job["done"], max(job["total"], job["done"])),
                kind="progress",
            ),
            Column(label=say("What came of it"), value=lambda job: _came_of_it(visit, job)),
            Column(label=say("Asked for by"), value=lambda job: names(job["requested_by"])),
            Column(label=say("When"), value=lambda job: job["requested_at"], kind="moment"),
        ),
    )


def _came_of_it(visit: Visit, job: Any) -> str:
    """Why a job failed; how much of a batch still rests on it after it was taken back."""
    answer = job["answer"] or {}
    if job["state"] == "failed":
        # What the domain refused is told with its code before it.
        detail = str(answer.get("detail", "")).removeprefix(f"{answer.get('code')}: ")
        return visit.detail(detail).text
    if "residual" in answer:
        residual = visit.formats.number(answer["residual"])
        return visit.say("residual difference {count}", count=residual)
    return ""


def _mended(visit: Visit, rows: list[Any]) -> list[Mapping[str, Any]]:
    """Rows in quarantine with what a form needs to mend or to leave out each."""
    return [
        {
            **row,
            "findings": [{**each, "wrong": _wrong(visit, each)} for each in row["findings"]],
            "key": f"{row['file']}-{row['row']}-{number}",
            "told": visit.say(
                "{file}, row {row}", file=row["sheet"] or row["file_name"], row=row["row"]
            ),
        }
        for number, row in enumerate(rows)
    ]


def _wrong(visit: Visit, finding: Any) -> str:
    """What a check has found: its name, and in particular as the check says it."""
    rule, message = finding["rule"], finding["message"] or ""
    code = rule.removeprefix(DECIDED)
    if code in TERMS["finding"]:
        return visit.say("{what} ({detail})", what=visit.term("finding", code), detail=message)
    if code != rule and code in MEANINGS:
        return visit.say("{what} ({detail})", what=meaning_of(code, visit.language), detail=message)
    return message


def _rows(visit: Visit, rows: list[Any], cursor: str | None) -> Table:
    say = visit.say
    found = [
        {"row": row, **finding}
        for row in rows
        for finding in row["findings"]
        or [{"column": "", "rule": "", "message": row["reason"], "value": "", "suggestion": ""}]
    ]
    return Table(
        name="rows",
        caption=say("Rows"),
        rows=found,
        next=cursor,
        empty=say("There is no such row."),
        columns=(
            Column(
                label=say("Place"),
                value=lambda each: say(
                    "{file}, row {row}",
                    file=each["row"]["sheet"] or each["row"]["file_name"],
                    row=each["row"]["row"],
                ),
            ),
            Column(label=say("Column"), value=lambda each: each["column"]),
            Column(label=say("It says"), value=lambda each: each["value"]),
            Column(label=say("What is wrong"), value=lambda each: _wrong(visit, each)),
            Column(label=say("Suggestion"), value=lambda each: each["suggestion"]),
            Column(label=say("Fixes"), value=lambda each: len(each["row"]["fixes"]), kind="number"),
        ),
    )


async def _trace(visit: Visit) -> Mapping[str, Any]:
    stream = visit.query.get("stream", "").strip()
    if not stream:
        return {"values": None}
    try:
        UUID(stream)
    except ValueError as error:
        raise Said("invalid-query", "stream: the id of a person, an employment, a unit") from error
    told = await visit.ask("/imports/trace", stream=stream, field=visit.query.get("field"))
    say = visit.say
    return {
        "values": Table(
            name="trace",
            caption=say("Where the values come from"),
            rows=told["values"],
            empty=say("Nothing of it was imported."),
            columns=(
                Column(label=say("Field"), value=lambda each: each["field"]),
                Column(label=say("Value"), value=lambda each: each["value"]),
                Column(
                    label=say("Import"),
                    value=lambda each: each["import_code"],
                    href=lambda each: f"{HOME}/imports/{each['import_id']}",
                ),
                Column(
                    label=say("Place"),
                    value=lambda each: say(
                        "{file}, row {row}", file=each["sheet"] or each["file"], row=each["row"]
                    ),
                ),
                Column(label=say("Column"), value=lambda each: each["column"]),
                Column(label=say("Hash of the file"), value=lambda each: each["file_sha256"][:16]),
                Column(
                    label=say("It was mended"),
                    value=lambda each: "; ".join(
                        f"{fix['old']} → {fix['new']} ({fix['rule']})" for fix in each["fixes"]
                    ),
                ),
            ),
        )
    }


PAGES = (
    Page(
        path="/imports",
        title="Imports",
        template="imports.html",
        load=_imports,
        roles=READERS,
        does=("/imports/jobs",),
        menu="system",
    ),
    Page(
        path="/imports/trace",
        title="Trace of a value",
        template="import_trace.html",
        load=_trace,
        roles=READERS,
        menu="system",
    ),
    Page(
        path="/imports/{import_id}",
        title="Import",
        template="import.html",
        load=_import,
        roles=READERS,
        does=(
            "/imports/jobs",
            "/imports/{import_id}/fixes",
            "/imports/{import_id}/exclusions",
            "/imports/{import_id}/comparisons",
            "/imports/{import_id}/sign-off",
        ),
    ),
)
