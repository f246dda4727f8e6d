-- Grain: one row a (learner, objective) studied in the last 180 days: what became of the learner's own answers to it.
-- Scores in 10^-9; the last one by the order of time, source and id. Its topic is the one that the curriculum has it in
-- at the cut-off, whatever it was when it was answered: a moved objective takes its past along. Of one that is gone it
-- is the last that an answer was stored with.
-- Counts are added up as DOUBLE, which is exact for them and faster than the 128-bit integers of sum().
WITH answered AS (
  SELECT learner_key, objective_key,
    arg_max(course_key, chronological(study_day, last_place)) AS stored_course_key,
    sum((n_validations - n_late)::DOUBLE) AS n_validations,
    sum(validation_nano) AS validation_nano,
    sum(n_reviews::DOUBLE) FILTER (age < 30) AS n_reviews_30,
    sum(n_again::DOUBLE) FILTER (age < 30) AS n_again_30,
    sum((n_reviews + n_validations - n_late)::DOUBLE) AS n_graded,
    sum(score_nano(n_reviews, n_again, validation_nano)) AS score_nano,
    arg_max(last_nano, chronological(study_day, last_place)) AS last_nano,
    max(chronological(study_day, last_place)) AS last_at,
    max(last_lapse_at) AS last_lapse_at,
    max(last_studied_at) AS last_studied_at,
    mastery_of(sum(round(weighted_score_nano * weight)), sum(round(weight_nano * weight))) AS mastery,
    is_mastered(mastery_of(sum(round(weighted_score_nano * weight)), sum(round(weight_nano * weight))),
      sum(n_reviews::DOUBLE), sum((n_validations - n_late)::DOUBLE)) AS mastered
  FROM objective_days JOIN day_weights USING (study_day)
  WHERE objective_key IS NOT NULL AND last_studied_at IS NOT NULL
  GROUP BY learner_key, objective_key
)
SELECT a.* EXCLUDE (stored_course_key), COALESCE(o.course_key, a.stored_course_key) AS course_key
FROM answered a LEFT JOIN objectives_known o USING (objective_key)
