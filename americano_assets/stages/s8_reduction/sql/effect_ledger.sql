-- Grain: one row an episode whose first flag's window has closed by %(cutoff)s (UTC), of learners who may be counted; where
-- %(learners)s is not null of those alone, and where %(share)s is not null of so many of all draws, whole ones: what
-- chance drew for an arm is drawn here with all its episodes, and where it drew for none whole learners, whose history counts.
-- struggle: by the mean graded score, false where nothing was studied. answers: graded ones in the window.
SELECT a.prediction_id, a.user_id, a.learning_objective_id, a.course_id, a.arm, a.unit, a.holdout_share, a.eligible,
  a.live, a.probability, a.flagged_at, o.outcome_at, o.outcome <> 'unstudied' AS studied, o.mean_struggle AS struggle,
  o.mean_score, (o.n_reviews + o.n_validations)::integer AS answers, a.intervention_types, o.applied_types
FROM ml.assignments a
JOIN ml.first_flag_outcomes o USING (prediction_id)
JOIN users u ON u."id" = a.user_id AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"
  AND u."includeInAnalytics"
WHERE o.outcome_at <= %(cutoff)s AND (%(learners)s::text[] IS NULL OR a.user_id = ANY (%(learners)s))
  AND (%(share)s::double precision IS NULL OR ('x' || left(md5(a.user_id ||
    CASE WHEN a.unit = 'episode' AND a.holdout_share > 0 THEN ' ' || a.learning_objective_id ELSE '' END
  ), 8))::bit(32)::bigint < %(share)s * 4294967296)
ORDER BY a.prediction_id
