-- One tenant's history: the log, its head, where each stream stands, and which keys were used.
-- Nothing here can be changed or removed once it is written; see the triggers at the end.

-- The number of events of a tenant. Whoever appends takes this row first, and keeps it until the
-- commit: so positions are gapless and in commit order.
CREATE TABLE merit.heads (
    tenant_id uuid NOT NULL,
    head bigint NOT NULL,
    PRIMARY KEY (tenant_id),
    FOREIGN KEY (tenant_id) REFERENCES merit.tenants (tenant_id)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 1000);

-- No foreign key to heads: the append drives its insert from the head row, and a check per event
-- would cost as much as writing it.
CREATE TABLE merit.events (
    tenant_id uuid NOT NULL,
    position bigint NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    topic text NOT NULL,
    recorded_at timestamptz NOT NULL,
    metadata bytea NOT NULL,
    payload bytea NOT NULL,
    personal bytea,
    PRIMARY KEY (tenant_id, position),
    UNIQUE (tenant_id, stream_id, version),
    CHECK (position > 0 AND version > 0)
);
-- Ciphertext does not compress; trying would only cost.
ALTER TABLE merit.events ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE merit.events ALTER COLUMN personal SET STORAGE EXTERNAL;

-- Where each stream stands: the one view that is kept in the transaction of the append, because
-- the append itself asks it. Room on every page, so that an update stays on its page (HOT).
CREATE TABLE merit.streams (
    tenant_id uuid NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    -- Whether it was ever moved on from where it began, which tells the append an insert from an
    -- update. (No CHECK here nor on heads: it would be parsed anew for every flush.)
    moved boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant_id, stream_id)
) WITH (fillfactor = 70);

-- The idempotency keys that were used, for what, and the receipt that was given.
CREATE TABLE merit.commands (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    position bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key),
    CHECK (length(key) BETWEEN 1 AND 255)
);

SELECT merit.protect('merit.heads');
SELECT merit.protect('merit.events');
SELECT merit.protect('merit.streams');
SELECT merit.protect('merit.commands');

GRANT SELECT, INSERT, UPDATE (head) ON merit.heads TO merit_app;
GRANT SELECT, INSERT ON merit.events, merit.commands TO merit_app;
GRANT SELECT, INSERT, UPDATE (version, position, moved) ON merit.streams TO merit_app;
GRANT SELECT ON merit.heads, merit.events, merit.streams, merit.commands TO merit_auditor;

-- One flush: many commands of one tenant in one call, and so in one transaction.
--
--   x_*  what the commands expect: command x_command[i] expects stream x_stream[i] at x_version[i]
--   e_*  their events in order, versions already given by the caller. e_command is null where each
--        command has exactly one event; that one then stands for its expectation too, and x_* has
--        only the streams that were looked at
--   k_*  of the commands that have an idempotency key: it, and the receipt to remember; k_last is
--        the place of the command's last event among e_*, 0 where it has none
--
-- Commands are numbered from 1. Answers `base`, the position before the first event that was
-- written, and which commands were refused: those whose expectation was `overtaken`, and those
-- whose key is `repeated`, the latter with what was remembered. Null where there are none. The
-- others are written.
--
-- The caller puts nothing into one flush that depends on anything else in it.
--
-- Mostly nothing is refused. So where each command has one event, moving the streams on is the check
-- as well: all must move, else the whole call fails with MT001 and is to be repeated with
-- p_careful, which looks first and finds out whom to refuse. (The look costs 5 us an event.)
CREATE FUNCTION merit.append(
    p_tenant uuid,
    x_command integer[], x_stream uuid[], x_version bigint[],
    e_command integer[], e_stream uuid[], e_version bigint[], e_topic text[],
    e_recorded_at timestamptz[], e_metadata bytea[], e_payload bytea[], e_personal bytea[],
    k_command integer[], k_key text[], k_fingerprint bytea[], k_stream uuid[],
    k_version bigint[], k_position bigint[], k_last integer[],
    p_careful boolean,
    OUT base bigint, OUT overtaken integer[], OUT repeated integer[],
    OUT fingerprints bytea[], OUT streams uuid[], OUT versions bigint[], OUT positions bigint[]
) LANGUAGE plpgsql
-- Every statement here is a probe of an index for each element of an array. Left to itself the
-- server would see cheaper plans in the arrays of each single call, and plan anew every time.
SET plan_cache_mode = force_generic_plan
-- Nor may it scan a table that was small when the plan was made.
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $$
DECLARE
    v_count integer := cardinality(e_stream);
    v_refused integer[] := '{}';
    v_looked integer[];
    v_now timestamptz := clock_timestamp();
    v_moved integer;
BEGIN
    -- As merit.set_tenant, without a call of its own for each flush.
    IF current_setting('merit.tenant', true) <> '' THEN
        PERFORM merit.set_tenant(p_tenant);
    ELSE
        EXECUTE format('SET LOCAL merit.tenant = %L', p_tenant);
    END IF;

    -- First the head row, by an UPDATE: a SELECT FOR UPDATE does not survive the move of a shard.
    UPDATE merit.heads SET head = head + v_count
     WHERE tenant_id = p_tenant RETURNING head - v_count INTO base;
    IF NOT FOUND THEN
        -- The tenant's first append, unless its id is nobody's, which the foreign key refuses.
        INSERT INTO merit.heads (tenant_id, head) VALUES (p_tenant, 0) ON CONFLICT DO NOTHING;
        UPDATE merit.heads SET head = head + v_count
         WHERE tenant_id = p_tenant RETURNING head - v_count INTO base;
    END IF;

    -- From here on every statement sees all that was committed before us, and nobody comes after.
    IF cardinality(k_command) > 0 THEN
        SELECT array_agg(k.command), array_agg(c.fingerprint), array_agg(c.stream_id),
               array_agg(c.version), array_agg(c.position)
          INTO repeated, fingerprints, streams, versions, positions
          FROM unnest(k_command, k_key) AS k (command, key)
         CROSS JOIN LATERAL (SELECT o.fingerprint, o.stream_id, o.version, o.position
                               FROM merit.commands o
                              WHERE o.tenant_id = p_tenant AND o.key = k.key OFFSET 0) c;
        v_refused := coalesce(repeated, '{}');
    END IF;

    -- Sub-selects here, OFFSET above: joins could be planned as scans while a table is small.
    p_careful := p_careful OR repeated IS NOT NULL;
    IF e_command IS NULL AND p_careful THEN
        SELECT array_agg(e.command) INTO overtaken
          FROM merit.heads h CROSS JOIN generate_series(1, v_count) AS e (command)
         WHERE h.tenant_id = p_tenant
           AND e_version[e.command] <> 1 + coalesce(
               (SELECT s.version FROM merit.streams s
                 WHERE s.tenant_id = p_tenant AND s.stream_id = e_stream[e.command]), 0)
           AND e.command <> ALL (v_refused);
    END IF;
    IF cardinality(x_command) > 0 THEN
        SELECT array_agg(DISTINCT x.command) INTO v_looked
          FROM merit.heads h CROSS JOIN unnest(x_command, x_stream, x_version)
                   AS x (command, stream_id, version)
         WHERE h.tenant_id = p_tenant
           AND x.version <> coalesce(
               (SELECT s.version FROM merit.streams s
                 WHERE s.tenant_id = p_tenant AND s.stream_id = x.stream_id), 0)
           AND x.command <> ALL (v_refused);
        IF v_looked IS NOT NULL AND e_command IS NULL AND NOT p_careful THEN
            RAISE EXCEPTION 'a stream has moved on' USING ERRCODE = 'MT001';
        END IF;
        overtaken := nullif(coalesce(overtaken, '{}') || coalesce(v_looked, '{}'), '{}');
    END IF;

    IF overtaken IS NOT NULL OR repeated IS NOT NULL THEN
        v_refused := v_refused || coalesce(overtaken, '{}');
        p_careful := true;
        IF e_command IS NULL THEN
            SELECT coalesce(array_agg(n ORDER BY n), '{}') INTO e_command
              FROM generate_series(1, v_count) n;
        END IF;
        SELECT coalesce(array_agg(e.command ORDER BY o), '{}'), array_agg(e.stream_id ORDER BY o),
               array_agg(e.version ORDER BY o), array_agg(e.topic ORDER BY o),
               array_agg(e.recorded_at ORDER BY o), array_agg(e.metadata ORDER BY o),
               array_agg(e.payload ORDER BY o), array_agg(e.personal ORDER BY o)
          INTO e_command, e_stream, e_version, e_topic, e_recorded_at, e_metadata, e_payload,
               e_personal
          FROM unnest(e_command, e_stream, e_version, e_topic, e_recorded_at, e_metadata,
                      e_payload, e_personal) WITH ORDINALITY
               AS e (command, stream_id, version, topic, recorded_at, metadata, payload,
                     personal, o)
         WHERE e.command <> ALL (v_refused);
        v_count := cardinality(e_command);
        UPDATE merit.heads SET head = base + v_count WHERE tenant_id = p_tenant;
        IF cardinality(k_command) > 0 THEN
            SELECT array_agg(coalesce(e.last, 0) ORDER BY k.o) INTO k_last
              FROM unnest(k_command) WITH ORDINALITY AS k (command, o)
              LEFT JOIN (SELECT l.command, max(l.o)::integer AS last
                           FROM unnest(e_command) WITH ORDINALITY AS l (command, o)
                          GROUP BY l.command) e ON e.command = k.command;
        END IF;
    END IF;

    IF v_count > 0 THEN
        IF e_command IS NULL THEN
            WITH moved AS (
                INSERT INTO merit.streams AS s (tenant_id, stream_id, version, position)
                SELECT h.tenant_id, e_stream[i], e_version[i], base + i
                  FROM merit.heads h CROSS JOIN generate_series(1, v_count) AS i
                 WHERE h.tenant_id = p_tenant
                    ON CONFLICT (tenant_id, stream_id)
                    DO UPDATE SET version = excluded.version, position = excluded.position,
                                  moved = true
                     WHERE s.version = excluded.version - 1
                RETURNING s.moved OR s.version = 1 AS follows
            )
            SELECT count(*) INTO v_moved FROM moved WHERE follows;
            IF v_moved <> v_count THEN
                RAISE EXCEPTION 'a stream has moved on' USING ERRCODE = 'MT001';
            END IF;
        ELSE
            INSERT INTO merit.streams (tenant_id, stream_id, version, position)
            SELECT h.tenant_id, e_stream[i], max(e_version[i]), base + max(i)
              FROM merit.heads h CROSS JOIN generate_series(1, v_count) AS i
             WHERE h.tenant_id = p_tenant
             GROUP BY h.tenant_id, e_stream[i]
                ON CONFLICT (tenant_id, stream_id)
                DO UPDATE SET version = excluded.version, position = excluded.position,
                              moved = true;
        END IF;

        INSERT INTO merit.events (tenant_id, position, stream_id, version, topic, recorded_at,
                                  metadata, payload, personal)
        SELECT h.tenant_id, base + i, e_stream[i], e_version[i], e_topic[i], e_recorded_at[i],
               e_metadata[i], e_payload[i], e_personal[i]
          FROM merit.heads h CROSS JOIN generate_series(1, v_count) AS i
         WHERE h.tenant_id = p_tenant;

        -- One wake-up for the whole flush; it tells a listener no more than whose log grew.
        PERFORM pg_notify('merit_log', p_tenant::text);
    END IF;

    IF cardinality(k_command) > 0 THEN
        INSERT INTO merit.commands (tenant_id, key, fingerprint, stream_id, version, position,
                                    recorded_at)
        SELECT h.tenant_id, k.key, k.fingerprint, k.stream_id, k.version,
               CASE WHEN k.last > 0 THEN base + k.last ELSE k.position END, v_now
          FROM merit.heads h
         CROSS JOIN unnest(k_command, k_key, k_fingerprint, k_stream, k_version, k_position,
                           k_last)
               AS k (command, key, fingerprint, stream_id, version, position, last)
         WHERE h.tenant_id = p_tenant AND k.command <> ALL (v_refused);
    END IF;
END
$$;

-- Not even the owner changes what happened. ALWAYS: in replication mode too.
CREATE FUNCTION merit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'merit.% is append-only', TG_TABLE_NAME USING ERRCODE = '42501';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON merit.events
    FOR EACH ROW EXECUTE FUNCTION merit.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON merit.events
    FOR EACH STATEMENT EXECUTE FUNCTION merit.refuse_change();
ALTER TABLE merit.events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE merit.events ENABLE ALWAYS TRIGGER never_emptied;

-- A log does not get shorter. Within a transaction the append may take back what it reserved.
CREATE TRIGGER never_emptied BEFORE DELETE OR TRUNCATE ON merit.heads
    FOR EACH STATEMENT EXECUTE FUNCTION merit.refuse_change();
ALTER TABLE merit.heads ENABLE ALWAYS TRIGGER never_emptied;
