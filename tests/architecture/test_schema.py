"""The schema keeps tenants apart, and scales out by tenant: asked of the catalogue."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import asyncpg
import pytest
import pytest_asyncio

from projections.catalogue import PROJECTIONS
from projections.kernel import install
from tenancy.lint import LINT, Finding, findings
from tenancy.migrate import migrate

pytestmark = pytest.mark.both_postgres

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def superuser(new_database: Callable[[], Awaitable[Any]]) -> AsyncIterator[Connection]:
    """All of the product's tables, in a database where a test may plant what it likes."""
    addresses = await new_database()
    await migrate(addresses.owner)
    await install(addresses.owner, PROJECTIONS)
    connection = await asyncpg.connect(addresses.superuser)
    yield connection
    await connection.close()


async def test_the_schema_is_clean(superuser: Connection) -> None:
    tables = await superuser.fetchval(
        "SELECT count(*) FROM pg_tables WHERE schemaname IN ('merit', 'merit_views')"
    )
    assert tables > 15, "the lint looked at an empty database"
    assert await findings(superuser) == []


PROTECTED = "SELECT merit.protect('merit.planted')"
TABLE = "CREATE TABLE merit.planted (tenant_id uuid PRIMARY KEY, n int, extra int)"

PLANTED = {
    "S01": "CREATE TABLE merit.planted (id uuid PRIMARY KEY)",
    "S01 not uuid": "CREATE TABLE merit.planted (tenant_id text PRIMARY KEY)",
    "S01 null": "CREATE TABLE merit.planted (tenant_id uuid, n int, UNIQUE (tenant_id, n))",
    "S02": "CREATE TABLE merit.planted (tenant_id uuid NOT NULL)",
    "S03": "CREATE TABLE merit.planted (n int, tenant_id uuid, PRIMARY KEY (n, tenant_id))",
    "S03 index": f"{TABLE}; CREATE UNIQUE INDEX ON merit.planted (n)",
    "S04": """CREATE TABLE merit.other (tenant_id uuid, n uuid, PRIMARY KEY (tenant_id, n));
              CREATE TABLE merit.planted (tenant_id uuid, n uuid, PRIMARY KEY (tenant_id, n),
                  FOREIGN KEY (n, tenant_id) REFERENCES merit.other (tenant_id, n))""",
    "S05": f"""{TABLE};
               ALTER TABLE merit.tenants ADD FOREIGN KEY (tenant_id) REFERENCES merit.planted""",
    "S06": """CREATE TABLE public.outside (tenant_id uuid PRIMARY KEY);
              CREATE TABLE merit.planted (tenant_id uuid PRIMARY KEY REFERENCES public.outside)""",
    "S07": """CREATE TABLE merit.planted (tenant_id uuid PRIMARY KEY
                  REFERENCES merit.tenants ON DELETE CASCADE)""",
    "S08": "CREATE TABLE merit.planted (tenant_id uuid, n serial, PRIMARY KEY (tenant_id, n))",
    "S08 identity": """CREATE TABLE merit.planted (tenant_id uuid,
                           n int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (tenant_id, n))""",
    "S09": f"{TABLE}; {PROTECTED}; ALTER TABLE merit.planted FORCE ROW LEVEL SECURITY",
    "S10": "CREATE UNLOGGED TABLE merit.planted (tenant_id uuid PRIMARY KEY)",
    "S10 child": f"""{TABLE};
                     CREATE TABLE merit.child (PRIMARY KEY (tenant_id)) INHERITS (merit.planted)""",
    "S11": f"""{TABLE}; CREATE TRIGGER busy BEFORE INSERT ON merit.planted FOR EACH ROW
               EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
    "S12": """CREATE FUNCTION merit.planted(p_tenant uuid) RETURNS void LANGUAGE sql AS
              'SELECT pg_advisory_xact_lock(1)'""",
    "S13": """CREATE FUNCTION merit.planted() RETURNS text LANGUAGE sql AS
              $$SELECT set_config('merit.tenant', 'x', true)$$""",
    "S14": """CREATE FUNCTION merit.planted(p_n int) RETURNS void LANGUAGE sql AS
              $$DELETE FROM merit.streams$$""",
    "S15": """CREATE FUNCTION merit.planted(p_tenant uuid) RETURNS void LANGUAGE sql AS
              $$UPDATE merit.tenants SET created_at = clock_timestamp()$$""",
    "S16": """CREATE FUNCTION merit.planted(p_tenant uuid) RETURNS bigint LANGUAGE sql AS
              $$SELECT head FROM merit.heads WHERE tenant_id = p_tenant FOR UPDATE$$""",
    "S17": """CREATE FUNCTION merit.planted(p_tenant uuid) RETURNS void LANGUAGE sql AS
              $$INSERT INTO merit.heads SELECT p_tenant, n FROM unnest('{1}'::bigint[]) n$$""",
    "S18": """CREATE FUNCTION merit.planted(p_tenant uuid) RETURNS void LANGUAGE sql AS
              $$INSERT INTO merit.tenants SELECT p_tenant, 'x', 'active', clock_timestamp()$$""",
    "I01": f"{TABLE}; {PROTECTED}; ALTER TABLE merit.planted DISABLE ROW LEVEL SECURITY",
    "I02": f"{TABLE}; ALTER TABLE merit.planted ENABLE ROW LEVEL SECURITY",
    "I03": f"{TABLE}; {PROTECTED}; CREATE POLICY wide ON merit.planted USING (true)",
    "I03 weak": f"""{TABLE}; {PROTECTED};
                    ALTER POLICY tenant_isolation ON merit.planted USING (true)""",
    "I03 write": f"""{TABLE}; {PROTECTED};
                     ALTER POLICY tenant_isolation ON merit.planted WITH CHECK (true)""",
    "I04": "CREATE VIEW merit.planted AS SELECT * FROM merit.events",
    "I05": "CREATE MATERIALIZED VIEW merit.planted AS SELECT * FROM merit.events",
    "I06": """CREATE FUNCTION merit.planted() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
              'SELECT count(*) FROM merit.events'""",
    "I07": f"{TABLE}; {PROTECTED}; ALTER TABLE merit.planted OWNER TO merit_app",
    "I07 function": """CREATE FUNCTION merit.planted() RETURNS int LANGUAGE sql AS 'SELECT 1';
                       ALTER FUNCTION merit.planted OWNER TO merit""",
    "I08": "ALTER ROLE merit_app BYPASSRLS",
    "I08 login": "ALTER ROLE merit CREATEROLE",
    "I09": "GRANT merit_owner TO merit",
    "I10": "GRANT CREATE ON SCHEMA merit TO merit_app",
    "I11": "GRANT TRUNCATE ON merit.heads TO merit_app",
    "I12": "GRANT SELECT ON merit.tenants TO PUBLIC",
    "I13": "GRANT UPDATE (name) ON merit.tenants TO merit_auditor",
    "I14": "GRANT UPDATE (payload) ON merit.events TO merit_app",
}


@pytest.mark.parametrize("rule", PLANTED)
async def test_a_planted_violation_is_found(superuser: Connection, rule: str) -> None:
    """Each rule can fail: else a clean schema would say nothing."""
    planting = superuser.transaction()
    await planting.start()
    try:
        await superuser.execute(PLANTED[rule])
        found = await findings(superuser)
    finally:
        await planting.rollback()
    assert rule.split(maxsplit=1)[0] in {finding.rule.split()[0] for finding in found}, found


def test_every_rule_is_planted() -> None:
    assert set(re.findall(r"'([SI]\d\d) ", LINT)) == {rule.split()[0] for rule in PLANTED}


async def test_a_table_without_tenant_needs_to_be_listed(superuser: Connection) -> None:
    listed = ("merit.schema_migrations", "merit.tenants")
    found = await findings(superuser, without_tenant=listed)
    assert Finding("I01 row-level security is not enabled", "merit.access_keys", "") in found
