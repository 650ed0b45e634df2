-- Webhooks: the secrets that sign, how far each receiver has been told, and what became of it. What
-- a webhook is (its address, its topics, whether it is paused) is in history.

CREATE TABLE merit.webhooks (
    tenant_id uuid NOT NULL REFERENCES merit.tenants (tenant_id),
    webhook_id uuid NOT NULL,
    -- Sealed under the tenant's data key; by the version of the event that it came with.
    secret bytea NOT NULL,
    secret_version bigint NOT NULL,
    old_secret bytea,
    old_until timestamptz,
    -- Everything up to here was delivered, or is told of in webhook_deliveries.
    position bigint NOT NULL,
    -- What the events of its stream up to this version say.
    seen_version bigint NOT NULL DEFAULT 0,
    listening boolean NOT NULL DEFAULT true,
    -- Attempts that have failed in a row; until when nothing is tried.
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    retry_at timestamptz,
    -- Until when a worker has it: one that died gives it back by that.
    busy_until timestamptz,
    PRIMARY KEY (tenant_id, webhook_id),
    CHECK ((old_secret IS NULL) = (old_until IS NULL)),
    CHECK (position >= 0 AND failures >= 0)
);

-- The delivery log: what was delivered not long ago, what waits, and what was given up (dead).
-- The event itself is in the log; here is no more of it than its envelope.
CREATE TABLE merit.webhook_deliveries (
    tenant_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    topic text NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    attempts integer NOT NULL,
    first_tried_at timestamptz,
    tried_at timestamptz,
    -- Of what waits.
    retry_at timestamptz,
    -- What the receiver answered last, or why it did not.
    status integer,
    error text,
    PRIMARY KEY (tenant_id, webhook_id, position),
    FOREIGN KEY (tenant_id, webhook_id) REFERENCES merit.webhooks (tenant_id, webhook_id),
    CHECK (position > 0 AND attempts >= 0 AND length(error) <= 200)
);
CREATE INDEX webhook_deliveries_by_state
    ON merit.webhook_deliveries (tenant_id, webhook_id, state, position);

SELECT merit.protect('merit.webhooks');
SELECT merit.protect('merit.webhook_deliveries');
GRANT SELECT, INSERT, UPDATE, DELETE ON merit.webhooks, merit.webhook_deliveries TO merit_app;
GRANT SELECT ON merit.webhook_deliveries TO merit_auditor;
