-- Writes new verdicts on the window of the last refresh into the ledger.
UPDATE ml.episodes e SET outcome = s.outcome, outcome_at = s.outcome_at FROM staged_outcomes s
WHERE s.basis = 'last_refresh' AND s.prediction_id = e.prediction_id AND e.outcome IS DISTINCT FROM s.outcome
