-- Who ends a tenant takes the names of its access keys away too: they are the only free text about
-- it outside of its log.
GRANT UPDATE (name) ON merit.access_keys TO merit_app;

-- Who looks for erasures that were decided and not yet carried out looks at nothing else.
CREATE INDEX events_erasures ON merit.events (tenant_id, position)
    WHERE topic = 'erasure.subject-erased';
