-- Grain: one row a recorded end of a study session; a session may be recorded twice (its row and its event).
-- Times UTC; performance 0-1 or null; a pause is not an end. Reads: study_sessions, behavioral_events, calendar.
WITH ends AS (
  SELECT learner_id, session_id, occurred_at, day, duration_ms::DOUBLE AS duration_ms, NULL::DOUBLE AS performance,
    'study_sessions' AS source, session_id AS source_id
  FROM study_sessions
  UNION ALL BY NAME
  SELECT learner_id, session_id, occurred_at, day, duration_ms,
    session_performance_score / 100.0 AS performance, 'behavioral_events' AS source, event_id AS source_id
  FROM behavioral_events
  WHERE event_type = 'SESSION_ENDED' AND NOT is_pause AND session_id IS NOT NULL
)
SELECT
  md5_number_lower(learner_id) AS learner_key,
  md5_number_lower(session_id) AS session_key,
  learner_id, session_id, occurred_at,
  (day - DATE '1970-01-01')::INTEGER AS study_day,
  (epoch_ms(occurred_at) - epoch_ms(c.opens_at))::INTEGER AS into_day,
  duration_ms, performance, source, source_id
FROM ends JOIN calendar c USING (day)
WHERE day BETWEEN $first_day AND $last_day
ORDER BY study_day, learner_key, occurred_at, source, source_id
