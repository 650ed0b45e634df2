"""A directory says who there is and who left; the mapping, and nothing else, what they may do."""

from typing import Any
from uuid import UUID

import pytest

from domain import ids
from domain.directory import (
    DirectoryUserActivated,
    DirectoryUserChanged,
    DirectoryUserDeactivated,
    DirectoryUserLinked,
    DirectoryUserProvisioned,
    DirectoryUserRemoved,
    Email,
    LinkUser,
    Profile,
    ProvisionUser,
    RemoveUser,
)
from domain.directory_groups import (
    DirectoryGroupMembersChanged,
    DirectoryGroupProvisioned,
    DirectoryGroupRemoved,
    DirectoryGroupRenamed,
    GroupRoles,
    ProvisionGroup,
    RemoveGroup,
    SetDirectoryRoles,
)
from domain.organisation import RegisterPerson
from domain.signing_in import FollowDirectory, GrantSignIn, SignInGranted, SignInRevoked

USER, OTHER = UUID(int=21, version=4), UUID(int=22, version=4)
GROUP, LEADERS = UUID(int=31, version=4), UUID(int=32, version=4)
WANG, ZHAO = ids.person_id("P-1"), ids.person_id("P-2")
SIGN_IN = ids.sign_in_id(WANG)


def user(name: str = "wang@x", *, number: str | None = "P-1", active: bool = True) -> ProvisionUser:
    return ProvisionUser(user_name=name, profile=Profile(employee_number=number), active=active)


@pytest.fixture
def company(world: Any) -> Any:
    for number in ("P-1", "P-2"):
        world.do(RegisterPerson(number=number, name="某人"))
    world.do(
        SetDirectoryRoles(
            everyone=("employee",),
            groups=(
                GroupRoles(group="HR", roles=("hr", "manager")),
                GroupRoles(group="Leaders", roles=("executive",)),
            ),
            reason="决定",
        ),
        on=ids.DIRECTORY_ROLES_ID,
    )
    return world


def follow(world: Any, *groups: UUID, person: UUID = WANG, who: UUID = USER) -> Any:
    """What comes of it; nothing where nothing changes."""
    command = FollowDirectory(person_id=person, user_id=who, groups=groups)
    decided = world.decide(command, on=ids.sign_in_id(person))
    for stream_id, event in decided:
        world.append(stream_id, event)
    return tuple(event for _, event in decided)


def test_a_user_is_linked_to_the_person_of_its_number(company: Any) -> None:
    assert company.do(user(), on=USER) == (
        DirectoryUserProvisioned(user_name="wang@x", profile=Profile(employee_number="P-1")),
        DirectoryUserLinked(person_id=WANG),
    )
    # Once: another number says nothing about who it is.
    (changed,) = company.do(user(number="P-2"), on=USER)
    assert isinstance(changed, DirectoryUserChanged)
    company.refuses("already-linked", LinkUser(person_id=WANG), on=USER)
    company.refuses("unknown-person", LinkUser(person_id=ids.person_id("?")), on=USER)
    assert company.do(LinkUser(person_id=ZHAO), on=USER) == (DirectoryUserLinked(person_id=ZHAO),)


def test_who_has_no_number_of_ours_waits(company: Any) -> None:
    assert len(company.do(user(number=None), on=USER)) == 1
    assert len(company.do(user("zhao@x", number="P-9"), on=OTHER)) == 1
    company.refuses("unknown-directory-user", LinkUser(person_id=WANG), on=GROUP)


def test_active_and_not_are_events_of_their_own(company: Any) -> None:
    company.do(user(), on=USER)
    assert company.do(user(active=False), on=USER) == (DirectoryUserDeactivated(),)
    assert company.decide(user(active=False), on=USER) == ()
    assert company.do(user(), on=USER) == (DirectoryUserActivated(),)
    assert company.do(RemoveUser(), on=USER) == (DirectoryUserRemoved(),)
    company.refuses("unknown-directory-user", RemoveUser(), on=USER)


@pytest.mark.parametrize(
    "wrong",
    [
        ProvisionUser(user_name=""),
        ProvisionUser(user_name="x" * 256),
        ProvisionUser(user_name="a\nb"),
        ProvisionUser(user_name="x", external_id="x" * 256),
        ProvisionUser(user_name="x", profile=Profile(department="x" * 256)),
        ProvisionUser(user_name="x", profile=Profile(emails=(Email(value="y" * 256),))),
        ProvisionUser(user_name="x", profile=Profile(emails=(Email(value="y"),) * 21)),
    ],
)
def test_texts_of_a_directory_have_their_limits(world: Any, wrong: ProvisionUser) -> None:
    world.refuses("bad-directory-text", wrong, on=USER)


def test_members_come_and_go(company: Any) -> None:
    company.do(user(), on=USER)
    assert company.do(ProvisionGroup(name="HR", members=(USER,)), on=GROUP) == (
        DirectoryGroupProvisioned(name="HR"),
        DirectoryGroupMembersChanged(added=(USER,)),
    )
    company.refuses("unknown-directory-user", ProvisionGroup(name="HR", members=(OTHER,)), on=GROUP)
    too_many = tuple(UUID(int=n, version=4) for n in range(20_001))
    company.refuses("too-many-members", ProvisionGroup(name="HR", members=too_many), on=GROUP)
    assert company.do(ProvisionGroup(name="HR 2"), on=GROUP) == (
        DirectoryGroupRenamed(name="HR 2"),
        DirectoryGroupMembersChanged(removed=(USER,)),
    )
    assert company.do(RemoveGroup(), on=GROUP) == (DirectoryGroupRemoved(),)
    company.refuses("unknown-directory-group", RemoveGroup(), on=GROUP)


def test_roles_are_those_of_the_mapping_and_no_more(company: Any) -> None:
    company.do(user(), on=USER)
    (granted,) = follow(company)
    assert granted == SignInGranted(
        person_id=WANG, login="wang@x", roles=("employee",), directory_user=USER
    )
    assert follow(company) == ()
    company.do(ProvisionGroup(name="hr", members=(USER,)), on=GROUP)
    company.do(ProvisionGroup(name="Leaders"), on=LEADERS)
    # It is asked who is in a group, whatever the caller says.
    (granted,) = follow(company, GROUP, LEADERS, UUID(int=99, version=4))
    assert granted.roles == ("employee", "hr", "manager")
    company.do(ProvisionGroup(name="nothing of ours", members=(USER,)), on=GROUP)
    (granted,) = follow(company, GROUP)
    assert granted.roles == ("employee",)
    company.do(SetDirectoryRoles(everyone=(), reason="x"), on=ids.DIRECTORY_ROLES_ID)
    assert follow(company, GROUP) == (SignInRevoked(reason="no role in the directory"),)
    assert follow(company, GROUP) == ()
    company.refuses(
        "unknown-directory-user",
        FollowDirectory(person_id=WANG, user_id=OTHER, groups=()),
        on=SIGN_IN,
    )


@pytest.mark.parametrize("role", ["admin", "integration", "onboarding", "nonsense"])
def test_a_directory_never_makes_administrators(world: Any, role: str) -> None:
    for command in (
        SetDirectoryRoles(everyone=(role,), reason="x"),
        SetDirectoryRoles(groups=(GroupRoles(group="A", roles=("hr", role)),), reason="x"),
    ):
        world.refuses("role-not-mappable", command, on=ids.DIRECTORY_ROLES_ID)


def test_a_group_is_mapped_once(world: Any) -> None:
    twice = (GroupRoles(group="A", roles=("hr",)), GroupRoles(group="a", roles=("finance",)))
    world.refuses(
        "bad-mapping", SetDirectoryRoles(groups=twice, reason="x"), on=ids.DIRECTORY_ROLES_ID
    )


def test_who_leaves_has_no_access_left_even_what_was_granted_by_hand(company: Any) -> None:
    by_hand = GrantSignIn(person_id=WANG, login="wang@x", roles=("admin",))
    company.do(by_hand, on=SIGN_IN)
    company.do(user(), on=USER)
    assert follow(company) == ()
    company.do(user(active=False), on=USER)
    assert follow(company) == (SignInRevoked(reason="deactivated in the directory"),)
    company.do(user(), on=USER)
    # Back as the mapping has it: what was by hand is over.
    (granted,) = follow(company)
    assert granted.roles == ("employee",)
    # An administrator may take it over again.
    company.do(by_hand, on=SIGN_IN)
    assert follow(company) == ()


def test_another_person_is_another_sign_in(company: Any) -> None:
    company.do(user(), on=USER)
    follow(company)
    company.do(LinkUser(person_id=ZHAO), on=USER)
    assert follow(company) == (SignInRevoked(reason="linked to another person"),)
    (granted,) = follow(company, person=ZHAO)
    assert granted.person_id == ZHAO
    # Two users of one person: the second changes nothing of the first.
    company.do(user("zhao@y", number="P-2"), on=OTHER)
    assert follow(company, person=ZHAO, who=OTHER) == ()
