"""The law of the store: what was told happened once, and each decision rested on the truth."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, assert_never
from uuid import RFC_4122, UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio
from msgspec.structs import replace

from domain.kernel import Command, Context, Decider, Elsewhere, Event, Personal, Refused
from tenancy.appending import Append, Appender, Outcome
from tenancy.committer import Committer
from tenancy.database import Database
from tenancy.errors import IdempotencyConflict, Overtaken, StaleVersion, UnknownTenant
from tenancy.event_ids import event_id, milliseconds
from tenancy.idempotency import fingerprint
from tenancy.keyring import Keyring, MasterKey
from tenancy.look import Folded, States
from tenancy.memory import MemoryDatabase, MemoryWriter
from tenancy.recorder import Writer
from tenancy.records import Idempotency, Receipt, Recorded, Stamp
from tenancy.store import ATTEMPTS_MAX, Histories, Store

NOW = datetime(2025, 3, 31, 12, 30, tzinfo=UTC)
ALICE, BOB = uuid4(), uuid4()
CATALOGUE: list[type[Event]] = []


def known(event: type[Event]) -> type[Event]:
    CATALOGUE.append(event)
    return event


# A bank that may be shut, and accounts that never go below zero.


@known
class Shut(Event, frozen=True, kw_only=True):
    TOPIC = "bank.shut"


@known
class Opened(Event, frozen=True, kw_only=True):
    TOPIC = "bank.opened"


@known
class Deposited(Event, frozen=True, kw_only=True):
    TOPIC = "account.deposited"
    amount: int
    note: Personal[str | None] = None


@known
class Withdrawn(Event, frozen=True, kw_only=True):
    TOPIC = "account.withdrawn"
    amount: int


class Turn(Command, frozen=True, kw_only=True):
    shut: bool


class Deposit(Command, frozen=True, kw_only=True):
    amount: int
    note: str | None = None


class Withdraw(Command, frozen=True, kw_only=True):
    amount: int


class Transfer(Command, frozen=True, kw_only=True):
    to: UUID
    amount: int


class Close(Command, frozen=True, kw_only=True):
    """Says no more than that the balance is zero."""


class Collect(Command, frozen=True, kw_only=True):
    """Takes from all these accounts what they have."""

    accounts: tuple[UUID, ...]


THE_BANK = uuid4()


def decide_bank(shut: bool, command: Turn, _: Context) -> Iterable[Event]:
    if command.shut != shut:
        yield Shut() if command.shut else Opened()


def evolve_bank(_: bool, happened: Any) -> bool:
    return isinstance(happened.event, Shut)


BANK: Decider[bool] = Decider(kind="bank", initial=False, decide=decide_bank, evolve=evolve_bank)


def decide_account(
    balance: int, command: Deposit | Withdraw | Transfer | Close | Collect, context: Context
) -> Iterator[Event | Elsewhere]:
    if context.look(BANK, THE_BANK):
        raise Refused("bank-shut", "the bank is shut")
    match command:
        case Deposit(amount=amount, note=note):
            yield Deposited(amount=amount, note=note)
        case Withdraw(amount=amount):
            if amount > balance:
                raise Refused("too-little", f"{balance} is less than {amount}")
            yield Withdrawn(amount=amount)
        case Transfer(to=to, amount=amount):
            context.look(ACCOUNT, to)
            if amount > balance:
                raise Refused("too-little", f"{balance} is less than {amount}")
            yield Withdrawn(amount=amount)
            yield Elsewhere(to, Deposited(amount=amount))
        case Close():
            if balance:
                raise Refused("not-empty", f"{balance} is left")
        case Collect(accounts=accounts):
            for account, each in zip(accounts, context.look.all(ACCOUNT, accounts), strict=True):
                yield Elsewhere(account, Withdrawn(amount=each))
                yield Deposited(amount=each)
        case _:
            assert_never(command)


def evolve_account(balance: int, happened: Any) -> int:
    match happened.event:
        case Deposited(amount=amount):
            return balance + amount
        case Withdrawn(amount=amount):
            if amount > balance:
                raise AssertionError("an account went below zero")
            return balance - amount
        case other:
            raise TypeError(other)


ACCOUNT: Decider[int] = Decider(
    kind="account", initial=0, decide=decide_account, evolve=evolve_account
)


def stamp(actor: UUID = ALICE) -> Stamp:
    return Stamp(now=NOW, actor=actor, correlation_id=uuid4())


def keyed(key: str, *what: str) -> Idempotency:
    return Idempotency(key=key, fingerprint=fingerprint(*what))


async def balance_of(store: Store, account: UUID) -> int:
    state, _ = await store.load(ACCOUNT, account)
    return state


class Process(Protocol):
    """Makes the tenant's store as another process would have it: with a memory of its own."""

    def __call__(
        self, committer: Callable[[Callable[[], Appender]], Committer] = ...
    ) -> Awaitable[Store]: ...


def check_log(log: list[Recorded]) -> None:
    assert [each.position for each in log] == list(range(1, len(log) + 1))
    reached: dict[UUID, int] = {}
    for each in log:
        assert each.version == reached.get(each.stream_id, 0) + 1
        reached[each.stream_id] = each.version
    assert len({each.event_id for each in log}) == len(log)


def replayed(log: list[Recorded]) -> dict[UUID, int]:
    balances: dict[UUID, int] = {}
    for each in log:
        if each.topic.startswith("account."):
            balances[each.stream_id] = evolve_account(balances.get(each.stream_id, 0), each)
    return balances


class Interposed(Committer):
    """Something else happens before each commit."""

    before: Callable[[], Awaitable[object]] | None = None

    def __init__(self, new_appender: Callable[[], Appender]) -> None:
        super().__init__(new_appender)
        self.appends: list[Append] = []

    def commit(self, tenant_id: UUID, append: Append) -> "asyncio.Future[Outcome]":
        self.appends.append(append)

        async def commit() -> Outcome:
            if self.before is not None:
                await self.before()
            return await super(Interposed, self).commit(tenant_id, append)

        return asyncio.ensure_future(commit())


async def interposed(process: Process) -> tuple[Store, Interposed]:
    store = await process(Interposed)
    committer = store._committer
    assert isinstance(committer, Interposed)
    return store, committer


class Contract:
    """What holds over PostgreSQL and over its twin in memory."""

    async def test_a_command_happens_and_is_told_where(self, process: Process) -> None:
        store, account = await process(), uuid4()
        first = await store.execute(ACCOUNT, account, Deposit(amount=5), stamp())
        second = await store.execute(ACCOUNT, account, Withdraw(amount=2), stamp(BOB))
        assert first == Receipt(stream_id=account, version=1, position=1)
        assert second == Receipt(stream_id=account, version=2, position=2)
        assert await store.load(ACCOUNT, account) == (3, 2)
        assert await store.load(ACCOUNT, account, version=1) == (5, 1)
        assert await store.load(ACCOUNT, uuid4()) == (0, 0)
        assert await store.load(ACCOUNT, uuid4(), version=7) == (0, 0)
        deposited, withdrawn = await store.read(account)
        assert (deposited.event, withdrawn.event) == (Deposited(amount=5), Withdrawn(amount=2))
        assert (deposited.actor, withdrawn.actor) == (ALICE, BOB)
        assert deposited.recorded_at == NOW
        assert deposited.event_id.version == 7
        assert await store.log() == [deposited, withdrawn]
        assert await store.log(topics=[Withdrawn.TOPIC]) == [withdrawn]
        assert await store.head() == 2

    async def test_another_process_reads_what_was_written(self, process: Process) -> None:
        account = uuid4()
        store = await process()
        await store.execute(ACCOUNT, account, Deposit(amount=5, note="for Grace"), stamp())
        [recorded] = await (await process()).read(account)
        assert recorded.event == Deposited(amount=5, note="for Grace")

    async def test_a_refusal_passes_through_and_nothing_is_stored(self, process: Process) -> None:
        store, account = await process(), uuid4()
        with pytest.raises(Refused, match="too-little"):
            await store.execute(ACCOUNT, account, Withdraw(amount=1), stamp())
        assert await store.head() == 0
        await store.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        with pytest.raises(Refused, match="too-little"):
            await store.execute(ACCOUNT, account, Withdraw(amount=2), stamp())
        assert await store.head() == 1

    async def test_a_command_may_write_elsewhere_all_or_nothing(self, process: Process) -> None:
        store, one, two = await process(), uuid4(), uuid4()
        await store.execute(ACCOUNT, one, Deposit(amount=5), stamp())
        receipt = await store.execute(ACCOUNT, one, Transfer(to=two, amount=3), stamp())
        assert receipt == Receipt(stream_id=one, version=2, position=3)
        assert (await balance_of(store, one), await balance_of(store, two)) == (2, 3)
        with pytest.raises(Refused):
            await store.execute(ACCOUNT, one, Transfer(to=two, amount=3), stamp())
        assert await store.head() == 3

    async def test_many_streams_are_looked_at_together(self, process: Process) -> None:
        store = await process()
        accounts = tuple(uuid4() for _ in range(30))
        for account in accounts:
            await store.execute(ACCOUNT, account, Deposit(amount=2), stamp())
        mine = uuid4()
        # In this process, and in one that remembers nothing.
        await store.execute(ACCOUNT, mine, Collect(accounts=accounts[:20]), stamp())
        other = await process()
        await other.execute(ACCOUNT, mine, Collect(accounts=accounts[15:]), stamp())
        assert await balance_of(store, mine) == 60
        check_log(await store.log())

    async def test_a_decision_that_was_overtaken_is_taken_again(self, process: Process) -> None:
        account = uuid4()
        one, two = await process(), await process()
        await one.execute(ACCOUNT, account, Deposit(amount=10), stamp())
        await two.execute(ACCOUNT, account, Withdraw(amount=4), stamp())
        # `one` still remembers 10.
        receipt = await one.execute(ACCOUNT, account, Withdraw(amount=5), stamp())
        assert receipt.version == 3
        assert await balance_of(two, account) == 1

    async def test_what_is_remembered_never_refuses(self, process: Process) -> None:
        """A refusal rests on what was read for it, however sure the memory was."""
        account = uuid4()
        one, two = await process(), await process()
        await one.execute(BANK, THE_BANK, Turn(shut=True), stamp())
        with pytest.raises(Refused, match="bank-shut"):
            await one.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        await two.execute(BANK, THE_BANK, Turn(shut=False), stamp())
        await one.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        await two.execute(ACCOUNT, account, Deposit(amount=9), stamp())
        await one.execute(ACCOUNT, account, Withdraw(amount=10), stamp())

    async def test_nothing_to_do_rests_on_what_was_read_too(self, process: Process) -> None:
        one, two = await process(), await process()
        await one.execute(BANK, THE_BANK, Turn(shut=True), stamp())
        await two.execute(BANK, THE_BANK, Turn(shut=False), stamp())
        receipt = await one.execute(BANK, THE_BANK, Turn(shut=True), stamp())
        assert receipt.version == 3
        again = await one.execute(BANK, THE_BANK, Turn(shut=True), stamp())
        assert again == receipt

    async def test_a_look_is_part_of_what_is_expected(self, process: Process) -> None:
        """The bank shuts after the decision and before the append: there is no deposit."""
        account = uuid4()
        one, between = await interposed(process)
        two = await process()
        await one.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        between.before = lambda: two.execute(BANK, THE_BANK, Turn(shut=True), stamp())
        with pytest.raises(Refused, match="bank-shut"):
            await one.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        assert [each.topic for each in await two.log()] == [Deposited.TOPIC, Shut.TOPIC]
        assert [append.expected for append in between.appends] == [
            {account: 0, THE_BANK: 0},
            {account: 1, THE_BANK: 0},
        ]

    async def test_who_is_overtaken_again_and_again_is_told(self, process: Process) -> None:
        account = uuid4()
        one, between = await interposed(process)
        two = await process()
        between.before = lambda: two.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        with pytest.raises(Overtaken):
            await one.execute(ACCOUNT, account, Deposit(amount=100), stamp())
        assert len(between.appends) == ATTEMPTS_MAX
        assert await balance_of(two, account) == ATTEMPTS_MAX
        # What failed is not remembered.
        between.before = None
        with pytest.raises(Refused, match="too-little"):
            await one.execute(ACCOUNT, account, Withdraw(amount=100), stamp())

    async def test_the_caller_may_name_the_version_it_has_seen(self, process: Process) -> None:
        account = uuid4()
        one, two = await process(), await process()
        await one.execute(ACCOUNT, account, Deposit(amount=1), stamp(), expected_version=0)
        await two.execute(ACCOUNT, account, Deposit(amount=1), stamp(), expected_version=1)
        # `one` remembers version 1, but the caller has seen 2: the caller is right.
        await one.execute(ACCOUNT, account, Deposit(amount=1), stamp(), expected_version=2)
        for version in (0, 2, 4):
            with pytest.raises(StaleVersion) as stale:
                await two.execute(
                    ACCOUNT, account, Deposit(amount=1), stamp(), expected_version=version
                )
            assert (stale.value.expected, stale.value.actual) == (version, 3)

    async def test_an_overtaken_caller_with_a_version_is_told_so(self, process: Process) -> None:
        account = uuid4()
        one, between = await interposed(process)
        two = await process()
        between.before = lambda: two.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        with pytest.raises(StaleVersion):
            await one.execute(ACCOUNT, account, Deposit(amount=1), stamp(), expected_version=0)
        assert len(between.appends) == 1

    async def test_a_key_is_carried_out_once(self, process: Process) -> None:
        account = uuid4()
        one, two = await process(), await process()
        key = keyed("k", "deposit 5")
        first = await one.execute(ACCOUNT, account, Deposit(amount=5), stamp(), idempotency=key)
        assert not first.replayed
        for store in (one, two):
            again = await store.execute(
                ACCOUNT, account, Deposit(amount=5), stamp(), idempotency=key
            )
            assert again == replace(first, replayed=True)
        [recorded] = await one.log()
        assert recorded.metadata.command_id == "k"

    async def test_a_key_with_another_request_is_a_conflict(self, process: Process) -> None:
        store, account = await process(), uuid4()
        await store.execute(
            ACCOUNT, account, Deposit(amount=5), stamp(), idempotency=keyed("k", "deposit 5")
        )
        for command in (Deposit(amount=6), Withdraw(amount=600), Close()):
            with pytest.raises(IdempotencyConflict):
                await store.execute(
                    ACCOUNT, account, command, stamp(), idempotency=keyed("k", str(command))
                )
        assert await store.head() == 1

    async def test_a_repeat_that_would_be_refused_has_its_receipt(self, process: Process) -> None:
        """The first time took all there was; so the second finds too little."""
        account = uuid4()
        one, two = await process(), await process()
        await one.execute(ACCOUNT, account, Deposit(amount=5), stamp())
        key = keyed("k", "withdraw 5")
        first = await one.execute(ACCOUNT, account, Withdraw(amount=5), stamp(), idempotency=key)
        for store in (one, two):
            again = await store.execute(
                ACCOUNT,
                account,
                Withdraw(amount=5),
                stamp(),
                idempotency=key,
                expected_version=1,
            )
            assert again == replace(first, replayed=True)

    async def test_a_refusal_does_not_use_up_its_key(self, process: Process) -> None:
        store, account, key = await process(), uuid4(), keyed("k", "withdraw 5")
        with pytest.raises(Refused):
            await store.execute(ACCOUNT, account, Withdraw(amount=5), stamp(), idempotency=key)
        await store.execute(ACCOUNT, account, Deposit(amount=5), stamp())
        receipt = await store.execute(
            ACCOUNT, account, Withdraw(amount=5), stamp(), idempotency=key
        )
        assert not receipt.replayed

    async def test_nothing_to_do_has_a_receipt_and_keeps_its_key(self, process: Process) -> None:
        store, account = await process(), uuid4()
        await store.execute(ACCOUNT, account, Deposit(amount=5), stamp())
        await store.execute(ACCOUNT, account, Withdraw(amount=5), stamp())
        await store.execute(ACCOUNT, uuid4(), Deposit(amount=5), stamp())
        plain = await store.execute(ACCOUNT, account, Close(), stamp())
        assert plain == Receipt(stream_id=account, version=2, position=2)
        key = keyed("k", "close")
        assert await store.execute(ACCOUNT, account, Close(), stamp(), idempotency=key) == plain
        await store.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        again = await store.execute(ACCOUNT, account, Close(), stamp(), idempotency=key)
        assert again == replace(plain, replayed=True)
        assert await store.head() == 4

    async def test_fifty_at_once_with_one_key_are_one(self, process: Process) -> None:
        account, key = uuid4(), keyed("k", "deposit 5")
        stores = [await process(), await process()]
        receipts = await asyncio.gather(
            *(
                stores[n % 2].execute(ACCOUNT, account, Deposit(amount=5), stamp(), idempotency=key)
                for n in range(50)
            )
        )
        assert len({(each.stream_id, each.version, each.position) for each in receipts}) == 1
        assert sum(not each.replayed for each in receipts) == 1
        assert await stores[0].head() == 1

    async def test_fifty_at_once_with_one_key_on_many_streams_are_one(
        self, process: Process
    ) -> None:
        store, key = await process(), keyed("k", "deposit 5 somewhere")
        receipts = await asyncio.gather(
            *(
                store.execute(ACCOUNT, uuid4(), Deposit(amount=5), stamp(), idempotency=key)
                for _ in range(50)
            )
        )
        assert sum(not each.replayed for each in receipts) == 1
        assert len({each.stream_id for each in receipts}) == 1
        assert await store.head() == 1

    async def test_no_update_is_lost_between_many_on_few_streams(self, process: Process) -> None:
        """Random deposits, withdrawals and transfers from two processes: all sums are right."""
        chance = random.Random(7)
        stores = [await process(), await process()]
        accounts = [uuid4() for _ in range(4)]
        told: list[Receipt] = []
        sums = dict.fromkeys(accounts, 0)

        async def client(n: int) -> None:
            store = stores[n % 2]
            for _ in range(12):
                account, other = chance.sample(accounts, 2)
                amount = chance.randrange(1, 9)
                command: Command = chance.choice(
                    [
                        Deposit(amount=amount),
                        Withdraw(amount=amount),
                        Transfer(to=other, amount=amount),
                    ]
                )
                try:
                    receipt = await store.execute(ACCOUNT, account, command, stamp())
                except (Refused, Overtaken):
                    continue
                told.append(receipt)
                match command:
                    case Deposit():
                        sums[account] += amount
                    case Withdraw():
                        sums[account] -= amount
                    case _:
                        sums[account] -= amount
                        sums[other] += amount

        await asyncio.gather(*(client(n) for n in range(20)))
        log = await stores[0].log()
        check_log(log)
        assert {account: replayed(log).get(account, 0) for account in accounts} == sums
        assert len({each.position for each in told}) == len(told) > 50
        for store in stores:
            assert [await balance_of(store, account) for account in accounts] == list(sums.values())
            # What is remembered is what is there: one more command on each goes through at once.
            for account in accounts:
                await store.execute(ACCOUNT, account, Deposit(amount=1), stamp())
                sums[account] += 1

    async def test_cancelling_some_harms_no_others(self, process: Process) -> None:
        chance = random.Random(11)
        store = await process()
        accounts = [uuid4() for _ in range(3)]
        told: dict[int, Receipt] = {}

        async def client(n: int) -> None:
            account = accounts[n % 3]
            told[n] = await store.execute(
                ACCOUNT, account, Deposit(amount=1), stamp(), idempotency=keyed(f"{n}", f"{n}")
            )

        for round_ in range(8):
            tasks = [asyncio.ensure_future(client(round_ * 100 + n)) for n in range(40)]
            for task in chance.sample(tasks, 15):
                for _ in range(chance.randrange(0, 6)):
                    await asyncio.sleep(0)
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(each) for each in done} <= {type(None), asyncio.CancelledError}
        assert 8 * 25 <= len(told) < 8 * 40
        # Whoever was cancelled may or may not have been written; nobody was written twice.
        log = await store.log()
        check_log(log)
        keys = [each.metadata.command_id for each in log]
        assert len(set(keys)) == len(keys)
        assert {str(n) for n in told} <= set(keys)
        for n, receipt in told.items():
            assert log[receipt.position - 1].metadata.command_id == str(n)
        assert sum([await balance_of(store, account) for account in accounts]) == len(log)

    async def test_an_event_that_cannot_be_folded_is_never_written(self, process: Process) -> None:
        store, account = await process(), uuid4()
        await store.execute(ACCOUNT, account, Deposit(amount=1), stamp())
        with pytest.raises(AssertionError, match="below zero"):
            # `Collect` takes from the same account twice.
            await store.execute(ACCOUNT, uuid4(), Collect(accounts=(account, account)), stamp())
        assert await store.head() == 1
        assert await balance_of(store, account) == 1

    async def test_an_id_of_another_kind_names_nothing(self, process: Process) -> None:
        store = await process()
        await store.execute(BANK, THE_BANK, Turn(shut=True), stamp())
        assert await store.load(ACCOUNT, THE_BANK) == (0, 1)
        assert await (await process()).load(ACCOUNT, THE_BANK, version=1) == (0, 1)

    async def test_events_may_be_imported_without_a_decision(self, process: Process) -> None:
        store, account = await process(), uuid4()
        receipt = await store.append(
            account, 0, [Deposited(amount=4), Withdrawn(amount=1)], stamp()
        )
        assert receipt == Receipt(stream_id=account, version=2, position=2)
        with pytest.raises(Overtaken):
            await store.append(account, 1, [Deposited(amount=4)], stamp())
        assert await balance_of(store, account) == 3

    async def test_a_forgotten_state_is_read_again(self, process: Process) -> None:
        store, account = await process(), uuid4()
        await store.execute(ACCOUNT, account, Deposit(amount=4), stamp())
        store._states.forget(store.number)
        assert len(store._states) == 0
        assert (await store.execute(ACCOUNT, account, Withdraw(amount=4), stamp())).version == 2


@pytest.mark.both_postgres
class TestPostgres(Contract):
    @pytest_asyncio.fixture
    async def process(self, database: Database, tenant_id: UUID) -> AsyncIterator[Process]:
        master, opened = MasterKey.generate(), []

        async def process(
            committer: Callable[[Callable[[], Appender]], Committer] = Committer,
        ) -> Store:
            writes = committer(lambda: Writer(database))
            opened.append(writes)
            keyring = Keyring.open(database, master)
            return await Histories(database, keyring, CATALOGUE, writes).of(tenant_id)

        yield process
        for each in opened:
            await each.close()

    async def test_an_unknown_tenant_has_no_history(self, database: Database) -> None:
        committer = Committer.of(database)
        keyring = Keyring.open(database, MasterKey.generate())
        histories = Histories(database, keyring, CATALOGUE, committer)
        stranger = uuid4()
        with pytest.raises(UnknownTenant):
            await histories.of(stranger)
        assert await keyring.store.tenant_keys(stranger) == []
        await committer.close()

    async def test_nothing_is_stored_in_clear(
        self, process: Process, owner_url: str, tenant_id: UUID
    ) -> None:
        store = await process()
        await store.execute(ACCOUNT, uuid4(), Deposit(amount=271828, note="for Grace"), stamp())
        connection = await asyncpg.connect(owner_url)
        try:
            rows = await connection.fetch(
                "SELECT * FROM merit.events WHERE tenant_id = $1", tenant_id
            )
        finally:
            await connection.close()
        stored = b"".join(bytes(each) for each in rows[0].values() if isinstance(each, bytes))
        assert str(ALICE).encode() in stored
        assert b"271828" not in stored
        assert b"Grace" not in stored


class TestMemory(Contract):
    @pytest_asyncio.fixture
    async def process(self) -> AsyncIterator[Process]:
        database, keyring, tenant_id = MemoryDatabase(), Keyring.in_memory(), uuid4()
        database.create_tenant(tenant_id)
        opened = []

        async def process(
            committer: Callable[[Callable[[], Appender]], Committer] = Committer,
        ) -> Store:
            writes = committer(lambda: MemoryWriter(database))
            opened.append(writes)
            return await Histories(database, keyring, CATALOGUE, writes).of(tenant_id)

        yield process
        for each in opened:
            await each.close()

    async def test_an_unknown_tenant_has_no_history(self) -> None:
        with pytest.raises(UnknownTenant):
            await Histories.in_memory(MemoryDatabase(), CATALOGUE).of(uuid4())


def test_states_are_bounded_and_what_is_used_stays() -> None:
    states = States(100)
    for n in range(1000):
        states.put((1, "account", n), Folded(n, 1, 1))
        assert states.get((1, "account", 0)) is not None
        assert len(states) <= 100
    assert states.get((1, "account", 1)) is None
    assert states.get((1, "account", 999)) == Folded(999, 1, 1)


def test_a_newer_state_is_not_replaced_by_an_older_one() -> None:
    states, key = States(), (1, "account", 7)
    states.put(key, Folded(20, 2, 2))
    states.put(key, Folded(10, 1, 1))
    assert states.get(key) == Folded(20, 2, 2)
    assert states.get((2, "account", 7)) is None


def test_event_ids_sort_by_the_time_of_their_stamp() -> None:
    times = [milliseconds(NOW + timedelta(milliseconds=n)) for n in range(50)]
    ids = [event_id(each, random.randbytes(10)) for each in times]
    assert ids == sorted(ids)
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}
    assert len({event_id(times[0], random.randbytes(10)) for _ in range(1000)}) == 1000
