"""Sign-ins: of a person, by a login, with known roles; and the provider that knows the login."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from domain.organisation import PersonRegistered
from domain.signing_in import (
    IDENTITY_PROVIDER,
    SIGN_IN,
    GrantSignIn,
    IdentityProviderRemoved,
    IdentityProviderSet,
    RemoveIdentityProvider,
    RevokeSignIn,
    SetIdentityProvider,
    SignInGranted,
    SignInRevoked,
)

Given = Callable[..., Any]

ANN = uuid4()
IS_ANN = PersonRegistered(number="1", name="Ann")
GRANT = GrantSignIn(person_id=ANN, login=" Ann@Example.com ", roles=("hr", "employee"))
GRANTED = SignInGranted(person_id=ANN, login="ann@example.com", roles=("employee", "hr"))
REVOKED = SignInRevoked(reason="left")


def test_a_person_may_sign_in_until_it_is_revoked(given: Given) -> None:
    given(SIGN_IN).beside(ANN, IS_ANN).when(GRANT).then(GRANTED)
    given(SIGN_IN, GRANTED).beside(ANN, IS_ANN).when(GRANT).refused("already-granted")
    given(SIGN_IN, GRANTED).when(RevokeSignIn(reason="left")).then(REVOKED)
    given(SIGN_IN, GRANTED, REVOKED).when(RevokeSignIn()).refused("sign-in-revoked")
    given(SIGN_IN, GRANTED, REVOKED).beside(ANN, IS_ANN).when(GRANT).then(GRANTED)
    given(SIGN_IN).when(RevokeSignIn()).refused("unknown-sign-in")


def test_login_and_roles_may_change(given: Given) -> None:
    other = msgspec.structs.replace(GRANT, roles=("finance",))
    given(SIGN_IN, GRANTED).beside(ANN, IS_ANN).when(other).then(
        msgspec.structs.replace(GRANTED, roles=("finance",))
    )


def test_who_signs_in_is_a_person_with_known_roles(given: Given) -> None:
    given(SIGN_IN).when(GRANT).refused("unknown-person")
    for roles in ((), ("root",), ("hr", "hr")):
        grant = msgspec.structs.replace(GRANT, roles=roles)
        given(SIGN_IN).beside(ANN, IS_ANN).when(grant).refused("unknown-role")
    for login in ("", "  ", "x" * 256):
        grant = msgspec.structs.replace(GRANT, login=login)
        given(SIGN_IN).beside(ANN, IS_ANN).when(grant).refused("bad-login")


SET = SetIdentityProvider(issuer="https://login.example/tenant", client_id="merit")
WAS_SET = IdentityProviderSet(
    issuer="https://login.example/tenant", client_id="merit", login_claim="email"
)


def test_a_provider_is_set_changed_and_removed(given: Given) -> None:
    given(IDENTITY_PROVIDER).when(SET).then(WAS_SET)
    given(IDENTITY_PROVIDER, WAS_SET).when(SET).then(WAS_SET)
    remove = RemoveIdentityProvider(reason="moved")
    removed = IdentityProviderRemoved(reason="moved")
    given(IDENTITY_PROVIDER, WAS_SET).when(remove).then(removed)
    given(IDENTITY_PROVIDER, WAS_SET, removed).when(remove).refused("no-identity-provider")
    given(IDENTITY_PROVIDER).when(remove).refused("no-identity-provider")


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "login.example",
        "http://login.example",
        "ftp://login.example",
        "https://",
        "https://user@login.example",
        "https://login.example?x=1",
        "https://login.example#x",
        "https://login.example:port",
        "https://[::1",
        "https://" + "x" * 250,
    ],
)
def test_an_issuer_is_an_https_address(given: Given, issuer: str) -> None:
    given(IDENTITY_PROVIDER).when(msgspec.structs.replace(SET, issuer=issuer)).refused("bad-issuer")


def test_over_http_there_are_issuers_on_this_machine_alone(given: Given) -> None:
    local = msgspec.structs.replace(SET, issuer="http://127.0.0.1:8920")
    given(IDENTITY_PROVIDER).when(local).then(
        msgspec.structs.replace(WAS_SET, issuer="http://127.0.0.1:8920")
    )


def test_client_and_claim_have_names(given: Given) -> None:
    for client in ("", "x" * 256):
        command = msgspec.structs.replace(SET, client_id=client)
        given(IDENTITY_PROVIDER).when(command).refused("bad-client")
    for claim in ("", "e mail", "1", "x" * 101):
        command = msgspec.structs.replace(SET, login_claim=claim)
        given(IDENTITY_PROVIDER).when(command).refused("bad-claim")
