-- Grain: one row a pair of `given_pairs` (learner_id, objective_id, planned_at: UTC or null) whose learner may be
-- analysed and whose objective is known; as `spine`. Of a pair given twice the earliest plan counts.
SELECT l.learner_key, o.objective_key,
  COALESCE(g.planned_at, $horizon_end) AS planned_at,
  COALESCE((c.day - DATE '1970-01-01')::INTEGER, ($cutoff_day // $horizon_days) * $horizon_days) AS planned_day,
  g.planned_at IS NOT NULL AS planned
FROM (SELECT learner_id, objective_id, min(planned_at) AS planned_at FROM given_pairs GROUP BY ALL) g
JOIN learners_known l USING (learner_id)
JOIN objectives_known o USING (objective_id)
ASOF LEFT JOIN calendar c ON g.planned_at >= c.opens_at
