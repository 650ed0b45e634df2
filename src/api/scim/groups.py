"""Groups of a directory: told, and changed by commands."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

from scim2_models import (
    InvalidValueException,
    Meta,
    NotFoundException,
)

from api.scim.call import Call
from api.scim.claiming import claimed
from api.scim.following import settle
from api.scim.models import Group, Member
from api.wire import entity_tag
from domain import directory_groups
from domain.directory_groups import DIRECTORY_GROUP, ProvisionGroup, RemoveGroup
from domain.kernel import Refused
from tenancy.directory import CLAIM_LIVES

KIND = "Groups"


class Groups:
    """The groups of the directory that calls."""

    kind = KIND
    model = Group
    eq = ("displayname", "id")
    """By what they are found without looking at all of them."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._table = call.services.directory

    # -- reading

    async def page(self, offset: int, limit: int) -> tuple[list[UUID], int]:
        """Ids from the `offset`-th; and how many there are."""
        return await self._table.groups(self._call.tenant_id, offset, limit)

    async def equal(self, attribute: str, value: str) -> list[UUID]:
        """Ids of whatever has this value, and perhaps of others."""
        if attribute == "displayname":
            found = await self._table.group_named(self._call.tenant_id, value)
            return [] if found is None else [found]
        try:
            return [UUID(value)]
        except ValueError:
            return []

    async def told(self, ids: Sequence[UUID]) -> list[Group]:
        """The groups of these ids that there are, in their order; who reads is written down."""
        return [shown for shown, _ in await self._read(ids)]

    async def one(self, group_id: UUID) -> tuple[Group, int]:
        """A group, and the version of its stream.

        Raises:
            NotFoundException: there is none.
        """
        found = await self._read([group_id])
        if not found:
            raise NotFoundException(detail="there is no such group")
        return found[0]

    async def _read(self, ids: Sequence[UUID]) -> list[tuple[Group, int]]:
        store = await self._call.store()
        # Side by side they are one question to the log, however many.
        loaded = await asyncio.gather(*(store.load(DIRECTORY_GROUP, each) for each in ids))
        found = [
            (self._shown(group_id, version, state), version)
            for group_id, (state, version) in zip(ids, loaded, strict=True)
            if state is not None and not state.removed
        ]
        await self._call.note((), len(found), ("displayName", "members"))
        return found

    def _shown(self, group_id: UUID, version: int, state: directory_groups.Group) -> Group:
        return Group(
            id=str(group_id),
            external_id=state.external_id,
            display_name=state.name,
            members=[
                Member.model_validate(
                    {"value": str(user_id), "$ref": self._call.location("Users", user_id)}
                )
                for user_id in sorted(state.members)
            ]
            or None,
            meta=Meta(
                resource_type="Group",
                created=state.began_at,
                last_modified=state.changed_at,
                location=self._call.location(KIND, group_id),
                version=entity_tag(version),
            ),
        )

    # -- writing

    async def create(self, given: Group) -> UUID:
        """A new group.

        Raises:
            UniquenessException: another one is called so.
        """
        group_id = uuid4()
        await self._provide(group_id, given, None)
        return group_id

    async def change(self, group_id: UUID, given: Group, version: int) -> None:
        """Let the group be so from now on.

        Raises:
            UniquenessException: another one is called so.
            StaleVersion: it changed meanwhile.
        """
        await self._provide(group_id, given, version)

    async def _provide(self, group_id: UUID, given: Group, expected: int | None) -> None:
        call, store = self._call, await self._call.store()
        name = given.display_name or ""
        command = ProvisionGroup(name=name, external_id=given.external_id, members=_members(given))
        await self._claim(group_id, name)
        try:
            await store.execute(
                DIRECTORY_GROUP, group_id, command, call.stamp, expected_version=expected
            )
        except BaseException as error:
            await self._give_back(group_id)
            if isinstance(error, Refused) and error.code == "unknown-directory-user":
                raise InvalidValueException(detail="a member is no user") from error
            raise
        await self._settle(group_id)

    async def _settle(self, group_id: UUID) -> None:
        call = self._call
        state, _ = await (await call.store()).load(DIRECTORY_GROUP, group_id)
        members = frozenset() if state is None else state.members
        # A new name may stand for other roles, so everybody in it is looked at.
        changed = await self._table.set_members(call.tenant_id, group_id, members)
        await settle(call.services, call.tenant_id, sorted({*changed, *members}), call.stamp)

    async def _claim(self, group_id: UUID, name: str) -> None:
        tenant_id, table = self._call.tenant_id, self._table
        await claimed(
            await self._call.store(),
            DIRECTORY_GROUP,
            lambda: table.claim_group(tenant_id, group_id, name),
            holder=lambda: table.group_named(tenant_id, name),
            drop=lambda there: table.drop_group(tenant_id, there, CLAIM_LIVES),
            taken="another group is called so",
        )

    async def _give_back(self, group_id: UUID) -> None:
        """Let the group be found by what history says it is called."""
        tenant_id = self._call.tenant_id
        state, _ = await (await self._call.store()).load(DIRECTORY_GROUP, group_id)
        if state is None or state.removed:
            await self._table.drop_group(tenant_id, group_id)
        else:
            await self._table.claim_group(tenant_id, group_id, state.name)

    async def remove(self, group_id: UUID, expected: int | None) -> None:
        """Take the group away, and the roles that it stood for."""
        call, store = self._call, await self._call.store()
        await store.execute(
            DIRECTORY_GROUP, group_id, RemoveGroup(), call.stamp, expected_version=expected
        )
        await self._settle(group_id)
        await self._table.drop_group(call.tenant_id, group_id)


def _members(given: Group) -> tuple[UUID, ...]:
    found = set()
    for each in given.members or ():
        try:
            found.add(UUID(each.value or ""))
        except ValueError:
            raise InvalidValueException(detail="a member is no user") from None
    return tuple(sorted(found))
