-- Grain: one row a (type of intervention, learner, arm) of the experiment in force: episodes for which the type was
-- chosen, shown or withheld, and those that became struggles, as known at %(cutoff)s (UTC). Unstudied: no struggle.
SELECT kind AS intervention_type, a.user_id, a.arm, count(*)::integer AS episodes,
  count(*) FILTER (WHERE o.mean_struggle)::integer AS struggles
FROM ml.assignments a
JOIN ml.first_flag_outcomes o USING (prediction_id)
CROSS JOIN LATERAL unnest(a.intervention_types) AS kind
JOIN users u ON u."id" = a.user_id AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
  AND u."includeInAnalytics"
WHERE a.eligible AND a.live AND a.unit = %(unit)s AND a.holdout_share = %(share)s AND o.outcome_at <= %(cutoff)s
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
