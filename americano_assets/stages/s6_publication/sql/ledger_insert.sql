-- Brings episodes flagged for the first time into the ledger; the first flag never changes afterwards.
INSERT INTO ml.episodes (prediction_id, user_id, learning_objective_id, course_id, planned_day, first_flagged_at,
  first_probability, refreshed_at, probability, threshold, model_version, live, window_end)
SELECT prediction_id, user_id, learning_objective_id, course_id, planned_day, refreshed_at,
  probability, refreshed_at, probability, threshold, model_version, live, window_end
FROM staged_episodes
ON CONFLICT (prediction_id) DO NOTHING
