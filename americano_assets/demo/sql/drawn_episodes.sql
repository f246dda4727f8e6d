-- Grain: one row a live episode, drawn by chance, of a learner who may be counted: its first window (UTC), whether that
-- has closed by %(cutoff)s, and whether any help was chosen for it, whatever its arm.
SELECT a.user_id, a.learning_objective_id, a.flagged_at, a.window_end, a.window_end <= %(cutoff)s AS closed,
  a.intervention_types <> '{}' AS has_help
FROM ml.assignments a
JOIN users u ON u."id" = a.user_id AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
  AND u."includeInAnalytics"
WHERE a.eligible AND a.live
ORDER BY a.prediction_id
