-- Brings ml.alerts to what is staged; an alert that is already there keeps the time at which it was first given.
INSERT INTO ml.alerts AS a (id, prediction_id, user_id, type, title, message, severity, priority, due_at,
  intervention_id, created_at, study_day)
SELECT id, prediction_id, user_id, type, title, message, severity, priority, due_at, intervention_id, created_at, study_day
FROM staged_alerts
ON CONFLICT (id) DO UPDATE SET type = EXCLUDED.type, title = EXCLUDED.title, message = EXCLUDED.message,
  severity = EXCLUDED.severity, priority = EXCLUDED.priority, due_at = EXCLUDED.due_at,
  intervention_id = EXCLUDED.intervention_id, study_day = EXCLUDED.study_day
