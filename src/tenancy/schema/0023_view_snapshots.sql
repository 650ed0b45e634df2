-- Views as they were at some positions, folded from the log: a question about the past goes on from
-- the nearest one. They can be dropped at any time; nothing but patience is lost.

CREATE TABLE merit.view_snapshots (
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    projection text NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL CHECK (position > 0),
    -- 0 while it is being made.
    parts integer NOT NULL DEFAULT 0 CHECK (parts >= 0),
    row_count bigint NOT NULL DEFAULT 0 CHECK (row_count >= 0),
    claimed_at timestamptz NOT NULL,
    made_at timestamptz,
    PRIMARY KEY (tenant_id, projection, version, position)
);

-- Sealed under the tenant's data key, and bound to what they are a part of.
CREATE TABLE merit.view_snapshot_parts (
    tenant_id uuid NOT NULL,
    projection text NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL,
    part integer NOT NULL CHECK (part >= 0),
    content bytea NOT NULL,
    PRIMARY KEY (tenant_id, projection, version, position, part)
);
ALTER TABLE merit.view_snapshot_parts ALTER COLUMN content SET STORAGE EXTERNAL;

SELECT merit.protect('merit.view_snapshots');
SELECT merit.protect('merit.view_snapshot_parts');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.view_snapshots TO merit_app;
GRANT SELECT, INSERT, DELETE ON merit.view_snapshot_parts TO merit_app;
