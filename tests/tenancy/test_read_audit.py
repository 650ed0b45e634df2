"""Entries of reads: on disk before the data leave, chained, and missing from no chain."""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from tenancy.database import Database
from tenancy.errors import Unavailable
from tenancy.read_audit import BEGINNING, Read, ReadAudit, Spool, chained, digest_of
from tenancy.read_chain import Filter, reads, verify_chain
from tenancy.signing import open_checkpoint
from tenancy.transparency import reads_signed

Tamper = Callable[..., Awaitable[None]]
NOW = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)


def entry(n: int = 0, **given: Any) -> Read:
    told = {
        "read_at": NOW + timedelta(seconds=n),
        "request_id": UUID(int=n + 1),
        "actor": UUID(int=7),
        "key_id": UUID(int=8),
        "method": "GET",
        "route": "/people",
        "subjects": (UUID(int=n + 100),),
        "fields": ("name", "number"),
        "row_count": 1,
    }
    return Read(**{**told, **given})


async def every(database: Database, tenant_id: UUID, **wanted: Any) -> list[Any]:
    return await reads(database, tenant_id, Filter(**wanted), limit=10_000)


async def test_what_is_noted_is_there_at_once(database: Database, tenant_id: UUID) -> None:
    audit = ReadAudit(database)
    told = entry(purpose="季度审计", position=3)
    await audit.note(tenant_id, told)
    (found,) = await every(database, tenant_id)
    assert {name: getattr(found, name) for name in Read.__struct_fields__} == msgspec.to_builtins(
        told, builtin_types=(datetime, UUID)
    ) | {"subjects": told.subjects, "fields": told.fields}
    assert (found.batch, found.number) == (1, 1)


@pytest.mark.both_postgres
async def test_what_comes_together_is_written_together(database: Database, tenant_id: UUID) -> None:
    audit = ReadAudit(database)
    await asyncio.gather(*(audit.note(tenant_id, entry(n)) for n in range(200)))
    found = await every(database, tenant_id)
    assert sorted(each.request_id.int for each in found) == list(range(1, 201))
    assert found[-1].batch < 10, "one transaction for many"
    chain = await verify_chain(database, tenant_id)
    assert (chain.entries, chain.batches, chain.damaged) == (200, found[-1].batch, None)


async def test_processes_write_one_chain(database: Database, tenant_id: UUID) -> None:
    audits = [ReadAudit(database) for _ in range(6)]

    async def reading(audit: ReadAudit, first: int) -> None:
        for n in range(first, first + 8):
            await audit.note(tenant_id, entry(n))

    await asyncio.gather(*(reading(audit, 100 * n) for n, audit in enumerate(audits)))
    chain = await verify_chain(database, tenant_id)
    assert (chain.entries, chain.damaged) == (48, None)


async def test_the_chain_in_words(database: Database, tenant_id: UUID) -> None:
    """Written out once more, from the docstring and not from the code."""
    audit = ReadAudit(database)
    await audit.note(tenant_id, entry(0))
    await audit.note(tenant_id, entry(1))
    line = (
        b'{"actor":"00000000-0000-0000-0000-000000000007","fields":["name","number"],'
        b'"key_id":"00000000-0000-0000-0000-000000000008","method":"GET","position":null,'
        b'"purpose":"","read_at":"2026-04-01T08:00:00Z",'
        b'"request_id":"00000000-0000-0000-0000-000000000001","route":"/people","row_count":1,'
        b'"subjects":["00000000-0000-0000-0000-000000000064"]}\n'
    )
    first = hashlib.sha256(bytes(32) + hashlib.sha256(line).digest()).digest()
    assert chained(BEGINNING, digest_of([entry(0)])) == first
    second = hashlib.sha256(first + digest_of([entry(1)])).digest()
    assert (await verify_chain(database, tenant_id)).hash == second


async def test_entries_are_found(database: Database, tenant_id: UUID) -> None:
    audit = ReadAudit(database)
    for n in range(4):
        await audit.note(tenant_id, entry(n, actor=UUID(int=n % 2), route=f"/{n}"))
    assert [each.route for each in await every(database, tenant_id, actor=UUID(int=1))] == [
        "/1",
        "/3",
    ]
    assert [each.route for each in await every(database, tenant_id, subject=UUID(int=102))] == [
        "/2"
    ]
    since = await every(database, tenant_id, since=NOW + timedelta(seconds=2))
    until = await every(database, tenant_id, until=NOW + timedelta(seconds=2))
    assert [each.route for each in until + since] == ["/0", "/1", "/2", "/3"]
    assert [each.route for each in await every(database, tenant_id, route="/3")] == ["/3"]
    backwards = await reads(database, tenant_id, Filter(), after=(3, 1), limit=1, descending=True)
    assert [each.route for each in backwards] == ["/1"]


# -- never changed


async def test_nobody_changes_an_entry(database: Database, owner_url: str, tenant_id: UUID) -> None:
    await ReadAudit(database).note(tenant_id, entry())
    owner = await asyncpg.connect(owner_url)
    for table in ("reads", "read_batches"):
        for statement in (f"DELETE FROM merit.{table}", f"TRUNCATE merit.{table}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await owner.execute(statement)
            async with database.transaction(tenant_id) as connection:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
                await connection.execute("ROLLBACK; BEGIN")
    await owner.close()


CHANGES = {
    "edited": ("UPDATE merit.reads SET row_count = 9 WHERE tenant_id = $1 AND batch = 3", 3),
    "other reader": (
        "UPDATE merit.reads SET actor = key_id WHERE tenant_id = $1 AND batch = 2",
        2,
    ),
    "deleted": ("DELETE FROM merit.reads WHERE tenant_id = $1 AND batch = 4", 4),
    "batch deleted": ("DELETE FROM merit.read_batches WHERE tenant_id = $1 AND batch = 2", 2),
    "swapped": (
        (
            "UPDATE merit.reads r SET request_id = o.request_id, read_at = o.read_at,"
            " subjects = o.subjects FROM merit.reads o WHERE r.tenant_id = $1"
            " AND o.tenant_id = $1 AND r.batch IN (2, 3) AND o.batch = 5 - r.batch"
        ),
        2,
    ),
    "tail cut": ("DELETE FROM merit.read_batches WHERE tenant_id = $1 AND batch > 3", 4),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_a_superusers_change_is_found(
    database: Database, tenant_id: UUID, tamper: Tamper, change: str
) -> None:
    audit = ReadAudit(database)
    for n in range(5):
        await audit.note(tenant_id, entry(n))
    statement, first_wrong = CHANGES[change]
    await tamper(statement, tenant_id)
    chain = await verify_chain(database, tenant_id)
    assert chain.damaged is not None
    assert chain.damaged.batch == first_wrong


async def test_a_chain_that_was_written_anew_differs_from_what_was_signed(
    history: Any, tamper: Tamper
) -> None:
    """A superuser who computes every hash again does not have the checkpoint."""
    tenant_id = history.tenant_id
    audit = ReadAudit(history.database)
    await audit.note(tenant_id, entry(0))
    await audit.note(tenant_id, entry(1))
    await history.write(1)
    signed = await history.sealer.advance(tenant_id)
    note = open_checkpoint(signed.note, await history.signers.verifiers(tenant_id))
    head = reads_signed(note)
    assert head is not None
    assert head[0] == 2
    assert (await verify_chain(history.database, tenant_id, {2: head[1]})).damaged is None

    for table in ("reads", "read_batches", "read_heads"):
        await tamper(f"DELETE FROM merit.{table} WHERE tenant_id = $1", tenant_id)
    assert (await verify_chain(history.database, tenant_id)).damaged is None
    cut = await verify_chain(history.database, tenant_id, {2: head[1]})
    assert cut.damaged is not None
    assert cut.damaged.batch == 1
    await audit.note(tenant_id, entry(5))
    await audit.note(tenant_id, entry(6))
    forged = await verify_chain(history.database, tenant_id, {2: head[1]})
    assert forged.damaged is not None
    assert forged.damaged.batch == 2


async def test_a_tenant_sees_its_own_entries_only(
    database: Database, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    audit = ReadAudit(database)
    await audit.note(tenant_id, entry(1))
    await audit.note(other_tenant_id, entry(2))
    (found,) = await every(database, tenant_id)
    assert found.request_id == UUID(int=2)


# -- where it cannot be written


class Away:
    """A database that takes no writes, until it is told to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.away = True

    def transaction(self, tenant_id: UUID) -> Any:
        if self.away:
            raise ConnectionRefusedError("no primary")
        return self._database.transaction(tenant_id)


async def test_without_a_place_to_write_nothing_is_answered(
    database: Database, tenant_id: UUID
) -> None:
    audit = ReadAudit(Away(database))  # type: ignore[arg-type]  # stands for a lost one
    with pytest.raises(Unavailable):
        await audit.note(tenant_id, entry())


async def test_without_a_primary_a_file_keeps_it(
    database: Database, tenant_id: UUID, other_tenant_id: UUID, tmp_path: Path
) -> None:
    away = Away(database)
    folder = tmp_path / "reads"
    audit = ReadAudit(away, folder)  # type: ignore[arg-type]  # stands for a lost one
    await audit.note(tenant_id, entry(1))
    await audit.note(other_tenant_id, entry(2))
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_bytes().splitlines()) == 2
    assert await every(database, tenant_id) == []

    away.away = False
    # Another process brings it in, as after a crash; a line cut short told nobody anything.
    with file.open("ab") as spool:
        spool.write(b'["cut sho')
    other = ReadAudit(database, folder)
    await other.note(tenant_id, entry(3))
    await other.close()
    assert sorted(each.request_id.int for each in await every(database, tenant_id)) == [2, 4]
    assert [each.request_id.int for each in await every(database, other_tenant_id)] == [3]
    assert list(folder.iterdir()) == []
    assert (await verify_chain(database, tenant_id)).damaged is None


async def test_a_full_disk_is_no_answer(
    database: Database, tenant_id: UUID, tmp_path: Path
) -> None:
    blocked = tmp_path / "reads"
    blocked.write_text("not a folder")
    audit = ReadAudit(Away(database), blocked)  # type: ignore[arg-type]  # stands for a lost one
    with pytest.raises(Unavailable):
        await audit.note(tenant_id, entry())


def test_writers_and_takers_lose_nothing(tmp_path: Path) -> None:
    """Four processes write, this one takes meanwhile."""
    children = []
    for child in range(4):
        pid = os.fork()
        if pid == 0:
            spool = Spool(tmp_path)
            for n in range(50):
                spool.write(uuid4(), [entry(1000 * child + n)])
            os._exit(0)
        children.append(pid)
    taken: list[int] = []
    spool = Spool(tmp_path)

    def take() -> Iterator[int]:
        for _, entries in spool.take():
            yield from (each.request_id.int - 1 for each in entries)

    while children:
        taken += take()
        pid, status = os.waitpid(children[-1], os.WNOHANG)
        if pid:
            assert status == 0
            children.pop()
    taken += take()
    assert sorted(taken) == sorted(1000 * child + n for child in range(4) for n in range(50))
