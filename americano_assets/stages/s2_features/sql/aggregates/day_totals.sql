-- Grain: one row a (learner, topic, objective, study day, late) with graded interactions or skipped validations: all
-- that a day of one objective says, so that a night adds up days instead of single answers. `late`: at or after the
-- hour of a cut-off within a day; never so where the cut-off closes one. Scores and weights in 10^-9; a weight is
-- relative to the day's opening (`day_weights` brings it to the cut-off). A skipped validation is counted in n_skipped
-- and may be the first; `skip_days` says what else becomes of it.
-- Reads: interactions with `place`, their order within the day's file (learner, time, source, id).
SELECT learner_key, course_key, objective_key, study_day,
  $cutoff_into > 0 AND into_day >= $cutoff_into AS late,
  count(rating)::INTEGER AS n_reviews,
  (count(*) FILTER (rating = 'AGAIN'))::INTEGER AS n_again,
  (count(*) FILTER (rating IS NULL AND NOT skipped))::INTEGER AS n_validations,
  (count(*) FILTER (skipped))::INTEGER AS n_skipped,
  sum(CASE WHEN rating IS NULL THEN nano(score) ELSE 0 END) AS validation_nano,
  COALESCE(sum(nano(growth(into_day) * score)) FILTER (NOT skipped), 0) AS weighted_score_nano,
  COALESCE(sum(nano(growth(into_day))) FILTER (NOT skipped), 0) AS weight_nano,
  max(occurred_at) FILTER (NOT skipped) AS last_studied_at,
  arg_min(nano(score), place) AS first_nano,
  min(place) AS first_place,
  arg_max(nano(score), place) FILTER (NOT skipped) AS last_nano,
  max(place) FILTER (NOT skipped) AS last_place,
  max(occurred_at) FILTER (rating = 'AGAIN') AS last_lapse_at
FROM {interactions}
GROUP BY learner_key, course_key, objective_key, study_day, late
ORDER BY study_day, learner_key, course_key, objective_key, late
