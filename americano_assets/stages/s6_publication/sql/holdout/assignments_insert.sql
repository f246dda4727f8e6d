-- Fixes the arm of each staged episode that has none yet. A learner who keeps out of aggregates could not be counted,
-- so nothing is withheld from them. A share of 1 holds out everybody, which is a decision, not chance.
INSERT INTO ml.assignments (prediction_id, user_id, learning_objective_id, course_id, planned_day, arm, unit,
  holdout_share, eligible, live, flagged_at, window_end, probability, threshold, model_version, intervention_types)
SELECT s."id", s."userId", s."learningObjectiveId", s."topicId", s.planned_day,
  CASE WHEN u."includeInAnalytics" OR %(share)s = 1 THEN s.arm ELSE 'treated' END, %(unit)s, %(share)s,
  COALESCE(u."includeInAnalytics", false) AND %(is_random)s, %(live)s, s."predictedAt", %(window_end)s,
  s."predictedStruggleProbability", %(threshold)s, %(model_version)s, COALESCE(g.kinds, '{}')
FROM staged_struggle_predictions s
LEFT JOIN users u ON u."id" = s."userId"
LEFT JOIN (
  SELECT "predictionId", array_agg("interventionType"::text ORDER BY "interventionType"::text COLLATE "C") AS kinds
  FROM given_intervention_recommendations
  GROUP BY 1
) g ON g."predictionId" = s."id"
-- Nor is it asked first which have one: a table with more rows than are staged lets the planner expect none that has not,
-- and compare each with all that is given.
ON CONFLICT (prediction_id) DO NOTHING
