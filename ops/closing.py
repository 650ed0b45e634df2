"""A whole cycle scored, locked and paid over the API, a portion after the other.

Whoever is killed half-way runs the same command again: each appraisal and each batch says by itself
whether it was done, so nothing is done twice and nothing is left out.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from domain.ids import batch_id
from domain.payout import PrepareBatch
from ops.client import Api, Problem

PORTION = 1_000
LINES_MAX = 2_000
"""Of one batch; who pays more people has several batches, each approved and settled as such."""
DONE_ALREADY = frozenset({"already-locked"})
NOT_FOUND = 404

Tick = Callable[[int, int], None]
"""(how many more were done, how many there are)"""


class NotDone(msgspec.Struct, frozen=True, kw_only=True):
    """An appraisal for which the command was refused, and why."""

    id: UUID
    code: str
    detail: str


class Over(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command over all appraisals of a cycle."""

    done: int
    refused: tuple[NotDone, ...]
    next_cursor: str | None = None
    total: int | None = None


async def over_all(api: Api, key: str, cycle: UUID, what: str, tick: Tick) -> Over:
    """Score or lock every appraisal of a cycle; what was done before counts as done.

    Raises:
        Problem: the command cannot be carried out at all.
    """
    done, refused, cursor = 0, list[NotDone](), None
    # Of its own, so that what was refused in an earlier run is tried again, and not told again.
    turn = 2 + secrets.randbelow(2**60)
    while True:
        query = {"limit": PORTION} if cursor is None else {"limit": PORTION, "cursor": cursor}
        path = f"/cycles/{cycle}/{what}?{urlencode(query)}"
        part = msgspec.json.decode(await api.post_raw(key, path, turn=turn), type=Over)
        left = [each for each in part.refused if each.code not in DONE_ALREADY]
        done += part.done + len(part.refused) - len(left)
        refused += left
        tick(part.done + len(part.refused), part.total or 0)
        cursor = part.next_cursor
        if cursor is None:
            return Over(done=done, refused=tuple(refused))


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid."""

    cycle: UUID
    code: str
    """Of the first batch; the others are `code`-2, `code`-3 and so on."""
    after_close: str | None = None


async def prepared(api: Api, key: str, order: Order, tick: Tick) -> list[dict[str, Any]]:
    """The batches that pay all locked appraisals of a cycle, those of an earlier run among them.

    Raises:
        Problem: a batch cannot be prepared.
    """
    rows = api.pages(key, f"/cycles/{order.cycle}/appraisals", fields="appraisal_id,lock_version")
    locked = [UUID(row["appraisal_id"]) async for row in rows if row["lock_version"]]
    batches = [each async for each in _batches(api, key, order.code)]
    paid = {
        each
        for batch in batches
        for each in [each async for each in _paid(api, key, batch["batch"]["batch_id"])]
    }
    left = [each for each in locked if each not in paid]
    tick(len(locked) - len(left), len(locked))
    # Without anything to pay it is asked for all the same: the refusal says why.
    for begin in range(0, len(left) if batches else max(1, len(left)), LINES_MAX):
        own = _numbered(order.code, len(batches) + 1)
        command = PrepareBatch(
            code=own,
            cycle_id=order.cycle,
            appraisal_ids=tuple(left[begin : begin + LINES_MAX]),
            after_close=order.after_close,
        )
        await api.post(key, "/payout-batches", command)
        batches.append(await api.get(key, f"/payout-batches/{batch_id(own)}"))
        tick(len(command.appraisal_ids), len(locked))
    return batches


def _numbered(code: str, number: int) -> str:
    return code if number == 1 else f"{code}-{number}"


async def _batches(api: Api, key: str, code: str) -> AsyncIterator[dict[str, Any]]:
    """Those that an earlier run has prepared."""
    number = 1
    while True:
        try:
            yield await api.get(key, f"/payout-batches/{batch_id(_numbered(code, number))}")
        except Problem as problem:
            if problem.status != NOT_FOUND:
                raise
            return
        number += 1


async def _paid(api: Api, key: str, batch: str) -> AsyncIterator[UUID]:
    async for row in api.pages(key, "/payouts", batch_id=batch, fields="appraisal_id"):
        if row["appraisal_id"] is not None:
            yield UUID(row["appraisal_id"])
