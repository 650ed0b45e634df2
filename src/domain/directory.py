"""Users as a company's own directory sees them, and the people of ours whom they are. 目录同步"""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never
from uuid import UUID

import msgspec

from domain.checks import begun, known
from domain.ids import person_id
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.organisation import PERSON

TEXT_MAX = 255
EMAILS_MAX = 20


class Email(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address, of a kind such as work."""

    value: str
    type: str | None = None
    primary: bool | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the directory knows of somebody and we keep: what people are recognised by."""

    display_name: str | None = None
    formatted: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    emails: tuple[Email, ...] = ()
    employee_number: str | None = None
    department: str | None = None


# -- users 目录用户


class ProvisionUser(Command, frozen=True, kw_only=True):
    """The user is so now; the first time it begins, or begins again after it was removed."""

    user_name: str
    external_id: str | None = None
    profile: Profile = Profile()
    active: bool = True


class LinkUser(Command, frozen=True, kw_only=True):
    """This user is that person."""

    person_id: UUID


class RemoveUser(Command, frozen=True, kw_only=True):
    """The directory does not know the user any more."""


class DirectoryUserProvisioned(Event, frozen=True, kw_only=True):
    """What is personal is under the user's own key, which goes with the person's."""

    TOPIC = "directory-user.provisioned"
    user_name: Personal[str | None] = None
    external_id: Personal[str | None] = None
    profile: Personal[Profile | None] = None
    active: bool = True


class DirectoryUserChanged(Event, frozen=True, kw_only=True):
    TOPIC = "directory-user.changed"
    user_name: Personal[str | None] = None
    external_id: Personal[str | None] = None
    profile: Personal[Profile | None] = None


class DirectoryUserDeactivated(Event, frozen=True, kw_only=True):
    """All access ends: sign-in, sessions, the person's keys. 停用"""

    TOPIC = "directory-user.deactivated"


class DirectoryUserActivated(Event, frozen=True, kw_only=True):
    TOPIC = "directory-user.activated"


class DirectoryUserLinked(Event, frozen=True, kw_only=True):
    """关联人员"""

    TOPIC = "directory-user.linked"
    person_id: UUID


class DirectoryUserRemoved(Event, frozen=True, kw_only=True):
    TOPIC = "directory-user.removed"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the directory as it is now."""

    user_name: str | None
    """None once the person was erased."""
    external_id: str | None
    profile: Profile | None
    active: bool
    began_at: datetime
    changed_at: datetime
    person_id: UUID | None = None
    removed: bool = False

    @property
    def comes_in(self) -> bool:
        """Whether the directory lets the user in."""
        return self.active and not self.removed


UserCommand = ProvisionUser | LinkUser | RemoveUser
UserEvent = (
    DirectoryUserProvisioned
    | DirectoryUserChanged
    | DirectoryUserDeactivated
    | DirectoryUserActivated
    | DirectoryUserLinked
    | DirectoryUserRemoved
)


def _decide_user(
    state: User | None, command: UserCommand, context: Context
) -> tuple[UserEvent, ...]:
    match command:
        case ProvisionUser():
            return (*_provisioned(state, command), *_linked(state, command.profile, context))
        case LinkUser():
            user = there(state)
            known(context.look(PERSON, command.person_id), "unknown-person", "such person")
            if user.person_id == command.person_id:
                raise Refused("already-linked", "The user is linked to that person.")
            return (DirectoryUserLinked(person_id=command.person_id),)
        case RemoveUser():
            there(state)
            return (DirectoryUserRemoved(),)
        case _:
            assert_never(command)


def there(state: User | None) -> User:
    """The user, if it was not removed."""
    user = known(state, "unknown-directory-user", "such user")
    if user.removed:
        raise Refused("unknown-directory-user", "The user was removed.")
    return user


def _provisioned(state: User | None, command: ProvisionUser) -> Iterable[UserEvent]:
    name = checked_directory_text(command.user_name, "user name")
    if not name:
        raise Refused("bad-directory-text", "A user has a name.")
    external = checked_directory_text(command.external_id, "external id")
    profile = _checked(command.profile)
    if state is None or state.removed:
        yield DirectoryUserProvisioned(
            user_name=name, external_id=external, profile=profile, active=command.active
        )
        return
    if (state.user_name, state.external_id, state.profile) != (name, external, profile):
        yield DirectoryUserChanged(user_name=name, external_id=external, profile=profile)
    if state.active and not command.active:
        yield DirectoryUserDeactivated()
    if command.active and not state.active:
        yield DirectoryUserActivated()


def _linked(state: User | None, profile: Profile, context: Context) -> Iterable[UserEvent]:
    # By the employee number, once: who corrects a link later is a person of the company.
    number = (profile.employee_number or "").strip()
    if not number or (state is not None and state.person_id is not None):
        return
    person = person_id(number)
    if context.look(PERSON, person) is not None:
        yield DirectoryUserLinked(person_id=person)


def _checked(profile: Profile) -> Profile:
    for name in profile.__struct_fields__:
        if name != "emails":
            checked_directory_text(getattr(profile, name), name)
    if len(profile.emails) > EMAILS_MAX:
        raise Refused("bad-directory-text", f"A user has at most {EMAILS_MAX} addresses.")
    for each in profile.emails:
        checked_directory_text(each.value, "address")
        checked_directory_text(each.type, "type")
    return profile


def checked_directory_text(text: str | None, what: str) -> str | None:
    """`text`, if it is one that a directory may say."""
    if text is not None and (len(text) > TEXT_MAX or not text.isprintable()):
        raise Refused("bad-directory-text", f"The {what} has at most {TEXT_MAX} characters.")
    return text


def _evolve_user(state: User | None, happened: Happened[UserEvent]) -> User:
    event, at = happened.event, happened.recorded_at
    if isinstance(event, DirectoryUserProvisioned):
        return User(
            user_name=event.user_name,
            external_id=event.external_id,
            profile=event.profile,
            active=event.active,
            began_at=at,
            changed_at=at,
            # Who was removed and comes again is who they were.
            person_id=None if state is None else state.person_id,
        )
    user = msgspec.structs.replace(begun(state), changed_at=at)
    match event:
        case DirectoryUserChanged():
            return msgspec.structs.replace(
                user,
                user_name=event.user_name,
                external_id=event.external_id,
                profile=event.profile,
            )
        case DirectoryUserDeactivated():
            return msgspec.structs.replace(user, active=False)
        case DirectoryUserActivated():
            return msgspec.structs.replace(user, active=True)
        case DirectoryUserLinked():
            return msgspec.structs.replace(user, person_id=event.person_id)
        case DirectoryUserRemoved():
            return msgspec.structs.replace(user, removed=True)
        case _:
            assert_never(event)


DIRECTORY_USER: Decider[User | None] = Decider(
    kind="directory-user", initial=None, decide=_decide_user, evolve=_evolve_user
)
