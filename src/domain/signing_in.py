"""Who may sign in through the company's identity provider, and which provider that is."""

import re
from typing import assert_never
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from domain.access import ROLES
from domain.checks import begun, checked_text, known
from domain.directory import DIRECTORY_USER
from domain.directory_groups import DIRECTORY_GROUP, DIRECTORY_ROLES
from domain.ids import DIRECTORY_ROLES_ID
from domain.kernel import Command, Context, Decider, Event, Happened, Personal, Refused
from domain.organisation import PERSON

LOGIN_LENGTH_MAX = 255
_CLAIM = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,99}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


# -- sign-ins 登录授权


class GrantSignIn(Command, frozen=True, kw_only=True):
    """Lets a person sign in with these roles; a second time changes login and roles."""

    person_id: UUID
    login: str
    """What the identity provider calls the person, in the claim that was chosen for it."""
    roles: tuple[str, ...]


class FollowDirectory(Command, frozen=True, kw_only=True):
    """Let a person in as the company's directory and the mapping of its groups say, or no more.

    What somebody granted by hand stays as it is, but for who leaves: then all access ends.
    """

    person_id: UUID
    user_id: UUID
    groups: tuple[UUID, ...]
    """In which the user is said to be; each of them is asked."""


class SignInGranted(Event, frozen=True, kw_only=True):
    TOPIC = "sign-in.granted"
    SUBJECT = "person_id"
    person_id: UUID
    login: Personal[str | None] = None
    roles: tuple[str, ...]
    directory_user: UUID | None = None
    """Of the user of the directory for whom this follows; None for what was granted by hand."""


class RevokeSignIn(Command, frozen=True, kw_only=True):
    reason: str = ""


class SignInRevoked(Event, frozen=True, kw_only=True):
    TOPIC = "sign-in.revoked"
    reason: str = ""


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """A person's sign-in."""

    person_id: UUID
    login: str | None
    """None once the person was erased."""
    roles: tuple[str, ...]
    directory_user: UUID | None = None
    revoked: bool = False


def normal_login(login: str) -> str:
    """How logins are compared: people and providers do not agree about capitals."""
    return login.strip().casefold()


def _decide(
    state: SignIn | None, command: GrantSignIn | RevokeSignIn | FollowDirectory, context: Context
) -> tuple[Event, ...]:
    match command:
        case GrantSignIn():
            return _grant(state, command, context)
        case RevokeSignIn():
            if known(state, "unknown-sign-in", "such sign-in").revoked:
                raise Refused("sign-in-revoked", "The sign-in has been revoked.")
            return (SignInRevoked(reason=checked_text(command.reason, "reason")),)
        case FollowDirectory():
            return _follow(state, command, context)
        case _:
            assert_never(command)


def _follow(state: SignIn | None, command: FollowDirectory, context: Context) -> tuple[Event, ...]:
    user = known(context.look(DIRECTORY_USER, command.user_id), "unknown-directory-user", "user")
    mapping = context.look(DIRECTORY_ROLES, DIRECTORY_ROLES_ID)
    groups = context.look.all(DIRECTORY_GROUP, command.groups)
    there = state is not None and not state.revoked
    ours = there and state is not None and state.directory_user == command.user_id
    if user.person_id != command.person_id:
        # It was linked to another person since.
        return (SignInRevoked(reason="linked to another person"),) if ours else ()
    if not user.comes_in:
        return (SignInRevoked(reason="deactivated in the directory"),) if there else ()
    if there and not ours:
        return ()
    login, roles = normal_login(user.user_name or ""), mapping.of(command.user_id, groups)
    if not login or not roles:
        return (SignInRevoked(reason="no role in the directory"),) if ours else ()
    if there and state is not None and (state.login, state.roles) == (login, roles):
        return ()
    return (
        SignInGranted(
            person_id=command.person_id, login=login, roles=roles, directory_user=command.user_id
        ),
    )


def _grant(state: SignIn | None, command: GrantSignIn, context: Context) -> tuple[Event, ...]:
    known(context.look(PERSON, command.person_id), "unknown-person", "such person")
    given = set(command.roles)
    if not given or len(given) != len(command.roles) or not given <= ROLES:
        raise Refused(
            "unknown-role", f"The roles are one or more of {', '.join(sorted(ROLES))}, each once."
        )
    login = normal_login(checked_text(command.login, "login"))
    if not 0 < len(login) <= LOGIN_LENGTH_MAX:
        raise Refused("bad-login", f"A login has 1 to {LOGIN_LENGTH_MAX} characters.")
    roles = tuple(sorted(given))
    same = state is not None and (state.login, state.roles) == (login, roles)
    if state is not None and not state.revoked and same and state.directory_user is None:
        raise Refused("already-granted", "The person may sign in so already.")
    return (SignInGranted(person_id=command.person_id, login=login, roles=roles),)


def _evolve(state: SignIn | None, happened: Happened[SignInGranted | SignInRevoked]) -> SignIn:
    event = happened.event
    match event:
        case SignInGranted():
            return SignIn(
                person_id=event.person_id,
                login=event.login,
                roles=event.roles,
                directory_user=event.directory_user,
            )
        case SignInRevoked():
            return msgspec.structs.replace(begun(state), revoked=True)
        case _:
            assert_never(event)


SIGN_IN: Decider[SignIn | None] = Decider(
    kind="sign-in", initial=None, decide=_decide, evolve=_evolve
)


# -- the identity provider 身份提供方


class SetIdentityProvider(Command, frozen=True, kw_only=True):
    issuer: str
    """As its tokens name it; nothing of another issuer is ever accepted."""
    client_id: str
    login_claim: str = "email"
    """The claim that holds what `GrantSignIn.login` names."""


class IdentityProviderSet(Event, frozen=True, kw_only=True):
    TOPIC = "identity-provider.set"
    issuer: str
    client_id: str
    login_claim: str


class RemoveIdentityProvider(Command, frozen=True, kw_only=True):
    reason: str = ""


class IdentityProviderRemoved(Event, frozen=True, kw_only=True):
    TOPIC = "identity-provider.removed"
    reason: str = ""


class IdentityProvider(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the company lets tell who somebody is."""

    issuer: str
    client_id: str
    login_claim: str
    removed: bool = False


def _decide_provider(
    state: IdentityProvider | None,
    command: SetIdentityProvider | RemoveIdentityProvider,
    _context: Context,
) -> tuple[Event, ...]:
    match command:
        case SetIdentityProvider():
            return (
                IdentityProviderSet(
                    issuer=_checked_issuer(command.issuer),
                    client_id=_checked_client(command.client_id),
                    login_claim=_checked_claim(command.login_claim),
                ),
            )
        case RemoveIdentityProvider():
            if state is None or state.removed:
                raise Refused("no-identity-provider", "There is no identity provider to remove.")
            return (IdentityProviderRemoved(reason=checked_text(command.reason, "reason")),)
        case _:
            assert_never(command)


def _checked_issuer(issuer: str) -> str:
    try:
        parts = urlsplit(checked_text(issuer, "issuer"))
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Refused("bad-issuer", "The issuer is no address.") from error
    plain = parts.scheme == "http" and host in _LOOPBACK
    if not host or not (parts.scheme == "https" or plain):
        raise Refused("bad-issuer", "The issuer is an https address.")
    if (
        parts.query
        or parts.fragment
        or parts.username is not None
        or len(issuer) > LOGIN_LENGTH_MAX
    ):
        raise Refused("bad-issuer", "The issuer has no query, no fragment and no user.")
    return issuer


def _checked_client(client_id: str) -> str:
    checked = checked_text(client_id, "client id")
    if not 0 < len(checked) <= LOGIN_LENGTH_MAX:
        raise Refused("bad-client", f"A client id has 1 to {LOGIN_LENGTH_MAX} characters.")
    return checked


def _checked_claim(claim: str) -> str:
    if not _CLAIM.fullmatch(claim):
        raise Refused("bad-claim", "The name of a claim is a word, like email or sub.")
    return claim


def _evolve_provider(
    state: IdentityProvider | None,
    happened: Happened[IdentityProviderSet | IdentityProviderRemoved],
) -> IdentityProvider:
    event = happened.event
    match event:
        case IdentityProviderSet():
            return IdentityProvider(
                issuer=event.issuer, client_id=event.client_id, login_claim=event.login_claim
            )
        case IdentityProviderRemoved():
            return msgspec.structs.replace(begun(state), removed=True)
        case _:
            assert_never(event)


IDENTITY_PROVIDER: Decider[IdentityProvider | None] = Decider(
    kind="identity-provider", initial=None, decide=_decide_provider, evolve=_evolve_provider
)
