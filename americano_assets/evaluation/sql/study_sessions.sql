-- Grain: one row a (session, learner, study day) of the log: its end is its last interaction of that day, so that what
-- a session goes on to do after a cut-off never changes what was known of it before. Times UTC. Reads: staged.
SELECT learner_id, session_id || '/' || learner_id || '/' || day AS session_id, max(occurred_at) AS occurred_at, day,
  date_diff('millisecond', min(occurred_at), max(occurred_at)) AS duration_ms
FROM staged
WHERE session_id IS NOT NULL AND day BETWEEN $first_day::DATE - 1 AND $last_day::DATE
GROUP BY learner_id, session_id, day
