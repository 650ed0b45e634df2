"""What of a view is in force on a day: for replays that ask for both times."""

from collections.abc import Callable
from copy import copy
from datetime import date
from typing import Any

import msgspec

from projections.directory import Employment, Job, OrgUnit, job_as_of, show_work, unit_as_of
from projections.pay_ledger import Account
from projections.tables import Row

_BEGINS = ("hired_on", "valid_from", "effective_on")
"""Fields that say from which day on a row is in force."""


def in_force_on(day: date) -> Callable[[Row], Row | None]:
    """Leaves out rows, and dated parts of rows, that take effect after `day`.

    Rows without such a day are as they are. Balances are left out: the entries say them.
    """

    def cut(row: Row) -> Row | None:
        begins = [getattr(row, name) for name in _BEGINS if hasattr(row, name)]
        if isinstance(row, Account) or any(each > day for each in begins):
            return None
        if isinstance(row, OrgUnit):
            return _parts(unit_as_of(row, day), day)
        if isinstance(row, Job):
            return _parts(job_as_of(row, day), day)
        row = _parts(row, day)
        if isinstance(row, Employment) and row.assignments:
            show_work(row, row.assignments[-1].assignment)
        return row

    return cut


def _parts(row: Row, day: date) -> Row:
    row = copy(row)
    for field in msgspec.structs.fields(row):
        value: Any = getattr(row, field.name)
        if isinstance(value, tuple) and value and hasattr(value[0], "effective_from"):
            kept = tuple(each for each in value if each.effective_from <= day)
            setattr(row, field.name, kept)
    return row
