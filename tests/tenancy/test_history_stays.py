"""No role of the running product can change or delete history, not even its own tenant's."""

from uuid import UUID

import asyncpg
import pytest

from tenancy.database import Database

KEPT = (
    "merit.events",
    "merit.commands",
    "merit.checkpoints",
    "merit.reads",
    "merit.read_batches",
)
STATEMENTS = ("DELETE FROM {0}", "UPDATE {0} SET tenant_id = tenant_id", "TRUNCATE {0}")


@pytest.mark.both_postgres
@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("table", KEPT)
async def test_what_was_written_cannot_be_taken_back(
    database: Database, tenant_id: UUID, table: str, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction(tenant_id) as connection:
            await connection.execute(statement.format(table))


@pytest.mark.both_postgres
@pytest.mark.parametrize("role", ["merit_app", "merit_auditor"])
async def test_the_catalogue_of_rights_says_so_too(database: Database, role: str) -> None:
    """Also for auditors, as whom nobody logs in here."""
    async with database.connection() as connection:
        for table in KEPT:
            for right in ("DELETE", "TRUNCATE", "UPDATE"):
                asked = "SELECT has_table_privilege($1, $2, $3)"
                assert not await connection.fetchval(asked, role, table, right), (table, right)
