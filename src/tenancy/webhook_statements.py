"""What is asked of the tables of webhooks."""

from typing import Final

WAITING_MAX: Final = 1_000

_FIELDS = (
    "webhook_id, secret, secret_version, old_secret, old_until, position, seen_version, listening,"
    " failures, failing_since, retry_at"
)
_DELIVERY = (
    "position, event_id, topic, stream_id, version, recorded_at, state, attempts, first_tried_at,"
    " tried_at, retry_at, status, error"
)

ADD = """
INSERT INTO merit.webhooks (tenant_id, webhook_id, secret, secret_version, seen_version, position)
VALUES ($1, $2, $3, $4, $4, $5) ON CONFLICT DO NOTHING
"""
ROTATE = """
UPDATE merit.webhooks
   SET old_secret = secret, old_until = $5, secret = $3, secret_version = $4
 WHERE tenant_id = $1 AND webhook_id = $2 AND secret_version < $4
"""
# $3 is the latest time that anybody is put off to.
DUE = f"""
SELECT w.webhook_id
  FROM merit.webhooks w
  JOIN merit.heads h ON h.tenant_id = w.tenant_id
  JOIN merit.streams s ON s.tenant_id = w.tenant_id AND s.stream_id = w.webhook_id
 WHERE w.tenant_id = $1
   AND (w.busy_until IS NULL OR w.busy_until <= $2 OR w.busy_until > $3)
   AND (s.version > w.seen_version
        OR w.listening AND (w.retry_at IS NULL OR w.retry_at <= $2 OR w.retry_at > $3)
           AND (w.position < h.head
                AND (SELECT count(*) FROM merit.webhook_deliveries d
                      WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.webhook_id
                        AND d.state = 'waiting') < {WAITING_MAX}
                OR EXISTS (SELECT FROM merit.webhook_deliveries d
                            WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.webhook_id
                              AND d.state = 'waiting'
                              AND (d.retry_at <= $2 OR d.retry_at > $3))))
"""  # noqa: S608  our own number
ANY_OF = "SELECT EXISTS (SELECT FROM merit.webhooks WHERE tenant_id = $1)"
TAKE = f"""
UPDATE merit.webhooks SET busy_until = $4
 WHERE tenant_id = $1 AND webhook_id = $2
   AND (busy_until IS NULL OR busy_until <= $3 OR busy_until > $5)
RETURNING {_FIELDS}
"""  # noqa: S608  own names
RELEASE = """
UPDATE merit.webhooks SET busy_until = NULL
 WHERE tenant_id = $1 AND webhook_id = $2 AND busy_until = $3
"""
SETTLE = """
UPDATE merit.webhooks
   SET seen_version = $3, listening = $4,
       failures = CASE WHEN listening THEN failures ELSE 0 END,
       failing_since = CASE WHEN listening THEN failing_since END,
       retry_at = NULL
 WHERE tenant_id = $1 AND webhook_id = $2
"""
WAITING = f"""
SELECT {_DELIVERY} FROM merit.webhook_deliveries
 WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting' ORDER BY position
"""  # noqa: S608  own names
ENVELOPES = """
SELECT position, topic, stream_id, version, recorded_at, metadata FROM merit.events
 WHERE tenant_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""
MOVE = """
UPDATE merit.webhooks
   SET position = $4, failures = $5, failing_since = $6, retry_at = $7, busy_until = NULL
 WHERE tenant_id = $1 AND webhook_id = $2 AND busy_until = $3
"""
PUT = """
INSERT INTO merit.webhook_deliveries
       (tenant_id, webhook_id, position, event_id, topic, stream_id, version, recorded_at, state,
        attempts, first_tried_at, tried_at, retry_at, status, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (tenant_id, webhook_id, position) DO UPDATE
   SET state = excluded.state, attempts = excluded.attempts,
       first_tried_at = excluded.first_tried_at, tried_at = excluded.tried_at,
       retry_at = excluded.retry_at, status = excluded.status, error = excluded.error
"""
HURRY = """
UPDATE merit.webhook_deliveries SET retry_at = clock_timestamp()
 WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting'
"""
PURGE = """
DELETE FROM merit.webhook_deliveries
 WHERE tenant_id = $1
   AND (state = 'delivered' AND tried_at < $2 OR state = 'dead' AND tried_at < $3)
"""
PURGE_MANY = """
DELETE FROM merit.webhook_deliveries d
 USING (SELECT webhook_id, position,
               row_number() OVER (PARTITION BY webhook_id, state ORDER BY position DESC) AS newest
          FROM merit.webhook_deliveries
         WHERE tenant_id = $1 AND state <> 'waiting') AS old
 WHERE d.tenant_id = $1 AND d.webhook_id = old.webhook_id AND d.position = old.position
   AND d.state <> 'waiting' AND old.newest > $2
"""
REMOVE_DELIVERIES = """
DELETE FROM merit.webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2
"""
REMOVE = "DELETE FROM merit.webhooks WHERE tenant_id = $1 AND webhook_id = $2"
# Whoever has it now has not seen this: what it notes would undo it, so it loses the webhook.
REPLAY = """
UPDATE merit.webhooks SET position = least(position, $3), busy_until = NULL
 WHERE tenant_id = $1 AND webhook_id = $2
"""
TAKE_AWAY = """
UPDATE merit.webhooks SET busy_until = NULL WHERE tenant_id = $1 AND webhook_id = $2
"""
OF = f"""
SELECT {_FIELDS} FROM merit.webhooks WHERE tenant_id = $1 ORDER BY webhook_id
"""  # noqa: S608  own names
COUNTS = """
SELECT webhook_id, count(*) FILTER (WHERE state = 'waiting') AS waiting,
       count(*) FILTER (WHERE state = 'dead') AS dead,
       min(recorded_at) FILTER (WHERE state = 'waiting') AS oldest_at
  FROM merit.webhook_deliveries
 WHERE tenant_id = $1 AND state <> 'delivered' GROUP BY webhook_id
"""
DELIVERIES = f"""
SELECT {_DELIVERY} FROM merit.webhook_deliveries
 WHERE tenant_id = $1 AND webhook_id = $2 AND ($3::text IS NULL OR state = $3) AND position < $4
 ORDER BY position DESC LIMIT $5
"""  # noqa: S608  own names
UNDELIVERED = """
SELECT count(d.position) FILTER (WHERE d.state = 'waiting') AS waiting,
       count(d.position) FILTER (WHERE d.state = 'dead') AS dead,
       min(d.recorded_at) FILTER (WHERE d.state = 'waiting') AS oldest_at,
       (SELECT min(e.recorded_at)
          FROM merit.webhooks n
          JOIN merit.events e ON e.tenant_id = n.tenant_id AND e.position = n.position + 1
         WHERE n.tenant_id = $1 AND n.listening AND n.failures = 0) AS untried_at
  FROM merit.webhooks w
  LEFT JOIN merit.webhook_deliveries d
         ON d.tenant_id = w.tenant_id AND d.webhook_id = w.webhook_id AND d.state <> 'delivered'
 WHERE w.tenant_id = $1 AND w.listening
"""
FORGET_DELIVERIES = "DELETE FROM merit.webhook_deliveries WHERE tenant_id = $1"
FORGET = "DELETE FROM merit.webhooks WHERE tenant_id = $1"
