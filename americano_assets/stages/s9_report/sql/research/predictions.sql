-- Every prediction of each night, flagged or not; `probability` is that of a struggle within the horizon.
-- Grain: one row a (study day, learner, objective). Reads: scored_predictions (with `day`), participants.
SELECT day AS study_day, learner_id, objective_id, course_id, prediction_id, probability, threshold, flagged,
  confidence, cold_start, model_type, model_version, factors, DATE '1970-01-01' + planned_day AS planned_day
FROM scored_predictions SEMI JOIN participants USING (learner_id)
ORDER BY study_day, learner_id, objective_id
