-- Moves an open episode to its latest refresh before its planned day opens: that one's window decides the outcome.
UPDATE ml.episodes e SET refreshed_at = s.refreshed_at, probability = s.probability, threshold = s.threshold,
  model_version = s.model_version, window_end = s.window_end
FROM staged_episodes s
WHERE s.prediction_id = e.prediction_id AND s.before_planned_day AND e.outcome IS NULL
  -- Or a clock ahead of the server's once stamped it.
  AND (s.refreshed_at > e.refreshed_at
    OR e.refreshed_at > (clock_timestamp() AT TIME ZONE 'UTC') + INTERVAL '5 minutes')
