-- Grain: one row a (learner, objective) of the spine with a card whose memory's stability is known from the last 180
-- days: the chance that its cards are recalled when the objective is due, by the state that each card's last review
-- left (core/forgetting.py).
WITH last_states AS (
  SELECT learner_key, objective_key, item_key, max(occurred_at) AS reviewed_at,
    arg_max(stability, occurred_at) AS stability
  FROM card_states {of_interest}
  WHERE occurred_at < $cutoff AND study_day >= $cutoff_day - 181
    AND age_days(study_day, into_day, $cutoff_day, $cutoff_into) < 180
  GROUP BY learner_key, objective_key, item_key
),
recalled AS (
  SELECT s.learner_key, s.objective_key,
    pow(1 + $recall_factor * greatest(epoch_ms(s.planned_at) - epoch_ms(c.reviewed_at), 0) / 86400000.0 / c.stability, $recall_decay)
      AS recall
  FROM spine s JOIN last_states c USING (learner_key, objective_key)
)
SELECT learner_key, objective_key, nano_mean(sum(nano(recall)), count(*)) AS mean_recall, min(recall) AS least_recall
FROM recalled GROUP BY learner_key, objective_key
