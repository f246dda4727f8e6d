-- Grain: one row an assignment whose label window has closed: never judged yet, or closed so lately that late events
-- may change the verdict; of %(learners)s. Parameters: %(cutoff)s, %(recheck_from)s, UTC.
SELECT a.prediction_id, a.user_id AS learner_id, a.learning_objective_id AS objective_id, a.flagged_at AS window_start,
  a.window_end, true AS flagged
FROM ml.assignments a
LEFT JOIN ml.first_flag_outcomes o USING (prediction_id)
WHERE a.window_end <= %(cutoff)s AND (o.prediction_id IS NULL OR a.window_end > %(recheck_from)s)
  AND a.user_id = ANY (%(learners)s)
ORDER BY a.flagged_at, a.prediction_id
