-- Grain: one row a (learner, objective) studied in the window [$window_start, $window_end). Reads: interactions.
SELECT DISTINCT learner_id, objective_id FROM interactions
WHERE occurred_at >= $window_start AND occurred_at < $window_end
  AND objective_id IS NOT NULL AND course_id IS NOT NULL
ORDER BY ALL
