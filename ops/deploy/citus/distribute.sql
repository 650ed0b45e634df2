-- Spreads a migrated database over the nodes of a Citus cluster, by tenant. Run it on the
-- coordinator as merit_owner, after each `merit migrate`: what is distributed already is left alone,
-- tables of new views are added.
--
--   psql "$MERIT_OWNER_DATABASE_URL" --set ON_ERROR_STOP=1 --file distribute.sql
--
-- Every table of tenants' rows is distributed by tenant_id into one colocation group, so each
-- tenant's rows lie together and each statement of ours goes to one shard. Tables without tenants
-- are few, small, and read before a tenant is known: every node has a copy.
SET lock_timeout = '5s';
SET statement_timeout = '30min';

DO $$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'merit' AND c.relkind = 'r'
           AND NOT EXISTS (SELECT FROM pg_policy p
                            WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation')
           AND NOT EXISTS (SELECT FROM pg_dist_partition d WHERE d.logicalrelid = c.oid)
         -- Those that others refer to come first.
         ORDER BY (SELECT count(*) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f'),
                  c.relname
    LOOP
        RAISE NOTICE 'to every node: %', v_table;
        PERFORM create_reference_table(v_table);
    END LOOP;

    -- The head rows lead: every append begins there, and all others lie beside them.
    IF NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = 'merit.heads'::regclass) THEN
        RAISE NOTICE 'by tenant: merit.heads';
        PERFORM create_distributed_table('merit.heads'::regclass, 'tenant_id', shard_count => 64);
    END IF;
    FOR v_table IN
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ('merit', 'merit_views') AND c.relkind = 'r'
           AND EXISTS (SELECT FROM pg_policy p
                        WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation')
           AND NOT EXISTS (SELECT FROM pg_dist_partition d WHERE d.logicalrelid = c.oid)
         -- Those that others refer to come first; what refers to tables on every node may come anywhere.
         ORDER BY (SELECT count(*) FROM pg_constraint k
                     JOIN pg_policy p ON p.polrelid = k.confrelid AND p.polname = 'tenant_isolation'
                    WHERE k.conrelid = c.oid AND k.contype = 'f'),
                  n.nspname, c.relname
    LOOP
        RAISE NOTICE 'by tenant: %', v_table;
        PERFORM create_distributed_table(v_table, 'tenant_id', colocate_with => 'merit.heads');
    END LOOP;
END
$$;

-- Functions that take the tenant first run on the node that has it: one round trip from the
-- coordinator for a whole flush.
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN
        SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE n.nspname = 'merit' AND p.proname IN ('append', 'events_of')
    LOOP
        RAISE NOTICE 'runs beside its tenant: %', v_function;
        PERFORM create_distributed_function(v_function, 'p_tenant', colocate_with => 'merit.heads');
    END LOOP;
END
$$;
