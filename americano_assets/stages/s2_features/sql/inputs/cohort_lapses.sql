-- Grain: one row an objective: the share of AGAIN among all learners' reviews of the last 30 days, as of the last
-- closed cut-off, without learners who keep out of analytics.
SELECT t.objective_key, sum(t.n_again)::DOUBLE / sum(t.n_reviews) AS lapse_rate
FROM day_totals t
SEMI JOIN (FROM learners_known WHERE in_analytics) l USING (learner_key)
WHERE t.n_reviews > 0 AND t.objective_key IS NOT NULL
  AND t.study_day < $cohort_day AND t.study_day >= $cohort_day - 30
GROUP BY t.objective_key
