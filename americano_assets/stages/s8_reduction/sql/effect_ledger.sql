-- Grain: one row an episode whose first flag's window has closed by %(cutoff)s (UTC), of learners who may be counted, or of
-- those in %(drawn)s alone where that is not null.
-- struggle: by the mean graded score, false where nothing was studied. answers: graded ones in the window.
SELECT a.prediction_id, a.user_id, a.learning_objective_id, a.course_id, a.arm, a.unit, a.holdout_share, a.eligible,
  a.live, a.probability, a.flagged_at, o.outcome_at, o.outcome <> 'unstudied' AS studied, o.mean_struggle AS struggle,
  o.mean_score, (o.n_reviews + o.n_validations)::integer AS answers, a.intervention_types, o.applied_types
FROM ml.assignments a
JOIN ml.first_flag_outcomes o USING (prediction_id)
JOIN users u ON u."id" = a.user_id AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
  AND u."includeInAnalytics"
WHERE o.outcome_at <= %(cutoff)s AND (%(drawn)s::text[] IS NULL OR a.user_id = ANY (%(drawn)s))
ORDER BY a.prediction_id
