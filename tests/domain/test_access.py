"""Access keys: known roles, a person that exists, an end in the future, revoked once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from domain.access import (
    ACCESS_KEY,
    AccessKeyIssued,
    AccessKeyReplaced,
    AccessKeyRevoked,
    IssueAccessKey,
    RevokeAccessKey,
    RotateAccessKey,
)
from domain.kernel import Elsewhere
from domain.organisation import PersonRegistered

Given = Callable[..., Any]

ANN = uuid4()
NOW = datetime(2025, 4, 1, 8, tzinfo=UTC)
"""When decisions are taken here."""
ISSUE = IssueAccessKey(name="payroll", roles=("finance", "hr"))
ISSUED = AccessKeyIssued(name="payroll", roles=("finance", "hr"))
REVOKED = AccessKeyRevoked(reason="left")


def test_a_key_is_issued_once_and_revoked_once(given: Given) -> None:
    given(ACCESS_KEY).when(ISSUE).then(ISSUED)
    given(ACCESS_KEY, ISSUED).when(ISSUE).refused("already-exists")
    given(ACCESS_KEY, ISSUED).when(RevokeAccessKey(reason="left")).then(REVOKED)
    given(ACCESS_KEY, ISSUED, REVOKED).when(RevokeAccessKey()).refused("already-revoked")
    given(ACCESS_KEY).when(RevokeAccessKey()).refused("unknown-access-key")


@pytest.mark.parametrize("roles", [(), ("root",), ("hr", "hr"), ("hr", "HR")])
def test_roles_are_known_ones(given: Given, roles: tuple[str, ...]) -> None:
    given(ACCESS_KEY).when(msgspec.structs.replace(ISSUE, roles=roles)).refused("unknown-role")


def test_a_key_stands_for_a_person_that_exists(given: Given) -> None:
    issue = msgspec.structs.replace(ISSUE, person_id=ANN)
    given(ACCESS_KEY).when(issue).refused("unknown-person")
    given(ACCESS_KEY).beside(ANN, PersonRegistered(number="1", name="Ann")).when(issue).then(
        msgspec.structs.replace(ISSUED, person_id=ANN)
    )


def test_a_key_ends_in_the_future(given: Given) -> None:
    past = datetime(2025, 1, 1, tzinfo=UTC)
    given(ACCESS_KEY).when(msgspec.structs.replace(ISSUE, expires_at=past)).refused(
        "expiry-in-past"
    )
    nowhere = datetime(2026, 1, 1)  # noqa: DTZ001 - a time without an offset is what is refused
    given(ACCESS_KEY).when(msgspec.structs.replace(ISSUE, expires_at=nowhere)).refused("bad-date")
    future = datetime(2026, 1, 1, tzinfo=UTC)
    given(ACCESS_KEY).when(msgspec.structs.replace(ISSUE, expires_at=future)).then(
        msgspec.structs.replace(ISSUED, expires_at=future)
    )


def test_a_key_has_a_name(given: Given) -> None:
    given(ACCESS_KEY).when(msgspec.structs.replace(ISSUE, name="")).refused("bad-name")


@pytest.mark.parametrize("scope", ["", "all", "people", "people:", "people:delete", "People:read"])
def test_a_scope_is_reading_or_writing(given: Given, scope: str) -> None:
    given(ACCESS_KEY).when(msgspec.structs.replace(ISSUE, scopes=(scope,))).refused("bad-scope")


def test_scopes_are_kept_each_once(given: Given) -> None:
    scopes = ("write", "people:read", "write")
    given(ACCESS_KEY).when(msgspec.structs.replace(ISSUE, scopes=scopes)).then(
        msgspec.structs.replace(ISSUED, scopes=("people:read", "write"))
    )


NEXT = uuid4()
ROTATE = RotateAccessKey(new_key_id=NEXT, overlap_h=2)


def test_a_key_is_replaced_by_one_like_it(given: Given) -> None:
    scoped = msgspec.structs.replace(ISSUED, scopes=("read",))
    replaced = AccessKeyReplaced(by=NEXT, expires_at=NOW + timedelta(hours=2))
    given(ACCESS_KEY, scoped).when(ROTATE).then(replaced, Elsewhere(NEXT, scoped))


def test_a_replaced_key_lives_no_longer_than_it_would_have(given: Given) -> None:
    soon = NOW + timedelta(hours=1)
    ends = msgspec.structs.replace(ISSUED, expires_at=soon)
    longer = msgspec.structs.replace(ROTATE, expires_at=NOW + timedelta(days=90))
    given(ACCESS_KEY, ends).when(longer).then(
        AccessKeyReplaced(by=NEXT, expires_at=soon),
        Elsewhere(NEXT, msgspec.structs.replace(ISSUED, expires_at=longer.expires_at)),
    )


def test_what_opens_nothing_is_not_replaced(given: Given) -> None:
    given(ACCESS_KEY).when(ROTATE).refused("unknown-access-key")
    given(ACCESS_KEY, ISSUED, REVOKED).when(ROTATE).refused("already-revoked")
    expired = msgspec.structs.replace(ISSUED, expires_at=NOW)
    given(ACCESS_KEY, expired).when(ROTATE).refused("key-expired")
    for hours in (-1, 721):
        rotate = msgspec.structs.replace(ROTATE, overlap_h=hours)
        given(ACCESS_KEY, ISSUED).when(rotate).refused("bad-overlap")
