-- What is wrong with the schema; no row is clean. Reads the catalogue only, of any PostgreSQL >= 15.
--   $1  the schemas to look at
--   $2  the tables without a tenant: few, small, and reference tables once there are shards
--   $3  the roles that serve requests
-- S: does it scale out by tenant unchanged?  I: is one tenant's data closed to the others?
WITH
relation AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind, c.relpersistence, c.relowner,
           c.relrowsecurity, c.relforcerowsecurity, c.reloptions, c.relispartition,
           (SELECT a.attnum FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
               AND a.attnotnull AND a.atttypid = 'uuid'::regtype) AS tenant
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY ($1)
),
tenant_table AS (
    SELECT * FROM relation
     WHERE relkind IN ('r', 'p') AND NOT relispartition AND name <> ALL ($2)
),
-- Bodies are judged without their comments.
routine AS (
    SELECT p.oid, p.oid::regprocedure::text AS name, p.prosecdef, p.proowner, p.provolatile,
           coalesce(p.proargnames[1], '') = 'p_tenant' AND p.proargtypes[0] = 'uuid'::regtype
               AS tenant_first,
           regexp_replace(p.prosrc, '--[^\n]*', '', 'g') AS body
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname = ANY ($1)
),
foreign_key AS (
    SELECT k.*, t.name, t.tenant FROM pg_constraint k JOIN relation t ON t.oid = k.conrelid
     WHERE k.contype = 'f'
),
served_by AS (
    SELECT r.oid, r.rolname, r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolcreatedb
      FROM pg_roles r
     WHERE r.rolname = ANY ($3)
        OR NOT r.rolsuper AND EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles g
                                          ON g.oid = m.roleid
                                       WHERE m.member = r.oid AND g.rolname = ANY ($3))
),
isolation (expression) AS (
    VALUES ('(tenant_id = (NULLIF(current_setting(''merit.tenant''::text, true), '''
            || '''::text))::uuid)')
)
SELECT rule, object, coalesce(detail, '') AS detail FROM (
    SELECT 'S01 no tenant_id uuid NOT NULL' AS rule, name AS object, NULL::text AS detail
      FROM tenant_table WHERE tenant IS NULL
    UNION ALL
    SELECT 'S02 no primary key', name, NULL FROM tenant_table t
     WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = t.oid AND contype = 'p')
    UNION ALL
    SELECT 'S03 a unique key does not start with tenant_id', t.name, i.indexrelid::regclass::text
      FROM tenant_table t JOIN pg_index i ON i.indrelid = t.oid
     WHERE (i.indisunique OR i.indisexclusion) AND i.indkey[0] IS DISTINCT FROM t.tenant
    UNION ALL
    SELECT 'S04 a foreign key does not pair tenant_id with tenant_id', k.name, k.conname
      FROM foreign_key k JOIN tenant_table t ON t.oid = k.conrelid
      JOIN tenant_table other ON other.oid = k.confrelid
     WHERE NOT EXISTS (SELECT FROM unnest(k.conkey, k.confkey) AS pair (here, there)
                        WHERE pair.here = t.tenant AND pair.there = other.tenant)
    UNION ALL
    SELECT 'S05 a table without tenants refers to one with', k.name, k.conname
      FROM foreign_key k JOIN tenant_table other ON other.oid = k.confrelid
     WHERE k.name = ANY ($2)
    UNION ALL
    SELECT 'S06 a foreign key leaves the schemas', k.name, k.conname FROM foreign_key k
     WHERE k.confrelid NOT IN (SELECT oid FROM relation)
    UNION ALL
    SELECT 'S07 a foreign key changes what happened (SET NULL, SET DEFAULT, CASCADE)', k.name,
           k.conname
      FROM foreign_key k
     WHERE k.confdeltype IN ('n', 'd', 'c') OR k.confupdtype IN ('n', 'd', 'c')
    UNION ALL
    SELECT 'S08 a sequence', name, NULL FROM relation WHERE relkind = 'S'
    UNION ALL
    SELECT 'S09 row-level security is forced: moving a shard would hang', name, NULL
      FROM tenant_table WHERE relforcerowsecurity
    UNION ALL
    SELECT 'S10 unlogged, inherited or rewritten by a rule', t.name, NULL FROM tenant_table t
     WHERE relpersistence <> 'p'
        OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = t.oid)
        OR EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
                    WHERE h.inhrelid = t.oid AND p.relkind = 'r')
    UNION ALL
    SELECT 'S11 a trigger beyond the append-only guard', t.name, g.tgname
      FROM tenant_table t JOIN pg_trigger g ON g.tgrelid = t.oid
     WHERE NOT g.tgisinternal AND g.tgfoid::regproc::text <> 'merit.refuse_change'
    UNION ALL
    -- NOTIFY may stand in a function: it only wakes who would otherwise look a little later.
    SELECT 'S12 a function waits or listens where only one node would know', name,
           (regexp_match(body, '(pg_(?:try_)?advisory\w*|\mlisten\M)', 'i'))[1]
      FROM routine WHERE body ~* '(pg_(try_)?advisory|\mlisten\M)'
    UNION ALL
    SELECT 'S13 set_config is not passed on to shards: SET LOCAL', name, NULL
      FROM routine WHERE body ~* '\mset_config\s*\('
    UNION ALL
    SELECT 'S14 a function writes, and its first argument is not p_tenant uuid', name, NULL
      FROM routine
     WHERE body ~* '\m(insert\s+into|update|delete\s+from|merge\s+into)\s+\w' AND NOT tenant_first
    UNION ALL
    SELECT 'S15 a volatile call in SET: use a variable', name, NULL FROM routine
     WHERE body ~* '\mset\M[^;]*?\m(now|clock_timestamp|gen_random_uuid|random|nextval)\s*\('
    UNION ALL
    SELECT 'S16 FOR UPDATE does not survive the move of a shard: UPDATE first', name, NULL
      FROM routine WHERE body ~* '\mfor\s+(no\s+key\s+)?update\M'
    UNION ALL
    SELECT 'S17 INSERT ... SELECT is not driven by a tenant table', name, NULL FROM routine
     WHERE EXISTS (SELECT FROM regexp_matches(body, 'insert\s+into[^;]*', 'gi') AS statement
                    WHERE statement[1] ~* '\mfrom\s+(unnest|generate_series|json\w*)\s*\('
                      AND statement[1] !~* '\mfrom\s+\w+\.\w+')
    UNION ALL
    SELECT 'S18 INSERT ... SELECT of a volatile call', name, NULL FROM routine
     WHERE body ~* 'insert\s+into[^;]*\mselect\M[^;]*\m(clock_timestamp|gen_random_uuid|random)\s*\('
    UNION ALL
    SELECT 'I01 row-level security is not enabled', name, NULL
      FROM tenant_table WHERE NOT relrowsecurity
    UNION ALL
    SELECT 'I02 no policy of merit.protect', t.name, NULL FROM tenant_table t
     WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid
                          AND p.polname = 'tenant_isolation')
    UNION ALL
    SELECT 'I03 a policy lets through what merit.protect does not', t.name, p.polname
      FROM tenant_table t JOIN pg_policy p ON p.polrelid = t.oid
     WHERE p.polpermissive
       AND (p.polcmd <> '*' OR p.polroles <> '{0}'
            OR pg_get_expr(p.polqual, p.polrelid)
                   IS DISTINCT FROM (SELECT expression FROM isolation)
            OR pg_get_expr(p.polwithcheck, p.polrelid)
                   IS DISTINCT FROM (SELECT expression FROM isolation))
    UNION ALL
    SELECT 'I04 a view sees with its owner''s eyes: security_invoker', name, NULL FROM relation
     WHERE relkind = 'v' AND NOT coalesce(reloptions && '{security_invoker=true,security_invoker=on}',
                                          false)
    UNION ALL
    SELECT 'I05 a materialized view knows no tenant', name, NULL FROM relation WHERE relkind = 'm'
    UNION ALL
    SELECT 'I06 a function runs with its owner''s rights', name, NULL FROM routine WHERE prosecdef
    UNION ALL
    SELECT 'I07 a run-time role owns it', o.name, r.rolname
      FROM (SELECT name, relowner AS owner FROM relation
            UNION ALL SELECT name, proowner FROM routine
            UNION ALL SELECT 'schema ' || nspname, nspowner FROM pg_namespace
                       WHERE nspname = ANY ($1)
            UNION ALL SELECT 'database ' || datname, datdba FROM pg_database
                       WHERE datname = current_database()) AS o
      JOIN served_by r ON r.oid = o.owner
    UNION ALL
    SELECT 'I08 a run-time role may do too much', rolname,
           concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END,
                          CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
                          CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
                          CASE WHEN rolcreatedb THEN 'CREATEDB' END)
      FROM served_by WHERE rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb
    UNION ALL
    SELECT 'I09 a run-time role may become the owner', r.rolname, o.rolname
      FROM served_by r CROSS JOIN pg_roles o
     WHERE o.oid IN (SELECT relowner FROM relation) AND pg_has_role(r.oid, o.oid, 'MEMBER')
    UNION ALL
    -- A function of its own could look over the shoulder of a policy.
    SELECT 'I10 a run-time role may create in a schema', 'schema ' || n.nspname, r.rolname
      FROM served_by r CROSS JOIN pg_namespace n
     WHERE n.nspname = ANY ($1) AND has_schema_privilege(r.oid, n.oid, 'CREATE')
    UNION ALL
    SELECT 'I11 policies do not cover TRUNCATE, REFERENCES, TRIGGER', t.name, g.privilege_type
      FROM (SELECT oid, name FROM relation WHERE relkind IN ('r', 'p')) AS t
      JOIN pg_class c ON c.oid = t.oid
     CROSS JOIN LATERAL aclexplode(c.relacl) AS g
     WHERE g.grantee <> c.relowner AND g.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')
    UNION ALL
    SELECT 'I12 granted to everybody', t.name, g.privilege_type
      FROM relation t JOIN pg_class c ON c.oid = t.oid
     CROSS JOIN LATERAL aclexplode(c.relacl) AS g WHERE g.grantee = 0
    UNION ALL
    SELECT 'I13 an auditor may write', t.name, 'merit_auditor'
      FROM relation t JOIN pg_roles r ON r.rolname = 'merit_auditor'
     WHERE t.relkind IN ('r', 'p')
       AND (has_table_privilege(r.oid, t.oid, 'INSERT, UPDATE, DELETE')
            OR has_any_column_privilege(r.oid, t.oid, 'INSERT, UPDATE'))
    UNION ALL
    SELECT 'I14 an event may be changed', t.name, r.rolname
      FROM relation t CROSS JOIN served_by r
     WHERE t.name = 'merit.events'
       AND (has_table_privilege(r.oid, t.oid, 'UPDATE, DELETE, TRUNCATE')
            OR has_any_column_privilege(r.oid, t.oid, 'UPDATE'))
) AS finding
ORDER BY rule, object, detail
