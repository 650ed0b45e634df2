"""Findings of checks across rows: addressed to the cell, and the rows with errors kept out."""

from ops.onboarding.entities import FIELDS
from ops.onboarding.records import Finding
from ops.onboarding.workspace import ROW_MASK, Workspace

BATCH = 5000
SOUND = (
    "NOT EXISTS (SELECT 1 FROM quarantined q WHERE q.row = {0}.row)"
    " AND NOT EXISTS (SELECT 1 FROM excluded x WHERE x.row = {0}.row)"
)
"""A condition in SQL: the record's row is neither in quarantine nor excluded."""


class Verdicts:
    """Findings that wait to be written."""

    def __init__(self, workspace: Workspace) -> None:
        self.kept = workspace
        self._waiting: list[Finding] = []
        self._bad: list[int] = []

    def flush(self) -> None:
        """Keep what was found so far."""
        self.kept.add_findings(self._waiting)
        self.kept.quarantine(self._bad)
        self._waiting, self._bad = [], []

    def found(
        self,
        at: tuple[int, int, str],
        code: str,
        rule: str,
        value: str | None,
        suggestion: str | None = None,
        *,
        warning: bool = False,
        replacement: str | None = None,
    ) -> None:
        """Write down what is wrong at (row, template, field); an error keeps the row out."""
        rid, template, field = at
        made = self.kept.template(template)
        columns = {name: places for name, places, _ in made.slots}.get(field) or [f"({field})"]
        self._waiting.append(
            Finding(
                code=code,
                check="logic",
                severity="warning" if warning else "error",
                file=made.file,
                sheet=made.sheet,
                row=rid & ROW_MASK,
                column=columns[0],
                value=value,
                rule=f"{made.entity}.{field}: {rule}",
                suggestion=suggestion,
                replacement=replacement,
            )
        )
        if not warning:
            self._bad.append(rid)
        if len(self._waiting) >= BATCH:
            self.flush()

    def where(self, rid: int) -> str:
        """The address of a row, for people."""
        ref = self.kept.ref(rid)
        sheet = f", {ref.sheet}" if ref.sheet else ""
        return f"{self.kept.files[ref.file].name}{sheet}, row {ref.row}"

    def key_field(self, template: int) -> str:
        """The field that a finding about a key is shown at."""
        return next(iter(FIELDS[self.kept.template(template).entity]))
