-- Brings episodes flagged for the first time into the ledger; the first flag never changes afterwards.
INSERT INTO ml.episodes (prediction_id, user_id, learning_objective_id, course_id, planned_day, first_flagged_at,
  first_probability, refreshed_at, probability, threshold, model_version, live, window_end)
SELECT s."id", s."userId", s."learningObjectiveId", s."topicId", s.planned_day, s."predictedAt",
  s."predictedStruggleProbability", s."predictedAt", s."predictedStruggleProbability", %(threshold)s, %(model_version)s,
  %(live)s, %(window_end)s
FROM staged_struggle_predictions s
WHERE NOT EXISTS (SELECT FROM ml.episodes e WHERE e.prediction_id = s."id")
ON CONFLICT (prediction_id) DO NOTHING
