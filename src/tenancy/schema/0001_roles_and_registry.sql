-- The tenant of a transaction, and the few tables that are read before a tenant is known.
-- Runs as merit_owner; the roles exist by now (tenancy.migrate sees to it).

CREATE SCHEMA merit;
REVOKE ALL ON SCHEMA merit FROM PUBLIC;
GRANT USAGE ON SCHEMA merit TO merit_app, merit_auditor;

CREATE TABLE merit.schema_migrations (
    name text PRIMARY KEY,
    sha256 bytea NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE merit.tenants (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Only the hash of a key is kept. Looking it up is one probe of a unique index by the hash of
-- what was sent, so the time that it takes tells nothing about the keys that exist.
CREATE TABLE merit.access_keys (
    key_hash bytea PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    key_id uuid NOT NULL,
    prefix text NOT NULL,
    name text NOT NULL,
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    person_id uuid,
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (tenant_id, key_id)
);

GRANT SELECT ON merit.schema_migrations, merit.tenants TO merit_app, merit_auditor;
GRANT SELECT ON merit.access_keys TO merit_app;
GRANT INSERT (tenant_id, name), UPDATE (status) ON merit.tenants TO merit_app;
GRANT INSERT (key_hash, tenant_id, key_id, prefix, name, roles, person_id, expires_at),
    UPDATE (revoked_at) ON merit.access_keys TO merit_app;

-- The only way to say whose rows a transaction may see. SET LOCAL, because it ends with the
-- transaction and because an engine that shards by tenant passes it on (it does not pass on
-- set_config). A transaction never changes its tenant.
CREATE FUNCTION merit.set_tenant(p_tenant uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_tenant IS NULL THEN
        RAISE EXCEPTION 'a transaction needs a tenant' USING ERRCODE = '22004';
    END IF;
    IF nullif(current_setting('merit.tenant', true), '') <> p_tenant::text THEN
        RAISE EXCEPTION 'this transaction belongs to another tenant' USING ERRCODE = '42501';
    END IF;
    EXECUTE format('SET LOCAL merit.tenant = %L', p_tenant);
END
$$;

-- Every table of tenants' rows is protected by this, from migrations and from views' own DDL.
-- Enabled, not forced: forcing it makes the online move of a shard hang, and the owner of the
-- tables never serves a request. After a transaction the setting reads as '', hence nullif;
-- no tenant then means no row.
CREATE FUNCTION merit.protect(p_table regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', p_table);
    EXECUTE format(
        'CREATE POLICY tenant_isolation ON %s'
        ' USING (tenant_id = nullif(current_setting(''merit.tenant'', true), '''')::uuid)'
        ' WITH CHECK (tenant_id = nullif(current_setting(''merit.tenant'', true), '''')::uuid)',
        p_table
    );
END
$$;
REVOKE ALL ON FUNCTION merit.protect(regclass) FROM PUBLIC;
