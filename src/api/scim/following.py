"""What the directory says becomes what people may do: granted as mapped, ended at once."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import structlog

from api.services import Services
from domain.access import ACCESS_KEY, RevokeAccessKey
from domain.directory import DIRECTORY_USER
from domain.ids import sign_in_id
from domain.kernel import Refused
from domain.signing_in import SIGN_IN, FollowDirectory, normal_login
from tenancy.keyring import SubjectErased
from tenancy.records import Stamp
from tenancy.sign_ins import LoginTaken

BECAUSE: Final = "deactivated in the directory"

LOG = structlog.get_logger("api.scim")


async def settle(
    services: Services, tenant_id: UUID, user_ids: Iterable[UUID], stamp: Stamp
) -> None:
    """Let users in, or end their access, as history says by now. A second time changes nothing.

    After the events, so that nobody comes in whom history does not know of; where we died in
    between, the directory repeats its request and it is done then.
    """
    store = await services.histories.of(tenant_id)
    for user_id in user_ids:
        user, _ = await store.load(DIRECTORY_USER, user_id)
        row = await services.directory.user(tenant_id, user_id)
        if user is None:
            continue
        before = None if row is None else row.person_id
        if user.person_id != before:
            # First, so that whoever erases the person finds the user.
            await services.directory.link_user(tenant_id, user_id, user.person_id)
        for person_id in {before, user.person_id} - {None}:
            if person_id is not None:
                await _follow(services, tenant_id, user_id, person_id, stamp)
        if user.person_id is not None and not user.comes_in:
            await _end_all(services, tenant_id, user.person_id, stamp)


async def _follow(
    services: Services, tenant_id: UUID, user_id: UUID, person_id: UUID, stamp: Stamp
) -> None:
    store, table = await services.histories.of(tenant_id), services.sign_ins
    stream_id = sign_in_id(person_id)
    groups = await services.directory.groups_of(tenant_id, [user_id])
    user, _ = await store.load(DIRECTORY_USER, user_id)
    if user is not None and user.comes_in and user.user_name:
        there = await table.find(tenant_id, normal_login(user.user_name))
        if there is not None and there.person_id != person_id:
            LOG.warning("login-taken", tenant=str(tenant_id), user=str(user_id))
            return
    command = FollowDirectory(person_id=person_id, user_id=user_id, groups=groups[user_id])
    try:
        await store.execute(SIGN_IN, stream_id, command, stamp)
    except SubjectErased:
        return
    state, _ = await store.load(SIGN_IN, stream_id)
    if state is None:
        return
    if state.revoked or state.login is None:
        await table.forbid(tenant_id, stream_id)
    elif state.directory_user == user_id:
        found = await table.find(tenant_id, state.login)
        if found is None or found.roles != frozenset(state.roles):
            try:
                await table.allow(tenant_id, stream_id, state.login, person_id, state.roles)
            except LoginTaken:
                LOG.warning("login-taken", tenant=str(tenant_id), user=str(user_id))


async def _end_all(services: Services, tenant_id: UUID, person_id: UUID, stamp: Stamp) -> None:
    store = await services.histories.of(tenant_id)
    for key in await services.registry.keys(tenant_id):
        if key.person_id == person_id and key.revoked_at is None:
            try:
                revoke = RevokeAccessKey(reason=BECAUSE)
                await store.execute(ACCESS_KEY, key.key_id, revoke, stamp)
            except Refused as refusal:
                LOG.info("key-revoked-before", key=str(key.key_id), why=refusal.code)
            await services.registry.revoke_key(tenant_id, key.key_id)
    await services.sessions.table.end_those(tenant_id, BECAUSE, person_id=person_id)
