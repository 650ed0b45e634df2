"""The end of a tenant's views: every row of every version, cursors, and snapshots."""

from uuid import UUID

from projections.snapshots import FORGET
from projections.tables import SCHEMA, WHOLE_VIEW_S_MAX
from tenancy.database import Database

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY tablename"
CURSORS = "DELETE FROM merit.cursors WHERE tenant_id = $1"
FOLLOWERS = "DELETE FROM merit.followers WHERE tenant_id = $1"


async def empty_views(database: Database, tenant_id: UUID) -> int:
    """Remove what all views hold of a tenant; how many rows that were."""
    gone = 0
    async with database.transaction(tenant_id) as connection:
        names = [row["tablename"] for row in await connection.fetch(TABLES, SCHEMA)]
        for name in names:
            done = await connection.execute(
                f"DELETE FROM {SCHEMA}.{name} WHERE tenant_id = $1",  # noqa: S608 - our own tables
                tenant_id,
                timeout=WHOLE_VIEW_S_MAX,
            )
            gone += int(done.rpartition(" ")[2])
        await connection.execute(CURSORS, tenant_id)
        await connection.execute(FOLLOWERS, tenant_id)
        await connection.execute(FORGET, tenant_id)
    return gone
