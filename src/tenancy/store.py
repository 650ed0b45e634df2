"""A tenant's history as the application uses it: read, carry out a command, follow the log."""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID

from tenancy.appending import Append
from tenancy.beginning import CLOSED, Beginning
from tenancy.bulk import Bulk
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.entropy import entropy
from tenancy.errors import Overtaken, Unavailable
from tenancy.event_ids import ENTROPY_BYTES, event_id, milliseconds
from tenancy.folding import by_stream, evolved
from tenancy.gates import Gates
from tenancy.idempotency import replay
from tenancy.keyring import Keyring
from tenancy.look import Context, Decides, Folded, Look, States, Unread, Wanted
from tenancy.mapper import Mapper
from tenancy.memory import MemoryDatabase, MemoryRecorder, MemoryWriter
from tenancy.recorder import Reading, Recorder
from tenancy.records import Idempotency, Metadata, Receipt, Recorded, Sealed, Stamp

S = TypeVar("S")

ATTEMPTS_MAX = 8
"""Decisions taken on what others had overtaken meanwhile."""
ROUNDS_MAX = 1000
"""Of one decision, each stopped by a look at what was not at hand."""
STORES_MAX = 10_000
JITTER_S = 0.002

_chance = random.SystemRandom()


class LogDamaged(RuntimeError):
    """The log does not hold what it must: a version is missing."""


class Asked(NamedTuple):
    """One call of `Store.execute`."""

    decider: Decides[Any]
    stream_id: UUID
    command: object
    stamp: Stamp
    expected_version: int | None
    idempotency: Idempotency | None


class Histories:
    """The histories of all tenants of this process.

    Args:
        database: where they are; or the memory twin's.
        keyring: opens and makes each tenant's keys.
        catalogue: every event class.
        committer: writes for all tenants.
        states: remembers folded states.
    """

    def __init__(
        self,
        database: Database | MemoryDatabase,
        keyring: Keyring,
        catalogue: Iterable[type[Any]],
        committer: Committer,
        *,
        states: States | None = None,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._catalogue = tuple(catalogue)
        self._committer = committer
        self._states = States() if states is None else states
        self._stores: OrderedDict[UUID, Store] = OrderedDict()
        self._opened = 0

    @classmethod
    def in_memory(cls, database: MemoryDatabase, catalogue: Iterable[type[Any]]) -> Self:
        """For tests: nothing is kept, everything else is as it is."""
        committer = Committer(lambda: MemoryWriter(database))
        return cls(database, Keyring.in_memory(), catalogue, committer)

    async def of(self, tenant_id: UUID) -> "Store":
        """The history of this tenant.

        Raises:
            UnknownTenant: there is none.
        """
        store = self._stores.get(tenant_id)
        if store is None:
            recorder: Reading
            if isinstance(self._database, Database):
                recorder = Recorder(self._database, tenant_id)
            else:
                recorder = MemoryRecorder(self._database, tenant_id)
            # Before its keys are asked for, because asking makes them.
            await recorder.check_tenant()
            keys = await self._keyring.of(tenant_id)
            mapper = Mapper(tenant_id, keys, self._catalogue)
            store = self._stores.get(tenant_id)
            if store is None:
                self._opened += 1
                store = Store(recorder, mapper, self._committer, self._states, self._opened)
                self._stores[tenant_id] = store
        self._stores.move_to_end(tenant_id)
        if len(self._stores) > STORES_MAX:
            self._stores.popitem(last=False)
        return store

    def forget(self, tenant_id: UUID) -> None:
        """Drop what is remembered of a tenant's streams, as after an erasure."""
        store = self._stores.get(tenant_id)
        if store is not None:
            self._states.forget(store.number)


class Store:
    """One tenant's history."""

    def __init__(
        self,
        recorder: Reading,
        mapper: Mapper,
        committer: Committer,
        states: States,
        number: int,
    ) -> None:
        self.tenant_id = recorder.tenant_id
        self.number = number
        """Names this store among those that share `states`."""
        self._recorder = recorder
        self._mapper = mapper
        self._committer = committer
        self._states = states
        self._gates = Gates()

    # -- writing

    async def execute(
        self,
        decider: Decides[S],
        stream_id: UUID,
        command: object,
        stamp: Stamp,
        *,
        expected_version: int | None = None,
        idempotency: Idempotency | None = None,
    ) -> Receipt:
        """Carry out `command`. What the domain refuses passes through.

        Args:
            decider: of the aggregate.
            stream_id: the aggregate.
            command: what its `decide` takes.
            stamp: who asks, and when.
            expected_version: the version that the caller has seen (If-Match).
            idempotency: carry it out once; a repeat answers the first receipt.

        Raises:
            StaleVersion: the stream is not at `expected_version`.
            IdempotencyConflict: the key was used for another request.
            Overtaken: others were faster, `ATTEMPTS_MAX` times.
            Unavailable: the log cannot be written now.
        """
        if not self._gates.free(stream_id):
            await self._gates.turn(stream_id)
        try:
            look = Look(self._states, self.number)
            asked = Asked(decider, stream_id, command, stamp, expected_version, idempotency)
            for attempt in range(ATTEMPTS_MAX):
                if attempt:
                    await asyncio.sleep(_chance.uniform(0, JITTER_S * attempt))
                    await self._read(look, look.in_use(), deciding=True)
                receipt = await self._attempt(asked, look)
                if receipt is not None:
                    return receipt
            raise Overtaken(stream_id)
        except Unavailable:
            self._gates.turn_away(stream_id)
            raise
        finally:
            self._gates.leave(stream_id)

    async def append(
        self,
        stream_id: UUID,
        expected: int,
        events: Sequence[Any],
        stamp: Stamp,
        *,
        idempotency: Idempotency | None = None,
    ) -> Receipt:
        """Write `events` behind version `expected` without deciding anything; for imports.

        Raises:
            Overtaken, IdempotencyConflict, Unavailable: as `execute`.
        """
        targeted = tuple((stream_id, event) for event in events)
        append, _ = await self._seal(
            stream_id, {stream_id: expected}, targeted, stamp, idempotency=idempotency
        )
        receipt = await self._commit(append)
        if receipt is None:
            raise Overtaken(stream_id)
        return receipt

    def bulk(self, refusal: type[Exception], kept: Mapping[str, int] | None = None) -> Bulk:
        """A writer of many commands at once; `refusal` is what the domain raises."""
        return Bulk(self._recorder, self._mapper, self._committer, refusal, kept)

    # -- reading

    async def load(
        self, decider: Decides[S], stream_id: UUID, *, version: int | None = None
    ) -> tuple[S, int]:
        """The state of a stream as it is now, or was at `version`; and the version it has."""
        if version is None:
            [folded] = await self.load_all([(decider, stream_id)])
            return folded.state, folded.version
        events = await self.read(stream_id, upto=version)
        return evolved(decider, decider.initial, events) if events else (decider.initial, 0)

    async def load_all(self, streams: Sequence[tuple[Decides[Any], UUID]]) -> list[Folded]:
        """As `load`, of many streams in one question."""
        look = Look(self._states, self.number)
        return await self._read(look, [Wanted(*each) for each in streams])

    async def recall(self, decider: Decides[S], stream_id: UUID) -> S:
        """As `load`, but what this process remembers will do: others may have gone on since."""
        return (await self.recall_all([(decider, stream_id)]))[0]

    async def recall_all(self, streams: Sequence[tuple[Decides[S], UUID]]) -> list[S]:
        """The states of many streams, those that are not remembered read in one question."""
        look = Look(self._states, self.number)
        wanted = [Wanted(decider, stream_id) for decider, stream_id in streams]
        unread = [each for each in wanted if not look.has(each)]
        if unread:
            await self._read(look, unread)
        return [look.known(each).state for each in wanted]

    async def read(
        self,
        stream_id: UUID,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        desc: bool = False,
    ) -> list[Recorded]:
        """Events of a stream with after < version <= upto, ascending unless `desc`."""
        return await self._open(
            await self._recorder.stream(stream_id, after=after, upto=upto, limit=limit, desc=desc)
        )

    async def log(
        self,
        after: int = 0,
        limit: int | None = None,
        *,
        topics: Sequence[str] | None = None,
        upto: int | None = None,
    ) -> list[Recorded]:
        """Events with after < position <= upto, in the order of the log."""
        return await self._open(await self._recorder.log(after, limit, topics=topics, upto=upto))

    async def head(self) -> int:
        """The position of the last event; 0 where there is none."""
        return await self._recorder.head()

    def until(self, position: int) -> "Store":
        """The history as it was at a position: it can be read and not be written."""
        return Store(Beginning(self._recorder, position), self._mapper, CLOSED, States(), 0)

    # -- one attempt

    async def _attempt(self, asked: Asked, look: Look) -> Receipt | None:
        """The receipt; None where what was read is overtaken."""
        stream_id, stamp, idempotency = asked.stream_id, asked.stamp, asked.idempotency
        try:
            decided, expected = await self._decide(asked, look)
        except Exception:
            # The second time, what the first has changed may be the very reason for the refusal.
            # The key is looked up after the state was read: who sees the events sees the key.
            if idempotency is not None:
                found = await self._recorder.remembered(idempotency.key)
                if found is not None:
                    return replay(idempotency, found)
            raise
        own = look.take(asked.decider, stream_id)
        if not decided and idempotency is None:
            return Receipt(stream_id=stream_id, version=own.version, position=own.position)
        append, recorded = await self._seal(
            stream_id, expected, decided, stamp, idempotency=idempotency, position=own.position
        )
        # Folded before it is written: an event that its own decider cannot take is a bug, and
        # is better raised than kept for ever.
        written = by_stream(recorded)
        folded = [
            (key, evolved(used.decider, used.folded.state, written[key[2]]))
            for key, used in look.used.items()
            if key[2] in written
        ]
        receipt = await self._commit(append)
        if receipt is not None and not receipt.replayed:
            for key, (state, version) in folded:
                look.keep(key, Folded(state, version, receipt.position))
        return receipt

    async def _decide(
        self, asked: Asked, look: Look
    ) -> tuple[tuple[tuple[UUID, Any], ...], dict[UUID, int]]:
        """The events with their streams, and the versions of all that they rest on.

        An append finds out by itself that it rests on something old. What is not appended must
        not: so it is decided on what was read for this command, not on what is remembered.
        """
        decider, stream_id, command, stamp, expected_version, _ = asked
        context = Context(now=stamp.now, actor=stamp.actor, look=look)
        for _ in range(ROUNDS_MAX):
            look.again()
            try:
                own = look.take_at(decider, stream_id, expected_version)
                decided = decider.carry_out(stream_id, own.state, command, context)
                expected = look.expected()
            except Unread as unread:
                await self._read(look, unread.wanted, deciding=True)
                continue
            except Exception:
                if not look.remembered:
                    raise
            else:
                if decided or not look.remembered:
                    return decided, expected
            await self._read(look, look.in_use(), deciding=True)
        raise RuntimeError(f"{type(command).__name__} looks at ever more streams")

    async def _seal(
        self,
        stream_id: UUID,
        expected: dict[UUID, int],
        decided: Sequence[tuple[UUID, Any]],
        stamp: Stamp,
        *,
        idempotency: Idempotency | None,
        position: int = 0,
    ) -> tuple[Append, list[Recorded]]:
        """What is to be appended, and the same events as they will be read."""
        if self._mapper.subjects_of(decided) or not self._mapper.may_seal(len(decided)):
            await self._mapper.prepare(decided)
        # From here to the end nothing is awaited: the keys stay at hand.
        unix_ms = milliseconds(stamp.now)
        command_id = None if idempotency is None else idempotency.key
        seal = self._mapper.seal
        reached: dict[int, int] = {}
        sealed: list[Sealed] = []
        recorded: list[Recorded] = []
        for target, event in decided:
            before = reached.get(target.int)
            if before is None:
                before = expected.setdefault(target, 0)
            reached[target.int] = version = before + 1
            metadata = Metadata(
                event_id=event_id(unix_ms, entropy(ENTROPY_BYTES)),
                actor=stamp.actor,
                on_behalf_of=stamp.on_behalf_of,
                command_id=command_id,
                correlation_id=stamp.correlation_id,
                causation_id=stamp.causation_id,
                traceparent=stamp.traceparent,
                class_version=event.class_version,
            )
            row = seal(target, version, event, metadata, stamp.now)
            sealed.append(row)
            recorded.append(
                Recorded(
                    event=event,
                    stream_id=target,
                    version=version,
                    position=0,
                    topic=row.topic,
                    recorded_at=stamp.now,
                    metadata=metadata,
                )
            )
        append = Append(
            stream_id=stream_id,
            version=reached.get(stream_id.int) or expected[stream_id],
            expected=expected,
            events=tuple(sealed),
            idempotency=idempotency,
            position=position,
        )
        return append, recorded

    async def _commit(self, append: Append) -> Receipt | None:
        """The receipt; None where it was overtaken."""
        outcome = await self._committer.commit(self.tenant_id, append)
        if outcome.kind == "written":
            return Receipt(
                stream_id=append.stream_id, version=append.version, position=outcome.position
            )
        if outcome.remembered is not None and append.idempotency is not None:
            return replay(append.idempotency, outcome.remembered)
        return None

    # -- reading and folding

    async def _read(
        self, look: Look, wanted: Sequence[Wanted], *, deciding: bool = False
    ) -> list[Folded]:
        """Fold what the log has beyond what is at hand; all of one moment."""
        known = [look.known(each) for each in wanted]
        after: dict[UUID, int] = {}
        for each, folded in zip(wanted, known, strict=True):
            after[each.stream_id] = min(folded.version, after.get(each.stream_id, folded.version))
        rows: dict[UUID, list[Recorded]] = {}
        sealed = await self._recorder.streams(after, primary=deciding)
        for recorded in await self._open(sealed, skim=True):
            rows.setdefault(recorded.stream_id, []).append(recorded)
        folds = []
        for each, folded in zip(wanted, known, strict=True):
            newer = [row for row in rows.get(each.stream_id, ()) if row.version > folded.version]
            if newer:
                if newer[0].version != folded.version + 1:
                    raise LogDamaged(f"stream {each.stream_id} lacks version {folded.version + 1}")
                state, version = evolved(each.decider, folded.state, newer)
                folded = Folded(state, version, newer[-1].position)  # noqa: PLW2901 - the newer one
            look.learn(each, folded)
            folds.append(folded)
        return folds

    async def _open(self, rows: Sequence[Sealed], *, skim: bool = False) -> list[Recorded]:
        await self._mapper.ready(rows)
        return [self._mapper.open(row, skim=skim) for row in rows]
