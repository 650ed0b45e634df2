"""The script that spreads the schema over a cluster names every table, each the right way.

Citus is not installed where tests run, so its functions are stood in for by ones that write down
what they were asked. What Citus itself says was tried when the script was written.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tenancy.lint import WITHOUT_TENANT

SCRIPT = (Path(__file__).parents[2] / "ops" / "deploy" / "citus" / "distribute.sql").read_text(
    encoding="utf-8"
)

STAND_IN = """
CREATE TEMPORARY TABLE asked (n serial, what text, relation text, colocated text);
CREATE TEMPORARY TABLE pg_dist_partition (logicalrelid regclass);
CREATE FUNCTION pg_temp.create_reference_table(r regclass) RETURNS void LANGUAGE sql AS $$
    INSERT INTO asked (what, relation) VALUES ('reference', r::text);
    INSERT INTO pg_dist_partition VALUES (r)
$$;
CREATE FUNCTION pg_temp.create_distributed_table(
    r regclass, c text, shard_count integer DEFAULT 32, colocate_with text DEFAULT 'default')
RETURNS void LANGUAGE sql AS $$
    INSERT INTO asked (what, relation, colocated) VALUES (c, r::text, colocate_with);
    INSERT INTO pg_dist_partition VALUES (r)
$$;
CREATE FUNCTION pg_temp.create_distributed_function(f regprocedure, a text, colocate_with text)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO asked (what, relation, colocated) VALUES (a, f::regproc::text, colocate_with)
$$;
"""

TABLES = """
SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('merit', 'merit_views') AND c.relkind = 'r'
"""
REFERS = """
SELECT conrelid::regclass::text AS here, confrelid::regclass::text AS there FROM pg_constraint
WHERE contype = 'f' AND conrelid <> confrelid
"""


@pytest_asyncio.fixture
async def owner(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(owner_url)
    # Temporary functions are found by their plain name where the script is made to look there.
    await connection.execute(STAND_IN)
    yield connection
    await connection.close()


def run_of(script: str) -> str:
    for name in (
        "create_reference_table",
        "create_distributed_table",
        "create_distributed_function",
    ):
        script = script.replace(f"{name}(", f"pg_temp.{name}(")
    return script


@pytest.mark.both_postgres
async def test_every_table_goes_where_it_belongs(owner: asyncpg.Connection) -> None:
    await owner.execute(run_of(SCRIPT))
    asked = await owner.fetch("SELECT what, relation, colocated FROM asked ORDER BY n")
    tables = {row["name"] for row in await owner.fetch(TABLES)}
    references = [row["relation"] for row in asked if row["what"] == "reference"]
    by_tenant = [row["relation"] for row in asked if row["what"] == "tenant_id"]

    assert set(references) == set(WITHOUT_TENANT)
    assert set(by_tenant) == tables - set(WITHOUT_TENANT)
    assert by_tenant[0] == "merit.heads"
    assert {row["colocated"] for row in asked if row["relation"] in by_tenant[1:]} == {
        "merit.heads"
    }
    functions = {row["relation"] for row in asked if row["what"] == "p_tenant"}
    assert functions == {"merit.append", "merit.events_of"}
    order = [row["relation"] for row in asked]
    for row in await owner.fetch(REFERS):
        assert order.index(row["there"]) < order.index(row["here"]), dict(row)


@pytest.mark.both_postgres
async def test_it_may_be_run_again(owner: asyncpg.Connection) -> None:
    await owner.execute(run_of(SCRIPT))
    await owner.execute("DELETE FROM asked")
    await owner.execute(run_of(SCRIPT))
    again = await owner.fetch("SELECT relation FROM asked WHERE what <> 'p_tenant'")
    assert again == []
