"""Rows that tell of the same thing: merged by the mapping's rule, or found to be doubtful."""

from difflib import SequenceMatcher

from ops.onboarding.entities import ENTITIES
from ops.onboarding.mapping import Mapping
from ops.onboarding.recipes import KEY_SEPARATOR
from ops.onboarding.verdicts import SOUND, Verdicts

GROUP_MAX = 60
LIKENESS = 0.86
DUPLICATES = f"""
SELECT entity, key, count(*), count(DISTINCT body) FROM record r
WHERE merged IS NULL AND {SOUND.format("r")} GROUP BY entity, key HAVING count(*) > 1
"""  # noqa: S608  # our own constant


class Matching:
    """Merges, twins, and keys that were made by a rule."""

    def __init__(self, verdicts: Verdicts, mapping: Mapping) -> None:
        self._verdicts, self._mapping = verdicts, mapping

    def check(self) -> None:
        """Merge, and ask what cannot be merged."""
        self._merges()
        # A thousand rows may tell of one unit; whoever refers to it asks for the one that is kept.
        self._verdicts.kept.connection.execute(
            "CREATE INDEX record_live ON record (entity, key) WHERE merged IS NULL"
        )
        for question in (self._doubtful, self._duplicates):
            question()
            self._verdicts.flush()

    def _merges(self) -> None:
        for number, recipe in enumerate(self._mapping.records):
            match recipe.merge:
                case "first" | "same":
                    self._merge(number, "min")
                case "last":
                    self._merge(number, "max")
                case "changes":
                    self._changes(number, recipe.entity)
                case "each":
                    continue
            if recipe.merge == "same":
                self._unequal(number)

    def _merge(self, recipe: int, which: str) -> None:
        chosen = (
            f"SELECT key, {which}(id) AS kept FROM record r"  # noqa: S608  # min or max
            f" WHERE recipe = ? AND {SOUND.format('r')} GROUP BY key HAVING count(*) > 1"
        )
        self._verdicts.kept.connection.execute("DROP TABLE IF EXISTS temp.chosen")
        self._verdicts.kept.connection.execute(
            "CREATE TEMP TABLE chosen (key TEXT PRIMARY KEY, kept INTEGER) WITHOUT ROWID"
        )
        self._verdicts.kept.connection.execute(f"INSERT INTO chosen {chosen}", (recipe,))
        self._verdicts.kept.connection.execute(
            "UPDATE record SET merged = c.kept FROM chosen c"
            " WHERE record.recipe = ? AND record.key = c.key AND record.id <> c.kept",
            (recipe,),
        )

    def elect_again(self) -> None:
        """What a row in quarantine told, another that says the same tells in its place."""
        connection = self._verdicts.kept.connection
        for kept, recipe in connection.execute(
            "SELECT DISTINCT k.id, k.recipe FROM record k JOIN quarantined q ON q.row = k.row"
            " JOIN record m ON m.merged = k.id AND m.id <> k.id WHERE k.merged IS NULL"
        ).fetchall():
            rule = self._mapping.records[recipe].merge
            if rule == "changes":
                continue
            which = "max" if rule == "last" else "min"
            (chosen,) = connection.execute(
                f"SELECT {which}(r.id) FROM record r"  # noqa: S608  # min or max
                f" WHERE r.merged = ? AND {SOUND.format('r')}",
                (kept,),
            ).fetchone()
            if chosen is not None:
                connection.execute("UPDATE record SET merged = ? WHERE merged = ?", (chosen, kept))
                connection.execute("UPDATE record SET merged = ? WHERE id = ?", (chosen, kept))
                connection.execute("UPDATE record SET merged = NULL WHERE id = ?", (chosen,))

    def _unequal(self, recipe: int) -> None:
        for rid, template, key, other in self._verdicts.kept.connection.execute(
            "SELECT r.row, r.template, r.key, k.row FROM record r JOIN record k ON k.id = r.merged"
            " WHERE r.recipe = ? AND r.state <> k.state ORDER BY r.id",
            (recipe,),
        ).fetchall():
            self._verdicts.found(
                (rid, template, self._verdicts.key_field(template)),
                "unequal-twins",
                f"rows with one key must say the same; "
                f"{self._verdicts.where(other)} says something else",
                shown(key),
                "correct one of them, or merge by first or last",
            )

    def _changes(self, recipe: int, entity: str) -> None:
        """A state that is the one before it is no change; the first is the employment's own."""
        self._verdicts.kept.connection.execute(
            "UPDATE record SET merged = c.kept FROM ("  # noqa: S608  # our own constant
            " SELECT id, CASE WHEN number <= ?2 OR state = former THEN previous END AS kept FROM ("
            "  SELECT id, state, lag(state) OVER w AS former, row_number() OVER w AS number,"
            "   coalesce(lag(id) OVER w, id) AS previous FROM record r"
            f"   WHERE recipe = ?1 AND {SOUND.format('r')}"
            "   WINDOW w AS (PARTITION BY employment ORDER BY begins, id))) c"
            " WHERE record.id = c.id AND c.kept IS NOT NULL",
            (recipe, 1 if entity == "assignment" else 0),
        )

    def _duplicates(self) -> None:
        for entity, key, _, different in self._verdicts.kept.connection.execute(
            DUPLICATES
        ).fetchall():
            rows = self._verdicts.kept.connection.execute(
                "SELECT row, template FROM record WHERE entity = ? AND key = ? AND merged IS NULL"
                " ORDER BY id",
                (entity, key),
            ).fetchall()
            first = rows[0][0]
            for place, (rid, template) in enumerate(rows):
                # Twins that say the same need only one of them; where they differ, nobody here
                # can tell which is right, so all wait for somebody who can.
                if different == 1 and place == 0:
                    continue
                other = rows[1][0] if place == 0 else first
                self._verdicts.found(
                    (rid, template, self._verdicts.key_field(template)),
                    "duplicate-row" if different == 1 else "duplicate-key",
                    f"{ENTITIES[entity]} {key!r} is also told by {self._verdicts.where(other)}",
                    shown(key),
                    "exclude the repeated row"
                    if different == 1
                    else "correct the key of one, or say in the mapping how to merge them",
                )

    # -- keys made by a rule

    def _doubtful(self) -> None:
        for number, recipe in enumerate(self._mapping.records):
            match = recipe.match
            if match is None:
                continue
            if match.within:
                self._twice(number, match.rule, match.within)
            if match.near_same:
                self._near(number)

    def _twice(self, recipe: int, rule: str, within: str) -> None:
        doubtful = (
            "SELECT DISTINCT key FROM (SELECT key, count(*) AS times FROM record r"  # noqa: S608
            f" WHERE recipe = ?1 AND {SOUND.format('r')} GROUP BY key, within) WHERE times > 1"
        )
        for rid, template, key, where in self._verdicts.kept.connection.execute(
            "SELECT row, template, key, within FROM record WHERE recipe = ?1"  # noqa: S608
            f" AND key IN ({doubtful}) ORDER BY id",
            (recipe,),
        ).fetchall():
            self._verdicts.found(
                (rid, template, self._verdicts.key_field(template)),
                "doubtful-match",
                f"{rule}; this key is there twice within one {within.lstrip('@')} ({where}):"
                " two people, or two posts of one",
                shown(key),
                "ask the customer; then give the rows keys of their own, or exclude one",
            )

    def _near(self, recipe: int) -> None:
        """Keys that differ a little and never stand side by side: perhaps one person."""
        groups = self._verdicts.kept.connection.execute(
            "SELECT near, group_concat(DISTINCT key) FROM record WHERE recipe = ?"
            " AND merged IS NULL AND near IS NOT NULL GROUP BY near"
            " HAVING count(*) BETWEEN 2 AND ?",
            (recipe, GROUP_MAX),
        ).fetchall()
        for near, _ in groups:
            rows = self._verdicts.kept.connection.execute(
                "SELECT r.key, r.alike, r.row, r.template, (SELECT group_concat(o.within, ' ')"
                " FROM record o WHERE o.entity = r.entity AND o.key = r.key"
                " AND o.recipe = r.recipe) FROM record r WHERE r.recipe = ? AND r.near = ?"
                " AND r.near IS NOT NULL AND r.merged IS NULL ORDER BY r.id",
                (recipe, near),
            ).fetchall()
            for place, (key, alike, rid, template, within) in enumerate(rows):
                for other in rows[:place]:
                    together = set((within or "").split()) & set((other[4] or "").split())
                    if not together and _like(alike or "", other[1] or ""):
                        self._verdicts.found(
                            (rid, template, self._verdicts.key_field(template)),
                            "maybe-the-same",
                            f"{key!r} and {other[0]!r} "
                            f"({self._verdicts.where(other[2])}) are never there"
                            " together and much alike: perhaps one person",
                            alike,
                            "if they are one, correct the name in one of the files",
                            warning=True,
                        )


def shown(key: str) -> str:
    """What a cell says of a key of several parts."""
    return key.partition(KEY_SEPARATOR)[0]


def _like(one: str, other: str) -> bool:
    matcher = SequenceMatcher(None, one, other)
    return matcher.real_quick_ratio() >= LIKENESS and matcher.ratio() >= LIKENESS
