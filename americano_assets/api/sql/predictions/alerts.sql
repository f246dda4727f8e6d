-- A learner's alerts, most pressing first.
-- Grain: one row an alert, at most three a learner. priority 0-100; times UTC without zone.
SELECT id, type, title, message, severity, priority, prediction_id, intervention_id, created_at
FROM ml.alerts
WHERE user_id = %(user_id)s::text
ORDER BY priority DESC, id
