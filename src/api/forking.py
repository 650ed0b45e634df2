"""A copy of a tenant's history for trying things out: re-sealed, personal fields masked, marked.

Stream ids, versions, positions, times and event ids are those of the original, so whatever follows
from the events, every score, amount and digest, is the same. Names and texts are not: each is
replaced by a mask, the same text always by the same one, that nobody can turn back or guess. What
only looks personal, numbers and codes that ids are made of, stays.
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from api.new_keys import ADMINISTRATOR, NewKey, issue_key
from api.services import Services
from domain.catalogue import EVENTS
from domain.ids import ORIGIN_ID
from domain.origin import ORIGIN, MarkAsFork
from tenancy.appending import Append
from tenancy.errors import TenantErased
from tenancy.mapper import Mapper, personal_fields
from tenancy.recorder import Recorder
from tenancy.records import Recorded, Stamp
from tenancy.registry import Registry, TenantExists, TenantRecord
from tenancy.store import Store

_AT_ONCE = 500
_MASK_DIGITS = 12

Progress = Callable[[int, int], None]
"""Told (events copied, events in all)."""


class CannotFork(Exception):
    """There is nothing to copy up to that position; the text says why."""


class ForkUnderWay(Exception):
    """Somebody else is making the same copy."""


class Fork(msgspec.Struct, frozen=True, kw_only=True):
    """A copy, and the key by which its administrator makes all others."""

    tenant: TenantRecord
    events: int
    masked: int
    """Personal fields that were masked."""
    administrator: NewKey


class Masks:
    """Replaces texts; the same text by the same mask, under a key that only the original has."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"meritledger fork masks", hashlib.sha256)
        self.count = 0

    def masked(self, recorded: Recorded) -> Any:
        """The event with its personal fields masked."""
        event = recorded.event
        found = {
            name: self._mask(name, getattr(event, name))
            for name in personal_fields(type(event))
            if getattr(event, name) is not None
        }
        self.count += len(found)
        return msgspec.structs.replace(event, **found) if found else event

    def _mask(self, name: str, value: Any) -> Any:
        match value:
            case str():
                digest = hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()
                return f"{name}-{digest[:_MASK_DIGITS]}"
            case msgspec.Struct():
                fields = {
                    each: self._mask(each, getattr(value, each)) for each in value.__struct_fields__
                }
                return msgspec.structs.replace(value, **fields)
            case Mapping():
                return {key: self._mask(name, each) for key, each in value.items()}
            case tuple() | list():
                return type(value)(self._mask(name, each) for each in value)
            case _:
                return value


async def fork(
    services: Services,
    tenant_id: UUID,
    *,
    at: int,
    stamp: Stamp,
    name: str | None = None,
    fork_id: UUID | None = None,
    on_progress: Progress | None = None,
) -> Fork:
    """Copy a tenant's history up to an event into a tenant of its own.

    Nobody has a key to the copy before it is whole and marked. Cut short, it stays suspended: the
    same `fork_id` again goes on where it ended, and a worker erases what nobody comes back for.

    Args:
        services: everything.
        tenant_id: whose history.
        at: the position of the last event that is copied.
        stamp: who copies, and when.
        name: of the copy.
        fork_id: of the copy, where who asks has to know it before.
        on_progress: is told now and then.

    Raises:
        UnknownEntry: there is no such tenant.
        TenantErased: nothing of it can be read.
        CannotFork: the log does not reach `at`, or the tenant is a fork itself.
        ForkUnderWay: somebody else is making the same copy.
    """
    source = await services.registry.tenant(tenant_id)
    if source.status == "erased":
        raise TenantErased(tenant_id)
    if source.forked_from is not None:
        raise CannotFork("a fork is not forked again: fork the original")
    history = await services.histories.of(tenant_id)
    head = await history.head()
    if not 1 <= at <= head:
        raise CannotFork(f"the log has the positions 1 to {head}, not {at}")
    called = name or f"{source.name} (fork at {at})"[:200]
    made = await _begun(services.registry, tenant_id, at, called, fork_id)
    async with services.registry.making(made.tenant_id) as ours:
        if not ours:
            raise ForkUnderWay(str(made.tenant_id))
        await services.registry.suspend_tenant(made.tenant_id)
        masked = await _copied(services, history, made.tenant_id, at, on_progress)
        store = await services.histories.of(made.tenant_id)
        if (await store.load(ORIGIN, ORIGIN_ID))[0] is None:
            mark = MarkAsFork(tenant_id=tenant_id, position=at)
            await store.execute(ORIGIN, ORIGIN_ID, mark, stamp)
        record = await services.registry.resume_tenant(made.tenant_id)
        key = await issue_key(services, made.tenant_id, ADMINISTRATOR, stamp)
    return Fork(tenant=record, events=at, masked=masked, administrator=key)


async def is_whole(registry: Registry, fork_id: UUID) -> bool:
    """Whether a copy was made to its end: then, and not before, somebody got a key to it."""
    return bool(await registry.keys(fork_id))


async def _begun(
    registry: Registry, tenant_id: UUID, at: int, name: str, fork_id: UUID | None
) -> TenantRecord:
    try:
        return await registry.create_tenant(name, tenant_id=fork_id, fork=(tenant_id, at))
    except TenantExists:
        there = await registry.tenant(fork_id or tenant_id)
    same = (there.forked_from, there.forked_at) == (tenant_id, at)
    if not same or there.status == "erased" or await is_whole(registry, there.tenant_id):
        raise CannotFork("there is another tenant of this id")
    return there


async def _copied(
    services: Services, history: Store, fork_id: UUID, at: int, on_progress: Progress | None
) -> int:
    """Copy what is not there yet; how many personal fields the copy has masked in all."""
    tenant_id = history.tenant_id
    keys = (await services.keyring.of(tenant_id)).data_keys()
    first = (await services.keyring.store.tenant_keys(tenant_id))[0].key_id
    masks, done = Masks(keys[first]), 0
    recorder = Recorder(services.database, fork_id)
    copy = _Copy(recorder, Mapper(fork_id, await services.keyring.of(fork_id), EVENTS))
    there = min(await recorder.head(), at)
    while done < at:
        events = await history.log(done, _AT_ONCE, upto=there if done < there else at)
        masked = [masks.masked(each) for each in events]
        if done < there:
            copy.passed(events)
        else:
            await copy.take(events, masked)
        done = events[-1].position
        if on_progress is not None:
            on_progress(done, at)
    return masks.count


class _Copy:
    """Writes events where they stood, under the copy's own keys."""

    def __init__(self, recorder: Recorder, mapper: Mapper) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._versions: Counter[UUID] = Counter()

    async def take(self, originals: Sequence[Recorded], events: Sequence[Any]) -> None:
        """The next events of the log, with their content in place of the originals'."""
        pairs = [(each.stream_id, event) for each, event in zip(originals, events, strict=True)]
        await self._mapper.prepare(pairs)
        rows = tuple(
            self._mapper.seal(
                each.stream_id,
                each.version,
                event,
                # A key of idempotency is whatever a caller thought of: it may name somebody.
                msgspec.structs.replace(each.metadata, command_id=None),
                each.recorded_at,
            )
            for each, event in zip(originals, events, strict=True)
        )
        expected = {each.stream_id: self._versions[each.stream_id] for each in originals}
        last = originals[-1]
        append = Append(
            stream_id=last.stream_id, version=last.version, expected=expected, events=rows
        )
        (outcome,) = await self._recorder.append([append])
        if outcome.kind != "written" or outcome.position != last.position:
            raise CannotFork(f"position {last.position} came out as {outcome.position}")
        self.passed(originals)

    def passed(self, originals: Sequence[Recorded]) -> None:
        """These are in the copy already."""
        for each in originals:
            self._versions[each.stream_id] = each.version
