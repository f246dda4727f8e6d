-- How many rows effect_ledger has of whom.
-- Grain: one row a learner. Parameter: %(cutoff)s, UTC.
SELECT a.user_id AS learner_id, count(*) AS episodes
FROM ml.assignments a
JOIN ml.first_flag_outcomes o USING (prediction_id)
JOIN users u ON u."id" = a.user_id AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
  AND u."includeInAnalytics"
WHERE o.outcome_at <= %(cutoff)s
GROUP BY a.user_id
ORDER BY a.user_id
