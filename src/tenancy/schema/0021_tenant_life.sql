-- A company suspends itself and takes its history with it; who its directory says may come in.

-- Since when nothing is written of a company, by its own word. Its history says why.
ALTER TABLE merit.tenants ADD COLUMN read_only_since timestamptz;
GRANT UPDATE (read_only_since) ON merit.tenants TO merit_app;

-- What was asked for is in history; here is how far it is, and where the bundle lies.
CREATE TABLE merit.tenant_exports (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'waiting',
    requested_by uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    -- Whoever works says so again and again; who has been silent for long is taken for dead.
    alive_at timestamptz,
    ended_at timestamptz,
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    -- Of the bundle: which attempt made it, how long it is, and its digest.
    attempt_id uuid,
    size bigint NOT NULL DEFAULT 0,
    sha256 bytea,
    PRIMARY KEY (tenant_id, export_id),
    CHECK (state IN ('waiting', 'running', 'done', 'failed', 'expired')),
    CHECK (sha256 IS NULL OR octet_length(sha256) = 32)
);

-- The bundle holds the keys to everything, so each part is sealed under the tenant's data key.
CREATE TABLE merit.tenant_export_parts (
    tenant_id uuid NOT NULL,
    export_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    part integer NOT NULL CHECK (part >= 0),
    content bytea NOT NULL,
    PRIMARY KEY (tenant_id, export_id, attempt_id, part)
);
ALTER TABLE merit.tenant_export_parts ALTER COLUMN content SET STORAGE EXTERNAL;

SELECT merit.protect('merit.tenant_exports');
SELECT merit.protect('merit.tenant_export_parts');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.tenant_exports TO merit_app;
GRANT SELECT, INSERT, DELETE ON merit.tenant_export_parts TO merit_app;
GRANT SELECT ON merit.tenant_exports TO merit_auditor;

-- How users and groups of a company's directory are found again. What they are called, and who is a
-- member, is in the log: here are hashes of tenant and name, which go away with the person.
CREATE TABLE merit.directory_users (
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    user_id uuid NOT NULL,
    name_hash bytea NOT NULL CHECK (octet_length(name_hash) = 32),
    external_hash bytea CHECK (octet_length(external_hash) = 32),
    person_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, user_id),
    UNIQUE (tenant_id, name_hash)
);
CREATE TABLE merit.directory_groups (
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    group_id uuid NOT NULL,
    name_hash bytea NOT NULL CHECK (octet_length(name_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, group_id),
    UNIQUE (tenant_id, name_hash)
);
CREATE TABLE merit.directory_members (
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    user_id uuid NOT NULL,
    group_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, user_id, group_id)
);
SELECT merit.protect('merit.directory_users');
SELECT merit.protect('merit.directory_groups');
SELECT merit.protect('merit.directory_members');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.directory_users, merit.directory_groups,
    merit.directory_members TO merit_app;
