-- Fixes the arm of each staged episode that has none yet. A learner who keeps out of aggregates could not be counted,
-- so nothing is withheld from them. A share of 1 holds out everybody, which is a decision, not chance.
INSERT INTO ml.assignments (prediction_id, user_id, learning_objective_id, course_id, planned_day, arm, unit,
  holdout_share, eligible, live, flagged_at, window_end, probability, threshold, model_version, intervention_types)
SELECT s.prediction_id, s.user_id, s.learning_objective_id, s.course_id, s.planned_day,
  CASE WHEN u."includeInAnalytics" OR %(share)s = 1 THEN s.arm ELSE 'treated' END, %(unit)s, %(share)s,
  COALESCE(u."includeInAnalytics", false) AND %(is_random)s, s.live, s.refreshed_at, s.window_end, s.probability,
  s.threshold, s.model_version, s.intervention_types
FROM staged_episodes s
LEFT JOIN users u ON u."id" = s.user_id
ON CONFLICT (prediction_id) DO NOTHING
