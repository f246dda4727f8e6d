-- Grain: one row a (learner, objective) studied in the last 180 days. Weights halve every 90 days of exact age.
SELECT
  learner_key, objective_key, max(course_key) AS course_key,
  count(*) FILTER (kind = 'review') AS n_reviews,
  count(*) FILTER (kind = 'validation') AS n_validations,
  count(*) FILTER (kind = 'review' AND age < 30) AS n_reviews_30,
  count(*) FILTER (rating = 'AGAIN' AND age < 30) AS n_again_30,
  sum(nano(score)) FILTER (kind = 'validation') AS validation_nano,
  max(occurred_at) AS last_studied_at,
  mastery_of(sum(nano(weight * score)), sum(nano(weight))) AS mastery,
  is_mastered(mastery_of(sum(nano(weight * score)), sum(nano(weight))),
    count(*) FILTER (kind = 'review'), count(*) FILTER (kind = 'validation')) AS mastered
FROM (
  SELECT *, exp(-ln(2) * (epoch_ms($cutoff) - epoch_ms(occurred_at)) / 7776000000) AS weight
  FROM graded WHERE NOT replaced AND objective_key IS NOT NULL
)
GROUP BY learner_key, objective_key
