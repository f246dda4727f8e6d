-- What became of predictions whose window has closed, flagged or not: struggled, not_struggled or unstudied.
-- Those of the ledger (ever flagged, or missed) are there for good; the others, by unflagged_outcomes, for 90 days after
-- their window.
-- Grain: one row a predicted episode, with its last prediction before the planned day. Times UTC.
-- Reads: episodes (judged ones of ml.episodes), participants.
SELECT prediction_id, user_id AS learner_id, learning_objective_id AS objective_id, course_id, planned_day,
  first_flagged_at::TIMESTAMP AS first_flagged_at, refreshed_at::TIMESTAMP AS predicted_at, window_end::TIMESTAMP AS window_end,
  probability, threshold, probability >= threshold AS flagged, model_version, live, outcome
FROM episodes
WHERE user_id IN (SELECT learner_id FROM participants)
ORDER BY predicted_at, learner_id, objective_id
