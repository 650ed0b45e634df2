"""What an administrator says about the company's directory: roles of groups, who a user is."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response

from api import auth
from api.asked import Asked
from api.commands import carry_out, from_path, post, told
from api.problems import FieldError, Said
from api.queries import Plain, PlainListing
from api.routes import Act, Route, get, writers
from api.scim.following import settle
from api.wire import One
from domain import ids
from domain.directory import DIRECTORY_USER, LinkUser
from domain.directory_groups import DIRECTORY_ROLES, GroupRoles, SetDirectoryRoles
from domain.signing_in import SIGN_IN
from projections.questions import Page

WRITERS = writers(auth.ADMIN)
READERS = frozenset({auth.ADMIN, auth.AUDITOR})
AT_ONCE = 500


class DirectoryUser(msgspec.Struct, frozen=True, kw_only=True):
    """目录用户, and what becomes of them here."""

    user_id: UUID
    user_name: str | None
    active: bool
    person_id: UUID | None
    """None until somebody links the user, or the directory tells the number of a person."""
    roles: tuple[str, ...]
    """With which the user may sign in now; none is not at all."""
    granted_by_hand: bool
    """An administrator granted the sign-in; the directory ends it and changes nothing else."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """角色映射"""

    everyone: tuple[str, ...]
    groups: tuple[GroupRoles, ...]
    version: int


def _the_mapping(*_: object) -> UUID:
    return ids.DIRECTORY_ROLES_ID


SET = Act(command=SetDirectoryRoles, decider=DIRECTORY_ROLES, stream=_the_mapping)
LINK = Act(command=LinkUser, decider=DIRECTORY_USER, stream=from_path("user_id"))


async def _set(asked: Asked) -> Response[Any]:
    receipt, _ = await carry_out(SET, SetDirectoryRoles, asked)
    table, tenant_id, done = asked.services.directory, asked.caller.tenant_id, 0
    while True:
        users, total = await table.users(tenant_id, done, AT_ONCE)
        await settle(asked.services, tenant_id, users, asked.stamp)
        done += len(users)
        if done >= total or not users:
            return told(receipt, creates=None)


async def _link(asked: Asked) -> Response[Any]:
    receipt, _ = await carry_out(LINK, LinkUser, asked)
    await settle(asked.services, asked.caller.tenant_id, [receipt.stream_id], asked.stamp)
    return told(receipt, creates=None)


async def _mapping(asked: Asked, _: Plain) -> One:
    """Which roles the groups of the directory stand for."""
    state, version = await (await asked.store()).load(DIRECTORY_ROLES, ids.DIRECTORY_ROLES_ID)
    value = Mapping(everyone=tuple(sorted(state.everyone)), groups=state.groups, version=version)
    return One(value=value, version=version)


async def _users(asked: Asked, given: PlainListing) -> Page[DirectoryUser]:
    """The users of the directory, and who of them may come in, the oldest first."""
    offset = _offset(given.cursor)
    found, total = await asked.services.directory.users(asked.caller.tenant_id, offset, given.limit)
    store, shown = await asked.store(), []
    for user_id in found:
        user, _ = await store.load(DIRECTORY_USER, user_id)
        if user is None:
            continue
        sign_in = None
        if user.person_id is not None:
            sign_in, _ = await store.load(SIGN_IN, ids.sign_in_id(user.person_id))
        comes_in = sign_in is not None and not sign_in.revoked
        shown.append(
            DirectoryUser(
                user_id=user_id,
                user_name=user.user_name,
                active=user.comes_in,
                person_id=user.person_id,
                roles=sign_in.roles if sign_in is not None and comes_in else (),
                granted_by_hand=comes_in and sign_in is not None and sign_in.directory_user is None,
            )
        )
    after = offset + len(found)
    return Page(items=tuple(shown), next=str(after) if found and after < total else None)


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > len(str(2**31)):
        why = FieldError(pointer="?cursor", detail="not one that we gave")
        raise Said("invalid-query", "cursor: not one that we gave", errors=[why])
    return int(cursor)


def _served(path: str, act: Act, serve: Any) -> Route:
    route = post(path, act.command, act.decider, roles=WRITERS, stream=act.stream)
    return msgspec.structs.replace(route, act=None, serve=serve)


ROUTES: tuple[Route, ...] = (
    _served("/directory/roles", SET, _set),
    get("/directory/roles", _mapping, roles=READERS, result=Mapping, parameters=Plain),
    get("/directory/users", _users, roles=READERS, result=DirectoryUser, parameters=PlainListing),
    _served("/directory/users/{user_id}/link", LINK, _link),
)
