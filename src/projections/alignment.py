"""The alignment tree: objectives of the company and its departments, and the goals that serve them.

Coverage is told in hundredths of a percent, rounded down, of the weight of all goals.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

import msgspec

from domain.appraisal import AppraisalCreated
from domain.goal_changes import GoalAligned
from domain.ids import goal_sheet_id
from domain.objective import ObjectiveDropped, ObjectiveSet
from projections.kernel import Projection
from projections.questions import LIMIT_DEFAULT, Page, View, get, page
from projections.tables import Build, Row, Table, begun
from tenancy.records import Recorded

NAME = "alignment"
VERSION = 1
WEIGHT_OF_A_SCHEME = 10**8
FULL_BP = 10_000


class Objective(Row, kw_only=True):
    """战略目标"""

    objective_id: UUID
    cycle_id: UUID
    code: str
    name: str
    org_unit_id: UUID | None
    """None: the company's."""
    serves: UUID | None
    dropped: bool = False
    version: int


class Aligned(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator of a person's goals, what it serves, and its weight in the scheme."""

    indicator: str
    objective_id: UUID
    weight: int


class Goals(Row, kw_only=True):
    """A person's goals in a cycle, and what they serve. 目标对齐"""

    goal_sheet_id: UUID
    appraisal_id: UUID
    cycle_id: UUID
    person_id: UUID
    org_unit_id: UUID
    aligned: tuple[Aligned, ...] = ()
    created_position: int


OBJECTIVES = Table(
    "objectives",
    Objective,
    projection=NAME,
    version=VERSION,
    key=("objective_id",),
    indexes=(("cycle_id", "code"),),
)
GOALS = Table(
    "aligned_goals",
    Goals,
    projection=NAME,
    version=VERSION,
    key=("goal_sheet_id",),
    indexes=(("cycle_id", "created_position"),),
)


def objective_step(row: Objective | None, recorded: Recorded) -> Objective:
    """The row's next state; pure."""
    event = recorded.event
    if isinstance(event, ObjectiveSet):
        return Objective(
            objective_id=recorded.stream_id,
            cycle_id=event.cycle_id,
            code=event.code,
            name=event.name,
            org_unit_id=event.org_unit_id,
            serves=event.serves,
            version=recorded.version,
        )
    row = begun(row, recorded)
    row.dropped, row.version = True, recorded.version
    return row


def goals_step(row: Goals | None, recorded: Recorded) -> Goals:
    """The row's next state; pure."""
    event = recorded.event
    if isinstance(event, AppraisalCreated):
        return Goals(
            goal_sheet_id=goal_sheet_id(recorded.stream_id),
            appraisal_id=recorded.stream_id,
            cycle_id=event.cycle_id,
            person_id=event.person_id,
            org_unit_id=event.org_unit_id,
            created_position=recorded.position,
        )
    row = begun(row, recorded)
    added: GoalAligned = event
    kept = (each for each in row.aligned if each.indicator != added.indicator)
    now = Aligned(indicator=added.indicator, objective_id=added.objective_id, weight=added.weight)
    row.aligned = (*kept, now)
    return row


OF_OBJECTIVES = frozenset({ObjectiveSet.TOPIC, ObjectiveDropped.TOPIC})
OF_GOALS = frozenset({AppraisalCreated.TOPIC, GoalAligned.TOPIC})


async def _apply(build: Build, batch: Sequence[Recorded]) -> None:
    of_objectives = [each for each in batch if each.topic in OF_OBJECTIVES]
    objectives = await OBJECTIVES.load(build, (each.stream_id for each in of_objectives))
    for recorded in of_objectives:
        objectives.fold(recorded.stream_id, recorded, objective_step)
    await objectives.save()
    of_goals = [(_sheet(each), each) for each in batch if each.topic in OF_GOALS]
    goals = await GOALS.load(build, (key for key, _ in of_goals))
    for key, recorded in of_goals:
        goals.fold(key, recorded, goals_step)
    await goals.save()


def _sheet(recorded: Recorded) -> UUID:
    created = recorded.topic == AppraisalCreated.TOPIC
    return goal_sheet_id(recorded.stream_id) if created else recorded.stream_id


ALIGNMENT = Projection(
    name=NAME,
    version=VERSION,
    topics=OF_OBJECTIVES | OF_GOALS,
    tables=(OBJECTIVES, GOALS),
    apply=_apply,
)


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """An objective in the tree, with what serves it directly and from below."""

    objective_id: UUID
    code: str
    name: str
    org_unit_id: UUID | None
    people: int
    """How many people's goals serve it, from below too."""
    weight_bp: int
    """Their weight, of the weight of all goals of the cycle, from below too."""
    below: tuple["Branch", ...]


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """Who serves what in a cycle, and how much of all goals serves anything. 目标对齐树"""

    cycle_id: UUID
    people: int
    """With goals in the cycle."""
    people_aligned: int
    """With at least one goal that serves an objective."""
    weight_bp: int
    """Weight of the goals that serve an objective, of the weight of all goals."""
    unserved: tuple[UUID, ...]
    """Objectives that nobody's goals serve, not even from below."""
    objectives: tuple[Branch, ...]
    """The company's, by code."""


def tree_of(cycle_id: UUID, objectives: Iterable[Objective], goals: Sequence[Goals]) -> Tree:
    """The tree; goals that serve what was dropped serve nothing."""
    standing = {each.objective_id: each for each in objectives if not each.dropped}
    # What stands below something dropped hangs in the air, and so serves nothing either.
    reached = {key for key in standing if _reaches_the_top(standing, key)}
    served: dict[UUID, list[tuple[UUID, int]]] = {key: [] for key in reached}
    for each in goals:
        for aligned in each.aligned:
            if aligned.objective_id in served:
                served[aligned.objective_id].append((each.person_id, aligned.weight))
    whole = len(goals) * WEIGHT_OF_A_SCHEME
    branches = [
        _branch(each, standing, served, whole)
        for each in sorted(standing.values(), key=lambda each: each.code)
        if each.serves is None
    ]
    everyone = [pair for pairs in served.values() for pair in pairs]
    return Tree(
        cycle_id=cycle_id,
        people=len({each.person_id for each in goals}),
        people_aligned=len({person for person, _ in everyone}),
        weight_bp=_part(everyone, whole),
        unserved=tuple(_unserved(branches)),
        objectives=tuple(branch for branch, _ in branches),
    )


_Pairs = list[tuple[UUID, int]]


def _reaches_the_top(standing: dict[UUID, Objective], key: UUID) -> bool:
    at: UUID | None = key
    while at is not None:
        if at not in standing:
            return False
        at = standing[at].serves
    return True


def _branch(
    of: Objective, standing: dict[UUID, Objective], served: dict[UUID, _Pairs], whole: int
) -> tuple[Branch, _Pairs]:
    below = [
        _branch(each, standing, served, whole)
        for each in sorted(standing.values(), key=lambda each: each.code)
        if each.serves == of.objective_id
    ]
    pairs = [*served[of.objective_id], *(pair for _, pairs in below for pair in pairs)]
    branch = Branch(
        objective_id=of.objective_id,
        code=of.code,
        name=of.name,
        org_unit_id=of.org_unit_id,
        people=len({person for person, _ in pairs}),
        weight_bp=_part(pairs, whole),
        below=tuple(each for each, _ in below),
    )
    return branch, pairs


def _part(pairs: _Pairs, whole: int) -> int:
    return sum(weight for _, weight in pairs) * FULL_BP // whole if whole else 0


def _unserved(branches: Iterable[tuple[Branch, _Pairs]]) -> Iterable[UUID]:
    waiting = [branch for branch, _ in branches]
    while waiting:
        branch = waiting.pop(0)
        if not branch.people:
            yield branch.objective_id
        waiting.extend(branch.below)


async def objectives(
    view: View,
    *,
    cycle_id: UUID | None = None,
    limit: int = LIMIT_DEFAULT,
    cursor: str | None = None,
) -> Page[Objective]:
    """Objectives by cycle and code."""
    return await page(
        view,
        OBJECTIVES,
        order=("cycle_id", "code"),
        where={"cycle_id": cycle_id},
        limit=limit,
        cursor=cursor,
    )


async def objective(view: View, objective_id: UUID) -> Objective | None:
    """The objective with this id."""
    return await get(view, OBJECTIVES, objective_id)


async def tree(view: View, cycle_id: UUID) -> Tree:
    """The whole tree of a cycle."""
    told = await view.fetch(OBJECTIVES_OF_CYCLE, cycle_id)
    goals = await view.fetch(GOALS_OF_CYCLE, cycle_id)
    return tree_of(
        cycle_id,
        [OBJECTIVES.read(record) for record in told],
        [GOALS.read(record) for record in goals],
    )


OBJECTIVES_OF_CYCLE = f"""
SELECT {OBJECTIVES.selected} FROM {OBJECTIVES.name}
WHERE tenant_id = $1 AND build = {OBJECTIVES.live} AND cycle_id = $2
"""  # noqa: S608  own names
GOALS_OF_CYCLE = f"""
SELECT {GOALS.selected} FROM {GOALS.name}
WHERE tenant_id = $1 AND build = {GOALS.live} AND cycle_id = $2
"""  # noqa: S608  own names
