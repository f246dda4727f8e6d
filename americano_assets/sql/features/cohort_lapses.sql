-- Grain: one row an objective: the share of AGAIN among all learners' reviews of the last 30 days, as of the last
-- closed cut-off, without learners who keep out of analytics.
SELECT i.objective_key, count(*) FILTER (i.rating = 'AGAIN')::DOUBLE / count(*) AS lapse_rate
FROM interactions i
SEMI JOIN (FROM learners_known WHERE in_analytics) l USING (learner_key)
WHERE i.kind = 'review' AND i.objective_key IS NOT NULL
  AND i.study_day < $cohort_day AND i.study_day >= $cohort_day - 30
GROUP BY i.objective_key
