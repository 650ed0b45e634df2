"""The command that mends: merit onboard clean."""

from pathlib import Path
from uuid import UUID

import msgspec
from rich.table import Table

from domain.migration import CellFix, ExcludeRows, FixCells, Place
from domain.migration_decisions import IMPORT
from ops.cli.common import COMMON, Common, Exit, WrongInput, run, table, told
from ops.cli.onboard_app import SHOWN_MAX, WORK, As, Many, Tenant, onboard
from ops.onboarding import batches
from ops.onboarding.batches import Batch
from ops.onboarding.installation import actor_of, place_of, stamps
from ops.onboarding.rechecking import Held, held_of, recheck
from ops.onboarding.records import Finding
from ops.onboarding.workspace import Workspace


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that keeps its row out."""

    file: str
    sheet: str
    row: int
    column: str
    rule: str
    value: str | None
    fix: str | None
    """What the check would make of it."""


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """Where a batch stands: rows in = ready + quarantined + excluded."""

    import_id: UUID
    code: str
    stage: str
    rows: int
    ready: int
    quarantined: int
    excluded: int
    fixed: int
    """Cells mended by this run."""
    by_rule: dict[str, int]
    findings: list[Quarantined]
    """The first fifty."""

    def sentence(self) -> str:
        """The books: every row is somewhere."""
        return (
            f"{self.code}: {self.rows} rows in = {self.ready} ready + {self.quarantined} in "
            f"quarantine + {self.excluded} excluded; {self.fixed} cells mended now"
        )


@onboard.command
def clean(
    code: str,
    *,
    work: Path = WORK,
    source: Path | None = None,
    owner: str = "",
    apply: Many = (),
    fix: Many = (),
    exclude: Many = (),
    reason: str = "",
    tenant: Tenant = None,
    who: As = None,
    common: Common = COMMON,
) -> int:
    """Bring what a check has found into history, mend it, and show what is in quarantine.

    Args:
        code: What the batch is called; it begins with the first clean.
        work: The folder that `merit onboard check` wrote to.
        source: Where the files are, if no longer where they were checked.
        owner: The migration engineer who answers for the batch, by name; for the first time.
        apply: A rule whose suggested fixes are all made, such as bad-date; "all" for every rule.
        fix: One cell, as FILE:SHEET:ROW:COLUMN=TEXT (the sheet may be empty).
        exclude: One row, as FILE:SHEET:ROW, that is not to be migrated; say why with --reason.
        reason: Why rows are excluded.
        tenant: Whose history; not needed where there is only one.
        who: Who does it: a person's number or id.
        common: Options of every command.
    """

    async def go() -> int:
        async with place_of(common.settings, tenant) as place:
            new_stamp = stamps(actor_of(who))
            checked = Workspace.open(work)
            batch = await batches.find(place.store, code)
            if batch is None:
                if not owner:
                    raise WrongInput("a new batch needs its engineer: --owner NAME")
                _digested(checked)
                batch = await batches.bring_in(place.store, checked, code, owner, new_stamp())
            fixes = [*_by_rule(checked, apply), *(_cell(checked, text) for text in fix)]
            places = tuple(_row(checked, text) for text in exclude)
            on = batch.import_id
            for few in batches.portions(fixes, batches.AT_ONCE):
                await place.store.execute(IMPORT, on, FixCells(fixes=tuple(few)), new_stamp())
            if places:
                left_out = ExcludeRows(places=places, reason=reason)
                await place.store.execute(IMPORT, on, left_out, new_stamp())
            held = await held_of(place.store, checked, on)
            if fixes or places:
                checked.close()
                events = await batches.events_of(place.store, on)
                checked = recheck(work, source, batches.amendments(events))
                held = await held_of(place.store, checked, on)
                await batches.bring_in(place.store, held, code, owner, new_stamp())
            batch = await batches.batch_of(place.store, code)
            answer = _cleaned(batch, held, len(fixes))
            told(common, answer, _table(answer))
            return Exit.DONE

    return run(go())


def _digested(checked: Workspace) -> None:
    if not checked.report_digest:
        raise WrongInput("the check has no report: run merit onboard check again")


def _by_rule(checked: Workspace, rules: tuple[str, ...]) -> list[CellFix]:
    return [
        CellFix(
            place=Place(file=found.file, sheet=found.sheet, row=found.row),
            column=found.column,
            old=found.value or "",
            new=found.replacement,
            rule=found.code,
        )
        for found in (checked.findings("error") if rules else ())
        if found.row
        and found.replacement is not None
        and found.replacement != (found.value or "")
        and ("all" in rules or found.code in rules)
    ]


def _row(checked: Workspace, text: str) -> Place:
    name, _, rest = text.partition(":")
    sheet, _, row = rest.rpartition(":")
    numbers = [number for number, file in enumerate(checked.files) if file.name == name]
    if not numbers or not row.isdigit():
        raise WrongInput(f"{text} is not FILE:SHEET:ROW of the batch")
    return Place(file=numbers[0], sheet=sheet, row=int(row))


def _cell(checked: Workspace, text: str) -> CellFix:
    where, equals, new = text.partition("=")
    row, _, column = where.rpartition(":")
    if not equals:
        raise WrongInput(f"{text} is not FILE:SHEET:ROW:COLUMN=TEXT")
    place = _row(checked, row)
    said = [
        each.value
        for each in checked.findings()
        if (each.file, each.sheet, each.row, each.column)
        == (place.file, place.sheet, place.row, column)
    ]
    if not said:
        raise WrongInput(f"nothing was found wrong in {where}")
    return CellFix(place=place, column=column, old=said[0] or "", new=new, rule="by-hand")


def _cleaned(batch: Batch, held: Held, fixed: int) -> Cleaned:
    counts = held.counts()
    by_rule: dict[str, int] = {}
    shown: list[Quarantined] = []
    for found in held.findings("error"):
        by_rule[found.code] = by_rule.get(found.code, 0) + 1
        if len(shown) < SHOWN_MAX:
            shown.append(_shown(held, found))
    return Cleaned(
        import_id=batch.import_id,
        code=batch.code,
        stage=batch.state.stage,
        rows=counts.rows,
        ready=counts.ok,
        quarantined=counts.quarantined,
        excluded=counts.excluded,
        fixed=fixed,
        by_rule=by_rule,
        findings=shown,
    )


def _shown(held: Held, found: Finding) -> Quarantined:
    return Quarantined(
        file=held.files[found.file].name if found.file >= 0 else "",
        sheet=found.sheet,
        row=found.row,
        column=found.column,
        rule=found.code,
        value=found.value,
        fix=found.replacement,
    )


def _table(answer: Cleaned) -> Table:
    rows = table("file", "row", "column", "rule", "value", "fix", title=answer.sentence())
    for each in answer.findings:
        where = f"{each.file} {each.sheet}".strip()
        rows.add_row(where, str(each.row), each.column, each.rule, each.value or "", each.fix or "")
    return rows
