-- Grain: one row a (learner, card, moment) of a review after which the memory's stability is known: of several reviews
-- of a card at one moment the one with the highest id. Stability in days. Reads: reviews (with `day`), calendar.
SELECT
  md5_number_lower(r.learner_id) AS learner_key,
  md5_number_lower(r.objective_id) AS objective_key,
  md5_number_lower(r.card_id) AS item_key,
  r.occurred_at,
  (r.day - DATE '1970-01-01')::INTEGER AS study_day,
  (epoch_ms(r.occurred_at) - epoch_ms(c.opens_at))::INTEGER AS into_day,
  r.stability_after AS stability
FROM reviews r JOIN calendar c USING (day)
WHERE r.day BETWEEN $first_day AND $last_day AND r.objective_id IS NOT NULL AND r.stability_after > 0
QUALIFY row_number() OVER (PARTITION BY r.learner_id, r.card_id, r.occurred_at ORDER BY r.review_id DESC) = 1
ORDER BY study_day, learner_key, item_key, r.occurred_at
