-- The candidates of each night and what was known of them at its cut-off, every value 0-1.
-- Grain: one row a (study day, learner, objective). Reads: features (with `day`), participants.
SELECT day AS study_day, learner_id, objective_id, course_id,
  * EXCLUDE (day, learner_id, objective_id, course_id, planned_day, unmastered_prerequisites),
  DATE '1970-01-01' + planned_day AS planned_day
FROM features SEMI JOIN participants USING (learner_id)
ORDER BY study_day, learner_id, objective_id
