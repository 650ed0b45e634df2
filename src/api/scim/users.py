"""Users of a directory: told, and changed by commands."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from scim2_models import Meta, NotFoundException

from api.scim.call import Call
from api.scim.claiming import claimed
from api.scim.following import settle
from api.scim.models import Address, EnterpriseUser, InGroup, NameParts, User, WholeUser
from api.wire import entity_tag
from domain import directory
from domain.directory import DIRECTORY_USER, Profile, ProvisionUser, RemoveUser
from domain.directory_groups import DIRECTORY_GROUP, ProvisionGroup
from tenancy.directory import CLAIM_LIVES

KIND = "Users"
FIELDS = ("active", "department", "displayName", "emails", "employeeNumber", "name", "userName")


class Users:
    """The users of the directory that calls."""

    kind = KIND
    model = WholeUser
    eq = ("username", "externalid", "id")
    """By what they are found without looking at all of them."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._table = call.services.directory

    # -- reading

    async def page(self, offset: int, limit: int) -> tuple[list[UUID], int]:
        """Ids from the `offset`-th; and how many there are."""
        return await self._table.users(self._call.tenant_id, offset, limit)

    async def equal(self, attribute: str, value: str) -> list[UUID]:
        """Ids of whoever has this value, and perhaps of others."""
        tenant_id = self._call.tenant_id
        if attribute == "externalid":
            return await self._table.users_known_as(tenant_id, value)
        if attribute == "username":
            found = await self._table.user_named(tenant_id, value)
            return [] if found is None else [found]
        try:
            return [UUID(value)]
        except ValueError:
            return []

    async def told(self, ids: Sequence[UUID]) -> list[WholeUser]:
        """The users of these ids that there are, in their order; who reads is written down."""
        return [shown for shown, _ in await self._read(ids)]

    async def one(self, user_id: UUID) -> tuple[WholeUser, int]:
        """A user, and the version of its stream.

        Raises:
            NotFoundException: there is none.
        """
        if await self._table.user(self._call.tenant_id, user_id) is None:
            raise NotFoundException(detail="there is no such user")
        found = await self._read([user_id])
        if not found:
            raise NotFoundException(detail="there is no such user")
        return found[0]

    async def _read(self, ids: Sequence[UUID]) -> list[tuple[WholeUser, int]]:
        store = await self._call.store()
        of_user = await self._table.groups_of(self._call.tenant_id, list(ids))
        names = sorted({each for user_id in ids for each in of_user[user_id]})
        # Side by side they are one question to the log, however many.
        users = await asyncio.gather(*(store.load(DIRECTORY_USER, each) for each in ids))
        loaded = await asyncio.gather(*(store.load(DIRECTORY_GROUP, each) for each in names))
        groups = {each: state for each, (state, _) in zip(names, loaded, strict=True)}
        found, people = [], []
        for user_id, (state, version) in zip(ids, users, strict=True):
            if state is None or state.removed or state.user_name is None:
                continue
            mine = [(each, groups[each]) for each in of_user[user_id]]
            found.append((self._shown(user_id, version, state, mine), version))
            people.append(state.person_id)
        known = tuple(each for each in people if each is not None)
        await self._call.note(known, len(found), FIELDS)
        return found

    def _shown(
        self, user_id: UUID, version: int, state: directory.User, groups: Sequence[Any]
    ) -> WholeUser:
        profile = state.profile or Profile()
        parts = (profile.formatted, profile.family_name, profile.given_name)
        shown = WholeUser(
            id=str(user_id),
            external_id=state.external_id,
            user_name=state.user_name,
            display_name=profile.display_name,
            active=state.active,
            name=NameParts(formatted=parts[0], family_name=parts[1], given_name=parts[2])
            if any(part is not None for part in parts)
            else None,
            emails=[
                Address(value=each.value, type=each.type, primary=each.primary)
                for each in profile.emails
            ]
            or None,
            groups=[
                InGroup.model_validate(
                    {
                        "value": str(group_id),
                        "$ref": self._call.location("Groups", group_id),
                        "display": group.name,
                    }
                )
                for group_id, group in groups
                if group is not None and not group.removed
            ]
            or None,
            meta=Meta(
                resource_type="User",
                created=state.began_at,
                last_modified=state.changed_at,
                location=self._call.location(KIND, user_id),
                version=entity_tag(version),
            ),
        )
        if profile.employee_number is not None or profile.department is not None:
            shown[EnterpriseUser] = EnterpriseUser(
                employee_number=profile.employee_number, department=profile.department
            )
        return shown

    # -- writing

    async def create(self, given: WholeUser) -> UUID:
        """A new user.

        Raises:
            UniquenessException: another one is called so.
        """
        user_id = uuid4()
        await self._provide(user_id, given, None)
        return user_id

    async def change(self, user_id: UUID, given: WholeUser, version: int) -> None:
        """Let the user be so from now on.

        Raises:
            UniquenessException: another one is called so.
            StaleVersion: it changed meanwhile.
        """
        await self._provide(user_id, given, version)

    async def _provide(self, user_id: UUID, given: WholeUser, expected: int | None) -> None:
        call = self._call
        name = given.user_name or ""
        await self._claim(user_id, name, given.external_id)
        command = ProvisionUser(
            user_name=name,
            external_id=given.external_id,
            profile=profile_of(given),
            active=given.active is not False,
        )
        store = await call.store()
        try:
            await store.execute(
                DIRECTORY_USER, user_id, command, call.stamp, expected_version=expected
            )
        except BaseException:
            await self._give_back(user_id)
            raise
        await settle(call.services, call.tenant_id, [user_id], call.stamp)

    async def _claim(self, user_id: UUID, name: str, external_id: str | None) -> None:
        tenant_id, table = self._call.tenant_id, self._table
        await claimed(
            await self._call.store(),
            DIRECTORY_USER,
            lambda: table.claim_user(tenant_id, user_id, name, external_id),
            holder=lambda: table.user_named(tenant_id, name),
            drop=lambda there: table.drop_user(tenant_id, there, CLAIM_LIVES),
            taken="another user has this userName",
        )

    async def _give_back(self, user_id: UUID) -> None:
        """Let the user be found by what history says it is called."""
        tenant_id = self._call.tenant_id
        state, _ = await (await self._call.store()).load(DIRECTORY_USER, user_id)
        if state is None or state.removed or state.user_name is None:
            await self._table.drop_user(tenant_id, user_id)
        else:
            await self._table.claim_user(tenant_id, user_id, state.user_name, state.external_id)

    async def remove(self, user_id: UUID, expected: int | None) -> None:
        """Take the user away, out of its groups, and all access with it."""
        call, store = self._call, await self._call.store()
        groups = (await self._table.groups_of(call.tenant_id, [user_id]))[user_id]
        await store.execute(
            DIRECTORY_USER, user_id, RemoveUser(), call.stamp, expected_version=expected
        )
        await settle(call.services, call.tenant_id, [user_id], call.stamp)
        for group_id in groups:
            state, _ = await store.load(DIRECTORY_GROUP, group_id)
            if state is not None and not state.removed:
                left = ProvisionGroup(
                    name=state.name,
                    external_id=state.external_id,
                    members=tuple(sorted(state.members - {user_id})),
                )
                await store.execute(DIRECTORY_GROUP, group_id, left, call.stamp)
        await self._table.drop_user(call.tenant_id, user_id)


def profile_of(given: WholeUser) -> Profile:
    """What we keep of what a directory says."""
    name, more = given.name or NameParts(), given[EnterpriseUser] or EnterpriseUser()
    return Profile(
        display_name=given.display_name,
        formatted=name.formatted,
        given_name=name.given_name,
        family_name=name.family_name,
        emails=tuple(
            directory.Email(value=each.value, type=each.type, primary=each.primary)
            for each in given.emails or ()
            if each.value
        ),
        employee_number=more.employee_number,
        department=more.department,
    )


__all__ = ["User", "Users", "profile_of"]
