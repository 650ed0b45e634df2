"""Groups as a company's own directory sees them, and which roles they stand for here.

What the directory's people may do is said by a mapping that an administrator sets: a directory
opens nothing that the mapping does not name.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never
from uuid import UUID

import msgspec

from domain.access import ROLES
from domain.checks import begun, checked_name, checked_reason
from domain.directory import DIRECTORY_USER, checked_directory_text, there
from domain.kernel import Command, Context, Decider, Event, Happened, Refused

GROUPS_MAX = 500
MEMBERS_MAX = 20_000
MAPPABLE = ROLES - {"admin", "onboarding", "integration"}
"""Who runs the tenant, and machines, are let in here and not by a directory."""


# -- groups 目录组


class ProvisionGroup(Command, frozen=True, kw_only=True):
    """The group is so now."""

    name: str
    external_id: str | None = None
    members: tuple[UUID, ...] = ()
    """Users."""


class RemoveGroup(Command, frozen=True, kw_only=True):
    """The directory does not know the group any more."""


class DirectoryGroupProvisioned(Event, frozen=True, kw_only=True):
    TOPIC = "directory-group.provisioned"
    name: str
    external_id: str | None = None


class DirectoryGroupRenamed(Event, frozen=True, kw_only=True):
    TOPIC = "directory-group.renamed"
    name: str
    external_id: str | None = None


class DirectoryGroupMembersChanged(Event, frozen=True, kw_only=True):
    """成员变更"""

    TOPIC = "directory-group.members-changed"
    added: tuple[UUID, ...] = ()
    removed: tuple[UUID, ...] = ()


class DirectoryGroupRemoved(Event, frozen=True, kw_only=True):
    TOPIC = "directory-group.removed"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of the directory as it is now."""

    name: str
    external_id: str | None
    began_at: datetime
    changed_at: datetime
    members: frozenset[UUID] = frozenset()
    removed: bool = False


GroupEvent = (
    DirectoryGroupProvisioned
    | DirectoryGroupRenamed
    | DirectoryGroupMembersChanged
    | DirectoryGroupRemoved
)


def _decide_group(
    state: Group | None, command: ProvisionGroup | RemoveGroup, context: Context
) -> Iterable[GroupEvent]:
    if isinstance(command, RemoveGroup):
        if state is None or state.removed:
            raise Refused("unknown-directory-group", "There is no such group.")
        return (DirectoryGroupRemoved(),)
    return tuple(_group(state, command, context))


def _group(state: Group | None, command: ProvisionGroup, context: Context) -> Iterable[GroupEvent]:
    name, external = (
        checked_name(command.name),
        checked_directory_text(command.external_id, "external id"),
    )
    before: frozenset[UUID] = frozenset()
    if state is None or state.removed:
        yield DirectoryGroupProvisioned(name=name, external_id=external)
    else:
        before = state.members
        if (state.name, state.external_id) != (name, external):
            yield DirectoryGroupRenamed(name=name, external_id=external)
    wanted = frozenset(command.members)
    if len(wanted) > MEMBERS_MAX:
        raise Refused("too-many-members", f"A group has at most {MEMBERS_MAX} members.")
    added, removed = sorted(wanted - before), sorted(before - wanted)
    for user in context.look.all(DIRECTORY_USER, added):
        there(user)
    if added or removed:
        yield DirectoryGroupMembersChanged(added=tuple(added), removed=tuple(removed))


def _evolve_group(state: Group | None, happened: Happened[GroupEvent]) -> Group:
    event, at = happened.event, happened.recorded_at
    if isinstance(event, DirectoryGroupProvisioned):
        return Group(name=event.name, external_id=event.external_id, began_at=at, changed_at=at)
    group = msgspec.structs.replace(begun(state), changed_at=at)
    match event:
        case DirectoryGroupRenamed():
            return msgspec.structs.replace(group, name=event.name, external_id=event.external_id)
        case DirectoryGroupMembersChanged():
            members = group.members.difference(event.removed).union(event.added)
            return msgspec.structs.replace(group, members=members)
        case DirectoryGroupRemoved():
            return msgspec.structs.replace(group, removed=True, members=frozenset())
        case _:
            assert_never(event)


DIRECTORY_GROUP: Decider[Group | None] = Decider(
    kind="directory-group", initial=None, decide=_decide_group, evolve=_evolve_group
)


# -- which roles groups stand for 角色映射


class GroupRoles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What members of a group may do."""

    group: str
    """Its name in the directory; capitals do not matter."""
    roles: tuple[str, ...]


class SetDirectoryRoles(Command, frozen=True, kw_only=True):
    """What the directory's people may do here; nothing but this."""

    everyone: tuple[str, ...] = ("employee",)
    """Roles of every active user who is linked to a person; may be none."""
    groups: tuple[GroupRoles, ...] = ()
    reason: str


class DirectoryRolesSet(Event, frozen=True, kw_only=True):
    """目录角色映射"""

    TOPIC = "directory-roles.set"
    everyone: tuple[str, ...]
    groups: tuple[GroupRoles, ...]
    reason: str


class DirectoryRoles(msgspec.Struct, frozen=True, kw_only=True):
    """The mapping in force; at first nobody may anything."""

    everyone: frozenset[str] = frozenset()
    groups: tuple[GroupRoles, ...] = ()

    def of(self, user_id: UUID, groups: Iterable[Group | None]) -> tuple[str, ...]:
        """Roles of a user: of everyone, and of those of the groups that have the user."""
        mine = {each.name.casefold() for each in groups if each and user_id in each.members}
        found = set(self.everyone)
        for each in self.groups:
            if each.group.casefold() in mine:
                found.update(each.roles)
        return tuple(sorted(found))


def _decide_roles(
    _state: DirectoryRoles, command: SetDirectoryRoles, _context: Context
) -> tuple[DirectoryRolesSet, ...]:
    names = [checked_name(each.group).casefold() for each in command.groups]
    if len(names) != len(set(names)) or len(names) > GROUPS_MAX:
        raise Refused("bad-mapping", f"At most {GROUPS_MAX} groups, each once.")
    for roles in (command.everyone, *(each.roles for each in command.groups)):
        if not MAPPABLE.issuperset(roles) or len(roles) != len(set(roles)):
            raise Refused(
                "role-not-mappable", f"A directory gives {', '.join(sorted(MAPPABLE))}, each once."
            )
    return (
        DirectoryRolesSet(
            everyone=command.everyone,
            groups=command.groups,
            reason=checked_reason(command.reason),
        ),
    )


def _evolve_roles(_state: DirectoryRoles, happened: Happened[DirectoryRolesSet]) -> DirectoryRoles:
    event = happened.event
    return DirectoryRoles(everyone=frozenset(event.everyone), groups=event.groups)


DIRECTORY_ROLES: Decider[DirectoryRoles] = Decider(
    kind="directory-roles", initial=DirectoryRoles(), decide=_decide_roles, evolve=_evolve_roles
)
