-- One prediction, locked until the transaction ends.
-- Grain: one row, or none.
SELECT id, "userId" AS user_id, "predictionStatus"::text AS prediction_status, "actualOutcome" AS actual_outcome
FROM struggle_predictions
WHERE id = %(id)s::text
FOR UPDATE
