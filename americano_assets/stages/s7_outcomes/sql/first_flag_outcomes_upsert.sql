-- Writes the experiment's outcomes; a verdict that stands as it was is not touched.
INSERT INTO ml.first_flag_outcomes AS o (prediction_id, user_id, outcome, mean_struggle, mean_score, n_reviews,
  n_validations, n_again, struggle_below, applied_types, outcome_at)
SELECT s.prediction_id, s.user_id, s.outcome,
  s.mean_struggle, s.mean_score, s.n_reviews, s.n_validations, s.n_again, %(struggle_below)s,
  ARRAY(
    SELECT r."interventionType"::text FROM intervention_recommendations r
    WHERE r."predictionId" = s.prediction_id AND r."appliedAt" < s.outcome_at
    UNION
    SELECT r.content ->> 'interventionType'
    FROM ml.struggle_predictions_archive a, jsonb_array_elements(a.recommendations) AS r (content)
    WHERE a.prediction_id = s.prediction_id AND (r.content ->> 'appliedAt')::timestamp < s.outcome_at
    ORDER BY 1),
  s.outcome_at
FROM staged_outcomes s
WHERE s.basis = 'first_flag'
ON CONFLICT (prediction_id) DO UPDATE SET outcome = EXCLUDED.outcome, mean_struggle = EXCLUDED.mean_struggle,
  mean_score = EXCLUDED.mean_score, n_reviews = EXCLUDED.n_reviews, n_validations = EXCLUDED.n_validations,
  n_again = EXCLUDED.n_again, applied_types = EXCLUDED.applied_types
WHERE (o.outcome, o.mean_struggle, o.mean_score, o.n_reviews, o.n_validations, o.n_again, o.applied_types)
  IS DISTINCT FROM (EXCLUDED.outcome, EXCLUDED.mean_struggle, EXCLUDED.mean_score, EXCLUDED.n_reviews,
    EXCLUDED.n_validations, EXCLUDED.n_again, EXCLUDED.applied_types)
