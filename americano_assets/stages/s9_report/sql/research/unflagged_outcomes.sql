-- What became of predictions that are not in the ledger.
-- Grain: one row a predicted episode, with its last prediction before the planned day. Times UTC.
-- Reads: matured (scored pairs with `struggled`), open_episodes (those of the ledger that are not judged yet), participants,
-- research.outcomes, which holds those that are judged.
SELECT prediction_id, learner_id, objective_id, course_id, DATE '1970-01-01' + planned_day::INTEGER AS planned_day,
  NULL::TIMESTAMP AS first_flagged_at, predicted_at, window_end, probability, threshold,
  probability >= threshold AS flagged, model_version, NULL::BOOLEAN AS live,
  CASE WHEN struggled IS NULL THEN 'unstudied' WHEN struggled THEN 'struggled' ELSE 'not_struggled' END AS outcome
FROM matured
SEMI JOIN participants USING (learner_id)
ANTI JOIN open_episodes USING (prediction_id)
ANTI JOIN (FROM research.outcomes WHERE live IS NOT NULL) USING (prediction_id)
ORDER BY predicted_at, learner_id, objective_id
