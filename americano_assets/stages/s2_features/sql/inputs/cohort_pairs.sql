-- Grain: one row a (learner, objective) of the last 180 study days before the last closed cut-off, of learners who
-- count in numbers of the cohort: the first score, and what came in the last 30 days. Scores in 10^-9; a skipped
-- validation is 0 here, whatever came later. $cohort_day is the day after that of cohort_record, which may have been
-- stored some nights ago: what is taken out of it must be what went into it.
SELECT t.learner_key, t.objective_key,
  arg_min(t.first_nano, chronological(t.study_day, t.first_place)) AS first_nano,
  COALESCE(sum(t.n_reviews + t.n_validations + t.n_skipped) FILTER (t.study_day >= $cohort_day - 30), 0) AS n_30,
  COALESCE(sum(score_nano(t.n_reviews, t.n_again, t.validation_nano)) FILTER (t.study_day >= $cohort_day - 30), 0)
    AS score_nano_30
FROM day_totals t
SEMI JOIN (FROM learners_known WHERE in_analytics) l USING (learner_key)
WHERE t.objective_key IS NOT NULL AND t.study_day < $cohort_day AND t.study_day >= $cohort_day - 180
GROUP BY t.learner_key, t.objective_key
