"""What a key was used for, and what a repeat is told."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenancy.errors import IdempotencyConflict
from tenancy.idempotency import Remembered, fingerprint, replay
from tenancy.records import Idempotency, Receipt

FIRST = Remembered(fingerprint=fingerprint("POST", "/a"), stream_id=uuid4(), version=3, position=9)


def test_a_repeat_has_the_first_receipt_and_says_so() -> None:
    asked = Idempotency(key="k", fingerprint=fingerprint("POST", "/a"))
    assert replay(asked, FIRST) == Receipt(
        stream_id=FIRST.stream_id, version=3, position=9, replayed=True
    )


def test_another_request_under_the_same_key_is_a_conflict() -> None:
    with pytest.raises(IdempotencyConflict, match="'k'"):
        replay(Idempotency(key="k", fingerprint=fingerprint("POST", "/b")), FIRST)


parts = st.lists(st.binary(max_size=4), max_size=4)


@given(parts, parts)
def test_different_requests_have_different_fingerprints(one: list[bytes], two: list[bytes]) -> None:
    assert (fingerprint(*one) == fingerprint(*two)) == (one == two)


def test_a_text_counts_as_its_bytes() -> None:
    assert fingerprint("绩效", b"x") == fingerprint("绩效".encode(), "x")
    assert len(fingerprint()) == 32
