"""Asks the database's catalogue whether the schema keeps tenants apart and scales by tenant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

SCHEMAS: Final = ("merit", "merit_views")
WITHOUT_TENANT: Final = (
    "merit.schema_migrations",
    "merit.tenants",
    "merit.access_keys",
    "merit.sessions",
)
"""Read before a tenant is known; adding one needs a reason that its migration tells."""
RUN_TIME_ROLES: Final = ("merit_app", "merit_auditor")

LINT: Final = (Path(__file__).parent / "schema" / "lint.sql").read_text(encoding="utf-8")


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that must not be."""

    rule: str
    object: str
    detail: str


class Asks(Protocol):
    """Any connection: a pool's, a tenant's, an owner's."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Any]: ...


async def findings(
    connection: Asks,
    *,
    schemas: Sequence[str] = SCHEMAS,
    without_tenant: Sequence[str] = WITHOUT_TENANT,
) -> list[Finding]:
    """What is wrong with the schema of this database; an empty list is clean."""
    rows = await connection.fetch(LINT, list(schemas), list(without_tenant), list(RUN_TIME_ROLES))
    return [Finding(*row) for row in rows]
