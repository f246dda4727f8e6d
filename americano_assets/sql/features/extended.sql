-- Grain: one row a (learner, objective) of the spine at the cut-off: the extended features, each 0-1, null where not
-- observed. Definitions: docs/features.md.
SELECT s.learner_key, s.objective_key,
  r.last_nano / 1000000000.0 AS last_score_seen,
  -- Shrunk towards 0.6 by two answers.
  (r.score_nano / 1000000000.0 + 1.2) / (r.n_graded + 2) AS objective_success_seen
FROM spine s
LEFT JOIN own_record r ON r.learner_key = s.learner_key AND r.objective_key = s.objective_key
