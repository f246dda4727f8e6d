-- Moves an open episode to its latest refresh before its planned day opens: that one's window decides the outcome.
UPDATE ml.episodes e SET refreshed_at = s."predictedAt", probability = s."predictedStruggleProbability",
  threshold = %(threshold)s, model_version = %(model_version)s, window_end = %(window_end)s
FROM staged_struggle_predictions s
WHERE s."id" = e.prediction_id AND s.planned_day > %(study_day)s AND e.outcome IS NULL
  -- Or a clock ahead of the server's once stamped it.
  AND (s."predictedAt" > e.refreshed_at
    OR e.refreshed_at > (clock_timestamp() AT TIME ZONE 'UTC') + INTERVAL '5 minutes')
