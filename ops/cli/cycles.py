"""Commands that work on a cycle and its payouts in bulk, over the API, with an access key."""

import os
from collections import Counter
from typing import Any
from uuid import UUID

import msgspec
from cyclopts import App
from rich.console import RenderableType

from domain.cycle import OpenCycle
from domain.ids import batch_id
from domain.payout import ApproveBatch, PrepareBatch, SettleBatch
from ops.cli.common import REMOTE, Exit, Remote, WrongInput, run, table, told
from ops.client import Api, Problem
from ops.place import running_in
from ops.tree import drawn

cycle = App(name="cycle", help="A cycle in bulk: open, status, score, lock. Needs an access key.")
payout = App(name="payout", help="Payout batches: prepare, approve, settle. Needs an access key.")

NOT_FOUND = 404


def register(app: App) -> None:
    """Add these commands."""
    app.command(cycle)
    app.command(payout)
    app.command(explain)


def reached(remote: Remote) -> tuple[Api, str]:
    """The API and the key to use.

    Raises:
        WrongInput: no key was given, or nobody says where the API is.
    """
    url, key = reached_at(remote)
    return Api(url), key


def reached_at(remote: Remote) -> tuple[str, str]:
    """The address of the API and the key to use.

    Raises:
        WrongInput: no key was given, or nobody says where the API is.
    """
    key = remote.key or os.environ.get("MERIT_API_KEY")
    if not key:
        raise WrongInput("give --key, or set MERIT_API_KEY")
    url = remote.url or os.environ.get("MERIT_API_URL")
    if not url:
        settings = remote.settings
        running = running_in(settings.data_dir) if settings.data_dir else None
        if running is None:
            raise WrongInput("give --url, or set MERIT_API_URL: no `merit up` runs here")
        url = running.address
    return url, key


@cycle.command(name="open")
def open_cycle(cycle: UUID, *, remote: Remote = REMOTE) -> int:
    """Open a planned cycle for goals.

    Args:
        cycle: The cycle's id.
        remote: Options of commands that speak to the API.
    """
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            done = await api.post(key, f"/cycles/{cycle}/open", OpenCycle())
        told(remote, done, f"open, version {done.version}")
        return Exit.DONE

    return run(work())


@cycle.command
def status(cycle: UUID, *, remote: Remote = REMOTE) -> int:
    """How far a cycle and its appraisals have come.

    Args:
        cycle: The cycle's id.
        remote: Options of commands that speak to the API.
    """
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            found = await api.get(key, f"/cycles/{cycle}")
            stages = Counter(
                [row["stage"] async for row in api.pages(key, f"/cycles/{cycle}/appraisals")]
            )
        rows = table("appraisals", "stage", title=f"{found['code']}: {found['stage']}")
        for stage, count in stages.most_common():
            rows.add_row(str(count), stage)
        told(remote, {"cycle": found, "appraisals": dict(stages)}, rows)
        return Exit.DONE

    return run(work())


@cycle.command
def score(cycle: UUID, *, remote: Remote = REMOTE) -> int:
    """Calculate the initial score of every appraisal of a cycle.

    Args:
        cycle: The cycle's id.
        remote: Options of commands that speak to the API.
    """
    return _over_all(cycle, "score", remote)


@cycle.command
def lock(cycle: UUID, *, remote: Remote = REMOTE) -> int:
    """Lock the score of every appraisal of a cycle that may be locked.

    Args:
        cycle: The cycle's id.
        remote: Options of commands that speak to the API.
    """
    return _over_all(cycle, "lock", remote)


def _over_all(cycle: UUID, what: str, remote: Remote) -> int:
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            answer = msgspec.json.decode(await api.post_raw(key, f"/cycles/{cycle}/{what}"))
        lines = [f"done: {answer['done']}, refused: {len(answer['refused'])}"]
        lines += [f"  {each['id']}  {each['code']}: {each['detail']}" for each in answer["refused"]]
        told(remote, answer, "\n".join(lines))
        return Exit.FAILED if answer["refused"] else Exit.DONE

    return run(work())


@payout.command
def prepare(cycle: UUID, *, code: str, remote: Remote = REMOTE) -> int:
    """Calculate what all locked appraisals of a cycle pay, as one batch.

    Args:
        cycle: The cycle's id.
        code: What the batch is called; the same code is the same batch.
        remote: Options of commands that speak to the API.
    """
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            locked = [
                UUID(row["appraisal_id"])
                async for row in api.pages(key, f"/cycles/{cycle}/appraisals")
                if row["lock_version"]
            ]
            command = PrepareBatch(code=code, cycle_id=cycle, appraisal_ids=tuple(locked))
            await api.post(key, "/payout-batches", command)
            found = await api.get(key, f"/payout-batches/{batch_id(code)}")
        told(remote, found, _batch(found))
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


def _on_batch(batch: UUID, what: str, command: msgspec.Struct, remote: Remote) -> int:
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            await api.post(key, f"/payout-batches/{batch}/{what}", command)
            found = await api.get(key, f"/payout-batches/{batch}")
        told(remote, found, _batch(found))
        return Exit.DONE

    return run(work())


def _batch(found: dict[str, Any]) -> str:
    totals = ", ".join(f"{each['amount']} {each['currency']}" for each in found["totals"])
    return f"batch {found['code']} ({found['batch_id']}): {found['state']}, {totals}"


def explain(thing: UUID, *, remote: Remote = REMOTE) -> int:
    """Why a score or a payout is what it is, down to the events.

    Args:
        thing: Id of an appraisal or of a payout.
        remote: Options of commands that speak to the API.
    """
    api, key = reached(remote)

    async def work() -> int:
        async with api:
            try:
                found = await api.get(key, f"/payouts/{thing}/explanation")
                title = "payout, in minor units"
            except Problem as problem:
                if problem.status != NOT_FOUND:
                    raise
                found = await api.get(key, f"/appraisals/{thing}/explanation")
                title = "score"
        tree: RenderableType = drawn(found["explanation"], title)
        told(remote, found, tree)
        return Exit.DONE

    return run(work())
