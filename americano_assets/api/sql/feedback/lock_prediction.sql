-- One prediction, locked until the transaction ends.
-- Grain: one row, or none.
SELECT p.id, p."userId" AS user_id, p."predictionStatus"::text AS prediction_status, p."actualOutcome" AS actual_outcome,
  p."predictionDate" AS prediction_date,
  (SELECT e.planned_day FROM ml.episodes e WHERE e.prediction_id = p.id AND e.user_id = p."userId") AS planned_day,
  (SELECT e.first_flagged_at IS NOT NULL FROM ml.episodes e WHERE e.prediction_id = p.id AND e.user_id = p."userId")
    AS flagged
FROM struggle_predictions p
WHERE p.id = %(id)s::text
FOR UPDATE OF p
