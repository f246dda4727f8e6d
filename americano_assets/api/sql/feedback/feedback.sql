-- The feedback on one prediction.
-- Grain: one row, or none. submitted_at: UTC without zone.
SELECT id, submitted_at
FROM ml.prediction_feedback
WHERE prediction_id = %(prediction_id)s::text AND user_id = %(user_id)s::text
