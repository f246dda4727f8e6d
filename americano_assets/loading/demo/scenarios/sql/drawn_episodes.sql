-- Grain: one row a live episode, drawn by chance, of a learner who may be counted: its first window (UTC), whether that
-- whether any help was chosen for it, whatever its arm, and where the app's tables ended when help was first given
-- out after it was flagged: null where none ever was.
SELECT a.user_id, a.learning_objective_id, a.flagged_at, a.window_end, a.intervention_types <> '{}' AS has_help,
  (SELECT min(h.given_at) FROM ml.simulated_help h WHERE h.given_at >= a.flagged_at) AS given_at
FROM ml.assignments a
JOIN users u ON u."id" = a.user_id AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
  AND u."includeInAnalytics"
WHERE a.eligible AND a.live
ORDER BY a.prediction_id
