-- Grain: one row a candidate (learner, objective) at the cut-off. Planned: in an open mission dated in the next seven
-- study days, the earliest such. Unplanned: no open mission at any date, studied, still with a card, the learner active
-- in the last 28 days; the ten weakest by mastery. planned_day in days since 1970-01-01; for an unplanned one the
-- start of its cell in an H-day grid.
WITH planned AS (
  SELECT learner_key, objective_key, min(planned_at) AS planned_at, min(planned_day) AS planned_day, true AS planned
  FROM open_plans
  WHERE planned_at >= $cutoff AND planned_at < $planned_before
  GROUP BY learner_key, objective_key
),
unplanned AS (
  SELECT h.learner_key, h.objective_key,
    $horizon_end AS planned_at, ($cutoff_day // $horizon_days) * $horizon_days AS planned_day, false AS planned
  FROM objective_history h
  JOIN objectives_known o USING (objective_key)
  SEMI JOIN interesting_learners i USING (learner_key)
  SEMI JOIN (FROM objective_days WHERE study_day >= $cutoff_day - 29 AND age < 28) r USING (learner_key)
  ANTI JOIN open_plans p ON p.learner_key = h.learner_key AND p.objective_key = h.objective_key
  WHERE o.has_card
  QUALIFY row_number() OVER (PARTITION BY h.learner_key ORDER BY h.mastery, o.place) <= 10
)
FROM planned UNION ALL BY NAME FROM unplanned
