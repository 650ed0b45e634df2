-- Sessions of browsers, and who may sign in with which roles.

-- Without a tenant as access keys are: a session is looked up by the hash of its token before it is
-- known whose it is. Nothing personal is kept here.
CREATE TABLE merit.sessions (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    session_id uuid NOT NULL,
    -- What it was begun with: an access key, or a sign-in at an identity provider.
    key_id uuid,
    sign_in_id uuid,
    person_id uuid,
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_because text,
    UNIQUE (tenant_id, session_id),
    CHECK (num_nonnulls(key_id, sign_in_id) = 1)
);
GRANT SELECT, DELETE ON merit.sessions TO merit_app;
GRANT INSERT (token_hash, tenant_id, session_id, key_id, sign_in_id, person_id, roles, expires_at),
    UPDATE (last_seen_at, ended_at, ended_because) ON merit.sessions TO merit_app;

-- The log says who may sign in, with which login and roles; this row is how the login is found
-- again. It is the hash of tenant and login, and goes away when the person is erased.
CREATE TABLE merit.sign_ins (
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    sign_in_id uuid NOT NULL,
    login_hash bytea NOT NULL CHECK (octet_length(login_hash) = 32),
    person_id uuid NOT NULL,
    roles text[] NOT NULL CHECK (cardinality(roles) > 0),
    PRIMARY KEY (tenant_id, sign_in_id),
    UNIQUE (tenant_id, login_hash)
);
SELECT merit.protect('merit.sign_ins');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.sign_ins TO merit_app;
