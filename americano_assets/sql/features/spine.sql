-- Grain: one row a candidate (learner, objective) at the cut-off. Planned: in an open mission dated in the next seven
-- study days, the earliest such. Unplanned: no open mission at any date, studied, still with a card, the learner active
-- in the last 28 days; the ten weakest by mastery. planned_day in days since 1970-01-01; for an unplanned one the
-- start of its cell in an H-day grid.
WITH planned AS (
  SELECT learner_id, objective_id, course_id, learner_key, objective_key, course_key, planned_at, planned_day,
    true AS planned
  FROM open_plans
  WHERE planned_at >= $cutoff AND planned_at < $planned_before
  QUALIFY row_number() OVER (PARTITION BY learner_key, objective_key ORDER BY planned_at, mission_id) = 1
),
unplanned AS (
  SELECT l.learner_id, o.objective_id, o.course_id, h.learner_key, h.objective_key, o.course_key,
    $horizon_end AS planned_at, ($cutoff_day // $horizon_days) * $horizon_days AS planned_day, false AS planned
  FROM objective_history h
  JOIN objectives_known o USING (objective_key)
  JOIN learners_known l USING (learner_key)
  SEMI JOIN (SELECT learner_key FROM past WHERE age < 28) r USING (learner_key)
  ANTI JOIN open_plans p ON p.learner_key = h.learner_key AND p.objective_key = h.objective_key
  WHERE o.has_card
  QUALIFY row_number() OVER (PARTITION BY h.learner_key ORDER BY h.mastery, o.objective_id) <= 10
)
FROM planned UNION ALL BY NAME FROM unplanned
ORDER BY learner_id, objective_id
