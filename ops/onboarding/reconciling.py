"""After a commit: what the source said against what the views show, record by record.

Both sides are told in one canonical line for each record, so that counts, sums and digests agree
exactly when every line does; where one does not, the row and both lines are named.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from domain.historical import RecordHistoricalFact, RecordHistoricalPay, RecordHistoricalRating
from domain.jobs import DefineJob
from domain.migration import RecordReconciliation
from domain.migration_decisions import IMPORT
from domain.money import Amount, Money, money_of
from domain.org_units import CreateOrgUnit
from domain.organisation import (
    Assignment,
    ChangeAssignment,
    HireEmployee,
    RegisterPerson,
    SetPayStructure,
    TerminateEmployment,
)
from ops.onboarding.actions import step_of
from ops.onboarding.batches import Batch, portions
from ops.onboarding.committing import Numbered, People
from ops.onboarding.origins import place_of
from ops.onboarding.records import Checked, RowRef
from projections import directory, historical
from projections.questions import View, get_many
from projections.tables import R, Table
from tenancy.bulk import Step
from tenancy.records import Stamp
from tenancy.store import Store

AT_ONCE = 500
NAMED_MAX = 1_000

Line = tuple[str, ...]


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """A record that the views do not show as the source says it."""

    entity: str
    key: str
    row: RowRef
    source: Line
    view: Line | None
    """None where the views do not know it."""


class Sum(msgspec.Struct, kw_only=True):
    """Of one entity and currency (or measure): how many, and how much."""

    count: int = 0
    total: Decimal = Decimal(0)


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What the comparison has come to."""

    compared: int
    differing: int
    differences: tuple[Differing, ...]
    """The first thousand."""
    source_digest: str
    views_digest: str
    source_sums: dict[str, Sum]
    view_sums: dict[str, Sum]
    seconds: float


class _Side:
    """One of the two: a digest over its lines, and sums."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.sums: dict[str, Sum] = {}

    def add(self, entity: str, line: Line | None, what: str, much: Decimal) -> None:
        self._digest.update(msgspec.json.encode((entity, line)))
        total = self.sums.setdefault(f"{entity} {what}".rstrip(), Sum())
        total.count += 1
        total.total += much

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


async def reconcile(
    store: Store,
    view: View,
    batch: Batch,
    checked: Checked,
    told: Callable[[int, int], None] | None = None,
) -> Reconciled:
    """Compare every record of a committed batch with the views, which have caught up."""
    began = datetime.now(UTC)
    people = People(store)
    source, views = _Side(), _Side()
    differences: list[Differing] = []
    compared = differing = 0
    sound = (
        Numbered(number, record)
        for number, record in checked.records()
        if batch.state.rows.of(place_of(record.row)) not in {"quarantined", "excluded"}
    )
    for few in portions(sound, AT_ONCE):
        await people.prepare(few)
        steps = [step_of(record, people.of) for _, record in few]
        shown = await _shown(view, steps)
        for (_, record), step in zip(few, steps, strict=True):
            said, (what, much) = said_by(step.command)
            line = _found(step, shown)
            source.add(record.entity, said, what, much)
            views.add(record.entity, line, what, much if line == said else Decimal(0))
            compared += 1
            if line != said:
                differing += 1
                if len(differences) < NAMED_MAX:
                    differences.append(
                        Differing(
                            entity=record.entity,
                            key=record.key,
                            row=record.row,
                            source=said,
                            view=line,
                        )
                    )
        if told is not None:
            told(compared, differing)
    return Reconciled(
        compared=compared,
        differing=differing,
        differences=tuple(differences),
        source_digest=source.digest,
        views_digest=views.digest,
        source_sums=source.sums,
        view_sums=views.sums,
        seconds=(datetime.now(UTC) - began).total_seconds(),
    )


async def record(store: Store, batch: Batch, reconciled: Reconciled, stamp: Stamp) -> None:
    """Let history know what the comparison has come to."""
    command = RecordReconciliation(
        compared=reconciled.compared,
        differing=reconciled.differing,
        source_digest=reconciled.source_digest,
        views_digest=reconciled.views_digest,
    )
    await store.execute(IMPORT, batch.import_id, command, stamp)


# -- what the source says


def _work(assignment: Assignment) -> Line:
    return (
        str(assignment.org_unit_id),
        str(assignment.job_id),
        assignment.cost_centre,
        str(assignment.manager_id or ""),
        format(assignment.fte.normalize(), "f"),
    )


def _exact(number: Decimal) -> str:
    return format(number.normalize(), "f") if number else "0"


def _money(amount: Amount) -> Line:
    money = money_of(amount)
    return str(money.minor), money.currency


NOTHING = ("", Decimal(0))


def said_by(command: object) -> tuple[Line, tuple[str, Decimal]]:
    """What a record says, in one line; and what of it adds up, with its unit."""
    match command:
        case CreateOrgUnit():
            line = (command.code, command.name, str(command.valid_from), str(command.parent_id))
            return line, NOTHING
        case DefineJob():
            band = (_exact(command.coefficient_min), _exact(command.coefficient_max))
            return (
                command.code,
                command.title,
                command.family,
                str(command.level),
                *band,
            ), NOTHING
        case RegisterPerson():
            return (command.number, command.name), NOTHING
        case HireEmployee():
            first = (command.number, str(command.person_id), str(command.hired_on))
            return (*first, *_work(command.assignment)), ("fte", command.assignment.fte)
        case ChangeAssignment():
            return (str(command.effective_from), *_work(command.assignment)), NOTHING
        case SetPayStructure():
            total = command.monthly_total
            share = _exact(command.performance_share)
            return (str(command.effective_from), *_money(total), share), (
                total.currency,
                total.amount,
            )
        case TerminateEmployment():
            return (str(command.last_day), command.leaver), NOTHING
        case _:
            return _said_of_the_past(command)


def _said_of_the_past(command: object) -> tuple[Line, tuple[str, Decimal]]:
    match command:
        case RecordHistoricalPay():
            parts = tuple(
                text for each in command.parts for text in (each.name, *_money(each.amount))
            )
            days = (str(command.starts_on), str(command.ends_on))
            line = (command.measure, command.period, *days, *_money(command.total), *parts)
            unit = f"{command.measure} {command.total.currency}"
            return line, (unit, command.total.amount)
        case RecordHistoricalRating():
            days = (str(command.starts_on), str(command.ends_on))
            rating = _exact(command.rating)
            line = (command.measure, command.period, *days, rating, command.label)
            return line, (command.measure, command.rating)
        case RecordHistoricalFact():
            day = str(command.occurred_on)
            told: Line = (
                command.measure,
                command.reference,
                day,
                day,
                _exact(command.value),
                command.label,
                command.unit,
            )
            return told, (command.measure, command.value)
        case _:
            raise TypeError(f"no record says {type(command).__name__}")


# -- what the views show


class _Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that a few records are shown in."""

    units: dict[UUID, directory.OrgUnit]
    jobs: dict[UUID, directory.Job]
    people: dict[UUID, directory.PersonRow]
    names: dict[UUID, str | None]
    employments: dict[UUID, directory.Employment]
    entries: dict[tuple[UUID, str, str], historical.Entry]


async def _rows(
    view: View, table: Table[R], steps: Sequence[Step], *commands: type
) -> dict[UUID, R]:
    ids = list({step.stream_id for step in steps if isinstance(step.command, commands)})
    if not ids:
        return {}
    return {table.key_of(row): row for row in await get_many(view, table, ids)}


OF_THE_PAST = f"""
SELECT {historical.ENTRIES.selected} FROM {historical.ENTRIES.name}
WHERE tenant_id = $1 AND build = {historical.ENTRIES.live}
AND (record_id, measure, reference) IN (SELECT * FROM unnest($2::uuid[], $3::text[], $4::text[]))
"""  # noqa: S608  own names


async def _shown(view: View, steps: Sequence[Step]) -> _Shown:
    people = await _rows(view, directory.PEOPLE, steps, RegisterPerson)
    opened = await view.reopen([row.named_at for row in people.values()])
    keys = [key for step in steps if (key := _key(step)) is not None]
    entries = {}
    if keys:
        records = await view.fetch(OF_THE_PAST, *(list(part) for part in zip(*keys, strict=True)))
        rows = [historical.ENTRIES.read(each) for each in records]
        entries = {(row.record_id, row.measure, row.reference): row for row in rows}
    return _Shown(
        units=await _rows(view, directory.ORG_UNITS, steps, CreateOrgUnit),
        jobs=await _rows(view, directory.JOBS, steps, DefineJob),
        people=people,
        names={each: opened[row.named_at].event.name for each, row in people.items()},
        employments=await _rows(
            view,
            directory.EMPLOYMENTS,
            steps,
            HireEmployee,
            ChangeAssignment,
            SetPayStructure,
            TerminateEmployment,
        ),
        entries=entries,
    )


def _key(step: Step) -> tuple[UUID, str, str] | None:
    match step.command:
        case RecordHistoricalPay() | RecordHistoricalRating():
            return step.stream_id, step.command.measure, step.command.period
        case RecordHistoricalFact():
            return step.stream_id, step.command.measure, step.command.reference
        case _:
            return None


def _found(step: Step, shown: _Shown) -> Line | None:
    key = _key(step)
    if key is not None:
        entry = shown.entries.get(key)
        return None if entry is None else _entry(entry)
    stream = step.stream_id
    if (person := shown.people.get(stream)) is not None:
        return person.number, shown.names[stream] or ""
    if (unit := shown.units.get(stream)) is not None:
        return unit.code, unit.names[0].name, str(unit.valid_from), str(unit.parents[0].parent_id)
    if (job := shown.jobs.get(stream)) is not None:
        grade = job.grades[0]
        band = (_exact(grade.coefficient_min), _exact(grade.coefficient_max))
        return job.code, job.title, job.family, str(grade.level), *band
    employment = shown.employments.get(stream)
    return None if employment is None else _of_employment(employment, step.command)


def _of_employment(row: directory.Employment, command: object) -> Line | None:
    match command:
        case HireEmployee():
            first = (row.number, str(row.person_id), str(row.hired_on))
            return (*first, *_work(row.assignments[0].assignment))
        case ChangeAssignment():
            day = command.effective_from
            works = [each for each in row.assignments if each.effective_from == day]
            return (str(day), *_work(works[0].assignment)) if works else None
        case SetPayStructure():
            return _paid(row, command.effective_from)
        case _:
            return None if row.last_day is None else (str(row.last_day), str(row.leaver))


def _paid(row: directory.Employment, day: date) -> Line | None:
    for each in row.pay_structures:
        if each.effective_from == day:
            total: Money = each.total
            share = _exact(each.performance_share)
            return str(day), str(total.minor), total.currency, share
    return None


def _entry(row: historical.Entry) -> Line:
    first: tuple[Any, ...] = (row.measure, row.reference, str(row.starts_on), str(row.ends_on))
    if row.kind == "pay":
        parts = (
            text
            for each in row.parts
            for text in (each.name, str(each.amount.minor), each.amount.currency)
        )
        return (*first, str(row.minor), str(row.currency), *parts)
    value = _exact(row.value or Decimal(0))
    return (*first, value, row.label) if row.kind == "rating" else (
        *first,
        value,
        row.label,
        row.unit,
    )  # fmt: skip
