"""Commands for payout batches and the bank's answers, over the API, with an access key."""

import csv
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
from cyclopts import App, Parameter

from domain.payout import (
    ApproveBatch,
    InstructBatch,
    InstructPayment,
    ReturnPayment,
    SettleBatch,
    VoidBatch,
    VoidPayout,
)
from ops.cli.bars import bar_of, shown
from ops.cli.common import REMOTE, Exit, Remote, WrongInput, run, told
from ops.cli.cycles import reached
from ops.client import Api, Problem
from ops.closing import Order, prepared

payout = App(
    name="payout",
    help="Payout batches: prepare, approve, instruct, settle, return, void. Needs an access key.",
)

COLUMNS = ("payout_id", "bank_reference", "reason")
TRANSIENT = frozenset({429, 502, 503, 504})

Step = tuple[UUID, str, msgspec.Struct, int]
"""A line, the path below it, what is to be done with it, and the how manieth time that is."""


def register(app: App) -> None:
    """Add these commands."""
    app.command(payout)


@payout.command
def prepare(
    cycle: UUID, *, code: str, after_close: str | None = None, remote: Remote = REMOTE
) -> int:
    """Calculate what all locked appraisals of a cycle pay: one batch for every 2,000 of them.

    Killed half-way, it is run again: what was prepared stays, and the rest is added.

    Args:
        cycle: The cycle's id.
        code: What the batch is called; the same code is the same batch.
        after_close: Why a closed cycle is settled once more.
        remote: Options of commands that speak to the API.
    """
    api, key = reached(remote)

    async def work() -> int:
        with shown("preparing", quiet=remote.json) as tick:
            async with api:
                order = Order(cycle=cycle, code=code, after_close=after_close)
                found = await prepared(api, key, order, tick)
        told(
            remote,
            found[0] if len(found) == 1 else {"batches": found},
            "\n".join(map(_batch, found)),
        )
        return Exit.DONE

    return run(work())


@payout.command
def approve(batch: UUID, *, comment: str = "", remote: Remote = REMOTE) -> int:
    """Approve a batch; by another than who prepared it.

    Args:
        batch: The batch's id.
        comment: What to say with it.
        remote: Options of commands that speak to the API.
    """
    return _on_batch(batch, "approve", ApproveBatch(comment=comment), remote)


@payout.command
def instruct(
    batch: UUID,
    *,
    bank_account: str,
    returned: Annotated[bool, Parameter(negative="")] = False,
    remote: Remote = REMOTE,
) -> int:
    """Tell the bank to pay a batch, or again what came back of it.

    Args:
        batch: The batch's id.
        bank_account: From which account.
        returned: Only the lines that the bank returned, each anew.
        remote: Options of commands that speak to the API.
    """
    if not returned:
        command = InstructBatch(bank_account=bank_account)
        return _on_batch(batch, "instruct", command, remote)
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            rows = api.pages(key, "/payouts", batch_id=str(batch), state="returned")
            again = InstructPayment(bank_account=bank_account)
            # The attempt before is part of what is asked: a third one is not the second repeated.
            steps: list[Step] = [
                (UUID(row["payout_id"]), "instruct", again, row["attempts"] + 1)
                async for row in rows
            ]
            return await _on_lines(api, key, "instructing", steps, remote)

    return run(work())


@payout.command
def settle(batch: UUID, *, bank_account: str, bank_reference: str, remote: Remote = REMOTE) -> int:
    """Note that the bank has paid a batch.

    Args:
        batch: The batch's id.
        bank_account: From which account.
        bank_reference: The bank's own reference.
        remote: Options of commands that speak to the API.
    """
    command = SettleBatch(bank_account=bank_account, bank_reference=bank_reference)
    return _on_batch(batch, "settle", command, remote)


@payout.command(name="return")
def returned_by_bank(file: Path, *, remote: Remote = REMOTE) -> int:
    """Note what the bank sent back, from a CSV file; a line that is told twice has no effect.

    Args:
        file: With the columns payout_id, bank_reference, reason and, where known, value_date.
        remote: Options of commands that speak to the API.
    """
    steps = list(_returns(file))
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            return await _on_lines(api, key, "returning", steps, remote)

    return run(work())


@payout.command
def void(
    batch: UUID,
    *,
    reason: str,
    line: Annotated[list[UUID] | None, Parameter(negative="")] = None,
    remote: Remote = REMOTE,
) -> int:
    """Take back a batch, or some of its lines, before the bank is told; it can be posted anew.

    Args:
        batch: The batch's id.
        reason: Why.
        line: Only this line; may be given several times.
        remote: Options of commands that speak to the API.
    """
    if not line:
        return _on_batch(batch, "void", VoidBatch(reason=reason), remote)
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            steps: list[Step] = [(each, "void", VoidPayout(reason=reason), 1) for each in line]
            return await _on_lines(api, key, "voiding", steps, remote)

    return run(work())


def _on_batch(batch: UUID, what: str, command: msgspec.Struct, remote: Remote) -> int:
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            await api.post(key, f"/payout-batches/{batch}/{what}", command)
            found = await api.get(key, f"/payout-batches/{batch}")
        told(remote, found, _batch(found))
        return Exit.DONE

    return run(work())


async def _on_lines(
    api: Api,
    key: str,
    what: str,
    steps: Sequence[Step],
    remote: Remote,
) -> int:
    """The same for many lines, one after the other; one that is refused does not stop the rest."""
    done, refused = 0, []
    with bar_of(quiet=remote.json) as bar:
        task = bar.add_task(what, total=len(steps))
        for line, path, command, turn in steps:
            try:
                await api.post_raw(key, f"/payouts/{line}/{path}", command, turn=turn)
                done += 1
            except Problem as problem:
                if problem.status in TRANSIENT:
                    raise
                refused.append({"id": line, "code": problem.code, "detail": str(problem)})
            bar.advance(task)
    sentences = [f"done: {done}, refused: {len(refused)}"]
    sentences += [f"  {each['id']}  {each['detail']}" for each in refused]
    told(remote, {"done": done, "refused": refused}, "\n".join(sentences))
    return Exit.FAILED if refused else Exit.DONE


def _returns(file: Path) -> Iterator[Step]:
    """What a file says came back.

    Raises:
        WrongInput: it cannot be read as such.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(f"{file} cannot be read: {error}") from error
    rows = csv.DictReader(text.splitlines())
    if missing := set(COLUMNS) - set(rows.fieldnames or ()):
        raise WrongInput(f"{file} lacks the column {min(missing)}")
    for number, row in enumerate(rows, start=2):
        try:
            day = row.get("value_date") or None
            command = ReturnPayment(
                bank_reference=row["bank_reference"],
                reason=row["reason"],
                value_date=None if day is None else date.fromisoformat(day),
            )
            yield UUID(row["payout_id"]), "return", command, 1
        except (TypeError, ValueError, AttributeError) as error:
            raise WrongInput(f"{file}, line {number}: {error}") from error


def _batch(found: dict[str, Any]) -> str:
    batch = found["batch"]
    totals = ", ".join(f"{each['amount']} {each['currency']}" for each in batch["totals"])
    return f"batch {batch['code']} ({batch['batch_id']}): {batch['state']}, {totals}"
