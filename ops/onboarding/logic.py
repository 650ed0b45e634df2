"""The second check, 逻辑校验: what one row says against what the others say.

Keys, references, overlaps, days before the hire, loops in the reporting lines; asked of the
workspace in SQL, so that no more than one column of one entity is ever in memory.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from ops.onboarding.entities import ENTITIES
from ops.onboarding.mapping import Mapping
from ops.onboarding.matching import Matching
from ops.onboarding.recipes import REFERENCES
from ops.onboarding.records import Entity
from ops.onboarding.verdicts import SOUND, Verdicts
from ops.onboarding.workspace import Workspace

NAMES_TO_COMPARE = 3000
OF: dict[str, Entity] = {
    "person": "person",
    "employment": "employment",
    "org_unit": "org_unit",
    "job": "job",
    "manager": "employment",
    "parent": "org_unit",
}
OVERLAPS = f"""
SELECT row, template, begins, ends, before, before_ends, other FROM (
    SELECT row, template, begins, ends, entity,
        lag(begins) OVER w AS before, lag(ends) OVER w AS before_ends, lag(row) OVER w AS other
    FROM record r WHERE merged IS NULL AND employment IS NOT NULL AND begins IS NOT NULL
        AND entity = ?1 AND {SOUND.format("r")}
    WINDOW w AS (PARTITION BY employment{{by}} ORDER BY begins, id))
WHERE before_ends IS NOT NULL AND before_ends {{than}} begins
"""  # noqa: S608  # our own constants
BEFORE_HIRE = """
SELECT r.row, r.template, coalesce(r.ends, r.begins), e.begins, e.row FROM record r
JOIN record e INDEXED BY record_live ON e.entity = ?2 AND e.key = r.employment AND e.merged IS NULL
WHERE r.merged IS NULL AND r.entity = ?1 AND coalesce(r.ends, r.begins) < e.begins
"""
AFTER_LEAVING = """
SELECT r.row, r.template, r.begins, t.begins, t.row FROM record r
JOIN record t INDEXED BY record_live ON t.entity = ?2 AND t.key = r.employment AND t.merged IS NULL
WHERE r.merged IS NULL AND r.entity = ?1 AND r.begins > t.begins
"""


class Logic:
    """All questions across rows, one after the other; each adds findings and quarantine."""

    def __init__(self, workspace: Workspace, mapping: Mapping) -> None:
        self._verdicts, self._mapping = Verdicts(workspace), mapping

    def check(self) -> None:
        """Ask them all."""
        matching = Matching(self._verdicts, self._mapping)
        matching.check()
        for question in (
            self._references,
            self._loops,
            self._overlaps,
            self._against_hire,
            self._cascade,
        ):
            question()
            self._verdicts.flush()
        matching.elect_again()

    def _ask(self, question: str, values: Sequence[object]) -> list[Any]:
        return self._verdicts.kept.connection.execute(question, values).fetchall()

    # -- references

    def _references(self) -> None:
        for column in REFERENCES:
            target = ENTITIES.index(OF[column])
            names = self._names(target)
            for rid, template, said in self._ask(
                f"SELECT r.row, r.template, r.{column} FROM record r"  # noqa: S608  # our columns
                f" WHERE r.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM record t"
                f" WHERE t.entity = ? AND t.key = r.{column}) ORDER BY r.id",
                (target,),
            ):
                near = get_close_matches(said, names, 1, 0.8) if names else []
                field = self._field(template, column)
                self._verdicts.found(
                    (rid, template, field),
                    "unknown-reference",
                    f"no row tells of {OF[column]} {said!r}",
                    said,
                    f"perhaps {near[0]!r}" if near else "add what is missing, or exclude the row",
                    replacement=near[0] if near else None,
                )

    def _field(self, template: int, column: str) -> str:
        fields = {name for name, _, _ in self._verdicts.kept.template(template).slots}
        return column if column in fields else "subject"

    def _names(self, entity: int) -> list[str]:
        question = "SELECT DISTINCT key FROM record WHERE entity = ? LIMIT ?"
        rows = self._ask(question, (entity, NAMES_TO_COMPARE + 1))
        found = [str(key) for (key,) in rows]
        return found if len(found) <= NAMES_TO_COMPARE else []

    def _loops(self) -> None:
        for entity, column in (("org_unit", "parent"), ("employment", "manager")):
            above = {
                key: (up, rid, template)
                for key, up, rid, template in self._ask(
                    f"SELECT key, {column}, row, template FROM record"  # noqa: S608  # our columns
                    f" WHERE entity = ? AND {column} IS NOT NULL AND merged IS NULL ORDER BY id",
                    (ENTITIES.index(entity),),
                )
            }
            for loop in _loops(above):
                for key in loop:
                    up, rid, template = above[key]
                    self._verdicts.found(
                        (rid, template, column),
                        "reporting-loop",
                        f"goes round: {' -> '.join([*loop[:6], loop[0]])}",
                        up,
                        "one of them has no superior, or another one",
                    )

    # -- days

    def _overlaps(self) -> None:
        for entity, by, than in (
            ("assignment", "", ">"),
            ("pay_history", ", substr(key, 1, length(key) - instr(key, ' · '))", ">="),
        ):
            if entity == "pay_history" and len(self._measures()) != 1:
                continue
            question = OVERLAPS.format(by="" if entity == "pay_history" else by, than=than)
            for rid, template, begins, _, _, before_ends, other in self._ask(
                question,
                (ENTITIES.index(entity),),
            ):
                field = "effective_from" if entity == "assignment" else "starts_on"
                self._verdicts.found(
                    (rid, template, field),
                    "overlap",
                    f"begins before {self._verdicts.where(other)} ends ({before_ends})",
                    begins,
                    "end the earlier one the day before, or begin the later one then",
                )

    def _measures(self) -> set[str]:
        return {
            str(recipe.fields.get("measure"))
            for recipe in self._mapping.records
            if recipe.entity == "pay_history"
        }

    def _against_hire(self) -> None:
        employment = ENTITIES.index("employment")
        for entity, field, warning in (
            ("assignment", "effective_from", False),
            ("termination", "last_day", False),
            ("pay_structure", "effective_from", True),
            ("pay_history", "ends_on", True),
            ("score_history", "ends_on", True),
            ("fact", "occurred_on", True),
        ):
            for rid, template, day, hired, other in self._ask(
                BEFORE_HIRE,
                (ENTITIES.index(entity), employment),
            ):
                self._verdicts.found(
                    (rid, template, field),
                    "before-hire",
                    f"is before the hire on {hired} ({self._verdicts.where(other)})",
                    day,
                    "correct one of the two days",
                    warning=warning,
                )
        termination = ENTITIES.index("termination")
        for entity, field in (
            ("assignment", "effective_from"),
            ("pay_structure", "effective_from"),
            ("pay_history", "starts_on"),
            ("score_history", "starts_on"),
            ("fact", "occurred_on"),
        ):
            for rid, template, day, left, other in self._ask(
                AFTER_LEAVING,
                (ENTITIES.index(entity), termination),
            ):
                self._verdicts.found(
                    (rid, template, field),
                    "after-leaving",
                    f"is after the last day {left} ({self._verdicts.where(other)})",
                    day,
                    "correct one of the two days, or exclude the row",
                    warning=True,
                )

    # -- what rests on rows in quarantine

    def _cascade(self) -> None:
        """Until nothing changes: whoever refers to what is kept out is kept out as well."""
        found = 1
        while found:
            found = sum(self._cascade_once(column) for column in REFERENCES)

    def _cascade_once(self, column: str) -> int:
        rows = list(self._resting(column))
        for rid, template, said in rows:
            self._verdicts.found(
                (rid, template, self._field(template, column)),
                "rests-on-quarantine",
                f"{OF[column]} {said!r} is itself in quarantine or excluded",
                said,
                "mend that first; this row is then sound by itself",
            )
        self._verdicts.flush()
        return len(rows)

    def _resting(self, column: str) -> Iterator[tuple[int, int, str]]:
        question = (
            f"SELECT DISTINCT r.row, r.template, r.{column} FROM record r"  # noqa: S608  # ours
            f" WHERE r.{column} IS NOT NULL AND {SOUND.format('r')} AND NOT EXISTS"
            # Of many rows that tell of one thing, one that is sound is enough.
            " (SELECT 1 FROM record t INDEXED BY record_key WHERE t.entity = ?"
            f" AND t.key = r.{column} AND {SOUND.format('t')}) ORDER BY r.id"
        )
        target = ENTITIES.index(OF[column])
        if self._verdicts.kept.one("SELECT count(*) FROM quarantined") or self._verdicts.kept.one(
            "SELECT count(*) FROM excluded"
        ):
            yield from self._ask(question, (target,))


def _loops(above: dict[str, tuple[str, int, int]]) -> Iterator[list[str]]:
    """Each loop of a relation in which everybody has at most one above."""
    seen: dict[str, int] = {}
    for start, begun in enumerate(above):
        path: list[str] = []
        at = begun
        while at in above and at not in seen:
            seen[at] = start
            path.append(at)
            at = above[at][0]
        if at in above and seen.get(at) == start and at in path:
            yield path[path.index(at) :]
