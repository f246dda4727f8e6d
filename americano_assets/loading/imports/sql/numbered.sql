-- Grain: one row a row of the log, with the key of its id: learner, kind, item and instant, and which of several at one
-- instant it is. Times UTC, to the millisecond, as the app keeps them. Reads: staged.
SELECT * REPLACE (
    date_trunc('millisecond', occurred_at) AS occurred_at,
    least(greatest(round(COALESCE(duration_ms, 0)), 0), 2147483647)::INTEGER AS duration_ms
  ),
  concat_ws(chr(31), learner_id, kind, item_key(objective_id, item_id), epoch_us(occurred_at), row_number() OVER (
    PARTITION BY learner_id, kind, item_key(objective_id, item_id), occurred_at
    ORDER BY objective_id, score, rating, session_id, duration_ms
  )) AS key,
  CASE WHEN session_id IS NOT NULL THEN import_id('session', concat_ws(chr(31), learner_id, session_id, day)) END
    AS session_key
FROM staged
