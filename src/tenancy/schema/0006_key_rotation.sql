-- Keys are rotated, re-wrapped and destroyed. No event is touched by any of it.

ALTER TABLE merit.tenant_keys
    -- How many nonces of this key were handed out to processes; 2^32 is the most.
    ADD COLUMN seals_reserved bigint NOT NULL DEFAULT 0,
    ADD COLUMN destroyed_at timestamptz,
    ADD CHECK (seals_reserved BETWEEN 0 AND 4294967296),
    ADD CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL));

-- Destroyed together with the tenant; the public half stays, so that what it signed verifies.
ALTER TABLE merit.signing_keys
    ALTER COLUMN wrapped DROP NOT NULL,
    ADD COLUMN destroyed_at timestamptz,
    ADD CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL));

GRANT UPDATE (wrapped, wrapped_by, destroyed_at, seals_reserved) ON merit.tenant_keys TO merit_app;
GRANT UPDATE (wrapped, wrapped_by, destroyed_at) ON merit.subject_keys, merit.signing_keys
    TO merit_app;

-- Tenants end, and tenants are copied: a fork says whose it is and where it parted. It stays one.
ALTER TABLE merit.tenants
    DROP CONSTRAINT tenants_status_check,
    ADD CHECK (status IN ('active', 'suspended', 'erased')),
    ADD COLUMN forked_from uuid,
    ADD COLUMN forked_at bigint,
    ADD COLUMN erased_at timestamptz,
    ADD CHECK ((forked_from IS NULL) = (forked_at IS NULL)),
    ADD CHECK ((status = 'erased') = (erased_at IS NOT NULL));
GRANT INSERT (forked_from, forked_at), UPDATE (erased_at) ON merit.tenants TO merit_app;
