"""An entry of the audit of reads: the same of every answer, whoever gives it."""

from collections.abc import Iterable
from itertools import islice
from typing import Final
from uuid import UUID

from api.auth import Caller
from tenancy.read_audit import Read
from tenancy.records import Stamp

SUBJECTS_MAX: Final = 1_000


def read_by(
    caller: Caller,
    stamp: Stamp,
    method: str,
    route: str,
    *,
    row_count: int,
    subjects: Iterable[UUID] = (),
    fields: tuple[str, ...] = (),
    purpose: str = "",
    position: int | None = None,
) -> Read:
    """That this caller is told something now; the first `SUBJECTS_MAX` subjects are kept."""
    return Read(
        read_at=stamp.now,
        request_id=stamp.correlation_id or caller.key_id,
        actor=caller.reader,
        key_id=caller.key_id,
        method=method,
        route=route,
        purpose=purpose,
        subjects=tuple(islice(subjects, SUBJECTS_MAX)),
        fields=fields,
        row_count=row_count,
        position=position,
    )
