-- Grain: one row a (learner, objective) in a mission that is open at the cut-off, the earliest such mission from the
-- cut-off on if there is one, else the latest before it. Times UTC; planned_day in days since 1970-01-01.
-- $from_later_state: the plans were photographed after the cut-off, so columns that the app overwrites tell the
-- future. Then a mission is open unless it was completed before the cut-off, whatever its status says.
SELECT
  p.learner_id, p.objective_id, p.planned_at,
  md5_number_lower(p.learner_id) AS learner_key,
  o.objective_key, o.course_key, o.course_id,
  (c.day - DATE '1970-01-01')::INTEGER AS planned_day
FROM planned_objectives p
JOIN objectives_known o USING (objective_id)
JOIN learners l USING (learner_id)
ASOF JOIN calendar c ON p.planned_at >= c.opens_at
WHERE NOT COALESCE(p.completed_at < $cutoff, false)
  AND ($from_later_state
    OR (NOT p.objective_completed AND (p.status IN ('PENDING', 'IN_PROGRESS') OR p.completed_at >= $cutoff)))
QUALIFY row_number() OVER (
  PARTITION BY p.learner_id, p.objective_id
  ORDER BY p.planned_at >= $cutoff DESC,
    abs(epoch_ms(p.planned_at) - epoch_ms($cutoff)), p.mission_id
) = 1
