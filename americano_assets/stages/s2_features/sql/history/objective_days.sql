-- Grain: one row a (learner, topic, objective, study day, whole days before the cut-off, of skips): graded interactions,
-- and apart from them skipped validations: every total of the look-back adds these rows up. The topic as stored.
-- n_validations is a label's, in which a skip counts until the same window answers it; `n_late` of them are skips that
-- a later window answered: they count in nothing else.
SELECT learner_key, course_key, objective_key, study_day, age, n_reviews, n_again, n_validations, 0 AS n_late,
  validation_nano, weighted_score_nano, weight_nano, last_studied_at, last_nano, last_place, last_lapse_at,
  false AS of_skips
FROM totals WHERE last_studied_at IS NOT NULL
UNION ALL
SELECT learner_key, course_key, objective_key, study_day, age, 0, 0, n_validations, n_late,
  0, 0, weight_nano, last_studied_at, 0, last_place, NULL, true
FROM skip_days
