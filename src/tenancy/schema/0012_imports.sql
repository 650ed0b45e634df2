-- Files of an old system on their way in, and the work that is done with them in the background.
-- What an import did is in history; here is only what it needs to be done, and how far it is.

CREATE TABLE merit.import_files (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    name text NOT NULL,
    upload_id uuid NOT NULL,
    size bigint NOT NULL,
    sha256 bytea NOT NULL,
    parts integer NOT NULL,
    uploaded_by uuid NOT NULL,
    uploaded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, import_id, name),
    CHECK (size >= 0 AND parts >= 0 AND length(sha256) = 32 AND length(name) BETWEEN 1 AND 200)
);

CREATE TABLE merit.import_parts (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    name text NOT NULL,
    -- A random one for each upload: two of the same name never mix.
    upload_id uuid NOT NULL,
    part integer NOT NULL,
    -- Under the import's own key: with it, everything that was uploaded can be destroyed.
    content bytea NOT NULL,
    PRIMARY KEY (tenant_id, import_id, name, upload_id, part),
    CHECK (part >= 0)
);
ALTER TABLE merit.import_parts ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE TABLE merit.import_jobs (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    number integer NOT NULL,
    kind text NOT NULL,
    -- JSON: what was asked, and what came of it.
    asked text NOT NULL,
    answer text,
    state text NOT NULL DEFAULT 'waiting',
    requested_by uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    -- Whoever works says so again and again; who has been silent for long is taken for dead.
    alive_at timestamptz,
    ended_at timestamptz,
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,
    events bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, import_id, number),
    CHECK (number > 0 AND state IN ('waiting', 'running', 'done', 'failed'))
);

SELECT merit.protect('merit.import_files');
SELECT merit.protect('merit.import_parts');
SELECT merit.protect('merit.import_jobs');

GRANT SELECT, INSERT, UPDATE, DELETE ON merit.import_files, merit.import_parts TO merit_app;
GRANT SELECT, INSERT, UPDATE ON merit.import_jobs TO merit_app;
GRANT SELECT ON merit.import_files, merit.import_jobs TO merit_auditor;
