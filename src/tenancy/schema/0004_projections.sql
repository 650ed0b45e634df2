-- How far every view of every tenant has read its log. The tables of the views themselves are
-- created by the projections when they are installed: they come and go with their versions.

CREATE SCHEMA IF NOT EXISTS merit_views;
GRANT USAGE ON SCHEMA merit_views TO merit_app, merit_auditor;

CREATE TABLE merit.cursors (
    tenant_id uuid NOT NULL,
    projection text NOT NULL,
    version integer NOT NULL,
    -- A rebuild fills the next build beside the live one.
    build integer NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    live boolean NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Of the event that the projection cannot apply; cleared by the next one that it can.
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamptz,
    last_error text,
    PRIMARY KEY (tenant_id, projection, version, build),
    CHECK (position >= 0 AND attempts >= 0 AND build > 0)
);

-- Queries read exactly one build.
CREATE UNIQUE INDEX cursors_live ON merit.cursors (tenant_id, projection, version) WHERE live;

SELECT merit.protect('merit.cursors');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.cursors TO merit_app;
GRANT SELECT ON merit.cursors TO merit_auditor;
