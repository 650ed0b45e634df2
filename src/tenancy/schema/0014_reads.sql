-- The events of some streams above some versions, by stream and version, as of one moment: one
-- round trip that names its own tenant, where BEGIN, the question and COMMIT were three. (Of a
-- command over HTTP that was half of what the server did for it.)
CREATE FUNCTION merit.events_of(p_tenant uuid, s_stream uuid[], s_after bigint[])
RETURNS TABLE (stream_id uuid, version bigint, topic text, recorded_at timestamptz,
               metadata bytea, payload bytea, personal bytea, "position" bigint)
LANGUAGE plpgsql
-- A probe of the index for each stream, whatever the planner thinks of a small table.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
    PERFORM merit.set_tenant(p_tenant);
    RETURN QUERY
    SELECT e.stream_id, e.version, e.topic, e.recorded_at, e.metadata, e.payload, e.personal,
           e.position
      FROM unnest(s_stream, s_after) AS s (stream_id, after)
     CROSS JOIN LATERAL (SELECT o.* FROM merit.events o
                          WHERE o.tenant_id = p_tenant AND o.stream_id = s.stream_id
                            AND o.version > s.after
                          ORDER BY o.version) e;
END
$$;
