-- How far every process manager has read every tenant's log: it answers events with commands of its
-- own. Kept apart from the views' cursors, which come and go with rebuilds.
CREATE TABLE merit.followers (
    tenant_id uuid NOT NULL,
    follower text NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL,
    -- Of the batch that it cannot answer; cleared by the next one that it can.
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamptz,
    last_error text,
    PRIMARY KEY (tenant_id, follower),
    CHECK (position >= 0 AND attempts >= 0)
);

SELECT merit.protect('merit.followers');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.followers TO merit_app;
GRANT SELECT ON merit.followers TO merit_auditor;
