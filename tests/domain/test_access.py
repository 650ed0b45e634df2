"""Access keys: known roles, a person that exists, an end in the future, revoked once."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from domain.access import (
    ACCESS_KEY,
    AccessKeyIssued,
    AccessKeyRevoked,
    IssueAccessKey,
    RevokeAccessKey,
)
from domain.organisation import PersonRegistered

Given = Callable[..., Any]

ANN = uuid4()
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
