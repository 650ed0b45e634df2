"""A company of any size with a quarter behind it, written into a tenant's log in bulk.

One person's quarter is carried out command by command, on the memory twin, by the product's own
deciders. What that wrote is then repeated for as many people as are wanted, with their own ids in
every place. So each history is one that the product could have written, and costs no hour to write.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from api import examples
from domain import ids
from domain.appraisal import CalculateInitialScore, CreateAppraisal, LockScore, PublishResult
from domain.appraisal_decisions import APPRAISAL
from domain.catalogue import EVENTS
from domain.cycle import CYCLE, AdvanceCycle, BindScheme, OpenCycle, PlanCycle
from domain.employment import EMPLOYMENT
from domain.facts import FACT_SHEET, RecordActual
from domain.goals import GOAL_SHEET, AgreeGoals, ProposeGoals
from domain.jobs import JOB, DefineJob
from domain.kernel import Decider
from domain.org_units import ORG_UNIT, CreateOrgUnit
from domain.organisation import PERSON, HireEmployee, RegisterPerson, SetPayStructure
from domain.payout import PrepareBatch
from domain.payout_batch import PAYOUT_BATCH
from domain.ratings import SubmitManagerRating, SubmitSelfRating
from domain.scheme import ApproveScheme, DraftScheme, PublishScheme
from domain.scheme_decisions import SCHEME
from tenancy.committer import Committer
from tenancy.keyring import Keyring
from tenancy.mapper import Mapper
from tenancy.memory import MemoryDatabase, MemoryWriter
from tenancy.records import Metadata, Recorded, Stamp
from tenancy.store import Histories

CYCLE_ID = ids.cycle_id("2025Q1")
MANAGER_ID = ids.person_id(examples.MANAGER)
TEMPLATE = UUID(examples.PERSON_ID)
BATCH = "2025Q1-1"
BEGAN = datetime(2025, 4, 1, 8, tzinfo=UTC)
ROWS_AT_ONCE = 20_000
OTHERS = tuple(UUID(f"00000000-0000-4000-8000-00000000000{n}") for n in range(1, 4))
"""Human resources, an executive, a machine: whoever acts and is nobody's manager."""

STAGES = ("organised", "appraised", "agreed", "measured", "scored", "rated", "locked", "paid")
"""How far a company has come. Each is written for everybody before the next one."""


class Part(msgspec.Struct, frozen=True):
    """What one stage wrote: once for the company, then once for each person."""

    stage: str
    common: tuple[Recorded, ...]
    each: tuple[Recorded, ...]


class Person(msgspec.Struct, frozen=True):
    """Somebody of the company."""

    number: int

    @property
    def person_id(self) -> UUID:
        return ids.person_id(f"P-1{self.number:06}")

    @property
    def employment_id(self) -> UUID:
        return ids.employment_id(f"E-1{self.number:06}")

    @property
    def appraisal_id(self) -> UUID:
        return ids.appraisal_id(CYCLE_ID, self.employment_id)

    def named(self) -> dict[str, str]:
        """What stands for the person of the template, and what for this one."""
        return dict(zip(_names(TEMPLATE, _EMPLOYMENT), self._names(), strict=True)) | {
            "P-1001": f"P-1{self.number:06}",
            "E-1001": f"E-1{self.number:06}",
            BATCH: f"2025Q1-1{self.number:06}",
            str(ids.batch_id(BATCH)): str(ids.batch_id(f"2025Q1-1{self.number:06}")),
        }

    def _names(self) -> tuple[str, ...]:
        return _names(self.person_id, self.employment_id)


_EMPLOYMENT = UUID(examples.EMPLOYMENT_ID)


def _names(person: UUID, employment: UUID) -> tuple[str, ...]:
    appraisal = ids.appraisal_id(CYCLE_ID, employment)
    found = (
        person,
        employment,
        appraisal,
        ids.goal_sheet_id(appraisal),
        ids.fact_sheet_id(CYCLE_ID, employment),
        ids.payout_id(appraisal, 1),
        ids.settlement_id(CYCLE_ID, employment),
    )
    return tuple(map(str, found))


Wish = tuple[Decider[Any], UUID, Any, UUID]
"""By whom what is decided, where, and who asks for it."""


def example(command: type[Any], **other: Any) -> Any:
    """The worked example of a command."""
    return msgspec.convert({**examples.EXAMPLES[command.__name__], **other}, command)


Stage = tuple[str, Sequence[Wish], Sequence[Wish]]
HR, EXECUTIVE, MACHINE = OTHERS
APPRAISAL_ID = ids.appraisal_id(CYCLE_ID, _EMPLOYMENT)


def _advance(to: Any) -> Wish:
    return CYCLE, CYCLE_ID, AdvanceCycle(to=to), HR


def _organised() -> Stage:
    unit, job = example(CreateOrgUnit), example(DefineJob)
    scheme = example(DraftScheme)
    scheme_id = ids.scheme_id(scheme.code)
    hired = example(HireEmployee)
    boss = HireEmployee(
        number=examples.MANAGER_EMPLOYMENT,
        person_id=MANAGER_ID,
        hired_on=date(2024, 1, 1),
        assignment=msgspec.structs.replace(hired.assignment, manager_id=None),
    )
    manager = RegisterPerson(number=examples.MANAGER, name="Manager")
    common = (
        (ORG_UNIT, ids.org_unit_id(unit.code), unit, HR),
        (JOB, ids.job_id(job.code), job, HR),
        (PERSON, MANAGER_ID, manager, HR),
        (EMPLOYMENT, ids.employment_id(boss.number), boss, HR),
        (SCHEME, scheme_id, scheme, HR),
        (SCHEME, scheme_id, ApproveScheme(version=1), EXECUTIVE),
        (SCHEME, scheme_id, PublishScheme(version=1), HR),
        (CYCLE, CYCLE_ID, example(PlanCycle), HR),
        (CYCLE, CYCLE_ID, example(BindScheme), HR),
        (CYCLE, CYCLE_ID, OpenCycle(), HR),
    )
    each = (
        (PERSON, TEMPLATE, example(RegisterPerson), HR),
        (EMPLOYMENT, _EMPLOYMENT, hired, HR),
        (EMPLOYMENT, _EMPLOYMENT, example(SetPayStructure), HR),
    )
    return "organised", common, each


def _agreed() -> Stage:
    sheet = ids.goal_sheet_id(APPRAISAL_ID)
    each = (
        (GOAL_SHEET, sheet, example(ProposeGoals, appraisal_id=APPRAISAL_ID), MANAGER_ID),
        (GOAL_SHEET, sheet, AgreeGoals(), TEMPLATE),
    )
    return "agreed", (), each


def _measured() -> Stage:
    sheet = ids.fact_sheet_id(CYCLE_ID, _EMPLOYMENT)
    actuals = (
        RecordActual(
            cycle_id=CYCLE_ID,
            employment_id=_EMPLOYMENT,
            indicator=indicator,
            value=Decimal(value),
            occurred_on=date(2025, 3, 31),
        )
        for indicator, value in (("contract", 1140000), ("collection", 702000), ("output", 1050000))
    )
    each = tuple((FACT_SHEET, sheet, actual, MACHINE) for actual in actuals)
    return "measured", (_advance("data-intake"),), each


def _rated() -> Stage:
    each = (
        (APPRAISAL, APPRAISAL_ID, example(SubmitSelfRating), TEMPLATE),
        (APPRAISAL, APPRAISAL_ID, example(SubmitManagerRating), MANAGER_ID),
    )
    return "rated", (), each


def _paid() -> Stage:
    batch = PrepareBatch(code=BATCH, cycle_id=CYCLE_ID, appraisal_ids=(APPRAISAL_ID,))
    each = (
        (APPRAISAL, APPRAISAL_ID, PublishResult(), HR),
        (PAYOUT_BATCH, ids.batch_id(BATCH), batch, MACHINE),
    )
    return "paid", (_advance("locked"), _advance("paying")), each


def _wishes() -> Iterator[Stage]:
    yield _organised()
    taken = CreateAppraisal(cycle_id=CYCLE_ID, employment_id=_EMPLOYMENT)
    yield "appraised", (), ((APPRAISAL, APPRAISAL_ID, taken, HR),)
    yield _agreed()
    yield _measured()
    scored = (APPRAISAL, APPRAISAL_ID, CalculateInitialScore(), HR)
    yield "scored", (_advance("rating"),), (scored,)
    yield _rated()
    locked = (APPRAISAL, APPRAISAL_ID, LockScore(), HR)
    yield "locked", (_advance("comparison"), _advance("calibration")), (locked,)
    yield _paid()


async def template() -> tuple[Part, ...]:
    """One person's quarter, as the deciders decide it."""
    database = MemoryDatabase()
    committer = Committer(lambda: MemoryWriter(database))
    histories = Histories(database, Keyring.in_memory(), EVENTS, committer)
    tenant_id = UUID(int=1)
    database.create_tenant(tenant_id)
    store = await histories.of(tenant_id)
    clock = (BEGAN + timedelta(hours=hour) for hour in itertools.count())

    async def carried_out(wishes: Sequence[Wish]) -> tuple[Recorded, ...]:
        before = await store.head()
        for decider, stream_id, command, actor in wishes:
            await store.execute(decider, stream_id, command, Stamp(now=next(clock), actor=actor))
        return tuple(await store.log(before))

    parts = [
        Part(stage, await carried_out(common), await carried_out(each))
        for stage, common, each in _wishes()
    ]
    await committer.close()
    return tuple(parts)


class Company:
    """So many people; writes their quarter, stage by stage, into one tenant."""

    def __init__(self, tenant_id: UUID, people: int, parts: Sequence[Part], owner_url: str) -> None:
        self.tenant_id = tenant_id
        self.people = [Person(number) for number in range(1, people + 1)]
        self._parts = {part.stage: part for part in parts}
        self._owner_url = owner_url
        self._classes = {event.TOPIC: event for event in EVENTS}
        self._own = frozenset(str(each.event_id) for part in parts for each in part.each)

    async def write(self, keyring: Keyring, *stages: str) -> int:
        """Write these stages behind what there is; how many events that were."""
        mapper = Mapper(self.tenant_id, await keyring.of(self.tenant_id), EVENTS)
        connection = await asyncpg.connect(self._owner_url, command_timeout=900)
        try:
            found = await connection.fetchval(HEAD, self.tenant_id)
            before = position = found or 0
            events = (each for stage in stages for each in self._events(self._parts[stage]))
            while batch := list(itertools.islice(events, ROWS_AT_ONCE)):
                await mapper.prepare((each.stream_id, each.event) for each in batch)
                rows = []
                for each in batch:
                    position += 1
                    row = mapper.seal(
                        each.stream_id, each.version, each.event, each.metadata, each.recorded_at
                    )
                    rows.append((self.tenant_id, position, *(getattr(row, c) for c in SEALED)))
                await connection.copy_records_to_table(
                    "events",
                    schema_name="merit",
                    records=rows,
                    columns=["tenant_id", "position", *SEALED],
                    timeout=900,
                )
            async with connection.transaction():
                await connection.execute(STREAMS, self.tenant_id, before)
                await connection.execute(SET_HEAD, self.tenant_id, position)
            return position - before
        finally:
            await connection.close()

    def _events(self, part: Part) -> Iterator[Recorded]:
        yield from part.common
        copies = [self._copier(each) for each in part.each]
        for person in self.people:
            named = person.named()
            for copy in copies:
                yield copy(person, named)

    def _copier(self, recorded: Recorded) -> Callable[[Person, dict[str, str]], Recorded]:
        """Makes of the template's event that of another person."""
        topic = self._classes[recorded.topic]
        content = msgspec.json.encode(recorded.event).decode()
        metadata = msgspec.json.encode(recorded.metadata).decode()
        read = msgspec.json.Decoder(topic).decode
        envelope = msgspec.json.Decoder(Metadata).decode

        def copy(person: Person, named: dict[str, str]) -> Recorded:
            def name(found: re.Match[str]) -> str:
                told = named.get(found[0])
                if told is None:
                    # An event of the template itself is another one for everybody.
                    own = found[0] in self._own
                    told = f"{found[0][:-8]}{person.number:08x}" if own else found[0]
                return told

            return Recorded(
                event=read(_NAME.sub(name, content)),
                stream_id=UUID(_NAME.sub(name, str(recorded.stream_id))),
                version=recorded.version,
                position=0,
                topic=recorded.topic,
                recorded_at=recorded.recorded_at + timedelta(milliseconds=person.number),
                metadata=envelope(_NAME.sub(name, metadata)),
            )

        return copy


SEALED = ("stream_id", "version", "topic", "recorded_at", "metadata", "payload", "personal")
_NAME = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[PE]-1001(?![0-9])|2025Q1-1(?![0-9])"
)

HEAD = "SELECT head FROM merit.heads WHERE tenant_id = $1"
SET_HEAD = """
INSERT INTO merit.heads (tenant_id, head) VALUES ($1, $2)
ON CONFLICT (tenant_id) DO UPDATE SET head = excluded.head
"""
STREAMS = """
INSERT INTO merit.streams (tenant_id, stream_id, version, position, moved)
SELECT tenant_id, stream_id, max(version), max(position), max(version) > 1 FROM merit.events
WHERE tenant_id = $1 AND position > $2 GROUP BY tenant_id, stream_id
ON CONFLICT (tenant_id, stream_id)
DO UPDATE SET version = excluded.version, position = excluded.position, moved = true
"""
