-- Grain: one row an episode in the ledger whose window has closed: never judged yet, or closed so lately that late
-- events may change the verdict; of %(learners)s. Parameters: %(cutoff)s, %(recheck_from)s, UTC.
SELECT prediction_id, user_id AS learner_id, learning_objective_id AS objective_id, refreshed_at AS window_start,
  window_end, first_flagged_at IS NOT NULL AS flagged
FROM ml.episodes
WHERE window_end <= %(cutoff)s AND (outcome IS NULL OR window_end > %(recheck_from)s)
  AND user_id = ANY (%(learners)s)
ORDER BY refreshed_at, prediction_id
