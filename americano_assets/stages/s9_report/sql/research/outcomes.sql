-- What became of predictions whose window has closed, flagged or not: struggled, not_struggled or unstudied.
-- Those of the ledger (ever flagged, or missed) are there for good, the others for 90 days after their window.
-- Grain: one row a predicted episode, with its last prediction before the planned day. Times UTC.
-- Reads: episodes (ml.episodes), matured (scored pairs with `struggled`), participants.
WITH judged AS (
  SELECT prediction_id, user_id AS learner_id, learning_objective_id AS objective_id, course_id, planned_day,
    first_flagged_at, refreshed_at AS predicted_at, window_end, probability, threshold, model_version, live, outcome
  FROM episodes
  WHERE outcome IS NOT NULL
  UNION ALL BY NAME
  SELECT prediction_id, learner_id, objective_id, course_id, DATE '1970-01-01' + planned_day::INTEGER AS planned_day,
    NULL::TIMESTAMP AS first_flagged_at, predicted_at, window_end, probability, threshold, model_version,
    NULL::BOOLEAN AS live,
    CASE WHEN struggled IS NULL THEN 'unstudied' WHEN struggled THEN 'struggled' ELSE 'not_struggled' END AS outcome
  FROM matured ANTI JOIN episodes USING (prediction_id)
)
SELECT prediction_id, learner_id, objective_id, course_id, planned_day, first_flagged_at, predicted_at, window_end,
  probability, threshold, probability >= threshold AS flagged, model_version, live, outcome
FROM judged SEMI JOIN participants USING (learner_id)
ORDER BY predicted_at, learner_id, objective_id
