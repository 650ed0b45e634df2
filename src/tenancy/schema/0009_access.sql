-- Who may come in, and how much of everybody's time they take.

ALTER TABLE merit.access_keys
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN last_used_at timestamptz;
GRANT INSERT (scopes), UPDATE (expires_at, last_used_at) ON merit.access_keys TO merit_app;

-- The identity provider of a company. Its secret is sealed under the tenant's data key.
CREATE TABLE merit.identity_providers (
    tenant_id uuid PRIMARY KEY REFERENCES merit.tenants (tenant_id),
    issuer text NOT NULL,
    client_id text NOT NULL,
    client_secret bytea,
    login_claim text NOT NULL
);
SELECT merit.protect('merit.identity_providers');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.identity_providers TO merit_app;

-- Sign-ins that have been begun and not come back from the provider: each comes back once.
CREATE TABLE merit.sign_in_attempts (
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    state_hash bytea NOT NULL CHECK (octet_length(state_hash) = 32),
    browser_hash bytea NOT NULL CHECK (octet_length(browser_hash) = 32),
    nonce text NOT NULL,
    verifier text NOT NULL,
    go_to text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, state_hash)
);
SELECT merit.protect('merit.sign_in_attempts');
GRANT SELECT, INSERT, DELETE ON merit.sign_in_attempts TO merit_app;

-- What is left of an allowance, of which every process takes a share at a time. What is not of a
-- tenant (sign-ins from an address) lies under the tenant of zeros; hence no foreign key.
CREATE TABLE merit.allowances (
    tenant_id uuid NOT NULL,
    bucket bytea NOT NULL CHECK (octet_length(bucket) = 16),
    left_over double precision NOT NULL,
    counted_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, bucket)
);
SELECT merit.protect('merit.allowances');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.allowances TO merit_app;

-- Where a company has other limits than the installation.
CREATE TABLE merit.tenant_limits (
    tenant_id uuid PRIMARY KEY REFERENCES merit.tenants (tenant_id),
    requests_per_s integer CHECK (requests_per_s > 0),
    key_requests_per_s integer CHECK (key_requests_per_s > 0)
);
SELECT merit.protect('merit.tenant_limits');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.tenant_limits TO merit_app;
