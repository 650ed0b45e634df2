"""A name of a directory belongs to one: claimed before history says so, and given back if not."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from scim2_models import UniquenessException

from domain.kernel import Decider
from tenancy.directory import NameTaken
from tenancy.store import Store


async def claimed(
    store: Store,
    decider: Decider[Any],
    claim: Callable[[], Awaitable[None]],
    *,
    holder: Callable[[], Awaitable[UUID | None]],
    drop: Callable[[UUID], Awaitable[None]],
    taken: str,
) -> None:
    """Claim a name, also from whoever died after the claim and before history said so.

    Args:
        store: the company's history.
        decider: of whoever may hold it.
        claim: claims it; may raise `NameTaken`.
        holder: who holds it.
        drop: lets nobody be found by that claim any more, if it is old enough.
        taken: what is said where somebody has it.

    Raises:
        UniquenessException: somebody has it.
    """
    try:
        await claim()
    except NameTaken:
        there = await holder()
        if there is None or (await store.load(decider, there))[0] is not None:
            raise UniquenessException(detail=taken) from None
        await drop(there)
        try:
            await claim()
        except NameTaken:
            raise UniquenessException(detail=taken) from None
