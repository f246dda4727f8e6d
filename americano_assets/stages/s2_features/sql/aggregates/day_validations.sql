-- Grain: one row a validation, answered or skipped. Whatever depends on single answers reads these instead of the log.
SELECT learner_key, course_key, objective_key, item_key, occurred_at, study_day, into_day, score, skipped, place
FROM {interactions} WHERE kind = 'validation'
ORDER BY study_day, place
