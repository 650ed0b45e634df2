"""The order in which sound records can be carried out: what is referred to comes first."""

from ops.onboarding.entities import ENTITIES
from ops.onboarding.verdicts import SOUND
from ops.onboarding.workspace import Workspace

NESTED = {"org_unit": "parent", "employment": "manager"}


def make_ready(workspace: Workspace) -> None:
    """Number the sound records; of nested entities, parents before children."""
    connection = workspace.connection
    for place, entity in enumerate(ENTITIES):
        if entity in NESTED:
            _rank(workspace, place, NESTED[entity])
            order = "(SELECT depth FROM temp.depth d WHERE d.key = r.key), begins, id"
        else:
            order = "begins, id"
        connection.execute(
            "INSERT INTO ready (entity, record) SELECT entity, id FROM record r"  # noqa: S608  # ours
            f" WHERE entity = ? AND merged IS NULL AND key <> '' AND {SOUND.format('r')}"
            f" ORDER BY {order}",
            (place,),
        )


def _rank(workspace: Workspace, entity: int, column: str) -> None:
    """How far each key of a nested entity is from a top; loops were found before."""
    connection = workspace.connection
    above = dict(
        connection.execute(
            f"SELECT key, {column} FROM record WHERE entity = ?"  # noqa: S608  # our own columns
            f" AND merged IS NULL AND {column} IS NOT NULL",
            (entity,),
        )
    )
    depth: dict[str, int] = {}
    for begun in above:
        path = []
        at = begun
        while at in above and at not in depth:
            depth[at] = 0
            path.append(at)
            at = above[at]
        base = depth.get(at, 0)
        for step, key in enumerate(reversed(path), start=1):
            depth[key] = base + step
    connection.execute("DROP TABLE IF EXISTS temp.depth")
    connection.execute(
        "CREATE TEMP TABLE depth (key TEXT PRIMARY KEY, depth INTEGER) WITHOUT ROWID"
    )
    connection.executemany("INSERT INTO temp.depth VALUES (?, ?)", sorted(depth.items()))
