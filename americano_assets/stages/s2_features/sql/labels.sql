-- Grain: one row a pair of `pairs`, its outcome in [$window_start, $window_end): n of reviews, AGAIN and graded
-- validations, the mean graded score (0-1), struggled (null: not studied enough to tell), and whether the mean alone says
-- so (false: not studied enough either).
-- Reads: pairs (learner_id, objective_id), interactions.
WITH inside AS (
  SELECT i.* FROM interactions i
  SEMI JOIN (SELECT md5_number_lower(learner_id) AS learner_key, md5_number_lower(objective_id) AS objective_key FROM pairs)
    USING (learner_key, objective_key)
  WHERE i.occurred_at >= $window_start AND i.occurred_at < $window_end
),
counted AS (
  SELECT * FROM inside s
  WHERE NOT s.skipped OR NOT EXISTS (
    FROM inside a WHERE a.learner_key = s.learner_key AND a.item_key = s.item_key AND a.kind = 'validation'
      AND NOT a.skipped AND a.occurred_at >= s.occurred_at)
),
totals AS (
  SELECT learner_key, objective_key,
    count(*) FILTER (kind = 'review') AS n_reviews,
    count(*) FILTER (kind = 'validation') AS n_validations,
    count(*) FILTER (rating = 'AGAIN') AS n_again,
    sum(nano(score)) AS score_nano
  FROM counted GROUP BY ALL
)
SELECT p.learner_id, p.objective_id,
  COALESCE(n_reviews, 0)::INTEGER AS n_reviews,
  COALESCE(n_validations, 0)::INTEGER AS n_validations,
  COALESCE(n_again, 0)::INTEGER AS n_again,
  nano_mean(score_nano, n_reviews + n_validations) AS mean_score,
  struggled_by(COALESCE(n_reviews, 0), COALESCE(n_validations, 0), n_again, score_nano, $struggle_below) AS struggled,
  struggled IS NOT NULL AND mean_struggles(score_nano, n_reviews + n_validations, $struggle_below) AS mean_struggle
FROM pairs p
LEFT JOIN totals t ON t.learner_key = md5_number_lower(p.learner_id) AND t.objective_key = md5_number_lower(p.objective_id)
ORDER BY p.learner_id, p.objective_id
