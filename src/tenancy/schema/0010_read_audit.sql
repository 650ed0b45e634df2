-- Who read what: written before the data leave, chained by hashes, and never changed. No values.

-- Where a tenant's chain stands; the row that a writer locks by moving it on.
CREATE TABLE merit.read_heads (
    tenant_id uuid NOT NULL,
    batch bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id),
    CHECK (batch >= 0 AND length(hash) = 32)
);

-- What was read within the same few milliseconds is written together.
CREATE TABLE merit.read_batches (
    tenant_id uuid NOT NULL,
    batch bigint NOT NULL,
    entries integer NOT NULL,
    -- SHA-256 of the hash before and the digest of the entries; 32 zeros before the first.
    hash bytea NOT NULL,
    PRIMARY KEY (tenant_id, batch),
    CHECK (batch > 0 AND entries > 0 AND length(hash) = 32)
);

CREATE TABLE merit.reads (
    tenant_id uuid NOT NULL,
    batch bigint NOT NULL,
    number integer NOT NULL,
    read_at timestamptz NOT NULL,
    request_id uuid NOT NULL,
    -- The person behind the key, else the key.
    actor uuid NOT NULL,
    key_id uuid NOT NULL,
    method text NOT NULL,
    -- The template: ids are in `subjects`.
    route text NOT NULL,
    purpose text NOT NULL,
    subjects uuid[] NOT NULL,
    fields text[] NOT NULL,
    row_count integer NOT NULL,
    -- Of the log, where the past was asked for.
    position bigint,
    PRIMARY KEY (tenant_id, batch, number),
    CHECK (number > 0 AND row_count >= 0)
);
CREATE INDEX reads_by_actor ON merit.reads (tenant_id, actor, batch, number);
CREATE INDEX reads_by_subject ON merit.reads USING gin (subjects);

SELECT merit.protect('merit.read_heads');
SELECT merit.protect('merit.read_batches');
SELECT merit.protect('merit.reads');

-- Appends entries as one batch of the chain. p_digest is over the entries, which only the caller
-- can spell canonically; subjects and fields come as array literals, one for each entry.
CREATE FUNCTION merit.note_reads(
    p_tenant uuid, p_digest bytea,
    r_read_at timestamptz[], r_request uuid[], r_actor uuid[], r_key uuid[], r_method text[],
    r_route text[], r_purpose text[], r_subjects text[], r_fields text[], r_rows integer[],
    r_position bigint[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_batch bigint;
    v_count integer := cardinality(r_request);
BEGIN
    UPDATE merit.read_heads SET batch = batch + 1, hash = sha256(hash || p_digest)
     WHERE tenant_id = p_tenant RETURNING batch INTO v_batch;
    IF NOT FOUND THEN
        INSERT INTO merit.read_heads (tenant_id, batch, hash)
        VALUES (p_tenant, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
        UPDATE merit.read_heads SET batch = batch + 1, hash = sha256(hash || p_digest)
         WHERE tenant_id = p_tenant RETURNING batch INTO v_batch;
    END IF;
    INSERT INTO merit.read_batches (tenant_id, batch, entries, hash)
    SELECT h.tenant_id, h.batch, v_count, h.hash FROM merit.read_heads h
     WHERE h.tenant_id = p_tenant;
    INSERT INTO merit.reads (tenant_id, batch, number, read_at, request_id, actor, key_id, method,
                             route, purpose, subjects, fields, row_count, position)
    SELECT h.tenant_id, h.batch, i, r_read_at[i], r_request[i], r_actor[i], r_key[i], r_method[i],
           r_route[i], r_purpose[i], r_subjects[i]::uuid[], r_fields[i]::text[], r_rows[i],
           r_position[i]
      FROM merit.read_heads h CROSS JOIN generate_series(1, v_count) AS i
     WHERE h.tenant_id = p_tenant;
    RETURN v_batch;
END
$$;

-- Not even the owner changes who read what.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON merit.reads
    FOR EACH ROW EXECUTE FUNCTION merit.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON merit.reads
    FOR EACH STATEMENT EXECUTE FUNCTION merit.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON merit.read_batches
    FOR EACH ROW EXECUTE FUNCTION merit.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON merit.read_batches
    FOR EACH STATEMENT EXECUTE FUNCTION merit.refuse_change();
ALTER TABLE merit.reads ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE merit.reads ENABLE ALWAYS TRIGGER never_emptied;
ALTER TABLE merit.read_batches ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE merit.read_batches ENABLE ALWAYS TRIGGER never_emptied;

GRANT SELECT, INSERT ON merit.reads, merit.read_batches TO merit_app;
GRANT SELECT, INSERT, UPDATE ON merit.read_heads TO merit_app;
GRANT SELECT ON merit.reads, merit.read_batches, merit.read_heads TO merit_auditor;
